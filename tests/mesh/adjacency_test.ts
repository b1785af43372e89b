/** Which links are believed. */

import assert from "node:assert/strict";
import type { Identity } from "../../lib/crypto/identity.ts";
import { Adjacency } from "../../lib/mesh/adjacency.ts";
import { claimLife, farRepeat } from "../../lib/mesh/far_nodes.ts";
import { ADJACENCY_INFORMANTS, PEER_RECORDS } from "../../lib/mesh/limits.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { keyOf } from "./node_kit.ts";

const [me, n1, n2, v, w, mallory] = ["me", "n1", "n2", "v", "w", "mallory"].map((label) =>
  keyOf(label).identity
) as [Identity, Identity, Identity, Identity, Identity, Identity];

function setUp() {
  const clock = new VirtualClock();
  const unknown = new Set<Identity>();
  const adjacency = new Adjacency(clock, me, (node) => !unknown.has(node));
  const now = () => Math.floor(clock.now() / 1000);
  const hear = (node: Identity, sessions: Identity[], from: Identity, seen = now()) =>
    adjacency.hear({ node, sessions, seen }, from);
  const linked = (a: Identity, b: Identity) => adjacency.graph().get(a)?.includes(b) ?? false;
  return { clock, adjacency, hear, linked, now, unknown };
}

Deno.test("Adjacency believes a link only if both ends claim it", () => {
  const { hear, linked } = setUp();
  hear(v, [w], n1);
  assert(!linked(v, w) && !linked(w, v));
  hear(w, [v], n1);
  assert(linked(v, w) && linked(w, v));
});

Deno.test("Adjacency believes what neighbours agree on: a liar cannot add a link, only deny it", async () => {
  const { hear, linked, clock } = setUp();
  hear(v, [w], n1);
  hear(w, [v], n1);
  hear(mallory, [v, me], mallory);
  hear(v, [mallory], mallory);
  assert(!linked(v, mallory), "an honest neighbour's account leaves it out");
  assert(!linked(v, w), "what is disputed counts as unknown");
  await clock.advance(1_000);
  hear(v, [w, mallory], mallory);
  assert(linked(v, w));
  assert(!linked(v, mallory));
});

Deno.test("Adjacency puts what a neighbour says of itself before what others say of it", () => {
  const { hear, linked, now } = setUp();
  hear(n1, [me, v], n1);
  hear(v, [n1], n1);
  hear(n1, [me, mallory], mallory, now() + 1_000);
  hear(mallory, [n1], mallory);
  assert(linked(n1, v));
  assert(!linked(n1, mallory));
});

Deno.test("Adjacency takes older hearsay of the same informant for nothing, and its own word always", () => {
  const { hear, linked, now, adjacency } = setUp();
  hear(w, [v], n1, now() - 10);
  hear(v, [w], n1, now() - 10);
  hear(v, [], n1, now() - 20);
  assert(linked(v, w));
  const before = adjacency.generation;
  hear(v, [w], n1, now() - 5);
  assert.equal(adjacency.generation, before, "the same again changes nothing");
  hear(n1, [v], n1, 0);
  hear(n1, [w], n1, 0);
  assert.deepEqual(adjacency.graph().get(n1), []);
  hear(w, [v, n1], n1);
  assert(linked(n1, w));
});

Deno.test("Adjacency forgets claims in time, with their informant, and with the record", async () => {
  const { hear, linked, clock, adjacency, unknown } = setUp();
  const both = () => {
    hear(v, [w], n1);
    hear(w, [v], n1);
    assert(linked(v, w));
  };
  both();
  await clock.advance(claimLife(3) + 1);
  assert(!linked(v, w));
  both();
  adjacency.part(n1);
  assert(!linked(v, w));
  both();
  unknown.add(v);
  adjacency.touch();
  assert(!linked(v, w));
  hear(v, [w], n1);
  assert(!adjacency.graph().has(v), "nobody has a record of it");
});

Deno.test("Adjacency lets claims of a large mesh live until they have come round twice", async () => {
  const { hear, linked, clock } = setUp();
  hear(v, [w], n1);
  hear(w, [v], n1);
  const made = (i: number) => i.toString(16).padStart(40, "0") as Identity;
  // What was heard when few were known comes as rarely as the rest.
  for (let i = 1; i <= 1_000; i++) hear(made(i), [], n2);
  await clock.advance(2 * farRepeat(1_002) - 1);
  assert(linked(v, w));
  await clock.advance(1);
  assert(!linked(v, w));
});

Deno.test("Adjacency gets over a neighbour's former word that nobody takes back", async () => {
  const { hear, linked, clock } = setUp();
  hear(v, [w], n1);
  hear(w, [v], n1);
  hear(v, [], n2);
  assert(!linked(v, w));
  // Another one repeats the news; who heard them from us keeps silent.
  await clock.advance(claimLife(2) / 2);
  hear(v, [w], n1);
  hear(w, [v], n1);
  assert(!linked(v, w));
  await clock.advance(claimLife(2) / 2);
  assert(linked(v, w));
});

Deno.test("Adjacency keeps the word of the first few informants, and of so many nodes", async () => {
  const { hear, linked, adjacency, clock } = setUp();
  hear(w, [v], n1);
  hear(v, [w], n1);
  for (let i = 0; i < 20; i++) hear(v, [w, mallory], keyOf(`sybil ${i}`).identity);
  hear(mallory, [v], mallory);
  assert(!linked(v, mallory));
  assert(linked(v, w));
  for (let i = 0; i < ADJACENCY_INFORMANTS; i++) adjacency.part(keyOf(`sybil ${i}`).identity);
  hear(v, [w], n2);
  assert(linked(v, w));
  const made = (i: number) => i.toString(16).padStart(40, "a") as Identity;
  for (let i = 0; i < 2 * PEER_RECORDS; i++) hear(made(i), [made(i + 1)], mallory);
  assert(adjacency.graph().size <= PEER_RECORDS);
  await clock.advance(claimLife(PEER_RECORDS) + 1);
  assert.equal(adjacency.graph().size, 0);
});
