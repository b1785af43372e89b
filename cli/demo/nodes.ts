/**
 * Sets a demo's nodes up and takes them away again.
 *
 * @module
 */

import { toHex } from "../../lib/encoding/bytes.ts";
import { fixtureSets } from "./fixtures.ts";
import { DemoNode, freePorts } from "./processes.ts";
import type { Story } from "./story.ts";

/** Status fields that the demos look at. */
export interface StatusAnswer {
  readonly identity: string;
  readonly sessions: number;
  readonly pre_params: { readonly ready: number; readonly found: number; readonly of: number };
}

/** How long the slowest honest machine may take for its part before the demo gives up. */
const PATIENCE_MS = 300_000;

/** Waits until `check` holds; fails early when a daemon stops. */
export async function until(
  nodes: readonly DemoNode[],
  what: string,
  check: () => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    for (const node of nodes) {
      if (!node.running) {
        throw new Error(`The daemon of ${node.options.name} stopped:\n${node.log.trim()}`);
      }
    }
    try {
      if (await check()) return;
    } catch (error) {
      // The admin listener may not be up yet; what it says matters only at the end.
      if (performance.now() > deadline) throw error;
    }
    if (performance.now() > deadline) throw new Error(`Gave up waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

/** Gives every node a set from testdata instead of a search. */
async function placeFixtures(nodes: readonly DemoNode[], identities: readonly string[]) {
  const sets = await fixtureSets();
  if (sets.length < nodes.length) throw new Error("testdata/preparams.json holds too few sets");
  await Promise.all(nodes.map(async (node, i) => {
    const folder = `${node.options.home}/${identities[i]}`;
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    await Deno.writeTextFile(`${folder}/preparams.json`, sets[i]!, { mode: 0o600 });
  }));
}

/** Nodes in a folder of their own, with identities. */
export interface Stage {
  readonly nodes: readonly DemoNode[];
  readonly identities: readonly string[];
  /** Where everything is. */
  readonly root: string;
}

/**
 * Runs `play` on `count` fresh nodes that are connected to each other and have pre-parameters, and
 * removes everything afterwards, also when it is interrupted.
 */
export async function onStage<T>(
  story: Story,
  count: number,
  words: string,
  fixtures: boolean,
  play: (stage: Stage) => Promise<T>,
): Promise<T> {
  const root = await Deno.makeTempDir({ prefix: "transfunctioner-demo-" });
  const ports = freePorts(2 * count);
  const listen = ports.slice(0, count).map((p) => `127.0.0.1:${p}`);
  const nodes = listen.map((address, i) =>
    new DemoNode({
      name: `node ${i + 1}`,
      home: `${root}/node${i + 1}`,
      listen: address,
      admin: `127.0.0.1:${ports[count + i]}`,
      connect: listen.filter((_, j) => j < i),
      passphrase: `demo passphrase ${toHex(crypto.getRandomValues(new Uint8Array(8)))}`,
    })
  );
  const cleanUp = async () => {
    await Promise.all(nodes.map((n) => n.stop()));
    await Deno.remove(root, { recursive: true });
  };
  const interrupted = async () => {
    await cleanUp();
    Deno.exit(130);
  };
  Deno.addSignalListener("SIGINT", interrupted);
  Deno.addSignalListener("SIGTERM", interrupted);
  try {
    const identities = await story.step(
      "init",
      `${words} keystores and identities`,
      () =>
        Promise.all(nodes.map(async (n) => (await n.ask<{ identity: string }>(["init"])).identity)),
    );
    for (const node of nodes) node.allow(identities);
    if (fixtures) await placeFixtures(nodes, identities);
    await story.step("connect", `${words} daemons, each connected to the others`, async (note) => {
      await Promise.all(nodes.map((n) => n.start()));
      await until(nodes, "all daemons are connected", async () => {
        const sessions = await Promise.all(
          nodes.map(async (n) => (await n.ask<StatusAnswer>(["status"])).sessions),
        );
        note(`sessions ${sessions.join(" ")}`);
        return sessions.every((s) => s >= count - 1);
      });
    });
    const result = await play({ nodes, identities, root });
    await story.step("stop", "orderly stop of all daemons", async () => {
      const codes = await Promise.all(nodes.map((n) => n.stop()));
      if (codes.some((c) => c !== 0)) throw new Error(`Daemons ended with ${codes.join(", ")}`);
    });
    return result;
  } finally {
    Deno.removeSignalListener("SIGINT", interrupted);
    Deno.removeSignalListener("SIGTERM", interrupted);
    await cleanUp();
  }
}

/** Waits until each of `nodes` has a set of pre-parameters. */
export function preParamsReady(
  story: Story,
  key: string,
  title: string,
  nodes: readonly DemoNode[],
): Promise<void> {
  return story.step(
    key,
    title,
    (note) =>
      until(nodes, "all nodes have pre-parameters", async () => {
        const all = await Promise.all(
          nodes.map(async (n) => (await n.ask<StatusAnswer>(["status"])).pre_params),
        );
        note(`primes found ${all.map((p) => p.ready > 0 ? p.of : p.found).join(" + ")}`);
        return all.every((p) => p.ready > 0);
      }),
  );
}
