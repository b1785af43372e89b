import assert from "node:assert/strict";
import {
  bigintArithmetic,
  factoredModulus,
  publicModulus,
  wasmArithmetic,
} from "../../lib/arith/mod.ts";
import type { ProductJob } from "../../lib/arith/types.ts";
import { WasmArithmetic } from "../../lib/arith/wasm/backend.ts";
import { bitsOf, oddOf, seeded } from "./seeded.ts";

const P = 2n ** 521n - 1n;
const Q = 2n ** 607n - 1n;

/** What the definition says, one multiplication a bit. */
function slow({ modulus: { n }, terms }: ProductJob): bigint {
  let product = 1n;
  for (const { base, exponent } of terms) {
    let b = ((base % n) + n) % n;
    for (let e = exponent; e > 0n; e >>= 1n) {
      if (e & 1n) product = product * b % n;
      b = b * b % n;
    }
  }
  return product % n;
}

/** Results, or the text of the error. */
function outcome(
  arith: { productBatch(jobs: readonly ProductJob[]): bigint[] },
  jobs: ProductJob[],
) {
  try {
    return arith.productBatch(jobs);
  } catch (error) {
    assert(error instanceof RangeError);
    return error.message;
  }
}

function same(jobs: ProductJob[], note = ""): void {
  assert.deepEqual(outcome(wasmArithmetic(), jobs), outcome(bigintArithmetic(), jobs), note);
}

Deno.test("productBatch() of both back-ends is what the definition says", () => {
  const random = seeded("products");
  for (const bits of [5, 300, 384, 1024, 1600, 2048]) {
    const jobs: ProductJob[] = [];
    for (const lengths of [[], [0], [1], [400], [400, 9], [3, 300, 120], [77, 77, 77, 77]]) {
      const modulus = publicModulus(oddOf(bits, random));
      const terms = lengths.map((length) => ({
        base: bitsOf(bits + 5, random),
        exponent: length === 0 ? 0n : bitsOf(length, random) | 1n << BigInt(length - 1),
      }));
      jobs.push({ modulus, terms });
    }
    const expected = jobs.map(slow);
    for (const arith of [bigintArithmetic(), wasmArithmetic()]) {
      assert.deepEqual(arith.productBatch(jobs), expected, `${arith.name} ${bits}`);
      assert.deepEqual(jobs.map((job) => arith.productBatch([job])[0]), expected, "one by one");
    }
  }
});

Deno.test("productBatch() agrees on edges: 0, 1, -1, signs, what has no inverse", () => {
  const random = seeded("product edges");
  const three = publicModulus(3n * oddOf(1022, random));
  for (
    const modulus of [three, factoredModulus(P, Q), factoredModulus(P, Q, 2), publicModulus(15n)]
  ) {
    const { n } = modulus;
    const bases = [0n, 1n, -1n, 2n, n - 1n, n, n + 1n, P, Q, 3n, bitsOf(1000, random)];
    const exponents = [
      0n,
      1n,
      -1n,
      2n,
      15n,
      16n,
      1n << 70n,
      -(1n << 70n) - 1n,
      bitsOf(300, random),
    ];
    for (const [i, base] of bases.entries()) {
      for (const [k, exponent] of exponents.entries()) {
        const other = { base: bitsOf(900, random), exponent: bitsOf(200, random) };
        const third = {
          base: bases[(i + k) % bases.length]!,
          exponent: exponents[(3 * k + 1) % 9]!,
        };
        same([{ modulus, terms: [{ base, exponent }, other, third] }], `${i} ${k}`);
      }
    }
  }
  for (const n of [0n, 1n, 4n, 1n << 1024n]) same([{ modulus: { n }, terms: [] }]);
});

Deno.test("productBatch() agrees where bases come often or are kept, also by factors", () => {
  const random = seeded("product tables");
  for (const modulus of [publicModulus(oddOf(1024, random)), factoredModulus(P, Q)]) {
    const [g, h] = [bitsOf(1000, random), bitsOf(1000, random)];
    const kept = new WasmArithmetic();
    kept.keep(g, modulus, 800);
    for (const count of [1, 2, 5, 9]) {
      const jobs = Array.from({ length: count }, (_, i): ProductJob => ({
        modulus,
        terms: [
          { base: g, exponent: bitsOf(50 + 90 * i, random) },
          { base: h, exponent: bitsOf(900 - 90 * i, random) },
          { base: bitsOf(1000, random), exponent: bitsOf(256, random) },
        ].slice(0, 2 + i % 2),
      }));
      const expected = bigintArithmetic().productBatch(jobs);
      assert.deepEqual(wasmArithmetic().productBatch(jobs), expected);
      assert.deepEqual(kept.productBatch(jobs), expected, "first use of a kept table");
      assert.deepEqual(kept.productBatch(jobs), expected, "second use");
    }
  }
});

Deno.test("productBatch() gives results in order and leaves the back-end usable after an error", () => {
  const random = seeded("product order");
  const moduli = [1024, 700, 2048, 40].map((bits) => publicModulus(oddOf(bits, random)));
  const jobs = Array.from({ length: 12 }, (_, i): ProductJob => ({
    modulus: moduli[i % 4]!,
    terms: Array.from({ length: i % 5 }, () => ({
      base: bitsOf(700, random),
      exponent: bitsOf(30 * i + 2, random),
    })),
  }));
  const single = jobs.map((job) => wasmArithmetic().productBatch([job])[0]);
  assert.deepEqual(wasmArithmetic().productBatch(jobs), single);
  const three = publicModulus(3n * oddOf(1022, random));
  const bad = { modulus: three, terms: [{ base: 3n, exponent: -(1n << 99n) }, jobs[9]!.terms[0]!] };
  assert.throws(() => wasmArithmetic().productBatch([...jobs, bad]), RangeError);
  assert.deepEqual(wasmArithmetic().productBatch(jobs), single);
  assert.deepEqual(wasmArithmetic().productBatch([]), []);
});
