/**
 * Proof of knowledge of `s` and `l` with `V = s·R + l·G` (specification: tss-core section 7.2).
 *
 * @module
 */

import { mod } from "../../arith/number.ts";
import { randomBelow, type RandomSource } from "../../arith/random.ts";
import { type Curve, type CurvePoint, secp256k1 } from "../../crypto/curve.ts";
import { hashIntsTagged } from "../../crypto/framed_hash.ts";
import type { Json, JsonInput } from "../../encoding/json.ts";
import { int, object, point } from "../fields.ts";
import { pointToJson } from "../points.ts";

/** The proof. */
export interface VProof {
  /** The prover's first move `a·R + b·G`. */
  readonly alpha: CurvePoint;
  /** The response `a + c·s`, in `[1, q)`. */
  readonly t: bigint;
  /** The response `b + c·l`, in `[1, q)`. */
  readonly u: bigint;
}

/** What is proven, and for whom. */
export interface VStatement {
  /** The prover's context bytes. */
  readonly session: Uint8Array;
  /** The sum. */
  readonly V: CurvePoint;
  /** The second base. */
  readonly R: CurvePoint;
}

/**
 * Reads a proof on `curve`.
 *
 * @throws {ContentError} naming the field.
 */
export function parseVProof(
  json: Json | undefined,
  field: string,
  curve: Curve = secp256k1,
): VProof {
  const o = object(json, field);
  const scalar = { min: 1n, max: curve.q - 1n };
  return { alpha: point(o, "Alpha", curve), t: int(o, "T", scalar), u: int(o, "U", scalar) };
}

/** Writes a proof. */
export function vProofToJson(proof: VProof): JsonInput {
  return { Alpha: pointToJson(proof.alpha), T: proof.t, U: proof.u };
}

function challenge({ session, V, R }: VStatement, alpha: CurvePoint): bigint {
  const { base: G, q } = V.curve;
  return hashIntsTagged(session, [V.x, V.y, R.x, R.y, G.x, G.y, alpha.x, alpha.y]) % q;
}

/** Proves knowledge of `s` and `l`, where `V = s·R + l·G`. */
export function proveV(
  input: VStatement & { readonly s: bigint; readonly l: bigint },
  random: RandomSource,
): VProof {
  const { base: G, q } = input.V.curve;
  for (;;) {
    const a = randomBelow(q, random);
    const b = randomBelow(q, random);
    const alpha = input.R.multiply(a).add(G.multiply(b));
    if (alpha.isIdentity) continue;
    const c = challenge(input, alpha);
    const t = mod(a + c * input.s, q);
    const u = mod(b + c * input.l, q);
    // Zero responses would be refused; they happen with probability 2/q.
    if (t !== 0n && u !== 0n) return { alpha, t, u };
  }
}

/**
 * Verifies in the specification's order: points, `0 < t, u < q`, challenge not 0,
 * `t·R + u·G = alpha + c·V`. The identity is refused in every place.
 */
export function verifyV(statement: VStatement, proof: VProof): boolean {
  const { V, R } = statement;
  const { alpha, t, u } = proof;
  const { base: G, q } = V.curve;
  if ([alpha, V, R].some((p) => p.curve !== V.curve || p.isIdentity)) return false;
  if (t <= 0n || t >= q || u <= 0n || u >= q) return false;
  const c = challenge(statement, alpha);
  if (c === 0n) return false;
  const left = R.multiplyPublic(t).add(G.multiplyPublic(u));
  return !left.isIdentity && left.equals(alpha.add(V.multiplyPublic(c)));
}
