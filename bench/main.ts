// deno-lint-ignore-file no-console -- prints its figures
/**
 * The figures that users care about, this project's beside those of others, in one run:
 *
 *     deno task bench [--json] [--runs N] [--only SECTION,…] [--dkls] [--readme]
 *
 * Sections: preparams, daemons, protocol, growth, contention, resting. `--dkls` also measures an npm
 * package whose licence allows non-commercial use only, and fetches it for that. `--readme` writes
 * the table into README.md.
 *
 * @module
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { PreParamsMaker } from "../lib/ceremony/preparams_maker.ts";
import { loadWorkers } from "../lib/ceremony/worker_host.ts";
import { silentLogger } from "../lib/observe/logger.ts";
import { ceremonyRows, type Contention, contention, type Resting, resting } from "./daemons.ts";
import { writeReadme } from "./readme.ts";
import { type Measured, type Row, rowOf } from "./rows.ts";
import { dkls, frost, go, type Outcome, protocol } from "./subprocess.ts";

const SECTIONS = ["preparams", "daemons", "protocol", "growth", "contention", "resting"];
/** Committees whose growth is printed: parties, threshold. */
const GROWTH = [[3, 1], [5, 2], [10, 4], [20, 9]] as const;
/** A search takes as long as luck has it: this many at least. */
const SEARCHES = 9;
/** Signatures of each kind under contention. */
const SAMPLES = 20;

/** Everything that a run measured. */
export interface Report {
  readonly machine: { readonly cores: number; readonly model: string; readonly deno: string };
  readonly rows: Row[];
  contention?: Contention;
  resting?: Resting;
  /** What could not be measured here, and why. */
  readonly missing: string[];
}

/** Searches whole sets of pre-parameters with the workers that a daemon uses. */
async function preParamsRow(runs: number): Promise<Row> {
  const storeKey = crypto.getRandomValues(new Uint8Array(32));
  const maker = new PreParamsMaker({
    workers: await loadWorkers(),
    storeKey,
    log: silentLogger,
  });
  const measured: Measured[] = [];
  for (let i = 0; i < runs; i++) {
    const begun = performance.now();
    const before = process.cpuUsage();
    await maker.make(() => {}).result;
    const used = process.cpuUsage(before);
    measured.push({
      cpu: (used.user + used.system) / 1e6,
      wall: (performance.now() - begun) / 1000,
    });
  }
  return rowOf({ of: "this project", job: "pre-parameters", n: 1, threshold: 0 }, measured);
}

async function processor(): Promise<string> {
  try {
    const text = await Deno.readTextFile("/proc/cpuinfo");
    return /^model name\s*: (.*)$/m.exec(text)?.[1] ?? Deno.build.arch;
  } catch {
    return Deno.build.arch;
  }
}

const { values } = parseArgs({
  args: Deno.args,
  options: {
    json: { type: "boolean", default: false },
    runs: { type: "string", default: "5" },
    only: { type: "string", default: SECTIONS.join(",") },
    dkls: { type: "boolean", default: false },
    readme: { type: "boolean", default: false },
  },
});
const runs = Number(values.runs);
const only = new Set(values.only.split(","));
const unknown = [...only].filter((s) => !SECTIONS.includes(s));
if (!(runs >= 1) || unknown.length > 0) {
  console.error(
    unknown.length > 0
      ? `Cannot measure ${unknown.join(", ")}: sections are ${SECTIONS.join(", ")}`
      : `Cannot measure --runs ${values.runs} times: give a positive number`,
  );
  Deno.exit(2);
}
const say = (text: string) => values.json ? undefined : console.log(text);

const report: Report = {
  machine: {
    cores: navigator.hardwareConcurrency,
    model: await processor(),
    deno: Deno.version.deno,
  },
  rows: [],
  missing: [],
};
say(
  `${report.machine.model}, ${report.machine.cores} cores, Deno ${report.machine.deno}; medians.\n`,
);
const columns = (cells: readonly string[]) => {
  const [of = "", job = "", ...numbers] = cells;
  say(of.padEnd(30) + job.padEnd(24) + numbers.map((c) => c.padStart(10)).join(""));
};
columns(["what", "job", "n", "t", "CPU s", "wall s", "messages", "bytes", "runs"]);

function add(rows: readonly Row[]): void {
  for (const r of rows) {
    // The same protocol runs in the daemons: what it sends was counted there.
    const known = r.messages > 0
      ? r
      : report.rows.find((o) =>
        o.of === "this project" && o.job === r.job && o.n === r.n && o.threshold === r.threshold
      );
    const row = { ...r, messages: known?.messages ?? 0, bytes: known?.bytes ?? 0 };
    report.rows.push(row);
    columns([
      row.of,
      row.job,
      String(row.n),
      String(row.threshold),
      row.cpu_s_per_node.toFixed(4),
      row.wall_s.toFixed(3),
      row.messages === 0 ? "" : String(row.messages),
      row.bytes === 0 ? "" : String(row.bytes),
      String(row.runs),
    ]);
  }
}

/** What is measured so far, so that an interrupted run leaves its rows. */
async function save(): Promise<void> {
  if (values.readme) await writeReadme(report);
}

function addOutcome(what: string, outcome: Outcome): void {
  if ("rows" in outcome) return add(outcome.rows);
  report.missing.push(`${what}: ${outcome.missing}`);
  say(`${what}: not measured: ${outcome.missing}`);
}

if (only.has("preparams")) add([await preParamsRow(Math.max(runs, SEARCHES))]);
if (only.has("protocol")) {
  for (const [n, threshold] of [[3, 1], [5, 2]] as const) {
    const size = { n, threshold, runs };
    addOutcome("this project", await protocol("wasm", size));
    addOutcome("FROST", await frost(size));
    // The slow ones take a quarter of an hour for five parties.
    if (n > 3) continue;
    if (values.dkls) addOutcome("DKLs23", await dkls(size));
    addOutcome("Go", await go(size));
    addOutcome("BigInt", await protocol("bigint", size));
  }
}
await save();
if (only.has("daemons")) {
  add(await ceremonyRows(3, 1, "secp256k1", runs));
  add(await ceremonyRows(5, 2, "secp256k1", runs));
  add(await ceremonyRows(3, 1, "ed25519", runs));
}
await save();
if (only.has("growth")) {
  const sizes = GROWTH.filter(([n]) => !only.has("protocol") || n > 5);
  // A quarter of an hour for the largest. It is CPU time that is compared, so they run together.
  const outcomes = await Promise.all(
    sizes.map(([n, threshold]) => protocol("wasm", { n, threshold, runs })),
  );
  for (const [i, [n]] of sizes.entries()) addOutcome(`${n} parties`, outcomes[i]!);
}
await save();
if (only.has("contention")) {
  report.contention = await contention(SAMPLES);
  const { idle_p95_s: idle, searching_p95_s: busy } = report.contention;
  say(
    `\nsigning, 95th percentile: ${idle} s idle, ${busy} s while pre-parameters are searched ` +
      `(${(busy / idle).toFixed(2)} ×)`,
  );
}
if (only.has("resting")) {
  report.resting = await resting(runs);
  const { start_s, resident_mib, idle_cpu_s_per_minute } = report.resting;
  say(
    `\na daemon with a key: listens after ${start_s} s, ${resident_mib} MiB resident, ` +
      `${idle_cpu_s_per_minute} CPU s per idle minute`,
  );
}
if (values.json) console.log(JSON.stringify(report));
await save();
Deno.exit(0);
