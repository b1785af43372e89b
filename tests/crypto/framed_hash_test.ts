import assert from "node:assert/strict";
import {
  framedHash,
  hashInts,
  hashIntsTagged,
  partyContext,
  ssidOf,
  textToInt,
} from "../../lib/crypto/framed_hash.ts";
import { fromHex, minimalBytes, toHex, utf8 } from "../../lib/encoding/bytes.ts";
import { type Json, type JsonObject } from "../../lib/encoding/json.ts";
import { big, core, list, obj, str, sub } from "../tss/core_vectors.ts";

const tables = sub(core, "hash");

function rows(name: string): JsonObject[] {
  const out = list(tables, name).map(obj);
  assert(out.length > 0);
  return out;
}

/** An absent integer hashes like zero. */
function ints(row: JsonObject): bigint[] {
  return list(row, "in").map((n: Json) => n === null ? 0n : n as bigint);
}

function hex64(n: bigint): string {
  return n.toString(16).padStart(64, "0");
}

Deno.test("framedHash() gives the reference's table", () => {
  for (const row of rows("sha512_256")) {
    const parts = list(row, "in").map((h) => fromHex(h === null ? "" : h as string));
    assert.equal(toHex(framedHash(...parts)), row.get("out") ?? "");
  }
});

Deno.test("framedHash() of nothing is empty", () => {
  assert.equal(framedHash().length, 0);
});

Deno.test("hashInts() and ssidOf() give the reference's table", () => {
  for (const row of rows("sha512_256i")) {
    const ns = ints(row);
    assert.equal(hex64(hashInts(ns)), str(row, "out"));
    assert.equal(toHex(ssidOf(ns)), str(row, "minimal_bytes"));
  }
});

Deno.test("hashIntsTagged() gives the reference's table", () => {
  for (const row of rows("sha512_256i_tagged")) {
    const tag = row.get("tag");
    const result = hashIntsTagged(fromHex(typeof tag === "string" ? tag : ""), ints(row));
    assert.equal(hex64(result), str(row, "out"));
  }
});

Deno.test("a challenge is the hash reduced once, as in the reference's table", () => {
  for (const row of rows("rejection_sample")) {
    assert.equal(big(row, "hash") % big(row, "modulus"), big(row, "out"));
  }
});

Deno.test("partyContext() gives the reference's table", () => {
  for (const row of rows("append_context")) {
    const n = big(row, "n");
    assert.equal(toHex(partyContext(fromHex(str(row, "prefix")), Number(n))), str(row, "out"));
  }
});

Deno.test("partyContext() refuses an index that is no position", () => {
  for (const index of [-1, 0.5, NaN]) {
    assert.throws(() => partyContext(new Uint8Array(0), index), RangeError);
  }
});

Deno.test("ssidOf() gives the worked example of specification section 2.8", () => {
  const keys = [
    0x00112233445566778899aabbccddeeff00112233n,
    0x5a5b5c5d5e5f606162636465666768696a6b6c6dn,
    0xa1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4n,
  ];
  const ceremonyId = Array.from({ length: 32 }, (_, i) => i + 1)
    .reduce((n, b) => n * 256n + BigInt(b), 0n);
  const P = 2n ** 256n - 2n ** 32n - 977n;
  const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const Gx = 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798n;
  const Gy = 0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8n;
  const ssid = ssidOf([
    textToInt("ecdsa-keygen"),
    ...[P, N, 7n, Gx, Gy],
    ...keys,
    ...[3n, 1n, 1n, 0n, ceremonyId],
  ]);
  assert.equal(toHex(ssid), "b061ba7dd4bfc053f837b2bc87283713cc3eaf040cab8b67ad1d2a0e10f55982");
  assert.equal(toHex(partyContext(ssid, 0)), toHex(ssid) + "00000000");
  assert.equal(toHex(partyContext(ssid, 2)), toHex(ssid) + "0000000102");
});

Deno.test("textToInt() reads a name as a big-endian number", () => {
  assert.equal(textToInt("ecdsa-keygen"), 31378144013123926749822281070n);
  assert.deepEqual(minimalBytes(textToInt("ecdsa-keygen")), utf8("ecdsa-keygen"));
});
