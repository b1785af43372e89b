/**
 * Reads message contents: every helper checks presence, kind, sign and size of one field and
 * throws a {@link ContentError} that names the field by its path (specification: tss-core
 * section 1). Names are exact; unknown extra fields are ignored.
 *
 * @module
 */

import type { Curve, CurvePoint } from "../crypto/curve.ts";
import { bitLength, fromBase64 } from "../encoding/bytes.ts";
import type { Json, JsonObject } from "../encoding/json.ts";
import { ContentError } from "./errors.ts";
import { parsePoint } from "./points.ts";

/** An object being read, with the path that errors name. */
export interface Fields {
  /** Where the object stands, for example `ProofBob`. */
  readonly path: string;
  /** Its members. */
  readonly values: JsonObject;
}

/** What an integer must keep to. */
export interface IntRules {
  /** Smallest value allowed; 0 unless given. */
  readonly min?: bigint;
  /** Largest value allowed. */
  readonly max?: bigint;
  /** Most bits of the magnitude. */
  readonly bits?: number;
}

/** What a list of integers must keep to; the integer rules hold for every element. */
export interface IntListRules extends IntRules {
  /** Exact number of elements. */
  readonly length?: number;
  /** Fewest elements; 0 unless given. */
  readonly minLength?: number;
  /** Most elements; 256 unless given. */
  readonly maxLength?: number;
}

/** What a byte string must keep to. */
export interface BytesRules {
  /** Exact length. */
  readonly length?: number;
  /** Fewest bytes; 1 unless given. */
  readonly min?: number;
  /** Most bytes; 64 unless given. */
  readonly max?: number;
}

/**
 * Takes `json` for an object.
 *
 * @throws {ContentError} if it is absent, null or of another kind.
 */
export function object(json: Json | undefined, field: string): Fields {
  if (json === undefined || json === null) throw new ContentError(field, "is missing");
  if (!(json instanceof Map)) throw new ContentError(field, "must be an object");
  return { path: field, values: json };
}

/** Returns the path of a member, to hand to a parser as its `field`. */
export function pathOf(obj: Fields, name: string): string {
  return obj.path === "" ? name : `${obj.path}.${name}`;
}

/**
 * Returns a member that is present and not null.
 *
 * @throws {ContentError} if it is missing or null.
 */
export function value(obj: Fields, name: string): Exclude<Json, null> {
  const json = obj.values.get(name);
  if (json === undefined || json === null) throw new ContentError(pathOf(obj, name), "is missing");
  return json;
}

/**
 * Checks an integer that is not a member of an object.
 *
 * @throws {ContentError} if it is missing, no integer, or breaks a rule.
 */
export function checkInt(json: Json | undefined, field: string, rules: IntRules = {}): bigint {
  if (json === undefined || json === null) throw new ContentError(field, "is missing");
  if (typeof json !== "bigint") throw new ContentError(field, "must be an integer");
  const { min = 0n, max, bits } = rules;
  if (json < min) {
    throw new ContentError(
      field,
      min === 0n ? "must not be negative" : min === 1n ? "must be positive" : "is too small",
    );
  }
  if (max !== undefined && json > max) throw new ContentError(field, "is too large");
  if (bits !== undefined && bitLength(json) > bits) {
    throw new ContentError(field, `must have at most ${bits} bits`);
  }
  return json;
}

/**
 * Checks a list of integers that is not a member of an object.
 *
 * @throws {ContentError} if it is missing, no list, of a wrong length, or an element is refused.
 */
export function checkIntList(
  json: Json | undefined,
  field: string,
  rules: IntListRules = {},
): bigint[] {
  if (json === undefined || json === null) throw new ContentError(field, "is missing");
  if (!Array.isArray(json)) throw new ContentError(field, "must be a list");
  const { length, minLength = 0, maxLength = 256 } = rules;
  if (length !== undefined && json.length !== length) {
    throw new ContentError(field, `must have ${length} elements`);
  }
  if (json.length < minLength) {
    throw new ContentError(field, `must have at least ${minLength} elements`);
  }
  if (length === undefined && json.length > maxLength) {
    throw new ContentError(field, `must have at most ${maxLength} elements`);
  }
  return json.map((element, i) => checkInt(element, `${field}[${i}]`, rules));
}

/** Reads an integer member; see {@link checkInt}. */
export function int(obj: Fields, name: string, rules: IntRules = {}): bigint {
  return checkInt(obj.values.get(name), pathOf(obj, name), rules);
}

/** Reads a member that is a list of integers; see {@link checkIntList}. */
export function intList(obj: Fields, name: string, rules: IntListRules = {}): bigint[] {
  return checkIntList(obj.values.get(name), pathOf(obj, name), rules);
}

/**
 * Reads a byte string in standard base64.
 *
 * @throws {ContentError} if it is missing, no base64, or of a wrong length.
 */
export function bytes(
  obj: Fields,
  name: string,
  rules: BytesRules = {},
): Uint8Array<ArrayBuffer> {
  const field = pathOf(obj, name);
  const text = value(obj, name);
  if (typeof text !== "string") throw new ContentError(field, "must be a base64 string");
  const { length, min = length ?? 1, max = length ?? 64 } = rules;
  // Before decoding, so that nobody can make us decode megabytes for nothing (CR and LF may sit
  // between the characters).
  if (text.length > 4 * max + 16) throw new ContentError(field, `must have at most ${max} bytes`);
  let out: Uint8Array<ArrayBuffer>;
  try {
    out = fromBase64(text);
  } catch {
    throw new ContentError(field, "must be base64 with padding");
  }
  if (out.length < min) throw new ContentError(field, `must have at least ${min} bytes`);
  if (out.length > max) throw new ContentError(field, `must have at most ${max} bytes`);
  return out;
}

/** Reads a point of `curve`; see {@link parsePoint}. */
export function point(obj: Fields, name: string, curve: Curve): CurvePoint {
  return parsePoint(obj.values.get(name), curve, pathOf(obj, name));
}
