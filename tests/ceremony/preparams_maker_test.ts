import assert from "node:assert/strict";
import { PreParamsError, PreParamsMaker } from "../../lib/ceremony/preparams_maker.ts";
import { PrimeSearch } from "../../lib/ceremony/prime_search.ts";
import type { FromWorker } from "../../lib/ceremony/protocol.ts";
import { systemRandom } from "../../lib/arith/random.ts";
import { loadWorkers } from "../../lib/ceremony/worker_host.ts";
import { parseJson } from "../../lib/encoding/json.ts";
import { openStoreFile, PREPARAMS_STORE_ID } from "../../lib/keystore/store_file.ts";
import { collectingLogger } from "../../lib/observe/logger.ts";
import { parsePreParams } from "../../lib/tss/ecdsa/preparams.ts";
import { fakeWorkers } from "./fake_worker.ts";

const storeKey = new Uint8Array(32).fill(7);
const prime = (n: number) => new Uint8Array([n]);

function setUp() {
  const { factory, workers } = fakeWorkers();
  const log = collectingLogger();
  const maker = new PreParamsMaker({ workers: factory, storeKey, log, parallel: 2 });
  return { maker, workers };
}

/** The word by which a searching worker is told to stop. */
function stopWord(worker: { readonly heard: readonly unknown[] }): Int32Array {
  const { stop } = worker.heard[0] as { stop: SharedArrayBuffer };
  return new Int32Array(stop);
}

Deno.test("PrimeSearch stops searching when its word says so", () => {
  const posted: FromWorker[] = [];
  const stop = new SharedArrayBuffer(4);
  new Int32Array(stop)[0] = 1;
  new PrimeSearch(new Uint8Array(32), systemRandom, (m) => posted.push(m)).search(stop);
  assert(!posted.some((m) => m.did === "test"), "it looks at the word before anything else");
});

Deno.test("PreParamsMaker collects four primes of two workers and has them put together", async () => {
  const { maker, workers } = setUp();
  const told: number[][] = [];
  const run = maker.make((...numbers) => told.push(numbers));
  assert.throws(() => maker.make(), RangeError);
  const stop = stopWord(workers[0]!);
  assert.deepEqual(
    workers.map((w) => w.heard[0]),
    [0, 1].map(() => ({ do: "search", storeKey, stop: stop.buffer })),
  );
  assert.equal(stop[0], 0);
  workers[0]!.say({ did: "load", version: "x" });
  workers[0]!.say({ did: "test", candidates: 100 });
  workers[1]!.say({ did: "test", candidates: 50 });
  for (let n = 0; n < 4; n++) workers[n % 2]!.say({ did: "find", prime: prime(n) });
  assert.equal(stop[0], 1, "the searching threads are told to stop");
  assert.deepEqual(told.at(-1), [4, 4, 150]);
  assert.ok(workers[0]!.terminated && workers[1]!.terminated);
  assert.deepEqual(workers[2]!.heard, [
    { do: "assemble", storeKey, primes: [0, 1, 2, 3].map(prime) },
  ]);
  workers[2]!.say({ did: "assemble", preParams: prime(9) });
  assert.deepEqual(await run.result, prime(9));
  assert.ok(workers.every((w) => w.terminated));
  maker.make().cancel();
});

Deno.test("PreParamsMaker searches another prime when the four do not fit", async () => {
  const { maker, workers } = setUp();
  const run = maker.make();
  for (let n = 0; n < 4; n++) workers[0]!.say({ did: "find", prime: prime(n) });
  workers[2]!.say({ did: "assemble", preParams: null });
  assert.equal(workers.length, 5);
  workers[4]!.say({ did: "find", prime: prime(4) });
  const last = workers[5]!.heard[0]!;
  assert.deepEqual(last.do === "assemble" && last.primes, [1, 2, 3, 4].map(prime));
  workers[5]!.say({ did: "assemble", preParams: prime(9) });
  assert.deepEqual(await run.result, prime(9));
});

Deno.test("PreParamsMaker.pause() ends the threads and resume() keeps the primes found", () => {
  const { maker, workers } = setUp();
  const told: number[] = [];
  maker.make((found) => told.push(found));
  workers[0]!.say({ did: "find", prime: prime(0) });
  maker.pause();
  assert.equal(stopWord(workers[0]!)[0], 1, "ending a worker does not interrupt it: the word does");
  maker.pause();
  assert.ok(workers.every((w) => w.terminated));
  maker.resume();
  maker.resume();
  assert.equal(workers.length, 4);
  workers[2]!.say({ did: "find", prime: prime(1) });
  assert.deepEqual(told, [1, 2]);
});

Deno.test("PreParamsMaker starts nothing while it is paused", () => {
  const { maker, workers } = setUp();
  maker.pause();
  maker.make();
  assert.equal(workers.length, 0);
  maker.resume();
  assert.equal(workers.length, 2);
});

Deno.test("PreParamsMaker.pause() lets a set be put together, and none be begun after it", () => {
  const { maker, workers } = setUp();
  maker.make();
  for (let n = 0; n < 4; n++) workers[0]!.say({ did: "find", prime: prime(n) });
  maker.pause();
  assert.ok(!workers[2]!.terminated);
  workers[2]!.say({ did: "assemble", preParams: null });
  assert.equal(workers.length, 3);
  maker.resume();
  assert.equal(workers.length, 5);
});

Deno.test("PreParamsMaker can be cancelled and used again", async () => {
  const { maker, workers } = setUp();
  const run = maker.make();
  run.cancel();
  run.cancel();
  await assert.rejects(run.result, (e) => e instanceof PreParamsError && e.code === "TF-CANCELLED");
  assert.ok(workers.every((w) => w.terminated));
  maker.make();
  assert.equal(workers.length, 4);
});

Deno.test("PreParamsMaker fails when a worker crashes or fails, and leaves no thread behind", async () => {
  for (const how of ["crash", "fail"] as const) {
    const { maker, workers } = setUp();
    const run = maker.make();
    if (how === "crash") workers[1]!.crash();
    else {
      const failure = { code: "TF-INTERNAL", reason: "x", round: 0, culprits: [] } as const;
      workers[1]!.say({ did: "fail", ...failure });
    }
    await assert.rejects(
      run.result,
      (e) => e instanceof PreParamsError && e.code === "TF-INTERNAL",
    );
    assert.ok(workers.every((w) => w.terminated));
  }
});

Deno.test("PreParamsMaker makes real pre-parameters in permissionless workers", async () => {
  const maker = new PreParamsMaker({
    workers: await loadWorkers(),
    storeKey,
    log: collectingLogger(),
  });
  let tested = 0;
  const sealed = await maker.make((_found, _of, candidates) => tested = candidates).result;
  const set = parsePreParams(parseJson(openStoreFile(storeKey, PREPARAMS_STORE_ID, sealed)));
  assert.equal(set.nTilde.toString(2).length, 2048);
  assert.equal(set.paillier.n.toString(2).length, 2048);
  assert.ok(tested > 0);
});
