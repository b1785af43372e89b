/**
 * The vectors of `testdata/core.json`: every case as made by the reference and every changed copy
 * of it (the file's form is told in the vectors' own README).
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Json, type JsonObject, parseJson } from "../../lib/encoding/json.ts";
import { ContentError } from "../../lib/tss/errors.ts";

/** The whole file. */
export const core: JsonObject = obj(
  parseJson(Deno.readFileSync(new URL("../../testdata/core.json", import.meta.url))),
);

/** Takes a value for an object. */
export function obj(json: Json | undefined): JsonObject {
  assert(json instanceof Map, "the vector has no such object");
  return json;
}

/** Returns a member that is an object. */
export function sub(json: JsonObject, name: string): JsonObject {
  return obj(json.get(name));
}

/** Returns a member that is a list. */
export function list(json: JsonObject, name: string): Json[] {
  const value = json.get(name);
  assert(Array.isArray(value), `the vector has no list ${name}`);
  return value;
}

/** Returns a member that is an integer. */
export function big(json: JsonObject, name: string): bigint {
  const value = json.get(name);
  assert(typeof value === "bigint", `the vector has no integer ${name}`);
  return value;
}

/** Returns a member that is a string. */
export function str(json: JsonObject, name: string): string {
  const value = json.get(name);
  assert(typeof value === "string", `the vector has no string ${name}`);
  return value;
}

/** Returns all cases of a kind. */
export function casesOf(kind: string): JsonObject[] {
  const found = list(core, "cases").map(obj).filter((c) => c.get("kind") === kind);
  assert(found.length > 0, `no vector of kind ${kind}`);
  return found;
}

/** Copies a JSON value. */
function copy(json: Json): Json {
  if (Array.isArray(json)) return json.map(copy);
  if (json instanceof Map) return new Map([...json].map(([k, v]) => [k, copy(v)]));
  return json;
}

/** Returns a copy of `json` with the value at `path`, a JSON pointer, replaced. */
export function patched(json: JsonObject, path: string, value: Json): JsonObject {
  const out = obj(copy(json));
  const steps = path.split("/").slice(1);
  const last = steps.pop()!;
  let at: Json | undefined = out;
  for (const step of steps) at = Array.isArray(at) ? at[Number(step)] : obj(at).get(step);
  if (Array.isArray(at)) at[Number(last)] = value;
  else obj(at).set(last, value);
  return out;
}

/** Reads a case and says the verifier's verdict; a refusal while parsing throws ContentError. */
export type Verdict = (inputs: JsonObject, proof: Json | undefined) => boolean;

/** The verdict on one case; ContentError counts as refused, any other error is a failure. */
function accepts(verdict: Verdict, vector: JsonObject): boolean {
  try {
    return verdict(sub(vector, "inputs"), vector.get("proof"));
  } catch (error) {
    if (error instanceof ContentError) return false;
    throw error;
  }
}

const REFUSED = ["tampered", "go_accepts_but_should_reject", "go_panics_but_should_reject"];

/**
 * Registers a test per case and per changed copy: the case is accepted, `tampered` and both
 * `…_should_reject` lists are refused, and `either_is_fine` gives what `either` says for its note.
 */
export function testCases(
  kind: string,
  verdict: Verdict,
  either: Record<string, boolean> = {},
): void {
  for (const vector of casesOf(kind)) {
    const name = str(vector, "name");
    Deno.test(`${name} vector: the reference's proof is accepted`, () => {
      assert.equal(vector.get("expect"), "accept");
      assert.equal(accepts(verdict, vector), true);
    });
    for (const group of REFUSED) {
      for (const change of (vector.has(group) ? list(vector, group) : []).map(obj)) {
        const path = str(change, "path");
        const note = str(change, "note");
        Deno.test(`${name} vector: ${path} (${note}) is refused`, () => {
          assert.equal(change.get("expect"), "reject");
          assert.equal(accepts(verdict, patched(vector, path, change.get("value") ?? null)), false);
        });
      }
    }
    for (
      const change of (vector.has("either_is_fine") ? list(vector, "either_is_fine") : []).map(obj)
    ) {
      const note = str(change, "note");
      const key = Object.keys(either).find((k) => note.startsWith(k));
      Deno.test(`${name} vector: ${note}`, () => {
        assert(key !== undefined, "the test says nothing about this change");
        const changed = patched(vector, str(change, "path"), change.get("value") ?? null);
        assert.equal(accepts(verdict, changed), either[key]);
      });
    }
  }
}
