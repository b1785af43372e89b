/**
 * Echoes over real meshes on a virtual clock: who answers whom, and what the answers tell.
 */
import assert from "node:assert/strict";
import type { Identity } from "../../lib/crypto/identity.ts";
import type { NodeEchoCommand } from "../../lib/mesh/command_types.ts";
import { ECHO_INTERVAL, Echoes, FAR_CHECK, MUTE_AFTER, PROBE_WAIT } from "../../lib/node/echoes.ts";
import { inWorld, keyOf, type TestNode, type World } from "../mesh/node_kit.ts";
import { seededRandom } from "../support/seeded_random.ts";

interface EchoNode {
  readonly node: TestNode;
  readonly echoes: Echoes;
  preParams: number;
  partners: Identity[];
  trusted: boolean;
}

/** Gives a node echoes; they start with the world. */
function withEchoes(world: World, label: string, config: Parameters<World["node"]>[1] = {}) {
  const node = world.node(label, config);
  const { mesh } = node;
  const self: EchoNode = {
    node,
    preParams: 1,
    partners: [],
    trusted: true,
    echoes: new Echoes({
      self: node.key.identity,
      clock: world.clock,
      random: seededRandom(`echo ${label}`),
      log: node.log,
      mesh,
      software: `test ${label}`,
      preParams: () => self.preParams,
      presign: () => 0,
      partners: () => Promise.resolve(self.partners),
      trusted: () => self.trusted,
    }),
  };
  mesh.onCommand(({ command, via, sender }) => {
    if (command.type !== "node-echo") return;
    assert.equal(via, "sealed");
    self.echoes.hear(command, sender!);
  });
  return self;
}

/** Runs `test` with nodes in a chain: each knows only its neighbours' addresses. */
function inChain(labels: string[], test: (world: World, nodes: EchoNode[]) => Promise<void>) {
  return inWorld(async (world) => {
    const nodes: EchoNode[] = [];
    for (const label of labels) {
      const before = nodes.at(-1);
      nodes.push(withEchoes(world, label, {
        peersWanted: 0,
        reserved: labels.map((l) => keyOf(l).identity),
        connect: before === undefined ? [] : [before.node.address],
      }));
    }
    await world.start();
    await world.clock.until(() =>
      nodes.every((n, i) => n.node.mesh.sessions().length === (i % (nodes.length - 1) ? 2 : 1))
    );
    for (const n of nodes) n.echoes.start();
    try {
      await test(world, nodes);
    } finally {
      for (const n of nodes) n.echoes.stop();
    }
  });
}

const idOf = (n: EchoNode) => n.node.key.identity;

Deno.test("Echoes tells neighbours and partners across the mesh of each other", () =>
  inChain(["a", "b", "c"], async (world, nodes) => {
    const [a, b, c] = nodes as [EchoNode, EchoNode, EchoNode];
    world.net.latency = 20;
    a.partners = [idOf(c)];
    c.preParams = 3;
    await world.clock.advance(3 * ECHO_INTERVAL);
    const near = a.echoes.contact(idOf(b))!;
    assert.equal(near.roundTripMs, 40);
    assert.equal(near.told!.software, "test b");
    assert.equal(near.unanswered, 0);
    const far = a.echoes.contact(idOf(c))!;
    assert.equal(far.roundTripMs, 80);
    assert.ok(Math.abs(far.skewMs!) < 1, `${far.skewMs}`);
    assert.equal(far.told!.preParams, 3);
    // c was asked by a, so it knows of a, and tells of its own session with b.
    assert.equal(c.echoes.contact(idOf(a))!.told!.software, "test a");
    const link = far.told!.contacts.get(idOf(b))!;
    assert.equal(link.session, true);
    assert.equal(link.kind, "transfunctioner");
    assert.ok(link.age >= 0n && link.age < 30_000n, `${link.age}`);
    // b, which nobody told to ask c's partner, has all its news by its sessions.
    assert.ok(b.echoes.contact(idOf(a)) !== undefined);
  }));

Deno.test("Echoes of partners that are no neighbours answer each other within seconds of meeting", () =>
  inWorld(async (world) => {
    world.net.latency = 20;
    const labels = ["a", "b", "c"];
    const nodes: EchoNode[] = [];
    for (const label of labels) {
      const before = nodes.at(-1);
      nodes.push(withEchoes(world, label, {
        peersWanted: 0,
        reserved: labels.map((l) => keyOf(l).identity),
        connect: before === undefined ? [] : [before.node.address],
      }));
    }
    const [a, b, c] = nodes as [EchoNode, EchoNode, EchoNode];
    a.partners = c.partners = [idOf(a), idOf(c)];
    let questions = 0;
    for (const end of [a, c]) {
      end.node.mesh.onCommand(({ command }) => {
        if (command.type === "node-echo" && !command.answer) questions++;
      });
    }
    // The far end comes up long after the first one, between two of its rounds.
    await a.node.mesh.start();
    await b.node.mesh.start();
    a.echoes.start();
    b.echoes.start();
    await world.clock.advance(ECHO_INTERVAL + 7_000);
    await c.node.mesh.start();
    c.echoes.start();
    try {
      await world.clock.advance(2 * FAR_CHECK + 1_500);
      assert.notEqual(a.echoes.contact(idOf(c))?.answeredAt ?? null, null, "a has c's answer");
      assert.notEqual(c.echoes.contact(idOf(a))?.answeredAt ?? null, null, "c has a's answer");
      await world.clock.advance(2 * FAR_CHECK);
      for (const [one, other] of [[a, c], [c, a]] as const) {
        const told = one.echoes.contact(idOf(other))!.told!.contacts.get(idOf(one));
        assert(told !== undefined && told.age >= 0n, "each knows that the other has its answer");
      }
      questions = 0;
      await world.clock.advance(ECHO_INTERVAL / 2);
      assert(questions <= 6, `${questions} questions while nothing happens`);
    } finally {
      for (const n of nodes) n.echoes.stop();
    }
  }));

Deno.test("Echoes.probe() makes the asked nodes try each other", () =>
  inChain(["a", "b", "c", "d"], async (world, nodes) => {
    const [a, b, c, d] = nodes as [EchoNode, EchoNode, EchoNode, EchoNode];
    world.net.latency = 5;
    await world.clock.advance(60_000);
    assert.equal(b.echoes.contact(idOf(d)), undefined);
    const probe = a.echoes.probe([idOf(a), idOf(b), idOf(d)]);
    await world.clock.advance(200);
    await probe;
    // b was asked about d and has asked it.
    const told = a.echoes.contact(idOf(b))!.told!.contacts.get(idOf(d))!;
    assert.equal(told.session, false);
    assert.ok(told.age >= 0n);
    assert.notEqual(b.echoes.contact(idOf(d))!.answeredAt, null);
    assert.equal(c.echoes.contact(idOf(a))?.answeredAt ?? null, null);
  }));

Deno.test("Echoes of nodes that are not trusted set nobody in motion", () =>
  inChain(["a", "b", "c", "d"], async (world, nodes) => {
    const [a, b, , d] = nodes as [EchoNode, EchoNode, EchoNode, EchoNode];
    await world.clock.advance(60_000);
    b.trusted = false;
    await a.echoes.probe([idOf(a), idOf(b), idOf(d)]);
    assert.equal(b.echoes.contact(idOf(d))?.answeredAt ?? null, null);
    assert.equal(a.echoes.contact(idOf(b))!.told!.contacts.get(idOf(d))!.age, -1n);
  }));

Deno.test("Echoes.probe() ends after its time when a node is silent, which is then asked less", () =>
  inChain(["a", "b", "c"], async (world, nodes) => {
    const [a, , c] = nodes as [EchoNode, EchoNode, EchoNode];
    await world.clock.advance(1_000);
    c.echoes.stop();
    for (let i = 1; 2 * i < MUTE_AFTER + 2; i++) {
      let over = false;
      const probe = a.echoes.probe([idOf(c)]).then(() => over = true);
      await world.clock.advance(PROBE_WAIT - 1);
      assert.equal(over, false, `probe ${i}`);
      await world.clock.advance(1);
      await probe;
      // The silent are asked a second time within one probe.
      assert.equal(a.echoes.contact(idOf(c))!.unanswered, 2 * i);
    }
    const { unanswered } = a.echoes.contact(idOf(c))!;
    await a.echoes.probe([idOf(c)]);
    assert.equal(a.echoes.contact(idOf(c))!.unanswered, unanswered);
  }));

Deno.test("Echoes forgets answers from before a session's end, and asks through the mesh", () =>
  inChain(["a", "b", "c"], async (world, nodes) => {
    const [a, b] = nodes as [EchoNode, EchoNode, EchoNode];
    await world.clock.advance(2_000);
    assert.notEqual(a.echoes.contact(idOf(b))!.answeredAt, null);
    await b.node.mesh.stop();
    b.echoes.stop();
    await world.clock.advance(10);
    const contact = a.echoes.contact(idOf(b))!;
    assert.equal(contact.answeredAt, null);
    assert.equal(a.echoes.kindOf(idOf(b)), "transfunctioner");
    assert.ok(contact.unanswered > 0);
  }));

Deno.test("Echoes takes an answer only from whom it asked, and answers floods sparingly", () =>
  inChain(["a", "b", "c"], async (world, nodes) => {
    const [a, b, c] = nodes as [EchoNode, EchoNode, EchoNode];
    await world.clock.advance(1_000);
    const echo: NodeEchoCommand = {
      type: "node-echo",
      nonce: new Uint8Array(32),
      answer: true,
      about: [],
      software: "liar\u0007",
      protocol: 2,
      now: 0n,
      preParams: 9,
      presign: 0,
      standing: 0,
      contacts: [],
      more: new Map([["later", "1"]]),
    };
    a.echoes.hear(echo, idOf(c));
    assert.equal(a.echoes.contact(idOf(c))?.told ?? null, null);
    a.echoes.hear({ ...echo, answer: false }, idOf(c));
    assert.equal(a.echoes.contact(idOf(c))!.told!.software, "liar?");
    // One of a later version that announces more is heard over the wire, too.
    await c.node.mesh.sendSealed(idOf(a), { ...echo, answer: false, software: "later" });
    await world.clock.advance(100);
    assert.equal(a.echoes.contact(idOf(c))!.told!.software, "later");
    const before = b.node.mesh.sessions().find((s) => s.identity === idOf(a))!.framesIn;
    for (let i = 0; i < 500; i++) a.echoes.hear({ ...echo, answer: false }, idOf(b));
    await world.clock.advance(100);
    const answers = b.node.mesh.sessions().find((s) => s.identity === idOf(a))!.framesIn - before;
    assert.ok(answers <= 25, `${answers} answers`);
  }));

Deno.test("A Go node drops a sealed echo and keeps its link; echoes to Go neighbours are not sent", () =>
  inWorld(async (world) => {
    const a = withEchoes(world, "a");
    await world.start();
    const raw = await world.raw("go", a.node);
    await world.clock.advance(1_000);
    a.partners = [raw.key.identity];
    a.echoes.start();
    const probe = a.echoes.probe([raw.key.identity]);
    await world.clock.advance(2 * ECHO_INTERVAL);
    await probe;
    assert.equal(raw.of("encrypted").length, 0);
    assert.equal(raw.ended, false);
    a.echoes.stop();
  }));
