import assert from "node:assert/strict";
import { gcd, jacobi } from "../../lib/arith/number.ts";
import {
  randomBelow,
  randomBits,
  randomNonResidue,
  randomUnit,
  systemRandom,
} from "../../lib/arith/random.ts";
import { seeded } from "./seeded.ts";

/** A source that gives the listed byte strings, then fails. */
function scripted(...answers: readonly (readonly number[])[]) {
  const rest = [...answers];
  return (length: number) => {
    const next = rest.shift();
    assert(next !== undefined && next.length === length, `unexpected draw of ${length} bytes`);
    return Uint8Array.from(next);
  };
}

Deno.test("randomBits() draws all values of [0, 2^bits - 2] and never the top one", () => {
  const seen = new Map<bigint, number>();
  const random = seeded("bits");
  for (let i = 0; i < 7000; i++) {
    const value = randomBits(3, random);
    seen.set(value, (seen.get(value) ?? 0) + 1);
  }
  assert.deepEqual([...seen.keys()].sort(), [0n, 1n, 2n, 3n, 4n, 5n, 6n]);
  // Each has expectation 1000 and standard deviation 29.
  for (const count of seen.values()) assert(Math.abs(count - 1000) < 180);
  assert.equal(randomBits(1, random), 0n);
});

Deno.test("randomBits() rejects the top value instead of reducing it", () => {
  assert.equal(randomBits(9, scripted([0xff, 0xff], [0xff, 0xfe])), 510n);
});

Deno.test("randomBits() refuses sizes outside 1 to 5000", () => {
  for (const bits of [0, -1, 5001, 1.5, NaN]) {
    assert.throws(() => randomBits(bits, systemRandom), RangeError);
  }
  assert(randomBits(5000, systemRandom) < 1n << 5000n);
});

Deno.test("randomBits() refuses a source that comes up short", () => {
  assert.throws(() => randomBits(64, () => new Uint8Array(7)), RangeError);
});

Deno.test("randomBelow() skips zero and everything from the bound on", () => {
  assert.equal(randomBelow(5n, scripted([0], [5], [6], [7], [4])), 4n);
  assert.equal(randomBelow(2n, seeded("two")), 1n);
  assert.throws(() => randomBelow(1n, systemRandom), RangeError);
});

Deno.test("randomUnit() is coprime to the modulus", () => {
  const random = seeded("unit");
  const seen = new Set<bigint>();
  for (let i = 0; i < 400; i++) {
    const value = randomUnit(15n, random);
    assert.equal(gcd(value, 15n), 1n);
    seen.add(value);
  }
  assert.equal(seen.size, 8);
});

Deno.test("randomNonResidue() has Jacobi symbol -1 and gives up on a square", () => {
  const random = seeded("residue");
  for (let i = 0; i < 100; i++) {
    assert.equal(jacobi(randomNonResidue(91n * 97n, random), 91n * 97n), -1);
  }
  assert.throws(() => randomNonResidue(49n, random), RangeError);
});

Deno.test("systemRandom() gives more than the platform's quota at once", () => {
  const bytes = systemRandom(200_000);
  assert.equal(bytes.length, 200_000);
  assert(bytes.subarray(131072).some((b) => b !== 0));
});
