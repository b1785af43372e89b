/**
 * Drawn committees: the same for everybody with the same list, and uniform.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Identity } from "../../lib/crypto/identity.ts";
import { electCommittee } from "../../lib/mesh/election.ts";
import { elect, electWith } from "../../lib/node/admin/election.ts";
import { seededRandom } from "../support/seeded_random.ts";

const id = (n: number) => n.toString(16).padStart(40, "0") as Identity;

const lists = fc.uniqueArray(fc.integer({ min: 1, max: 1 << 30 }), { minLength: 2, maxLength: 40 })
  .map((numbers) => numbers.map(id));

Deno.test("electCommittee() gives every node with the same list the same committee", () => {
  fc.assert(fc.property(lists, fc.uint8Array({ maxLength: 40 }), fc.nat(), (list, seed, n) => {
    const size = 1 + n % list.length;
    const committee = electCommittee(seed, list, size);
    // Whatever order a node happens to know the others in.
    assert.deepEqual(electCommittee(seed, [...list].reverse(), size), committee);
    assert.deepEqual(electCommittee(seed, [...list].sort(), size), committee);
    assert.equal(new Set(committee).size, size);
    assert.ok(committee.every((member) => list.includes(member)));
    // A smaller committee of the same seed is the beginning of a larger one.
    assert.deepEqual(electCommittee(seed, list, 1), committee.slice(0, 1));
  }));
});

Deno.test("electCommittee() chooses every member and every coordinator equally often", () => {
  const list = Array.from({ length: 7 }, (_, i) => id(i + 1));
  const random = seededRandom("election");
  const draws = 7_000;
  const member = new Map<Identity, number>(), coordinator = new Map<Identity, number>();
  const pairs = new Map<string, number>();
  for (let i = 0; i < draws; i++) {
    const committee = electCommittee(random(32), list, 3);
    coordinator.set(committee[0]!, (coordinator.get(committee[0]!) ?? 0) + 1);
    for (const m of committee) member.set(m, (member.get(m) ?? 0) + 1);
    const pair = [...committee].sort().join();
    pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
  }
  // Chi-square against equal shares; the bounds are the 99.99 % points.
  const chi = (counts: Map<unknown, number>, cells: number, total: number) => {
    assert.equal(counts.size, cells);
    const expected = total / cells;
    return [...counts.values()].reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  };
  assert.ok(chi(coordinator, 7, draws) < 27.9);
  assert.ok(chi(member, 7, 3 * draws) < 27.9);
  assert.ok(chi(pairs, 35, draws) < 73.5);
});

Deno.test("electWith() draws ids until this node is in, and anybody can check the draw", () => {
  fc.assert(fc.property(lists, fc.string(), fc.nat(), fc.nat(), (list, label, n, k) => {
    const self = list[k % list.length]!;
    const size = 1 + n % list.length;
    const { id: seed, committee } = electWith(self, list, size, seededRandom(label));
    assert.ok(committee.includes(self));
    assert.deepEqual(electCommittee(seed, list, size), committee);
    const other = elect(list, size, seededRandom(label));
    assert.deepEqual(electCommittee(other.id, list, size), other.committee);
  }));
  assert.throws(() => electWith(id(9), [id(1), id(2)], 1, seededRandom("x")), RangeError);
  assert.throws(() => electWith(id(1), [id(1), id(2)], 3, seededRandom("x")), RangeError);
});

Deno.test("electWith() is uniform among the committees that contain this node", () => {
  const list = Array.from({ length: 5 }, (_, i) => id(i + 1));
  const random = seededRandom("with");
  const counts = new Map<string, number>();
  for (let i = 0; i < 3_000; i++) {
    const { committee } = electWith(id(3), list, 3, random);
    const key = [...committee].sort().join();
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  assert.equal(counts.size, 6);
  const chi = [...counts.values()].reduce((sum, n) => sum + (n - 500) ** 2 / 500, 0);
  assert.ok(chi < 25.7, `${chi}`);
});
