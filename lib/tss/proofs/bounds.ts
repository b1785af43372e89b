/**
 * Sizes that the proofs over Paillier and ring-Pedersen moduli share (specification: tss-core
 * sections 9 to 12). `q` is the order of secp256k1; key generation admits moduli of exactly 2048
 * bits, so sizes in bits follow.
 *
 * Parsers bound every number by bits, before any arithmetic; verifiers bound it by the moduli at
 * hand. So nobody can make us exponentiate with more than about 4,900 bits.
 *
 * @module
 */

import type { Modulus } from "../../arith/types.ts";
import { secp256k1 } from "../../crypto/curve.ts";
import { bitLength } from "../../encoding/bytes.ts";

/** Bits of `N` and of `NTilde`. */
export const MODULUS_BITS = 2048;
/** Bits of `N²`. */
export const SQUARE_BITS = 2 * MODULUS_BITS;
/** Bits of `q³`. */
export const Q3_BITS = 768;
/** Bits of `q⁷`. */
export const Q7_BITS = 1792;
/** Bits of `2·q³·NTilde`. */
export const Q3_MODULUS_BITS = 1 + Q3_BITS + MODULUS_BITS;

/** The order of secp256k1. */
export const Q = secp256k1.q;
/** `q³`. */
export const Q3 = Q ** 3n;
/** `q⁵`. */
export const Q5 = Q ** 5n;
/** `q⁷`. */
export const Q7 = Q ** 7n;

/**
 * Whether a modulus can carry a proof: odd, positive, at least 2048 bits. Verifiers ask this first;
 * the arithmetic works with odd moduli only.
 */
export function isProofModulus(modulus: Modulus): boolean {
  const { n } = modulus;
  return n > 0n && (n & 1n) === 1n && bitLength(n) >= MODULUS_BITS;
}

/** Whether `low <= x < high`. */
export function inRange(x: bigint, low: bigint, high: bigint): boolean {
  return x >= low && x < high;
}
