/**
 * Who may hold a session: bans, shares of an address, removals.
 */
import assert from "node:assert/strict";
import { BanList } from "../../lib/mesh/bans.ts";
import { inWorld, keyOf, type World } from "./node_kit.ts";

const ban = (world: World, subject: string) => ({
  subject,
  reason: "",
  since: world.clock.now(),
  until: null,
});

Deno.test("Mesh ends the session of a banned identity and keeps it out both ways", () =>
  inWorld(async (world) => {
    const bans = new BanList(world.clock);
    const a = world.node("a", {}, { bans });
    const b = world.node("b", { connect: [a.address] });
    await world.start();
    await world.clock.until(() => a.mesh.sessions().length === 1);
    bans.add(ban(world, b.key.identity));
    a.mesh.enforceBans();
    await world.clock.advance(120_000);
    assert.equal(a.mesh.sessions().length, 0);
    assert.ok(a.mesh.stats().connections_banned_total > 0);
    const outcome = await a.mesh.addPeer(b.address);
    assert.equal(outcome.kind, "failed");
    // Lifted, the configured peer comes back on its own.
    bans.remove(b.key.identity);
    await world.clock.until(() => a.mesh.sessions().length === 1);
  }));

Deno.test("Mesh refuses a banned address before its first byte", () =>
  inWorld(async (world) => {
    const bans = new BanList(world.clock);
    bans.add(ban(world, "10.9.9.9"));
    const a = world.node("a", {}, { bans });
    await world.start();
    const connection = await world.dialled(a, "10.9.9.9");
    await world.clock.advance(10);
    assert.equal(await connection.read(new Uint8Array(1)), null);
    assert.equal(connection.other.written, 0);
  }));

Deno.test("Mesh drops what a banned node signed, also when another one delivers it", () =>
  inWorld(async (world) => {
    const bans = new BanList(world.clock);
    const a = world.node("a", {}, { bans });
    const b = world.node("b", { connect: [a.address] });
    const c = world.node("c", { peersWanted: 0, connect: [b.address] });
    await world.start();
    await world.clock.until(() => c.mesh.knows(a.key.identity) && a.mesh.knows(c.key.identity));
    const request = {
      type: "keygen-response",
      ceremonyId: new Uint8Array(32),
      success: true,
      error: "",
    } as const;
    await c.mesh.sendSealed(a.key.identity, request);
    await world.clock.advance(1_000);
    assert.equal(a.heard.filter((i) => i.sender === c.key.identity).length, 1);
    bans.add(ban(world, c.key.identity));
    await c.mesh.sendSealed(a.key.identity, request);
    await world.clock.advance(1_000);
    assert.equal(a.heard.filter((i) => i.sender === c.key.identity).length, 1);
  }));

Deno.test("Mesh gives strangers from one address a share of the places, others theirs", () =>
  inWorld(async (world) => {
    const known = keyOf("known").identity;
    const a = world.node("a", { sessionsPerAddress: 2, reserved: [known] });
    await world.start();
    const from = (label: string, ip: string) => world.raw(label, a, ip);
    await from("p", "10.9.9.1");
    await from("q", "10.9.9.1");
    await world.clock.advance(10);
    const third = await from("r", "10.9.9.1");
    await world.clock.advance(2_000);
    assert.equal(third.of("busy").length, 1);
    assert.equal(a.mesh.sessions().length, 2);
    await from("s", "10.9.9.2");
    await world.clock.advance(32_000 - 2_000);
    await from("known", "10.9.9.1");
    await world.clock.advance(10);
    const names = a.mesh.sessions().map((s) => s.identity);
    assert.ok(names.includes(known) && names.includes(keyOf("s").identity));
  }));

Deno.test("Mesh.removePeer() ends session, dialling and record", () =>
  inWorld(async (world) => {
    const a = world.node("a", { peersWanted: 0 });
    const b = world.node("b");
    await world.start();
    a.mesh.keepPeer(b.address);
    await world.clock.until(() => a.mesh.sessions().length === 1);
    assert.equal(a.mesh.removePeer("10.0.0.77:1"), false);
    assert.equal(a.mesh.removePeer(b.address), true);
    assert.equal(a.mesh.sessions().length, 0);
    assert.equal(a.mesh.targets().length, 0);
    assert.equal(a.mesh.peers().length, 1);
    const dials = world.net.dials.length;
    await world.clock.advance(300_000);
    assert.equal(world.net.dials.filter((d) => d.from === a.ip).length, dials);
    a.mesh.keepPeer(b.address);
    await world.clock.until(() => a.mesh.sessions().length === 1);
    assert.equal(a.mesh.removePeer(b.key.identity), true);
    assert.equal(a.mesh.sessions().length, 0);
  }));
