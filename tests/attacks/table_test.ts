import assert from "node:assert/strict";
import { countStates, readTable, testNames } from "./table.ts";

const rows = readTable();

/** How many rows each source has. */
const EXPECTED: readonly [prefix: string, rows: number][] = [
  ["mesh-", 35],
  ["core-", 14],
  ["keygen-", 10],
  ["signing-", 10],
  ["resharing-", 10],
  ["eddsa-", 13],
  ["A", 16],
  ["B", 12],
  ["C", 13],
  ["D", 7],
  ["E", 11],
  ["F", 12],
  ["G", 11],
  // No published list has these: attacks on a page that only this program has.
  ["S", 2],
  // Nor these: attacks on questions that only nodes of this program ask.
  ["T", 3],
];

Deno.test("docs/SECURITY.md has one row for every weakness and every published attack", () => {
  const wanted = EXPECTED.flatMap(([prefix, n]) =>
    Array.from({ length: n }, (_, i) => `${prefix}${i + 1}`)
  );
  assert.deepEqual(rows.map((row) => row.id), wanted);
});

Deno.test("docs/SECURITY.md names only tests that exist", () => {
  const names = new Map<string, Set<string>>();
  const missing: string[] = [];
  for (const { id, tests } of rows) {
    for (const { file, name } of tests) {
      if (!names.has(file)) names.set(file, testNames(file));
      if (!names.get(file)!.has(name)) missing.push(`${id}: ${file} › ${name}`);
    }
  }
  assert.deepEqual(missing, []);
});

Deno.test("docs/SECURITY.md calls a row tested only with a test, and open only with a reason", () => {
  for (const { id, state, what, does, tests } of rows) {
    assert.ok(what.length > 3 && does.length > 3, id);
    if (state === "open") {
      assert.equal(tests.length, 0, `${id} has a test but is open`);
      assert.ok(does.length > 10, `${id} gives no reason`);
    } else {
      assert.ok(state === "tested" || state === "partly", `${id} is ${state}`);
      assert.ok(tests.length > 0, `${id} is ${state} without a test`);
      if (state === "partly") assert.match(does, /missing:|As mesh-25|cannot|unproven/, id);
    }
  }
  const { tested, partly, open } = countStates(rows);
  assert.equal(tested + partly + open, 179);
});
