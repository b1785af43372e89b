import assert from "node:assert/strict";
import type { Identity } from "../../lib/crypto/identity.ts";
import { AuditLog } from "../../lib/keystore/audit_log.ts";
import { recentEntries } from "../../lib/keystore/audit_verify.ts";
import { denoFiles } from "../../lib/keystore/files.ts";
import { type KeyRules, NO_RULES } from "../../lib/keystore/key_rules.ts";
import { decodeMeta, encodeMeta, newKeyMeta } from "../../lib/keystore/meta.ts";
import { NodeError } from "../../lib/node/errors.ts";
import { HOUR, KeyUse } from "../../lib/node/key_use.ts";
import { noteUses } from "../../lib/node/oversight.ts";
import type { CeremonyRequest } from "../../lib/node/request.ts";
import {
  CEREMONY_1,
  KEY_A,
  NOW,
  openHome,
  sampleMeta,
  sampleShare,
  withHome,
} from "../keystore/helpers.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const id = (n: number) => n.toString(16).padStart(40, "0") as Identity;
const [SELF, A, B] = [id(1), id(2), id(3)];
const request = (requester: Identity, kind: "sign" | "reshare" = "sign"): CeremonyRequest =>
  ({ kind, id: CEREMONY_1, requester, keyId: KEY_A }) as unknown as CeremonyRequest;

const refusedWith = (code: string) => (e: unknown) => e instanceof NodeError && e.code === code;

Deno.test("KeyUse lets only listed requesters use a key, and always the own node", async () => {
  const rules: KeyRules = { requesters: [A], perHour: null };
  const use = new KeyUse({
    self: SELF,
    clock: new VirtualClock(),
    rules: () => Promise.resolve(rules),
  });
  for (const kind of ["sign", "reshare"] as const) {
    await use.check(request(A, kind), A);
    await use.check(request(SELF, kind), SELF);
    await assert.rejects(use.check(request(B, kind), B), refusedWith("TF-NOT-ALLOWED"));
    await assert.rejects(use.check(request(SELF, kind), null), refusedWith("TF-NOT-ALLOWED"));
  }
});

Deno.test("KeyUse counts signings in a sliding hour; nothing slips in between", async () => {
  const clock = new VirtualClock();
  const rules: KeyRules = { requesters: null, perHour: 3 };
  const use = new KeyUse({ self: SELF, clock, rules: () => Promise.resolve(rules) });
  const all = await Promise.allSettled(Array.from({ length: 9 }, () => use.take(request(A), A)));
  assert.equal(all.filter((r) => r.status === "fulfilled").length, 3);
  await assert.rejects(use.check(request(A), A), (e) => {
    assert(e instanceof NodeError && e.code === "TF-LIMIT");
    assert.match(e.hint!, /again in 3600 s/);
    return true;
  });
  await use.take(request(A, "reshare"), A);
  assert.equal(use.count(KEY_A), 3);
  await clock.advance(HOUR);
  assert.equal(use.count(KEY_A), 0);
  await use.take(request(A), A);
});

Deno.test("KeyUse refuses when the rules cannot be read", async () => {
  const use = new KeyUse({
    self: SELF,
    clock: new VirtualClock(),
    rules: () => Promise.reject(new Error("damaged")),
  });
  await assert.rejects(use.check(request(A), A), /damaged/);
});

Deno.test("noteUses() takes up after a restart what the audit log tells of the last hour", async () => {
  await withHome(async (home) => {
    const files = denoFiles();
    let now = NOW - 2 * HOUR;
    const log = await AuditLog.open({ files, home, now: () => now, rotateBytes: 500 });
    const sign = { kind: "sign", key: KEY_A };
    await log.record("request", { ceremony: "old", ...sign, decision: "accepted" });
    now = NOW - HOUR / 2;
    for (const n of [1, 2, 3]) {
      await log.record("request", { ceremony: `c${n}`, ...sign, decision: "accepted" });
    }
    await log.record("request", { ceremony: "w1", ...sign, decision: "waiting" });
    await log.record("request", { ceremony: "w2", ...sign, decision: "waiting" });
    await log.record("request", { ceremony: "r1", ...sign, decision: "refused" });
    await log.record("decision", { ceremony: "w1", decision: "approved", by: "operator" });
    await log.record("decision", { ceremony: "w2", decision: "denied", by: "operator" });
    const uses: [string, number][] = [];
    const recent = await recentEntries(files, home, NOW - HOUR);
    noteUses({ note: (key, at) => uses.push([key, at!]) }, recent);
    assert.deepEqual(uses, Array.from({ length: 4 }, () => [KEY_A, now]));
  });
});

Deno.test("setKeyRules() is durable, survives a resharing's metadata, and can be taken back", async () => {
  await withHome(async (home) => {
    const store = await openHome(home);
    const share = sampleShare(store, KEY_A, "one");
    await store.writeShareCiphertext(KEY_A, share, sampleMeta(KEY_A));
    const rules: KeyRules = { requesters: [A, B], perHour: 60 };
    await store.setKeyRules(KEY_A, rules);
    await store.close();
    const again = await openHome(home);
    const meta = await again.readMeta(KEY_A);
    assert.deepEqual(meta.rules, rules);
    assert.deepEqual(await again.readShareCiphertext(KEY_A), share);
    const next = newKeyMeta({ ...meta, nowMs: NOW, previous: meta, ceremony: CEREMONY_1 });
    assert.deepEqual(next.rules, rules);
    assert.deepEqual(decodeMeta(encodeMeta(next), KEY_A).rules, rules);
    await again.setKeyRules(KEY_A, NO_RULES);
    assert.equal((await again.readMeta(KEY_A)).rules, undefined);
    await assert.rejects(
      again.setKeyRules(KEY_A, { requesters: [], perHour: null }),
      /rules: must list 1/,
    );
    await assert.rejects(again.setKeyRules(KEY_A, { requesters: null, perHour: 0.5 }), /rules/);
    await again.close();
  });
});

Deno.test("decodeMeta() refuses rules that it cannot read rather than ignore them", () => {
  const text = new TextDecoder().decode(encodeMeta({
    ...sampleMeta(KEY_A),
    rules: { requesters: [A], perHour: 5 },
  }));
  for (
    const [from, to] of [
      ['"per_hour":5', '"per_hour":0'],
      ['"per_hour":5', '"per_hour":"5"'],
      ['"per_hour":5', '"per_day":5'],
      [`["${A}"]`, "[]"],
      [`["${A}"]`, `["${A}","${A}"]`],
      [`["${A}"]`, '["x"]'],
      [`["${A}"]`, "true"],
    ] as const
  ) {
    assert(text.includes(from));
    const bent = new TextEncoder().encode(text.replace(from, to));
    assert.throws(() => decodeMeta(bent, KEY_A), /rules/, to);
  }
});
