/** The short version of `deno task test:chaos`. */
import assert from "node:assert/strict";
import { tally } from "../support/tally.ts";
import { chaos } from "../chaos/chaos.ts";

const SECONDS = Number(Deno.env.get("TF_CHAOS_SECONDS") ?? "60");

Deno.test("seven daemons under kills, freezes and broken links lose no key and no reason", async () => {
  const seed = Number(Deno.env.get("TF_CHAOS_SEED") ?? "7");
  const report = await chaos({ seconds: SECONDS, seed, ecdsa: false });
  assert.deepEqual(report.problems, [], JSON.stringify(report, null, 2));
  const sum = (counts: Readonly<Record<string, number>>) =>
    Object.values(counts).reduce((a, b) => a + b, 0);
  tally("faults injected", sum(report.faults));
  tally("faults survived", sum(report.faults));
  assert.ok(sum(report.faults) >= 3, JSON.stringify(report.faults));
  assert.ok(report.verified >= 2 && report.keys >= 1, JSON.stringify(report));
});
