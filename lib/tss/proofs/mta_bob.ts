/**
 * Bob's proof: `c2 = c1^x · Enc(y)` with small `x` and `y`, and in the form "with check" also
 * `X = x·G` (specification: tss-core section 12.3; Gennaro, Goldfeder, CCS 2018, appendices A.2 and
 * A.3).
 *
 * @module
 */

import { mod } from "../../arith/number.ts";
import { randomBelow, type RandomSource, randomUnit } from "../../arith/random.ts";
import type { Arithmetic, ProductJob } from "../../arith/types.ts";
import { type CurvePoint, secp256k1 } from "../../crypto/curve.ts";
import { hashIntsTagged } from "../../crypto/framed_hash.ts";
import type { Json, JsonInput } from "../../encoding/json.ts";
import { type Fields, int, object, point } from "../fields.ts";
import type { PaillierKey } from "../paillier.ts";
import { pointToJson } from "../points.ts";
import {
  inRange,
  isProofModulus,
  MODULUS_BITS,
  Q,
  Q3,
  Q3_BITS,
  Q3_MODULUS_BITS,
  Q7,
  Q7_BITS,
  SQUARE_BITS,
} from "./bounds.ts";
import type { Pedersen } from "./pedersen.ts";
import { areUnits } from "./units.ts";

/** The proof without check. */
export interface BobProof {
  /** Commitment to `x`, below `NTilde`. */
  readonly z: bigint;
  /** First move for `x`, below `NTilde`. */
  readonly zPrm: bigint;
  /** Commitment to `y`, below `NTilde`. */
  readonly t: bigint;
  /** First move in the ciphertext group, below `N²`. */
  readonly v: bigint;
  /** First move for `y`, below `NTilde`. */
  readonly w: bigint;
  /** Response for the encryption's randomness, below `N`. */
  readonly s: bigint;
  /** Response for `x`, in `[q, q³]`. */
  readonly s1: bigint;
  /** Response for the randomness of `z`, in `[q, 2·q³·NTilde]`. */
  readonly s2: bigint;
  /** Response for `y`, in `[q, q⁷]`. */
  readonly t1: bigint;
  /** Response for the randomness of `t`, in `[q, 2·q³·NTilde]`. */
  readonly t2: bigint;
}

/** The proof with check. */
export interface BobProofWc extends BobProof {
  /** First move on the curve. */
  readonly u: CurvePoint;
}

function parseFields(o: Fields): BobProof {
  const residue = { bits: MODULUS_BITS };
  return {
    z: int(o, "Z", residue),
    zPrm: int(o, "ZPrm", residue),
    t: int(o, "T", residue),
    v: int(o, "V", { bits: SQUARE_BITS }),
    w: int(o, "W", residue),
    s: int(o, "S", residue),
    s1: int(o, "S1", { bits: Q3_BITS }),
    s2: int(o, "S2", { bits: Q3_MODULUS_BITS }),
    t1: int(o, "T1", { bits: Q7_BITS }),
    t2: int(o, "T2", { bits: Q3_MODULUS_BITS }),
  };
}

/**
 * Reads a proof without check.
 *
 * @throws {ContentError} naming the field.
 */
export function parseBobProof(json: Json | undefined, field: string): BobProof {
  return parseFields(object(json, field));
}

/**
 * Reads a proof with check: the same object with a point `U`.
 *
 * @throws {ContentError} naming the field.
 */
export function parseBobProofWc(json: Json | undefined, field: string): BobProofWc {
  const o = object(json, field);
  return { ...parseFields(o), u: point(o, "U", secp256k1) };
}

function fieldsToJson(proof: BobProof): { [name: string]: JsonInput } {
  return {
    Z: proof.z,
    ZPrm: proof.zPrm,
    T: proof.t,
    V: proof.v,
    W: proof.w,
    S: proof.s,
    S1: proof.s1,
    S2: proof.s2,
    T1: proof.t1,
    T2: proof.t2,
  };
}

/** Writes a proof without check. */
export function bobProofToJson(proof: BobProof): JsonInput {
  return fieldsToJson(proof);
}

/** Writes a proof with check. */
export function bobProofWcToJson(proof: BobProofWc): JsonInput {
  return { ...fieldsToJson(proof), U: pointToJson(proof.u) };
}

/** What is proven, and for whom. */
export interface BobStatement {
  /** Bob's context bytes. */
  readonly session: Uint8Array;
  /** Alice's Paillier key. */
  readonly publicKey: PaillierKey;
  /** Alice's ciphertext. */
  readonly c1: bigint;
  /** Bob's answer. */
  readonly c2: bigint;
}

/** The point of the form with check, and the first move on the curve. */
interface Check {
  readonly X: CurvePoint;
  readonly u: CurvePoint;
}

function challenge(
  { session, publicKey: { n }, c1, c2 }: BobStatement,
  { z, zPrm, t, v, w }: Pick<BobProof, "z" | "zPrm" | "t" | "v" | "w">,
  check?: Check,
): bigint {
  const statement = check === undefined
    ? [c1, c2]
    : [check.X.x, check.X.y, c1, c2, check.u.x, check.u.y];
  return hashIntsTagged(session, [n, n + 1n, ...statement, z, zPrm, t, v, w]) % Q;
}

/** Bob's secrets: `c2 = c1^x · Γ^y · r^N`. */
export interface BobSecret {
  /** Multiplier, in `[0, q)`. */
  readonly x: bigint;
  /** Mask, in `[1, q⁵)`. */
  readonly y: bigint;
  /** Randomness of the mask's encryption. */
  readonly r: bigint;
}

/** What Bob knows before his answer `c2` is there. */
export type BobPreparation = Omit<BobStatement, "c2"> & BobSecret & { readonly peer: Pedersen };
type ProveInput = BobStatement & BobSecret & { readonly peer: Pedersen };

/**
 * A proof between its two halves, so that several can share one batch: compute `jobs`, then
 * {@link BobOpening.complete}.
 */
export interface BobOpening {
  /** The products of powers in the first moves. */
  readonly jobs: readonly ProductJob[];
  /** Answers the challenge; `products` are the results of `jobs`. */
  complete(products: readonly bigint[], c2: bigint, arith: Arithmetic): BobProof;
}

function open(
  input: BobPreparation,
  alpha: bigint,
  check: Check | undefined,
  random: RandomSource,
): BobOpening {
  const { publicKey, peer: { nTilde, h1, h2 }, c1, x, y, r } = input;
  const { n, n2, modulus, modulusN2 } = publicKey;
  const nt = nTilde.n;
  const rho = randomBelow(Q * nt, random);
  const sigma = randomBelow(Q * nt, random);
  const tau = randomBelow(Q3 * nt, random);
  const rhoPrm = randomBelow(Q3 * nt, random);
  const beta = randomUnit(n, random);
  const gamma = randomBelow(Q7, random);
  const commit = (value: bigint, randomness: bigint): ProductJob => ({
    modulus: nTilde,
    terms: [{ base: h1, exponent: value }, { base: h2, exponent: randomness }],
  });
  const jobs = [
    commit(x, rho),
    commit(alpha, rhoPrm),
    commit(y, sigma),
    commit(gamma, tau),
    {
      modulus: modulusN2,
      terms: [{ base: c1, exponent: alpha }, { base: beta, exponent: n }],
    },
  ];
  const complete = (products: readonly bigint[], c2: bigint, arith: Arithmetic): BobProof => {
    const [z, zPrm, t, w, c1AlphaBetaN] = products as [bigint, bigint, bigint, bigint, bigint];
    const first = { z, zPrm, t, v: c1AlphaBetaN * ((1n + gamma * n) % n2) % n2, w };
    const e = challenge({ ...input, c2 }, first, check);
    return {
      ...first,
      s: arith.pow(r, e, modulus) * beta % n,
      s1: e * x + alpha,
      s2: e * rho + rhoPrm,
      t1: e * y + gamma,
      t2: e * sigma + tau,
    };
  };
  return { jobs, complete };
}

/** Opens a proof without check for Alice, who owns `peer`. */
export function openBob(input: BobPreparation, random: RandomSource): BobOpening {
  return open(input, randomBelow(Q3, random), undefined, random);
}

/** Opens a proof with check for Alice, who owns `peer`; `X = x·G`. `u` belongs to the proof. */
export function openBobWc(
  input: BobPreparation & { readonly X: CurvePoint },
  random: RandomSource,
): BobOpening & { readonly u: CurvePoint } {
  const alpha = randomBelow(Q3, random);
  const u = secp256k1.base.multiply(alpha);
  return { ...open(input, alpha, { X: input.X, u }, random), u };
}

/** Makes a proof without check for Alice, who owns `peer`. */
export function proveBob(input: ProveInput, arith: Arithmetic, random: RandomSource): BobProof {
  const { jobs, complete } = openBob(input, random);
  return complete(arith.productBatch(jobs), input.c2, arith);
}

/** Makes a proof with check for Alice, who owns `peer`; `X = x·G`. */
export function proveBobWc(
  input: ProveInput & { readonly X: CurvePoint },
  arith: Arithmetic,
  random: RandomSource,
): BobProofWc {
  const { jobs, complete, u } = openBobWc(input, random);
  return { ...complete(arith.productBatch(jobs), input.c2, arith), u };
}

type VerifyInput = BobStatement & { readonly own: Pedersen };

function verify(
  input: VerifyInput,
  proof: BobProof,
  check: Check | undefined,
  arith: Arithmetic,
): boolean {
  const { publicKey, own: { nTilde, h1, h2 }, c1, c2 } = input;
  const { n, n2, modulus, modulusN2 } = publicKey;
  const { z, zPrm, t, v, w, s, s1, s2, t1, t2 } = proof;
  const nt = nTilde.n;
  if (h1 === 1n || h2 === 1n || !isProofModulus(nTilde) || !isProofModulus(modulus)) return false;
  if (!publicKey.isCiphertext(c1) || !publicKey.isCiphertext(c2)) return false;
  if ([z, zPrm, t, w].some((x) => !inRange(x, 0n, nt))) return false;
  if (!inRange(v, 0n, n2) || !inRange(s, 0n, n)) return false;
  if (!areUnits([z, zPrm, t, w], nTilde) || !areUnits([v, s], modulus)) return false;
  if ([s1, s2, t1, t2].some((response) => response < Q)) return false;
  if (s1 > Q3 || t1 > Q7 || s2 > 2n * Q3 * nt || t2 > 2n * Q3 * nt) return false;
  const e = challenge(input, proof, check);
  if (check !== undefined && !holdsOnCurve(check, s1, e)) return false;
  const [sn] = publicKey.powN([s], arith) as [bigint];
  const [h1s1h2s2, ze, h1t1h2t2, te, c1s1, c2e] = arith.productBatch([
    { modulus: nTilde, terms: [{ base: h1, exponent: s1 }, { base: h2, exponent: s2 }] },
    { modulus: nTilde, terms: [{ base: z, exponent: e }] },
    { modulus: nTilde, terms: [{ base: h1, exponent: t1 }, { base: h2, exponent: t2 }] },
    { modulus: nTilde, terms: [{ base: t, exponent: e }] },
    { modulus: modulusN2, terms: [{ base: c1, exponent: s1 }] },
    { modulus: modulusN2, terms: [{ base: c2, exponent: e }] },
  ]) as [bigint, bigint, bigint, bigint, bigint, bigint];
  return mod(h1s1h2s2 - ze * zPrm, nt) === 0n &&
    mod(h1t1h2t2 - te * w, nt) === 0n &&
    mod(c1s1 * sn % n2 * (1n + t1 * n) - c2e * v, n2) === 0n;
}

/** Whether `(s1 mod q)·G = e·X + u`, with neither scalar 0. */
function holdsOnCurve({ X, u }: Check, s1: bigint, e: bigint): boolean {
  if (X.curve !== secp256k1 || u.curve !== secp256k1 || X.isIdentity || u.isIdentity) return false;
  if (s1 % Q === 0n || e === 0n) return false;
  return secp256k1.base.multiplyPublic(s1).equals(X.multiplyPublic(e).add(u));
}

/**
 * Verifies a proof without check under the own parameters, in the specification's order. Alice
 * passes her private key, which is faster.
 */
export function verifyBob(input: VerifyInput, proof: BobProof, arith: Arithmetic): boolean {
  return verify(input, proof, undefined, arith);
}

/** Verifies a proof with check against `X`; see {@link verifyBob}. */
export function verifyBobWc(
  input: VerifyInput & { readonly X: CurvePoint },
  proof: BobProofWc,
  arith: Arithmetic,
): boolean {
  return verify(input, proof, { X: input.X, u: proof.u }, arith);
}
