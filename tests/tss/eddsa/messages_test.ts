import assert from "node:assert/strict";
import { ed25519 } from "../../../lib/crypto/curve.ts";
import { type Json, parseJson, stringifyJson } from "../../../lib/encoding/json.ts";
import type { MessageType } from "../../../lib/tss/message_type.ts";
import {
  keygenMessages,
  keygenRound1,
  keygenRound2Opening,
  keygenRound2Share,
  resharingMessages,
  resharingRound1,
  resharingRound3Opening,
  resharingRound3Share,
  signingMessages,
  signingRound1,
  signingRound2,
  signingRound3,
} from "../../../lib/tss/eddsa/messages.ts";
import { ContentError, ProtocolError } from "../../../lib/tss/errors.ts";
import { at, heard, readTranscript } from "../replay.ts";
import { L, withFields } from "./support.ts";

const all = [...keygenMessages, ...signingMessages, ...resharingMessages];
const recorded = [
  "eddsa-keygen-3-1.json",
  "eddsa-sign-2of3.json",
  "eddsa-reshare-3to4.json",
  "eddsa-sign-after-reshare.json",
].flatMap((file) => readTranscript(file).messages);
const example = (spec: { type: string }): Json =>
  structuredClone(recorded.find((m) => m.type === spec.type)!.content);

Deno.test("every recorded message parses and is written back byte for byte", () => {
  assert.equal(all.length, 11);
  assert.deepEqual(new Set(recorded.map((m) => m.type)), new Set(all.map((spec) => spec.type)));
  for (const m of recorded) {
    const spec = all.find((s) => s.type === m.type) as MessageType<unknown>;
    assert.equal(stringifyJson(spec.toJson(spec.parse(m.content))), stringifyJson(m.content));
    assert.equal(spec.broadcast, m.broadcast);
    assert.equal(spec.round, m.round);
    assert.equal(spec.from, m.fromRole);
  }
});

Deno.test("no message parses from another kind of JSON", () => {
  for (const spec of all) {
    for (const json of [null, [], "{}", 0n, false] as Json[]) {
      assert.throws(() => spec.parse(json), ContentError, spec.type);
    }
  }
});

Deno.test("unknown extra fields are ignored, other spellings are not taken for the field", () => {
  const content = withFields(example(signingRound3), { Extra: [1n] });
  assert.equal(signingRound3.parse(content).s, at(content, "S"));
  assert.throws(() => signingRound3.parse(parseJson('{"s":5}')), /S: is missing/);
});

const P = ed25519.p;
const flat = (v: Json, i: number, list: Json): Json =>
  (list as Json[]).map((old, k) => k === i ? v : old);
const opening = (spec: { type: string }, field: string) => at(example(spec), field) as bigint[];
const proofWith = (field: string, v: Json): Json =>
  withFields(at(example(signingRound2), "ZKProof"), { [field]: v });
const pointWith = (coords: Json, curve: Json = "ed25519"): Json =>
  new Map<string, Json>([["Curve", curve], ["Coords", coords]]);
const pub = at(example(resharingRound1), "EDDSAPub", "Coords") as bigint[];

interface Parser {
  readonly type: string;
  parse(json: Json): unknown;
}

/** Values that no integer field takes. */
const NO_INTEGER: Json[] = [null, "5", [], true, -1n, 1n << 256n, new Map()];
const cases: [Parser, string, Json[]][] = [
  [keygenRound1, "Commitment", [...NO_INTEGER, 0n]],
  [signingRound1, "Commitment", [...NO_INTEGER, 0n]],
  [resharingRound1, "VCommitment", [...NO_INTEGER, 0n]],
  [signingRound3, "S", [...NO_INTEGER, L, L + 1n]],
  ...[keygenRound2Share, resharingRound3Share].flatMap((spec): typeof cases => [
    [spec, "Share", [...NO_INTEGER, 0n, L]],
    [spec, "ReceiverID", [null, "", "A", "AA=", "not base64", [0n, 1n], 5n, "A".repeat(44)]],
  ]),
  [resharingRound1, "EDDSAPub", [
    null,
    [],
    new Map(),
    pointWith(null),
    pointWith(pub, ""),
    pointWith(pub, "secp256k1"),
    pointWith(pub, "Ed25519"),
    pointWith([pub[0]!]),
    pointWith([...pub, 1n]),
    pointWith([-pub[0]!, pub[1]!]),
    pointWith([pub[0]! + P, pub[1]!]),
    pointWith([pub[0]!, pub[1]! + (1n << 255n)]),
    pointWith([0n, 1n]),
    pointWith([pub[0]!, pub[1]! + 1n]),
  ]],
  [keygenRound2Opening, "ZKProof", [null, [], new Map()]],
  [signingRound2, "ZKProof", [
    proofWith("T", null),
    proofWith("T", 0n),
    proofWith("T", L),
    proofWith("T", -1n),
    proofWith("Alpha", null),
    proofWith("Alpha", pointWith([1n, 1n])),
    proofWith("Alpha", pointWith([-pub[0]!, pub[1]!])),
  ]],
  ...([
    [keygenRound2Opening, "DeCommitment"],
    [resharingRound3Opening, "VDeCommitment"],
    [signingRound2, "DeCommitment"],
  ] as const).map(([spec, field]): typeof cases[number] => {
    const D = opening(spec, field);
    return [spec, field, [
      null,
      new Map(),
      [],
      [D[0]!],
      D.slice(0, -1),
      [...D, 0n],
      flat(null, 1, D),
      flat(-D[1]!, 1, D),
      flat(D[1]! + P, 1, D),
      flat(P, 2, D),
      flat(-1n, 0, D),
      flat(1n << 256n, 0, D),
      flat("1", 2, D),
      Array(5000).fill(1n),
    ]];
  }),
  [signingRound2, "DeCommitment", [
    [...opening(signingRound2, "DeCommitment"), ...opening(signingRound2, "DeCommitment").slice(1)],
  ]],
];

for (const [spec, field, values] of cases) {
  Deno.test(`${spec.type} refuses a bad ${field}`, () => {
    const content = example(spec);
    assert.doesNotThrow(() => spec.parse(content));
    const missing = new Map(content as Map<string, Json>);
    missing.delete(field);
    for (const bent of [missing, ...values.map((v) => withFields(content, { [field]: v }))]) {
      assert.throws(() => spec.parse(bent), (error: Error) => {
        assert.ok(error instanceof ContentError, `${stringifyJson(bent)}: ${error.stack}`);
        assert.ok(error.field.startsWith(`content.${field}`), error.field);
        return true;
      }, stringifyJson(bent));
    }
  });
}

Deno.test("a malformed message names its sender", () => {
  const t = readTranscript("eddsa-keygen-3-1.json");
  const messages = t.messages.map((m) =>
    m.type === keygenRound1.type && m.from === 2 ? { ...m, content: null } : m
  );
  assert.throws(() => heard({ ...t, messages }, keygenRound1, 0), (error: Error) => {
    assert.ok(error instanceof ProtocolError);
    assert.deepEqual(error.culprits, [2]);
    return true;
  });
});
