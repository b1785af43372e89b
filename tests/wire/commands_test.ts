import assert from "node:assert/strict";
import fc from "fast-check";
import type { Identity } from "../../lib/crypto/identity.ts";
import { fromHex, fromUtf8, toHex, utf8 } from "../../lib/encoding/bytes.ts";
import { stringifyJson, stringifyString } from "../../lib/encoding/json.ts";
import { goTime } from "../../lib/keystore/meta.ts";
import {
  type Command,
  COMMAND_TYPES,
  decodeCommand,
  encodeCommand,
  isCanonical,
  NIL_BYTES,
  nilList,
  SEALED_ONLY,
} from "../../lib/mesh/commands.ts";
import { WireError } from "../../lib/mesh/errors.ts";
import {
  goByteArray,
  goBytes,
  goInt64,
  goList,
  goString,
  goStringMap,
  goUint32,
  goUint8,
  MAX_LIST,
} from "../../lib/mesh/go_json.ts";
import { vectors } from "./vectors.ts";

Deno.test("goString writes the vectors' strings (group json_strings)", () => {
  assert.equal(vectors.json_strings.vectors.length, 6);
  for (const v of vectors.json_strings.vectors) {
    const bytes = fromHex(v.input_bytes);
    if (v.json_utf8.includes("\\ufffd")) {
      // Not UTF-8. Go writes an escape the first time and raw bytes ever after; text that we hold
      // is always well formed, so only the second form leaves us, and bytes like these are refused.
      assert.throws(() => fromUtf8(bytes), TypeError);
      const text = new TextDecoder().decode(bytes);
      assert.equal(goString.encode(text), v.json_utf8.replace("\\ufffd", "\ufffd"));
      continue;
    }
    assert.equal(goString.encode(fromUtf8(bytes)), v.json_utf8);
    assert.equal(stringifyString(fromUtf8(bytes)), v.json_utf8);
    const command: Command = { type: "peer-add", address: fromUtf8(bytes) };
    assert.equal(fromUtf8(encodeCommand(command)), `{"address":${v.json_utf8}}`);
    assert.deepEqual(decodeCommand("peer-add", encodeCommand(command)), command);
  }
});

Deno.test("field types write the vectors' values (group json_values)", () => {
  const v = vectors.json_values;
  assert.equal(goByteArray(4).encode(Uint8Array.of(0, 1, 254, 255)), v.array_of_4_bytes);
  assert.equal(goBytes.encode(Uint8Array.of(0xfb, 0xff)), v.bytes_fbff);
  assert.equal(goBytes.encode(new Uint8Array(0)), v.empty_byte_slice);
  assert.equal(goBytes.encode(NIL_BYTES), v.nil_byte_slice);
  assert.equal(goList(goInt64).encode(nilList()), v.nil_slice);
  assert.equal(
    goStringMap.encode(new Map([["encoding", "json"], ["compression", "none"]])),
    v.map_sorted,
  );
  // Big integers stand only inside round messages and files, which the JSON writer makes.
  assert.equal(stringifyJson(1n << 80n), v.bigint_2_pow_80);
  assert.equal(stringifyJson(-5n), v.negative_bigint);
  assert.equal(stringifyJson(null), v.nil_bigint);
  // Times stand only in key metadata. Ours are whole milliseconds; finer ones pass as text.
  const whole = JSON.parse(v.time_utc_whole), nanos = JSON.parse(v.time_utc_nanos);
  assert.equal(goTime(Date.parse(whole)), whole);
  assert.equal(goTime(Date.parse(whole) + 678), nanos.replace("6789", "678"));
  assert.equal(goTime(Date.parse(whole) + 600), nanos.replace("6789", "6"));
});

Deno.test("goStringMap sorts by bytes, not by UTF-16 units", () => {
  // U+FFFD is EF BF BD, U+1F600 is F0 9F 98 80; as UTF-16 the second comes first.
  const map = new Map([["\u{1f600}", "b"], ["\ufffd", "a"]]);
  assert.equal(goStringMap.encode(map), '{"\ufffd":"a","\u{1f600}":"b"}');
});

Deno.test("integer types keep to their ranges, both ways", () => {
  const bad = (read: () => unknown) => assert.throws(read, WireError);
  assert.equal(goUint8.decode(255n, "x"), 255);
  bad(() => goUint8.decode(256n, "x"));
  bad(() => goUint8.decode(-1n, "x"));
  assert.equal(goUint32.decode(0xffffffffn, "x"), 0xffffffff);
  bad(() => goUint32.decode(1n << 32n, "x"));
  assert.equal(goInt64.decode((1n << 63n) - 1n, "x"), (1n << 63n) - 1n);
  assert.equal(goInt64.decode(-(1n << 63n), "x"), -(1n << 63n));
  bad(() => goInt64.decode(1n << 63n, "x"));
  bad(() => goInt64.decode("1", "x"));
  for (const value of [-1, 256, 1.5, NaN]) assert.throws(() => goUint8.encode(value), RangeError);
  assert.throws(() => goInt64.encode(1n << 63n), RangeError);
  assert.throws(() => goByteArray(3).encode(new Uint8Array(2)), RangeError);
});

Deno.test("decodeCommand() reads as Go does: names, nulls, duplicates, unknown fields", () => {
  const read = (type: string, text: string) => decodeCommand(type, text);
  const ping = (originTimestamp: bigint) => ({ type: "ping", originTimestamp });
  assert.deepEqual(read("ping", '{"ORIGINTIMESTAMP":3}'), ping(3n));
  assert.deepEqual(read("ping", '{"origintime\u017ftamp":3}'), ping(3n)); // Go folds long s
  assert.deepEqual(read("ping", '{"OriginTimestamp":1,"origintimestamp":2}'), ping(2n));
  assert.deepEqual(read("ping", '{"origintimestamp":2,"OriginTimestamp":null}'), ping(2n));
  assert.deepEqual(read("ping", '{"origintimestamp":null}'), ping(0n));
  assert.deepEqual(read("ping", ' { "x" : [ {} , 1.5 ] } trailing'), ping(0n));
  assert.deepEqual(read("busy", "null"), { type: "busy" });
  assert.deepEqual(read("busy", '{"__proto__":{"a":1},"type":"ping"}'), { type: "busy" });
  const list = read("peer-list-response", '{"peers":[null,{"identity":"' + "A".repeat(40) + '"}]}');
  assert.ok(list.type === "peer-list-response");
  assert.deepEqual(list.peers.map((p) => p.identity), ["0".repeat(40), "a".repeat(40)]);
  const hello = read("hello", '{"options":{"a":null},"challenge":null}');
  assert.ok(hello.type === "hello");
  assert.deepEqual([...hello.options], [["a", ""]]);
  assert.equal(hello.challenge, NIL_BYTES);
});

Deno.test("decodeCommand() refuses what Go refuses, and what it should", () => {
  const cases: [string, string][] = [
    ["ping", "[]"],
    ["ping", '"x"'],
    ["ping", "1"],
    ["ping", ""],
    ["ping", '{"origintimestamp":9223372036854775808}'],
    ["ping", '{"origintimestamp":true}'],
    ["keygen", '{"coordinator":null}'],
    ["keygen", '{"ceremonyid":null}'],
    ["keygen", '{"ceremonyid":"00"}'],
    ["keygen", '{"committee":{}}'],
    ["keygen", '{"committee":[[]]}'],
    ["peer-list-response", '{"peers":[{"sessions":[null]}]}'],
    ["peer-list-response", '{"peers":[1]}'],
    ["hello", '{"options":[]}'],
    ["hello", '{"options":{"a":1}}'],
    ["tss", '{"data":[1,2]}'], // Go takes a list of numbers for bytes; it never writes one
    ["tss", '{"data":"QQ"}'],
    ["tss", '{"type":256}'],
    ["ceremony-result", '{"success":1}'],
    ["peer-add", '{"address":null,"address":7}'],
    ["ping", '{"x":' + "[".repeat(40) + "]".repeat(40) + "}"],
    ["ping", `{"x":${"1".repeat(41)}}`],
    ["ceremony-list-response", `{"ceremonies":[${"null,".repeat(MAX_LIST)}null]}`],
  ];
  for (const [type, text] of cases) {
    assert.throws(
      () => decodeCommand(type, text),
      (error) => error instanceof WireError && error.kind === "command",
      `${type} ${text.slice(0, 60)}`,
    );
  }
  assert.throws(() => decodeCommand("ping", Uint8Array.of(0x22, 0xff, 0x22)), WireError);
});

Deno.test("isCanonical() holds for Go's own bytes and for nothing else", () => {
  const ok = '{"ceremonyid":"' + "ab".repeat(32) + '","reason":"a\\u003eb"}';
  assert.ok(isCanonical("ceremony-abort", utf8(ok)));
  for (
    const odd of [
      ok.replace("\\u003e", ">"),
      ok.replace("\\u003e", "\\/"),
      ok.replace("abab", "ABab"),
      ok + " ",
      " " + ok,
      ok.replace(":", ": "),
      ok.replace("}", ',"x":1}'),
      ok.replace("reason", "Reason"),
      '{"reason":"a","ceremonyid":"' + "ab".repeat(32) + '"}',
      '{"ceremonyid":"' + "ab".repeat(32) + '"}',
      "\ufeff" + ok,
      "null",
      "not json",
    ]
  ) assert.ok(!isCanonical("ceremony-abort", utf8(odd)), odd);
  assert.ok(!isCanonical("pong", utf8("{}")));
  assert.ok(!isCanonical("ceremony-abort", Uint8Array.of(0xff)));
  // A nil byte string and an empty one are both Go's own, and differ.
  const sealed = (field: string) =>
    `{"ceremonyid":"${"00".repeat(32)}","type":1,"from":"${
      "0".repeat(40)
    }","flags":0,"data":${field},"signature":null}`;
  assert.ok(isCanonical("tss", utf8(sealed("null"))));
  assert.ok(isCanonical("tss", utf8(sealed('""'))));
  assert.ok(isCanonical("tss", utf8(sealed('"QQ=="'))));
  assert.ok(!isCanonical("tss", utf8(sealed('"QR=="')))); // stray bits in the padding
});

Deno.test("isCanonical() fails for committees with incomplete members", () => {
  const command = (party: string) =>
    utf8(
      `{"ceremonyid":"${"00".repeat(32)}","curve":"","committee":[${party}],"threshold":0,` +
        `"coordinator":"${"0".repeat(40)}"}`,
    );
  assert.ok(isCanonical("keygen", command(vectors.party_ids.A)));
  for (
    const party of [
      '{"id":"","moniker":"a","key":"QQ==","index":0}',
      '{"id":"a","moniker":"","key":"QQ==","index":0}',
      '{"id":"a","moniker":"a","key":null,"index":0}',
      '{"index":0}',
      "{}",
      "null",
    ]
  ) assert.ok(!isCanonical("keygen", command(party)), party);
});

/** A plain object, as the decoder makes. */
const plain = <T>(shape: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(shape, { noNullPrototype: true });
const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const bytes = fc.oneof(fc.constant(NIL_BYTES), fc.uint8Array({ maxLength: 40 }));
const text = fc.string({ unit: "binary", maxLength: 12 });
const identity = bytesOf(20).map((b) => toHex(b) as Identity);
const int64 = fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n });
const uint8 = fc.nat(255);
const uint32 = fc.nat(0xffffffff);
const hash = bytesOf(32);
const listOf = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<readonly T[]> =>
  fc.oneof(fc.constant(nilList<T>()), fc.array(item, { maxLength: 4 }));
/** Lists and byte strings that disappear when empty lose the difference between nil and empty. */
const someBytes = fc.oneof(
  fc.constant(NIL_BYTES),
  fc.uint8Array({ minLength: 1, maxLength: 40 }),
);
const someOf = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<readonly T[]> =>
  fc.oneof(fc.constant(nilList<T>()), fc.array(item, { minLength: 1, maxLength: 4 }));
const options = fc.array(fc.tuple(text, text), { maxLength: 4 })
  .map((pairs) => new Map(pairs) as ReadonlyMap<string, string>);
const party = plain({ id: text, moniker: text, key: bytes, index: int64 });
const record = {
  identity,
  address: text,
  naclPub: someBytes,
  version: uint32,
  lastSeen: int64,
  sessions: someOf(identity),
};
const status = {
  ceremonyId: hash,
  found: fc.boolean(),
  ceremonyType: text,
  status: text,
  startTime: int64,
  keyId: someBytes,
  committee: someOf(identity),
  error: text,
};
const outcome = { ceremonyId: hash, success: fc.boolean(), error: text };

const commands: { [K in Command["type"]]: Record<string, fc.Arbitrary<unknown>> } = {
  "hello": { version: uint32, options, identity, challenge: bytes, naclPub: bytes },
  "hello-response": { signature: bytes },
  "ping": { originTimestamp: int64 },
  "ping-response": { originTimestamp: int64, peerTimestamp: int64 },
  "peer-notify": { count: int64 },
  "peer-list-request": {},
  "peer-list-response": { peers: listOf(plain(record)) },
  "encrypted": {
    ephemeralPub: hash,
    nonce: bytesOf(24),
    ciphertext: bytes,
    signature: bytes,
    sender: identity,
    innerType: text,
  },
  "tss": {
    ceremonyId: hash,
    ceremonyType: uint8,
    from: identity,
    flags: uint8,
    data: bytes,
    signature: bytes,
  },
  "keygen": {
    ceremonyId: hash,
    curve: text,
    committee: listOf(party),
    threshold: int64,
    coordinator: identity,
  },
  "keygen-response": outcome,
  "sign": {
    ceremonyId: hash,
    keyId: bytes,
    committee: listOf(party),
    threshold: int64,
    data: bytes,
  },
  "sign-response": {
    ceremonyId: hash,
    success: fc.boolean(),
    r: someBytes,
    s: someBytes,
    error: text,
  },
  "reshare": {
    ceremonyId: hash,
    curve: text,
    keyId: bytes,
    oldCommittee: listOf(party),
    newCommittee: listOf(party),
    oldThreshold: int64,
    newThreshold: int64,
  },
  "reshare-response": outcome,
  "ceremony-result": outcome,
  "ceremony-abort": { ceremonyId: hash, reason: text },
  "busy": {},
  "peer-list-admin": {},
  "peer-list-admin-response": {
    peers: listOf(
      plain({ ...record, connected: fc.boolean(), live: fc.boolean(), self: fc.boolean() }),
    ),
  },
  "ceremony-status": { ceremonyId: hash },
  "ceremony-status-response": status,
  "ceremony-list": {},
  "ceremony-list-response": { ceremonies: listOf(plain(status)) },
  "node-echo": {
    nonce: hash,
    answer: fc.boolean(),
    about: listOf(identity),
    software: text,
    protocol: fc.nat(0xffff_ffff),
    now: int64,
    preParams: fc.nat(0xffff_ffff),
    presign: fc.nat(0xffff_ffff),
    standing: fc.nat(0xffff_ffff),
    contacts: listOf(plain({
      identity,
      kind: text,
      session: fc.boolean(),
      known: fc.boolean(),
      age: int64,
      roundTrip: int64,
    })),
    more: options,
  },
  "ceremony-note": { ceremonyId: hash, about: text, text },
  "ceremony-standing": { nonce: hash, ceremonyId: hash },
  "ceremony-standing-response": {
    nonce: hash,
    ceremonyId: hash,
    state: text,
    round: fc.nat(255),
    rounds: fc.nat(255),
    age: int64,
    waitingFor: listOf(identity),
    code: text,
    culprits: listOf(identity),
  },
  "node-witness": {
    ceremonyId: hash,
    part: text,
    stage: fc.nat(255),
    ask: fc.boolean(),
    entries: listOf(
      plain({ from: identity, role: fc.nat(255), name: text, digest: hash }),
    ),
    messages: listOf(plain({
      from: identity,
      ceremonyType: fc.nat(255),
      flags: fc.nat(255),
      data: bytes,
      signature: bytes,
    })),
    kind: text,
    round: fc.nat(255),
    reason: text,
    culprits: listOf(identity),
  },
  "presign": {
    ceremonyId: hash,
    keyId: bytes,
    committee: listOf(identity),
    threshold: int64,
    generation: int64,
    keep: someOf(hash),
  },
  "presign-response": { ceremonyId: hash, success: fc.boolean(), error: text },
  "presigned-sign": {
    ceremonyId: hash,
    keyId: bytes,
    committee: listOf(identity),
    threshold: int64,
    generation: int64,
    presignature: hash,
    data: bytes,
  },
  "peer-add": { address: text },
  "peer-add-response": { accepted: fc.boolean(), error: text },
};

Deno.test("encodeCommand() then decodeCommand() gives every command back", () => {
  const types = Object.keys(commands) as (keyof typeof commands)[];
  assert.deepEqual([...types].sort(), [...COMMAND_TYPES, ...SEALED_ONLY].sort());
  for (const type of types) {
    fc.assert(
      fc.property(plain(commands[type]), (body) => {
        const command = { type, ...body } as Command;
        const encoded = encodeCommand(command);
        const decoded = decodeCommand(type, encoded);
        assert.deepEqual(decoded, command);
        // The same JSON as any other writer would make of it: plain JSON.parse agrees on strings.
        assert.doesNotThrow(() => JSON.parse(fromUtf8(encoded)));
        assert.deepEqual(encodeCommand(decoded), encoded);
      }),
      { numRuns: 60 },
    );
  }
});
