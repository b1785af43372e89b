import assert from "node:assert/strict";
import { type Json, type JsonInput, parseJson, stringifyJson } from "../../../lib/encoding/json.ts";
import { ContentError } from "../../../lib/tss/errors.ts";
import { type MessageType, roundTrip } from "../../../lib/tss/message_type.ts";
import {
  keygenMessages,
  resharingMessages,
  signingMessages,
} from "../../../lib/tss/ecdsa/messages.ts";
import { readTranscript } from "../replay.ts";
import { changeAt } from "./change.ts";

const FILES = [
  ["ecdsa-keygen-3-1.json", keygenMessages],
  ["ecdsa-sign-2of3.json", signingMessages],
  ["ecdsa-sign-3of3.json", signingMessages],
  ["ecdsa-sign-after-reshare.json", signingMessages],
  ["ecdsa-reshare-3to3.json", resharingMessages],
  ["ecdsa-reshare-2of3-to-4.json", resharingMessages],
] as const;

const typeOf = (list: typeof keygenMessages, name: string) =>
  list.find((spec) => spec.type === name) as MessageType<unknown>;

for (const [file, list] of FILES) {
  Deno.test(`every message of ${file} is written back byte for byte`, () => {
    const { messages } = readTranscript(file);
    const seen = new Set<string>();
    for (const m of messages) {
      const type = typeOf(list, m.type);
      assert.deepEqual([type.round, type.from, type.broadcast], [m.round, m.fromRole, m.broadcast]);
      const message = type.parse(m.content);
      assert.equal(stringifyJson(type.toJson(message)), stringifyJson(m.content));
      assert.deepEqual(roundTrip(type, message), message);
      seen.add(m.type);
    }
    assert.equal(seen.size, list.length, "a type of the protocol does not appear");
  });
}

/** Every path to a value inside a content; of long lists only the first two elements. */
function* paths(json: Json, path: (string | number)[] = []): Generator<(string | number)[]> {
  if (path.length > 0) yield path;
  if (Array.isArray(json)) {
    for (const [i, element] of json.slice(0, 2).entries()) yield* paths(element, [...path, i]);
  } else if (json instanceof Map) {
    for (const [name, member] of json) yield* paths(member, [...path, name]);
  }
}

/** Values that no field takes, whatever its type. */
const NOWHERE: Json[] = [
  null,
  true,
  "not base64!",
  parseJson("1.5"),
  parseJson("1e3"),
  -1n,
  1n << 16000n,
  [],
  new Map(),
];

for (const [file, list] of [FILES[0], FILES[1], FILES[4]] as const) {
  Deno.test(`no field in ${file} takes null, another type, a negative or a huge number`, () => {
    const { messages } = readTranscript(file);
    let refused = 0;
    for (const type of list) {
      const { content } = messages.find((m) => m.type === type.type)!;
      for (const bad of [null, [], true, "x", 1n] as Json[]) {
        assert.throws(() => type.parse(bad), ContentError);
      }
      for (const path of paths(content)) {
        // An empty curve name stands for secp256k1.
        for (const value of NOWHERE) {
          const copy = structuredClone(content);
          const bad = changeAt(copy, path, () => value);
          const name = path.join(".");
          if (value === null && path.at(-1) === "Curve") continue;
          if (value === -1n && name === "FacProof.V") continue; // the one field with a sign
          assert.throws(() => type.parse(bad), ContentError, `${type.type} ${name}`);
          refused++;
        }
      }
    }
    assert.ok(refused > 0);
  });
}

Deno.test("a message content may hold more than is asked for, as it does for the Go library", () => {
  const { messages } = readTranscript("ecdsa-sign-2of3.json");
  const theta = messages.find((m) => m.type.endsWith("SignRound3Message"))!;
  const type = typeOf(signingMessages, theta.type);
  const more = new Map([...(theta.content as Map<string, Json>), ["Extra", 1n]]);
  assert.deepEqual(type.parse(more), type.parse(theta.content));
  const misspelled: JsonInput = { theta: 1n };
  assert.throws(() => type.parse(parseJson(stringifyJson(misspelled))), ContentError);
});
