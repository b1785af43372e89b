/**
 * Every field of every round message of every protocol, replaced by what a hostile party might
 * send: the parser must refuse it with an error that lets the inbox blame the sender, never with
 * another kind of error (attack table E1, E10, E11; C1, B4, A8 in part).
 */

import assert from "node:assert/strict";
import { type Json, type JsonObject, NonInteger, parseJson } from "../../lib/encoding/json.ts";
import type { MessageSpec } from "../../lib/tss/channel.ts";
import * as ecdsa from "../../lib/tss/ecdsa/messages.ts";
import * as eddsa from "../../lib/tss/eddsa/messages.ts";
import { ContentError } from "../../lib/tss/errors.ts";
import { readTranscript } from "../tss/replay.ts";

const specs: MessageSpec<unknown>[] = [ecdsa, eddsa].flatMap((m) => [
  ...m.keygenMessages,
  ...m.signingMessages,
  ...m.resharingMessages,
]);

const files = [
  "ecdsa-keygen-3-1.json",
  "ecdsa-sign-2of3.json",
  "ecdsa-reshare-3to3.json",
  "eddsa-keygen-3-1.json",
  "eddsa-sign-2of3.json",
  "eddsa-reshare-3to4.json",
];
const recorded = new Map(
  files.flatMap((file) => readTranscript(file).messages.map((m) => [m.type, m.content])),
);

type Path = (string | number)[];

/** Paths of all members and of the first, a middle and the last element of lists. */
function paths(json: Json, here: Path = []): Path[] {
  if (json instanceof Map) {
    return [...json].flatMap(([k, v]) => [[...here, k], ...paths(v, [...here, k])]);
  }
  if (Array.isArray(json)) {
    const picked = [...new Set([0, json.length >> 1, json.length - 1])].filter((i) => i >= 0);
    return picked.flatMap((i) => [[...here, i], ...paths(json[i]!, [...here, i])]);
  }
  return [];
}

function get(json: Json, path: Path): Json {
  let here = json;
  for (const step of path) {
    here = typeof step === "number" ? (here as Json[])[step]! : (here as JsonObject).get(step)!;
  }
  return here;
}

const REMOVED = Symbol();

/** A deep copy with one place changed. */
function put(json: Json, [step, ...rest]: Path, value: Json | typeof REMOVED): Json {
  if (json instanceof Map) {
    const out = new Map(json);
    if (rest.length > 0) out.set(step as string, put(json.get(step as string)!, rest, value));
    else if (value === REMOVED) out.delete(step as string);
    else out.set(step as string, value);
    return out;
  }
  const out = [...json as Json[]];
  const i = step as number;
  if (rest.length > 0) out[i] = put(out[i]!, rest, value);
  else if (value === REMOVED) out.splice(i, 1);
  else out[i] = value;
  return out;
}

const ALIENS: readonly Json[] = [
  true,
  "1",
  "",
  "\u0000",
  [],
  [[]],
  new Map(),
  new Map([["__proto__", 1n]]),
  new NonInteger("1.5"),
  new NonInteger("1e400"),
  1n << 16000n,
  -(1n << 16000n),
];

/** What may stand where `old` stands; the rest must be refused. */
function allowed(path: Path, old: Json, value: Json | typeof REMOVED): boolean {
  // An absent or empty curve name stands for secp256k1.
  if (path.at(-1) === "Curve" && old === "secp256k1") {
    return value === REMOVED || value === null || value === "";
  }
  return false;
}

for (const spec of specs) {
  Deno.test(`${spec.type} refuses hostile values everywhere and blames the sender`, () => {
    const content = recorded.get(spec.type);
    assert.ok(content !== undefined, "no such message was recorded");
    spec.parse(content);
    let tried = 0;
    for (const path of paths(content)) {
      const old = get(content, path);
      const opposite = typeof old === "bigint" && old !== 0n && path.at(-1) !== "V" ? [-old] : [];
      for (const value of [REMOVED, null, ...ALIENS, ...opposite] as (Json | typeof REMOVED)[]) {
        if (allowed(path, old, value)) continue;
        // A list may lose an element and stay acceptable where its length is the session's to say.
        if (value === REMOVED && /DeCommitment$/.test(String(path.at(-2)))) continue;
        const where = `${path.join(".")} = ${String(value)}`;
        const bent = put(content, path, value);
        assert.throws(() => spec.parse(bent), (error: Error) => {
          assert.ok(error instanceof ContentError, `${where}: ${error.stack}`);
          assert.ok(error.message.length < 300, `${where}: a long error`);
          return true;
        }, where);
        tried++;
      }
    }
    for (const bent of [null, true, 0n, "", "{}", [], new NonInteger("0.0")] as Json[]) {
      assert.throws(() => spec.parse(bent), ContentError);
      tried++;
    }
    assert.ok(tried >= 7);
  });
}

Deno.test("the recorded messages cover every type that an inbox accepts", () => {
  assert.deepEqual([...recorded.keys()].toSorted(), specs.map((s) => s.type).toSorted());
});

Deno.test("hostile JSON never reaches a parser", () => {
  for (
    const text of [
      '{"S":1,"S":2}',
      '{"S":01}',
      '{"S":+1}',
      '{"S":0x10}',
      '{"S":1}x',
      "[".repeat(40) + "]".repeat(40),
      `{"S":${"9".repeat(5000)}}`,
    ]
  ) {
    assert.throws(() => parseJson(text), SyntaxError, text.slice(0, 20));
  }
});
