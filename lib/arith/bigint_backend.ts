/**
 * The plain back-end: V8's bigint with fixed windows. Always right, never fast; what everything
 * else is compared with and falls back to.
 *
 * @module
 */

import { checkModulus, noInverse, type PrimePart, reduceJob, splitOf } from "./modulus.ts";
import { mod, modInverse } from "./number.ts";
import type { Arithmetic, Modulus, PowJob, ProductJob } from "./types.ts";

const WINDOW = 5;

/**
 * Returns `base^exponent mod n` for `0 <= base < n`, `exponent >= 0`, `n > 1` of either parity,
 * by left-to-right windows of five bits.
 */
export function modPow(base: bigint, exponent: bigint, n: bigint): bigint {
  if (exponent < 32n) {
    let r = 1n % n;
    for (let i = Number(exponent); i > 0; i--) r = r * base % n;
    return r;
  }
  const table = [1n % n, base];
  for (let i = 2; i < 1 << WINDOW; i++) table.push(table[i - 1]! * base % n);
  const digits = exponent.toString(1 << WINDOW);
  let r = table[parseInt(digits[0]!, 1 << WINDOW)]!;
  for (let i = 1; i < digits.length; i++) {
    for (let k = 0; k < WINDOW; k++) r = r * r % n;
    const digit = parseInt(digits[i]!, 1 << WINDOW);
    if (digit !== 0) r = r * table[digit]! % n;
  }
  return r;
}

/** Returns the inverse of `base`, or says that a negative exponent needs one. */
export function inverseForPower(base: bigint, n: bigint): bigint {
  try {
    return modInverse(base, n);
  } catch {
    throw noInverse();
  }
}

function partPow(base: bigint, exponent: bigint, part: PrimePart): bigint {
  const job = reduceJob(base, exponent, part);
  return "done" in job ? job.done : modPow(job.base, job.exponent, part.modulus);
}

/** The bigint back-end; it has no state. */
export class BigIntArithmetic implements Arithmetic {
  readonly name = "bigint";

  powBatch(jobs: readonly PowJob[]): bigint[] {
    return jobs.map((job) => this.pow(job.base, job.exponent, job.modulus));
  }

  productBatch(jobs: readonly ProductJob[]): bigint[] {
    return jobs.map(({ modulus, terms }) => {
      checkModulus(modulus.n);
      return terms.reduce(
        (product, { base, exponent }) => product * this.pow(base, exponent, modulus) % modulus.n,
        1n,
      );
    });
  }

  pow(base: bigint, exponent: bigint, modulus: Modulus): bigint {
    const { n } = modulus;
    checkModulus(n);
    const split = splitOf(modulus);
    if (split !== undefined) {
      return split.join(
        partPow(base, exponent, split.p),
        partPow(base, exponent, split.q),
      );
    }
    const b = mod(base, n);
    return exponent < 0n ? modPow(inverseForPower(b, n), -exponent, n) : modPow(b, exponent, n);
  }

  /** Does nothing: this back-end has no tables. */
  keep(): void {}
}
