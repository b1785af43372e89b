/**
 * Schnorr's proof of knowledge of `x` with `X = x·G`, on either curve, made non-interactive
 * (specification: tss-core section 7.1).
 *
 * @module
 */

import { mod } from "../../arith/number.ts";
import { randomBelow, type RandomSource } from "../../arith/random.ts";
import type { Curve, CurvePoint } from "../../crypto/curve.ts";
import { hashIntsTagged } from "../../crypto/framed_hash.ts";
import type { Json, JsonInput } from "../../encoding/json.ts";
import { int, object, point } from "../fields.ts";
import { pointToJson } from "../points.ts";

/** The proof. */
export interface SchnorrProof {
  /** The prover's first move `a·G`. */
  readonly alpha: CurvePoint;
  /** The response `a + c·x`, in `[1, q)`. */
  readonly t: bigint;
}

/** What is proven, and for whom. */
export interface SchnorrStatement {
  /** The prover's context bytes. */
  readonly session: Uint8Array;
  /** `X`. Its curve is that of the proof. */
  readonly point: CurvePoint;
}

/**
 * Reads a proof on `curve`.
 *
 * @throws {ContentError} naming the field.
 */
export function parseSchnorrProof(
  json: Json | undefined,
  field: string,
  curve: Curve,
): SchnorrProof {
  const o = object(json, field);
  return {
    alpha: point(o, "Alpha", curve),
    t: int(o, "T", { min: 1n, max: curve.q - 1n }),
  };
}

/** Writes a proof. */
export function schnorrProofToJson(proof: SchnorrProof): JsonInput {
  return { Alpha: pointToJson(proof.alpha), T: proof.t };
}

function challenge(session: Uint8Array, X: CurvePoint, alpha: CurvePoint): bigint {
  const { base: G, q } = X.curve;
  return hashIntsTagged(session, [X.x, X.y, G.x, G.y, alpha.x, alpha.y]) % q;
}

/** Proves knowledge of `secret`, where `point = secret·G`. */
export function proveSchnorr(
  input: SchnorrStatement & { readonly secret: bigint },
  random: RandomSource,
): SchnorrProof {
  const { base: G, q } = input.point.curve;
  for (;;) {
    const a = randomBelow(q, random);
    const alpha = G.multiply(a);
    const t = mod(a + challenge(input.session, input.point, alpha) * input.secret, q);
    // A zero response would be refused; it happens with probability 1/q.
    if (t !== 0n) return { alpha, t };
  }
}

/**
 * Verifies in the specification's order: points, `0 < t < q`, challenge not 0, `t·G = alpha + c·X`.
 * The identity is refused as statement and as first move: on edwards25519 the reference lets it
 * pass, no honest prover sends it.
 */
export function verifySchnorr(statement: SchnorrStatement, proof: SchnorrProof): boolean {
  const { session, point: X } = statement;
  const { alpha, t } = proof;
  const { base: G, q } = X.curve;
  if (alpha.curve !== X.curve || alpha.isIdentity || X.isIdentity) return false;
  if (t <= 0n || t >= q) return false;
  const c = challenge(session, X, alpha);
  if (c === 0n) return false;
  return G.multiplyPublic(t).equals(alpha.add(X.multiplyPublic(c)));
}
