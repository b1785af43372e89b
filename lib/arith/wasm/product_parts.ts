/**
 * What a product of powers is computed from: one product per prime of a factored modulus, or one
 * for positive and one for negative exponents.
 *
 * @module
 */

import { checkModulus, noInverse, type PrimePart, reduceJob, splitOf } from "../modulus.ts";
import { mod, modInverse } from "../number.ts";
import type { ProductJob } from "../types.ts";
import type { LaneTerm } from "./products.ts";

/** A product modulo one number, its exponents at least 1 and its bases reduced. */
export interface PartProduct {
  /** Modulus. */
  readonly n: bigint;
  /** What is left to multiply into the value. */
  readonly terms: readonly LaneTerm[];
  /** The product so far, in `[0, n)`. */
  value: bigint;
}

/** A job as parts; when all terms are in their values, `finish` returns the result. */
export interface SplitProduct {
  /** The parts. */
  readonly parts: readonly PartProduct[];
  /** Joins the parts. */
  finish(): bigint;
}

/**
 * Splits a job, or returns `undefined` for one modulo a square with known factors: powers have
 * shortcuts there that products have not.
 *
 * @throws {RangeError} for a bad modulus, or a negative exponent of a base that a prime divides.
 */
export function splitProduct({ modulus, terms }: ProductJob): SplitProduct | undefined {
  const { n } = modulus;
  checkModulus(n);
  const split = splitOf(modulus);
  if (split === undefined) {
    const positive: PartProduct = { n, terms: signed(terms, 1n, n), value: 1n };
    const negative: PartProduct = { n, terms: signed(terms, -1n, n), value: 1n };
    if (negative.terms.length === 0) return { parts: [positive], finish: () => positive.value };
    return {
      parts: [positive, negative],
      finish() {
        try {
          return positive.value * modInverse(negative.value, n) % n;
        } catch {
          throw noInverse();
        }
      },
    };
  }
  if (split.p.exponent === 2) return undefined;
  const [p, q] = [partOf(terms, split.p), partOf(terms, split.q)];
  return { parts: [p, q], finish: () => split.join(p.value, q.value) };
}

/** The terms whose exponents have one sign, their exponents made positive. */
function signed(terms: ProductJob["terms"], sign: 1n | -1n, n: bigint): LaneTerm[] {
  return terms
    .map(({ base, exponent }) => ({ base: mod(base, n), exponent: sign * exponent }))
    .filter(({ exponent }) => exponent > 0n);
}

function partOf(terms: ProductJob["terms"], part: PrimePart): PartProduct {
  const left: LaneTerm[] = [];
  let value = 1n;
  for (const { base, exponent } of terms) {
    const reduced = reduceJob(base, exponent, part);
    if ("done" in reduced) value = value * reduced.done % part.modulus;
    else if (reduced.exponent > 0n) left.push(reduced);
  }
  return { n: part.modulus, terms: left, value };
}
