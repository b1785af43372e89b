/**
 * Two connections between the same two nodes: one survives, on both sides.
 */

import assert from "node:assert/strict";
import type { MemoryConnection } from "./memory_net.ts";
import { byIdentity, inWorld, keyOf, type RawPeer, type TestNode, World } from "./node_kit.ts";

/** The one connection in use, which must be the same one at both ends. */
function theOne(world: World, a: TestNode, b: TestNode): MemoryConnection {
  const open = [...world.net.connections].filter((c) => !c.closed && !c.other.closed);
  assert.equal(open.length, 2, "one connection, two ends");
  assert.equal(open[0]!.other, open[1]);
  assert.deepEqual(a.mesh.sessions().map((s) => s.identity), [b.key.identity]);
  assert.deepEqual(b.mesh.sessions().map((s) => s.identity), [a.key.identity]);
  return open[0]!;
}

const [SMALL, LARGE] = byIdentity("left", "right") as [string, string];

for (const latency of [0, 1, 40, 700]) {
  for (const [first, second] of [[SMALL, LARGE], [LARGE, SMALL]] as const) {
    for (const lead of [0, 1, 30, 100, 900, 2500]) {
      Deno.test(
        `Mesh keeps one of two simultaneous dials (latency ${latency}, lead ${lead} of the ${
          first === SMALL ? "smaller" : "larger"
        })`,
        () =>
          inWorld(async (world) => {
            world.net.latency = latency;
            const a = world.node(first);
            const b = world.node(second);
            await world.start();
            a.mesh.keepPeer(b.address);
            await world.clock.advance(lead);
            b.mesh.keepPeer(a.address);
            await world.clock.advance(10_000);
            theOne(world, a, b);
            const [before] = a.mesh.sessions();
            await world.clock.advance(120_000);
            theOne(world, a, b);
            const [after] = a.mesh.sessions();
            assert.equal(after!.since, before!.since, "the survivor stays");
            assert.ok(after!.lastPong! > world.clock.now() - 31_000);
            assert.ok(b.mesh.sessions()[0]!.lastPong! > world.clock.now() - 31_000);
          }),
      );
    }
  }
}

Deno.test("Mesh keeps the connection dialled by the smaller identity", () =>
  inWorld(async (world) => {
    world.net.latency = 10;
    const small = world.node(SMALL);
    const large = world.node(LARGE);
    await world.start();
    large.mesh.keepPeer(small.address);
    small.mesh.keepPeer(large.address);
    await world.clock.advance(10_000);
    theOne(world, small, large);
    assert.equal(small.mesh.sessions()[0]!.direction, "outbound");
    assert.equal(large.mesh.sessions()[0]!.direction, "inbound");
  }));

Deno.test("Mesh loses no message over a simultaneous dial", () =>
  inWorld(async (world) => {
    world.net.latency = 25;
    const small = world.node(SMALL);
    const large = world.node(LARGE);
    await world.start();
    large.mesh.keepPeer(small.address);
    await world.clock.advance(60);
    small.mesh.keepPeer(large.address);
    let sent = 0;
    for (let i = 0; i < 60; i++) {
      for (const [from, to] of [[large, small], [small, large]] as const) {
        if (from.mesh.sessions().length === 0) continue;
        sent++;
        void from.mesh.sendDirectOrSealed(to.key.identity, {
          type: "tss",
          ceremonyId: new Uint8Array(32).fill(i),
          ceremonyType: 1,
          from: from.key.identity,
          flags: 0,
          data: new Uint8Array(10),
          signature: new Uint8Array(65),
        });
      }
      await world.clock.advance(10);
    }
    await world.clock.advance(5_000);
    theOne(world, small, large);
    const heard = [...small.heard, ...large.heard].filter((m) => m.command.type === "tss");
    const different = new Set(heard.map((m) => {
      assert.ok(m.command.type === "tss");
      return `${m.sender} ${m.command.ceremonyId[0]}`;
    }));
    assert.ok(sent > 60);
    assert.equal(different.size, sent);
  }));

Deno.test("Mesh takes a new connection from a restarted peer while the old one is a black hole", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    const peer = world.node("peer");
    await world.start();
    peer.mesh.keepPeer(node.address);
    await world.clock.advance(60_000);
    const [old] = [...world.net.connections];
    // The machine loses power: nothing more comes from it, not even a reset.
    for (const end of [old!, old!.other]) end.blackhole = true;
    await peer.mesh.stop();
    await world.clock.advance(100);
    assert.equal(node.mesh.sessions().length, 1);
    const again = world.node("peer", { connect: [node.address] }, { ip: "10.0.0.77" });
    await again.mesh.start();
    await world.clock.advance(2_000);
    assert.equal(again.mesh.sessions().length, 1);
    assert.equal(node.mesh.sessions().length, 1);
    assert.match(node.mesh.sessions()[0]!.address, /^10\.0\.0\.77:/);
    await world.clock.advance(60_000);
    assert.equal(node.mesh.sessions().length, 1);
    assert.match(node.mesh.sessions()[0]!.address, /^10\.0\.0\.77:/);
  }));

/** A node with an inbound session of a Go-like peer, and a second connection from it. */
async function goTwice(
  world: World,
  use: "first" | "second" | "none",
): Promise<{ node: TestNode; first: RawPeer; second: RawPeer }> {
  const node = world.node("node");
  await world.start();
  const first = await world.raw("go", node);
  await world.clock.settle();
  const second = await world.raw("go", node);
  await world.clock.settle();
  if (use === "first") await first.send({ type: "peer-notify", count: 1n });
  if (use === "second") await second.send({ type: "peer-notify", count: 1n });
  await world.clock.settle();
  return { node, first, second };
}

Deno.test("Mesh switches to a second connection when a Go peer speaks on it", () =>
  inWorld(async (world) => {
    const { node, first, second } = await goTwice(world, "second");
    await world.clock.advance(3_000);
    assert.equal(first.ended, true);
    assert.equal(second.ended, false);
    assert.equal(node.mesh.sessions().length, 1);
    assert.ok(second.of("ping").length > 0, "the second connection is greeted");
    await world.clock.advance(60_000);
    assert.equal(second.ended, false);
  }));

Deno.test("Mesh closes a second connection that a Go peer leaves unused", () =>
  inWorld(async (world) => {
    const { node, first, second } = await goTwice(world, "first");
    assert.equal(second.received.length, 0, "nothing is said on the standby");
    await world.clock.advance(9_100);
    assert.equal(second.ended, true);
    assert.equal(first.ended, false);
    assert.equal(node.mesh.sessions().length, 1);
  }));

Deno.test("Mesh falls back to the standby when the first connection ends", () =>
  inWorld(async (world) => {
    const { node, first, second } = await goTwice(world, "none");
    first.transport.close();
    await world.clock.settle();
    assert.equal(node.mesh.sessions().length, 1);
    assert.ok(second.of("ping").length > 0);
    await world.clock.advance(60_000);
    assert.equal(second.ended, false);
  }));

Deno.test("Mesh yields at once when the first connection left a ping unanswered", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    await world.start();
    const first = await world.raw("go", node);
    await world.clock.settle();
    first.answering = false;
    await world.clock.advance(29_000 + 8_000 - 100); // ping at 29 s, read deadline at 37 s
    await world.clock.settle();
    const second = await world.raw("go", node);
    await world.clock.settle();
    assert.ok(second.of("ping").length > 0, "greeted at once");
    assert.equal(node.mesh.sessions().length, 1);
  }));

Deno.test("Mesh bounds the connections that one peer can hold", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    await world.start();
    const peers: RawPeer[] = [];
    for (let i = 0; i < 6; i++) {
      peers.push(await world.raw("go", node, `10.7.0.${i}`));
      await world.clock.settle();
    }
    assert.ok(peers.filter((p) => !p.ended).length <= 2);
    assert.equal(node.mesh.sessions()[0]!.identity, keyOf("go").identity);
  }));
