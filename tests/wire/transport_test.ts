import assert from "node:assert/strict";
import fc from "fast-check";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { systemRandom } from "../../lib/arith/random.ts";
import { x25519, x25519Public } from "../../lib/crypto/box.ts";
import { concat, fromHex, fromUtf8, toHex, utf8 } from "../../lib/encoding/bytes.ts";
import { WireError } from "../../lib/mesh/errors.ts";
import { FrameOpener, FrameSealer, MAX_CLEARTEXT_BYTES } from "../../lib/mesh/frames.ts";
import {
  agree,
  deriveTransportKeys,
  keyExchangeLine,
  parseKeyExchangeLine,
} from "../../lib/mesh/key_exchange.ts";
import { NonceMemory, NonceSequence } from "../../lib/mesh/nonces.ts";
import { MAX_BACKLOG_BYTES, Transport } from "../../lib/mesh/transport.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { pipe, type PipeEnd, scripted, settle } from "./pipe.ts";
import { vectors } from "./vectors.ts";

const x = vectors.transport_keys.vectors[0]!;

/** Asserts a rejection with a WireError of this kind. */
async function rejects(work: Promise<unknown>, kind: string): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof WireError, `${error}`);
    assert.equal(error.kind, kind, error.message);
    return true;
  });
}

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

/** Two transports over a pipe. */
async function connected(chunk?: number): Promise<
  {
    server: Transport;
    client: Transport;
    serverEnd: PipeEnd;
    clientEnd: PipeEnd;
    clock: VirtualClock;
  }
> {
  const [serverEnd, clientEnd] = pipe(chunk);
  const clock = new VirtualClock();
  const options = { clock, random: systemRandom };
  const [server, client] = await Promise.all([
    Transport.accept(serverEnd, options),
    Transport.connect(clientEnd, options),
  ]);
  return { server, client, serverEnd, clientEnd, clock };
}

Deno.test("Transport carries messages both ways, however the stream is cut", async () => {
  for (const chunk of [1, 7, 45, 1 << 20]) {
    const { server, client, serverEnd, clock } = await connected(chunk);
    assert.deepEqual(server.peerEphemeral, client.ownEphemeral);
    assert.deepEqual(client.peerEphemeral, server.ownEphemeral);
    const messages = ["a", "b".repeat(1000), "c".repeat(20_000)].map(utf8);
    const sending = Promise.all(messages.map((m) => server.send(m)));
    for (const m of messages) assert.deepEqual(await client.receive(), m);
    await sending;
    await client.send(utf8("back"));
    assert.equal(fromUtf8(await server.receive()), "back");
    assert.equal(clock.pending, 0);
    assert.equal(server.backlog, 0);
    assert.ok(!toHex(serverEnd.written()).includes(toHex(utf8("bbbbbbbb"))));
  }
});

Deno.test("Transport carries the largest message and refuses a larger one without closing", async () => {
  const { server, client } = await connected();
  const largest = new Uint8Array(MAX_CLEARTEXT_BYTES).fill(1);
  await rejects(server.send(new Uint8Array(MAX_CLEARTEXT_BYTES + 1)), "too-large");
  await rejects(server.send(new Uint8Array(0)), "too-large");
  const sending = server.send(largest);
  assert.deepEqual(await client.receive(), largest);
  await sending;
  assert.ok(!server.closed);
});

Deno.test("Transport speaks the vectors' key exchange, server first", async () => {
  const [serverEnd, clientEnd] = pipe();
  const clock = new VirtualClock();
  const accepting = Transport.accept(serverEnd, {
    clock,
    random: scripted(fromHex(x.server_private), new Uint8Array(24)),
  });
  await settle();
  assert.equal(fromUtf8(serverEnd.written()), x.server_transport_request_utf8);
  const connecting = Transport.connect(clientEnd, {
    clock,
    random: scripted(fromHex(x.client_private), new Uint8Array(24)),
  });
  const [server, client] = await Promise.all([accepting, connecting]);
  assert.equal(fromUtf8(clientEnd.written()), x.client_transport_request_utf8);
  assert.equal(toHex(server.peerEphemeral), x.client_public);
  assert.equal(toHex(client.ownEphemeral), x.client_public);
});

Deno.test("Transport keeps what follows the newline for the frames", async () => {
  const [serverEnd, line] = pipe();
  const key = new FrameSealer(fromHex(x.c2s_key), new NonceSequence(new Uint8Array(24).fill(5)));
  line.inject(
    concat(utf8(x.client_transport_request_utf8), key.seal(utf8("one")), key.seal(utf8("two"))),
  );
  const server = await Transport.accept(serverEnd, {
    clock: new VirtualClock(),
    random: scripted(fromHex(x.server_private), new Uint8Array(24)),
  });
  assert.equal(fromUtf8(await server.receive()), "one");
  assert.equal(fromUtf8(await server.receive()), "two");
});

Deno.test("Transport closes on a bad key exchange and says nothing secret", async () => {
  const good = x.client_transport_request_utf8;
  const cases: [string, string][] = [
    ["\n", "key-exchange"],
    [good.replace("2", "1"), "key-exchange"],
    [x.server_transport_request_utf8, "key-exchange"], // our own key, reflected
    ["x".repeat(4096) + "\n", "key-exchange"],
    ["x".repeat(5000), "key-exchange"],
    [good.slice(0, -1) + " ".repeat(4096 - good.length) + " \n", "key-exchange"],
  ];
  for (const [bytes, kind] of cases) {
    const [serverEnd, line] = pipe();
    line.inject(utf8(bytes));
    await rejects(
      Transport.accept(serverEnd, {
        clock: new VirtualClock(),
        random: scripted(fromHex(x.server_private)),
      }),
      kind,
    );
    assert.ok(serverEnd.closed);
  }
  const [serverEnd, line] = pipe();
  line.inject(utf8(good.slice(0, -1) + " ".repeat(4096 - good.length) + "\n"));
  const fits = await Transport.accept(serverEnd, {
    clock: new VirtualClock(),
    random: scripted(fromHex(x.server_private), new Uint8Array(24)),
  });
  assert.equal(toHex(fits.peerEphemeral), x.client_public);
});

Deno.test("Transport.connect() answers nothing to a server it refuses", async () => {
  const [clientEnd, line] = pipe();
  const nist = vectors.transport_keys.vectors[3]!;
  line.inject(utf8(nist.server_transport_request_utf8));
  const options = { clock: new VirtualClock(), random: systemRandom };
  await rejects(Transport.connect(clientEnd, options), "key-exchange");
  assert.equal(clientEnd.written().length, 0);
  assert.ok(clientEnd.closed);
});

Deno.test("Transport gives the whole key exchange five seconds", async () => {
  const [serverEnd, line] = pipe();
  const clock = new VirtualClock();
  const accepting = rejects(
    Transport.accept(serverEnd, { clock, random: systemRandom }),
    "deadline",
  );
  for (let s = 0; s < 4; s++) { // a trickle does not extend the deadline
    await clock.advance(1000);
    line.inject(utf8("{"));
  }
  assert.ok(!serverEnd.closed);
  await clock.advance(1000);
  await accepting;
  assert.ok(serverEnd.closed);
});

Deno.test("Transport.receive() closes when the same frame comes again", async () => {
  const { server, client, serverEnd } = await connected();
  const before = serverEnd.written().length;
  await server.send(utf8("pay"));
  const frame = serverEnd.written().subarray(before);
  assert.equal(fromUtf8(await client.receive()), "pay");
  serverEnd.inject(frame);
  await rejects(client.receive(), "replay");
  assert.ok(client.closed);
  assert.equal(client.fault?.kind, "replay");
  await rejects(client.receive(), "replay");
  await rejects(client.send(utf8("x")), "replay");
});

Deno.test("Transport.receive() closes on garbage, on reflected frames and on truncation", async () => {
  const garbage = await connected();
  garbage.serverEnd.inject(systemRandom(44));
  await rejects(garbage.client.receive(), "frame");

  const reflected = await connected();
  const before = reflected.clientEnd.written().length;
  await reflected.client.send(utf8("hello"));
  reflected.serverEnd.inject(reflected.clientEnd.written().subarray(before));
  await rejects(reflected.client.receive(), "frame");

  for (const length of [0, 20, 44, 60]) {
    const [serverEnd, line] = pipe();
    const peer = new FrameSealer(fromHex(x.c2s_key), new NonceSequence(new Uint8Array(24)));
    line.inject(utf8(x.client_transport_request_utf8));
    line.inject(peer.seal(utf8("never whole")).subarray(0, length));
    line.close();
    const server = await Transport.accept(serverEnd, {
      clock: new VirtualClock(),
      random: scripted(fromHex(x.server_private), new Uint8Array(24)),
    });
    await rejects(server.receive(), "closed");
    assert.ok(serverEnd.closed);
  }
});

Deno.test("Transport.receive() gives one frame one deadline", async () => {
  const { server, client, serverEnd, clientEnd, clock } = await connected();
  const receiving = client.receive();
  await clock.advance(36_999);
  assert.ok(!client.closed);
  await server.send(utf8("in time"));
  assert.equal(fromUtf8(await receiving), "in time");

  const slow = rejects(client.receive(4000), "deadline");
  for (let i = 0; i < 4; i++) { // a trickle does not extend the deadline
    serverEnd.inject(systemRandom(10));
    await clock.advance(1000);
  }
  await slow;
  assert.ok(clientEnd.closed);
  assert.equal(clock.pending, 0);
});

Deno.test("Transport.send() closes when the peer does not read for four seconds", async () => {
  const { server, serverEnd, clock } = await connected();
  serverEnd.hold = true;
  const first = rejects(server.send(utf8("stuck")), "deadline");
  const second = rejects(server.send(utf8("behind")), "deadline");
  await clock.advance(4000);
  await first;
  await second;
  assert.ok(serverEnd.closed);
  assert.equal(server.backlog, 0);
});

Deno.test("Transport.send() bounds what waits for a slow peer", async () => {
  const { server, serverEnd, clock } = await connected();
  serverEnd.hold = true;
  const big = new Uint8Array(MAX_CLEARTEXT_BYTES);
  const waiting: Promise<void>[] = [];
  while (server.backlog + big.length <= MAX_BACKLOG_BYTES) {
    waiting.push(server.send(big));
  }
  assert.equal(waiting.length, 15);
  await rejects(server.send(big), "backlog");
  assert.ok(!server.closed);
  const settled = Promise.allSettled(waiting);
  server.close();
  assert.equal(server.fault?.kind, "closed");
  await clock.advance(4000); // this pipe keeps a held write waiting even when closed
  assert.ok((await settled).every((one) => one.status === "rejected"));
  assert.equal(server.backlog, 0);
});

Deno.test("Transport.receive() refuses to run twice at once", async () => {
  const { client, server } = await connected();
  const first = client.receive();
  await assert.rejects(client.receive(), TypeError);
  await server.send(utf8("x"));
  await first;
});

Deno.test("x25519Public() and x25519() refuse keys of another length", () => {
  assert.equal(toHex(x25519Public(fromHex(x.server_private))), x.server_public);
  assert.throws(() => x25519(new Uint8Array(31), new Uint8Array(32)), RangeError);
  assert.throws(() => x25519(new Uint8Array(32), new Uint8Array(33)), RangeError);
});
