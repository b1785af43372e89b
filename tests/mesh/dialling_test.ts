/** Reconnection, back-off, capacity, cool-down, handshake slots. */

import assert from "node:assert/strict";
import { keyExchangeLine } from "../../lib/mesh/key_exchange.ts";
import { HANDSHAKES_PER_ADDRESS, HANDSHAKES_TOTAL } from "../../lib/mesh/limits.ts";
import { inWorld, keyOf, World } from "./node_kit.ts";

function dialsTo(world: World, address: string): number[] {
  return world.net.dials.filter((d) => d.to === address).map((d) => d.at);
}

Deno.test("Mesh starts and keeps trying while a configured peer is unreachable", () =>
  inWorld(async (world) => {
    const a = world.node("a", { connect: ["10.5.5.5:45067", "10.6.6.6:45067"] });
    world.net.silent.add("10.6.6.6:45067");
    await world.start();
    await world.clock.advance(600_000);
    assert.equal(a.mesh.stats().running, 1);
    for (const address of ["10.5.5.5:45067", "10.6.6.6:45067"]) {
      const dials = dialsTo(world, address);
      assert.ok(dials.length >= 10, `${dials.length} dials`);
      const gaps = dials.slice(1).map((at, i) => at - dials[i]!);
      assert.ok(gaps[0]! <= 1_000 + 11_000, "comes back soon");
      assert.ok(Math.max(...gaps) <= 60_000 + 11_000, "never waits longer than a minute");
      assert.ok(gaps.at(-1)! >= 30_000, "backs off");
      assert.ok(new Set(gaps.slice(-5)).size > 1, "the waits are jittered");
    }
    assert.ok(a.log.has("warn", "configured peer not reached"));
  }));

Deno.test("Mesh connects as soon as a configured peer appears, and again after it restarts", () =>
  inWorld(async (world) => {
    const a = world.node("a", { connect: ["10.0.0.2:45067"] });
    const b = world.node("b");
    await a.mesh.start();
    await world.clock.advance(200_000);
    assert.equal(a.mesh.sessions().length, 0);
    await b.mesh.start();
    await world.clock.advance(61_000);
    assert.equal(a.mesh.sessions().length, 1);
    await b.mesh.stop();
    await world.clock.advance(100);
    assert.equal(a.mesh.sessions().length, 0);
    const again = world.node("b", {}, { ip: b.ip });
    await again.mesh.start();
    await world.clock.advance(2_500);
    assert.equal(a.mesh.sessions().length, 1, "a session that lived long resets the back-off");
  }));

Deno.test("Mesh reconnects a configured peer for ever", () =>
  inWorld(async (world) => {
    const b = world.node("b");
    const a = world.node("a", { connect: [b.address] });
    await world.start();
    for (let i = 0; i < 20; i++) {
      await world.clock.advance(61_000);
      assert.equal(a.mesh.sessions().length, 1, `round ${i}`);
      a.mesh.disconnect(b.key.identity, "the test says so");
      await world.clock.settle();
    }
    assert.deepEqual(a.mesh.targets().map((t) => t.peer), [b.key.identity]);
  }));

Deno.test("Mesh leaves its own address out and does not dial itself in a loop", () =>
  inWorld(async (world) => {
    world.node("a", { connect: ["10.0.0.1:45067", "10.0.0.9:45067"] });
    await world.start();
    // The second address leads back to the same node.
    const forwarder = await world.net.host("10.0.0.9").listen("10.0.0.9", 45067);
    void (async () => {
      const inbound = await forwarder.accept();
      const onward = await world.net.connect("10.0.0.9", "10.0.0.1", 45067);
      const pump = async (from: typeof onward, to: typeof onward) => {
        const buffer = new Uint8Array(4096);
        for (;;) {
          const n = await from.read(buffer).catch(() => null);
          if (n === null) return to.close();
          await to.write(buffer.subarray(0, n));
        }
      };
      void pump(inbound as typeof onward, onward);
      void pump(onward, inbound as typeof onward);
    })();
    await world.clock.advance(300_000);
    assert.equal(dialsTo(world, "10.0.0.1:45067").filter((_, i) => i > 0).length, 0);
    assert.equal(world.nodes[0]!.mesh.sessions().length, 0);
    assert.ok(world.nodes[0]!.log.has("warn", "configured peer is this node itself"));
    const dials = dialsTo(world, "10.0.0.9:45067");
    assert.ok(dials.length <= 3, `${dials.length} dials`);
    forwarder.close();
  }));

Deno.test("Mesh says busy above its capacity and refuses the address for 31 s", () =>
  inWorld(async (world) => {
    const node = world.node("node", { peersWanted: 1 });
    await world.start();
    const first = await world.raw("one", node, "10.1.0.1");
    await world.clock.settle();
    const second = await world.raw("two", node, "10.1.0.2");
    await world.clock.settle();
    assert.equal(second.of("busy").length, 1);
    assert.equal(second.of("ping").length, 0);
    await world.clock.advance(1_100);
    assert.equal(second.ended, true);
    assert.equal(first.ended, false);
    const third = await world.dialled(node, "10.1.0.2");
    assert.equal(await third.read(new Uint8Array(10)), null, "closed before the first byte");
    assert.equal(node.mesh.stats().connections_cooldown_dropped_total, 1);
    const other = await world.raw("three", node, "10.1.0.3");
    await world.clock.settle();
    assert.equal(other.of("busy").length, 1, "other addresses are still heard");
    await world.clock.advance(31_000);
    const fourth = await world.raw("two", node, "10.1.0.2");
    await world.clock.settle();
    assert.equal(fourth.of("busy").length, 1);
  }));

Deno.test("Mesh with PeersWanted 0 answers busy and does not hang", () =>
  inWorld(async (world) => {
    const node = world.node("node", { peersWanted: 0 });
    await world.start();
    for (let i = 0; i < 5; i++) {
      const raw = await world.raw(`peer ${i}`, node, `10.1.1.${i}`);
      await world.clock.settle();
      assert.equal(raw.of("busy").length, 1);
    }
    assert.equal(node.mesh.sessions().length, 0);
  }));

Deno.test("Mesh admits reserved and configured peers above its capacity", () =>
  inWorld(async (world) => {
    const node = world.node("node", {
      peersWanted: 1,
      reserved: [keyOf("member").identity],
    });
    await world.start();
    await world.raw("stranger", node, "10.1.0.1");
    await world.clock.settle();
    const member = await world.raw("member", node, "10.1.0.2");
    await world.clock.settle();
    assert.equal(member.of("busy").length, 0);
    assert.equal(node.mesh.sessions().length, 2);
  }));

Deno.test("Mesh waits out the cool-down after a busy before it dials again", () =>
  inWorld(async (world) => {
    const full = world.node("full", { peersWanted: 0 });
    const a = world.node("a", { connect: [full.address] });
    await world.start();
    await world.clock.advance(5_000);
    assert.equal(a.mesh.sessions().length, 0);
    await world.clock.advance(120_000);
    const dials = dialsTo(world, full.address);
    assert.ok(dials.length >= 2);
    for (let i = 1; i < dials.length; i++) assert.ok(dials[i]! - dials[i - 1]! >= 31_000);
    assert.equal(full.mesh.stats().connections_cooldown_dropped_total, 0);
  }));

Deno.test("Mesh gives slow strangers of one address only a few handshakes", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    await world.start();
    const slow = [];
    for (let i = 0; i < 10; i++) slow.push(await world.dialled(node, "10.3.3.3"));
    await world.clock.settle();
    assert.equal(slow.filter((c) => !c.other.closed).length, HANDSHAKES_PER_ADDRESS);
    const honest = await world.raw("honest", node, "10.3.3.4");
    await world.clock.settle();
    assert.equal(honest.ended, false);
    await world.clock.advance(10_100);
    assert.equal(slow.filter((c) => !c.other.closed).length, 0);
    assert.equal(node.mesh.stats().handshakes_active, 0);
  }));

Deno.test("Mesh serves an honest peer while slow strangers of many addresses hold all slots", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    await world.start();
    for (let i = 0; i < 2 * HANDSHAKES_TOTAL; i++) {
      const connection = await world.dialled(node, `10.${i}.3.3`);
      // A slow client gets as far as it can: the key exchange is done, hello never comes.
      await connection.write(keyExchangeLine(keyOf("x").naclPublic));
    }
    await world.clock.settle();
    assert.ok(node.mesh.stats().handshakes_active <= HANDSHAKES_TOTAL);
    const honest = await world.raw("honest", node, "10.200.3.4");
    await world.clock.settle();
    assert.equal(honest.ended, false);
    assert.equal(node.mesh.sessions()[0]!.identity, keyOf("honest").identity);
  }));

Deno.test("Mesh dials known peers until it has as many sessions as it wants", () =>
  inWorld(async (world) => {
    const hub = world.node("hub");
    const others = ["p", "q", "r"].map((l) =>
      world.node(l, { connect: [hub.address], peersWanted: 3 })
    );
    await world.start();
    await world.clock.advance(30_000);
    for (const node of others) assert.equal(node.mesh.sessions().length, 1);
    await world.clock.advance(140_000);
    for (const node of others) assert.equal(node.mesh.sessions().length, 3);
  }));

Deno.test("Mesh.addPeer() dials once and tells how it ended", () =>
  inWorld(async (world) => {
    const a = world.node("a");
    const b = world.node("b");
    await world.start();
    assert.deepEqual(await a.mesh.addPeer(b.address), { kind: "session", peer: b.key.identity });
    assert.equal((await a.mesh.addPeer("10.8.8.8:1")).kind, "failed");
    assert.equal((await a.mesh.addPeer("nonsense")).kind, "failed");
    assert.equal((await a.mesh.addPeer("host:99999")).kind, "failed");
    assert.equal((await a.mesh.addPeer(a.address)).kind, "self");
    await world.clock.advance(300_000);
    assert.equal(dialsTo(world, "10.8.8.8:1").length, 1);
  }));

Deno.test("Mesh.start() rejects when the port is taken", () =>
  inWorld(async (world) => {
    const a = world.node("a");
    const twin = world.node("b", {}, { ip: a.ip });
    await a.mesh.start();
    await assert.rejects(twin.mesh.start(), /address in use/);
  }));

Deno.test("Mesh.stop() ends everything and leaves no timer behind", async () => {
  const world = new World();
  const b = world.node("b");
  const a = world.node("a", { connect: [b.address, "10.9.0.1:1"] });
  await world.start();
  await world.clock.advance(40_000);
  await a.mesh.stop();
  await b.mesh.stop();
  await world.clock.advance(40_000);
  assert.equal(world.clock.pending, 0);
  assert.equal(world.net.connections.size, 0);
  assert.equal(a.mesh.sessions().length, 0);
});

Deno.test("Mesh refuses peers that the DNS does not vouch for, both ways", () =>
  inWorld(async (world) => {
    const asked: string[] = [];
    const names = {
      inbound: (host: string) => {
        asked.push(`in ${host}`);
        return Promise.resolve("no record");
      },
      outbound: (target: string, host: string) => {
        asked.push(`out ${target} ${host}`);
        return Promise.resolve("another identity");
      },
    };
    const node = world.node("node", {}, { names });
    const other = world.node("other");
    await world.start();
    const raw = await world.raw("peer", node, "10.4.0.1");
    await world.clock.settle();
    assert.equal(raw.ended, true);
    const outcome = await node.mesh.addPeer(other.address);
    assert.ok(outcome.kind === "failed");
    assert.match(outcome.reason, /another identity/);
    assert.deepEqual(asked, ["in 10.4.0.1", `out ${other.address} ${other.ip}`]);
    assert.equal(node.mesh.sessions().length, 0);
  }));

Deno.test("Mesh keeps going when a command handler or a session watcher throws", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    node.mesh.onCommand(() => {
      throw new Error("handler bug");
    });
    node.mesh.onSession(() => {
      throw new Error("watcher bug");
    });
    await world.start();
    const raw = await world.raw("peer", node);
    await world.clock.settle();
    await raw.send({ type: "ceremony-abort", ceremonyId: new Uint8Array(32), reason: "x" });
    await world.clock.settle();
    assert.equal(raw.ended, false);
    assert.equal(node.heard.length, 1);
    assert.ok(node.log.has("error", "command handler failed"));
    assert.ok(node.log.has("error", "session watcher failed"));
  }));
