/** Messages with a destination: sealed, relayed, flooded, dropped. */

import assert from "node:assert/strict";
import { concat, toHex, utf8 } from "../../lib/encoding/bytes.ts";
import { encodeJson } from "../../lib/encoding/json.ts";
import {
  type Command,
  encodeCommand,
  type EncryptedCommand,
  type TssCommand,
} from "../../lib/mesh/commands.ts";
import { decodeEnvelope, encodeEnvelope, encodeMessage } from "../../lib/mesh/envelope.ts";
import { SENDER_QUOTA } from "../../lib/mesh/limits.ts";
import { SendError } from "../../lib/mesh/mesh.ts";
import { seal } from "../../lib/mesh/sealed.ts";
import { signTss } from "../../lib/mesh/tss_command.ts";
import { ZERO_IDENTITY } from "../../lib/crypto/identity.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { inWorld, keyOf, type TestNode, World } from "./node_kit.ts";

const MALLORY = keyOf("mallory");

function round(from: TestNode["key"], n = 0, size = 10): TssCommand {
  return signTss(from, new Uint8Array(32).fill(n), 1, 1, utf8("d".repeat(size)));
}

/** a - b - c in a line; a and c know of each other by gossip only. */
async function line(
  test: (world: World, a: TestNode, b: TestNode, c: TestNode) => Promise<void>,
): Promise<void> {
  await inWorld(async (world) => {
    const b = world.node("b", { peersWanted: 2 });
    const a = world.node("a", { connect: [b.address], peersWanted: 1 });
    const c = world.node("c", { connect: [b.address], peersWanted: 1 });
    await world.start();
    await world.clock.advance(5_000);
    assert.equal(a.mesh.sessions().length, 1);
    assert.equal(c.mesh.sessions().length, 1);
    await test(world, a, b, c);
  });
}

Deno.test("Mesh.sendDirectOrSealed() sends a round message to a neighbour in one hop", () =>
  line(async (world, a, b) => {
    const command = round(a.key);
    assert.equal(await a.mesh.sendDirectOrSealed(b.key.identity, command), "direct");
    await world.clock.settle();
    const [heard] = b.heard;
    assert.equal(heard!.via, "session");
    assert.equal(heard!.sender, a.key.identity);
    assert.equal(heard!.session, a.key.identity);
    assert.deepEqual(encodeCommand(heard!.command), encodeCommand(command));
  }));

Deno.test("Mesh.sendDirectOrSealed() relays a sealed round message over a middle node", () =>
  line(async (world, a, b, c) => {
    const command = round(a.key, 7, 300_000);
    assert.equal(await a.mesh.sendDirectOrSealed(c.key.identity, command), "sealed");
    await world.clock.settle();
    assert.equal(b.heard.length, 0, "the relay hands nothing up");
    const [heard] = c.heard;
    assert.equal(heard!.via, "sealed");
    assert.equal(heard!.sender, a.key.identity);
    assert.equal(heard!.session, b.key.identity);
    assert.deepEqual(encodeCommand(heard!.command), encodeCommand(command));
    assert.equal(b.mesh.stats().messages_forwarded_total, 1);
    assert.equal(c.mesh.stats().messages_routed_received_total, 1);
  }));

Deno.test("Mesh.sendSealed() seals to neighbours too, and a reply comes back sealed", () =>
  line(async (world, a, b, c) => {
    for (const to of [b, c]) {
      await a.mesh.sendSealed(to.key.identity, {
        type: "sign-response",
        ceremonyId: new Uint8Array(32),
        success: false,
        r: new Uint8Array(0),
        s: new Uint8Array(0),
        error: "no > way",
      });
      await world.clock.settle();
      const [heard] = to.heard;
      assert.equal(heard!.via, "sealed");
      assert.equal(heard!.sender, a.key.identity);
      heard!.reply!({
        type: "keygen-response",
        ceremonyId: new Uint8Array(32),
        success: true,
        error: "",
      });
      await world.clock.settle();
      const answer = a.heard.at(-1)!;
      assert.equal(answer.command.type, "keygen-response");
      assert.equal(answer.sender, to.key.identity);
    }
  }));

Deno.test("Mesh.sendSealed() fails with its kind", () =>
  inWorld(async (world) => {
    const lonely = world.node("lonely");
    const known = world.node("known");
    await world.start();
    const ask: Command = {
      type: "sign-response",
      ceremonyId: new Uint8Array(32),
      success: true,
      r: new Uint8Array(32),
      s: new Uint8Array(32),
      error: "",
    };
    const kind = (expected: string) => (e: unknown) =>
      e instanceof SendError && e.kind === expected;
    await assert.rejects(
      lonely.mesh.sendSealed(keyOf("nobody").identity, ask),
      kind("unknown-peer"),
    );
    await assert.rejects(lonely.mesh.sendSealed(lonely.key.identity, ask), kind("not-allowed"));
    await lonely.mesh.addPeer(known.address);
    const busy: Command = {
      type: "ceremony-result",
      ceremonyId: new Uint8Array(32),
      success: true,
      error: "",
    };
    await assert.rejects(lonely.mesh.sendSealed(known.key.identity, busy), kind("not-allowed"));
    await assert.rejects(
      lonely.mesh.sendSealed(known.key.identity, round(lonely.key, 0, 700_000)),
      kind("too-large"),
    );
    await assert.rejects(lonely.mesh.broadcast(ask), kind("not-allowed"));
    await known.mesh.stop();
    await world.clock.advance(1_000);
    await assert.rejects(lonely.mesh.sendSealed(known.key.identity, ask), kind("no-session"));
    assert.equal(lonely.mesh.sessions().length, 0);
  }));

Deno.test("Mesh forwards the received command bytes verbatim with one hop less", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    await world.start();
    const from = await world.raw("mallory", node, "10.4.0.1");
    const to = await world.raw("target", node, "10.4.0.2");
    await world.clock.settle();
    const commandBytes = encodeJson({
      ceremonyid: "ab".repeat(32),
      keyid: "AAECAwQFBgcICQoLDA0ODw==",
      committee: [],
      threshold: 1,
      data: "AA==",
    });
    for (const ttl of [8, 1, 3]) {
      const fields = {
        payloadType: "sign",
        origin: keyOf(`origin ${ttl}`).identity,
        destination: to.key.identity,
      };
      await from.transport.send(encodeEnvelope({ ...fields, ttl }, commandBytes));
      await world.clock.settle();
      assert.equal(
        toHex(to.cleartexts.at(-1)!),
        toHex(encodeEnvelope({ ...fields, ttl: ttl - 1 }, commandBytes)),
      );
    }
  }));

Deno.test("Mesh does not forward what a Go node would write differently", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    await world.start();
    const from = await world.raw("mallory", node, "10.4.0.1");
    const to = await world.raw("target", node, "10.4.0.2");
    await world.clock.settle();
    const before = to.cleartexts.length;
    const good = new TextDecoder().decode(encodeCommand({
      type: "sign",
      ceremonyId: new Uint8Array(32).fill(0xab),
      keyId: new Uint8Array(16),
      committee: [],
      threshold: 1n,
      data: new Uint8Array(32),
    }));
    const odd = [
      good.replace("{", "{ "),
      good + "\n",
      good.replace('"threshold":1,', ""),
      good.replace("{", '{"extra":1,'),
      good.replace("abab", "ABab"),
      good.replace('"keyid"', '"KeyID"'),
    ];
    for (const text of odd) {
      await from.transport.send(encodeEnvelope({
        payloadType: "sign",
        origin: MALLORY.identity,
        destination: to.key.identity,
        ttl: 8,
      }, utf8(text)));
    }
    await world.clock.settle();
    assert.equal(to.cleartexts.length, before);
    assert.equal(from.ended, false, "the link lives");
    assert.equal(node.mesh.stats().messages_not_canonical_total, odd.length);
  }));

Deno.test("Mesh drops a routed message whose hop budget is spent, without remembering it", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    await world.start();
    const from = await world.raw("mallory", node, "10.4.0.1");
    const to = await world.raw("target", node, "10.4.0.2");
    await world.clock.settle();
    const before = to.cleartexts.length;
    const send = (ttl: number, origin = keyOf("origin").identity) =>
      from.transport.send(encodeMessage({
        type: "keygen",
        ceremonyId: new Uint8Array(32),
        curve: "secp256k1",
        committee: [],
        threshold: 1n,
        coordinator: MALLORY.identity,
      }, { origin, destination: to.key.identity, ttl }));
    const passed = async () => {
      await world.clock.settle();
      return to.cleartexts.slice(before).map((c) => decodeEnvelope(c).header.ttl);
    };
    await send(0);
    assert.deepEqual(await passed(), []);
    await send(2);
    assert.deepEqual(await passed(), [1], "a spent copy does not suppress the real one");
    await send(2);
    await send(1);
    assert.deepEqual(await passed(), [1], "repeats are dropped");
    await send(8);
    assert.deepEqual(await passed(), [1, 7], "a copy that reaches farther is passed on");
    await send(255);
    assert.deepEqual(await passed(), [1, 7], "an inflated budget is cut");
    await send(255, keyOf("other origin").identity);
    assert.deepEqual(await passed(), [1, 7, 7], "another origin is another message");
    await send(8, node.key.identity);
    assert.deepEqual(await passed(), [1, 7, 7], "our own messages do not come back");
  }));

Deno.test("Mesh floods a message for an unknown node to all but its source", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    await world.start();
    const from = await world.raw("mallory", node, "10.4.0.1");
    const others = [
      await world.raw("x", node, "10.4.0.2"),
      await world.raw("y", node, "10.4.0.3"),
    ];
    await world.clock.settle();
    const count = () => [from, ...others].map((p) => p.of("keygen").length);
    await from.transport.send(encodeMessage({
      type: "keygen",
      ceremonyId: new Uint8Array(32),
      curve: "secp256k1",
      committee: [],
      threshold: 1n,
      coordinator: MALLORY.identity,
    }, { origin: MALLORY.identity, destination: keyOf("far").identity, ttl: 8 }));
    await world.clock.settle();
    assert.deepEqual(count(), [0, 1, 1]);
    assert.equal(node.heard.length, 0);
  }));

Deno.test("Mesh sends by a route when it has one", () =>
  inWorld(async (world) => {
    const b = world.node("b");
    const other = world.node("other");
    const a = world.node("a", { connect: [b.address, other.address], peersWanted: 2 }, {
      router: { nextHop: () => keyOf("b").identity },
    });
    const c = world.node("c", { connect: [b.address], peersWanted: 1 });
    await world.start();
    await world.clock.advance(5_000);
    await a.mesh.sendSealed(c.key.identity, round(a.key));
    await world.clock.settle();
    assert.equal(c.heard.length, 1);
    assert.equal(other.mesh.stats().messages_forwarded_total, 0);
  }));

Deno.test("Mesh.broadcast() reaches everybody once", () =>
  inWorld(async (world) => {
    const labels = ["n0", "n1", "n2", "n3", "n4"];
    const nodes = labels.map((l, i) =>
      world.node(l, { connect: i === 0 ? [] : [`10.0.0.${i}:45067`], peersWanted: 2 })
    );
    await world.start();
    await world.clock.advance(5_000);
    await nodes[0]!.mesh.broadcast({
      type: "ceremony-result",
      ceremonyId: new Uint8Array(32),
      success: false,
      error: "t+1=3 > key count 2",
    });
    await world.clock.advance(1_000);
    for (const node of nodes.slice(1)) {
      assert.equal(node.heard.length, 1);
      assert.equal(node.heard[0]!.via, "broadcast");
      assert.equal(node.heard[0]!.sender, null);
    }
    assert.equal(nodes[0]!.heard.length, 0);
    assert.equal(nodes[0]!.mesh.stats().broadcasts_sent_total, 1);
  }));

Deno.test("Mesh drops broadcasts of other types and with a spent budget", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    await world.start();
    const from = await world.raw("mallory", node, "10.4.0.1");
    const other = await world.raw("x", node, "10.4.0.2");
    await world.clock.settle();
    const before = other.cleartexts.length;
    const zero = { origin: MALLORY.identity, destination: ZERO_IDENTITY };
    const abort: Command = { type: "ceremony-abort", ceremonyId: new Uint8Array(32), reason: "x" };
    await from.transport.send(encodeMessage({ type: "busy" }, { ...zero, ttl: 8 }));
    await from.transport.send(
      encodeMessage({ type: "peer-notify", count: 9n }, { ...zero, ttl: 8 }),
    );
    await from.transport.send(encodeMessage(abort, { ...zero, ttl: 0 }));
    await world.clock.settle();
    assert.equal(other.cleartexts.length, before);
    assert.equal(node.heard.length, 0);
    await from.transport.send(encodeMessage(abort, { ...zero, ttl: 1 }));
    await world.clock.settle();
    assert.equal(node.heard.length, 1, "the spent copy did not suppress this one");
    assert.equal(decodeEnvelope(other.cleartexts.at(-1)!).header.ttl, 0);
  }));

Deno.test("Mesh ignores routed commands that belong to a neighbour", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    await world.start();
    const from = await world.raw("mallory", node, "10.4.0.1");
    await world.clock.settle();
    const commands: Command[] = [
      { type: "busy" },
      { type: "ping-response", originTimestamp: 1n, peerTimestamp: 1n },
      {
        type: "peer-list-response",
        peers: [{
          identity: keyOf("invented").identity,
          address: "10.0.0.99:1",
          naclPub: keyOf("invented").naclPublic,
          version: 1,
          lastSeen: 1n,
          sessions: [],
        }],
      },
      { type: "peer-list-admin" },
      { type: "peer-add", address: "10.0.0.99:1" },
      {
        type: "sign-response",
        ceremonyId: new Uint8Array(32),
        success: true,
        r: new Uint8Array(32),
        s: new Uint8Array(32),
        error: "",
      },
      { type: "ping", originTimestamp: 1n },
    ];
    const answers = from.received.length;
    for (const command of commands) {
      await from.transport.send(encodeMessage(command, {
        origin: MALLORY.identity,
        destination: node.key.identity,
        ttl: 3,
      }));
    }
    await world.clock.settle();
    assert.equal(from.ended, false);
    assert.equal(node.heard.length, 0);
    assert.equal(node.mesh.peers().length, 2);
    assert.equal(from.received.length, answers);
  }));

Deno.test("Mesh hands up requests with how they came, and never a sender that is not proven", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    await world.start();
    const from = await world.raw("mallory", node, "10.4.0.1");
    await world.clock.settle();
    const request: Command = {
      type: "sign",
      ceremonyId: new Uint8Array(32),
      keyId: new Uint8Array(16),
      committee: [],
      threshold: 1n,
      data: new Uint8Array(32),
    };
    const friend = keyOf("friend");
    await from.transport.send(encodeMessage(request, {
      origin: friend.identity,
      destination: node.key.identity,
      ttl: 3,
    }));
    await from.send(request);
    await from.send(seal(request, node.key.naclPublic, friend, seededRandom("s")));
    await world.clock.settle();
    assert.deepEqual(node.heard.map((m) => [m.via, m.sender]), [
      ["routed", null],
      ["session", MALLORY.identity],
      ["sealed", friend.identity],
    ]);
    assert.equal(node.heard[0]!.reply, undefined);
  }));

Deno.test("Mesh ignores a round message that its signer did not deliver or seal", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    await world.start();
    const from = await world.raw("mallory", node, "10.4.0.1");
    await world.clock.settle();
    const stolen = round(keyOf("friend"));
    await from.send(stolen);
    await from.send(seal(stolen, node.key.naclPublic, MALLORY, seededRandom("s")));
    await world.clock.settle();
    assert.equal(node.heard.length, 0);
    await from.send(seal(stolen, node.key.naclPublic, keyOf("friend"), seededRandom("t")));
    await world.clock.settle();
    assert.equal(node.heard.length, 1);
  }));

Deno.test("Mesh takes an envelope once, whatever a relay does to it", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    await world.start();
    const relay = await world.raw("relay", node, "10.4.0.1");
    await world.clock.settle();
    const friend = keyOf("friend");
    const good = seal(round(friend), node.key.naclPublic, friend, seededRandom("s"));
    const spoiled: EncryptedCommand[] = [
      { ...good, innerType: "keygen" },
      { ...good, innerType: "sign-response" },
      { ...good, innerType: "encrypted" },
      { ...good, innerType: "busy" },
      { ...good, innerType: "hello" },
      { ...good, sender: MALLORY.identity },
      { ...good, ciphertext: concat(good.ciphertext, Uint8Array.of(0)) },
      { ...good, signature: good.signature.with(40, good.signature[40]! ^ 1) },
      { ...good, nonce: good.nonce.with(0, good.nonce[0]! ^ 1) },
    ];
    for (const bad of spoiled) await relay.send(bad);
    await world.clock.settle();
    assert.equal(node.heard.length, 0);
    assert.equal(relay.ended, false, "refused envelopes do not end the session");
    await relay.send(good);
    await relay.send(good);
    for (const origin of ["x", "y"]) {
      await relay.transport.send(encodeMessage(good, {
        origin: keyOf(origin).identity,
        destination: node.key.identity,
        ttl: 2,
      }));
    }
    await world.clock.settle();
    assert.equal(node.heard.length, 1);
    assert.equal(node.mesh.stats().envelopes_replayed_total, 3);
    assert.equal(node.log.lines.filter((l) => l.message === "envelope refused").length, 12);
  }));

Deno.test("Mesh charges forged envelopes to the relay, not to the sender they claim", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    await world.start();
    const relay = await world.raw("relay", node, "10.4.0.1");
    const other = await world.raw("other", node, "10.4.0.2");
    await world.clock.settle();
    const friend = keyOf("friend");
    const good = seal(round(friend), node.key.naclPublic, friend, seededRandom("s"));
    for (let i = 0; i < 700; i++) {
      const forged = { ...good, nonce: good.nonce.with(0, i & 255).with(1, i >> 8) };
      void relay.send(forged).catch(() => {});
    }
    await world.clock.settle();
    await other.send(good);
    await world.clock.settle();
    assert.equal(node.heard.length, 1);
    assert.equal(node.mesh.stats().envelopes_rate_dropped_total, 0);
    assert.ok(SENDER_QUOTA > 199);
  }));

Deno.test("Mesh loses nothing of a burst of round messages on one session", () =>
  line(async (world, a, b) => {
    const sends = Array.from(
      { length: 4_600 },
      (_, i) =>
        a.mesh.sendDirectOrSealed(b.key.identity, {
          ...round(a.key),
          ceremonyId: new Uint8Array(32).fill(i & 255).with(1, i >> 8),
        }),
    );
    await world.clock.advance(8_000);
    await Promise.all(sends);
    assert.equal(b.heard.length, 4_600);
    assert.equal(b.mesh.stats().messages_rate_dropped_total, 0);
    assert.equal(a.mesh.sessions().length, 1);
  }));

Deno.test("Mesh never sends a Go peer more than it takes", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    await world.start();
    const raw = await world.raw("go", node);
    await world.clock.advance(1_000);
    const started = world.clock.now();
    // Go's bucket: 97 per second, burst 199, starts full.
    let tokens = 199, at = started, dropped = 0;
    const take = () => {
      const now = world.clock.now();
      tokens = Math.min(199, tokens + (now - at) * 0.097);
      at = now;
      if (tokens < 1) dropped++;
      else tokens--;
    };
    const push = raw.cleartexts.push.bind(raw.cleartexts);
    raw.cleartexts.push = (...items) => {
      for (const _ of items) take();
      return push(...items);
    };
    const sends = Array.from(
      { length: 500 },
      (_, i) => node.mesh.sendDirectOrSealed(raw.key.identity, round(node.key, i % 256)),
    );
    await world.clock.advance(6_000);
    await Promise.all(sends);
    assert.equal(raw.of("tss").length, 500);
    assert.equal(dropped, 0);
    assert.equal(raw.ended, false);
  }));
