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

/** One product of powers `base_1^exponent_1 · base_2^exponent_2 · … mod modulus`. */
export interface ProductJob {
  readonly modulus: Modulus;
  /** Bases and exponents as in a {@link PowJob}; the product of none is 1. */
  readonly terms: readonly { readonly base: bigint; readonly exponent: bigint }[];
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
  /**
   * Computes every product, in order: cheaper than its powers one by one, as they share their
   * squarings. Bases that come often within one batch, or are kept, get tables as in
   * {@link Arithmetic.powBatch}; and as there, a product modulo known primes is computed by those.
   *
   * @throws {RangeError} as {@link Arithmetic.powBatch}.
   */
  productBatch(jobs: readonly ProductJob[]): bigint[];
  /** One exponentiation; prefer batches, a lone job wastes half a kernel. */
  pow(base: bigint, exponent: bigint, modulus: Modulus): bigint;
  /** Asks to keep the table of this public base (bounded, least recently used goes first). */
  keep(base: bigint, modulus: Modulus, maxExponentBits: number): void;
}
