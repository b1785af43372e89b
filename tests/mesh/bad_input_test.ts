/**
 * Everything an attacker may put on a connection: that session closes, the log says why, and the
 * others do not notice.
 */

import assert from "node:assert/strict";
import { x25519Public } from "../../lib/crypto/box.ts";
import { sha256 } from "../../lib/crypto/kdf.ts";
import { concat, toBase64, utf8 } from "../../lib/encoding/bytes.ts";
import { encodeCommand, type HelloCommand } from "../../lib/mesh/commands.ts";
import { encodeEnvelope, encodeOneHop } from "../../lib/mesh/envelope.ts";
import { challengeDigest, handshake } from "../../lib/mesh/handshake.ts";
import { HANDSHAKE_DEADLINE } from "../../lib/mesh/limits.ts";
import { Transport } from "../../lib/mesh/transport.ts";
import { seededRandom } from "../support/seeded_random.ts";
import type { MemoryConnection } from "./memory_net.ts";
import { inWorld, keyOf, RawPeer, type TestNode, World } from "./node_kit.ts";

/** A node with one honest session, to see that an attack on another one leaves it alone. */
async function guarded(attack: (world: World, node: TestNode) => Promise<void>): Promise<void> {
  await inWorld(async (world) => {
    const node = world.node("target");
    const friend = world.node("friend", { connect: [node.address] });
    await world.start();
    await world.clock.advance(100);
    await attack(world, node);
    await world.clock.advance(60_000);
    const [session, ...more] = node.mesh.sessions();
    assert.equal(more.length, 0, "the attacker has no session");
    assert.equal(session!.identity, friend.key.identity);
    assert.ok(session!.lastSeen > world.clock.now() - 30_000, "the honest session lives");
    assert.ok(session!.since < world.clock.now() - 59_000, "the honest session is the first one");
  });
}

/** All the node's log lines that give a reason. */
function reasons(node: TestNode): string {
  return node.log.lines.map((l) => `${l.message}: ${String(l.fields["reason"] ?? "")}`).join("\n");
}

async function bare(world: World, node: TestNode): Promise<MemoryConnection> {
  const connection = await world.dialled(node);
  const buffer = new Uint8Array(4096);
  await connection.read(buffer); // the node's own line
  return connection;
}

const GOOD_LINE = `{"version":2,"publickey":"${toBase64(x25519Public(sha256(utf8("e"))))}"}\n`;

const LINES: readonly [string, string | Uint8Array, RegExp][] = [
  ["no JSON", "hello\n", /key exchange|line|JSON|Cannot/],
  ["an empty line", "\n", /Cannot/],
  ["version 1", GOOD_LINE.replace('"version":2', '"version":1'), /version/],
  ["no key", '{"version":2,"publickey":""}\n', /key/],
  ["a key of 31 bytes", `{"version":2,"publickey":"${toBase64(new Uint8Array(31))}"}\n`, /key/],
  ["a zero key", `{"version":2,"publickey":"${toBase64(new Uint8Array(32))}"}\n`, /Cannot/],
  [
    "a low-order key",
    `{"version":2,"publickey":"${
      toBase64(
        Uint8Array.fromHex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
      )
    }"}\n`,
    /Cannot/,
  ],
  ["an endless line", "x".repeat(5000), /longer than 4096/],
  ["invalid UTF-8", Uint8Array.of(0xff, 0xfe, 0x0a), /Cannot/],
  ["a huge number", `{"version":${"9".repeat(3000)},"publickey":""}\n`, /Cannot/],
];

for (const [name, line, expected] of LINES) {
  Deno.test(`Mesh closes a connection whose key exchange is ${name}`, () =>
    guarded(async (world, node) => {
      const connection = await bare(world, node);
      await connection.write(typeof line === "string" ? utf8(line) : line);
      await world.clock.settle();
      assert.equal(connection.other.closed, true);
      assert.match(reasons(node), /inbound connection closed before a session/);
      assert.match(reasons(node), expected);
    }));
}

Deno.test("Mesh closes a connection that sends its key byte by byte for ever", () =>
  guarded(async (world, node) => {
    const connection = await bare(world, node);
    for (let i = 0; i < 12 && !connection.other.closed; i++) {
      await connection.write(utf8(GOOD_LINE[i]!)).catch(() => {});
      await world.clock.advance(1000);
    }
    assert.equal(connection.other.closed, true);
    assert.match(reasons(node), /took too long/);
  }));

/** Runs the key exchange only. */
async function keyed(world: World, node: TestNode): Promise<[MemoryConnection, Transport]> {
  const connection = await world.dialled(node);
  const transport = await Transport.connect(connection, {
    clock: world.clock,
    random: seededRandom("keyed"),
  });
  return [connection, transport];
}

const MALLORY = keyOf("mallory");

function hello(change: Partial<HelloCommand>): Uint8Array {
  return encodeOneHop({
    type: "hello",
    version: 1,
    options: new Map(),
    identity: MALLORY.identity,
    challenge: sha256(utf8("challenge")),
    naclPub: MALLORY.naclPublic,
    ...change,
  }, MALLORY.identity);
}

const HELLOS: readonly [string, Uint8Array, RegExp][] = [
  ["version 2", hello({ version: 2 }), /version 2/],
  ["a short challenge", hello({ challenge: new Uint8Array(31).fill(1) }), /challenge is not 32/],
  ["a long challenge", hello({ challenge: new Uint8Array(33).fill(1) }), /challenge is not 32/],
  ["no challenge", hello({ challenge: new Uint8Array(0) }), /challenge is not 32/],
  ["a zero challenge", hello({ challenge: new Uint8Array(32) }), /all zero/],
  ["a short NaCl key", hello({ naclPub: new Uint8Array(31).fill(1) }), /encryption key/],
  ["the node's own identity", hello({ identity: keyOf("target").identity }), /own identity/],
  ["another command", encodeOneHop({ type: "busy" }, MALLORY.identity), /busy where hello/],
];

for (const [name, cleartext, expected] of HELLOS) {
  Deno.test(`Mesh closes a connection whose hello has ${name}`, () =>
    guarded(async (world, node) => {
      const [connection, transport] = await keyed(world, node);
      await transport.send(cleartext);
      await world.clock.settle();
      assert.equal(connection.other.closed, true);
      assert.match(reasons(node), expected);
    }));
}

Deno.test("Mesh closes a connection that signs with another key than it claims", () =>
  guarded(async (world, node) => {
    const [connection, transport] = await keyed(world, node);
    await transport.send(hello({ identity: keyOf("friend").identity }));
    const theirs = new RawPeer(MALLORY, connection, transport);
    await world.clock.settle();
    const [greeting] = theirs.of("hello");
    await theirs.send({
      type: "hello-response",
      signature: MALLORY.sign(challengeDigest(greeting!.challenge, transport.peerEphemeral)),
    });
    await world.clock.settle();
    assert.equal(connection.other.closed, true);
    assert.match(reasons(node), /does not prove/);
  }));

Deno.test("Mesh closes a connection that sends a handshake step after its deadline", () =>
  guarded(async (world, node) => {
    const [connection, transport] = await keyed(world, node);
    await world.clock.advance(3000);
    await transport.send(hello({}));
    await world.clock.advance(3900);
    assert.equal(connection.other.closed, false);
    await world.clock.advance(200);
    assert.equal(connection.other.closed, true);
    assert.ok(HANDSHAKE_DEADLINE > 7000);
  }));

const PING = encodeCommand({ type: "ping", originTimestamp: 1n });

function envelope(payloadType: string, body: Uint8Array, change: object = {}): Uint8Array {
  return encodeEnvelope({ payloadType, origin: MALLORY.identity, ttl: 1, ...change }, body);
}

const FRAMES: readonly [string, Uint8Array, RegExp][] = [
  ["no envelope", utf8("hello"), /header/],
  ["a wrong hash", envelope("ping", PING, { payloadHash: sha256(utf8("x")) }), /hash/],
  ["an unknown type", envelope("pong", PING), /not in the catalogue/],
  ["a type in capitals", envelope("Ping", PING), /not in the catalogue/],
  ["a command that does not decode", envelope("ping", utf8('{"origintimestamp":"1"}')), /Cannot/],
  ["no command", envelope("ping", new Uint8Array(0)), /no command/],
  ["spaces in its header", concat(utf8(" "), envelope("ping", PING)), /header/],
  ["an admin request", envelope("admin-request", utf8('{"id":"1"}')), /not in the catalogue/],
  [
    "a round message with a destination",
    encodeEnvelope(
      {
        payloadType: "tss",
        origin: MALLORY.identity,
        destination: keyOf("target").identity,
        ttl: 8,
      },
      encodeCommand({
        type: "tss",
        ceremonyId: new Uint8Array(32),
        ceremonyType: 1,
        from: MALLORY.identity,
        flags: 0,
        data: utf8("{}"),
        signature: new Uint8Array(65),
      }),
    ),
    /destination/,
  ],
  ["a busy", envelope("busy", utf8("{}")), /busy/],
];

for (const [name, cleartext, expected] of FRAMES) {
  Deno.test(`Mesh ends a session that sends ${name}`, () =>
    guarded(async (world, node) => {
      const raw = await world.raw("mallory", node);
      await world.clock.settle();
      assert.equal(node.mesh.sessions().length, 2);
      await raw.transport.send(cleartext);
      await world.clock.settle();
      assert.equal(raw.ended, true);
      const line = node.log.lines.find((l) =>
        l.message === "session closed" && l.fields["peer"] === MALLORY.identity
      );
      assert.match(String(line!.fields["reason"]), expected);
    }));
}

const BYTES: readonly [string, (sent: Uint8Array) => Uint8Array, RegExp][] = [
  ["garbage", () => new Uint8Array(200).fill(7), /authenticate/],
  ["a frame again", (sent) => sent, /received before/],
];

for (const [name, make, expected] of BYTES) {
  Deno.test(`Mesh ends a session that writes ${name}`, () =>
    guarded(async (world, node) => {
      const raw = await world.raw("mallory", node);
      await world.clock.settle();
      const sent: Uint8Array[] = [];
      const write = raw.connection.write.bind(raw.connection);
      raw.connection.write = (bytes) => {
        sent.push(bytes.slice());
        return write(bytes);
      };
      await raw.send({ type: "ping", originTimestamp: 5n });
      await world.clock.settle();
      assert.equal(raw.ended, false);
      await write(make(concat(...sent)));
      await world.clock.settle();
      assert.equal(raw.ended, true);
      assert.match(reasons(node), expected);
    }));
}

Deno.test("Mesh ends a session whose peer stops in the middle of a frame", () =>
  guarded(async (world, node) => {
    const raw = await world.raw("mallory", node);
    await world.clock.settle();
    raw.answering = false;
    await raw.connection.write(new Uint8Array(20));
    await world.clock.advance(36_900);
    assert.equal(raw.ended, false);
    await world.clock.advance(200);
    assert.equal(raw.ended, true);
    assert.match(reasons(node), /silent too long/);
  }));

Deno.test("Mesh ends a session whose peer never answers a ping", () =>
  guarded(async (world, node) => {
    const connection = await world.dialled(node);
    const random = seededRandom("mute");
    const transport = await Transport.connect(connection, { clock: world.clock, random });
    await handshake(transport, MALLORY, { random });
    await world.clock.advance(7_100);
    assert.equal(connection.other.closed, true);
    assert.match(reasons(node), /ping not answered within 7000 ms/);
  }));

Deno.test("Mesh ends a session whose peer does not read", () =>
  inWorld(async (world) => {
    world.net.capacity = 2_000;
    const node = world.node("target");
    await world.start();
    const raw = await world.raw("mallory", node);
    await world.clock.settle();
    // Stop reading, but keep asking.
    raw.connection.read = () => new Promise(() => {});
    raw.connection.inbound.read = () => new Promise(() => {});
    for (let i = 0; i < 90; i++) await raw.send({ type: "ping", originTimestamp: 1n });
    await world.clock.advance(6_000);
    assert.equal(node.mesh.sessions().length, 0);
    assert.match(reasons(node), /does not read/);
  }));

Deno.test("Mesh keeps pinging honest peers while another one floods it", () =>
  inWorld(async (world) => {
    const node = world.node("target");
    const friend = world.node("friend", { connect: [node.address] });
    await world.start();
    const raw = await world.raw("mallory", node);
    await world.clock.settle();
    for (let i = 0; i < 3_000; i++) {
      void raw.transport.send(
        envelope("ping-response", utf8('{"origintimestamp":1,"peertimestamp":1}')),
      )
        .catch(() => {});
    }
    await world.clock.advance(30_000);
    assert.equal(friend.mesh.sessions().length, 1);
    assert.ok(node.mesh.stats().messages_rate_dropped_total > 500);
    assert.ok(friend.mesh.sessions()[0]!.lastPong! > world.clock.now() - 30_000);
  }));
