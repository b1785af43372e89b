/** Comparing the links of records. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Identity, parseIdentity } from "../../lib/crypto/identity.ts";
import { hasSameLinks, isSameList, linksOf } from "../../lib/mesh/known_records.ts";
import { PeerTable } from "../../lib/mesh/peer_table.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const id = (n: number) => parseIdentity(n.toString(16).padStart(40, "0"));
const lists: fc.Arbitrary<Identity[]> = fc.array(fc.constantFrom(id(1), id(2), id(3)), {
  maxLength: 4,
});

Deno.test("hasSameLinks() says what comparing sorted texts says, whatever the order", () => {
  const sorted = (sessions: readonly Identity[]) => [...sessions].sort().join();
  fc.assert(
    fc.property(lists, lists, fc.boolean(), (a, b, known) => {
      // Some lists have their text already, others have not.
      if (known) assert.equal(linksOf({ sessions: a }), sorted(a));
      assert.equal(hasSameLinks({ sessions: a }, { sessions: b }), sorted(a) === sorted(b));
      assert.equal(isSameList(a, b), a.join() === b.join());
      assert(hasSameLinks({ sessions: a }, { sessions: [...a].reverse() }));
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("PeerTable keeps the list of sessions of a record that tells the same again, and no other", () => {
  const clock = new VirtualClock();
  const table = new PeerTable(clock, id(9));
  const report = (sessions: Identity[]) => ({
    identity: id(1),
    address: "",
    nacl: new Uint8Array(32).fill(1),
    lastSeen: Math.floor(clock.now() / 1000),
    sessions,
  });
  table.hear(report([id(2), id(3)]), id(1));
  const first = table.get(id(1))!.sessions;
  assert.equal(table.hear(report([id(2), id(3)]), id(1)), "refreshed");
  assert.equal(table.get(id(1))!.sessions, first);
  assert.equal(table.hear(report([id(3), id(2)]), id(1)), "refreshed");
  assert.deepEqual(table.get(id(1))!.sessions, [id(3), id(2)]);
  assert.deepEqual(first, [id(2), id(3)], "a list that was given out never changes");
});
