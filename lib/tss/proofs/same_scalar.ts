/**
 * Proof that a point and a Pedersen commitment hide the same scalar: `S = s·R` and
 * `T = s·G + l·H` (Gennaro and Goldfeder 2020, eprint 2020/540, phase 6: "consistency between S_i
 * and T_i"). An ordinary sigma protocol for a linear map; not part of the Go library's protocols.
 *
 * @module
 */

import { mod } from "../../arith/number.ts";
import { randomBelow, type RandomSource } from "../../arith/random.ts";
import { type CurvePoint, flattenPoints, secp256k1 } from "../../crypto/curve.ts";
import { hashIntsTagged, textToInt } from "../../crypto/framed_hash.ts";
import { sha256 } from "../../crypto/kdf.ts";
import { bytesToInt, u32be, utf8 } from "../../encoding/bytes.ts";
import type { Json, JsonInput } from "../../encoding/json.ts";
import { int, object, point } from "../fields.ts";
import { pointToJson } from "../points.ts";

const { q, p, base: G } = secp256k1;
const LABEL = textToInt("transfunctioner-same-scalar-v1");

let second: CurvePoint | undefined;

/**
 * The second base `H`, whose logarithm to the base `G` nobody knows: the point with the first x in
 * SHA-256("transfunctioner-second-base-v1" ‖ 0, ‖ 1, …) that has one, and even y.
 */
export function secondBase(): CurvePoint {
  for (let i = 0; second === undefined; i++) {
    const x = bytesToInt(sha256(utf8("transfunctioner-second-base-v1"), u32be(i)));
    if (x >= p) continue;
    const y = power(x * x * x + 7n, (p + 1n) / 4n);
    if (mod(y * y - x * x * x - 7n, p) === 0n) second = secp256k1.point(x, y & 1n ? p - y : y);
  }
  return second;
}

function power(base: bigint, exponent: bigint): bigint {
  let out = 1n;
  for (let b = mod(base, p), e = exponent; e > 0n; e >>= 1n, b = b * b % p) {
    if (e & 1n) out = out * b % p;
  }
  return out;
}

/** The proof. */
export interface SameScalarProof {
  /** First move `a·R`. */
  readonly alpha: CurvePoint;
  /** First move `a·G + b·H`. */
  readonly beta: CurvePoint;
  /** The response `a + e·s`, in `[1, q)`. */
  readonly t: bigint;
  /** The response `b + e·l`, in `[1, q)`. */
  readonly u: bigint;
}

/** What is proven, and for whom. */
export interface SameScalarStatement {
  /** The prover's context bytes. */
  readonly session: Uint8Array;
  /** The base of the moment. */
  readonly R: CurvePoint;
  /** `s·R`. */
  readonly S: CurvePoint;
  /** `s·G + l·H`. */
  readonly T: CurvePoint;
}

/**
 * Reads a proof.
 *
 * @throws {ContentError} naming the field.
 */
export function parseSameScalarProof(json: Json | undefined, field: string): SameScalarProof {
  const o = object(json, field);
  const scalar = { min: 1n, max: q - 1n };
  return {
    alpha: point(o, "Alpha", secp256k1),
    beta: point(o, "Beta", secp256k1),
    t: int(o, "T", scalar),
    u: int(o, "U", scalar),
  };
}

/** Writes a proof. */
export function sameScalarProofToJson({ alpha, beta, t, u }: SameScalarProof): JsonInput {
  return { Alpha: pointToJson(alpha), Beta: pointToJson(beta), T: t, U: u };
}

function challenge(
  { session, R, S, T }: SameScalarStatement,
  alpha: CurvePoint,
  beta: CurvePoint,
): bigint {
  const points = flattenPoints([G, secondBase(), R, S, T, alpha, beta]);
  return hashIntsTagged(session, [LABEL, ...points]) % q;
}

/** Proves knowledge of `s` and `l` behind the statement. */
export function proveSameScalar(
  input: SameScalarStatement & { readonly s: bigint; readonly l: bigint },
  random: RandomSource,
): SameScalarProof {
  for (;;) {
    const a = randomBelow(q, random);
    const b = randomBelow(q, random);
    const alpha = input.R.multiply(a);
    const beta = G.multiply(a).add(secondBase().multiply(b));
    if (beta.isIdentity) continue;
    const e = challenge(input, alpha, beta);
    const t = mod(a + e * input.s, q);
    const u = mod(b + e * input.l, q);
    // Zero responses would be refused; they happen with probability 2/q.
    if (t !== 0n && u !== 0n) return { alpha, beta, t, u };
  }
}

/**
 * Verifies in this order: points of the curve and not the identity, `0 < t, u < q`, challenge not
 * 0, `t·R = alpha + e·S`, `t·G + u·H = beta + e·T`.
 */
export function verifySameScalar(statement: SameScalarStatement, proof: SameScalarProof): boolean {
  const { R, S, T } = statement;
  const { alpha, beta, t, u } = proof;
  if ([R, S, T, alpha, beta].some((x) => x.curve !== secp256k1 || x.isIdentity)) return false;
  if (t <= 0n || t >= q || u <= 0n || u >= q) return false;
  const e = challenge(statement, alpha, beta);
  if (e === 0n) return false;
  return R.multiplyPublic(t).equals(alpha.add(S.multiplyPublic(e))) &&
    G.multiplyPublic(t).add(secondBase().multiplyPublic(u))
      .equals(beta.add(T.multiplyPublic(e)));
}
