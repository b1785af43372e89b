/**
 * Hash commitments to lists of integers (specification: tss-core section 5).
 *
 * @module
 */

import { randomBits, type RandomSource } from "../arith/random.ts";
import { hashInts } from "../crypto/framed_hash.ts";

/** A commitment and what opens it. */
export interface Commitment {
  /** Sent first: the hash of `D`. */
  readonly C: bigint;
  /** Sent later: a 256-bit blinding value, then the values committed to. */
  readonly D: bigint[];
}

/** Commits to `values`, which must not be negative (the hash is blind to signs). */
export function commit(values: readonly bigint[], random: RandomSource): Commitment {
  if (values.some((v) => v < 0n)) {
    throw new RangeError("Cannot commit: a value is negative");
  }
  const D = [randomBits(256, random), ...values];
  return { C: hashInts(D), D };
}

/**
 * Opens a commitment: the values, or null when `D` has fewer than two elements, has a negative one
 * (which hashes like its magnitude; the reference lets it pass) or does not hash to `C`.
 */
export function openCommitment(C: bigint, D: readonly bigint[]): bigint[] | null {
  if (D.length < 2 || D.some((v) => v < 0n)) return null;
  return hashInts(D) === C ? D.slice(1) : null;
}
