/**
 * The interface of modular arithmetic: callers hand over whole batches of exponentiations, the
 * back-end decides how to pair lanes, when to split by known factors and when to build tables.
 *
 * @module
 */

/** An odd modulus greater than 1; with known factors, work is done modulo those and recombined. */
export interface Modulus {
  /** The modulus itself. */
  readonly n: bigint;
  /** `n = p^exponent * q^exponent` with distinct odd primes, when this side knows them (secret). */
  readonly factors?: { readonly p: bigint; readonly q: bigint; readonly exponent: 1 | 2 };
}

/** One exponentiation `base^exponent mod modulus`. */
export interface PowJob {
  /** Any integer; reduced first. */
  readonly base: bigint;
  /** Any integer; a negative one uses the inverse of the base. */
  readonly exponent: bigint;
  readonly modulus: Modulus;
}

/** A back-end. All results are in `[0, n)` and equal across back-ends. */
export interface Arithmetic {
  /** `wasm` or `bigint`. */
  readonly name: string;
  /**
   * Computes every job, in order. Jobs that share base and modulus within one batch share a
   * fixed-base table when that pays; tables of bases named with {@link Arithmetic.keep} are also
   * kept for later batches.
   *
   * @throws {RangeError} for an even modulus, a modulus below 3, or a negative exponent whose base
   * has no inverse.
   */
  powBatch(jobs: readonly PowJob[]): bigint[];
  /** One exponentiation; prefer batches, a lone job wastes half a kernel. */
  pow(base: bigint, exponent: bigint, modulus: Modulus): bigint;
  /** Asks to keep the table of this public base (bounded, least recently used goes first). */
  keep(base: bigint, modulus: Modulus, maxExponentBits: number): void;
}
