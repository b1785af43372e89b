import assert from "node:assert/strict";
import fc from "fast-check";
import { bitLength } from "../../lib/encoding/bytes.ts";
import {
  gcd,
  isPerfectSquare,
  isqrt,
  jacobi,
  lcm,
  mod,
  modInverse,
} from "../../lib/arith/number.ts";
import { bitsOf, cases, seeded } from "./seeded.ts";

/** Euclid's algorithm as in the textbook. */
function plainGcd(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a;
}

const big = fc.bigInt({ min: -(1n << 2100n), max: 1n << 2100n });
const positive = fc.bigInt({ min: 1n, max: 1n << 2100n });

Deno.test("mod() lies in [0, n) and differs by a multiple of n", () => {
  fc.assert(fc.property(big, positive, (a, n) => {
    const r = mod(a, n);
    assert(r >= 0n && r < n);
    assert.equal((a - r) % n, 0n);
  }));
  assert.equal(mod(-1n, 7n), 6n);
});

Deno.test("gcd() agrees with the textbook on small numbers and on numbers with a common factor", () => {
  for (let a = 0n; a < 80n; a++) {
    for (let b = 0n; b < 80n; b++) assert.equal(gcd(a, -b), plainGcd(a, b));
  }
  const random = seeded("gcd");
  for (let i = 0; i < cases(2000); i++) {
    const size = () => bitsOf(16, random);
    const f = bitsOf(Number(size() % 300n), random) + 1n;
    const a = bitsOf(Number(size() % 2200n), random) * f;
    // Also numbers close to each other and with one very long quotient.
    const b = i % 5 === 0
      ? a * bitsOf(20, random) + bitsOf(5, random)
      : bitsOf(Number(size() % 2200n), random) * f;
    assert.equal(gcd(a, b), plainGcd(a, b));
  }
});

Deno.test("gcd() survives neighbours of powers of two and Fibonacci numbers", () => {
  for (let k = 3n; k < 2100n; k += 13n) {
    for (const d of [-2n, -1n, 0n, 1n, 3n]) {
      const [a, b] = [(1n << k) + d, (1n << (k + k / 2n)) - d];
      assert.equal(gcd(a, b), plainGcd(a, b));
    }
  }
  let [u, v] = [1n, 1n];
  for (let i = 0; i < 3200; i++) [u, v] = [v, u + v];
  assert.equal(gcd(u, v), 1n);
});

Deno.test("modInverse() multiplies to one, and throws exactly where no inverse exists", () => {
  const random = seeded("inverse");
  for (let i = 0; i < cases(1000); i++) {
    const n = bitsOf(2 + i % 2100, random) + 2n;
    const a = i % 3 === 0 ? -bitsOf(2200, random) : bitsOf(1 + i % 2300, random);
    if (plainGcd(mod(a, n), n) === 1n) {
      const x = modInverse(a, n);
      assert(x >= 0n && x < n);
      assert.equal(mod(a * x, n), 1n % n);
    } else {
      assert.throws(() => modInverse(a, n), RangeError);
    }
  }
  assert.throws(() => modInverse(1n, 1n), RangeError);
  assert.throws(() => modInverse(0n, 5n), RangeError);
});

Deno.test("lcm() times gcd() is the product", () => {
  fc.assert(fc.property(positive, positive, (a, b) => {
    assert.equal(lcm(a, -b) * gcd(a, b), a * b);
  }));
  assert.equal(lcm(0n, 5n), 0n);
});

Deno.test("jacobi() is Euler's criterion for primes and multiplicative below", () => {
  for (const p of [3n, 5n, 7n, 11n, 13n, 17n, 101n, 257n]) {
    for (let a = -p; a < 2n * p; a++) {
      let euler = 1n;
      for (let i = 0n; i < (p - 1n) / 2n; i++) euler = mod(euler * a, p);
      assert.equal(jacobi(a, p), euler === p - 1n ? -1 : Number(euler));
    }
  }
  const odd = fc.bigInt({ min: 1n, max: 1n << 600n }).map((x) => 2n * x + 1n);
  fc.assert(fc.property(big, odd, odd, (a, m, n) => {
    assert.equal(jacobi(a, m * n), jacobi(a, m) * jacobi(a, n) + 0);
  }));
  assert.throws(() => jacobi(3n, 8n), RangeError);
  assert.throws(() => jacobi(3n, -7n), RangeError);
});

Deno.test("isqrt() brackets the root", () => {
  for (let n = 0n; n < 3000n; n++) assert.equal(isqrt(n), BigInt(Math.floor(Math.sqrt(Number(n)))));
  fc.assert(fc.property(positive, (n) => {
    const r = isqrt(n);
    assert(r * r <= n && (r + 1n) * (r + 1n) > n);
  }));
  assert.throws(() => isqrt(-1n), RangeError);
});

Deno.test("isPerfectSquare() knows squares and their neighbours", () => {
  fc.assert(fc.property(positive.filter((n) => bitLength(n) > 2), (n) => {
    assert(isPerfectSquare(n * n));
    assert(!isPerfectSquare(n * n + 1n));
    assert(!isPerfectSquare(n * n - 1n));
  }));
  assert(isPerfectSquare(0n) && isPerfectSquare(1n) && !isPerfectSquare(-4n));
});

Deno.test("bitLength() is the length in binary, whatever the sign", () => {
  assert.equal(bitLength(0n), 0);
  for (let n = 1n; n < 600n; n++) {
    assert.equal(bitLength(n), n.toString(2).length);
    assert.equal(bitLength(-n), n.toString(2).length);
  }
  for (let bits = 1; bits < 4500; bits += 61) {
    assert.equal(bitLength((1n << BigInt(bits)) - 1n), bits);
    assert.equal(bitLength(1n << BigInt(bits)), bits + 1);
  }
});
