import assert from "node:assert/strict";
import fc from "fast-check";
import type { Identity } from "../../lib/crypto/identity.ts";
import { fromHex, fromUtf8, utf8 } from "../../lib/encoding/bytes.ts";
import {
  addHistory,
  decodeMeta,
  encodeMeta,
  goTime,
  MAX_HISTORY,
  MetaError,
  newKeyMeta,
} from "../../lib/keystore/meta.ts";
import { openStoreFile } from "../../lib/keystore/store_file.ts";
import { CEREMONY_2, KEY_A, NOW, sampleMeta } from "./helpers.ts";

const vector = JSON.parse(
  Deno.readTextFileSync(new URL("../../testdata/mesh.json", import.meta.url)),
).store;

Deno.test("decodeMeta() reads the Go service's metadata and encodeMeta() writes it back", () => {
  const plaintext = openStoreFile(
    fromHex(vector.store_key),
    fromHex(vector.key_id),
    fromHex(vector.meta_file),
  );
  const meta = decodeMeta(plaintext, vector.key_id);
  assert.equal(meta.threshold, 1);
  assert.equal(meta.committee.length, 3);
  assert.equal(meta.createdAt, "2026-01-02T03:04:05.6789Z");
  assert.equal(meta.curve, "secp256k1");
  assert.equal(meta.generation, 0);
  assert.equal(meta.status, "active");
  assert.equal(fromUtf8(encodeMeta(meta)), vector.meta_plaintext_utf8);
});

Deno.test("goTime() drops trailing zeros as Go does", () => {
  const at = (ms: number) => goTime(Date.UTC(2026, 0, 2, 3, 4, 0, ms));
  assert.equal(at(0), "2026-01-02T03:04:00Z");
  assert.equal(at(500), "2026-01-02T03:04:00.5Z");
  assert.equal(at(120), "2026-01-02T03:04:00.12Z");
  assert.equal(at(7), "2026-01-02T03:04:00.007Z");
});

Deno.test("encodeMeta() and decodeMeta() invert each other with own fields", () => {
  const before = sampleMeta(KEY_A, {
    curve: "ed25519",
    publicKey: new Uint8Array(32).fill(7),
    shareHash: "ab".repeat(32),
    leaving: { ceremony: CEREMONY_2, committee: ["04".repeat(20), "05".repeat(20)] as Identity[] },
  });
  const { generation: _, leaving: __, ...same } = before;
  const after = newKeyMeta({
    ...same,
    nowMs: NOW + 1000,
    previous: before,
    ceremony: CEREMONY_2,
  });
  assert.equal(after.generation, 1);
  assert.deepEqual(after.history.map((h) => [h.event, h.generation]), [
    ["generated", 0],
    ["reshared", 1],
  ]);
  for (const meta of [before, after]) {
    assert.deepEqual(decodeMeta(encodeMeta(meta), KEY_A), {
      ...meta,
      publicKey: meta.publicKey as Uint8Array<ArrayBuffer>,
    });
  }
});

Deno.test("addHistory() keeps the first event and the latest ones", () => {
  let meta = sampleMeta(KEY_A);
  for (let i = 1; i <= 2 * MAX_HISTORY; i++) {
    meta = newKeyMeta({ ...meta, nowMs: NOW + i, previous: meta, generation: i });
  }
  assert.equal(meta.history.length, MAX_HISTORY);
  assert.equal(meta.history[0]!.event, "generated");
  assert.equal(meta.history.at(-1)!.generation, 2 * MAX_HISTORY);
  assert.equal(addHistory(meta, meta.history[0]!).length, MAX_HISTORY);
});

Deno.test("decodeMeta() refuses every broken field by name", () => {
  const good = JSON.parse(fromUtf8(encodeMeta(sampleMeta(KEY_A))));
  const cases: [string, unknown, RegExp][] = [
    ["committee", null, /committee/],
    ["committee", [], /committee/],
    ["committee", ["xyz"], /committee/],
    ["committee", [1], /committee/],
    ["committee", [good.committee[0], good.committee[0]], /twice/],
    ["threshold", 3, /threshold/],
    ["threshold", -1, /threshold/],
    ["threshold", 1.5, /threshold/],
    ["threshold", "1", /threshold/],
    ["key_id", "AAAA", /key_id/],
    ["key_id", "%", /key_id/],
    ["key_id", "//////////////////////8=", /key_id/],
    ["public_key", "AAAA", /public_key/],
    ["public_key", null, /public_key/],
    ["created_at", "yesterday", /created_at/],
    ["created_at", 5, /created_at/],
    ["curve", "p256", /curve/],
    ["generation", -1, /generation/],
    ["status", "lost", /status/],
    ["history", {}, /history/],
    ["history", [5], /history/],
    ["history", [{ event: "x", generation: 0, at: good.created_at }], /history/],
    ["ceremony", "ab", /ceremony/],
    ["share_sha256", "ab", /share_sha256/],
  ];
  for (const [name, value, rule] of cases) {
    const text = utf8(JSON.stringify({ ...good, [name]: value }));
    assert.throws(() => decodeMeta(text, KEY_A), (error) => {
      assert.ok(error instanceof MetaError, `${name}: ${error}`);
      assert.match(error.message, rule);
      return true;
    });
  }
  for (const text of ["", "{", "[]", "null", "5"]) {
    assert.throws(() => decodeMeta(utf8(text), KEY_A), MetaError);
  }
});

Deno.test("decodeMeta() throws nothing but MetaError for any bytes", () => {
  const good = encodeMeta(sampleMeta(KEY_A));
  fc.assert(fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
    const bent = good.slice();
    bent[at] = byte;
    try {
      decodeMeta(bent, KEY_A);
    } catch (error) {
      assert.ok(error instanceof MetaError, String(error));
    }
  }));
});
