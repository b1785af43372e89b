/**
 * The same over real sessions: transport, handshake, sealed envelopes and a relay between members
 * that are no neighbours. One node's code is bent where it sends its round messages.
 */

import assert from "node:assert/strict";
import { CeremonyEngine } from "../../../lib/ceremony/engine.ts";
import type { Ceremony } from "../../../lib/ceremony/ceremony.ts";
import type { CeremonySpec } from "../../../lib/ceremony/spec.ts";
import { fromUtf8, utf8 } from "../../../lib/encoding/bytes.ts";
import type { TssCommand } from "../../../lib/mesh/command_types.ts";
import { signTss } from "../../../lib/mesh/tss_command.ts";
import { failureOf } from "../../ceremony/cluster.ts";
import { localWorkers } from "../../ceremony/local_worker.ts";
import { inWorld, type TestNode, type World } from "../../mesh/node_kit.ts";
import { seededRandom } from "../../support/seeded_random.ts";

/** An engine on a mesh; `bend` changes what it sends. */
function member(
  node: TestNode,
  world: World,
  comparing: readonly TestNode[],
  bend: (to: string, c: TssCommand) => TssCommand = (_, c) => c,
) {
  const knows = comparing.includes(node);
  const engine = new CeremonyEngine({
    identity: node.key,
    clock: world.clock,
    workers: localWorkers(seededRandom(node.ip)),
    log: node.log,
    storeKey: node.key.storeKey(),
    supports: (other) => knows && comparing.some((n) => n.key.identity === other),
    sendWitness: (to, command) => void node.mesh.sendSealed(to, command).catch(() => {}),
    send: (to, command, repeat) =>
      void node.mesh.sendDirectOrSealed(to, bend(to, command), repeat > 1).catch(() => {}),
  });
  node.mesh.onCommand(({ command, via, sender }) => {
    if (command.type === "tss") engine.deliver(command, sender);
    if (command.type === "node-witness" && via === "sealed" && sender !== null && knows) {
      engine.witness(command, sender);
    }
  });
  return engine;
}

/** Three members in a line, so that the outer two reach each other through the middle one only. */
async function line(world: World) {
  const a = world.node("a");
  const b = world.node("b", { connect: [a.address] });
  const c = world.node("c", { connect: [b.address], peersWanted: 1 });
  await world.start();
  await world.clock.advance(20_000);
  for (const node of [a, b, c]) {
    for (const other of [a, b, c]) {
      if (node !== other) assert.ok(node.mesh.knows(other.key.identity));
    }
  }
  return [a, b, c] as const;
}

async function run(world: World, engines: readonly CeremonyEngine[], nodes: readonly TestNode[]) {
  const spec: CeremonySpec = {
    kind: "keygen",
    curve: "ed25519",
    id: new Uint8Array(32).fill(3),
    committee: nodes.map((node) => node.key.identity),
    threshold: 1,
  };
  const ceremonies: Ceremony[] = engines.map((engine) => engine.start(spec));
  for (let i = 0; i < 400 && ceremonies.some((c) => c.state === "running"); i++) {
    await world.clock.advance(100);
    for (let j = 0; j < 20; j++) await new Promise((resolve) => setImmediate(resolve));
  }
  const outcomes = await Promise.all(ceremonies.map((ceremony) => ceremony.result));
  for (const engine of engines) engine.stop();
  return outcomes;
}

Deno.test("over real sessions and a relay a member that tells two things is convicted by both", () =>
  inWorld(async (world) => {
    const nodes = await line(world);
    const [a, b, c] = nodes;
    const bent = member(b, world, nodes, (to, command) => {
      if (to !== a.key.identity || !fromUtf8(command.data).includes("KGRound1Message")) {
        return command;
      }
      const data = utf8('{"t":"eddsa.keygen.KGRound1Message","c":{"Commitment":5}}');
      return signTss(b.key, command.ceremonyId, command.ceremonyType, command.flags, data);
    });
    const engines = [member(a, world, nodes), bent, member(c, world, nodes)];
    const outcomes = await run(world, engines, nodes);
    for (const outcome of [outcomes[0]!, outcomes[2]!]) {
      const { blame, proof } = failureOf(outcome);
      assert.deepEqual([blame?.kind, blame?.culprits], ["equivocating", [b.key.identity]]);
      assert.equal(proof!.messages.length, 2);
    }
  }));

Deno.test("over real sessions honest members finish, also with one that compares nothing", () =>
  inWorld(async (world) => {
    const nodes = await line(world);
    const comparing = [nodes[0], nodes[2]];
    const engines = nodes.map((node) => member(node, world, comparing));
    for (const { state } of await run(world, engines, nodes)) assert.equal(state, "complete");
  }));
