/** Forty to sixty simulated nodes: finding each other, routing, churn, cuts, loss. */

import assert from "node:assert/strict";
import { MAINTENANCE_INTERVAL } from "../../lib/mesh/limits.ts";
import { Simulation } from "./simulation.ts";

const SIZE = 60;
/** The goal for one message: at most the length of its way, and a fifth. */
const WASTE = 1.2;

async function grown(seed: string): Promise<Simulation> {
  const sim = new Simulation({ size: SIZE, seed });
  await sim.start();
  await sim.converge(30_000);
  return sim;
}

Deno.test("a simulated mesh converges within 10 s in whatever order its nodes meet", async () => {
  // In some of these a newcomer finds nobody but full nodes at first.
  for (const seed of ["routes", "loss", "s2", "s6", "q1-1", "q1-2", "q1-3", "q1-4"]) {
    const sim = new Simulation({ size: 40, seed });
    try {
      await sim.start();
      const ms = await sim.converge(10_000);
      assert(ms > 0, "not before anything was said");
      const sessions = sim.nodes.map((node) => node.mesh.sessions().length);
      assert(Math.min(...sessions) >= 1, `seed ${seed} leaves a node alone`);
    } finally {
      await sim.stop();
    }
  }
});

Deno.test("a node whose only neighbour dies has another one within a second", async () => {
  const sim = new Simulation({ size: 6, seed: "orphan", connect: (i) => i === 0 ? [] : [0] });
  try {
    await sim.start();
    await sim.converge(10_000);
    const orphans = sim.nodes.filter((n) => n.mesh.sessions().length === 1);
    assert(orphans.length > 0, "there are nodes that depend on the first one");
    await sim.stop([sim.nodes[0]!]);
    await sim.clock.advance(1_000);
    for (const node of orphans) assert(node.mesh.sessions().length > 0, `node ${node.index}`);
  } finally {
    await sim.stop();
  }
});

Deno.test("a simulated mesh converges within 30 s and routes at the length of the way", async () => {
  const sim = await grown("routes");
  try {
    // Nodes open sessions of their own up to the second round of maintenance.
    await sim.clock.advance(2 * MAINTENANCE_INTERVAL + 20_000);
    const { arrived, copies, links } = await sim.exchange(100);
    assert.equal(arrived, 100);
    assert(copies <= links * WASTE, `${copies} copies over ways of ${links} links`);
    assert(copies >= links, "nothing arrives by fewer");
  } finally {
    await sim.stop();
  }
});

Deno.test("a simulated mesh stays whole while a tenth of it comes and goes each minute", async () => {
  const sim = await grown("churn");
  try {
    for (let minute = 0; minute < 5; minute++) {
      const leaving = new Set<number>();
      while (leaving.size < SIZE / 10) leaving.add(1 + sim.random(SIZE - 1));
      const gone = [...leaving].map((i) => sim.nodes[i]!);
      await sim.stop(gone);
      await sim.clock.advance(30_000);
      await sim.converge(0, sim.running);
      const { arrived } = await sim.exchange(20);
      assert.equal(arrived, 20, "among those who stayed");
      await sim.restart(gone);
      await sim.clock.advance(30_000);
      await sim.converge(MAINTENANCE_INTERVAL);
    }
  } finally {
    await sim.stop();
  }
});

Deno.test("a simulated mesh that was cut in two loses nobody for longer than one maintenance cycle", async () => {
  const sim = await grown("cut");
  try {
    const side = (host: string) => Number(host.split(".")[2]) % 2;
    sim.net.reach = (from, to) => side(from) === side(to);
    await sim.clock.advance(5 * 60_000);
    const halves = [0, 1].map((s) => sim.nodes.filter((node) => node.index % 2 === s));
    for (const half of halves) {
      assert.equal(sim.knowledge(half).least, half.length - 1, "each half is whole");
    }
    assert(sim.knowledge().mean < SIZE - 10, "and has forgotten the other one");
    sim.net.reach = () => true;
    await sim.converge(MAINTENANCE_INTERVAL);
    await sim.clock.advance(30_000);
    assert.equal((await sim.exchange(50)).arrived, 50);
  } finally {
    await sim.stop();
  }
});

Deno.test("a simulated mesh bears the loss of one frame in fifty", async () => {
  const sim = await grown("loss");
  try {
    sim.net.loss = 0.02;
    for (let minute = 0; minute < 5; minute++) {
      await sim.clock.advance(60_000);
      const { mean } = sim.knowledge();
      assert(mean > 0.98 * (SIZE - 1), `the mean knows ${mean}`);
    }
    const { arrived } = await sim.exchange(100);
    assert(arrived >= 80, `${arrived} of 100 arrived without being repeated`);
  } finally {
    await sim.stop();
  }
});
