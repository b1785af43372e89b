/**
 * Curve points in message contents: `{"Curve":"secp256k1","Coords":[x,y]}` (specification:
 * tss-core section 4), read more strictly than the reference does.
 *
 * @module
 */

import type { Curve, CurvePoint } from "../crypto/curve.ts";
import type { Json, JsonInput } from "../encoding/json.ts";
import { ContentError } from "./errors.ts";

/** The name that an absent or empty `Curve` stands for. */
const DEFAULT_CURVE = "secp256k1";

/** Writes a point as the reference does. */
export function pointToJson(point: CurvePoint): JsonInput {
  return { Curve: point.curve.name, Coords: [point.x, point.y] };
}

/**
 * Reads a point that must lie on `curve`: right curve name, exactly two coordinates, each in
 * `[0, p)`, on the curve. The reference reads negative and unreduced coordinates, extra ones and
 * points of another curve too; no honest party sends them. On edwards25519 the identity and
 * points with a torsion part are let through, as the reference clears them later.
 *
 * @throws {ContentError} naming `field`.
 */
export function parsePoint(json: Json | undefined, curve: Curve, field: string): CurvePoint {
  if (json === undefined || json === null) throw new ContentError(field, "is missing");
  if (!(json instanceof Map)) throw new ContentError(field, "must be a point");
  const name = json.get("Curve") ?? "";
  if ((name === "" ? DEFAULT_CURVE : name) !== curve.name) {
    throw new ContentError(field, `must be a point of ${curve.name}`);
  }
  const coords = json.get("Coords");
  if (!Array.isArray(coords) || coords.length !== 2) {
    throw new ContentError(field, "must have exactly two coordinates");
  }
  const [x, y] = coords;
  if (typeof x !== "bigint" || typeof y !== "bigint") {
    throw new ContentError(field, "must have integer coordinates");
  }
  if (x < 0n || x >= curve.p || y < 0n || y >= curve.p) {
    throw new ContentError(field, "must have coordinates in [0, p)");
  }
  try {
    return curve.point(x, y);
  } catch {
    throw new ContentError(field, "must be on the curve");
  }
}
