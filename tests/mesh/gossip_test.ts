/** Lists, notifications, repetition. */

import assert from "node:assert/strict";
import type { PeerRecord } from "../../lib/mesh/commands.ts";
import { LIST_ENTRIES } from "../../lib/mesh/limits.ts";
import { inWorld, keyOf, type World } from "./node_kit.ts";

function record(world: World, label: string, change: Partial<PeerRecord> = {}): PeerRecord {
  const key = keyOf(label);
  return {
    identity: key.identity,
    address: `${label}.example:45067`,
    naclPub: key.naclPublic,
    version: 1,
    lastSeen: BigInt(Math.floor(world.clock.now() / 1000)),
    sessions: [],
    ...change,
  };
}

Deno.test("Mesh greets a new peer and answers its questions", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    await world.start();
    const raw = await world.raw("go", node);
    await world.clock.settle();
    const types = raw.received.map((e) => e.command.type);
    for (const type of ["peer-notify", "peer-list-request", "ping"]) {
      assert.ok(types.includes(type as "ping"));
    }
    await raw.send({ type: "peer-list-request" });
    await raw.send({ type: "ping", originTimestamp: -5n });
    await world.clock.settle();
    const [list] = raw.of("peer-list-response");
    assert.deepEqual(list!.peers.map((p) => [p.identity, p.address]), [
      [node.key.identity, node.address],
    ]);
    assert.deepEqual(list!.peers[0]!.sessions, [raw.key.identity]);
    assert.equal(raw.of("ping-response")[0]!.originTimestamp, -5n);
  }));

Deno.test("Mesh asks a peer that knows more, takes its list and tells the others", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    await world.start();
    const raw = await world.raw("go", node, "10.4.0.1");
    const other = await world.raw("other", node, "10.4.0.2");
    await world.clock.advance(1_500);
    const asked = raw.of("peer-list-request").length;
    await raw.send({ type: "peer-notify", count: 3n });
    await world.clock.settle();
    assert.equal(raw.of("peer-list-request").length, asked, "three are known here as well");
    await raw.send({ type: "peer-notify", count: 4n });
    await world.clock.settle();
    assert.equal(raw.of("peer-list-request").length, asked + 1);
    await raw.send({
      type: "peer-list-response",
      peers: [
        record(world, "far"),
        record(world, "bad version", { version: 2 }),
        record(world, "bad address", { address: "nowhere" }),
        record(world, "no key", { naclPub: new Uint8Array(0) }),
        record(world, "node"),
        record(world, "zero", { identity: "0".repeat(40) as PeerRecord["identity"] }),
      ],
    });
    await world.clock.advance(1_100);
    assert.deepEqual(
      node.mesh.peers().map((p) => p.identity).sort(),
      ["node", "go", "other", "far"].map((l) => keyOf(l).identity).sort(),
    );
    assert.equal(other.of("peer-notify").at(-1)!.count, 4n);
  }));

Deno.test("Mesh takes no more than 256 records of a list", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    await world.start();
    const raw = await world.raw("go", node);
    await world.clock.settle();
    const peers = Array.from({ length: LIST_ENTRIES + 20 }, (_, i) =>
      record(world, "x", {
        identity: `f${i.toString(16).padStart(39, "0")}` as PeerRecord["identity"],
        address: "",
      }));
    await raw.send({ type: "peer-list-response", peers });
    await world.clock.settle();
    assert.equal(node.mesh.peers().length, 2 + LIST_ENTRIES);
    await raw.send({ type: "peer-list-request" });
    await world.clock.settle();
    assert.equal(raw.of("peer-list-response").at(-1)!.peers.length, LIST_ENTRIES);
  }));

Deno.test("Mesh answers only so many list requests", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    await world.start();
    const raw = await world.raw("go", node);
    await world.clock.settle();
    for (let i = 0; i < 90; i++) await raw.send({ type: "peer-list-request" });
    await world.clock.settle();
    assert.ok(raw.of("peer-list-response").length <= 5);
    assert.equal(raw.ended, false);
  }));

Deno.test("Mesh repeats its record and live neighbours to Go peers well within 67 s", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    await world.start();
    const raw = await world.raw("go", node, "10.4.0.1");
    const near = await world.raw("near", node, "10.4.0.2");
    await world.clock.settle();
    await near.send({ type: "peer-list-response", peers: [record(world, "far")] });
    await world.clock.advance(100_000);
    const lists = raw.of("peer-list-response");
    assert.ok(lists.length >= 3);
    for (const list of lists) {
      assert.deepEqual(
        list.peers.slice(0, 2).map((p) => p.identity),
        [node.key.identity, near.key.identity],
      );
    }
    const far = lists.map((l) => l.peers.some((p) => p.identity === keyOf("far").identity));
    assert.equal(far.at(-1), false, "hearsay that grows old is not kept alive");
    const stamps = lists.map((l) => l.peers[1]!.lastSeen);
    assert.ok(stamps.at(-1)! > stamps[0]!);
    assert.ok(raw.of("peer-list-request").length >= 3, "and asks for news");
  }));

Deno.test("Mesh keeps far nodes in a Go peer's memory while somebody sees them", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    await world.start();
    const raw = await world.raw("go", node, "10.4.0.1");
    const near = await world.raw("near", node, "10.4.0.2");
    await world.clock.settle();
    const told: number[] = [];
    let counted = 0;
    for (let second = 0; second < 300; second++) {
      // A Go node's record of its neighbour gets a new time stamp with each pong.
      if (second % 29 === 0 && second < 150) {
        await near.send({ type: "peer-list-response", peers: [record(world, "far")] });
      }
      await world.clock.advance(1_000);
      const lists = raw.of("peer-list-response").slice(counted);
      counted += lists.length;
      if (lists.some((l) => l.peers.some((p) => p.identity === keyOf("far").identity))) {
        told.push(second);
      }
    }
    told.forEach((second, i) => assert.ok(second - (told[i - 1] ?? 0) < 67, `${told}`));
    assert.ok(told.at(-1)! > 140 && told.at(-1)! < 145 + 46, `${told}`);
  }));

Deno.test("Mesh keeps a quiet line of five nodes whole, and forgets one that left", () =>
  inWorld(async (world) => {
    const labels = ["c0", "c1", "c2", "c3", "c4"];
    const nodes = labels.map((l, i) =>
      world.node(l, {
        connect: i === 0 ? [] : [`10.0.0.${i}:45067`],
        // Just enough for the line: nobody looks for more.
        peersWanted: i === 0 || i === 4 ? 1 : 2,
      })
    );
    await world.start();
    await world.clock.advance(120_000);
    for (const node of nodes) assert.equal(node.mesh.peers().length, 5);
    for (let i = 0; i < 20; i++) {
      await world.clock.advance(30_000);
      for (const node of nodes) assert.equal(node.mesh.peers().length, 5, `minute ${i / 2}`);
    }
    await nodes[4]!.mesh.stop();
    await world.clock.advance(240_000);
    for (const node of nodes.slice(0, 4)) {
      assert.equal(node.mesh.peers().length, 4, "the one that left is forgotten");
    }
  }));

Deno.test("Mesh refuses a gossiped key for a node it knows, and warns once", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    const friend = world.node("friend", { connect: [node.address] });
    await world.start();
    const raw = await world.raw("mallory", node);
    await world.clock.settle();
    for (let i = 0; i < 5; i++) {
      await raw.send({
        type: "peer-list-response",
        peers: [record(world, "friend", { naclPub: raw.key.naclPublic, address: "evil:1" })],
      });
    }
    await world.clock.settle();
    const known = node.mesh.peers().find((p) => p.identity === friend.key.identity)!;
    assert.deepEqual(known.naclPub, friend.key.naclPublic);
    assert.equal(known.address, friend.address);
    assert.equal(node.log.lines.filter((l) => l.message.includes("another NaCl key")).length, 1);
  }));
