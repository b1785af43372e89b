import assert from "node:assert/strict";
import { systemRandom } from "../../lib/arith/random.ts";
import { SPARE_AFTER_MS } from "../../lib/ceremony/limits.ts";
import type { FromWorker } from "../../lib/ceremony/protocol.ts";
import { rehearse } from "../../lib/ceremony/rehearsal.ts";
import { SpareWorkers } from "../../lib/ceremony/spare_workers.ts";
import { loadWorkers, type WorkerHandle } from "../../lib/ceremony/worker_host.ts";
import { parseIdentity } from "../../lib/crypto/identity.ts";
import { silentLogger } from "../../lib/observe/logger.ts";
import { VERSION } from "../../lib/version.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { fakeWorkers } from "./fake_worker.ts";

function keeper() {
  const clock = new VirtualClock();
  const { factory, workers } = fakeWorkers();
  const spares = new SpareWorkers({ workers: factory, clock, log: silentLogger });
  const heard: FromWorker[] = [];
  const crashes: string[] = [];
  const take = (): WorkerHandle =>
    spares.factory({ onMessage: (m) => heard.push(m), onCrash: (reason) => crashes.push(reason) });
  /** Lets the next spare worker rehearse to the end. */
  const prepare = async () => {
    await clock.advance(SPARE_AFTER_MS);
    const spare = workers.at(-1)!;
    spare.say({ did: "load", version: "9.9.9" });
    spare.say({ did: "rehearse" });
    return spare;
  };
  return { clock, workers, spares, heard, crashes, take, prepare };
}

Deno.test("SpareWorkers hands out a rehearsed worker that was told nothing else", async () => {
  const { clock, workers, heard, crashes, take, prepare } = keeper();
  assert.equal(workers.length, 0);
  const spare = await prepare();
  assert.deepEqual(spare.heard, [{ do: "rehearse" }]);
  const handle = take();
  assert.deepEqual(heard, []);
  await clock.settle();
  assert.deepEqual(heard, [{ did: "load", version: "9.9.9" }]);
  assert.equal(workers.length, 1);
  handle.post({ do: "stored", ok: true });
  assert.equal(spare.heard.length, 2);
  spare.say({ did: "test", candidates: 3 });
  assert.deepEqual(heard.at(-1), { did: "test", candidates: 3 });
  spare.crash();
  assert.deepEqual(crashes, ["the worker crashed"]);
  handle.terminate();
  assert(spare.terminated);
});

Deno.test("SpareWorkers never hands a worker out twice, nor one that still rehearses", async () => {
  const { clock, workers, take, spares, prepare } = keeper();
  await clock.advance(SPARE_AFTER_MS);
  const [first] = workers;
  first!.say({ did: "load", version: VERSION });
  take();
  assert.equal(workers.length, 2);
  assert(!first!.terminated);
  first!.say({ did: "rehearse" });
  take();
  assert.equal(workers.length, 2);
  take();
  assert.equal(workers.length, 3);
  // The next one rehearses after the last ceremony and a rest.
  spares.busy(1);
  await clock.advance(10 * SPARE_AFTER_MS);
  assert.equal(workers.length, 3);
  spares.busy(0);
  const spare = await prepare();
  assert.equal(workers.length, 4);
  await clock.advance(10 * SPARE_AFTER_MS);
  assert.equal(workers.length, 4);
  assert(!spare.terminated);
});

Deno.test("SpareWorkers does without one that fails, and does not try again by itself", async () => {
  const faults: ((spare: ReturnType<typeof fakeWorkers>["workers"][number]) => void)[] = [
    (spare) => spare.crash(),
    (spare) => spare.say({ did: "find", prime: new Uint8Array() }),
    (spare) => spare.say({ did: "fail", code: "TF-INTERNAL", reason: "x", round: 0, culprits: [] }),
  ];
  for (const fault of faults) {
    const { clock, workers, take, spares, prepare } = keeper();
    const spare = await prepare();
    fault(spare);
    assert(spare.terminated);
    await clock.advance(10 * SPARE_AFTER_MS);
    assert.equal(workers.length, 1);
    take();
    assert.equal(workers.length, 2);
    spares.busy(1);
    spares.busy(0);
    await clock.advance(SPARE_AFTER_MS);
    assert.equal(workers.length, 3);
  }
});

Deno.test("SpareWorkers.stop() ends the spare worker and makes no other", async () => {
  const { clock, workers, spares, prepare } = keeper();
  const spare = await prepare();
  spares.stop();
  assert(spare.terminated);
  spares.busy(0);
  await clock.advance(10 * SPARE_AFTER_MS);
  assert.equal(workers.length, 1);
  assert.equal(clock.pending, 0);
});

Deno.test("rehearse() runs to its end in a worker, and leaves it fit for a job", async () => {
  await rehearse(systemRandom);
  const workers = await loadWorkers();
  const said: FromWorker[] = [];
  const rehearsed = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<FromWorker>();
  const worker = workers({
    onMessage: (message) => {
      said.push(message);
      if (message.did === "rehearse") rehearsed.resolve();
      if (message.did === "fail") failed.resolve(message);
    },
    onCrash: (reason) => rehearsed.reject(new Error(reason)),
  });
  worker.post({ do: "rehearse" });
  await rehearsed.promise;
  // No name, no share, no message of the rehearsal leaves the worker.
  assert.deepEqual(said, [{ did: "load", version: VERSION }, { did: "rehearse" }]);
  const [self, other] = [parseIdentity("a".repeat(40)), parseIdentity("b".repeat(40))];
  const [id, storeKey] = [new Uint8Array(32), new Uint8Array(32)];
  worker.post({
    do: "run",
    storeKey,
    job: {
      kind: "sign",
      curve: "ed25519",
      self,
      id,
      keyId: new Uint8Array(16),
      committee: [self, other],
      threshold: 1,
      message: new Uint8Array(),
      publicKey: new Uint8Array(32),
      share: new Uint8Array(40),
    },
  });
  const fail = await failed.promise;
  assert.equal(fail.did === "fail" && fail.code, "TF-SHARE");
  worker.terminate();
});
