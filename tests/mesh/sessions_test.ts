import assert from "node:assert/strict";
import { inWorld } from "./node_kit.ts";

Deno.test("Mesh connects to a configured peer, pings it and learns its record", () =>
  inWorld(async (world) => {
    const b = world.node("b");
    const a = world.node("a", { connect: [b.address] });
    await world.start();
    await world.clock.advance(100);
    assert.deepEqual(a.mesh.sessions().map((s) => s.identity), [b.key.identity]);
    assert.deepEqual(b.mesh.sessions().map((s) => s.identity), [a.key.identity]);
    const [view] = a.mesh.sessions();
    assert.equal(view!.direction, "outbound");
    assert.equal(view!.ours, true);
    assert.equal(view!.address, b.address);
    assert.equal(view!.roundTripMs, 0);
    assert.notEqual(view!.lastPong, null);
    assert.notEqual(view!.lastPinged, null);
    const peers = b.mesh.peers();
    assert.equal(peers.length, 2);
    assert.equal(peers[0]!.self, true);
    assert.equal(peers[1]!.identity, a.key.identity);
    assert.equal(peers[1]!.address, a.address);
    assert.equal(peers[1]!.live, true);
    assert.equal(a.mesh.stats().sessions_active, 1);
  }));

Deno.test("Mesh keeps a quiet session and its record alive for an hour", () =>
  inWorld(async (world) => {
    const b = world.node("b");
    const a = world.node("a", { connect: [b.address] });
    world.net.latency = 20;
    await world.start();
    await world.clock.advance(3_600_000);
    assert.equal(a.mesh.sessions().length, 1);
    assert.equal(b.mesh.sessions().length, 1);
    assert.ok(a.mesh.sessions()[0]!.since < world.clock.now() - 3_590_000);
    assert.equal(a.mesh.peers().length, 2);
    assert.equal(a.mesh.sessions()[0]!.roundTripMs, 40);
  }));
