/**
 * Proof that a ciphertext and a point hide the same small number: `c` encrypts `k` and
 * `X = k·B`, for a base `B` of the moment (Gennaro and Goldfeder 2020, eprint 2020/540, phase 5:
 * "consistency between R_i and E_i(k_i)"; the construction is the range proof of their 2018 paper,
 * appendix A.1, with one more first move in the curve's group).
 *
 * Not part of the Go library's protocols. The challenge covers everything that the equations use,
 * the verifier's parameters and both bases included.
 *
 * @module
 */

import type { RandomSource } from "../../arith/random.ts";
import type { Arithmetic } from "../../arith/types.ts";
import { type CurvePoint, flattenPoints, secp256k1 } from "../../crypto/curve.ts";
import { hashIntsTagged, textToInt } from "../../crypto/framed_hash.ts";
import type { Json, JsonInput } from "../../encoding/json.ts";
import { object, point } from "../fields.ts";
import { pointToJson } from "../points.ts";
import { Q } from "./bounds.ts";
import {
  type AliceInput,
  type AliceProof,
  aliceProofToJson,
  type AliceStatement,
  openAlice,
  parseAliceProof,
  verifyAlice,
} from "./mta_alice.ts";
import type { Pedersen } from "./pedersen.ts";

/** The proof. */
export interface PointProof extends AliceProof {
  /** First move in the curve's group, `alpha·B`. */
  readonly y: CurvePoint;
}

/** The points of the statement. */
export interface PointStatement {
  /** The base. */
  readonly B: CurvePoint;
  /** The plaintext times the base. */
  readonly X: CurvePoint;
}

const LABEL = textToInt("transfunctioner-mta-point-v1");

/**
 * Reads a proof.
 *
 * @throws {ContentError} naming the field.
 */
export function parsePointProof(json: Json | undefined, field: string): PointProof {
  return { ...parseAliceProof(json, field), y: point(object(json, field), "Y", secp256k1) };
}

/** Writes a proof. */
export function pointProofToJson(proof: PointProof): JsonInput {
  return { ...aliceProofToJson(proof) as Record<string, JsonInput>, Y: pointToJson(proof.y) };
}

function challenge(
  session: Uint8Array,
  n: bigint,
  { nTilde, h1, h2 }: Pedersen,
  c: bigint,
  { B, X }: PointStatement,
  { z, u, w, y }: Pick<PointProof, "z" | "u" | "w" | "y">,
): bigint {
  const points = flattenPoints([B, X, y]);
  return hashIntsTagged(session, [LABEL, n, nTilde.n, h1, h2, c, ...points, z, u, w]) % Q;
}

/** Makes the proof that `c` encrypts the `m` of `X = m·B`, for the party that owns `peer`. */
export function provePoint(
  input: AliceInput & PointStatement,
  arith: Arithmetic,
  random: RandomSource,
): PointProof {
  const { session, key, peer, c } = input;
  const { alpha, first, respond } = openAlice(input, arith, random);
  const y = input.B.multiply(alpha);
  return { ...respond(challenge(session, key.n, peer, c, input, { ...first, y })), y };
}

/**
 * Verifies: points of the curve and not the identity, then everything of the range proof, then
 * `s1·B = y + e·X`.
 */
export function verifyPoint(
  input: AliceStatement & PointStatement,
  proof: PointProof,
  arith: Arithmetic,
): boolean {
  const { session, publicKey, own, c, B, X } = input;
  if ([B, X, proof.y].some((p) => p.curve !== secp256k1 || p.isIdentity)) return false;
  let e = 0n;
  const challengeOf = () => e = challenge(session, publicKey.n, own, c, input, proof);
  if (!verifyAlice({ ...input, challengeOf }, proof, arith)) return false;
  return B.multiplyPublic(proof.s1).equals(proof.y.add(X.multiplyPublic(e)));
}
