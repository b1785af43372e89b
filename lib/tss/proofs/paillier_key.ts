/**
 * Proof that `N` is coprime to `φ(N)`, so that Paillier decryption is sound, tied to a party key and
 * a public key (specification: tss-core section 8.1; Gennaro, Micciancio, Rabin, CCS 1998).
 *
 * It is not bound to a ceremony: prover, public key and modulus are all that is hashed.
 *
 * @module
 */

import { gcd, modInverse } from "../../arith/number.ts";
import { smallFactor } from "../../arith/primes.ts";
import type { Arithmetic, Modulus } from "../../arith/types.ts";
import type { CurvePoint } from "../../crypto/curve.ts";
import { framedHash } from "../../crypto/framed_hash.ts";
import { bitLength, bytesToInt, concat, minimalBytes, utf8 } from "../../encoding/bytes.ts";
import type { Json, JsonInput } from "../../encoding/json.ts";
import { checkIntList } from "../fields.ts";
import type { PaillierPrivate } from "../paillier.ts";
import { MODULUS_BITS } from "./bounds.ts";

/** Number of roots in a proof. */
const ITERATIONS = 13;
const BLOCK_BITS = 256;
/** A 2048-bit `N` without tiny factors takes about 13 to 40; more than this never happens. */
const MAX_TRIES = 2000;

/** The proof: an `N`-th root of every challenge. */
export type PaillierKeyProof = readonly bigint[];

/** What the challenges hang on. */
export interface PaillierKeyBinding {
  /** The prover's party key. */
  readonly partyKey: bigint;
  /** The public key that the ceremony made. */
  readonly point: CurvePoint;
}

/**
 * Reads a proof: exactly 13 positive numbers of at most 2048 bits.
 *
 * @throws {ContentError} naming the field.
 */
export function parsePaillierKeyProof(json: Json | undefined, field: string): PaillierKeyProof {
  return checkIntList(json, field, { length: ITERATIONS, min: 1n, bits: MODULUS_BITS });
}

/** Writes a proof. */
export function paillierKeyProofToJson(proof: PaillierKeyProof): JsonInput {
  return [...proof];
}

/**
 * Returns the first `count` challenges, units modulo `n`, or null when `n` is such that they cannot
 * be found (no modulus of an honest party).
 */
export function paillierKeyChallenges(
  n: bigint,
  binding: PaillierKeyBinding,
  count: number = ITERATIONS,
): bigint[] | null {
  const { partyKey, point } = binding;
  const blocks = Math.ceil(bitLength(n) / BLOCK_BITS);
  const tail = [partyKey, point.x, point.y, n].map(minimalBytes);
  const out: bigint[] = [];
  // The counter of refused candidates runs on over all challenges, it is never reset.
  for (let refused = 0; out.length < count;) {
    const digests: Uint8Array[] = [];
    for (let j = 0; j < blocks; j++) {
      const head = [out.length, j, refused].map((i) => utf8(String(i)));
      digests.push(framedHash(...head, ...tail));
    }
    const x = bytesToInt(concat(...digests));
    if (x >= 1n && x < n && gcd(x, n) === 1n) out.push(x);
    else if (++refused > MAX_TRIES) return null;
  }
  return out;
}

/**
 * Makes the proof with the own key.
 *
 * @throws {RangeError} if the key is no sound Paillier key.
 */
export function provePaillierKey(
  input: PaillierKeyBinding & { readonly key: PaillierPrivate },
  arith: Arithmetic,
): PaillierKeyProof {
  const { key } = input;
  const challenges = paillierKeyChallenges(key.n, input);
  if (challenges === null) throw new RangeError("Cannot prove the Paillier key: no challenges");
  const exponent = modInverse(key.n, key.phi);
  return arith.powBatch(challenges.map((base) => ({ base, exponent, modulus: key.modulus })));
}

/**
 * Verifies: 13 roots in `[1, N)` (the reference takes any integer), `N` without a prime factor
 * below 1000, every root to the power `N` is its challenge.
 */
export function verifyPaillierKey(
  input: PaillierKeyBinding & { readonly modulus: Modulus },
  proof: PaillierKeyProof,
  arith: Arithmetic,
): boolean {
  const { modulus } = input;
  const { n } = modulus;
  if (proof.length !== ITERATIONS || n < 3n) return false;
  if (smallFactor(n) !== undefined) return false;
  if (proof.some((y) => y < 1n || y >= n)) return false;
  const challenges = paillierKeyChallenges(n, input);
  if (challenges === null) return false;
  const powers = arith.powBatch(proof.map((base) => ({ base, exponent: n, modulus })));
  return powers.every((power, i) => power === challenges[i]);
}
