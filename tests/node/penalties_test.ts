import assert from "node:assert/strict";
import fc from "fast-check";
import type { Identity } from "../../lib/crypto/identity.ts";
import {
  AVOIDED_FROM,
  HALF_LIFE,
  MAX_POINTS,
  type Offence,
  OFFENCES,
  PenaltyBook,
} from "../../lib/node/penalties.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const id = (n: number) => n.toString(16).padStart(40, "0") as Identity;

Deno.test("PenaltyBook avoids who failed for some minutes, worse offences longer", async () => {
  const clock = new VirtualClock();
  const book = new PenaltyBook(clock);
  book.note(id(1), "silent");
  book.note(id(2), "invalid");
  assert.deepEqual(book.list().map((p) => [p.identity, p.offence]), [[id(2), "invalid"], [
    id(1),
    "silent",
  ]]);
  assert.equal(book.weight(id(3)), 0);
  const [worst, other] = book.list();
  assert.equal(other!.until, clock.now() + HALF_LIFE);
  assert.equal(worst!.until, clock.now() + 3 * HALF_LIFE);
  await clock.advance(HALF_LIFE + 1);
  assert.equal(book.weight(id(1)), 0);
  assert.deepEqual(book.list().map((p) => p.identity), [id(2)]);
  await clock.advance(2 * HALF_LIFE);
  assert.deepEqual(book.list(), []);
});

Deno.test("PenaltyBook forgives by half when a ceremony goes well", () => {
  const book = new PenaltyBook(new VirtualClock());
  book.note(id(1), "invalid");
  book.forgive([id(1), id(2)]);
  assert.equal(book.weight(id(1)), OFFENCES.invalid / 2);
  book.forgive([id(1)]);
  book.forgive([id(1)]);
  assert.equal(book.weight(id(1)), AVOIDED_FROM);
  book.forgive([id(1)]);
  assert.equal(book.weight(id(1)), 0);
});

Deno.test("PenaltyBook is bounded in points, time and members", async () => {
  const offences = fc.constantFrom<Offence>("silent", "offline", "invalid");
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(5), offences, fc.nat(1e6))), async (notes) => {
      const clock = new VirtualClock();
      const book = new PenaltyBook(clock);
      for (const [who, offence, ms] of notes) {
        book.note(id(who), offence);
        await clock.advance(ms);
      }
      for (const { points, until } of book.list()) {
        assert(points >= AVOIDED_FROM && points <= MAX_POINTS);
        assert(until > clock.now() && until <= clock.now() + 4 * HALF_LIFE);
      }
    }),
    { numRuns: 20 },
  );
  const book = new PenaltyBook(new VirtualClock());
  book.note(id(1), "invalid");
  for (let n = 2; n < 3_000; n++) book.note(id(n), "silent");
  assert.equal(book.list().length, 1_024);
  assert.equal(book.list()[0]!.identity, id(1));
});
