/**
 * Notices of lost ceremonies over real meshes on a virtual clock.
 */
import assert from "node:assert/strict";
import type { Identity } from "../../lib/crypto/identity.ts";
import type { Command } from "../../lib/mesh/command_types.ts";
import type { OpenCeremony } from "../../lib/keystore/journal.ts";
import { collectingLogger } from "../../lib/observe/logger.ts";
import { LOST, Restarts } from "../../lib/node/restarts.ts";
import { inWorld, keyOf, type TestNode, type World } from "../mesh/node_kit.ts";

const idOf = (label: string) => keyOf(label).identity;

function lostCeremony(members: readonly Identity[], extra: Partial<OpenCeremony> = {}) {
  return {
    id: "ab".repeat(32),
    kind: "sign" as const,
    at: 1,
    requester: members[0]!,
    members,
    ours: members,
    ...extra,
  };
}

function withRestarts(world: World, node: TestNode, lost: readonly OpenCeremony[]) {
  const ended: string[] = [];
  const restarts = new Restarts({
    self: node.key.identity,
    clock: world.clock,
    log: node.log,
    mesh: node.mesh,
    journal: { lost, end: (id) => Promise.resolve(void ended.push(id)) },
  });
  restarts.start();
  return { restarts, ended };
}

const notes = (node: TestNode) =>
  node.heard.filter((h) => h.command.type === "ceremony-note").map((h) => {
    assert.equal(h.via, "sealed");
    assert(h.command.type === "ceremony-note");
    assert.equal(h.command.text, LOST);
    return [h.sender, h.command.about];
  });

Deno.test("Restarts tells a member as soon as there is a session, and a far one within a second", () =>
  inWorld(async (world) => {
    world.net.latency = 5;
    const labels = ["back", "near", "far"];
    const reserved = labels.map(idOf);
    const near = world.node("near", { peersWanted: 0, reserved });
    const far = world.node("far", { peersWanted: 0, reserved, connect: [near.address] });
    await world.start();
    await world.clock.until(() => far.mesh.sessions().length === 1);
    await world.clock.advance(10_000);
    const back = world.node("back", { peersWanted: 0, reserved, connect: [near.address] });
    const { ended } = withRestarts(world, back, [lostCeremony(labels.map(idOf))]);
    await back.mesh.start();
    await world.clock.until(() => back.mesh.sessions().length === 1, 10_000, 10);
    await world.clock.advance(50);
    assert.deepEqual(notes(near), [[idOf("back"), "lost"]]);
    await world.clock.advance(1_000);
    assert.deepEqual(notes(far)[0], [idOf("back"), "lost"]);
    assert.deepEqual(notes(near).length, 1);
    await world.clock.advance(30_000);
    assert.deepEqual(ended, ["ab".repeat(32)]);
    assert(notes(far).length <= 3);
  }));

Deno.test("Restarts says what the Go wire has to a Go node, and nothing unknown", () =>
  inWorld(async (world) => {
    const back = world.node("back");
    const members = ["go", "back"].map(idOf);
    const reshare = lostCeremony(members, { id: "cd".repeat(32), kind: "reshare" });
    withRestarts(world, back, [lostCeremony(members), reshare]);
    await world.start();
    const go = await world.raw("go", back);
    await world.clock.advance(1_500);
    const types = go.received.map((e) => e.command)
      .map((c) => c.type === "encrypted" ? c.innerType : c.type);
    assert.equal(types.filter((t) => t === "sign-response").length, 1);
    assert.equal(types.filter((t) => t === "reshare-response").length, 1);
    assert(!types.includes("ceremony-note"));
    assert.equal(go.ended, false);
  }));

Deno.test("Restarts makes no promise about a resharing to a node of unknown kind", () => {
  const sent: Command[] = [];
  const lost = [lostCeremony([idOf("a"), idOf("back")], { kind: "reshare", ours: [] })];
  let now = 0;
  const timers: (() => void)[] = [];
  let watcher!: (peer: Identity, up: boolean) => void;
  const restarts = new Restarts({
    self: idOf("back"),
    clock: { now: () => now, setTimer: (_, run) => (timers.push(run), () => {}) },
    log: collectingLogger(),
    mesh: {
      sendSealed: (_, command) => Promise.resolve(void sent.push(command)),
      sessions: () => [],
      onSession: (w) => (watcher = w, () => {}),
      knows: () => true,
    },
    journal: { lost, end: () => Promise.resolve() },
  });
  restarts.start();
  watcher(idOf("relay"), true);
  for (const run of timers) {
    now += 5_000;
    run();
  }
  assert.deepEqual(sent, []);
});

Deno.test("Restarts answers a member that still speaks, now and then, and no stranger", () =>
  inWorld(async (world) => {
    const labels = ["back", "near"];
    const near = world.node("near");
    const back = world.node("back", { connect: [near.address] });
    const { restarts } = withRestarts(world, back, [lostCeremony(labels.map(idOf))]);
    await world.start();
    await world.clock.until(() => back.mesh.sessions().length === 1);
    await world.clock.advance(100);
    assert.equal(notes(near).length, 1);
    restarts.heard("ab".repeat(32), idOf("near"));
    await world.clock.advance(100);
    assert.equal(notes(near).length, 1);
    await world.clock.advance(2_000);
    for (let i = 0; i < 5; i++) restarts.heard("ab".repeat(32), idOf("near"));
    restarts.heard("ef".repeat(32), idOf("near"));
    restarts.heard("ab".repeat(32), idOf("stranger"));
    await world.clock.advance(100);
    assert.equal(notes(near).length, 2);
    assert.equal(restarts.lost("ab".repeat(32))?.id, "ab".repeat(32));
  }));
