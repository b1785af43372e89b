/**
 * Questions about ceremonies over real meshes on a virtual clock: who is asked, who is answered,
 * and what becomes of silence.
 */
import assert from "node:assert/strict";
import type { Identity } from "../../lib/crypto/identity.ts";
import { fromHex } from "../../lib/encoding/bytes.ts";
import type { OpenCeremony } from "../../lib/keystore/journal.ts";
import { noBans } from "../../lib/mesh/bans.ts";
import type { Command } from "../../lib/mesh/command_types.ts";
import { ECHO_FRESH } from "../../lib/node/echoes.ts";
import { Entry, Ledger } from "../../lib/node/ledger.ts";
import { Presence } from "../../lib/node/presence.ts";
import type { CeremonyRequest } from "../../lib/node/request.ts";
import { makeStandings } from "../../lib/node/standing_setup.ts";
import { type MemberStanding, STANDING_WAIT, type Standings } from "../../lib/node/standings.ts";
import { MetricsRecorder } from "../../lib/observe/metrics.ts";
import { inWorld, keyOf, type TestNode, type World } from "../mesh/node_kit.ts";
import { seededRandom } from "../support/seeded_random.ts";

const ID = "ab".repeat(32);
const OTHER = "cd".repeat(32);
const idOf = (label: string) => keyOf(label).identity;

interface Member {
  readonly node: TestNode;
  readonly presence: Presence;
  readonly ledger: Ledger;
  readonly standings: Standings;
  readonly lost: Map<string, OpenCeremony>;
  /** Commands about standings that it got. */
  readonly heard: Command[];
  deaf: boolean;
}

/** A node with echoes and standings as a daemon wires them. */
function member(world: World, label: string, connect: readonly string[]): Member {
  const { clock } = world;
  const known = ["a", "b", "c", "d", "go"].map(idOf);
  const node = world.node(label, { connect, peersWanted: 0, reserved: known });
  const random = seededRandom(`standings ${label}`);
  const presence = new Presence({
    mesh: node.mesh,
    clock,
    random,
    log: node.log,
    bans: noBans,
    initiators: known.slice(0, 4),
    keys: () => Promise.resolve([]),
    preParams: () => 1,
    presign: () => 0,
    software: "test",
    recorder: new MetricsRecorder(false),
    seeds: [],
    dns: "off",
    resolver: {
      txt: () => Promise.resolve([]),
      names: () => Promise.resolve([]),
      addresses: () => Promise.resolve([]),
    },
  });
  const ledger = new Ledger(() => clock.now());
  const lost = new Map<string, OpenCeremony>();
  const standings = makeStandings({
    self: node.key.identity,
    clock,
    random,
    log: node.log,
    mesh: node.mesh,
    presence,
    desk: { ledger },
    restarts: { lost: (id) => lost.get(id) },
  });
  const self: Member = { node, presence, ledger, standings, lost, heard: [], deaf: false };
  node.mesh.onCommand((incoming) => {
    if (/^ceremony-standing/.test(incoming.command.type)) self.heard.push(incoming.command);
    if (!self.deaf && !presence.hear(incoming)) standings.hear(incoming);
  });
  return self;
}

function open({ ledger }: Member, fields: Partial<CeremonyRequest> = {}) {
  const request = {
    kind: "sign",
    id: ID,
    requester: idOf("a"),
    keyId: "11".repeat(16),
    committee: ["a", "b", "c"].map(idOf),
    threshold: 1,
    payload: new Uint8Array(32),
    ...fields,
  } as CeremonyRequest;
  const entry = new Entry(request, 0, false, "waiting");
  ledger.add(entry);
  return entry;
}

/** Nodes in a chain, all echoing. */
async function chain(world: World, labels: readonly string[]): Promise<Member[]> {
  const members: Member[] = [];
  for (const label of labels) {
    const before = members.at(-1);
    members.push(member(world, label, before === undefined ? [] : [before.node.address]));
  }
  await world.start();
  await world.clock.advance(2_000);
  for (const m of members) m.presence.start();
  await world.clock.advance(30_000);
  return members;
}

async function ask(
  world: World,
  { standings }: Member,
  members: readonly Identity[],
  id = ID,
  ms = 2 * STANDING_WAIT,
): Promise<Map<Identity, MemberStanding>> {
  const asking = standings.ask(id, members);
  await world.clock.advance(ms);
  return await asking;
}

const ABC = ["a", "b", "c"].map(idOf);

Deno.test("Standings of members arrive across the mesh: waiting, lost, unknown", () =>
  inWorld(async (world) => {
    const nodes = await chain(world, ["a", "b", "c", "d"]);
    const [a, b, c, d] = nodes as [Member, Member, Member, Member];
    world.net.latency = 20;
    open(a);
    const entry = open(c);
    entry.since = world.clock.now() - 5_000;
    b.lost.set(ID, {
      id: ID,
      kind: "sign",
      at: Math.floor(world.clock.now() / 1000) - 60,
      requester: idOf("a"),
      members: ABC,
      ours: ABC,
    });
    const members = [...ABC, idOf("d")];
    const answers = await ask(world, a, members);
    assert.deepEqual([...answers.keys()], members.slice(1));
    const said = members.slice(1).map((m) => {
      const answer = answers.get(m)!;
      assert("standing" in answer, JSON.stringify(answer));
      return answer.standing;
    });
    assert.deepEqual(said.map((s) => s.state), ["lost", "waiting", "unknown"]);
    // Its own clock counts, so that clocks that differ do no harm.
    assert(said[1]!.ageMs >= 5_000 && said[1]!.ageMs < 12_000, `${said[1]!.ageMs}`);
    assert.equal(d.heard.length, 1);
    for (const m of nodes) m.presence.stop();
  }));

Deno.test("Standings of a ceremony are told to its members and requester, to nobody else", () =>
  inWorld(async (world) => {
    const nodes = await chain(world, ["a", "b", "c"]);
    const [a, b, c] = nodes as [Member, Member, Member];
    open(b, { committee: [idOf("b")], requester: idOf("c") });
    open(b, { id: OTHER, committee: [idOf("b"), idOf("c")], requester: idOf("b") });
    const state = async (asker: Member, id: string) => {
      const answer = (await ask(world, asker, [idOf("b")], id)).get(idOf("b"))!;
      assert("standing" in answer, JSON.stringify(answer));
      return answer.standing;
    };
    assert.equal((await state(c, ID)).state, "waiting", "the requester");
    assert.equal((await state(c, OTHER)).state, "waiting", "a member");
    // Exactly what is said of a ceremony that nobody ever asked for.
    const invented = await state(a, "ef".repeat(32));
    assert.equal(invented.state, "unknown");
    assert.deepEqual(await state(a, ID), invented);
    assert.deepEqual(await state(a, OTHER), invented);
    for (const m of nodes) m.presence.stop();
  }));

Deno.test("Standings.ask() says that a silent member does not answer, after two seconds", () =>
  inWorld(async (world) => {
    const nodes = await chain(world, ["a", "b"]);
    const [a, b] = nodes as [Member, Member];
    b.deaf = true;
    let over = false;
    const asking = a.standings.ask(ID, [idOf("a"), idOf("b")]).finally(() => over = true);
    await world.clock.advance(STANDING_WAIT - 1);
    assert.equal(over, false);
    await world.clock.advance(1);
    assert.deepEqual((await asking).get(idOf("b")), { silent: "no answer in 2 s" });
    assert.equal(b.heard.length, 2, "asked again at half of the time");
    const last = a.standings.ask(ID, [idOf("b")]);
    await world.clock.settle();
    a.standings.stop();
    assert.deepEqual((await last).get(idOf("b")), { silent: "this node is going down" });
    for (const m of nodes) m.presence.stop();
  }));

Deno.test("Standings are never asked of Go nodes, nor of whoever announced nothing lately", () =>
  inWorld(async (world) => {
    const nodes = await chain(world, ["a", "b"]);
    const [a, b] = nodes as [Member, Member];
    const raw = await world.raw("go", a.node);
    await world.clock.advance(1_000);
    const go = raw.key.identity;
    const far = idOf("nobody");
    const answers = await ask(world, a, [idOf("a"), go, far]);
    assert.deepEqual(answers.get(go), { silent: "Go node: cannot be asked" });
    assert.deepEqual(answers.get(far), { silent: "answers no echo: away, or a Go node" });
    assert.deepEqual(raw.of("encrypted"), []);
    assert.equal(raw.ended, false);
    // What b announced is forgotten with its last echo; only an echo is tried then.
    assert.equal(a.presence.answersStandings(idOf("b")), "yes");
    b.deaf = true;
    b.presence.stop();
    a.presence.stop();
    await world.clock.advance(ECHO_FRESH + 1_000);
    assert.equal(a.presence.answersStandings(idOf("b")), "unknown");
    await ask(world, a, [idOf("b")]);
    assert.deepEqual(b.heard, []);
  }));

Deno.test("Standings answers floods sparingly, and strangers at no member's expense", () =>
  inWorld(async (world) => {
    const nodes = await chain(world, ["a", "b", "c"]);
    const [a, b, c] = nodes as [Member, Member, Member];
    open(b, { committee: [idOf("b"), idOf("c")], requester: idOf("c") });
    const question = (nonce: number): Command => ({
      type: "ceremony-standing",
      nonce: new Uint8Array(32).fill(nonce),
      ceremonyId: fromHex(ID),
    });
    for (let i = 0; i < 100; i++) await a.node.mesh.sendSealed(idOf("b"), question(i));
    await world.clock.advance(200);
    const flooded = a.heard.length;
    assert(flooded >= 15 && flooded <= 25, `${flooded} answers to a stranger`);
    const answer = (await ask(world, c, [idOf("b")], ID, 200)).get(idOf("b"))!;
    assert("standing" in answer && answer.standing.state === "waiting", "a member is heard");
    const before = c.heard.length;
    for (let i = 0; i < 60; i++) await c.node.mesh.sendSealed(idOf("b"), question(i));
    await world.clock.advance(200);
    const told = c.heard.length - before;
    assert(told >= 5 && told <= 12, `${told} answers to a member`);
    for (const m of nodes) m.presence.stop();
  }));

Deno.test("Standings takes an answer only sealed, from whom it asked, about what it asked", () =>
  inWorld(async (world) => {
    const nodes = await chain(world, ["a", "b", "c"]);
    const [a, b, c] = nodes as [Member, Member, Member];
    b.deaf = true;
    const asking = a.standings.ask(ID, [idOf("b"), idOf("c")]);
    await world.clock.advance(100);
    const asked = b.heard[0]!;
    assert(asked.type === "ceremony-standing");
    const forged: Command = {
      type: "ceremony-standing-response",
      nonce: asked.nonce,
      ceremonyId: asked.ceremonyId,
      state: "complete",
      round: 0,
      rounds: 0,
      age: 0n,
      waitingFor: [],
      code: "",
      culprits: [],
    };
    await c.node.mesh.sendSealed(idOf("a"), forged);
    await b.node.mesh.sendSealed(idOf("a"), { ...forged, ceremonyId: fromHex(OTHER) });
    await b.node.mesh.sendSealed(idOf("a"), { ...forged, nonce: new Uint8Array(32) });
    a.standings.hear({ command: forged, via: "session", sender: idOf("b") } as never);
    await world.clock.advance(100);
    await b.node.mesh.sendSealed(idOf("a"), { ...forged, waitingFor: [idOf("d")] });
    await world.clock.advance(100);
    const answers = await asking;
    assert.deepEqual(answers.get(idOf("b")), { silent: "its answer makes no sense" });
    assert.deepEqual((answers.get(idOf("c")) as { standing: object }).standing, {
      state: "unknown",
      round: 0,
      rounds: 0,
      ageMs: 0,
      waitingFor: [],
      code: "",
      culprits: [],
    });
    for (const m of nodes) m.presence.stop();
  }));
