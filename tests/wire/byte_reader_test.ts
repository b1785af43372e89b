import assert from "node:assert/strict";
import fc from "fast-check";
import { systemRandom } from "../../lib/arith/random.ts";
import { toHex, utf8 } from "../../lib/encoding/bytes.ts";
import { ByteReader } from "../../lib/mesh/byte_reader.ts";
import { systemClock, withDeadline } from "../../lib/mesh/clock.ts";
import { WireError } from "../../lib/mesh/errors.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

/** A stream that delivers `bytes` in pieces of the given sizes, then ends. */
function stream(bytes: Uint8Array, sizes: readonly number[]) {
  let at = 0, turn = 0;
  return {
    read(into: Uint8Array): Promise<number | null> {
      if (at === bytes.length) return Promise.resolve(null);
      const size = sizes[turn++ % sizes.length]!;
      const part = bytes.subarray(at, at + Math.min(size, into.length));
      into.set(part);
      at += part.length;
      return Promise.resolve(part.length);
    },
  };
}

Deno.test("ByteReader.exactly() gives the stream's bytes in order, however they arrive", async () => {
  const content = systemRandom(120_000);
  const sizes = fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 8 });
  const wants = fc.array(fc.integer({ min: 1, max: 30_000 }), { minLength: 1, maxLength: 12 });
  await fc.assert(fc.asyncProperty(sizes, wants, async (pieces, lengths) => {
    const reader = new ByteReader(stream(content, pieces));
    let at = 0;
    for (const length of lengths) {
      if (at + length > content.length) break;
      const got = await reader.exactly(length);
      assert.equal(toHex(got), toHex(content.subarray(at, at + length)));
      at += length;
    }
  }));
});

Deno.test("ByteReader.line() stops at the newline and keeps the rest", async () => {
  for (const sizes of [[1], [3], [1000]]) {
    const reader = new ByteReader(stream(utf8("one\n\ntwo\nrest"), sizes));
    assert.deepEqual(await reader.line(4), utf8("one"));
    assert.deepEqual(await reader.line(4), utf8(""));
    assert.deepEqual(await reader.line(4), utf8("two"));
    assert.deepEqual(await reader.exactly(4), utf8("rest"));
    await assert.rejects(reader.exactly(1), WireError);
    const long = new ByteReader(stream(utf8("four\n"), sizes));
    await assert.rejects(
      long.line(4),
      (error) => error instanceof WireError && error.kind === "key-exchange",
    );
    await assert.rejects(new ByteReader(stream(utf8("cut"), sizes)).line(10), WireError);
  }
});

Deno.test("withDeadline() passes results and failures on and disarms its timer", async () => {
  const clock = new VirtualClock();
  const late = () => new Error("late");
  assert.equal(await withDeadline(clock, 10, () => Promise.resolve(1), late), 1);
  await assert.rejects(
    withDeadline(clock, 10, () => Promise.reject(new Error("own")), late),
    /own/,
  );
  assert.equal(clock.pending, 0);
  const waiting = assert.rejects(
    withDeadline(clock, 10, () => new Promise(() => {}), late),
    /late/,
  );
  await clock.advance(10);
  await waiting;
});

Deno.test("systemClock tells the time and cancels timers", () => {
  const before = Date.now();
  assert.ok(systemClock.now() >= before);
  systemClock.setTimer(0, () => assert.fail("canceled timers do not fire"))();
});
