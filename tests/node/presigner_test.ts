import assert from "node:assert/strict";
import type { Outcome } from "../../lib/ceremony/verdict.ts";
import type { Identity } from "../../lib/crypto/identity.ts";
import type { PresignHeader } from "../../lib/keystore/presign_stock.ts";
import { Entry } from "../../lib/node/ledger.ts";
import {
  PRESIGN_BACKOFF,
  PRESIGN_CONFIRM,
  PRESIGN_GAP,
  PRESIGN_IDLE,
  PRESIGN_TICK,
  PRESIGN_VERSION,
  Presigner,
} from "../../lib/node/presigner.ts";
import { PRESIGN_BUSY, PRESIGN_FORGIVE, PRESIGN_PATIENCE } from "../../lib/node/presign_hunger.ts";
import type { PresignRequest } from "../../lib/node/request.ts";
import { silentLogger } from "../../lib/observe/logger.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { KEY_A, sampleMeta } from "../keystore/helpers.ts";

const [SELF, B, C] = ["01", "02", "03"].map((x) => x.repeat(20)) as [Identity, Identity, Identity];

/** A presigner whose presignings end as `ending` says; null lets them run. */
async function world(options: { setting?: number | null } = {}) {
  const clock = new VirtualClock();
  const meta = { ...sampleMeta(KEY_A), committee: [SELF, B, C], shareHash: "ab".repeat(32) };
  const stock: PresignHeader[] = [];
  const asked: PresignRequest[] = [];
  const entries: Entry[] = [];
  const state = {
    setting: options.setting ?? null,
    ending: "stored" as "stored" | "refused" | "unconfirmed" | "running",
    versions: new Map([[B, PRESIGN_VERSION], [C, PRESIGN_VERSION]]),
    ready: [SELF, B] as Identity[] | null,
    announcements: 0,
    warmed: 0,
    searching: false,
    refusal: `${B} reports: refused: off`,
  };
  const complete = { state: "complete", result: {} } as Outcome;
  const presigner = new Presigner({
    self: SELF,
    clock,
    random: seededRandom("presigner"),
    log: silentLogger,
    keys: () => Promise.resolve([meta]),
    shelf: {
      list: (keyId) =>
        Promise.resolve(stock.filter((h) => keyId === undefined || h.keyId === keyId)),
      wipe: (doomed) => {
        const left = stock.filter((h) => !doomed(h));
        const count = stock.length - left.length;
        stock.splice(0, stock.length, ...left);
        return Promise.resolve(count);
      },
      setting: () => Promise.resolve(state.setting),
      set: (_, count) => Promise.resolve(void (state.setting = count)),
    },
    versionOf: (node) => state.versions.get(node) ?? 0,
    quorum: (_, candidates) =>
      state.ready !== null && state.ready.every((m) => candidates.includes(m)) ? state.ready : null,
    initiate: (request) => {
      asked.push(request);
      const entry = new Entry(request, clock.now(), true, "running");
      entries.push(entry);
      if (state.ending === "refused") {
        entry.end({ state: "aborted", reason: state.refusal });
      } else if (state.ending !== "running") {
        const { id, keyId, generation, committee, requester: maker } = request;
        stock.push({ id, keyId, generation, shareHash: meta.shareHash, committee, maker });
        if (state.ending === "stored") {
          for (const m of committee) if (m !== SELF) entry.confirmed.add(m);
        }
        entry.end(complete);
      }
      return Promise.resolve(entry);
    },
    abort: (entry, reason) => {
      entry.end({ state: "aborted", reason });
      return Promise.resolve();
    },
    running: () => entries.filter((e) => !e.isOver),
    searching: () => state.searching,
    announce: () => state.announcements++,
    warm: () => state.warmed++,
  });
  await presigner.start();
  return { clock, presigner, stock, asked, entries, state, meta };
}

const anySigners = () => true;

Deno.test("Presigner does nothing, and announces nothing, unless a key has it on", async () => {
  const w = await world();
  await w.clock.advance(10 * PRESIGN_TICK);
  assert.deepEqual([w.asked.length, w.presigner.announced(), w.state.warmed], [0, 0, 0]);
  assert.equal(await w.presigner.offer(w.meta, null, anySigners), null);
  assert.equal(w.presigner.fallbacks, 0);
  await w.presigner.set(KEY_A, 2);
  assert.equal(w.presigner.announced(), PRESIGN_VERSION);
  await w.clock.advance(1);
  assert.equal(w.stock.length, 2);
  await w.presigner.set(KEY_A, null);
  assert.equal(w.presigner.announced(), 0);
  assert.equal(w.state.announcements, 2);
  w.presigner.stop();
});

Deno.test("Presigner fills the stock to what is wanted, and again after a use", async () => {
  const w = await world({ setting: 3 });
  await w.clock.advance(PRESIGN_TICK + 10);
  assert.equal(w.stock.length, 3);
  assert.deepEqual(w.asked.map((r) => r.keep.length), [0, 1, 2]);
  const offer = (await w.presigner.offer(w.meta, null, anySigners))!;
  assert.deepEqual(offer.committee, [SELF, B]);
  w.stock.splice(w.stock.findIndex((h) => h.id === offer.id), 1); // used
  await w.presigner.release(offer);
  await w.clock.advance(PRESIGN_TICK);
  assert.equal(w.stock.length, 3);
  assert(!w.stock.some((h) => h.id === offer.id));
  w.presigner.stop();
});

Deno.test("Presigner offers each presignature once, and drops one that was not used", async () => {
  const w = await world({ setting: 2 });
  await w.clock.advance(PRESIGN_TICK + 10);
  const one = (await w.presigner.offer(w.meta, [B, SELF], anySigners))!;
  const two = (await w.presigner.offer(w.meta, null, anySigners))!;
  assert.notEqual(one.id, two.id);
  assert.equal(await w.presigner.offer(w.meta, null, anySigners), null);
  assert.equal(w.presigner.fallbacks, 1);
  await w.presigner.release(one);
  assert(!w.stock.some((h) => h.id === one.id));
  w.presigner.stop();
});

Deno.test("Presigner offers nothing for other signers, an old share, or members that say no", async () => {
  const w = await world({ setting: 1 });
  await w.clock.advance(PRESIGN_TICK + 10);
  assert.equal(await w.presigner.offer(w.meta, [SELF, C], anySigners), null);
  assert.equal(await w.presigner.offer(w.meta, null, () => false), null);
  assert.equal(await w.presigner.offer({ ...w.meta, generation: 1 }, null, anySigners), null);
  const reshared = { ...w.meta, shareHash: "cd".repeat(32) };
  assert.equal(await w.presigner.offer(reshared, null, anySigners), null);
  w.state.versions.delete(B);
  assert.equal(await w.presigner.offer(w.meta, null, anySigners), null);
  w.presigner.stop();
});

Deno.test("Presigner asks only members that announced presigning", async () => {
  const w = await world({ setting: 1 });
  w.state.versions.delete(B);
  await w.clock.advance(3 * PRESIGN_TICK);
  assert.equal(w.asked.length, 0);
  w.state.ready = [SELF, C];
  await w.clock.advance(PRESIGN_TICK);
  assert.deepEqual(w.asked[0]!.committee, [SELF, C]);
  w.presigner.stop();
});

Deno.test("Presigner waits ever longer after failures", async () => {
  const w = await world({ setting: 1 });
  w.state.ending = "refused";
  const times: number[] = [];
  let seen = 0;
  for (let ms = 0; ms < 40 * PRESIGN_BACKOFF; ms += 500) {
    await w.clock.advance(500);
    if (w.asked.length > seen) times.push(ms);
    seen = w.asked.length;
  }
  const gaps = times.slice(1).map((t, i) => t - times[i]!);
  assert(gaps.length >= 3 && gaps.length <= 6, gaps.join());
  gaps.forEach((gap, i) => assert(gap >= PRESIGN_BACKOFF * 2 ** i, gaps.join()));
  assert.equal(w.stock.length, 0);
  w.presigner.stop();
});

Deno.test("Presigner drops a presignature that a member has not confirmed", async () => {
  const w = await world({ setting: 1 });
  w.state.ending = "unconfirmed";
  await w.clock.advance(PRESIGN_TICK + 10);
  assert.equal(w.stock.length, 1);
  await w.clock.advance(PRESIGN_CONFIRM);
  assert.equal(w.stock.length, 0);
  w.presigner.stop();
});

Deno.test("Presigner gives way to ceremonies, without a penalty", async () => {
  const w = await world({ setting: 1 });
  w.state.ending = "running";
  await w.clock.advance(PRESIGN_TICK + 10);
  assert.equal(w.asked.length, 1);
  w.presigner.begin();
  assert.equal(w.entries[0]!.state, "aborted");
  assert(w.presigner.busy());
  w.state.ending = "stored";
  await w.clock.advance(5 * PRESIGN_TICK);
  assert.equal(w.asked.length, 1);
  w.presigner.end();
  await w.clock.advance(PRESIGN_IDLE / 2);
  assert.equal(w.asked.length, 1);
  await w.clock.advance(2 * PRESIGN_IDLE);
  assert.equal(w.stock.length, 1);
  w.presigner.stop();
});

Deno.test("Presigner drops what a member lacks, and what other quorums had too much of", async () => {
  const w = await world({ setting: 2 });
  await w.clock.advance(PRESIGN_TICK + 10);
  const offer = (await w.presigner.offer(w.meta, null, anySigners))!;
  await w.presigner.distrust(KEY_A, offer.committee);
  await w.presigner.release(offer);
  assert.equal(w.stock.length, 0);
  assert.equal(w.presigner.fallbacks, 1);
  await w.clock.advance(PRESIGN_TICK);
  assert.equal(w.stock.length, 2);
  // Another quorum: as many as wanted of the old one stay.
  w.state.ready = [SELF, C];
  await w.clock.advance(PRESIGN_TICK);
  assert.equal(w.stock.filter((h) => h.committee.includes(C)).length, 2);
  assert.equal(w.stock.filter((h) => h.committee.includes(B)).length, 2);
  w.presigner.stop();
});

/** What a presigning takes, and a signature in nine rounds, ms. */
const [MAKING_MS, SIGNING_MS] = [700, 400];
/** From the start until just before patience ends; the first look finds something in the way, s. */
const HUNGRY_S = (PRESIGN_TICK + PRESIGN_PATIENCE) / 1000 - 1;

/** Asks for a signature every second; those that find a presignature take no time. */
async function steadyLoad(w: Awaited<ReturnType<typeof world>>, seconds: number): Promise<number> {
  w.state.ending = "running";
  let fast = 0;
  let ended = 0;
  const settle = () => {
    // The presigning that runs ends when its time has come.
    const running = w.entries.find((e) => !e.isOver);
    if (running === undefined || w.clock.now() - running.receivedAt < MAKING_MS) return;
    const { id, keyId, committee, requester: maker } = running.request as PresignRequest;
    const { generation } = w.meta;
    w.stock.push({ id, keyId, generation, shareHash: w.meta.shareHash, committee, maker });
    for (const m of committee) if (m !== SELF) running.confirmed.add(m);
    running.end({ state: "complete", result: {} } as Outcome);
  };
  for (let step = 0; step < seconds * 20; step++) {
    if (step % 20 === 0) {
      const offer = await w.presigner.offer(w.meta, null, anySigners);
      if (offer === null) {
        w.presigner.begin(true);
        ended = w.clock.now() + SIGNING_MS;
      } else {
        fast++;
        await w.presigner.release(offer);
      }
    }
    if (ended > 0 && w.clock.now() >= ended) {
      w.presigner.end(true);
      ended = 0;
    }
    assert(w.entries.filter((e) => !e.isOver).length <= 1, "one at a time");
    await w.clock.advance(50);
    settle();
  }
  return fast;
}

Deno.test("Presigner fills an empty stock although somebody signs every second", async () => {
  const w = await world({ setting: 3 });
  assert.equal(await steadyLoad(w, HUNGRY_S), 0);
  assert.equal(w.asked.length, 0, "signatures come first, for a while");
  // One goes on beside them; from then on the pauses are long enough.
  assert(await steadyLoad(w, 30) >= 25);
  assert(w.entries.every((e) => e.state !== "aborted"));
  assert(w.stock.length >= 2, `${w.stock.length} in stock`);
  w.presigner.stop();
});

Deno.test("Presigner lets one presigning at most go on beside signatures, and no other ceremony", async () => {
  const w = await world({ setting: 3 });
  await steadyLoad(w, HUNGRY_S);
  // It begins in a pause, not while a signature is made.
  w.presigner.begin(true);
  await w.clock.advance(2 * PRESIGN_IDLE);
  assert.equal(w.asked.length, 0);
  w.presigner.end(true);
  await w.clock.advance(PRESIGN_GAP + 10);
  assert.equal(w.asked.length, 1);
  // Another one, of another maker, gives way; so does this one to what is no signature.
  const other = new Entry({ ...w.asked[0]!, id: "77".repeat(32) }, w.clock.now(), false, "running");
  w.entries.push(other);
  w.presigner.begin(true);
  assert.deepEqual(w.entries.map((e) => e.state), ["running", "aborted"]);
  w.presigner.end(true);
  w.presigner.begin();
  assert.deepEqual(w.entries.map((e) => e.state), ["aborted", "aborted"]);
  w.presigner.stop();
});

Deno.test("Presigner gives one that takes too long no protection", async () => {
  const w = await world({ setting: 1 });
  await steadyLoad(w, HUNGRY_S);
  await w.clock.advance(PRESIGN_IDLE);
  const [entry] = w.entries;
  for (let ms = 0; ms < PRESIGN_PATIENCE - 1000; ms += 1000) {
    w.presigner.begin(true);
    assert.equal(entry!.state, "running");
    await w.clock.advance(500);
    w.presigner.end(true);
    await w.clock.advance(500);
  }
  await w.clock.advance(2 * PRESIGN_IDLE);
  w.presigner.begin(true);
  assert.equal(entry!.state, "aborted");
  w.presigner.stop();
});

Deno.test("a member's patience with presignings ends too, and begins anew after a while", async () => {
  const w = await world({ setting: 0 });
  const request = { kind: "presign", committee: [SELF, B] } as unknown as PresignRequest;
  const runs = () => {
    const entry = new Entry(request, w.clock.now(), false, "running");
    w.entries.splice(0, w.entries.length, entry);
    return entry;
  };
  const givesWay = async () => {
    const entry = runs();
    w.presigner.begin(true);
    await w.clock.advance(SIGNING_MS);
    w.presigner.end(true);
    return entry.state === "aborted";
  };
  assert(await givesWay());
  w.presigner.begin(true);
  assert(w.presigner.turnsAway());
  w.presigner.end(true);
  await w.clock.advance(PRESIGN_PATIENCE);
  assert(!await givesWay());
  await w.clock.advance(PRESIGN_FORGIVE + PRESIGN_PATIENCE);
  assert(await givesWay());
  w.presigner.stop();
});

Deno.test("Presigner takes a busy member for no failure, and waits while primes are waited for", async () => {
  const w = await world({ setting: 1 });
  w.state.searching = true;
  await w.clock.advance(3 * PRESIGN_TICK);
  assert.equal(w.asked.length, 0);
  w.state.searching = false;
  w.state.ending = "refused";
  w.state.refusal = `${B} reports: refused: ${PRESIGN_BUSY}`;
  await w.clock.advance(PRESIGN_TICK);
  const tries = w.asked.length;
  assert(tries >= 1);
  w.state.ending = "stored";
  await w.clock.advance(2 * PRESIGN_IDLE);
  assert.equal(w.stock.length, 1);
  w.presigner.stop();
});
