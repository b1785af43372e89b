/**
 * `deno task test:chaos [--seconds 600] [--seed N] [--verbose]`: prints what happened; exit 1 if
 * anything happened that must not.
 *
 * @module
 */

import { chaos } from "./chaos.ts";

function option(name: string): string | undefined {
  const i = Deno.args.indexOf(`--${name}`);
  return i === -1 ? undefined : Deno.args[i + 1];
}

const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
const seconds = Number(option("seconds") ?? "600");
const seed = Number(option("seed") ?? String(Date.now() >>> 0));
if (!(seconds > 0) || !Number.isInteger(seed)) {
  print("usage: [--seconds N] [--seed N] [--verbose]");
  Deno.exit(2);
}
print(`seed ${seed}, ${seconds} s`);
const begun = performance.now();
const report = await chaos({
  seconds,
  seed,
  ecdsa: true,
  ...(Deno.args.includes("--verbose")
    ? { tell: (line) => print(`${((performance.now() - begun) / 1000).toFixed(1)} s: ${line}`) }
    : {}),
});
const table = (title: string, counts: Readonly<Record<string, number>>) => {
  const rows = Object.entries(counts).sort(([, a], [, b]) => b - a);
  print(`${title}: ${rows.reduce((sum, [, n]) => sum + n, 0)}`);
  for (const [what, n] of rows) print(`  ${String(n).padStart(6)} ${what}`);
};
table("faults injected", report.faults);
table("ceremonies asked for", report.asked);
table("completed", report.completed);
table("failed, each with a reason", report.failures);
print(`signatures verified: ${report.verified}`);
print(`keys whole at the end, each member signing: ${report.keys}`);
for (const problem of report.problems) print(`PROBLEM: ${problem}`);
print(report.problems.length === 0 ? "clean" : `${report.problems.length} problems`);
Deno.exit(report.problems.length === 0 ? 0 : 1);
