/**
 * Alice's range proof: the plaintext of her ciphertext is small (specification: tss-core section
 * 12.1; Gennaro, Goldfeder, CCS 2018, appendix A.1).
 *
 * @module
 */

import { mod } from "../../arith/number.ts";
import { randomBelow, type RandomSource, randomUnit } from "../../arith/random.ts";
import type { Arithmetic } from "../../arith/types.ts";
import { hashIntsTagged } from "../../crypto/framed_hash.ts";
import type { Json, JsonInput } from "../../encoding/json.ts";
import { int, object } from "../fields.ts";
import type { PaillierKey, PaillierPrivate } from "../paillier.ts";
import {
  inRange,
  isProofModulus,
  MODULUS_BITS,
  Q,
  Q3,
  Q3_BITS,
  Q3_MODULUS_BITS,
  SQUARE_BITS,
} from "./bounds.ts";
import type { Pedersen } from "./pedersen.ts";
import { areUnits } from "./units.ts";

/** The proof. */
export interface AliceProof {
  /** Commitment to the plaintext, below `NTilde`. */
  readonly z: bigint;
  /** First move in the ciphertext group, below `N²`. */
  readonly u: bigint;
  /** First move in the commitment group, below `NTilde`. */
  readonly w: bigint;
  /** Response for the encryption's randomness, below `N`. */
  readonly s: bigint;
  /** Response for the plaintext, in `[q, q³]`. */
  readonly s1: bigint;
  /** Response for the commitment's randomness, in `[q, 2·q³·NTilde]`. */
  readonly s2: bigint;
}

/**
 * Reads a proof.
 *
 * @throws {ContentError} naming the field.
 */
export function parseAliceProof(json: Json | undefined, field: string): AliceProof {
  const o = object(json, field);
  return {
    z: int(o, "Z", { bits: MODULUS_BITS }),
    u: int(o, "U", { bits: SQUARE_BITS }),
    w: int(o, "W", { bits: MODULUS_BITS }),
    s: int(o, "S", { bits: MODULUS_BITS }),
    s1: int(o, "S1", { bits: Q3_BITS }),
    s2: int(o, "S2", { bits: Q3_MODULUS_BITS }),
  };
}

/** Writes a proof. */
export function aliceProofToJson(proof: AliceProof): JsonInput {
  return { Z: proof.z, U: proof.u, W: proof.w, S: proof.s, S1: proof.s1, S2: proof.s2 };
}

function challenge(
  session: Uint8Array,
  n: bigint,
  c: bigint,
  { z, u, w }: Pick<AliceProof, "z" | "u" | "w">,
): bigint {
  return hashIntsTagged(session, [n, n + 1n, c, z, u, w]) % Q;
}

/**
 * Makes the proof for the party that owns `peer`.
 *
 * @param input.session Alice's context bytes.
 * @param input.m Plaintext of `c`, in `[0, q)`.
 * @param input.r Randomness of `c`.
 */
export function proveAlice(
  input: {
    readonly session: Uint8Array;
    readonly key: PaillierPrivate;
    readonly peer: Pedersen;
    readonly c: bigint;
    readonly m: bigint;
    readonly r: bigint;
  },
  arith: Arithmetic,
  random: RandomSource,
): AliceProof {
  const { session, key, peer: { nTilde, h1, h2 }, c, m, r } = input;
  const { n, n2 } = key;
  const alpha = randomBelow(Q3, random);
  const beta = randomUnit(n, random);
  const gamma = randomBelow(Q3 * nTilde.n, random);
  const rho = randomBelow(Q * nTilde.n, random);
  const [h1m, h2rho, h1alpha, h2gamma] = arith.powBatch([
    { base: h1, exponent: m, modulus: nTilde },
    { base: h2, exponent: rho, modulus: nTilde },
    { base: h1, exponent: alpha, modulus: nTilde },
    { base: h2, exponent: gamma, modulus: nTilde },
  ]) as [bigint, bigint, bigint, bigint];
  const first = {
    z: h1m * h2rho % nTilde.n,
    u: (1n + alpha * n) % n2 * key.powN([beta], arith)[0]! % n2,
    w: h1alpha * h2gamma % nTilde.n,
  };
  const e = challenge(session, n, c, first);
  return {
    ...first,
    s: arith.pow(r, e, key.modulus) * beta % n,
    s1: e * m + alpha,
    s2: e * rho + gamma,
  };
}

/**
 * Verifies Alice's proof about `c` under the own parameters, in the specification's order: bases,
 * sizes, ranges, units, bounds of the responses, two equations.
 */
export function verifyAlice(
  input: {
    readonly session: Uint8Array;
    readonly publicKey: PaillierKey;
    readonly own: Pedersen;
    readonly c: bigint;
  },
  proof: AliceProof,
  arith: Arithmetic,
): boolean {
  const { session, publicKey, own: { nTilde, h1, h2 }, c } = input;
  const { n, n2, modulus, modulusN2 } = publicKey;
  const { z, u, w, s, s1, s2 } = proof;
  if (h1 === 1n || h2 === 1n || !isProofModulus(nTilde) || !isProofModulus(modulus)) return false;
  if (!inRange(z, 0n, nTilde.n) || !inRange(u, 0n, n2)) return false;
  if (!inRange(w, 0n, nTilde.n) || !inRange(s, 0n, n)) return false;
  if (!areUnits([z, w], nTilde)) return false;
  if (s1 < Q || s2 < Q || s === 1n || z === 1n || s1 === s2) return false;
  if (s1 > Q3 || s2 > 2n * Q3 * nTilde.n) return false;
  if (!inRange(c, 0n, n2) || !areUnits([u, c], modulus)) return false;
  const e = challenge(session, n, c, proof);
  // c and z are units, so their powers may stand on the other side without an inversion.
  const [sn, ce, h1s1, h2s2, ze] = arith.powBatch([
    { base: s, exponent: n, modulus: modulusN2 },
    { base: c, exponent: e, modulus: modulusN2 },
    { base: h1, exponent: s1, modulus: nTilde },
    { base: h2, exponent: s2, modulus: nTilde },
    { base: z, exponent: e, modulus: nTilde },
  ]) as [bigint, bigint, bigint, bigint, bigint];
  return mod((1n + s1 * n) * sn - u * ce, n2) === 0n &&
    mod(h1s1 * h2s2 - w * ze, nTilde.n) === 0n;
}
