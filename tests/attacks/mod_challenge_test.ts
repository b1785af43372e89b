/**
 * The modulus proof draws its challenges from 256 bits, not from all residues (core-1 of the attack
 * table). It rests on this: for a modulus of three primes no choice of `w` makes more than half of
 * the challenges answerable. That holds for short challenges as well.
 */

import assert from "node:assert/strict";
import { jacobi } from "../../lib/arith/number.ts";
import { hashIntsTagged } from "../../lib/crypto/framed_hash.ts";
import { utf8 } from "../../lib/encoding/bytes.ts";

Deno.test("challenges of 256 bits fall evenly into the classes of squares of a modulus of three primes", () => {
  const session = utf8("session");
  // Mersenne primes: all are 3 modulo 4.
  const [p, q, r] = [2n ** 127n - 1n, 2n ** 89n - 1n, 2n ** 521n - 1n];
  for (const prime of [p, q, r]) assert.equal(prime % 4n, 3n);
  const n = p * q * r;
  const counts = new Array<number>(8).fill(0);
  const ys: bigint[] = [];
  for (let i = 0; i < 800; i++) {
    const y = hashIntsTagged(session, [BigInt(i), n]) % n;
    ys.push(y);
    const isSquare = (prime: bigint) => jacobi(y % prime, prime) === 1;
    counts[[p, q, r].reduce((bits, prime) => 2 * bits + Number(isSquare(prime)), 0)]!++;
  }
  assert.ok(ys.every((y) => y < 2n ** 256n));
  // 100 expected in each; five standard deviations are 47.
  for (const count of counts) assert.ok(Math.abs(count - 100) < 47, counts.join());
  // -1 is no square modulo any of them, and w adds one more class: four classes of eight.
  for (let w = 0; w < 8; w++) {
    const answered = new Set([7, 0, w, 7 - w]);
    const share = [...answered].reduce((sum, c) => sum + counts[c]!, 0) / 800;
    assert.ok(share < 0.62, `w in class ${w}: ${share}`);
  }
});
