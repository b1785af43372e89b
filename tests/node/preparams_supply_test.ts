import assert from "node:assert/strict";
import { PreParamsSupply } from "../../lib/node/preparams_supply.ts";
import { silentLogger } from "../../lib/observe/logger.ts";

Deno.test("state() tells the rate of a search, and its end once a prime is found", async () => {
  let now = 5_000;
  let tell: (found: number, of: number, candidates: number) => void = () => {};
  const done = Promise.withResolvers<Uint8Array>();
  const stored: Uint8Array[] = [];
  const supply = new PreParamsSupply({
    make: (onProgress) => {
      tell = onProgress;
      return { result: done.promise, cancel: () => done.reject(new Error("cancelled")) };
    },
    count: () => Promise.resolve(stored.length),
    put: (sealed) => {
      stored.push(sealed);
      return Promise.resolve();
    },
    takeStored: () => Promise.resolve(null),
    log: silentLogger,
    now: () => now,
    target: 1,
  });
  await supply.start();
  assert.deepEqual(supply.state(), { ready: 0, making: true, found: 0, of: 4 });
  now += 2_000;
  tell(0, 4, 500);
  assert.deepEqual(supply.state(), { ready: 0, making: true, found: 0, of: 4, per_second: 250 });
  now += 4_000;
  tell(1, 4, 1_200);
  assert.deepEqual(supply.state(), {
    ready: 0,
    making: true,
    found: 1,
    of: 4,
    per_second: 200,
    left_ms: 18_000,
  });
  done.resolve(new Uint8Array(1));
  await done.promise;
  for (let i = 0; i < 10 && supply.state().making; i++) await Promise.resolve();
  const { per_second, left_ms, ready } = supply.state();
  assert.deepEqual([ready, per_second, left_ms], [1, undefined, undefined]);
  supply.stop();
});
