import assert from "node:assert/strict";
import { Kernel, shapeFor } from "../../lib/arith/wasm/kernel.ts";
import { kernelFor } from "../../lib/arith/wasm/kernels.ts";
import { FermatSpace } from "../../lib/arith/wasm/fermat.ts";
import {
  LIMB_PATTERNS,
  patternNumber,
  selfTest,
  workingModulus,
} from "../../lib/arith/wasm/self_test.ts";
import { modPow } from "../../lib/arith/bigint_backend.ts";
import { modInverse } from "../../lib/arith/number.ts";
import type { RandomSource } from "../../lib/arith/random.ts";
import { bitsOf, cases, oddOf, seeded } from "./seeded.ts";

/** The sizes that the protocols use, one of every limb count, and both ends of one. */
const SIZES = [384, 538, 1023, 1024, 1044, 1500, 2047, 2048, 2500, 3000, 3500, 4096, 4148, 4300];

/** Moduli of `bits` bits that drive quotient digits and carries to their limits. */
function adversarialModuli(bits: number, limbs: number): bigint[] {
  const top = 1n << BigInt(bits - 1);
  return [
    2n * top - 1n,
    top + 1n,
    top | (1n << 50n) - 1n,
    top | (1n << 50n) + 1n,
    2n * top - (1n << BigInt(bits >> 1)) - 1n,
    ...LIMB_PATTERNS.map((p) => (patternNumber(p, limbs, top) | 1n) + top),
  ];
}

/** An operand in [0, 2M): random, of a limb pattern, or at an end of the range. */
function operand(i: number, limbs: number, bound: bigint, random: RandomSource): bigint {
  switch (i % 6) {
    case 0:
      return patternNumber(LIMB_PATTERNS[i / 6 % LIMB_PATTERNS.length | 0]!, limbs, bound);
    case 1:
      return bound - 1n - bitsOf(2, random);
    case 2:
      return bitsOf(2, random);
    case 3:
      return (1n << BigInt(1 + i % (50 * limbs - 52))) % bound;
    default:
      return bitsOf(50 * limbs, random) % bound;
  }
}

for (const bits of SIZES) {
  Deno.test(`Kernel.mul() and square() equal bigint at ${bits} bits`, () => {
    const kernel = kernelFor(bits);
    assert(kernel !== undefined, "the kernel passed its self-test");
    const { limbs } = kernel.shape;
    const random = seeded(`kernel ${bits}`);
    const moduli = adversarialModuli(bits, limbs);
    for (let i = 0; i < 6; i++) moduli.push(oddOf(bits, random));
    try {
      const prepared = moduli.map((n) => ({
        m: kernel.prepare(n),
        inverse: modInverse(kernel.r, n),
      }));
      const singles = [0, 1, 2, 3].map(() => kernel.allocate(kernel.single)) as [
        ...[number, number],
        ...[number, number],
      ];
      // Four lane results a case.
      for (let i = 0; i < cases(600) / 4; i++) {
        const lanes = [prepared[i % prepared.length]!, prepared[(i * 7 + 3) % prepared.length]!];
        const bounds = lanes.map(({ m }) => 2n * workingModulus(m.limbs));
        const values = [0, 1, 2, 3].map((k) =>
          operand(i * 5 + k * 7, limbs, bounds[k & 1]!, random)
        );
        values.forEach((v, k) => kernel.put(singles[k]!, v));
        kernel.setModuli(lanes[0]!.m, lanes[1]!.m);
        const check = (factors: readonly bigint[]) => {
          for (const lane of [0, 1] as const) {
            const { m, inverse } = lanes[lane]!;
            const result = kernel.read(lane);
            assert(result >= 0n && result < bounds[lane]!, "stays below 2M");
            const expected = values[lane]! * factors[lane]! * inverse % m.n;
            assert.equal(result % m.n, expected, `case ${i}`);
          }
        };
        kernel.gather(singles[0], singles[1]);
        assert.deepEqual([kernel.read(0), kernel.read(1)], values.slice(0, 2));
        kernel.mul(singles[2], singles[3]);
        check(values.slice(2));
        kernel.gather(singles[0], singles[1]);
        kernel.square(1);
        check(values);
      }
    } finally {
      kernel.reset();
    }
  });
}

Deno.test("Kernel.scatter() undoes gather()", () => {
  const kernel = kernelFor(1024)!;
  const [a, b, c, d] = [0, 1, 2, 3].map(() => kernel.allocate(kernel.single)) as [
    ...[number, number],
    ...[number, number],
  ];
  try {
    kernel.put(a, 123456789n << 900n);
    kernel.put(b, 987654321n << 800n);
    kernel.gather(a, b);
    kernel.scatter(c, d);
    kernel.gather(d, c);
    assert.equal(kernel.read(1), 123456789n << 900n);
    assert.equal(kernel.read(0), 987654321n << 800n);
  } finally {
    kernel.reset();
  }
});

Deno.test("Kernel.reset() leaves no number behind", () => {
  const kernel = new Kernel(shapeFor(1024)!);
  const at = kernel.allocate(kernel.single);
  kernel.put(at, (1n << 1024n) - 1n);
  assert(kernel.copyOut(at, kernel.single).some((limb) => limb !== 0));
  kernel.reset();
  assert(kernel.copyOut(at, kernel.single).every((limb) => limb === 0));
  assert.equal(kernel.allocate(kernel.single), at);
});

Deno.test("Kernel.allocate() grows the memory and keeps its content", () => {
  const kernel = new Kernel(shapeFor(1024)!);
  const at = kernel.allocate(kernel.single);
  kernel.put(at, 42n);
  const far = kernel.allocate(3 << 20);
  const last = kernel.allocate(kernel.single);
  kernel.put(last, 43n);
  kernel.gather(at, last);
  assert.deepEqual([kernel.read(0), kernel.read(1)], [42n, 43n]);
  assert(last > far);
});

Deno.test("Kernel refuses numbers and moduli that are not of its size", () => {
  const kernel = new Kernel(shapeFor(1024)!);
  assert.throws(() => kernel.prepare((1n << 2047n) + 1n), RangeError);
  assert.throws(() => kernel.prepare((1n << 100n) + 1n), RangeError);
  assert.throws(() => kernel.put(kernel.allocate(kernel.single), 1n << 1100n), RangeError);
});

Deno.test("shapeFor() leaves the room that the bounds need", () => {
  for (let bits = 2; bits <= 4348; bits++) {
    const { limbs, doubling } = shapeFor(bits)!;
    // The working modulus is below 2^(bits + 50), R = 2^(50 limbs).
    assert(bits + 50 + (doubling ? 6 : 2) <= 50 * limbs);
    assert.equal(limbs % 2, 0, "rows come in pairs");
  }
  assert.equal(shapeFor(4349), undefined);
});

Deno.test("selfTest() passes for a good kernel and fails for one whose results are off by one", () => {
  for (const bits of [540, 1024, 2048, 4096]) {
    assert(selfTest(new Kernel(shapeFor(bits)!), bits));
  }
  // What an engine that rounds the product first would give, at its least.
  class Unfused extends Kernel {
    override read(lane: 0 | 1): bigint {
      return super.read(lane) ^ 1n;
    }
  }
  assert.equal(selfTest(new Unfused(shapeFor(1024)!), 1024), false);
});

Deno.test("FermatSpace.test() equals modPow(2, n - 1, n)", () => {
  const kernel = kernelFor(1024)!;
  const random = seeded("fermat");
  try {
    const space = new FermatSpace(kernel, 1024);
    const primes = [2n ** 607n - 1n, 2n ** 1023n - 361n, 2n ** 1024n - 105n];
    const numbers = [
      ...adversarialModuli(1024, kernel.shape.limbs),
      ...adversarialModuli(1023, kernel.shape.limbs),
      ...primes.slice(1),
      ...Array.from({ length: 20 }, (_, i) => oddOf(1000 + i, random)),
    ];
    let passed = 0;
    numbers.forEach((n, i) => {
      const other = numbers[(i * 5 + 2) % numbers.length]!;
      const expected = [n, other].map((m) => modPow(2n, m - 1n, m) === 1n);
      assert.deepEqual([...space.test(n, other)], expected);
      if (expected[0]) passed++;
    });
    assert(passed >= 2, "some are primes");
  } finally {
    kernel.reset();
  }
});
