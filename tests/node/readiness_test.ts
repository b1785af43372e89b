/**
 * Mutual readiness: verdicts about pairs from what nodes tell, and the refusal that names them.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Identity } from "../../lib/crypto/identity.ts";
import { noBans } from "../../lib/mesh/bans.ts";
import type { NodeContact } from "../../lib/mesh/command_types.ts";
import type { SessionView } from "../../lib/mesh/mesh.ts";
import type { AdminContext } from "../../lib/node/admin/context.ts";
import { cannotSign } from "../../lib/node/admin/readiness.ts";
import type { Contact } from "../../lib/node/contacts.ts";
import { ECHO_FRESH } from "../../lib/node/echoes.ts";
import { NodeError } from "../../lib/node/errors.ts";
import { assess, type NodeState, type ReadinessView, readyGroup } from "../../lib/node/mutual.ts";
import { Readiness } from "../../lib/node/readiness.ts";
import { sampleMeta } from "../keystore/helpers.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const id = (n: number) => n.toString(16).padStart(40, "0") as Identity;
const [SELF, A, B, C] = [id(1), id(2), id(3), id(4)] as [Identity, Identity, Identity, Identity];
const NOW = 1_790_000_000_000;

const link = (identity: Identity, fields: Partial<NodeContact> = {}): NodeContact => ({
  identity,
  kind: "transfunctioner",
  session: false,
  known: true,
  age: 1_000n,
  roundTrip: 10n,
  ...fields,
});

const told = (contacts: NodeContact[], fields: object = {}) => ({
  at: NOW - 1_000,
  software: "test",
  protocol: 2,
  preParams: 1,
  presign: 0,
  standing: 0,
  contacts: new Map(contacts.map((c) => [c.identity, c])),
  ...fields,
});

/** A node of ours that answered a second ago and tells of `contacts`. */
const ours = (contacts: NodeContact[] = [], fields: Partial<NodeState> = {}): NodeState => ({
  kind: "transfunctioner",
  session: false,
  known: true,
  answeredAgo: 1_000,
  silent: false,
  heardAgo: 1_000,
  told: told(contacts),
  banned: null,
  ...fields,
});

const go = (session: boolean): NodeState => ({
  kind: session ? "go" : "",
  session,
  known: true,
  answeredAgo: null,
  silent: false,
  heardAgo: null,
  told: null,
  banned: null,
});

const view = (states: Record<string, NodeState>, preParams = 1): ReadinessView => ({
  self: SELF,
  now: NOW,
  preParams,
  state: (identity) => states[identity] ?? { ...go(false), known: false },
});

const faultsOf = (v: ReadinessView, members: Identity[], needs: Identity[] = []) =>
  assess(v, members, needs).faults.map(({ a, b, reason }) => [a, b, reason]);

Deno.test("assess() passes members of which each has answered the other lately", () => {
  const v = view({ [A]: ours([link(B)]), [B]: ours([]) });
  // One direction of telling is enough: an answered echo went both ways.
  assert.deepEqual(assess(v, [SELF, A, B], [SELF, A, B]), { faults: [], unsure: false });
});

Deno.test("assess() names the pair and the reason", () => {
  const silent = ours([], { answeredAgo: 90_000 });
  assert.deepEqual(faultsOf(view({ [A]: silent }), [SELF, A]), [[
    SELF,
    A,
    "no answer for 90 s",
  ]]);
  // An answer of a moment ago does not count once the next question is not answered.
  const gone = ours([], { answeredAgo: 6_000, silent: true });
  assert.deepEqual(faultsOf(view({ [A]: gone }), [SELF, A]), [[SELF, A, "no answer for 6 s"]]);
  const v = view({
    [A]: ours([link(B, { age: BigInt(ECHO_FRESH) })]),
    [B]: ours([link(A, { age: -1n })]),
  });
  assert.deepEqual(faultsOf(v, [SELF, A, B]), [[A, B, `${A} has no answer for 66 s from ${B}`]]);
  const unknown = view({ [A]: ours([link(B, { known: false, age: -1n })]), [B]: ours() });
  assert.deepEqual(faultsOf(unknown, [A, B]), [[A, B, `${A} has not heard of ${B}`]]);
  assert.deepEqual(faultsOf(view({}), [SELF, C]), [[SELF, C, "nobody has told of it lately"]]);
});

Deno.test("assess() refuses another protocol, a ban and missing pre-parameters", () => {
  const newer = ours([], { told: told([], { protocol: 3 }) });
  assert.match(String(faultsOf(view({ [A]: newer }), [A])), /speaks version 3/);
  const banned = ours([], { banned: "banned here" });
  assert.deepEqual(faultsOf(view({ [A]: banned }), [A]), [[SELF, A, "banned here"]]);
  const empty = ours([], { told: told([], { preParams: 0 }) });
  const v = view({ [A]: empty }, 0);
  assert.deepEqual(faultsOf(v, [SELF, A]), []);
  assert.deepEqual(faultsOf(v, [SELF, A], [SELF, A]), [
    [SELF, null, "has no pre-parameters ready"],
    [A, null, "has no pre-parameters ready"],
  ]);
});

Deno.test("assess() judges Go members only by what can be seen", () => {
  // A neighbour passes; one that is merely known passes but asks for a closer look.
  assert.deepEqual(assess(view({ [A]: go(true) }), [SELF, A]), { faults: [], unsure: false });
  assert.deepEqual(assess(view({ [A]: go(false) }), [SELF, A]), { faults: [], unsure: true });
  // Between two Go members nothing can be learnt by asking.
  const two = view({ [A]: go(true), [B]: go(true) });
  assert.deepEqual(assess(two, [SELF, A, B]), { faults: [], unsure: false });
  // A node of ours that does not even know the Go member is in the way.
  const v = view({ [A]: ours([link(B, { kind: "", known: false, age: -1n })]), [B]: go(true) });
  assert.equal(assess(v, [SELF, A, B]).faults.length, 1);
});

Deno.test("assess() does not believe old accounts", () => {
  const old = ours([link(B)], { told: told([link(B)], { at: NOW - ECHO_FRESH - 1 }) });
  const v = view({ [A]: old, [B]: ours() });
  assert.deepEqual(assess(v, [SELF, A, B]), { faults: [], unsure: true });
});

Deno.test("readyGroup() returns members without a fault among them", () => {
  const split = view({
    [A]: ours([link(B, { age: -1n }), link(C)]),
    [B]: ours([link(A, { age: -1n }), link(C)]),
    [C]: ours([link(A), link(B)]),
  });
  assert.deepEqual(readyGroup(split, [SELF, A, B, C]), [SELF, A, C]);
  assert.deepEqual(readyGroup(split, [B, A, SELF, C], 2), [B, SELF]);
  const node = fc.record({
    ages: fc.array(fc.integer({ min: -1, max: 99_000 }), {
      minLength: 6,
      maxLength: 6,
    }),
    session: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(node, { minLength: 6, maxLength: 6 }), (nodes) => {
    const ids = nodes.map((_, i) => id(i + 2));
    const v = view(Object.fromEntries(nodes.map((n, i) => [
      ids[i],
      ours(n.ages.map((age, j) => link(ids[j]!, { age: BigInt(age) })), { session: n.session }),
    ])));
    const group = readyGroup(v, [SELF, ...ids]);
    assert.deepEqual(assess(v, group).faults, []);
    assert.ok(group.includes(SELF));
  }));
});

/** A readiness room over tables. */
function room(
  sessions: Partial<SessionView>[],
  contacts: Map<Identity, Contact>,
  learn = () => {},
) {
  const clock = new VirtualClock(NOW);
  const probes: Identity[][] = [];
  const readiness = new Readiness({
    self: SELF,
    clock,
    bans: noBans,
    sessions: () => sessions as SessionView[],
    reachable: () => new Set([SELF, A, B]),
    preParams: () => 1,
    echoes: {
      contact: (identity) => contacts.get(identity),
      probe: (nodes) => {
        probes.push([...nodes]);
        learn();
        return Promise.resolve();
      },
    },
  });
  return { readiness, probes };
}

const contactOf = (contacts: NodeContact[], answeredAt: number | null = NOW): Contact => ({
  answeredAt,
  roundTripMs: 10,
  skewMs: 0,
  unanswered: 0,
  askedAt: NOW,
  told: told(contacts),
});

Deno.test("Readiness.require() believes fresh good news and asks for everything else", async () => {
  const contacts = new Map([[A, contactOf([link(B)])], [B, contactOf([link(A)])]]);
  const quick = room([], contacts);
  await quick.readiness.require([SELF, A, B]);
  assert.deepEqual(quick.probes, []);
  await quick.readiness.require([SELF, A, B], [A]);
  assert.deepEqual(quick.probes, [[SELF, A, B]]);
  // Of a node beyond the neighbours nothing would tell that it died since.
  const far = new Map([[A, contactOf([], NOW - 5_000)]]);
  const beyond = room([], far);
  await beyond.readiness.require([SELF, A]);
  assert.deepEqual(beyond.probes, [[SELF, A]]);
  // The end of its session would tell of a neighbour.
  const near = room(
    [{ identity: A, ours: true, lastPong: NOW - 5_000, lastSeen: NOW - 5_000 }],
    far,
  );
  await near.readiness.require([SELF, A]);
  assert.deepEqual(near.probes, []);
  // Good news of half a minute ago are asked for again.
  const older = new Map([[A, contactOf([], NOW - 30_000)]]);
  const again = room([], older);
  await again.readiness.require([SELF, A]);
  assert.deepEqual(again.probes, [[SELF, A]]);
  // Bad news may be old: the answer to the question counts.
  const stale = new Map([[A, contactOf([], NOW - 100_000)]]);
  const mended = room([], stale, () => stale.set(A, contactOf([])));
  await mended.readiness.require([SELF, A]);
  assert.deepEqual(mended.probes, [[SELF, A]]);
});

Deno.test("Readiness.require() refuses with TF-NOT-READY, pairs, reasons and culprits", async () => {
  const contacts = new Map([
    [A, contactOf([link(B, { age: -1n })])],
    [B, contactOf([link(A, { age: -1n })])],
  ]);
  const { readiness } = room([], contacts);
  await assert.rejects(readiness.require([SELF, A, B, C]), (error) => {
    assert.ok(error instanceof NodeError);
    assert.equal(error.code, "TF-NOT-READY");
    assert.equal(error.exit, 3);
    assert.deepEqual([...error.culprits].sort(), [A, B, C]);
    assert.match(error.message, new RegExp(`this node and ${C}: nobody has told of it lately`));
    assert.match(error.message, new RegExp(`${A} and ${B}: ${A} has no answer from ${B}`));
    return true;
  });
});

Deno.test("cannotSign() names the pairs that do not reach each other", () => {
  const v = view({ [A]: ours([link(B, { known: false, age: -1n })]), [B]: ours() });
  const ctx = { identity: { identity: SELF }, readiness: { view: () => v } };
  const meta = sampleMeta("11".repeat(16), { committee: [SELF, A, B], threshold: 2 });
  const error = cannotSign(ctx as unknown as AdminContext, meta);
  assert.match(error.message, /3 of 3 members live, 3 needed/);
  assert.equal(
    error.hint,
    `they do not reach each other: ${A} and ${B}: ${A} has not heard of ${B}`,
  );
});
