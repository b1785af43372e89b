import assert from "node:assert/strict";
import { EarlyBuffer } from "../../lib/ceremony/early_buffer.ts";
import { defaultLimits } from "../../lib/ceremony/limits.ts";
import type { Identity } from "../../lib/crypto/identity.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const who = (n: number) => n.toString(16).padStart(40, "0") as Identity;
const A = who(1), B = who(2);

function buffer(limits: Partial<typeof defaultLimits> = {}) {
  const clock = new VirtualClock();
  return { clock, early: new EarlyBuffer<string>(clock, { ...defaultLimits, ...limits }) };
}

Deno.test("EarlyBuffer.take() gives a ceremony's messages once, in order of arrival", () => {
  const { early } = buffer();
  early.put("x", A, 1, "first");
  early.put("y", A, 1, "other");
  early.put("x", B, 1, "second");
  assert.deepEqual(early.take("x"), ["first", "second"]);
  assert.deepEqual(early.take("x"), []);
  assert.deepEqual(early.take("y"), ["other"]);
  assert.equal(early.bytes, 0);
});

Deno.test("EarlyBuffer forgets messages after a minute, even if nobody asks", async () => {
  const { clock, early } = buffer();
  early.put("x", A, 10, "a");
  await clock.advance(30_000);
  early.put("x", A, 10, "b");
  await clock.advance(29_999);
  assert.equal(early.count, 2);
  await clock.advance(1);
  assert.equal(early.count, 1);
  assert.equal(clock.pending, 1);
  await clock.advance(30_000);
  assert.equal(clock.pending, 0);
  assert.deepEqual(early.take("x"), []);
});

Deno.test("EarlyBuffer bounds each sender by count and by bytes", () => {
  const { early } = buffer({ earlyMessagesPerSender: 2, earlyBytesPerSender: 100 });
  assert.equal(early.put("x", A, 50, "a"), "kept");
  assert.equal(early.put("x", A, 51, "too many bytes"), "sender full");
  assert.equal(early.put("x", A, 50, "b"), "kept");
  assert.equal(early.put("x", A, 0, "too many"), "sender full");
  assert.equal(early.put("x", B, 50, "another sender"), "kept");
  assert.equal(early.bytes, 150);
});

Deno.test("EarlyBuffer makes room at the expense of whoever occupies most", () => {
  const { early } = buffer({ earlyBytes: 100 });
  early.put("x", B, 10, "honest");
  for (let i = 0; i < 9; i++) early.put("flood", A, 10, `flood ${i}`);
  early.put("x", B, 10, "honest too");
  assert.equal(early.bytes, 100);
  assert.deepEqual(early.take("x"), ["honest", "honest too"]);
  assert.equal(early.take("flood")[0], "flood 1");
});

Deno.test("EarlyBuffer bounds the number of messages of many senders", () => {
  const { early } = buffer({ earlyMessages: 50 });
  for (let i = 0; i < 500; i++) early.put(`id ${i}`, who(i + 1), 1, "m");
  assert.equal(early.count, 50);
});

Deno.test("EarlyBuffer.clear() forgets everything and leaves no timer", () => {
  const { clock, early } = buffer();
  early.put("x", A, 1, "m");
  early.clear();
  assert.equal(early.count, 0);
  assert.equal(clock.pending, 0);
});

const same = (a: string, b: string) => a === b;

Deno.test("EarlyBuffer.hold() keeps what members sent, before and after, until the request's end", async () => {
  const clock = new VirtualClock();
  const early = new EarlyBuffer<string>(clock, defaultLimits, same);
  early.put("x", A, 10, "before");
  early.put("x", B, 10, "no member");
  early.put("y", A, 10, "another ceremony");
  early.hold("x", [A], clock.now() + 600_000);
  await clock.advance(50_000);
  early.put("x", A, 10, "after");
  early.put("x", A, 10, "after");
  await clock.advance(500_000);
  assert.deepEqual(early.take("x"), ["before", "after"]);
  assert.deepEqual(early.take("y"), []);
  assert.equal(early.bytes, 0);
  assert.equal(clock.pending, 0);
});

Deno.test("EarlyBuffer.hold() ends by itself and by release(), and lets go of everything", async () => {
  const clock = new VirtualClock();
  const early = new EarlyBuffer<string>(clock, defaultLimits, same);
  early.hold("x", [A], clock.now() + 100_000);
  early.put("x", A, 10, "a");
  await clock.advance(100_000);
  assert.equal(early.count, 0);
  early.put("x", A, 10, "a");
  await clock.advance(60_000);
  assert.equal(early.count, 0);
  early.hold("z", [A], clock.now() + 100_000);
  early.put("z", A, 10, "a");
  early.release("z");
  early.release("unknown");
  assert.equal(early.bytes, 0);
  assert.equal(clock.pending, 0);
});

Deno.test("EarlyBuffer.hold() is bounded, and takes nothing from a sender's share of others", () => {
  const clock = new VirtualClock();
  const limits = { ...defaultLimits, earlyMessagesPerSender: 2, earlyMessages: 7 };
  const early = new EarlyBuffer<string>(clock, limits, same);
  for (const id of ["x", "y"]) early.hold(id, [A, B], clock.now() + 100_000);
  for (const id of ["x", "y", "unknown"]) {
    assert.equal(early.put(id, A, 10, "1"), "kept");
    assert.equal(early.put(id, A, 10, "2"), "kept");
    assert.equal(early.put(id, A, 10, "3"), "sender full");
  }
  early.put("x", B, 10, "1");
  early.put("y", B, 10, "1");
  // Seven in all: the heaviest sender made room.
  assert.equal(early.count, 7);
  assert.deepEqual(early.take("x"), ["2", "1"]);
  assert.equal(early.bytes, 50);
});
