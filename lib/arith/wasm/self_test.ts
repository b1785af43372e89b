/**
 * The check that a kernel computes what it should on this machine. Fusing is optional in the
 * standard of relaxed SIMD: an engine may round between multiplication and addition, and then every
 * product would be wrong.
 *
 * @module
 */

import { HALF, LIMB_BITS } from "./layout.ts";
import type { Kernel, PreparedModulus } from "./kernel.ts";

/** Limb patterns that drive partial sums and carries to their limits. */
export const LIMB_PATTERNS: readonly (readonly number[])[] = [
  [-HALF],
  [HALF - 1],
  [-HALF, HALF - 1],
  [HALF - 1, -HALF],
  [-1],
  [1],
  [0, -HALF],
  [HALF - 1, 0],
  [-HALF, -HALF, HALF - 1],
  [0x1b9a4c5d3e2f1, -0x0f1e2d3c4b5a6],
];

/** Returns the integer whose limbs repeat a pattern, brought into `[0, bound)`. */
export function patternNumber(pattern: readonly number[], limbs: number, bound: bigint): bigint {
  let value = 0n;
  for (let j = limbs - 1; j >= 0; j--) {
    value = (value << BigInt(LIMB_BITS)) + BigInt(pattern[j % pattern.length]!);
  }
  const r = value % bound;
  return r < 0n ? r + bound : r;
}

/**
 * Multiplies and squares adversarial numbers modulo adversarial moduli of `bits` bits and compares
 * with bigint. Returns whether everything agreed.
 */
export function selfTest(kernel: Kernel, bits: number): boolean {
  const { limbs } = kernel.shape;
  const top = 1n << BigInt(bits - 1);
  const moduli = [
    2n * top - 1n,
    top + 1n,
    (patternNumber([HALF - 1, -HALF], limbs, top) | 1n) + top,
    (patternNumber([0x16a09e667f3bc, -0x0bb67ae8584ca], limbs, top) | 1n) + top,
  ];
  try {
    const singles = [0, 1, 2, 3].map(() => kernel.allocate(kernel.single));
    const prepared = moduli.map((m) => kernel.prepare(m));
    return LIMB_PATTERNS.every((_, i) => {
      const [m0, m1] = [prepared[i % 4]!, prepared[(i + 1 + (i >> 2)) % 4]!];
      const values = singles.map((at, k) => {
        const bound = 2n * workingModulus(k & 1 ? m1.limbs : m0.limbs);
        const value = i === 0
          ? bound - 1n
          : patternNumber(LIMB_PATTERNS[(i + 3 * k) % LIMB_PATTERNS.length]!, limbs, bound);
        kernel.put(at, value);
        return value;
      });
      kernel.setModuli(m0, m1);
      const load = () => kernel.gather(singles[0]!, singles[1]!);
      load();
      kernel.mul(singles[2]!, singles[3]!);
      const products = ([0, 1] as const).every((lane) =>
        isProduct(kernel, lane, values[lane]! * values[lane + 2]!, lane === 0 ? m0 : m1)
      );
      load();
      kernel.square(1);
      return products &&
        ([0, 1] as const).every((lane) =>
          isProduct(kernel, lane, values[lane]! ** 2n, lane === 0 ? m0 : m1)
        );
    });
  } finally {
    kernel.reset();
  }
}

/** Whether a lane of X holds `product / R` modulo `n`, in range. */
function isProduct(
  kernel: Kernel,
  lane: 0 | 1,
  product: bigint,
  modulus: PreparedModulus,
): boolean {
  const r = kernel.read(lane);
  return r >= 0n && r < 2n * workingModulus(modulus.limbs) &&
    (r * kernel.r - product) % modulus.n === 0n;
}

/** Returns the integer that limbs stand for. */
export function workingModulus(limbs: Float64Array): bigint {
  let value = 0n;
  for (let j = limbs.length - 1; j >= 0; j--) {
    value = (value << BigInt(LIMB_BITS)) + BigInt(limbs[j]!);
  }
  return value;
}
