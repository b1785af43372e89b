import assert from "node:assert/strict";
import { PreParamsError, PreParamsMaker } from "../../lib/ceremony/preparams_maker.ts";
import { PrimeSearch } from "../../lib/ceremony/prime_search.ts";
import type { FromWorker } from "../../lib/ceremony/protocol.ts";
import { systemRandom } from "../../lib/arith/random.ts";
import { SearchWord } from "../../lib/ceremony/search_word.ts";
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

/** The word that steers a searching worker. */
function wordOf(worker: { readonly heard: readonly unknown[] }): SearchWord {
  const { word } = worker.heard.at(-1) as { word: SharedArrayBuffer };
  return new SearchWord(word);
}

const searching = (word: SearchWord) => ({ do: "search", storeKey, word: word.buffer });

Deno.test("SearchWord lets a search go on, sleep and end; the end is for ever", async () => {
  const word = new SearchWord();
  assert(word.look());
  word.pause();
  word.resume();
  assert(word.look());
  // A thread that sleeps in look() wakes up when another one says so.
  const file = new URL("../../lib/ceremony/search_word.ts", import.meta.url);
  const source = `import { SearchWord } from "${file}";
    onmessage = ({ data }) => postMessage(new SearchWord(data).look());`;
  word.pause();
  const worker = new Worker(
    URL.createObjectURL(new Blob([source], { type: "text/javascript" })),
    { type: "module" },
  );
  const woken = new Promise((resolve) => worker.onmessage = (event) => resolve(event.data));
  worker.postMessage(word.buffer);
  // Long enough for the thread to fall asleep; the outcome is the same if it has not.
  await new Promise((resolve) => setTimeout(resolve, 50));
  word.stop();
  assert.equal(await woken, false);
  worker.terminate();
  word.pause();
  word.resume();
  assert(!word.look());
});

Deno.test("PrimeSearch stops searching when its word says so", () => {
  const posted: FromWorker[] = [];
  const word = new SearchWord();
  word.stop();
  new PrimeSearch(new Uint8Array(32), systemRandom, (m) => posted.push(m)).search(word);
  assert.deepEqual(posted, [], "it looks at the word before anything else");
});

Deno.test("PreParamsMaker collects four primes of two workers; the last one puts them together", async () => {
  const { maker, workers } = setUp();
  const told: number[][] = [];
  const run = maker.make((...numbers) => told.push(numbers));
  assert.throws(() => maker.make(), RangeError);
  const word = wordOf(workers[0]!);
  assert.deepEqual(workers.map((w) => w.heard), [[searching(word)], [searching(word)]]);
  assert(word.look());
  workers[0]!.say({ did: "load", version: "x" });
  workers[0]!.say({ did: "test", candidates: 100 });
  workers[1]!.say({ did: "test", candidates: 50 });
  for (let n = 0; n < 4; n++) workers[n % 2]!.say({ did: "find", prime: prime(n) });
  assert(!word.look(), "the searching thread is told to stop");
  assert.deepEqual(told.at(-1), [4, 4, 150]);
  assert(workers[0]!.terminated && !workers[1]!.terminated);
  assert.deepEqual(workers[0]!.heard, [searching(word), searching(word), searching(word)]);
  assert.deepEqual(workers[1]!.heard, [
    searching(word),
    searching(word),
    { do: "assemble", storeKey, primes: [0, 1, 2, 3].map(prime) },
  ]);
  assert.equal(workers.length, 2);
  workers[1]!.say({ did: "assemble", preParams: prime(9) });
  assert.deepEqual(await run.result, prime(9));
  assert.ok(workers.every((w) => w.terminated));
  maker.make().cancel();
});

Deno.test("PreParamsMaker searches another prime when the four do not fit", async () => {
  const { maker, workers } = setUp();
  const run = maker.make();
  for (let n = 0; n < 4; n++) workers[0]!.say({ did: "find", prime: prime(n) });
  workers[0]!.say({ did: "assemble", preParams: null });
  assert.equal(workers.length, 3);
  assert(wordOf(workers[0]!).look() && wordOf(workers[2]!).look());
  workers[2]!.say({ did: "find", prime: prime(4) });
  const last = workers[2]!.heard.at(-1)!;
  assert.deepEqual(last.do === "assemble" && last.primes, [1, 2, 3, 4].map(prime));
  workers[2]!.say({ did: "assemble", preParams: prime(9) });
  assert.deepEqual(await run.result, prime(9));
});

Deno.test("PreParamsMaker.pause() lets the threads sleep and resume() wakes them up", () => {
  const { maker, workers } = setUp();
  const told: number[] = [];
  const run = maker.make((found) => told.push(found));
  workers[0]!.say({ did: "find", prime: prime(0) });
  const state = () =>
    new Int32Array((workers[0]!.heard.at(-1) as { word: SharedArrayBuffer }).word)[0];
  maker.pause();
  maker.pause();
  assert.equal(state(), 2);
  assert.ok(workers.every((w) => !w.terminated));
  maker.resume();
  maker.resume();
  assert.equal(state(), 0);
  assert.equal(workers.length, 2);
  workers[1]!.say({ did: "find", prime: prime(1) });
  assert.deepEqual(told, [1, 2]);
  maker.pause();
  run.cancel();
  assert.equal(state(), 1, "threads that sleep are told to end");
  assert.ok(workers.every((w) => w.terminated));
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
  assert.ok(!workers[0]!.terminated);
  workers[0]!.say({ did: "assemble", preParams: null });
  assert.equal(workers.length, 2);
  const { word } = workers[0]!.heard.at(-1) as { word: SharedArrayBuffer };
  assert.equal(new Int32Array(word)[0], 2, "it sleeps at once");
  maker.resume();
  assert.equal(new Int32Array(word)[0], 0);
  assert.equal(workers.length, 3);
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
