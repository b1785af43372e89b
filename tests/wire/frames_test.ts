import assert from "node:assert/strict";
import fc from "fast-check";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { systemRandom } from "../../lib/arith/random.ts";
import { x25519, x25519Public } from "../../lib/crypto/box.ts";
import { fromHex, fromUtf8, toHex, utf8 } from "../../lib/encoding/bytes.ts";
import { WireError } from "../../lib/mesh/errors.ts";
import { FrameOpener, FrameSealer } from "../../lib/mesh/frames.ts";
import {
  agree,
  deriveTransportKeys,
  keyExchangeLine,
  parseKeyExchangeLine,
} from "../../lib/mesh/key_exchange.ts";
import { NonceMemory, NonceSequence } from "../../lib/mesh/nonces.ts";
import { vectors } from "./vectors.ts";

const x = vectors.transport_keys.vectors[0]!;

function throws(work: () => unknown, kind: string): void {
  assert.throws(work, (error) => error instanceof WireError && error.kind === kind);
}

const NIST = { "P-256": p256, "P-384": p384, "P-521": p521 } as const;

Deno.test("deriveTransportKeys() gives the vectors' keys (group transport_keys, all curves)", () => {
  assert.deepEqual(vectors.transport_keys.vectors.map((v) => v.curve), [
    "X25519",
    "P-521",
    "P-384",
    "P-256",
  ]);
  for (const v of vectors.transport_keys.vectors) {
    const server = fromHex(v.server_public), client = fromHex(v.client_public);
    // The shared secret: ours for X25519; for NIST curves an independent implementation, because
    // the node has none.
    const shared = v.curve === "X25519"
      ? x25519(fromHex(v.server_private), client)!
      : NIST[v.curve as keyof typeof NIST]
        .getSharedSecret(fromHex(v.server_private), client).subarray(1);
    assert.equal(toHex(shared), v.ecdh_shared, v.curve);
    const keys = deriveTransportKeys(shared, server, client);
    assert.equal(toHex(keys.s2c), v.s2c_key, v.curve);
    assert.equal(toHex(keys.c2s), v.c2s_key, v.curve);
    assert.equal(fromUtf8(keyExchangeLine(server)), v.server_transport_request_utf8);
    assert.equal(fromUtf8(keyExchangeLine(client)), v.client_transport_request_utf8);
  }
});

Deno.test("parseKeyExchangeLine() takes X25519 keys and refuses the curves not supported", () => {
  for (const v of vectors.transport_keys.vectors) {
    for (const line of [v.server_transport_request_utf8, v.client_transport_request_utf8]) {
      const read = () => parseKeyExchangeLine(utf8(line.slice(0, -1)));
      // Deliberately unsupported, because a Go listener never offers them: P-521, P-384, P-256.
      if (v.curve === "X25519") assert.equal(read().length, 32);
      else throws(read, "key-exchange");
    }
  }
});

Deno.test("parseKeyExchangeLine() is strict", () => {
  const key = vectors.transport_keys.vectors[0]!.client_transport_request_utf8.trim();
  const b64 = JSON.parse(key).publickey as string;
  assert.equal(toHex(parseKeyExchangeLine(utf8(key))), x.client_public);
  assert.ok(parseKeyExchangeLine(utf8(`{"version":2,"publickey":"${b64}","more":[]}`)));
  for (
    const bad of [
      "",
      "null",
      "[]",
      "2",
      `{"version":1,"publickey":"${b64}"}`,
      `{"version":3,"publickey":"${b64}"}`,
      `{"version":"2","publickey":"${b64}"}`,
      `{"version":2.0,"publickey":"${b64}"}`,
      `{"publickey":"${b64}"}`,
      `{"version":2}`,
      `{"version":2,"publickey":""}`,
      `{"version":2,"publickey":null}`,
      `{"version":2,"publickey":[1]}`,
      `{"version":2,"publickey":"${b64.slice(0, -1)}"}`,
      `{"version":2,"publickey":"${b64.slice(0, 4)}"}`,
      `{"version":2,"publickey":"${b64.slice(0, 40)}AAAA=="}`,
      `{"version":2,"version":2,"publickey":"${b64}"}`,
      `${key}x`,
      `x${key}`,
      `{"version":2,"publickey":"${b64}"`,
      `{"a":[[[[[[[[1]]]]]]]],"version":2,"publickey":"${b64}"}`,
      "\xff",
    ]
  ) throws(() => parseKeyExchangeLine(utf8(bad)), "key-exchange");
  throws(() => parseKeyExchangeLine(Uint8Array.of(0xff, 0xfe)), "key-exchange");
});

/** The u-coordinates of low order, and their twins above the prime (RFC 7748, section 7). */
const LOW_ORDER = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

Deno.test("agree() refuses points of low order and the own key", () => {
  const ownPrivate = fromHex(x.server_private), ownPublic = fromHex(x.server_public);
  for (const point of LOW_ORDER) {
    for (const top of [0x00, 0x80]) { // the top bit is ignored by X25519
      const theirPublic = fromHex(point);
      theirPublic[31]! |= top;
      throws(() => agree({ role: "server", ownPrivate, ownPublic, theirPublic }), "key-exchange");
    }
  }
  throws(
    () => agree({ role: "client", ownPrivate, ownPublic, theirPublic: ownPublic }),
    "key-exchange",
  );
  const keys = agree({
    role: "server",
    ownPrivate,
    ownPublic,
    theirPublic: fromHex(x.client_public),
  });
  assert.equal(toHex(keys.s2c), x.s2c_key);
});

Deno.test("NonceSequence gives the vector's nonces (group nonce_sequence)", () => {
  const v = vectors.nonce_sequence;
  const sequence = new NonceSequence(fromHex(v.hmac_key));
  for (const nonce of v.nonces_from_counter_1) assert.equal(toHex(sequence.next()), nonce);
  const late = new NonceSequence(fromHex(v.hmac_key), 4294967295n);
  assert.equal(toHex(late.next()), v.nonce_at_counter_4294967296);
});

Deno.test("NonceMemory notices repeats and forgets the older generation only", () => {
  const memory = new NonceMemory(4);
  const nonce = (i: number) => new Uint8Array(24).fill(i);
  for (let i = 0; i < 4; i++) assert.ok(memory.admit(nonce(i)));
  for (let i = 0; i < 4; i++) assert.ok(!memory.admit(nonce(i)));
  for (let i = 4; i < 8; i++) assert.ok(memory.admit(nonce(i)));
  for (let i = 0; i < 8; i++) assert.ok(!memory.admit(nonce(i)));
  assert.equal(memory.size, 8);
  assert.ok(memory.admit(nonce(8)));
  assert.equal(memory.size, 5);
  assert.ok(memory.admit(nonce(0)));
  const almost = nonce(0);
  almost[23] = 1; // every byte counts: a counter in the last bytes is a fine scheme
  assert.ok(memory.admit(almost));
});

const frameKey = () => fromHex(vectors.frame.key);

Deno.test("FrameSealer and FrameOpener give the vector's frames (groups frame, frame_second)", () => {
  const nonces = new NonceSequence(fromHex(vectors.nonce_sequence.hmac_key));
  const sealer = new FrameSealer(frameKey(), nonces);
  const opener = new FrameOpener(frameKey());
  for (const v of [vectors.frame, vectors.frame_second]) {
    const frame = sealer.seal(utf8(v.cleartext_utf8));
    assert.equal(toHex(frame), v.frame);
    assert.equal(v.header + v.body, v.frame);
    assert.equal(opener.openHeader(fromHex(v.header)), v.body_size);
    assert.equal(fromUtf8(opener.openBody(fromHex(v.body))), v.cleartext_utf8);
  }
});

/**
 * Where our sender differs from Go's: an empty cleartext. Go sends it and no receiver takes it, so
 * ours refuses to.
 */
Deno.test("frame sizes are bounded on both sides (group frame_size_limits)", () => {
  for (const v of vectors.frame_size_limits.vectors) {
    const sealer = new FrameSealer(frameKey(), new NonceSequence(new Uint8Array(24)));
    const opener = new FrameOpener(frameKey());
    const cleartext = new Uint8Array(v.cleartext_length);
    const sends = v.sender_accepts && v.cleartext_length > 0;
    if (sends) {
      const frame = sealer.seal(cleartext);
      assert.equal(frame.length, 44 + v.body_size);
      assert.equal(opener.openHeader(frame.subarray(0, 44)), v.body_size);
      assert.deepEqual(opener.openBody(frame.subarray(44)), cleartext);
    } else throws(() => sealer.seal(cleartext), "too-large");
    const header = headerFor(v.body_size);
    if (v.receiver_accepts_size) {
      assert.equal(new FrameOpener(frameKey()).openHeader(header), v.body_size);
    } else throws(() => new FrameOpener(frameKey()).openHeader(header), "frame");
  }
  for (const size of [0, 1, 39, 0xffffffff, 0x80000000]) {
    throws(() => new FrameOpener(frameKey()).openHeader(headerFor(size)), "frame");
  }
});

/** An authentic header that announces any size: a frame body of 4 bytes is the same box. */
function headerFor(size: number): Uint8Array {
  const four = new Uint8Array(4);
  new DataView(four.buffer).setUint32(0, size);
  const nonces = new NonceSequence(systemRandom(24));
  return new FrameSealer(frameKey(), nonces).seal(four).subarray(44);
}

Deno.test("FrameOpener refuses a frame with any bit changed", () => {
  const frame = fromHex(vectors.frame.frame);
  fc.assert(
    fc.property(fc.nat(frame.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const bad = frame.slice();
      bad[at]! ^= change;
      throws(() => {
        const opener = new FrameOpener(frameKey());
        opener.openHeader(bad.subarray(0, 44));
        opener.openBody(bad.subarray(44));
      }, "frame");
    }),
    { numRuns: 400 },
  );
});

Deno.test("FrameOpener refuses a repeated header, a repeated body, and parts swapped in", () => {
  const header = fromHex(vectors.frame.header), body = fromHex(vectors.frame.body);
  const second = fromHex(vectors.frame_second.header);
  const opener = new FrameOpener(frameKey());
  opener.openHeader(header);
  opener.openBody(body);
  throws(() => opener.openHeader(header), "replay");
  // A fresh header does not carry an old body of the same length.
  opener.openHeader(second);
  throws(() => opener.openBody(body), "replay");
});

Deno.test("x25519Public() and x25519() refuse keys of another length", () => {
  assert.equal(toHex(x25519Public(fromHex(x.server_private))), x.server_public);
  assert.throws(() => x25519(new Uint8Array(31), new Uint8Array(32)), RangeError);
  assert.throws(() => x25519(new Uint8Array(32), new Uint8Array(33)), RangeError);
});
