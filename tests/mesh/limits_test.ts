/** The small parts: rate limits, duplicate cache, outbox, addresses. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { addressGroup, isLoopback } from "../../lib/mesh/acceptor.ts";
import { DuplicateCache } from "../../lib/mesh/duplicates.ts";
import { advertisedAddress, parseAddress } from "../../lib/mesh/entrance.ts";
import { EnvelopeGate } from "../../lib/mesh/envelopes.ts";
import { WireError } from "../../lib/mesh/errors.ts";
import { Outbox } from "../../lib/mesh/outbox.ts";
import { quietLogger } from "../../lib/mesh/quiet_logger.ts";
import { TokenBucket, WindowQuota } from "../../lib/mesh/rate_limit.ts";
import type { Session } from "../../lib/mesh/session.ts";
import { collectingLogger } from "../../lib/observe/logger.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { keyOf } from "./node_kit.ts";

Deno.test("TokenBucket.take() gives a burst, then the rate", async () => {
  const clock = new VirtualClock();
  const bucket = new TokenBucket(clock, 97, 199);
  const taken = () => {
    let n = 0;
    while (bucket.take()) n++;
    return n;
  };
  assert.equal(taken(), 199);
  await clock.advance(1_000);
  assert.equal(taken(), 97);
  await clock.advance(3_600_000);
  assert.equal(taken(), 199);
});

Deno.test("TokenBucket.debit() tells how long to wait until paid", async () => {
  const clock = new VirtualClock();
  const bucket = new TokenBucket(clock, 100, 2);
  assert.deepEqual([bucket.debit(), bucket.debit(), bucket.debit()], [0, 0, 10]);
  await clock.advance(10);
  assert.equal(bucket.debit(5), 50);
});

Deno.test("WindowQuota.take() counts per key and window, and forgets the oldest key", async () => {
  const clock = new VirtualClock();
  const quota = new WindowQuota(clock, 61_000, 2, 2);
  assert.deepEqual([quota.take("a"), quota.take("a"), quota.take("a")], [true, true, false]);
  assert.equal(quota.take("b"), true);
  await clock.advance(60_999);
  assert.equal(quota.take("a"), false);
  await clock.advance(1);
  assert.equal(quota.take("a"), true);
  assert.equal(quota.take("c"), true);
  assert.equal(quota.take("b"), true, "forgotten");
});

Deno.test("DuplicateCache.see() forgets after its life only", async () => {
  const clock = new VirtualClock();
  const cache = new DuplicateCache(clock, 67_000, 10, 10);
  assert.equal(cache.see("k", "s", 3), "new");
  await clock.advance(66_999);
  assert.equal(cache.see("k", "t", 3), "duplicate");
  assert.equal(cache.see("k", "t", 4), "farther");
  assert.equal(cache.has("k"), true);
  await clock.advance(1);
  assert.equal(cache.has("k"), false);
  assert.equal(cache.see("k", "s", 0), "new");
});

Deno.test("DuplicateCache.see() lets a source push out only its own keys", () => {
  const cache = new DuplicateCache(new VirtualClock(), 67_000, 100, 40);
  for (let i = 0; i < 10; i++) cache.see(`honest ${i}`, "honest");
  for (let i = 0; i < 1_000; i++) cache.see(`flood ${i}`, "mallory");
  for (let i = 0; i < 1_000; i++) cache.see(`flood b ${i}`, "mallory's friend");
  for (let i = 0; i < 1_000; i++) cache.see(`flood c ${i}`, `sybil ${i % 3}`);
  assert.ok(cache.size <= 100);
  for (let i = 0; i < 10; i++) assert.equal(cache.see(`honest ${i}`, "x"), "duplicate");
});

Deno.test("DuplicateCache stays within its bounds whatever comes", () => {
  fc.assert(fc.property(
    fc.array(fc.tuple(fc.nat(50), fc.nat(4), fc.nat(9))),
    (sights) => {
      const cache = new DuplicateCache(new VirtualClock(), 1_000, 20, 8);
      for (const [key, source, ttl] of sights) {
        const had = cache.has(String(key));
        const sight = cache.see(String(key), String(source), ttl);
        assert.equal(sight === "new", !had);
        assert.ok(cache.size <= 20);
        assert.equal(cache.see(String(key), "again", ttl), "duplicate");
      }
    },
  ));
});

/** An outbox whose writes are finished by hand. */
function slowOutbox() {
  const written: string[] = [];
  let finish: (() => void) | null = null;
  const failures: unknown[] = [];
  const outbox = new Outbox(
    (bytes) =>
      new Promise((resolve) => {
        written.push(String.fromCharCode(...bytes));
        finish = resolve;
      }),
    (error) => failures.push(error),
    {
      control: { bytes: 100, messages: 2 },
      own: { bytes: 10, messages: 5 },
      relay: { bytes: 10, messages: 5 },
    },
  );
  const bytes = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
  const next = async () => {
    finish?.();
    for (let i = 0; i < 5; i++) await null;
  };
  return { outbox, written, failures, bytes, next };
}

Deno.test("Outbox writes control first and lets own and relayed messages take turns", async () => {
  const { outbox, written, bytes, next } = slowOutbox();
  void outbox.push("own", bytes("a"));
  for (const b of ["b", "c"]) void outbox.push("own", bytes(b));
  for (const b of ["x", "y"]) void outbox.push("relay", bytes(b));
  void outbox.push("control", bytes("!"));
  for (let i = 0; i < 6; i++) await next();
  assert.equal(written.join(""), "a!xbyc");
});

Deno.test("Outbox refuses what a lane has no room for, without touching the others", async () => {
  const { outbox, bytes, next } = slowOutbox();
  const first = outbox.push("own", bytes("a"));
  assert.equal(await outbox.push("relay", bytes("x".repeat(11))), false);
  assert.equal(await Promise.race([outbox.push("own", bytes("1234567890")), null]), null);
  assert.equal(await outbox.push("own", bytes("b")), false);
  void outbox.push("relay", bytes("z"));
  await next();
  assert.equal(await first, true);
  assert.equal(outbox.waiting, 1);
});

Deno.test("Outbox goes on after a message that is too large and ends on any other failure", async () => {
  const failures: unknown[] = [];
  const outbox = new Outbox((bytes) => {
    if (bytes[0] === 1) return Promise.reject(new WireError("too-large", "too large"));
    if (bytes[0] === 2) return Promise.reject(new WireError("deadline", "slow"));
    return Promise.resolve();
  }, (error) => failures.push(error));
  const of = (n: number) => outbox.push("own", Uint8Array.of(n));
  const results = await Promise.all([of(0), of(1), of(0), of(2), of(0)]);
  assert.deepEqual(results, [true, false, true, false, false]);
  assert.equal(failures.length, 1);
  assert.equal(await of(0), false);
});

Deno.test("Outbox hands over as much as its pipeline holds, and the rest as it empties", async () => {
  const written: number[] = [];
  const finish: (() => void)[] = [];
  const outbox = new Outbox(
    (bytes) =>
      new Promise((resolve) => {
        written.push(bytes.length);
        finish.push(resolve);
      }),
    () => assert.fail("nothing fails"),
    undefined,
    10,
  );
  const sent = [4, 5, 6, 7].map((n) => outbox.push("own", new Uint8Array(n)));
  // The third one begins within the ten bytes; the fourth would begin beyond.
  assert.deepEqual(written, [4, 5, 6]);
  finish[0]!();
  assert.equal(await sent[0], true);
  assert.deepEqual(written, [4, 5, 6], "eleven bytes are still on their way");
  finish[1]!();
  assert.equal(await sent[1], true);
  assert.deepEqual(written, [4, 5, 6, 7]);
  assert.equal(outbox.waiting, 0);
});

Deno.test("addressGroup() puts one customer's addresses together", () => {
  const groups: [string, string][] = [
    ["10.1.2.3", "10.1.2.3"],
    ["127.0.0.1", "loopback"],
    ["::1", "loopback"],
    ["::ffff:127.0.0.9", "loopback"],
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:0db8:0001:0002::", "2001:db8:1:2::/64"],
    ["2001:db8::6", "2001:db8:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ];
  for (const [host, group] of groups) assert.equal(addressGroup(host), group, host);
});

Deno.test("isLoopback() is not fooled by names", () => {
  for (const host of ["127.0.0.1", "127.8.9.1", "::1", "::FFFF:127.0.0.1"]) {
    assert.equal(isLoopback(host), true, host);
  }
  for (
    const host of ["128.0.0.1", "127.0.0.1.example.org", "::2", "", "localhost", "::ffff:10.0.0.1"]
  ) {
    assert.equal(isLoopback(host), false, host);
  }
});

Deno.test("parseAddress() wants a host and a numeric port", () => {
  assert.deepEqual(parseAddress("a:1"), { host: "a", port: 1 });
  assert.deepEqual(parseAddress("[::1]:65535"), { host: "::1", port: 65535 });
  for (
    const bad of ["a", "a:", ":1", "a:0", "a:65536", "a:http", "::1:5", "a:1:2", "a:-1", "a: 1"]
  ) {
    assert.equal(parseAddress(bad), null, bad);
  }
});

Deno.test("advertisedAddress() never tells a wildcard", () => {
  const bound = { host: "10.0.0.1", port: 45067 };
  const wild = { host: "0.0.0.0", port: 45067 };
  assert.equal(advertisedAddress(bound, null), "10.0.0.1:45067");
  assert.equal(advertisedAddress(bound, "node.example"), "node.example:45067");
  assert.equal(advertisedAddress(bound, "node.example:99"), "node.example:99");
  assert.equal(advertisedAddress(wild, null), "");
  assert.equal(advertisedAddress({ host: "::", port: 1 }, null), "");
  assert.equal(advertisedAddress(wild, "node.example"), "node.example:45067");
  assert.equal(advertisedAddress({ host: "::1", port: 5 }, null), "[::1]:5");
  assert.equal(advertisedAddress(null, null), "");
});

Deno.test("quietLogger() counts what it leaves out and never hides an error", async () => {
  const clock = new VirtualClock();
  const lines = collectingLogger();
  const log = quietLogger(lines, clock);
  for (let i = 0; i < 1_000; i++) {
    log.child("sub").warn("peer refused", { i });
    log.error("broken");
  }
  log.info("something else");
  assert.equal(lines.lines.filter((l) => l.message === "peer refused").length, 60);
  assert.equal(lines.lines.filter((l) => l.message === "broken").length, 1_000);
  assert.ok(lines.has("info", "something else"));
  await clock.advance(1_000);
  log.warn("peer refused", { i: -1 });
  assert.deepEqual(lines.lines.at(-1)!.fields, { i: -1, suppressed: 940 });
});

const MALLORY = keyOf("mallory").identity;

Deno.test("EnvelopeGate.charge() pauses a flood, then drops it until there is room again", async () => {
  const clock = new VirtualClock();
  const gate = new EnvelopeGate(clock, keyOf("node"));
  const flood = {} as Session;
  let paused = 0, dropped = 0;
  for (let i = 0; i < 1_000; i++) assert.equal(gate.charge(flood, MALLORY), 0);
  for (let i = 0; i < 2_000; i++) {
    const pause = gate.charge(flood, MALLORY);
    if (pause === null) dropped++;
    else {
      paused += pause;
      await clock.advance(pause);
    }
  }
  assert.ok(paused >= 3_000 && paused < 4_000, `${paused} ms of pauses`);
  assert.ok(dropped > 1_000);
  assert.equal(gate.rateDropped, dropped);
  assert.equal(gate.charge({} as Session, MALLORY), 0, "another session is not concerned");
  await clock.advance(2_600);
  assert.equal(gate.charge(flood, MALLORY), 0);
});

Deno.test("Outbox lets the sources of relayed messages take turns", async () => {
  const { outbox, written, bytes, next } = slowOutbox();
  void outbox.push("relay", bytes("a"), "flood");
  for (const b of ["b", "c", "d"]) void outbox.push("relay", bytes(b), "flood");
  void outbox.push("relay", bytes("x"), "quiet");
  for (let i = 0; i < 5; i++) await next();
  assert.equal(written.join(""), "abxcd");
});

Deno.test("Outbox makes room for a quiet source at the cost of the one that floods", async () => {
  const { outbox, written, bytes, next } = slowOutbox();
  void outbox.push("relay", bytes("a"), "flood");
  const flood = ["b", "c", "d", "e", "f"].map((b) => outbox.push("relay", bytes(b), "flood"));
  assert.equal(await outbox.push("relay", bytes("g"), "flood"), false);
  const quiet = outbox.push("relay", bytes("xyz"), "quiet");
  assert.equal(await flood[4], false, "its newest went");
  for (let i = 0; i < 7; i++) await next();
  assert.equal(await quiet, true);
  assert.equal(written.join(""), "abxyzcde");
  assert.equal(outbox.waiting, 0);
});
