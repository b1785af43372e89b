/** Lost round messages: what is sent again, to whom, how often, and that ceremonies survive. */

import assert from "node:assert/strict";
import { LINGER_MS, MAX_ANSWERS, REPEAT_AFTER_MS } from "../../lib/ceremony/limits.ts";
import { Repeats } from "../../lib/ceremony/repeats.ts";
import type { CeremonySpec, NewShare } from "../../lib/ceremony/spec.ts";
import { type Identity, NodeIdentity } from "../../lib/crypto/identity.ts";
import { fromUtf8, utf8 } from "../../lib/encoding/bytes.ts";
import { signTss } from "../../lib/mesh/tss_command.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { Cluster, freshId } from "./cluster.ts";
import { localWorkers } from "./local_worker.ts";

const key = NodeIdentity.fromPrivateKey(new Uint8Array(32).fill(1));
const [ann, bob] = ["a".repeat(40), "b".repeat(40)] as [Identity, Identity];

function setUp() {
  const clock = new VirtualClock();
  const sent: string[] = [];
  const repeats = new Repeats({
    clock,
    send: (to, command, repeat) => sent.push(`${to[0]}${repeat}:${fromUtf8(command.data)}`),
  });
  const say = (to: Identity, text: string) =>
    repeats.say(to, signTss(key, new Uint8Array(32), 1, 1, utf8(text)));
  const taken = () => sent.splice(0);
  return { clock, repeats, say, taken };
}

Deno.test("Repeats.wait() sends again to whom we wait for, with growing distances and a bound", async () => {
  const { clock, repeats, say, taken } = setUp();
  say(ann, "one");
  say(bob, "one");
  taken();
  repeats.wait([ann], true);
  const times: number[] = [];
  const begun = clock.now();
  for (let s = 0; s < 300; s++) {
    await clock.advance(1_000);
    for (const text of taken()) {
      assert.match(text, /^a\d:one$/);
      times.push(clock.now() - begun);
    }
  }
  let at = 0;
  assert.deepEqual(times, REPEAT_AFTER_MS.map((wait) => at += wait));
});

Deno.test("Repeats stops when a member is heard and begins anew with progress", async () => {
  const { clock, repeats, say, taken } = setUp();
  say(ann, "one");
  say(bob, "one");
  repeats.wait([ann, bob], true);
  await clock.advance(2_000);
  repeats.wait([bob], false);
  taken();
  await clock.advance(1_000);
  assert.deepEqual(taken(), ["b1:one"], "not put off by others' progress");
  repeats.wait([], true);
  await clock.advance(60_000);
  assert.deepEqual(taken(), []);
  say(bob, "two");
  repeats.wait([bob], true);
  taken();
  await clock.advance(3_000);
  assert.deepEqual(taken(), ["b1:one", "b1:two"], "it may lack the wave before");
  say(bob, "three");
  repeats.wait([bob], true);
  say(bob, "four");
  repeats.wait([bob], true);
  taken();
  await clock.advance(3_000);
  assert.deepEqual(taken(), ["b1:three", "b1:four"]);
  await clock.advance(6_000);
  assert.deepEqual(taken(), ["b2:two", "b2:three", "b2:four"], "then one more");
});

Deno.test("Repeats.reachable() serves an awaited member at once, not twice in a moment", async () => {
  const { clock, repeats, say, taken } = setUp();
  say(ann, "one");
  say(bob, "one");
  repeats.wait([ann], true);
  taken();
  repeats.reachable(ann);
  assert.deepEqual(taken(), [], "it was sent a moment ago");
  await clock.advance(2_900);
  repeats.reachable(ann);
  repeats.reachable(ann);
  repeats.reachable(bob);
  assert.deepEqual(taken(), ["a1:one"]);
});

Deno.test("Repeats.lacking() answers a member's repeats, a few times, also after the end", async () => {
  const { clock, repeats, say, taken } = setUp();
  say(ann, "last");
  repeats.wait([], true);
  repeats.end();
  taken();
  repeats.lacking(ann);
  repeats.lacking(bob);
  assert.deepEqual(taken(), []);
  for (let i = 0; i < 10; i++) {
    await clock.advance(3_000);
    repeats.lacking(ann);
  }
  assert.equal(taken().length, MAX_ANSWERS);
});

/** Three nodes; every message's fate is decided by `lost`. */
function lossy(lost: (from: number, to: number, type: string, n: number) => boolean, seed: string) {
  const clock = new VirtualClock();
  const cluster = new Cluster(4, localWorkers(seededRandom(seed)), clock);
  const counts = new Map<string, number>();
  const passed = { sent: 0, lost: 0 };
  cluster.tamper = ({ from, to, type }) => {
    const slot = `${from}>${to}:${type}`;
    const n = counts.get(slot) ?? 0;
    counts.set(slot, n + 1);
    passed.sent++;
    if (!lost(from, to, type, n)) return undefined;
    passed.lost++;
    return null;
  };
  const finish = async <T>(pending: Promise<T>): Promise<T> => {
    let done = false;
    const watched = pending.finally(() => done = true);
    watched.catch(() => {});
    await clock.until(() => done, 600_000, 500);
    return await watched;
  };
  return { clock, cluster, passed, counts, finish };
}

/** A key generation, a signature, and a resharing from nodes 0 and 1 to 1, 2 and 3. */
async function lifeOfAKey(world: ReturnType<typeof lossy>): Promise<void> {
  const { cluster, finish, counts } = world;
  const keygenId = freshId();
  const keys = await finish(cluster.complete("keygen", [0, 1, 2], (): CeremonySpec => ({
    kind: "keygen",
    curve: "ed25519",
    id: keygenId,
    committee: cluster.ids(0, 1, 2),
    threshold: 1,
  })));
  const { keyId, publicKey } = keys[0]!;
  const signId = freshId();
  counts.clear();
  await finish(cluster.complete("sign", [0, 1], (i): CeremonySpec => ({
    kind: "sign",
    curve: "ed25519",
    id: signId,
    keyId,
    committee: cluster.ids(0, 1),
    threshold: 1,
    message: utf8("hello"),
    publicKey,
    share: keys[i]!.shareCiphertext,
  })));
  const reshareId = freshId();
  counts.clear();
  const stored = new Map<number, NewShare>();
  await finish(cluster.complete("reshare", [0, 1, 2, 3], (i): CeremonySpec => ({
    kind: "reshare",
    curve: "ed25519",
    id: reshareId,
    keyId,
    oldCommittee: cluster.ids(0, 1),
    newCommittee: cluster.ids(1, 2, 3),
    oldThreshold: 1,
    newThreshold: 1,
    publicKey,
    share: i < 2 ? keys[i]!.shareCiphertext : undefined,
    onNewShare: (share) => Promise.resolve(void stored.set(i, share)),
  })));
  assert.equal(stored.size, 3);
}

Deno.test("ceremonies complete though the first copy of every message is lost", async () => {
  const world = lossy((_from, _to, _type, n) => n === 0, "first copies");
  try {
    await lifeOfAKey(world);
    assert(world.passed.lost > 20);
  } finally {
    world.cluster.stop();
  }
});

for (const seed of ["one", "two", "three", "four"]) {
  Deno.test(`ceremonies complete over links that lose a quarter of all messages (${seed})`, async () => {
    const random = seededRandom(seed);
    const world = lossy(() => random(1)[0]! < 64, seed);
    try {
      await lifeOfAKey(world);
      assert(world.passed.lost > 5);
      assert(world.passed.sent < 400, `${world.passed.sent} messages`);
    } finally {
      world.cluster.stop();
    }
  });
}

Deno.test("a ceremony that loses nothing repeats nothing", async () => {
  const world = lossy(() => false, "calm");
  try {
    await lifeOfAKey(world);
    for (const [slot, n] of world.counts) {
      // The last message of a resharing goes to both committees, as in a Go node.
      assert(n === 1 || (n === 2 && /DGRound4Message$/.test(slot)), `${slot} ${n} times`);
    }
  } finally {
    world.cluster.stop();
  }
});

Deno.test("a member that hears of a ceremony twenty seconds late still takes part", async () => {
  const world = lossy(() => false, "late");
  const { cluster, clock, finish } = world;
  // As a Go node: what comes before the request is forgotten.
  let deaf = true;
  cluster.tamper = ({ to }) => deaf && to === 2 ? null : undefined;
  const id = freshId();
  const spec = (): CeremonySpec => ({
    kind: "keygen",
    curve: "ed25519",
    id,
    committee: cluster.ids(0, 1, 2),
    threshold: 1,
  });
  try {
    const early = cluster.start([0, 1], spec);
    await clock.advance(20_000);
    deaf = false;
    const late = cluster.start([2], spec);
    const outcomes = await finish(Promise.all([...early, ...late].map((c) => c.result)));
    assert.deepEqual(outcomes.map((o) => o.state), ["complete", "complete", "complete"]);
  } finally {
    cluster.stop();
  }
});

Deno.test("a member that lacks the last message gets it from those who are done", async () => {
  const world = lossy(() => false, "last");
  const { cluster, clock } = world;
  // Everything of the final round is lost towards node 2 for longer than the others need.
  let deaf = true;
  let types: string[] = [];
  cluster.tamper = ({ to, type }) => {
    types.push(type);
    return deaf && to === 2 && /KGRound2Message2$/.test(type) ? null : undefined;
  };
  const id = freshId();
  const spec = (): CeremonySpec => ({
    kind: "keygen",
    curve: "ed25519",
    id,
    committee: cluster.ids(0, 1, 2),
    threshold: 1,
  });
  try {
    const ceremonies = cluster.start([0, 1, 2], spec);
    await clock.advance(2_000);
    assert.deepEqual(ceremonies.map((c) => c.state), ["complete", "complete", "running"]);
    deaf = false;
    types = [];
    await clock.until(() => ceremonies[2]!.state === "complete", 20_000, 500);
    const before = types.length;
    await clock.advance(LINGER_MS);
    assert.equal(types.length, before, "nothing goes on when all are done");
  } finally {
    cluster.stop();
  }
});
