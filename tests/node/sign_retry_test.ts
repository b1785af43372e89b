/**
 * `sign` over scripted attempts: who is asked next when members fail.
 */
import assert from "node:assert/strict";
import type { Outcome } from "../../lib/ceremony/verdict.ts";
import type { Identity } from "../../lib/crypto/identity.ts";
import { sampleMeta } from "../keystore/helpers.ts";
import type { AdminContext, Params } from "../../lib/node/admin/context.ts";
import { sign } from "../../lib/node/admin/sign.ts";
import { NodeError } from "../../lib/node/errors.ts";
import { Entry, type MemberReport } from "../../lib/node/ledger.ts";
import { PenaltyBook } from "../../lib/node/penalties.ts";
import type { SignRequest } from "../../lib/node/request.ts";
import { failureResponse, type ResponseCommand } from "../../lib/node/responses.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const id = (n: number) => n.toString(16).padStart(40, "0") as Identity;
const [SELF, A, B, C, D] = [id(1), id(2), id(3), id(4), id(5)];
const KEY = "11".repeat(16);

/** How one attempt goes. */
type Step =
  | Outcome
  | { readonly report: MemberReport }
  | { readonly lacks: Identity }
  | { readonly unreachable: readonly Identity[] };

const timeout = (...culprits: Identity[]): Outcome => ({
  state: "failed",
  code: "TF-TIMEOUT",
  reason: "timed out",
  round: 2,
  culprits,
});

const done: Outcome = {
  state: "complete",
  result: {
    kind: "sign",
    curve: "secp256k1",
    keyId: new Uint8Array(16),
    publicKey: new Uint8Array(64).fill(7),
    r: new Uint8Array(32).fill(1),
    s: new Uint8Array(32).fill(2),
    recoveryId: 0,
  },
};

interface WorldOptions {
  readonly threshold?: number;
  readonly dead?: readonly Identity[];
  /** Those of them who are ready after all once they are asked. */
  readonly answers?: readonly Identity[];
  /** Who shares a presignature. */
  readonly presigned?: readonly Identity[];
}

function world(script: Step[], options: WorldOptions = {}) {
  const clock = new VirtualClock();
  const penalties = new PenaltyBook(clock);
  const asked: (readonly Identity[])[] = [];
  const quick: boolean[] = [];
  const presigner: string[] = [];
  const events: Record<string, unknown>[] = [];
  const meta = sampleMeta(KEY, {
    committee: [SELF, A, B, C, D],
    threshold: options.threshold ?? 1,
  });
  const dead = new Set(options.dead);
  const watchers = new Map<string, (from: Identity, r: ResponseCommand) => void>();
  const desk = {
    onResponse: (ceremony: string, watcher: (from: Identity, r: ResponseCommand) => void) => {
      watchers.set(ceremony, watcher);
      return () => {};
    },
    abort: () => Promise.resolve(),
    initiate: (request: SignRequest) => {
      asked.push(request.committee);
      quick.push(request.presigned !== undefined);
      const step = script.shift() ?? assert.fail("one attempt too many");
      if ("unreachable" in step) {
        throw new NodeError("TF-UNREACHABLE", "no way", { exit: 3, culprits: step.unreachable });
      }
      const self = request.committee.includes(SELF);
      const entry = new Entry(request, clock.now(), true, self ? "running" : "requested");
      // A node that takes no part learns of the end by responses only.
      if (self) {
        queueMicrotask(() => {
          if ("lacks" in step) {
            const reason = `${step.lacks} reports: refused: there is no presignature 5a here`;
            return void entry.end({ state: "aborted", reason });
          }
          if (!("report" in step)) return void entry.end(step);
          entry.report = step.report;
          const error = step.report.refused ? "refused: no" : "broken";
          entry.end({ state: "aborted", reason: `${step.report.from} reports: ${error}` });
        });
      }
      return Promise.resolve(entry);
    },
  };
  const ctx = {
    identity: { identity: SELF },
    keystore: { inspectKeys: () => Promise.resolve([{ keyId: KEY, meta, problem: null }]) },
    desk,
    peers: () => [],
    readiness: {
      group: (members: readonly Identity[], most = members.length) =>
        members.filter((m) => !dead.has(m)).slice(0, most),
      require: (members: readonly Identity[]) => {
        const culprits = members.filter((m) => dead.has(m));
        if (culprits.length === 0) return Promise.resolve();
        return Promise.reject(new NodeError("TF-NOT-READY", "not ready", { exit: 3, culprits }));
      },
      probe: () => {
        for (const member of options.answers ?? []) dead.delete(member);
        return Promise.resolve();
      },
      view: () => ({
        self: SELF,
        now: clock.now(),
        preParams: 0,
        state: (m: Identity) => ({
          kind: "transfunctioner",
          session: !dead.has(m),
          known: !dead.has(m),
          silent: dead.has(m),
          answeredAgo: null,
          banned: null,
          told: null,
        }),
      }),
    },
    penalties,
    presigner: {
      fallbacks: 0,
      offer: (_: unknown, named: unknown) =>
        Promise.resolve(
          options.presigned === undefined || named !== null
            ? null
            : { id: "5a".repeat(32), committee: options.presigned },
        ),
      distrust: () => Promise.resolve(void presigner.push("distrust")),
      release: () => Promise.resolve(void presigner.push("release")),
    },
    signRetries: 2,
    clock,
    random: seededRandom("retry"),
    ceremonyTimeoutMs: 600_000,
  } as unknown as AdminContext;
  const run = (params: Params = {}) =>
    sign(ctx, { key_id: KEY, digest: "22".repeat(32), ...params }, (e) => events.push(e));
  return { clock, penalties, asked, quick, presigner, events, run, watchers, dead };
}

const attemptsOf = (
  result: Record<string, unknown>,
) => (result["attempts"] as { outcome: string; culprits: string[] }[]);

Deno.test("sign() asks everybody before it refuses, and chooses among who answers", async () => {
  const w = world([done], { dead: [A, B, C, D], answers: [C] });
  await w.run();
  assert.deepEqual(w.asked, [[SELF, C]]);
  const alone = world([], { dead: [A, B, C, D], answers: [] });
  await assert.rejects(alone.run(), { code: "TF-NOT-READY", message: /cannot sign now: 1 of 5/ });
  // Those whom the caller names are not replaced by others.
  const named = world([], { dead: [A], answers: [A] });
  await assert.rejects(named.run({ members: [SELF, A] }), { code: "TF-NOT-READY" });
});

Deno.test("sign() uses a presignature where there is one, and says so", async () => {
  const w = world([done], { presigned: [SELF, B] });
  const result = await w.run();
  assert.deepEqual([w.asked, w.quick, w.presigner], [[[SELF, B]], [true], ["release"]]);
  assert.deepEqual([result["presigned"], result["committee"]], [true, [SELF, B]]);
  const plain = world([done]);
  assert.equal((await plain.run())["presigned"], false);
});

Deno.test("sign() takes nine rounds, without a word, when a member lacks its presignature", async () => {
  const w = world([{ lacks: B }, done], { presigned: [SELF, B] });
  const result = await w.run({ retries: 0 });
  assert.deepEqual([w.asked, w.quick], [[[SELF, B], [SELF, A]], [true, false]]);
  assert.deepEqual(w.presigner, ["distrust", "release"]);
  assert.equal(result["presigned"], false);
  assert.equal(attemptsOf(result).length, 1);
  // Nor when the signers of the presignature are not ready.
  const dead = world([done], { presigned: [SELF, B], dead: [B] });
  assert.equal((await dead.run())["presigned"], false);
  assert.deepEqual([dead.asked, dead.presigner], [[[SELF, A]], ["release"]]);
});

Deno.test("sign() leaves out a member that sent a wrong share of a presigned signature", async () => {
  const wrong: Outcome = {
    state: "failed",
    code: "TF-PROTOCOL",
    reason: "wrong share of the signature",
    round: 2,
    culprits: [A],
  };
  const w = world([wrong, done], { presigned: [SELF, A] });
  const result = await w.run();
  assert.deepEqual([w.asked, w.quick], [[[SELF, A], [SELF, B]], [true, false]]);
  assert.deepEqual(attemptsOf(result)[0]!.culprits, [A]);
});

Deno.test("sign() asks again without a member that fell silent, and says so", async () => {
  const w = world([timeout(A), done]);
  const result = await w.run();
  assert.deepEqual(w.asked, [[SELF, A], [SELF, B]]);
  assert.deepEqual(result["committee"], [SELF, B]);
  const attempts = attemptsOf(result);
  assert.equal(attempts.length, 2);
  assert.match(attempts[0]!.outcome, /^TF-TIMEOUT: /);
  assert.deepEqual(attempts[0]!.culprits, [A]);
  assert.equal(attempts[1]!.outcome, "complete");
  const retrying = w.events.find((e) => e["state"] === "retrying")!;
  assert.equal(retrying["reason"], `${A.slice(0, 8)} silent`);
  assert.deepEqual(retrying["committee"], [SELF, B]);
});

Deno.test("sign() gives up after as many attempts as are allowed, with the last failure", async () => {
  const w = world([timeout(A), timeout(B), timeout(C)]);
  await assert.rejects(w.run(), (e) => {
    assert(e instanceof NodeError);
    assert.equal(e.code, "TF-TIMEOUT");
    assert.equal(e.exit, 4);
    assert.match(e.message, /attempt 3; before: TF-TIMEOUT.*TF-TIMEOUT/);
    return true;
  });
  assert.deepEqual(w.asked.map((q) => q[1]), [A, B, C]);
  const once = world([timeout(A)]);
  await assert.rejects(once.run({ retries: 0 }), NodeError);
  assert.equal(once.asked.length, 1);
  await assert.rejects(once.run({ retries: 17 }), /retries/);
});

Deno.test("sign() replaces named members only by named ones", async () => {
  const enough = world([timeout(B), done]);
  await enough.run({ members: [SELF, A, B] });
  assert.deepEqual(enough.asked, [[SELF, A, B], [SELF, A]]);
  const few = world([timeout(A)]);
  await assert.rejects(few.run({ members: [SELF, A] }), NodeError);
  assert.equal(few.asked.length, 1);
});

Deno.test("sign() draws as many again, as long as there are enough", async () => {
  const w = world([timeout(A), done]);
  await w.run({ auto: 5 });
  assert.equal(w.asked[0]!.length, 5);
  assert.deepEqual([...w.asked[1]!].sort(), [SELF, B, C, D]);
});

Deno.test("sign() does not ask a member again that refused, and doubts one that failed", async () => {
  const refusing = world([{ report: { from: A, refused: true, awaited: [A] } }, done]);
  await refusing.run();
  assert.deepEqual(refusing.asked, [[SELF, A], [SELF, B]]);
  // A says that something failed; this node awaits B: B is asked last from now on.
  const failing = world(
    [{ report: { from: A, refused: false, awaited: [B] } }, done],
    { threshold: 2 },
  );
  await failing.run();
  assert.deepEqual(failing.asked, [[SELF, A, B], [SELF, A, C]]);
  const only = world(
    [{ report: { from: A, refused: false, awaited: [B] } }, done],
    { threshold: 2, dead: [C, D] },
  );
  await only.run();
  assert.deepEqual(only.asked[1], [SELF, A, B]);
});

Deno.test("sign() leaves out whom no request reached and who is not ready now", async () => {
  const w = world([{ unreachable: [A] }, done]);
  await w.run();
  assert.deepEqual(w.asked, [[SELF, A], [SELF, B]]);
  const none = world([timeout(A)], { dead: [B, C, D] });
  await assert.rejects(none.run(), (e) => e instanceof NodeError && e.code === "TF-TIMEOUT");
});

Deno.test("sign() does not try again where the operator ended it or this node is at fault", async () => {
  for (
    const step of [
      { state: "aborted", reason: "aborted by the operator" },
      { state: "failed", code: "TF-SHARE", reason: "damaged", round: 0, culprits: [] },
      { state: "failed", code: "TF-INTERNAL", reason: "crashed", round: 0, culprits: [] },
      timeout(),
    ] satisfies Outcome[]
  ) {
    const w = world([step]);
    await assert.rejects(w.run(), NodeError);
    assert.equal(w.asked.length, 1);
  }
});

Deno.test("sign() prefers members without a penalty, and uses the others if it must", async () => {
  const w = world([done, done]);
  w.penalties.note(A, "invalid");
  w.penalties.note(B, "silent");
  await w.run();
  assert.deepEqual(w.asked[0], [SELF, C]);
  w.dead.add(C).add(D);
  await w.run();
  assert.deepEqual(w.asked[1], [SELF, B]);
});

Deno.test("sign() for others gives up soon after a member failed, and asks others", async () => {
  const w = world([done, done], { threshold: 1 });
  const running = w.run({ members: [A, B, C] }).then(() => null, (e) => e);
  await w.clock.settle();
  const [ceremony, watcher] = [...w.watchers][0]!;
  const request = { kind: "sign", id: ceremony } as SignRequest;
  watcher(A, failureResponse(request, "B is offline"));
  watcher(C, failureResponse(request, "B is offline"));
  await w.clock.advance(6_000);
  assert.deepEqual(w.asked, [[A, B, C], [A, C]]);
  await w.clock.advance(700_000);
  assert(await running instanceof NodeError);
});
