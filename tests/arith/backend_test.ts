import assert from "node:assert/strict";
import fc from "fast-check";
import {
  bigintArithmetic,
  defaultArithmetic,
  factoredModulus,
  publicModulus,
  wasmArithmetic,
} from "../../lib/arith/mod.ts";
import type { Modulus, PowJob } from "../../lib/arith/types.ts";
import { modPow } from "../../lib/arith/bigint_backend.ts";
import { WasmArithmetic } from "../../lib/arith/wasm/backend.ts";
import { patternNumber } from "../../lib/arith/wasm/self_test.ts";
import { LIMB_PATTERNS } from "../../lib/arith/wasm/self_test.ts";
import type { RandomSource } from "../../lib/arith/random.ts";
import { bitsOf, cases, oddOf, seeded } from "./seeded.ts";

// Primes of the 1024-bit and 512-bit kind with known closed forms.
const P = 2n ** 1023n - 361n;
const Q = 2n ** 1024n - 105n;
const P2 = 2n ** 521n - 1n;
const Q2 = 2n ** 607n - 1n;

/** The reference: one multiplication a bit, no windows, no factors, no lanes. */
function slowPow(base: bigint, exponent: bigint, n: bigint): bigint {
  let result = 1n;
  let b = ((base % n) + n) % n;
  for (let e = exponent; e > 0n; e >>= 1n) {
    if (e & 1n) result = result * b % n;
    b = b * b % n;
  }
  return result % n;
}

function same(jobs: readonly PowJob[], note = ""): void {
  const run = (f: () => bigint[]) => {
    try {
      return f();
    } catch (error) {
      assert(error instanceof RangeError);
      return error.message;
    }
  };
  const expected = run(() => bigintArithmetic().powBatch(jobs));
  assert.deepEqual(run(() => wasmArithmetic().powBatch(jobs)), expected, note);
}

Deno.test("defaultArithmetic() is the WebAssembly back-end where it works", () => {
  assert.equal(defaultArithmetic().name, "wasm");
  assert.equal(defaultArithmetic(), wasmArithmetic());
  assert.equal(bigintArithmetic().name, "bigint");
});

Deno.test("bigintArithmetic() equals square-and-multiply for every small modulus", () => {
  const arith = bigintArithmetic();
  for (let n = 3n; n < 60n; n += 2n) {
    const modulus = publicModulus(n);
    for (let b = -3n; b < n; b++) {
      for (let e = 0n; e < 40n; e++) assert.equal(arith.pow(b, e, modulus), slowPow(b, e, n));
    }
  }
});

Deno.test("known factors change no result, also for bases that share a factor", () => {
  for (const exponent of [1, 2] as const) {
    const factored = factoredModulus(5n, 7n, exponent);
    const plain = publicModulus(factored.n);
    for (const arith of [bigintArithmetic(), wasmArithmetic()]) {
      for (let b = 0n; b < factored.n; b += exponent === 1 ? 1n : 5n) {
        for (let e = 0n; e < 60n; e++) {
          assert.equal(arith.pow(b, e, factored), slowPow(b, e, factored.n));
        }
        for (let e = -1n; e > -5n; e--) {
          const attempt = (modulus: Modulus) => {
            try {
              return arith.pow(b, e, modulus);
            } catch (error) {
              return (error as Error).message;
            }
          };
          assert.equal(attempt(factored), attempt(plain));
        }
      }
    }
  }
});

Deno.test("modPow() equals square-and-multiply for long exponents", () => {
  const random = seeded("modpow");
  for (let i = 0; i < 60; i++) {
    const n = oddOf(50 + 7 * i, random);
    const [b, e] = [bitsOf(500, random) % n, bitsOf(1 + 9 * i, random)];
    assert.equal(modPow(b, e, n), slowPow(b, e, n));
  }
});

Deno.test("powBatch() of both back-ends agrees on random jobs of all sizes", () => {
  const random = seeded("sizes");
  const sizes = [383, 384, 538, 545, 1024, 1045, 1600, 2048, 2049, 3072, 4096, 4300, 4400];
  for (let i = 0; i < cases(200) / 20; i++) {
    const jobs: PowJob[] = [];
    for (let k = 0; k < 20; k++) {
      const bits = sizes[(i * 20 + k) % sizes.length]!;
      const modulus = publicModulus(oddOf(bits, random));
      jobs.push({
        base: bitsOf(bits + 3, random) * (k % 7 === 0 ? -1n : 1n),
        exponent: bitsOf(1 + Number(bitsOf(11, random)) % 700, random),
        modulus,
      });
    }
    same(jobs, `round ${i}`);
  }
});

/** Bases and exponents at the edges of what a modulus has. */
function edges(n: bigint, random: RandomSource): { bases: bigint[]; exponents: bigint[] } {
  return {
    bases: [
      ...[0n, 1n, 2n, -1n, n - 1n, n, n + 1n, n - 2n, (n - 1n) / 2n, -n, 2n * n + 3n],
      ...LIMB_PATTERNS.map((p) => patternNumber(p, 84, n)),
      bitsOf(1000, random),
    ],
    exponents: [
      ...[0n, 1n, 2n, 3n, 15n, 16n, 17n, 31n, 32n, -1n, -2n, -17n],
      ...[2n ** 64n, 2n ** 64n - 1n, 2n ** 255n + 1n, n - 1n, n],
    ],
  };
}

for (const bits of [1024, 2048]) {
  Deno.test(`powBatch() agrees on edge cases at ${bits} bits`, () => {
    const random = seeded(`edge ${bits}`);
    const top = 1n << BigInt(bits - 1);
    const moduli = [2n * top - 1n, top + 1n, top + (1n << 50n) - 1n, oddOf(bits, random)];
    for (const n of moduli) {
      const modulus = publicModulus(n);
      const { bases, exponents } = edges(n, random);
      for (const [k, exponent] of exponents.entries()) {
        // Long exponents with a part of the bases only: the plain back-end is slow.
        const some = exponent > 2n ** 300n ? bases.filter((_, i) => i % 6 === k % 6) : bases;
        if (exponent >= 0n) same(some.map((base) => ({ base, exponent, modulus })));
        else for (const base of some) same([{ base, exponent, modulus }]);
      }
    }
  });
}

Deno.test("powBatch() agrees with known factors, squared or not", () => {
  const random = seeded("factors");
  for (const [p, q] of [[P2, Q2], [P, Q]] as const) {
    for (const exponent of [1, 2] as const) {
      const modulus = factoredModulus(p, q, exponent);
      const n = p * q;
      const phi = (p - 1n) * (q - 1n);
      const exponents = [
        ...[0n, 1n, 2n, n, n - 1n, n + 1n, -n, phi, phi / 2n, phi * n, 7n * (p - 1n), p, q, -1n],
        bitsOf(256, random),
        bitsOf(2048, random),
        -bitsOf(700, random),
      ];
      const bases = [bitsOf(2000, random), modulus.n - 1n, n + 1n, 3n];
      same(exponents.flatMap((e) => bases.map((base) => ({ base, exponent: e, modulus }))));
      for (const base of [0n, p, q, p * q, p * p, 5n * p, 1n]) {
        same(exponents.filter((e) => e >= 0n).map((e) => ({ base, exponent: e, modulus })));
        same([{ base, exponent: -3n, modulus }]);
      }
    }
  }
});

Deno.test("powBatch() agrees where a prime's order divides the other prime", () => {
  // With q = 1 mod (p - 1) the inner exponent of r^N is 1, with q = 0 mod (p - 1) it would be 0.
  for (const [p, q] of [[3n, 7n], [3n, 5n], [5n, 13n], [7n, 13n], [2n ** 521n - 1n, 3n]] as const) {
    const modulus = factoredModulus(p, q, 2);
    const jobs = [0n, 1n, 2n, p, q, p + q].map((base) => ({ base, exponent: p * q, modulus }));
    same(jobs);
    assert.deepEqual(
      bigintArithmetic().powBatch(jobs),
      jobs.map((job) => slowPow(job.base, job.exponent, modulus.n)),
    );
  }
});

Deno.test("powBatch() agrees when tables pay: repeated bases, mixed lengths, both lanes", () => {
  const random = seeded("combs");
  const [n, m] = [oddOf(1024, random), oddOf(1024, random)];
  const moduli = [publicModulus(n), publicModulus(m), factoredModulus(P2, Q2)];
  for (const count of [3, 12, 25]) {
    for (const modulus of moduli) {
      const jobs: PowJob[] = [];
      for (const base of [bitsOf(1000, random), bitsOf(900, random), modulus.n - 2n]) {
        for (let i = 0; i < count; i++) {
          jobs.push({ base, modulus, exponent: bitsOf(1 + (i * 97) % 1300, random) });
        }
      }
      jobs.push({ base: 5n, exponent: bitsOf(800, random), modulus });
      same(jobs);
    }
  }
});

Deno.test("powBatch() agrees when both lanes have the same exponent", () => {
  const random = seeded("shared");
  const moduli = [publicModulus(oddOf(1024, random)), publicModulus(oddOf(1020, random))];
  const exponents = [16n, 17n, 2n ** 70n, 2n ** 70n - 1n, 2n ** 900n + 1n, 0b1011001n << 300n];
  for (let i = 5; i < 1000; i += 60) exponents.push(bitsOf(i, random) + 16n);
  for (const exponent of exponents) {
    same(moduli.map((modulus) => ({ base: bitsOf(1000, random), exponent, modulus })));
    same([{ base: bitsOf(1000, random), exponent, modulus: moduli[0]! }]);
  }
});

Deno.test("powBatch() gives results in the order of the jobs", () => {
  const modulus = publicModulus(oddOf(1024, seeded("order")));
  const jobs = Array.from({ length: 9 }, (_, i) => ({
    base: BigInt(i + 2),
    exponent: 1n << BigInt(200 - 20 * i),
    modulus,
  }));
  const single = jobs.map((j) => wasmArithmetic().pow(j.base, j.exponent, j.modulus));
  assert.deepEqual(wasmArithmetic().powBatch(jobs), single);
  assert.deepEqual(wasmArithmetic().powBatch([]), []);
});

Deno.test("powBatch() refuses even and tiny moduli and negative powers without inverse", () => {
  for (const arith of [bigintArithmetic(), wasmArithmetic()]) {
    for (const n of [0n, 1n, 2n, -5n, 1n << 2047n]) {
      assert.throws(() => arith.pow(3n, 5n, { n }), RangeError);
    }
    const modulus = publicModulus(3n * oddOf(1024, seeded("three")));
    assert.throws(() => arith.pow(3n, -5n, modulus), RangeError);
    assert.throws(() => arith.pow(0n, -1n, modulus), RangeError);
    assert.throws(() => arith.pow(P, -1n, factoredModulus(P, Q)), RangeError);
  }
});

Deno.test("a batch that fails leaves the back-end usable", () => {
  const modulus = publicModulus(3n * oddOf(1024, seeded("three")));
  assert.throws(() => wasmArithmetic().pow(3n, -(2n ** 200n), modulus), RangeError);
  same([{ base: 7n, exponent: 2n ** 200n + 5n, modulus }]);
});

Deno.test("keep() changes no result: kept, used again, outgrown, with factors", () => {
  const arith = new WasmArithmetic();
  const random = seeded("keep");
  const moduli = [publicModulus(Q), factoredModulus(P2, Q2)];
  for (const modulus of moduli) {
    const [g, h] = [bitsOf(1000, random), bitsOf(1000, random)];
    arith.keep(g, modulus, 600);
    arith.keep(h, modulus, 600);
    arith.keep(1n, modulus, 600);
    arith.keep(h, modulus, 800);
    for (let round = 0; round < 3; round++) {
      const jobs: PowJob[] = [];
      for (const bits of [1, 30, 599, 640, 900]) {
        jobs.push({ base: g, exponent: bitsOf(bits, random), modulus });
        jobs.push({ base: h, exponent: bitsOf(bits, random), modulus });
      }
      jobs.push({ base: g, exponent: -bitsOf(300, random), modulus });
      assert.deepEqual(arith.powBatch(jobs), bigintArithmetic().powBatch(jobs));
    }
  }
});

Deno.test("powBatch() agrees for arbitrary small batches", () => {
  const odd = fc.bigInt({ min: 1n << 380n, max: 1n << 1100n }).map((x) => 2n * x + 1n);
  const job = fc.record({
    base: fc.bigInt({ min: -(1n << 1200n), max: 1n << 1200n }),
    exponent: fc.bigInt({ min: 0n, max: 1n << 120n }),
    modulus: odd.map((n) => publicModulus(n)),
  });
  fc.assert(
    fc.property(fc.array(job, { maxLength: 6 }), (jobs) => same(jobs)),
    { numRuns: cases(2000) / 20 },
  );
});
