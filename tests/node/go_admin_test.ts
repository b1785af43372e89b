/**
 * The Go service's admin commands: answered in its format, to whom, and where not.
 */
import assert from "node:assert/strict";
import type { Command } from "../../lib/mesh/commands.ts";
import { dispatch } from "../../lib/node/dispatch.ts";
import { GoAdmin } from "../../lib/node/go_admin.ts";
import { Entry, Ledger } from "../../lib/node/ledger.ts";
import type { Desk } from "../../lib/node/desk.ts";
import { inWorld, keyOf, type RawPeer, type World } from "../mesh/node_kit.ts";

const A = keyOf("a").identity;

/** A node that answers as a daemon does, with one ceremony behind it. */
async function node(world: World, debug: boolean) {
  const a = world.node("a");
  const ledger = new Ledger(() => 0);
  const desk = {
    ledger,
    handleStart: () => Promise.resolve(),
    handleResponse: () => {},
    handleNote: () => {},
  };
  const entry = new Entry(
    {
      kind: "sign",
      id: "ab".repeat(32),
      requester: A,
      keyId: "cd".repeat(16),
      committee: [A],
      threshold: 1,
      payload: new Uint8Array(32),
    },
    world.clock.now(),
    true,
    "running",
  );
  ledger.add(entry);
  const goAdmin = new GoAdmin({
    mesh: a.mesh,
    desk: desk as unknown as Desk,
    clock: world.clock,
  });
  const engine = { deliver: () => "refused" as const, witness: () => {} };
  const restarts = { heard: () => {} };
  a.mesh.onCommand((incoming) =>
    dispatch(incoming, { engine, desk, restarts, goAdmin, debug, log: a.log })
  );
  await world.start();
  return { a, goAdmin, entry };
}

const QUESTIONS: readonly Command[] = [
  { type: "peer-list-admin" },
  { type: "ceremony-status", ceremonyId: new Uint8Array(32).fill(0xab) },
  { type: "ceremony-list" },
  { type: "peer-add", address: "" },
];

async function answers(world: World, peer: RawPeer): Promise<Command[]> {
  for (const question of QUESTIONS) await peer.send(question);
  await world.clock.advance(100);
  return peer.received.map((e) => e.command).filter((c) =>
    c.type.endsWith("-response") && /^(peer-list-admin|ceremony|peer-add)/.test(c.type)
  );
}

Deno.test("debug switch on: all four admin commands are answered on loopback of the peer port", () =>
  inWorld(async (world) => {
    const { a } = await node(world, true);
    const got = await answers(world, await world.raw("hemictl", a, "127.0.0.1"));
    assert.deepEqual(got.map((c) => c.type), [
      "peer-list-admin-response",
      "ceremony-status-response",
      "ceremony-list-response",
      "peer-add-response",
    ]);
    const [list, status, ceremonies, added] = got as [
      Extract<Command, { type: "peer-list-admin-response" }>,
      Extract<Command, { type: "ceremony-status-response" }>,
      Extract<Command, { type: "ceremony-list-response" }>,
      Extract<Command, { type: "peer-add-response" }>,
    ];
    const self = list.peers.find((p) => p.identity === A)!;
    assert.deepEqual([self.self, self.live, self.connected], [true, true, false]);
    const client = list.peers.find((p) => p.identity === keyOf("hemictl").identity)!;
    assert.deepEqual([client.self, client.connected], [false, true]);
    assert.deepEqual([status.found, status.status, status.ceremonyType], [true, "running", "sign"]);
    assert.equal(ceremonies.ceremonies.length, 1);
    assert.deepEqual([added.accepted, added.error], [false, "address required"]);
  }));

Deno.test("admin commands are not answered from elsewhere, nor without the debug switch", () =>
  inWorld(async (world) => {
    const { a } = await node(world, true);
    assert.deepEqual(await answers(world, await world.raw("far", a, "10.9.9.9")), []);
    assert.equal(world.net.dials.length, 1);
  }).then(() =>
    inWorld(async (world) => {
      const { a } = await node(world, false);
      assert.deepEqual(await answers(world, await world.raw("near", a, "127.0.0.1")), []);
    })
  ));

Deno.test("GoAdmin tells of a ceremony's end, and of unknown ones that there is none", () =>
  inWorld(async (world) => {
    const { goAdmin, entry } = await node(world, false);
    entry.end({ state: "aborted", reason: "a test" });
    const ask = (byte: number) =>
      goAdmin.answer({
        type: "ceremony-status",
        ceremonyId: new Uint8Array(32).fill(byte),
      }) as Extract<Command, { type: "ceremony-status-response" }>;
    assert.deepEqual([ask(0xab).status, ask(0xab).error], ["failed", "a test"]);
    assert.equal(ask(1).found, false);
    assert.equal(goAdmin.answer({ type: "peer-list-request" }), null);
  }));
