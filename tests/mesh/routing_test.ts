/** Shortest ways: the search by itself, and in running meshes with liars, breaks and Go peers. */

import assert from "node:assert/strict";
import type { Identity } from "../../lib/crypto/identity.ts";
import { utf8 } from "../../lib/encoding/bytes.ts";
import { Adjacency } from "../../lib/mesh/adjacency.ts";
import { ShortestPaths } from "../../lib/mesh/routing.ts";
import { signTss } from "../../lib/mesh/tss_command.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { inWorld, keyOf, type TestNode, type World } from "./node_kit.ts";

const idOf = (label: string) => keyOf(label).identity;

/** A router in the middle of the given links; `me` is this node. */
function routes(links: string) {
  const near = new Map<string, Set<string>>();
  for (const link of links.split(" ")) {
    const [a, b] = link.split("-") as [string, string];
    for (const [x, y] of [[a, b], [b, a]] as const) {
      if (!near.has(x)) near.set(x, new Set());
      near.get(x)!.add(y);
    }
  }
  const clock = new VirtualClock();
  const neighbours = new Set([...near.get("me")!].map(idOf));
  const adjacency = new Adjacency(clock, idOf("me"), () => true);
  const informant = [...neighbours][0]!;
  const tell = (node: string) =>
    adjacency.hear({
      node: idOf(node),
      sessions: [...near.get(node)!].map(idOf),
      seen: Math.floor(clock.now() / 1000),
    }, near.get("me")!.has(node) ? idOf(node) : informant);
  for (const node of near.keys()) if (node !== "me") tell(node);
  const router = new ShortestPaths({
    self: idOf("me"),
    adjacency,
    neighbours: () => neighbours,
  });
  const hop = (to: string, from: string | null = null) => {
    const found = router.nextHop(idOf(to), from === null ? null : idOf(from));
    return found === null ? null : [...near.keys()].find((label) => idOf(label) === found)!;
  };
  return { hop, router, neighbours, adjacency };
}

Deno.test("ShortestPaths.nextHop() takes the shorter of two ways", () => {
  const { hop, router } = routes("me-a a-b b-z me-c c-z");
  assert.equal(hop("z"), "c");
  assert.equal(hop("b"), "a");
  assert.deepEqual(router.ways(idOf("z")).map((way) => way.links), [2, 3]);
});

Deno.test("ShortestPaths.nextHop() never answers with where the message came from", () => {
  const { hop } = routes("me-a a-z me-b b-c c-z");
  assert.equal(hop("z"), "a");
  assert.equal(hop("z", "a"), "b");
  assert.equal(routes("me-a a-z me-b").hop("z", "a"), null);
});

Deno.test("ShortestPaths never goes through this node or invents a way", () => {
  const { hop } = routes("me-a me-b b-c c-z x-y");
  assert.equal(hop("z", "b"), null, "a reaches z only through us");
  assert.equal(hop("x"), null);
  assert.equal(hop("nobody"), null);
});

Deno.test("ShortestPaths follows a change of the sessions", () => {
  const { hop, neighbours, adjacency } = routes("me-a a-z me-b b-c c-z");
  assert.equal(hop("z"), "a");
  neighbours.delete(idOf("a"));
  adjacency.touch();
  assert.equal(hop("z"), "b");
});

Deno.test("ShortestPaths spreads destinations over equal ways", () => {
  const far = Array.from({ length: 40 }, (_, i) => `far${i}`);
  const links = ["me-a", "me-b", ...far.flatMap((f) => [`a-${f}`, `b-${f}`])].join(" ");
  const { hop } = routes(links);
  const byA = far.filter((f) => hop(f) === "a").length;
  assert(byA > 8 && byA < 32, `${byA} of 40 by one of two equal ways`);
});

const round = (from: TestNode["key"], n: number) =>
  signTss(from, new Uint8Array(32).fill(n), 1, 1, utf8(`message ${n}`));

/** Nodes linked as told; every node dials those before it. */
async function mesh(world: World, links: Record<string, string[]>) {
  const nodes = new Map<string, TestNode>();
  for (const [label, to] of Object.entries(links)) {
    const connect = to.map((other) => nodes.get(other)!.address);
    // Maintenance must not close the gaps that the test wants.
    nodes.set(label, world.node(label, { connect, peersWanted: 1, reserved: [...everybody] }));
  }
  await world.start();
  await world.clock.advance(30_000);
  return (label: string) => nodes.get(label)!;
}

const everybody: ReadonlySet<Identity> = new Set(
  [..."abcdefghijkv", "mallory"].map(idOf),
);

function copies(node: TestNode): number {
  return node.mesh.stats().messages_forwarded_total;
}

Deno.test("Mesh sends along the shortest way only, and back", () =>
  inWorld(async (world) => {
    // A ring a-b-c-d-e-f with a chord c-f: from a to d it is a-b-c-d or a-f-c-d or a-f-e-d.
    const of = await mesh(world, {
      a: [],
      b: ["a"],
      c: ["b"],
      d: ["c"],
      e: ["d"],
      f: ["a", "e", "c"],
    });
    await of("a").mesh.sendDirectOrSealed(of("d").key.identity, round(of("a").key, 1));
    await of("d").mesh.sendDirectOrSealed(of("a").key.identity, round(of("d").key, 2));
    await world.clock.advance(100);
    assert.equal(of("d").heard.length, 1);
    assert.equal(of("a").heard.length, 1);
    const relayed = world.nodes.reduce((sum, node) => sum + copies(node), 0);
    assert.equal(relayed, 4, "two relays each way, no copy more");
  }));

Deno.test("Mesh crosses a chain of ten nodes", () =>
  inWorld(async (world) => {
    const labels = "abcdefghij".split("");
    const of = await mesh(
      world,
      Object.fromEntries(labels.map((label, i) => [label, labels.slice(Math.max(0, i - 1), i)])),
    );
    // News of the far end takes a gossip interval per hop at the worst.
    await world.clock.advance(120_000);
    await of("a").mesh.sendDirectOrSealed(of("j").key.identity, round(of("a").key, 1));
    await world.clock.advance(100);
    assert.equal(of("j").heard.length, 1);
    assert.equal(world.nodes.reduce((sum, node) => sum + copies(node), 0), 8);
  }));

Deno.test("Mesh finds another way when a link breaks, and the old one when it is back", () =>
  inWorld(async (world) => {
    const of = await mesh(world, { a: [], b: ["a"], d: ["b"], e: ["d"], f: ["e", "a"] });
    const send = async (n: number) => {
      await of("a").mesh.sendDirectOrSealed(of("d").key.identity, round(of("a").key, n));
      await world.clock.advance(100);
      return of("d").heard.length;
    };
    assert.equal(await send(1), 1);
    await of("b").mesh.stop();
    assert.equal(await send(2), 2, "at once: our own sessions count first-hand");
    assert(copies(of("f")) > 0 && copies(of("e")) > 0);
  }));

Deno.test("Mesh still delivers when a neighbour draws routes to itself with invented records", () =>
  inWorld(async (world) => {
    const of = await mesh(world, { a: [], b: ["a"], c: ["b"], v: ["c"] });
    const liar = await world.raw("mallory", of("a"));
    const lie = async () => {
      const record = (label: string, sessions: Identity[]) => ({
        identity: idOf(label),
        address: "",
        naclPub: keyOf(label).naclPublic,
        version: 1,
        lastSeen: BigInt(Math.floor(world.clock.now() / 1000)),
        sessions,
      });
      await liar.send({
        type: "peer-list-response",
        peers: [
          // Everything about it is new each time.
          record("mallory", [idOf("a"), idOf("v"), idOf("c")]),
          record("v", [idOf("mallory")]),
          record("c", [idOf("mallory")]),
        ],
      });
    };
    for (let i = 0; i < 12; i++) {
      await lie();
      await world.clock.advance(5_000);
    }
    for (let n = 1; n <= 5; n++) {
      await lie();
      await of("a").mesh.sendDirectOrSealed(of("v").key.identity, round(of("a").key, n));
      await world.clock.advance(100);
      assert.equal(of("v").heard.length, n);
    }
  }));

Deno.test("Mesh relays between two Go peers by the route they are part of", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    await world.start();
    // Two Go nodes with a third, far one behind the second.
    const near = await world.raw("go near", node, "10.4.0.1");
    const next = await world.raw("go next", node, "10.4.0.2");
    const third = await world.raw("go third", node, "10.4.0.3");
    const me = node.key.identity;
    const record = (label: string, sessions: Identity[]) => ({
      identity: idOf(label),
      address: "",
      naclPub: keyOf(label).naclPublic,
      version: 1,
      // Go stamps its own record once, at its start.
      lastSeen: BigInt(Math.floor(world.clock.now() / 1000)) - 40n,
      sessions,
    });
    await next.send({
      type: "peer-list-response",
      peers: [record("go next", [idOf("go far"), me]), record("go far", [idOf("go next")])],
    });
    await world.clock.settle();
    const { encodeMessage } = await import("../../lib/mesh/envelope.ts");
    const { seal } = await import("../../lib/mesh/sealed.ts");
    const { seededRandom } = await import("../support/seeded_random.ts");
    const far = keyOf("go far");
    const sealed = seal(round(near.key, 1), far.naclPublic, near.key, seededRandom("seal"));
    await near.transport.send(
      encodeMessage(sealed, { origin: near.key.identity, destination: far.identity, ttl: 8 }),
    );
    await world.clock.settle();
    assert.equal(next.of("encrypted").length, 1);
    assert.equal(third.of("encrypted").length, 0, "a Go node would have flooded");
    assert.equal(next.received.find((e) => e.command.type === "encrypted")!.header.ttl, 7);
  }));
