/**
 * Sizes that the ECDSA protocols fix, and the shape of a party's public parameters.
 *
 * @module
 */

export { MODULUS_BITS } from "../proofs/bounds.ts";

/** Longest opening of a polynomial commitment: 1 random number and 2 per point, for t < 1,024. */
export const MAX_OPENING: number = 1 + 2 * 1024;

/** Exact length of a message digest, in bytes. */
export const DIGEST_BYTES = 32;

/** A party's public Paillier modulus and ring-Pedersen parameters, as plain numbers. */
export interface PublicParameters {
  /** The Paillier modulus. */
  readonly paillierN: bigint;
  /** The ring-Pedersen modulus. */
  readonly nTilde: bigint;
  /** The first ring-Pedersen base. */
  readonly h1: bigint;
  /** The second ring-Pedersen base. */
  readonly h2: bigint;
}
