import assert from "node:assert/strict";
import { Ceremony } from "../../lib/ceremony/ceremony.ts";
import type { CeremonySpec } from "../../lib/ceremony/spec.ts";
import type { Outcome } from "../../lib/ceremony/verdict.ts";
import { type Identity, parseIdentity } from "../../lib/crypto/identity.ts";
import { fromHex } from "../../lib/encoding/bytes.ts";
import type { OpenCeremony } from "../../lib/keystore/journal.ts";
import type { Command } from "../../lib/mesh/command_types.ts";
import { Desk } from "../../lib/node/desk.ts";
import { Audit } from "../../lib/node/audit.ts";
import { KeyUse } from "../../lib/node/key_use.ts";
import type { Policy } from "../../lib/node/policy.ts";
import type { KeyRules } from "../../lib/keystore/key_rules.ts";
import { entryView } from "../../lib/node/ledger.ts";
import { NodeError } from "../../lib/node/errors.ts";
import { PenaltyBook } from "../../lib/node/penalties.ts";
import { ReshareCommit } from "../../lib/node/reshare_commit.ts";
import {
  type CeremonyRequest,
  commandFromRequest,
  requestFromCommand,
  type ReshareRequest,
} from "../../lib/node/request.ts";
import type { ShareBook } from "../../lib/node/share_book.ts";
import { Tasks } from "../../lib/node/tasks.ts";
import { collectingLogger } from "../../lib/observe/logger.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const id = (n: number) => parseIdentity(n.toString(16).padStart(40, "0"));
const [SELF, B, C, STRANGER] = [id(1), id(2), id(3), id(9)];

function keygenRequest(requester: Identity, ceremony = "ab".repeat(32)): CeremonyRequest {
  return {
    kind: "keygen",
    id: ceremony,
    requester,
    curve: "secp256k1",
    committee: [SELF, B, C],
    threshold: 1,
    coordinator: B,
  };
}

function reshareRequest(newCommittee: Identity[], ceremony = "cd".repeat(32)): ReshareRequest {
  return {
    kind: "reshare",
    id: ceremony,
    requester: B,
    keyId: "11".repeat(16),
    curve: "ed25519",
    oldCommittee: [SELF, B],
    oldThreshold: 1,
    newCommittee,
    newThreshold: 1,
  };
}

function reshareSpec(request: ReshareRequest): CeremonySpec {
  const { requester: _, id, keyId, ...rest } = request;
  return { ...rest, id: fromHex(id), keyId: fromHex(keyId), share: new Uint8Array(1) };
}

interface WorldOptions {
  readonly consent?: "auto" | "manual";
  readonly debug?: boolean;
  readonly policy?: Policy;
  readonly rules?: KeyRules;
}

function world(options: WorldOptions = {}) {
  const clock = new VirtualClock();
  const log = collectingLogger();
  const sent: { to: Identity; command: Command }[] = [];
  const broadcasts: Command[] = [];
  const started: { spec: CeremonySpec; ceremony: Ceremony; finish: (o: Outcome) => void }[] = [];
  const seen = new Set<string>();
  const stored: CeremonyRequest[] = [];
  let storeFails = false;
  let journalFails = false;
  let auditFails = false;
  const records: Record<string, unknown>[] = [];
  const expected = new Map<string, readonly Identity[]>();
  const shares: ShareBook = {
    seen: (ceremony) => seen.has(ceremony),
    remember: (ceremony) => {
      const fresh = !seen.has(ceremony);
      seen.add(ceremony);
      return Promise.resolve(fresh);
    },
    check: () => Promise.resolve(),
    prepare: (request) =>
      request.kind === "reshare" ? Promise.resolve(reshareSpec(request)) : Promise.resolve({
        kind: "keygen",
        curve: "secp256k1",
        id: fromHex(request.id),
        committee: [SELF, B, C],
        threshold: 1,
        preParams: new Uint8Array(1),
      }),
    store: (request) => {
      if (storeFails) return Promise.reject(new Error("disk full"));
      stored.push(request);
      return Promise.resolve();
    },
    abandon: (_, dealt) => Promise.resolve(void settled.push(`abandon, dealt: ${dealt}`)),
  };
  const sendSealed = (to: Identity, command: Command) => {
    sent.push({ to, command });
    return Promise.resolve();
  };
  const settled: string[] = [];
  const open = new Map<string, OpenCeremony>();
  const lostMembers: string[] = [];
  const resharings = new ReshareCommit({
    self: SELF,
    clock,
    log,
    send: sendSealed,
    software: () => "transfunctioner",
    book: {
      commit: ({ role }) => Promise.resolve(void settled.push(`commit ${role}`)),
      discard: ({ role }) => Promise.resolve(void settled.push(`discard ${role}`)),
      seen: (ceremony) => seen.has(ceremony),
      standing: () => Promise.resolve("settled"),
    },
  });
  const penalties = new PenaltyBook(clock);
  const desk = new Desk({
    self: SELF,
    resharings,
    journal: {
      begin: (c) =>
        journalFails
          ? Promise.reject(new Error("disk full"))
          : (open.set(c.id, c), Promise.resolve()),
      end: (ceremony) => Promise.resolve(void open.delete(ceremony)),
    },
    mesh: {
      readsNotes: (peer) => peer === B,
      sendSealed,
      broadcast: (command) => broadcasts.push(command),
    },
    policy: options.policy ?? null,
    audit: new Audit(
      {
        record: (event, fields) => {
          if (auditFails) return Promise.reject(new Error("disk full"));
          records.push({ event, ...fields });
          return Promise.resolve();
        },
      },
      clock,
      log,
    ),
    keyUse: new KeyUse({ self: SELF, clock, rules: () => Promise.resolve(options.rules ?? null) }),
    curveOf: () => Promise.resolve("secp256k1"),
    engine: {
      expect: (ceremony, members) => void expected.set(ceremony, members),
      unexpect: (ceremony) => void expected.delete(ceremony),
      start: (spec) => {
        const ceremony = new Ceremony(
          spec,
          clock.now(),
          {
            onAbort: (reason) => void ceremony.finish({ state: "aborted", reason }, clock.now()),
            onHold: (member) => lostMembers.push(`${member} waits`),
            onLost: (member, why) => lostMembers.push(`${member} ${why}`),
            onRefusal: (_, reason) =>
              void ceremony.finish({ state: "aborted", reason }, clock.now()),
            onListenerError: (error) => assert.fail(String(error)),
          },
        );
        started.push({ spec, ceremony, finish: (o) => ceremony.finish(o, clock.now()) });
        return ceremony;
      },
    },
    shares,
    penalties,
    tasks: new Tasks(),
    clock,
    log,
    initiators: new Set([B]),
    consent: options.consent ?? "auto",
    debugInitiation: options.debug ?? false,
    approvalMs: 600_000,
  });
  return {
    clock,
    log,
    sent,
    broadcasts,
    started,
    seen,
    stored,
    settled,
    open,
    lostMembers,
    penalties,
    desk,
    failStore: () => storeFails = true,
    failJournal: () => journalFails = true,
    failAudit: (fails: boolean) => auditFails = fails,
    records,
    expected,
  };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));
const startCommand = (request: CeremonyRequest) => commandFromRequest(request);
const complete: Outcome = {
  state: "complete",
  result: {
    kind: "keygen",
    curve: "secp256k1",
    keyId: new Uint8Array(16),
    publicKey: new Uint8Array(64),
    shareCiphertext: new Uint8Array(50),
    committee: [SELF, B, C],
    threshold: 1,
  },
};

const note = (about: string, ceremony = "ab".repeat(32)) => ({
  type: "ceremony-note" as const,
  ceremonyId: fromHex(ceremony),
  about,
  text: "",
});

Deno.test("requestFromCommand() reads back what commandFromRequest() wrote", () => {
  const request = keygenRequest(B);
  assert.deepEqual(requestFromCommand(startCommand(request), B), request);
});

Deno.test("requestFromCommand() refuses a member that is not an identity", () => {
  const command = startCommand(keygenRequest(B));
  assert(command.type === "keygen");
  const bent = { ...command, committee: [{ ...command.committee[0]!, id: "" }] };
  assert.throws(() => requestFromCommand(bent, B), NodeError);
});

Deno.test("Desk takes part when an allowed initiator asks, stores, and answers it", async () => {
  const w = world();
  await w.desk.handleStart(startCommand(keygenRequest(B)), { sealedBy: B });
  await settle();
  assert.equal(w.started.length, 1);
  w.started[0]!.finish(complete);
  await settle();
  assert.equal(w.stored.length, 1);
  assert.deepEqual(w.sent.map((s) => [s.to, s.command.type]), [[B, "keygen-response"]]);
  assert.equal((w.sent[0]!.command as { success: boolean }).success, true);
});

Deno.test("Desk refuses a stranger, starts nothing, and says so to it", async () => {
  const w = world();
  await w.desk.handleStart(startCommand(keygenRequest(STRANGER)), { sealedBy: STRANGER });
  assert.equal(w.started.length, 0);
  assert.equal(w.seen.size, 0);
  assert.deepEqual(w.sent.map((s) => s.to), [STRANGER]);
  assert.match((w.sent[0]!.command as { error: string }).error, /^refused: .*not an initiator/);
});

Deno.test("Desk answers few refusals to one stranger and logs few of them", async () => {
  const { desk, sent, log, clock, started } = world();
  const ask = async (times: number) => {
    for (let i = 0; i < times; i++) {
      const request = keygenRequest(STRANGER);
      await desk.handleStart(startCommand(request), { sealedBy: STRANGER });
    }
  };
  await ask(200);
  assert.equal(sent.length, 5);
  assert.equal(log.lines.filter((l) => l.message === "refused a ceremony request").length, 60);
  assert.equal(started.length, 0);
  await clock.advance(60_000);
  await ask(1);
  assert.equal(sent.length, 6);
});

Deno.test("Desk ignores a request that nobody signed", async () => {
  const w = world();
  await w.desk.handleStart(startCommand(keygenRequest(B)), { sealedBy: null });
  assert.equal(w.started.length, 0);
  assert.equal(w.sent.length, 0);
  assert(w.log.has("warn", "unsigned"));
});

Deno.test("Desk takes an unsigned request under debug initiation, loudly", async () => {
  const w = world({ debug: true });
  await w.desk.handleStart(startCommand(keygenRequest(B)), { sealedBy: null });
  await settle();
  assert.equal(w.started.length, 1);
  assert(w.log.has("warn", "UNSIGNED"));
});

Deno.test("Desk takes nothing unsigned about presignatures, under debug initiation either", async () => {
  const w = world({ debug: true });
  const common = { requester: SELF, keyId: "11".repeat(16), committee: [SELF, B], threshold: 1 };
  const presign = { ...common, kind: "presign", id: "ab".repeat(32), generation: 0, keep: [] };
  const presigned = { id: "5a".repeat(32), generation: 0 };
  const payload = new Uint8Array(32);
  const sign = { ...common, kind: "sign", id: "cd".repeat(32), payload, presigned };
  for (const request of [presign, sign] as CeremonyRequest[]) {
    await w.desk.handleStart(startCommand(request), { sealedBy: null });
  }
  await settle();
  assert.equal(w.started.length, 0);
  assert.equal(w.seen.size, 0);
});

Deno.test("Desk refuses a replayed ceremony id", async () => {
  const w = world();
  await w.desk.handleStart(startCommand(keygenRequest(B)), { sealedBy: B });
  await w.desk.handleStart(startCommand(keygenRequest(B)), { sealedBy: B });
  await settle();
  assert.equal(w.started.length, 1);
  assert.match((w.sent[0]!.command as { error: string }).error, /used before/);
});

Deno.test("Desk waits for approval under manual consent", async () => {
  const w = world({ consent: "manual" });
  const request = keygenRequest(B);
  await w.desk.handleStart(startCommand(request), { sealedBy: B });
  await settle();
  assert.equal(w.started.length, 0);
  const entry = w.desk.ledger.get(request.id)!;
  assert.equal(entry.state, "waiting");
  await w.desk.approve(entry);
  await settle();
  assert.equal(w.started.length, 1);
  await assert.rejects(w.desk.approve(entry), /is running/);
});

Deno.test("Desk gives up a request that nobody approves and tells requester and members", async () => {
  const w = world({ consent: "manual" });
  await w.desk.handleStart(startCommand(keygenRequest(B)), { sealedBy: B });
  await w.clock.advance(600_001);
  await settle();
  assert.equal(w.started.length, 0);
  const [waiting, ...refusals] = w.sent;
  // Who reads notes is told at once that a person has to decide.
  assert.deepEqual([waiting!.to, waiting!.command], [B, note("waiting")]);
  assert.deepEqual(refusals.map((s) => s.to).sort(), [B, C]);
  assert.match((refusals[0]!.command as { error: string }).error, /nobody approved/);
  assert.deepEqual(w.records.map((r) => [r["event"], r["decision"], r["by"], r["outcome"]]), [
    ["request", "waiting", undefined, undefined],
    ["decision", "denied", "time", undefined],
    ["outcome", undefined, undefined, "aborted"],
  ]);
});

Deno.test("Desk ends a running ceremony when a member says that it gave up", async () => {
  const w = world();
  const request = keygenRequest(B);
  await w.desk.handleStart(startCommand(request), { sealedBy: B });
  await settle();
  const response = {
    type: "keygen-response" as const,
    ceremonyId: fromHex(request.id),
    success: false,
    error: "refused: \u001b[31mno",
  };
  w.desk.handleResponse(response, STRANGER);
  assert.equal(w.started[0]!.ceremony.state, "running");
  w.desk.handleResponse(response, C);
  await settle();
  const entry = w.desk.ledger.get(request.id)!;
  assert.equal(entry.state, "aborted");
  assert(entry.outcome?.state === "aborted");
  assert.match(entry.outcome.reason, /reports: refused: \?\[31mno/);
});

Deno.test("Desk takes a member's word that its own part is lost, and nobody else's", async () => {
  const w = world();
  const request = keygenRequest(B);
  await w.desk.handleStart(startCommand(request), { sealedBy: B });
  await settle();
  w.desk.handleNote(note("lost"), STRANGER);
  w.desk.handleNote(note("of a later version"), C);
  w.desk.handleNote(note("lost", "ef".repeat(32)), C);
  assert.deepEqual(w.lostMembers, []);
  w.desk.handleNote(note("lost"), C);
  assert.deepEqual(w.lostMembers, [`${C} has restarted`]);
});

Deno.test("Desk ends a waiting request whose member has restarted, naming it", async () => {
  const w = world({ consent: "manual" });
  const request = keygenRequest(B);
  await w.desk.handleStart(startCommand(request), { sealedBy: B });
  await settle();
  w.desk.handleNote(note("lost"), C);
  const entry = w.desk.ledger.get(request.id)!;
  assert(entry.outcome?.state === "failed");
  assert.equal(entry.outcome.code, "TF-OFFLINE");
  assert.deepEqual(entry.outcome.culprits, [C]);
});

Deno.test("Desk notes what it has taken on until that has ended", async () => {
  const w = world();
  await w.desk.handleStart(startCommand(keygenRequest(B)), { sealedBy: B });
  await settle();
  const [noted] = [...w.open.values()];
  assert.deepEqual([noted!.members, noted!.requester, noted!.ours], [[SELF, B, C], B, [B]]);
  w.started[0]!.finish(complete);
  await settle();
  assert.equal(w.open.size, 0);
});

Deno.test("Desk refuses a request that it cannot note", async () => {
  const w = world();
  w.failJournal();
  await w.desk.handleStart(startCommand(keygenRequest(B)), { sealedBy: B });
  await settle();
  assert.equal(w.started.length, 0);
  assert.match((w.sent[0]!.command as { error: string }).error, /^refused: disk full/);
});

const signRequest = (requester: Identity, ceremony = "ab".repeat(32)): CeremonyRequest => ({
  kind: "sign",
  id: ceremony,
  requester,
  keyId: "11".repeat(16),
  committee: [SELF, B],
  threshold: 1,
  payload: new Uint8Array(32).fill(5),
});

Deno.test("Desk writes down requests, decisions and outcomes, and nothing happens unrecorded", async () => {
  const w = world();
  w.failAudit(true);
  const request = keygenRequest(B);
  await w.desk.handleStart(startCommand(request), { sealedBy: B });
  await settle();
  assert.equal(w.started.length, 0);
  assert.match((w.sent[0]!.command as { error: string }).error, /^refused: .*audit log/);
  await assert.rejects(w.desk.initiate(keygenRequest(SELF, "ef".repeat(32))), /audit log/);
  assert.equal(w.sent.length, 1);
  w.failAudit(false);
  const next = keygenRequest(B, "aa".repeat(32));
  await w.desk.handleStart(startCommand(next), { sealedBy: B });
  await settle();
  w.started[0]!.finish(complete);
  await settle();
  assert.deepEqual(
    w.records.map((r) => [r["event"], r["requester"], r["decision"], r["outcome"]]),
    [
      ["request", B, "accepted", undefined],
      ["outcome", undefined, undefined, "complete"],
    ],
  );
});

Deno.test("Desk cannot be told to approve what cannot be written down", async () => {
  const w = world({ consent: "manual" });
  const request = keygenRequest(B);
  await w.desk.handleStart(startCommand(request), { sealedBy: B });
  const entry = w.desk.ledger.get(request.id)!;
  w.failAudit(true);
  await assert.rejects(w.desk.approve(entry), (e) => e instanceof NodeError && e.code === "TF-LOG");
  assert.equal(entry.state, "waiting");
  w.failAudit(false);
  await w.desk.approve(entry);
  await settle();
  assert.equal(w.started.length, 1);
});

Deno.test("Desk records few of the refusals that strangers provoke, and counts the rest", async () => {
  const w = world();
  for (let n = 0; n < 300; n++) {
    const request = keygenRequest(STRANGER, n.toString(16).padStart(64, "0"));
    await w.desk.handleStart(startCommand(request), { sealedBy: STRANGER });
  }
  assert.equal(w.records.length, 60);
  await w.clock.advance(60_000);
  await w.desk.handleStart(startCommand(keygenRequest(STRANGER)), { sealedBy: STRANGER });
  assert.equal(w.records.at(-1)!["unrecorded"], 240);
});

Deno.test("Desk asks the policy first; its no is told, its yes starts", async () => {
  const asked: Record<string, unknown>[] = [];
  let answer = { allow: false, reason: "not today" };
  const policy: Policy = {
    ask: (facts) => {
      asked.push(facts);
      return Promise.resolve(answer);
    },
  };
  const w = world({ policy });
  w.desk.handleNote({ ...note("purpose"), text: "rent\u001b[1m" }, B);
  await w.desk.handleStart(startCommand(signRequest(B)), { sealedBy: B });
  await settle();
  assert.equal(w.started.length, 0);
  assert.match((w.sent[0]!.command as { error: string }).error, /^refused: not today/);
  const { kind, requester, digest, curve, purpose, committee, local } = asked[0]!;
  assert.deepEqual([kind, requester, digest, curve, purpose, committee, local], [
    "sign",
    B,
    "05".repeat(32),
    "secp256k1",
    "rent?[1m",
    [SELF, B],
    false,
  ]);
  assert.deepEqual(
    w.records.map((r) => r["by"] ?? r["decision"] ?? r["outcome"]),
    ["waiting", "policy", "aborted"],
  );
  // The own operator's requests are asked about too, before anybody hears of them.
  w.sent.length = 0;
  await assert.rejects(w.desk.initiate(signRequest(SELF, "bb".repeat(32))), /not today/);
  assert.equal(w.sent.length, 0);
  answer = { allow: true, reason: "" };
  await w.desk.handleStart(startCommand(signRequest(B, "cc".repeat(32))), { sealedBy: B });
  await settle();
  assert.equal(w.started.length, 1);
  const own = await w.desk.initiate(signRequest(SELF, "dd".repeat(32)));
  await settle();
  assert.equal(own.state, "running");
  assert.equal(w.started.length, 2);
});

Deno.test("Desk with a policy and manual consent needs both", async () => {
  let decide!: (answer: { allow: boolean; reason: string }) => void;
  const policy: Policy = { ask: () => new Promise((resolve) => decide = resolve) };
  const w = world({ policy, consent: "manual" });
  const request = signRequest(B);
  const taken = w.desk.handleStart(startCommand(request), { sealedBy: B });
  await settle();
  const entry = w.desk.ledger.get(request.id)!;
  assert.deepEqual([entry.state, entry.awaits], ["waiting", "policy"]);
  await assert.rejects(w.desk.approve(entry), /the policy decides/);
  decide({ allow: true, reason: "" });
  await taken;
  assert.deepEqual([entry.state, entry.awaits], ["waiting", "operator"]);
  assert.deepEqual(w.expected.get(request.id), [SELF, B]);
  await w.desk.approve(entry);
  await settle();
  assert.equal(w.started.length, 1);
});

Deno.test("Desk holds requests to the key's rules and tells why", async () => {
  const onlyC = world({ rules: { requesters: [C], perHour: null } });
  await onlyC.desk.handleStart(startCommand(signRequest(B)), { sealedBy: B });
  assert.match((onlyC.sent[0]!.command as { error: string }).error, /may not ask this node to use/);
  await onlyC.desk.initiate(signRequest(SELF, "bb".repeat(32)));
  const unsigned = world({ debug: true, rules: { requesters: [SELF], perHour: null } });
  await unsigned.desk.handleStart(startCommand(signRequest(B)), { sealedBy: null });
  await settle();
  assert.equal(unsigned.started.length, 0);

  const w = world({ rules: { requesters: null, perHour: 2 } });
  for (const ceremony of ["a1", "a2", "a3"]) {
    await w.desk.handleStart(startCommand(signRequest(B, ceremony.repeat(32))), { sealedBy: B });
    await settle();
  }
  assert.equal(w.started.length, 2);
  assert.match((w.sent[0]!.command as { error: string }).error, /signed 2 times within the hour/);
  await assert.rejects(
    w.desk.initiate(signRequest(SELF, "bb".repeat(32))),
    (e) => e instanceof NodeError && e.code === "TF-LIMIT",
  );
  await w.clock.advance(3_600_001);
  await w.desk.handleStart(startCommand(signRequest(B, "a4".repeat(32))), { sealedBy: B });
  await settle();
  assert.equal(w.started.length, 3);
});

Deno.test("Desk shows nobody as the requester of what nobody signed", async () => {
  const w = world({ debug: true, consent: "manual" });
  await w.desk.handleStart(startCommand(keygenRequest(B)), { sealedBy: null });
  const view = entryView(w.desk.ledger.all()[0]!, w.clock.now() + 1_000);
  assert.deepEqual([view["requester"], view["unsigned"], view["local"]], [undefined, true, false]);
  assert.deepEqual([view["awaits"], view["left_ms"]], ["operator", 599_000]);
  assert.equal(w.records[0]!["unsigned"], true);
  assert.equal(w.records[0]!["requester"], undefined);
});

Deno.test("Desk sends the purpose before the request, to those that read it", async () => {
  const w = world();
  await w.desk.initiate({ ...keygenRequest(SELF), purpose: "a first key" });
  assert.deepEqual(w.sent.map((s) => [s.to, s.command.type]), [
    [B, "ceremony-note"],
    [B, "keygen"],
    [C, "keygen"],
  ]);
  assert.equal((w.sent[0]!.command as { text: string }).text, "a first key");
  // A stranger's word about a request is nothing.
  const other = world();
  other.desk.handleNote({ ...note("purpose"), text: "lies" }, STRANGER);
  other.desk.handleNote({ ...note("purpose"), text: "lies" }, C);
  await other.desk.handleStart(startCommand(keygenRequest(B)), { sealedBy: B });
  assert.equal(other.desk.ledger.all()[0]!.request.purpose, undefined);
});

Deno.test("Desk fails a key generation whose share cannot be stored", async () => {
  const w = world();
  w.failStore();
  const request = keygenRequest(B);
  await w.desk.handleStart(startCommand(request), { sealedBy: B });
  await settle();
  w.started[0]!.finish(complete);
  await settle();
  const entry = w.desk.ledger.get(request.id)!;
  assert.equal(entry.state, "failed");
  assert(w.sent.every((s) => (s.command as { success: boolean }).success === false));
  assert.deepEqual(w.sent.map((s) => s.to).sort(), [B, C]);
});

Deno.test("Desk asks the others before it starts itself, and announces as coordinator", async () => {
  const w = world();
  const request = { ...keygenRequest(SELF), coordinator: SELF } as CeremonyRequest;
  const entry = await w.desk.initiate(request);
  await settle();
  assert.deepEqual(w.sent.map((s) => [s.to, s.command.type]), [[B, "keygen"], [C, "keygen"]]);
  assert.equal(w.started.length, 1);
  w.started[0]!.finish(complete);
  await entry.ended;
  assert.deepEqual(w.broadcasts.map((c) => c.type), ["ceremony-result"]);
});

const reshared = (newCommittee: Identity[]): Outcome => ({
  state: "complete",
  result: {
    kind: "reshare",
    curve: "ed25519",
    keyId: new Uint8Array(16),
    publicKey: new Uint8Array(32),
    shareCiphertext: newCommittee.includes(SELF) ? new Uint8Array(50) : null,
    committee: newCommittee,
    threshold: 1,
  },
});
const answer = (success: boolean, error = "") => ({
  type: "reshare-response" as const,
  ceremonyId: fromHex("cd".repeat(32)),
  success,
  error,
});
const failed: Outcome = {
  state: "failed",
  code: "TF-TIMEOUT",
  reason: "too late",
  round: 4,
  culprits: [],
};

Deno.test("Desk makes a new share current only when the other new member has confirmed", async () => {
  const w = world();
  const request = reshareRequest([SELF, C]);
  await w.desk.handleStart(startCommand(request), { sealedBy: B });
  await settle();
  w.started[0]!.finish(reshared([SELF, C]));
  await settle();
  const entry = w.desk.ledger.get(request.id)!;
  assert.equal(entry.state, "confirming");
  assert.deepEqual(w.settled, []);
  assert.deepEqual(w.sent.map((s) => s.to).sort(), [B, C]);
  await assert.rejects(w.desk.abort(entry, ""), /on disk already/);
  w.desk.handleResponse(answer(false, "an old member is too late to matter"), B);
  w.desk.handleResponse(answer(true), C);
  await settle();
  assert.deepEqual(w.settled, ["commit new"]);
  assert.equal(entry.state, "complete");
  // The requester learns that it is settled, nobody else needs to.
  assert.deepEqual([w.sent.at(-1)!.to, w.sent.length], [B, 3]);
});

Deno.test("Desk counts a confirmation that came while its own run was still going", async () => {
  const w = world();
  await w.desk.handleStart(startCommand(reshareRequest([SELF, C])), { sealedBy: B });
  await settle();
  w.desk.handleResponse(answer(true), C);
  w.started[0]!.finish(reshared([SELF, C]));
  await settle();
  assert.deepEqual(w.settled, ["commit new"]);
});

Deno.test("Desk drops a staged share when its own run fails, and tells everybody", async () => {
  const w = world();
  const request = reshareRequest([SELF, C]);
  await w.desk.handleStart(startCommand(request), { sealedBy: B });
  await settle();
  w.started[0]!.finish(failed);
  await settle();
  assert.deepEqual(w.settled, ["abandon, dealt: false"]);
  assert.equal(w.desk.ledger.get(request.id)!.state, "failed");
  assert.deepEqual(w.sent.map((s) => [s.to, (s.command as { success: boolean }).success]), [
    [B, false],
    [C, false],
  ]);
});

Deno.test("Desk of a leaving member destroys its share although its own run failed, if the others did not", async () => {
  const w = world();
  const request = reshareRequest([B, C]);
  await w.desk.handleStart(startCommand(request), { sealedBy: B });
  await settle();
  const { ceremony, finish } = w.started[0]!;
  ceremony.move({ round: 4, step: "waiting", waitingFor: [C] });
  finish(failed);
  await settle();
  assert.equal(w.desk.ledger.get(request.id)!.state, "failed");
  assert.deepEqual(w.settled, ["abandon, dealt: true"]);
  w.desk.handleResponse(answer(true), B);
  w.desk.handleResponse(answer(true), C);
  await settle();
  assert.deepEqual(w.settled, ["abandon, dealt: true", "commit leaving"]);
});

Deno.test("Desk ends a running resharing when a member refuses, and keeps the old share", async () => {
  const w = world();
  const request = reshareRequest([SELF, C]);
  await w.desk.handleStart(startCommand(request), { sealedBy: B });
  await settle();
  w.desk.handleResponse(answer(false, "refused: denied by the operator"), C);
  await settle();
  assert.equal(w.desk.ledger.get(request.id)!.state, "aborted");
  assert.deepEqual(w.settled, ["abandon, dealt: false"]);
});

Deno.test("Desk refuses a second resharing of a key while one is going on", async () => {
  const w = world();
  await w.desk.handleStart(startCommand(reshareRequest([SELF, C])), { sealedBy: B });
  await settle();
  const second = reshareRequest([SELF, C], "ef".repeat(32));
  await w.desk.handleStart(startCommand(second), { sealedBy: B });
  assert.match((w.sent.at(-1)!.command as { error: string }).error, /being reshared already/);
  assert.equal(w.started.length, 1);
});

Deno.test("Desk answers questions about a resharing of before its start", async () => {
  const w = world();
  w.seen.add("cd".repeat(32));
  w.desk.handleResponse(answer(true, "asking: staged"), C);
  await settle();
  assert.deepEqual(w.sent, [{ to: C, command: answer(true, "settled") }]);
});

Deno.test("Desk hears a refusal that comes before its request was sent to everybody", async () => {
  const w = world();
  const request = { ...keygenRequest(SELF), coordinator: SELF } as CeremonyRequest;
  const running = w.desk.initiate(request);
  // Give the first request time to leave, not the whole call to finish.
  await settle();
  w.desk.handleResponse({
    type: "keygen-response",
    ceremonyId: fromHex(request.id),
    success: false,
    error: "refused: not an initiator here",
  }, C);
  const outcome = await (await running).ended;
  assert.equal(outcome.state, "aborted");
});
