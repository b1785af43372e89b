/**
 * Moduli, plain or with known factors, and the splitting of a job by those factors.
 *
 * @module
 */

import { mod, modInverse } from "./number.ts";
import type { Modulus } from "./types.ts";

const REDACTED = "[redacted]";

/** A modulus whose factors this side knows; they show in no JSON text and no inspection. */
class FactoredModulus implements Modulus {
  readonly n: bigint;
  readonly #factors: { readonly p: bigint; readonly q: bigint; readonly exponent: 1 | 2 };

  constructor(p: bigint, q: bigint, exponent: 1 | 2) {
    this.n = exponent === 1 ? p * q : p * p * q * q;
    this.#factors = { p, q, exponent };
  }

  get factors(): { readonly p: bigint; readonly q: bigint; readonly exponent: 1 | 2 } {
    return this.#factors;
  }

  toJSON(): string {
    return REDACTED;
  }

  [Symbol.for("Deno.customInspect")](): string {
    return `FactoredModulus { n: ${this.n}n, factors: ${REDACTED} }`;
  }
}

/**
 * Refuses a modulus that no back-end works with.
 *
 * @throws {RangeError} for an even modulus or one below 3.
 */
export function checkModulus(n: bigint): void {
  if (n < 3n) throw new RangeError("Cannot use the modulus: it must be at least 3");
  if ((n & 1n) === 0n) throw new RangeError("Cannot use the modulus: it must be odd");
}

/**
 * Wraps a public modulus.
 *
 * @throws {RangeError} for an even modulus or one below 3.
 */
export function publicModulus(n: bigint): Modulus {
  checkModulus(n);
  return { n };
}

/**
 * Wraps `(p q)^exponent` with its secret factors, so that work on it is done modulo the factors.
 * That `p` and `q` are prime is the caller's promise: with composite ones results are wrong.
 *
 * @throws {RangeError} unless `p` and `q` are odd, at least 3 and distinct.
 */
export function factoredModulus(p: bigint, q: bigint, exponent: 1 | 2 = 1): Modulus {
  checkModulus(p);
  checkModulus(q);
  if (p === q) throw new RangeError("Cannot use the factors: they must be distinct");
  return new FactoredModulus(p, q, exponent);
}

/** One prime-power part of a factored modulus. */
export interface PrimePart {
  /** The prime. */
  readonly prime: bigint;
  /** The prime to the modulus' exponent: the modulus of this part. */
  readonly modulus: bigint;
  /** The order of the unit group of this part: exponents of units are reduced by it. */
  readonly order: bigint;
  /** 1 or 2. */
  readonly exponent: 1 | 2;
}

/** A factored modulus made ready: its two parts and what joins their results. */
export interface Split {
  /** The part of `p`. */
  readonly p: PrimePart;
  /** The part of `q`. */
  readonly q: PrimePart;
  /** Joins the residues modulo both parts (Garner's formula). */
  join(mp: bigint, mq: bigint): bigint;
}

const splits = new WeakMap<Modulus, Split>();

function primePart(prime: bigint, exponent: 1 | 2): PrimePart {
  const modulus = exponent === 1 ? prime : prime * prime;
  const order = exponent === 1 ? prime - 1n : prime * (prime - 1n);
  return { prime, modulus, order, exponent };
}

/** Returns the parts of a modulus with factors (remembered as long as the modulus lives). */
export function splitOf(modulus: Modulus): Split | undefined {
  const known = splits.get(modulus);
  if (known !== undefined) return known;
  const factors = modulus.factors;
  if (factors === undefined) return undefined;
  const p = primePart(factors.p, factors.exponent);
  const q = primePart(factors.q, factors.exponent);
  if (p.modulus * q.modulus !== modulus.n) {
    throw new RangeError("Cannot use the modulus: it is not the product of its factors");
  }
  const qInverse = modInverse(q.modulus, p.modulus);
  const join = (mp: bigint, mq: bigint) =>
    mq + q.modulus * (mod(mp - mq, p.modulus) * qInverse % p.modulus);
  const split: Split = { p, q, join };
  splits.set(modulus, split);
  return split;
}

/** What is left to compute of a power modulo one prime part. */
export type Reduced =
  | { readonly done: bigint }
  | { readonly base: bigint; readonly exponent: bigint };

/**
 * Reduces base and exponent modulo one part; the exponent that comes out is in `[0, order)`.
 * A base that the prime divides is no unit, so its exponent must not be reduced: those few powers
 * are written down directly.
 *
 * @throws {RangeError} for a negative exponent of a base that the prime divides.
 */
export function reduceJob(base: bigint, exponent: bigint, part: PrimePart): Reduced {
  const b = mod(base, part.modulus);
  if (b % part.prime === 0n) {
    if (exponent < 0n) throw noInverse();
    if (exponent === 0n) return { done: 1n };
    return { done: exponent < BigInt(part.exponent) ? b : 0n };
  }
  return { base: b, exponent: mod(exponent, part.order) };
}

/** The error of a negative exponent whose base is no unit. */
export function noInverse(): RangeError {
  return new RangeError(
    "Cannot raise to a negative exponent: the base and the modulus share a factor",
  );
}
