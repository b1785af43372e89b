/**
 * Changes single fields of recorded or travelling message contents.
 *
 * @module
 */

import type { Json, JsonObject } from "../../../lib/encoding/json.ts";
import { at } from "../replay.ts";

/** A path into a content, for example `["ModProof", "X", 40]`. */
export type Path = readonly (string | number)[];

/** Replaces, in place, what stands at `path` by what `change` makes of it. */
export function changeAt(content: Json, path: Path, change: (old: Json) => Json): Json {
  const parent = at(content, ...path.slice(0, -1));
  const last = path.at(-1)!;
  const changed = change(at(parent, last));
  if (typeof last === "number") (parent as Json[])[last] = changed;
  else (parent as JsonObject).set(last, changed);
  return content;
}

/** Adds one. */
export function plusOne(v: Json): Json {
  return (v as bigint) + 1n;
}

/** Adds two, which keeps a modulus odd. */
export function plusTwo(v: Json): Json {
  return (v as bigint) + 2n;
}

/** Turns the sign. */
export function negated(v: Json): Json {
  return -(v as bigint);
}

/** Leaves a field without a value. */
export function absent(): Json {
  return null;
}

/** Drops the first element. */
export function shortened(v: Json): Json {
  return (v as Json[]).slice(1);
}

/** The base64 text of three bytes that are nobody's key. */
export function strangersKey(): Json {
  return "AQID";
}

/** Negates the second coordinate of a point over the field of secp256k1: still on the curve. */
export function mirrored(v: Json): Json {
  const P = 2n ** 256n - 2n ** 32n - 977n;
  return changeAt(v, ["Coords", 1], (y) => P - (y as bigint));
}
