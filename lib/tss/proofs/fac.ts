/**
 * Proof that neither factor of `N0` is small (specification: tss-core section 11; Canetti et al.,
 * CCS 2020, figure 28). `s` and `t` of the paper are the verifier's `h1` and `h2`.
 *
 * @module
 */

import { isqrt, mod } from "../../arith/number.ts";
import { randomBelow, type RandomSource, randomUnit } from "../../arith/random.ts";
import type { Arithmetic, ProductJob } from "../../arith/types.ts";
import { hashIntsTagged } from "../../crypto/framed_hash.ts";
import { bitLength } from "../../encoding/bytes.ts";
import type { Json, JsonInput } from "../../encoding/json.ts";
import { int, object } from "../fields.ts";
import type { PaillierPrivate } from "../paillier.ts";
import {
  inRange,
  isProofModulus,
  MODULUS_BITS,
  Q,
  Q3,
  Q3_BITS,
  Q3_MODULUS_BITS,
} from "./bounds.ts";
import type { Pedersen } from "./pedersen.ts";
import { areUnits } from "./units.ts";

const SIGMA_BITS = 256 + 2 * MODULUS_BITS;
const Z_BITS = Q3_BITS + MODULUS_BITS / 2;
const V_BITS = 1 + Q3_BITS + 2 * MODULUS_BITS;

/** The proof; capital letters of the paper are commitments, `z1 … v` responses. */
export interface FacProof {
  /** Commitment to the first factor. */
  readonly p: bigint;
  /** Commitment to the second factor. */
  readonly q: bigint;
  /** First move for `z1`, `w1`. */
  readonly a: bigint;
  /** First move for `z2`, `w2`. */
  readonly b: bigint;
  /** First move for the product. */
  readonly t: bigint;
  /** Randomness that ties the product to `N0`. */
  readonly sigma: bigint;
  /** Response for the first factor, below `q³·√N0`. */
  readonly z1: bigint;
  /** Response for the second factor, below `q³·√N0`. */
  readonly z2: bigint;
  /** Response for the randomness of `p`. */
  readonly w1: bigint;
  /** Response for the randomness of `q`. */
  readonly w2: bigint;
  /** Response for the product; the only number that may be negative. */
  readonly v: bigint;
}

/**
 * Reads a proof. The reference bounds neither `w1`, `w2`, `v` nor `sigma`; here they keep to what
 * an honest prover can reach.
 *
 * @throws {ContentError} naming the field.
 */
export function parseFacProof(json: Json | undefined, field: string): FacProof {
  const o = object(json, field);
  const commitment = { min: 1n, bits: MODULUS_BITS };
  return {
    p: int(o, "P", commitment),
    q: int(o, "Q", commitment),
    a: int(o, "A", commitment),
    b: int(o, "B", commitment),
    t: int(o, "T", commitment),
    sigma: int(o, "Sigma", { min: 1n, bits: SIGMA_BITS }),
    z1: int(o, "Z1", { bits: Z_BITS }),
    z2: int(o, "Z2", { bits: Z_BITS }),
    w1: int(o, "W1", { bits: Q3_MODULUS_BITS }),
    w2: int(o, "W2", { bits: Q3_MODULUS_BITS }),
    v: int(o, "V", { min: -(1n << BigInt(V_BITS)), bits: V_BITS }),
  };
}

/** Writes a proof. */
export function facProofToJson(proof: FacProof): JsonInput {
  return {
    P: proof.p,
    Q: proof.q,
    A: proof.a,
    B: proof.b,
    T: proof.t,
    Sigma: proof.sigma,
    Z1: proof.z1,
    Z2: proof.z2,
    W1: proof.w1,
    W2: proof.w2,
    V: proof.v,
  };
}

function challenge(
  session: Uint8Array,
  n0: bigint,
  { nTilde, h1, h2 }: Pedersen,
  proof: Pick<FacProof, "p" | "q" | "a" | "b" | "t" | "sigma">,
): bigint {
  const { p, q, a, b, t, sigma } = proof;
  return hashIntsTagged(session, [n0, nTilde.n, h1, h2, p, q, a, b, t, sigma]) % Q;
}

/** Makes the proof about the own key for the party that owns `peer`. */
export function proveFac(
  input: {
    readonly session: Uint8Array;
    readonly key: PaillierPrivate;
    readonly peer: Pedersen;
  },
  arith: Arithmetic,
  random: RandomSource,
): FacProof {
  const { session, key, peer } = input;
  const { nTilde: modulus, h1: s, h2: t } = peer;
  const { n: n0, p: p0, q: q0 } = key;
  const hat = modulus.n;
  const root = Q3 * isqrt(n0);
  const alpha = randomBelow(root, random);
  const beta = randomBelow(root, random);
  const mu = randomBelow(Q * hat, random);
  const nu = randomBelow(Q * hat, random);
  const sigma = randomBelow(Q * n0 * hat, random);
  const r = randomUnit(Q3 * n0 * hat, random);
  const x = randomBelow(Q3 * hat, random);
  const y = randomBelow(Q3 * hat, random);
  const product = (exponentS: bigint, exponentT: bigint): ProductJob => ({
    modulus,
    terms: [{ base: s, exponent: exponentS }, { base: t, exponent: exponentT }],
  });
  const [p, q, a, b, tt] = arith.productBatch([
    product(p0, mu),
    product(q0, nu),
    product(alpha, x),
    product(beta, y),
    // Q^alpha·t^r with Q = s^q0·t^nu, written over the bases that come in all the others.
    product(q0 * alpha, nu * alpha + r),
  ]) as [bigint, bigint, bigint, bigint, bigint];
  const first = { p, q, a, b, t: tt, sigma };
  const e = challenge(session, n0, peer, first);
  return {
    ...first,
    z1: alpha + e * p0,
    z2: beta + e * q0,
    w1: x + e * mu,
    w2: y + e * nu,
    v: r + e * (sigma - nu * p0),
  };
}

/**
 * Verifies the proof of the party that owns `n0` under the own parameters, in the specification's
 * order: sizes, ranges (with the bounds that the reference lacks), three equations.
 */
export function verifyFac(
  input: {
    readonly session: Uint8Array;
    readonly n0: bigint;
    readonly own: Pedersen;
  },
  proof: FacProof,
  arith: Arithmetic,
): boolean {
  const { session, n0, own } = input;
  const { nTilde: modulus, h1: s, h2: t } = own;
  const hat = modulus.n;
  if (n0 <= 0n || bitLength(n0) < MODULUS_BITS || !isProofModulus(modulus)) return false;
  if ([proof.p, proof.q, proof.a, proof.b, proof.t].some((c) => !inRange(c, 1n, hat))) return false;
  const top = Q3 * isqrt(n0);
  if (!inRange(proof.z1, 0n, top) || !inRange(proof.z2, 0n, top)) return false;
  const wTop = 2n * Q3 * hat;
  if (!inRange(proof.w1, 0n, wTop + 1n) || !inRange(proof.w2, 0n, wTop + 1n)) return false;
  if (!inRange(proof.sigma, 1n, Q * n0 * hat)) return false;
  const vTop = 2n * Q3 * n0 * hat;
  if (!inRange(proof.v, -vTop, vTop + 1n)) return false;
  const e = challenge(session, n0, own, proof);
  // The third equation, Q^z1·t^v = T·(s^N0·t^sigma)^e, with t on one side only. That exponent can
  // be negative, which needs the inverse of t.
  const tExponent = proof.v - proof.sigma * e;
  if (tExponent < 0n && !areUnits([t], modulus)) return false;
  const product = (...terms: [bigint, bigint][]): ProductJob => ({
    modulus,
    terms: terms.map(([base, exponent]) => ({ base, exponent })),
  });
  const [sz1tw1, pe, sz2tw2, qe, qz1tv, sn] = arith.productBatch([
    product([s, proof.z1], [t, proof.w1]),
    product([proof.p, e]),
    product([s, proof.z2], [t, proof.w2]),
    product([proof.q, e]),
    product([proof.q, proof.z1], [t, tExponent]),
    product([s, n0 * e]),
  ]) as [bigint, bigint, bigint, bigint, bigint, bigint];
  return mod(sz1tw1 - proof.a * pe, hat) === 0n &&
    mod(sz2tw2 - proof.b * qe, hat) === 0n &&
    mod(qz1tv - proof.t * sn, hat) === 0n;
}
