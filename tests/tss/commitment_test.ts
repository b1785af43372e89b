import assert from "node:assert/strict";
import { commit, openCommitment } from "../../lib/tss/commitment.ts";
import { checkInt, checkIntList } from "../../lib/tss/fields.ts";
import { obj, testCases } from "./core_vectors.ts";
import { seededRandom } from "../support/seeded_random.ts";

testCases("commitment", (_inputs, json) => {
  const proof = obj(json);
  const C = checkInt(proof.get("C"), "C", { min: 1n, bits: 256 });
  const D = checkIntList(proof.get("D"), "D", { minLength: 2 });
  return openCommitment(C, D) !== null;
});

// Specification section 5: r = 5, secrets 7, 0, 9.
const C = 0xddffdc4ed190dcd13e660432d1f40bd2c13bcbf6fd658e1031384b8dd2d975aen;

Deno.test("openCommitment() opens the specification's example", () => {
  assert.deepEqual(openCommitment(C, [5n, 7n, 0n, 9n]), [7n, 0n, 9n]);
});

Deno.test("openCommitment() gives null for every other opening", () => {
  for (
    const D of [
      [],
      [5n],
      [5n, 7n, 9n],
      [5n, 7n, 0n, 0n, 9n],
      [5n, 0n, 7n, 9n],
      [5n, -7n, 0n, 9n],
      [-5n, 7n, 0n, 9n],
      [6n, 7n, 0n, 9n],
    ]
  ) assert.equal(openCommitment(C, D), null);
  assert.equal(openCommitment(-C, [5n, 7n, 0n, 9n]), null);
});

Deno.test("commit() makes what openCommitment() opens, with fresh blinding", () => {
  const random = seededRandom("commit");
  const first = commit([1n, 0n, 3n], random);
  const second = commit([1n, 0n, 3n], random);
  assert.deepEqual(openCommitment(first.C, first.D), [1n, 0n, 3n]);
  assert.deepEqual(openCommitment(second.C, second.D), [1n, 0n, 3n]);
  assert.notEqual(first.D[0], second.D[0]);
  assert.notEqual(first.C, second.C);
  assert.equal(openCommitment(first.C, second.D), null);
});

Deno.test("commit() refuses a negative value", () => {
  assert.throws(() => commit([1n, -1n], seededRandom("commit")), RangeError);
});
