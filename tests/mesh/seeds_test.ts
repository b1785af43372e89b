/**
 * Seeds: how the first peers are found.
 */
import assert from "node:assert/strict";
import type { DialOutcome } from "../../lib/mesh/dialer.ts";
import { SEED_LOOKUPS } from "../../lib/mesh/limits.ts";
import type { Resolver } from "../../lib/mesh/resolver.ts";
import { Seeds } from "../../lib/mesh/seeds.ts";
import { collectingLogger } from "../../lib/observe/logger.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

/** Seeds whose dials always fail until `sessions` is set. */
function setUp(seeds: string[], byName: boolean, addresses: Resolver["addresses"]) {
  const clock = new VirtualClock();
  const log = collectingLogger();
  const dials: string[] = [];
  const state = { sessions: 0 };
  const resolver: Resolver = {
    addresses,
    txt: () => Promise.resolve([]),
    names: () => Promise.resolve([]),
  };
  const room = new Seeds({
    seeds,
    byName,
    resolver,
    clock,
    random: seededRandom("seeds"),
    log,
    sessions: () => state.sessions,
    dial: (address, at) => {
      dials.push(at === null ? address : `${address} at ${at}`);
      return Promise.resolve<DialOutcome>({ kind: "failed", reason: "test" });
    },
  });
  return { clock, log, dials, state, room };
}

Deno.test("Seeds dials every address of every name, by address or by name", async () => {
  const addresses = () => Promise.resolve(["10.0.0.1", "2001:db8::1"]);
  const plain = setUp(["seed.test:45067", "10.0.0.9:1"], false, addresses);
  plain.room.start();
  await plain.clock.settle();
  assert.deepEqual(plain.dials, ["10.0.0.9:1", "10.0.0.1:45067", "[2001:db8::1]:45067"]);
  plain.room.stop();
  const named = setUp(["seed.test:45067"], true, addresses);
  named.room.start();
  await named.clock.settle();
  assert.deepEqual(named.dials, [
    "seed.test:45067 at 10.0.0.1",
    "seed.test:45067 at 2001:db8::1",
  ]);
  named.room.stop();
});

Deno.test("Seeds gives all look-ups together 15 s, then dials what was found", async () => {
  const { clock, dials, room, log } = setUp(
    ["slow.test:1", "10.0.0.9:1"],
    false,
    () => new Promise(() => {}),
  );
  room.start();
  await clock.advance(SEED_LOOKUPS - 1);
  assert.deepEqual(dials, []);
  await clock.advance(1);
  assert.deepEqual(dials, ["10.0.0.9:1"]);
  assert.ok(log.lines.some((line) => /not all seeds/.test(line.message)));
  room.stop();
});

Deno.test("Seeds asks again at growing distances while there is no session, and then no more", async () => {
  const { clock, dials, state, room } = setUp(["10.0.0.9:1"], false, () => Promise.resolve([]));
  room.start();
  await clock.advance(600_000);
  assert.ok(dials.length >= 6 && dials.length <= 14, `${dials.length} dials in ten minutes`);
  state.sessions = 1;
  await clock.advance(200_000);
  const before = dials.length;
  await clock.advance(600_000);
  assert.equal(dials.length, before);
  // Alone again: seeds are asked again.
  state.sessions = 0;
  await clock.advance(120_000);
  assert.ok(dials.length > before);
  room.stop();
  assert.equal(clock.pending, 0);
});

Deno.test("Seeds falls back to the name itself where the DNS knows none, and says so", async () => {
  const { clock, dials, room, log } = setUp(["localhost:1"], false, () => Promise.resolve([]));
  room.start();
  await clock.settle();
  assert.deepEqual(dials, ["localhost:1"]);
  assert.ok(log.lines.some((line) => line.level === "warn"));
  room.stop();
});
