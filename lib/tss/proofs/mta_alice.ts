/**
 * Alice's range proof: the plaintext of her ciphertext is small (specification: tss-core section
 * 12.1; Gennaro, Goldfeder, CCS 2018, appendix A.1).
 *
 * @module
 */

import { mod } from "../../arith/number.ts";
import { randomBelow, type RandomSource, randomUnit } from "../../arith/random.ts";
import type { Arithmetic, ProductJob } from "../../arith/types.ts";
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

/** What a proof about an own ciphertext is made from. */
export interface AliceInput {
  /** Alice's context bytes. */
  readonly session: Uint8Array;
  /** The key that `c` is under. */
  readonly key: PaillierPrivate;
  /** Parameters of the party that the proof is for. */
  readonly peer: Pedersen;
  /** The ciphertext. */
  readonly c: bigint;
  /** Plaintext of `c`, in `[0, q)`. Secret. */
  readonly m: bigint;
  /** Randomness of `c`. Secret. */
  readonly r: bigint;
}

/** A proof between its first move and its challenge. */
export interface AliceOpening {
  /** What masks the plaintext in the response, below `q³`. Secret. */
  readonly alpha: bigint;
  /** The first move. */
  readonly first: Pick<AliceProof, "z" | "u" | "w">;
  /** Answers the challenge; to be called once. */
  respond(e: bigint): AliceProof;
}

/** Makes the first move, for proofs that say more of the same plaintext under one challenge. */
export function openAlice(
  input: AliceInput,
  arith: Arithmetic,
  random: RandomSource,
): AliceOpening {
  const { key, peer: { nTilde, h1, h2 }, m, r } = input;
  const { n, n2 } = key;
  const alpha = randomBelow(Q3, random);
  const beta = randomUnit(n, random);
  const gamma = randomBelow(Q3 * nTilde.n, random);
  const rho = randomBelow(Q * nTilde.n, random);
  const commit = (value: bigint, randomness: bigint): ProductJob => ({
    modulus: nTilde,
    terms: [{ base: h1, exponent: value }, { base: h2, exponent: randomness }],
  });
  const [z, w] = arith.productBatch([commit(m, rho), commit(alpha, gamma)]) as [bigint, bigint];
  const u = (1n + alpha * n) % n2 * key.powN([beta], arith)[0]! % n2;
  const first = { z, u, w };
  return {
    alpha,
    first,
    respond: (e) => ({
      ...first,
      s: arith.pow(r, e, key.modulus) * beta % n,
      s1: e * m + alpha,
      s2: e * rho + gamma,
    }),
  };
}

/** Makes the proof for the party that owns `input.peer`. */
export function proveAlice(
  input: AliceInput,
  arith: Arithmetic,
  random: RandomSource,
): AliceProof {
  const { first, respond } = openAlice(input, arith, random);
  return respond(challenge(input.session, input.key.n, input.c, first));
}

/** One of Alice's proofs with what it is about. */
export interface AliceClaim {
  /** Alice's context bytes. */
  readonly session: Uint8Array;
  readonly publicKey: PaillierKey;
  /** The verifier's parameters. */
  readonly own: Pedersen;
  /** Alice's ciphertext. */
  readonly c: bigint;
  readonly proof: AliceProof;
  /**
   * The challenge of a proof that says more of the same plaintext; asked for once all sizes are
   * checked. Without it: that of the range proof by itself.
   */
  readonly challengeOf?: () => bigint;
}

/** What a verifier knows of the ciphertext. */
export type AliceStatement = Omit<AliceClaim, "proof" | "challengeOf">;

/** Verifies one proof; see {@link verifyAlices}. */
export function verifyAlice(
  input: Omit<AliceClaim, "proof">,
  proof: AliceProof,
  arith: Arithmetic,
): boolean {
  return verifyAlices([{ ...input, proof }], arith)[0]!;
}

/**
 * Verifies Alice's proofs about their `c` under the own parameters, each in the specification's
 * order: bases, sizes, ranges, units, bounds of the responses, two equations. Several provers in one
 * batch cost less than one after the other; every proof has a verdict of its own.
 */
export function verifyAlices(claims: readonly AliceClaim[], arith: Arithmetic): boolean[] {
  const jobs = claims.map((claim) => isWellFormed(claim) ? sides(claim) : []);
  const values = arith.productBatch(jobs.flat());
  let next = 0;
  return claims.map((claim, i) => {
    const own = values.slice(next, next += jobs[i]!.length);
    return own.length > 0 && holds(claim, own);
  });
}

/** Everything that is checked before the exponentiations. */
function isWellFormed({ publicKey, own: { nTilde, h1, h2 }, c, proof }: AliceClaim): boolean {
  const { n, n2, modulus } = publicKey;
  const { z, u, w, s, s1, s2 } = proof;
  if (h1 === 1n || h2 === 1n || !isProofModulus(nTilde) || !isProofModulus(modulus)) return false;
  if (!inRange(z, 0n, nTilde.n) || !inRange(u, 0n, n2)) return false;
  if (!inRange(w, 0n, nTilde.n) || !inRange(s, 0n, n)) return false;
  if (!areUnits([z, w], nTilde)) return false;
  if (s1 < Q || s2 < Q || s === 1n || z === 1n || s1 === s2) return false;
  if (s1 > Q3 || s2 > 2n * Q3 * nTilde.n) return false;
  return inRange(c, 0n, n2) && areUnits([u, c], modulus);
}

/** The products in both equations. c and z are units, so their powers may stand on the other side. */
function sides(
  { session, publicKey, own: { nTilde, h1, h2 }, c, proof, challengeOf }: AliceClaim,
): ProductJob[] {
  const { n, modulusN2 } = publicKey;
  const { z, s, s1, s2 } = proof;
  const e = challengeOf === undefined ? challenge(session, n, c, proof) : challengeOf();
  return [
    { modulus: modulusN2, terms: [{ base: s, exponent: n }] },
    { modulus: modulusN2, terms: [{ base: c, exponent: e }] },
    { modulus: nTilde, terms: [{ base: h1, exponent: s1 }, { base: h2, exponent: s2 }] },
    { modulus: nTilde, terms: [{ base: z, exponent: e }] },
  ];
}

/** Whether both equations hold, given the values of {@link sides}. */
function holds(
  { publicKey, own: { nTilde }, proof }: AliceClaim,
  values: readonly bigint[],
): boolean {
  const { n, n2 } = publicKey;
  const [sn, ce, h1s1h2s2, ze] = values as [bigint, bigint, bigint, bigint];
  return mod((1n + proof.s1 * n) * sn - proof.u * ce, n2) === 0n &&
    mod(h1s1h2s2 - proof.w * ze, nTilde.n) === 0n;
}
