import assert from "node:assert/strict";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { CeremonyEngine } from "../../lib/ceremony/engine.ts";
import type { CeremonyLimits } from "../../lib/ceremony/limits.ts";
import type { KeygenSpec, ReshareSpec, SignSpec } from "../../lib/ceremony/spec.ts";
import { CeremonyRefused, type Outcome } from "../../lib/ceremony/verdict.ts";
import { keyIdOfPublicKey } from "../../lib/ceremony/verify.ts";
import { type Identity, NodeIdentity } from "../../lib/crypto/identity.ts";
import { fromHex, toHex, utf8 } from "../../lib/encoding/bytes.ts";
import type { TssCommand } from "../../lib/mesh/command_types.ts";
import { signTss } from "../../lib/mesh/tss_command.ts";
import { collectingLogger } from "../../lib/observe/logger.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { FakeWorker, fakeWorkers } from "./fake_worker.ts";

const nodes = [1, 2, 3, 4, 5].map((n) => NodeIdentity.fromPrivateKey(new Uint8Array(32).fill(n)));
const ids = nodes.map((n) => n.identity);
const id = (n: number) => new Uint8Array(32).fill(n);
const DATA = utf8('{"t":"x","c":{}}');

function setUp(limits: Partial<CeremonyLimits> = {}) {
  const clock = new VirtualClock();
  const sent: { to: Identity; command: TssCommand }[] = [];
  const { factory, workers } = fakeWorkers();
  const log = collectingLogger();
  const engine = new CeremonyEngine({
    identity: nodes[0]!,
    clock,
    workers: factory,
    send: (to, command) => sent.push({ to, command }),
    log,
    limits,
    storeKey: new Uint8Array(32).fill(7),
  });
  return { clock, sent, workers, log, engine };
}

const keygen = (over: Partial<KeygenSpec> = {}): KeygenSpec => ({
  kind: "keygen",
  curve: "secp256k1",
  id: id(1),
  committee: ids.slice(0, 3),
  threshold: 1,
  preParams: new Uint8Array(100),
  ...over,
});

const secret = new Uint8Array(32).fill(9);
const publicKey = secp256k1.getPublicKey(secret, false).slice(1);
const keyId = keyIdOfPublicKey("secp256k1", publicKey);
const digest = new Uint8Array(32).fill(0x33);

const sign = (over: Partial<SignSpec> = {}): SignSpec => ({
  kind: "sign",
  curve: "secp256k1",
  id: id(2),
  keyId,
  committee: ids.slice(0, 2),
  threshold: 1,
  message: digest,
  publicKey,
  share: new Uint8Array(50),
  ...over,
});

const reshare = (over: Partial<ReshareSpec> = {}): ReshareSpec => ({
  kind: "reshare",
  curve: "secp256k1",
  id: id(3),
  keyId,
  oldCommittee: ids.slice(0, 2),
  newCommittee: [ids[0]!, ids[2]!, ids[3]!],
  oldThreshold: 1,
  newThreshold: 2,
  publicKey,
  share: new Uint8Array(50),
  preParams: new Uint8Array(50),
  ...over,
});

function signature() {
  const bytes = secp256k1.sign(digest, secret, { prehash: false, format: "recovered" });
  return { r: bytes.slice(1, 33), s: bytes.slice(33), recoveryId: bytes[0]! };
}

const command = (from: number, spec: { id: Uint8Array }, type = 1, flags = 1, data = DATA) =>
  signTss(nodes[from]!, spec.id, type, flags, data);

const waiting = (worker: FakeWorker, round: number, ...who: number[]) =>
  worker.say({
    did: "move",
    round,
    step: `waiting for Message${round}`,
    waitingFor: who.map((n) => ({ committee: "single", identity: ids[n]! })),
  });

function failed(outcome: Outcome) {
  assert.equal(outcome.state, "failed");
  return outcome as Extract<Outcome, { state: "failed" }>;
}

const finishKeygen = (worker: FakeWorker) =>
  worker.say({
    did: "finish",
    result: { kind: "keygen", keyId, publicKey, shareCiphertext: new Uint8Array(9) },
  });

Deno.test("CeremonyEngine.start() hands the job to a worker and gives the store key away", () => {
  const { engine, workers } = setUp();
  const ceremony = engine.start(keygen());
  const first = workers[0]!.heard[0]!;
  assert.equal(first.do, "run");
  assert.deepEqual(first.do === "run" && first.storeKey, new Uint8Array(32).fill(7));
  assert.equal(ceremony.state, "running");
  assert.equal(engine.get(toHex(id(1))), ceremony);
});

const senseless: [name: string, spec: Parameters<CeremonyEngine["start"]>[0], why: RegExp][] = [
  ["a short id", keygen({ id: new Uint8Array(31) }), /32 bytes/],
  ["an empty committee", keygen({ committee: [] }), /at least 2/],
  ["a committee of one", keygen({ committee: [ids[0]!], threshold: 1 }), /at least 2/],
  ["a member named twice", keygen({ committee: [ids[0]!, ids[1]!, ids[1]!] }), /twice/],
  ["a bad identity", keygen({ committee: [ids[0]!, "zz" as Identity] }), /not an identity/],
  ["threshold 0", keygen({ threshold: 0 }), /threshold/],
  ["a threshold of the size", keygen({ threshold: 3 }), /threshold/],
  ["a fractional threshold", keygen({ threshold: 1.5 }), /threshold/],
  ["somebody else's committee", keygen({ committee: ids.slice(1, 4) }), /not in the committee/],
  ["no pre-parameters", keygen({ preParams: undefined }), /no pre-parameters/],
  ["a short digest", sign({ message: new Uint8Array(31) }), /32 bytes/],
  ["a digest above the order", sign({ message: new Uint8Array(32).fill(255) }), /below the order/],
  ["a short key id", sign({ keyId: keyId.slice(1) }), /16 bytes/],
  ["another key's public key", sign({ keyId: new Uint8Array(16) }), /does not belong/],
  ["a reshare without a share", reshare({ share: undefined }), /no share/],
  [
    "a reshare among others",
    reshare({
      oldCommittee: ids.slice(1, 3),
      newCommittee: ids.slice(2, 5),
    }),
    /neither/,
  ],
  ["too few new keys", reshare({ newKeys: [1n] }), /party key/],
];
for (const [name, spec, why] of senseless) {
  Deno.test(`CeremonyEngine.start() refuses ${name}`, () => {
    const { engine, workers, sent } = setUp();
    assert.throws(
      () => engine.start(spec),
      (e: unknown) => e instanceof CeremonyRefused && e.code === "TF-SPEC" && why.test(e.message),
    );
    assert.equal(workers.length + sent.length + engine.running, 0);
  });
}

Deno.test("CeremonyEngine.start() refuses a used id, a ninth ceremony and everything after stop()", async () => {
  const { engine, workers } = setUp({ maxCeremonies: 2 });
  const code = (code: string) => (e: unknown) => e instanceof CeremonyRefused && e.code === code;
  const first = engine.start(keygen());
  assert.throws(() => engine.start(keygen()), code("TF-DUPLICATE"));
  engine.start(keygen({ id: id(2) }));
  assert.throws(() => engine.start(keygen({ id: id(3) })), code("TF-BUSY"));
  finishKeygen(workers[0]!);
  assert.equal((await first.result).state, "complete");
  assert.throws(() => engine.start(keygen()), code("TF-DUPLICATE"));
  engine.start(keygen({ id: id(3) }));
  engine.stop();
  assert.throws(() => engine.start(keygen({ id: id(4) })), code("TF-STOPPED"));
  assert.ok(workers.every((w) => w.terminated));
});

Deno.test("CeremonyEngine signs what the worker says and sends it to each addressee", () => {
  const { engine, workers, sent } = setUp();
  engine.start(keygen());
  workers[0]!.say({
    did: "say",
    as: "single",
    to: [1, 2].map((n) => ({ committee: "single", identity: ids[n]! })),
    broadcast: true,
    type: "x",
    data: DATA,
  });
  assert.deepEqual(sent.map((s) => s.to), [ids[1], ids[2]]);
  assert.deepEqual(sent[0]!.command, signTss(nodes[0]!, id(1), 1, 1, DATA));
  assert.equal(sent[0]!.command, sent[1]!.command);
});

const routes: [as: "old" | "new", to: ("old" | "new")[], broadcast: boolean, flags: number][] = [
  ["old", ["new"], true, 1 | 4],
  ["new", ["old"], true, 1 | 2 | 8],
  ["new", ["new"], true, 1 | 4 | 8],
  ["old", ["new"], false, 4],
  ["new", ["new"], false, 4 | 8],
  ["new", ["old", "new"], true, 1 | 2 | 4 | 8],
];
for (const [as, to, broadcast, flags] of routes) {
  Deno.test(`CeremonyEngine writes flags ${flags} from ${as} to ${to.join(" and ")}`, () => {
    const { engine, workers, sent } = setUp();
    engine.start(reshare());
    const place = { old: ids[1]!, new: ids[2]! };
    workers[0]!.say({
      did: "say",
      as,
      to: to.map((committee) => ({ committee, identity: place[committee] })),
      broadcast,
      type: "x",
      data: DATA,
    });
    assert.deepEqual(sent.map((s) => s.command.flags), to.map(() => flags));
    assert.equal(sent[0]!.command.ceremonyType, 2);
  });
}

Deno.test("CeremonyEngine fails a worker that speaks for others or to strangers", async () => {
  for (const to of [ids[0]!, ids[4]!]) {
    const { engine, workers, sent } = setUp();
    const ceremony = engine.start(keygen());
    const role = { committee: "single", identity: to } as const;
    workers[0]!.say({
      did: "say",
      as: "single",
      to: [role],
      broadcast: true,
      type: "x",
      data: DATA,
    });
    assert.equal(failed(await ceremony.result).code, "TF-INTERNAL");
    assert.equal(sent.length, 0);
  }
});

Deno.test("CeremonyEngine.deliver() gives authenticated members' messages to the worker", () => {
  const { engine, workers } = setUp();
  const spec = keygen();
  engine.start(spec);
  assert.equal(engine.deliver(command(1, spec), ids[1]!), "delivered");
  assert.deepEqual(workers[0]!.rounds, [`single/${ids[1]!.slice(0, 4)}/${'{"t":"x","c":{}}'}`]);
});

Deno.test("CeremonyEngine.deliver() maps a sender by flag bit 3, and only into its own committee", () => {
  const { engine, workers } = setUp();
  const spec = reshare();
  engine.start(spec);
  assert.equal(engine.deliver(command(1, spec, 2, 1 | 4), ids[1]!), "delivered");
  assert.equal(engine.deliver(command(2, spec, 2, 1 | 8), ids[2]!), "delivered");
  assert.equal(engine.deliver(command(1, spec, 2, 1 | 8), ids[1]!), "refused");
  assert.equal(engine.deliver(command(2, spec, 2, 1 | 4), ids[2]!), "refused");
  assert.deepEqual(workers[0]!.rounds.map((r) => r.slice(0, 3)), ["old", "new"]);
});

const refused: [name: string, what: (e: CeremonyEngine) => string, why: string][] = [
  ["a merely routed one", (e) => e.deliver(command(1, keygen()), null), "nobody vouches"],
  ["a relayed one", (e) => e.deliver(command(1, keygen()), ids[2]!), "names another node"],
  ["an own one", (e) => e.deliver(command(0, keygen()), ids[0]!), "names this node"],
  ["a stranger's", (e) => e.deliver(command(4, keygen()), ids[4]!), "not a member"],
  ["one of another kind", (e) => e.deliver(command(1, keygen(), 3), ids[1]!), "another kind"],
  [
    "one with altered data",
    (e) => e.deliver({ ...command(1, keygen()), data: utf8("{}") }, ids[1]!),
    "signature",
  ],
  [
    "one of another ceremony under this id",
    (e) => e.deliver({ ...command(1, { id: id(9) }), ceremonyId: id(1) }, ids[1]!),
    "signature",
  ],
  [
    "an oversized one",
    (e) => e.deliver(command(1, keygen(), 1, 1, new Uint8Array(1024 * 1024 + 1)), ids[1]!),
    "too large",
  ],
];
for (const [name, what, why] of refused) {
  Deno.test(`CeremonyEngine.deliver() refuses ${name} and says why once`, () => {
    const { engine, workers, log } = setUp();
    engine.start(keygen());
    for (let i = 0; i < 3; i++) assert.equal(what(engine), "refused");
    assert.deepEqual(workers[0]!.rounds, []);
    const lines = log.lines.filter((l) => l.message === "round message refused");
    assert.equal(lines.length, 1);
    assert.match(String(lines[0]!.fields.why), new RegExp(why));
  });
}

Deno.test("CeremonyEngine.deliver() bounds what one member may send", () => {
  const { engine, workers } = setUp({ maxMessagesPerMember: 3, maxBytesPerMember: 1000 });
  const spec = keygen();
  engine.start(spec);
  const numbered = (n: number) => command(1, spec, 1, 1, utf8(`{"t":"x","c":{"n":${n}}}`));
  const verdicts = Array.from({ length: 5 }, (_, n) => engine.deliver(numbered(n), ids[1]!));
  assert.deepEqual(verdicts.filter((v) => v === "delivered").length, 3);
  assert.equal(engine.deliver(numbered(0), ids[1]!), "repeat", "a repeat costs nothing");
  const large = command(2, spec, 1, 1, new Uint8Array(1001));
  assert.equal(engine.deliver(large, ids[2]!), "refused");
  assert.equal(engine.deliver(command(2, spec), ids[2]!), "delivered");
  assert.equal(workers[0]!.rounds.length, 4);
});

Deno.test("CeremonyEngine keeps early messages for a minute and checks them when it starts", async () => {
  const { clock, engine, workers, log } = setUp();
  const spec = keygen();
  assert.equal(engine.deliver(command(1, spec), ids[1]!), "early");
  assert.equal(engine.deliver(command(4, spec), ids[4]!), "early");
  assert.equal(engine.deliver(command(2, spec, 3), ids[2]!), "early");
  assert.equal(engine.deliver(command(1, { id: id(8) }), ids[1]!), "early");
  assert.equal(engine.deliver({ ...command(1, spec), data: utf8("{}") }, ids[1]!), "early");
  await clock.advance(59_000);
  engine.start(spec);
  assert.deepEqual(workers[0]!.rounds.length, 1);
  const refused = log.lines.filter((l) => l.message === "round message refused");
  assert.ok(refused.some((l) => l.fields["why"] === "its signature does not verify"));
  await clock.advance(2_000);
  engine.start(keygen({ id: id(8) }));
  assert.deepEqual(workers[1]!.rounds, []);
});

Deno.test("CeremonyEngine drops messages for ceremonies that are over", async () => {
  const { engine, log } = setUp();
  const spec = keygen();
  engine.start(spec).abort("enough");
  await Promise.resolve();
  assert.equal(engine.deliver(command(1, spec), ids[1]!), "finished");
  assert.ok(!log.has("warn", "refused"));
});

Deno.test("CeremonyEngine names the silent members when a round times out", async () => {
  const { clock, engine, workers } = setUp({ roundTimeoutMs: 5_000 });
  const ceremony = engine.start(keygen());
  await clock.advance(4_000);
  waiting(workers[0]!, 2, 1, 2);
  await clock.advance(4_000);
  // Hearing one of two is no new step: a trickle cannot keep a round open.
  waiting(workers[0]!, 2, 2);
  assert.deepEqual(ceremony.waitingFor, [ids[2]]);
  await clock.advance(999);
  assert.equal(ceremony.state, "running");
  await clock.advance(1);
  const outcome = failed(await ceremony.result);
  assert.equal(outcome.code, "TF-TIMEOUT");
  assert.deepEqual(outcome.culprits, [ids[2]]);
  assert.equal(outcome.round, 2);
  assert.equal(outcome.reason, `timed out in round 2 waiting for Message2 from ${ids[2]}`);
  assert.ok(workers[0]!.terminated);
  assert.equal(clock.pending, 0);
});

Deno.test("CeremonyEngine blames nobody when its own computation takes too long", async () => {
  const { clock, engine, workers } = setUp({ roundTimeoutMs: 5_000 });
  const ceremony = engine.start(keygen());
  workers[0]!.say({ did: "move", round: 2, step: "round 2: verifying", waitingFor: [] });
  await clock.advance(5_000);
  const outcome = failed(await ceremony.result);
  assert.deepEqual(outcome.culprits, []);
  assert.match(outcome.reason, /timed out in round 2, at step "round 2: verifying"/);
});

Deno.test("CeremonyEngine ends a ceremony that always moves but never ends", async () => {
  const { clock, engine, workers } = setUp({ roundTimeoutMs: 5_000, ceremonyTimeoutMs: 12_000 });
  const ceremony = engine.start(keygen());
  for (let round = 1; ceremony.state === "running" && round < 10; round++) {
    waiting(workers[0]!, round, 1);
    await clock.advance(4_000);
  }
  const outcome = failed(await ceremony.result);
  assert.match(outcome.reason, /^the whole ceremony timed out, in round 3 waiting/);
  assert.deepEqual(outcome.culprits, [ids[1]]);
});

Deno.test("CeremonyEngine takes deadlines from the request", async () => {
  const { clock, engine } = setUp();
  const ceremony = engine.start(keygen({ roundTimeoutMs: 100 }));
  await clock.advance(100);
  assert.equal(failed(await ceremony.result).code, "TF-TIMEOUT");
});

Deno.test("CeremonyEngine survives a crashed worker", async () => {
  const { clock, engine, workers } = setUp();
  const ceremony = engine.start(keygen());
  waiting(workers[0]!, 3, 1);
  workers[0]!.crash();
  const outcome = failed(await ceremony.result);
  assert.deepEqual([outcome.code, outcome.round, outcome.culprits], ["TF-INTERNAL", 3, []]);
  assert.equal(engine.running, 0);
  assert.equal(clock.pending, 0);
  engine.start(keygen({ id: id(9) }));
});

Deno.test("CeremonyEngine survives a worker that does not start", async () => {
  const engine = new CeremonyEngine({
    identity: nodes[0]!,
    clock: new VirtualClock(),
    workers: () => {
      throw new Error("no threads left");
    },
    send: () => {},
    log: collectingLogger(),
    storeKey: new Uint8Array(32),
  });
  const ceremony = engine.start(keygen());
  assert.equal(failed(await ceremony.result).code, "TF-INTERNAL");
  assert.equal(engine.running, 0);
  assert.deepEqual(engine.list(), [ceremony]);
});

Deno.test("CeremonyEngine passes on a protocol failure with its culprits", async () => {
  const { engine, workers, log } = setUp();
  const ceremony = engine.start(keygen());
  workers[0]!.say({
    did: "fail",
    code: "TF-PROTOCOL",
    reason: "vss verify failed",
    round: 3,
    culprits: [ids[2]!],
  });
  assert.deepEqual(await ceremony.result, {
    state: "failed",
    code: "TF-PROTOCOL",
    reason: "vss verify failed",
    round: 3,
    culprits: [ids[2]],
    blame: {
      kind: "invalid",
      reason: "vss verify failed",
      round: 3,
      culprits: [ids[2]],
      suspects: [],
    },
  });
  assert.ok(log.has("warn", "ceremony failed"));
});

Deno.test("Ceremony ends exactly once", async () => {
  const { clock, engine, workers } = setUp();
  const ceremony = engine.start(keygen());
  const states: string[] = [];
  ceremony.onChange((c) => states.push(c.state));
  ceremony.abort("operator said so");
  ceremony.abort("again");
  workers[0]!.events.onMessage({
    did: "finish",
    result: { kind: "keygen", keyId, publicKey, shareCiphertext: new Uint8Array(9) },
  });
  workers[0]!.crash();
  await clock.advance(3_600_000);
  assert.deepEqual(await ceremony.result, { state: "aborted", reason: "operator said so" });
  assert.deepEqual(states, ["aborted"]);
  assert.equal(ceremony.step, "aborted");
});

Deno.test("CeremonyEngine returns a key whose id belongs to its public key", async () => {
  const { engine, workers } = setUp();
  const ceremony = engine.start(keygen());
  finishKeygen(workers[0]!);
  const outcome = await ceremony.result;
  assert.ok(outcome.state === "complete" && outcome.result.kind === "keygen");
  assert.deepEqual(outcome.result.committee, ids.slice(0, 3));
  assert.equal(outcome.result.threshold, 1);
  assert.equal(ceremony.keyId, toHex(keyId));

  const other = engine.start(keygen({ id: id(5) }));
  workers[1]!.say({
    did: "finish",
    result: {
      kind: "keygen",
      keyId: new Uint8Array(16),
      publicKey,
      shareCiphertext: new Uint8Array(9),
    },
  });
  assert.equal(failed(await other.result).code, "TF-VERIFY");
});

const wrongSignatures: [string, (s: ReturnType<typeof signature>) => object][] = [
  ["another r", (s) => ({ r: s.s })],
  ["another recovery id", (s) => ({ recoveryId: s.recoveryId ^ 1 })],
  ["the high-S twin", (s) => ({
    s: fromHex(
      (secp256k1.Point.Fn.ORDER - BigInt("0x" + toHex(s.s))).toString(16).padStart(64, "0"),
    ),
    recoveryId: s.recoveryId ^ 1,
  })],
  ["another public key", () => ({ publicKey: new Uint8Array(64) })],
];
for (const [name, change] of wrongSignatures) {
  Deno.test(`CeremonyEngine never calls a signature with ${name} complete`, async () => {
    const { engine, workers } = setUp();
    const ceremony = engine.start(sign());
    const result = { kind: "sign", publicKey, ...signature(), ...change(signature()) } as const;
    workers[0]!.say({ did: "finish", result });
    assert.equal(failed(await ceremony.result).code, "TF-VERIFY");
  });
}

Deno.test("CeremonyEngine returns a signature that it verified itself", async () => {
  const { engine, workers } = setUp();
  const ceremony = engine.start(sign());
  workers[0]!.say({ did: "finish", result: { kind: "sign", publicKey, ...signature() } });
  assert.deepEqual(await ceremony.result, {
    state: "complete",
    result: { kind: "sign", curve: "secp256k1", keyId, publicKey, ...signature() },
  });
});

Deno.test("CeremonyEngine lets the worker go on only when the new share is stored", async () => {
  const { clock, engine, workers } = setUp();
  const stored = Promise.withResolvers<void>();
  const shares: unknown[] = [];
  engine.start(reshare({ onNewShare: (s) => (shares.push(s), stored.promise) }));
  const share = { keyId, publicKey, shareCiphertext: new Uint8Array(9) };
  workers[0]!.say({ did: "store", share });
  await clock.settle();
  assert.deepEqual(shares, [share]);
  assert.ok(!workers[0]!.heard.some((m) => m.do === "stored"));
  stored.resolve();
  await clock.settle();
  assert.deepEqual(workers[0]!.heard.at(-1), { do: "stored", ok: true });
});

Deno.test("CeremonyEngine tells the worker when the new share could not be stored", async () => {
  const { clock, engine, workers, log } = setUp();
  engine.start(reshare({ onNewShare: () => Promise.reject(new Error("disk full")) }));
  workers[0]!.say({
    did: "store",
    share: { keyId, publicKey, shareCiphertext: new Uint8Array(9) },
  });
  await clock.settle();
  assert.deepEqual(workers[0]!.heard.at(-1), { do: "stored", ok: false });
  assert.ok(log.has("error", "could not be stored"));
});

Deno.test("CeremonyEngine refuses a new share of another key", async () => {
  const { engine, workers } = setUp();
  const other = secp256k1.getPublicKey(new Uint8Array(32).fill(8), false).slice(1);
  const ceremony = engine.start(reshare());
  workers[0]!.say({
    did: "store",
    share: { keyId, publicKey: other, shareCiphertext: new Uint8Array(9) },
  });
  assert.equal(failed(await ceremony.result).code, "TF-VERIFY");
});

Deno.test("CeremonyEngine records a contradiction once and goes on", () => {
  const { engine, workers, log } = setUp();
  const ceremony = engine.start(keygen());
  const from = { committee: "single", identity: ids[1]! } as const;
  for (let i = 0; i < 3; i++) {
    workers[0]!.say({ did: "conflict", from, type: "x.Message1", digest: id(5) });
  }
  assert.deepEqual(ceremony.equivocations, [{ member: ids[1], type: "Message1" }]);
  assert.equal(log.lines.filter((l) => l.message.includes("two different")).length, 1);
  assert.equal(ceremony.state, "running");
});

Deno.test("CeremonyEngine refuses a worker of another version", async () => {
  const { engine, workers } = setUp();
  const ceremony = engine.start(keygen());
  workers[0]!.say({ did: "load", version: "0.0.0-old" });
  assert.match(failed(await ceremony.result).reason, /another version/);
});

Deno.test("CeremonyEngine survives listeners and senders that throw", async () => {
  const { factory, workers } = fakeWorkers();
  const log = collectingLogger();
  const engine = new CeremonyEngine({
    identity: nodes[0]!,
    clock: new VirtualClock(),
    workers: factory,
    send: () => {
      throw new Error("no session");
    },
    log,
    storeKey: new Uint8Array(32),
  });
  engine.onBusy(() => {
    throw new Error("listener");
  });
  const ceremony = engine.start(keygen());
  ceremony.onChange(() => {
    throw new Error("listener");
  });
  const to = [{ committee: "single", identity: ids[1]! }] as const;
  workers[0]!.say({ did: "say", as: "single", to, broadcast: true, type: "x", data: DATA });
  finishKeygen(workers[0]!);
  assert.equal((await ceremony.result).state, "complete");
  for (const part of ["ceremony listener", "busy listener", "not sent"]) {
    assert.ok(log.has("error", part), part);
  }
});

Deno.test("CeremonyEngine.list() forgets ended ceremonies after 29 minutes and beyond a number", async () => {
  const { clock, engine } = setUp({ historyEntries: 3 });
  for (let n = 1; n <= 5; n++) engine.start(keygen({ id: id(n) })).abort("enough");
  const running = engine.start(keygen({ id: id(9), ceremonyTimeoutMs: 1e9, roundTimeoutMs: 1e9 }));
  assert.deepEqual(engine.list().map((c) => c.id.slice(0, 2)), ["03", "04", "05", "09"]);
  await clock.advance(29 * 60_000);
  assert.deepEqual(engine.list(), [running]);
});

Deno.test("CeremonyEngine.onBusy() tells how many ceremonies run", () => {
  const { engine } = setUp();
  const counts: number[] = [];
  engine.onBusy((n) => counts.push(n));
  const first = engine.start(keygen());
  engine.start(keygen({ id: id(2) }));
  first.abort("enough");
  engine.stop();
  assert.deepEqual(counts, [1, 2, 1, 0]);
});

Deno.test("Ceremony.lose() ends a run at once when it waits for the member, and blames nobody's honesty", async () => {
  const { engine, workers } = setUp();
  const ceremony = engine.start(keygen());
  waiting(workers[0]!, 2, 1, 2);
  ceremony.lose(ids[4]!, "is no member");
  assert.equal(ceremony.state, "running");
  ceremony.lose(ids[2]!, "has restarted");
  const outcome = failed(await ceremony.result);
  assert.equal(outcome.code, "TF-OFFLINE");
  assert.deepEqual(outcome.culprits, [ids[2]!]);
  assert.equal(outcome.reason, `${ids[2]!} has restarted; round 2 waits for it`);
  assert(workers[0]!.terminated);
});

Deno.test("Ceremony.lose() lets a run go on that has all it needs of the member", async () => {
  const { engine, workers } = setUp();
  const done = engine.start(keygen());
  waiting(workers[0]!, 4, 1);
  done.lose(ids[2]!, "has restarted");
  finishKeygen(workers[0]!);
  assert.equal((await done.result).state, "complete");
  const stuck = engine.start(keygen({ id: id(9) }));
  stuck.lose(ids[2]!, "has restarted");
  assert.equal(stuck.state, "running");
  waiting(workers[1]!, 1, 2);
  assert.deepEqual(failed(await stuck.result).culprits, [ids[2]!]);
});

Deno.test("Ceremony.hold() keeps a round open for members whose operators decide, up to the whole limit", async () => {
  const { clock, engine, workers } = setUp({ roundTimeoutMs: 5_000, ceremonyTimeoutMs: 60_000 });
  const ceremony = engine.start(keygen());
  waiting(workers[0]!, 1, 1, 2);
  ceremony.hold(ids[1]!);
  ceremony.hold(ids[4]!);
  await clock.advance(4_000);
  ceremony.hold(ids[2]!);
  await clock.advance(40_000);
  assert.equal(ceremony.state, "running");
  // One is heard: the other one's operator alone is waited for.
  engine.deliver(command(1, { id: id(1) }), ids[1]!);
  waiting(workers[0]!, 1, 2);
  await clock.advance(10_000);
  assert.equal(ceremony.state, "running");
  await clock.advance(6_000);
  const outcome = failed(await ceremony.result);
  assert.match(outcome.reason, /^the whole ceremony timed out/);
  const silent = engine.start(keygen({ id: id(9) }));
  waiting(workers[1]!, 1, 1, 2);
  silent.hold(ids[1]!);
  await clock.advance(5_000);
  assert.equal(failed(await silent.result).code, "TF-TIMEOUT");
});

Deno.test("CeremonyEngine.expect() has the messages of a ceremony that is approved late", async () => {
  const { clock, engine, workers } = setUp();
  engine.expect(toHex(id(1)), ids.slice(0, 3), clock.now() + 3_600_000);
  assert.equal(engine.deliver(command(1, { id: id(1) }), ids[1]!), "early");
  assert.equal(engine.deliver(command(1, { id: id(1) }), ids[1]!), "early");
  await clock.advance(600_000);
  engine.start(keygen());
  assert.equal(workers[0]!.rounds.length, 1);
  engine.expect(toHex(id(7)), ids.slice(0, 3), clock.now() + 3_600_000);
  engine.deliver(command(1, { id: id(7) }), ids[1]!);
  engine.unexpect(toHex(id(7)));
  engine.start(keygen({ id: id(7) }));
  assert.equal(workers[1]!.rounds.length, 0);
});
