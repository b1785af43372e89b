// deno-lint-ignore-file no-console -- prints its figures
/**
 * The figures that users care about: `deno task bench [--json] [--runs N]`.
 *
 * @module
 */

import { parseArgs } from "node:util";
import process from "node:process";
import { PreParamsMaker } from "../lib/ceremony/preparams_maker.ts";
import { loadWorkers } from "../lib/ceremony/worker_host.ts";
import { silentLogger } from "../lib/observe/logger.ts";
import { ceremonyRows, median, type Row } from "./ceremony.ts";

/** Searches whole sets of pre-parameters with the workers that a daemon uses. */
async function preParamsRow(runs: number): Promise<Row> {
  const storeKey = crypto.getRandomValues(new Uint8Array(32));
  const maker = new PreParamsMaker({
    workers: await loadWorkers(),
    storeKey,
    log: silentLogger,
  });
  const cpu: number[] = [];
  const wall: number[] = [];
  for (let i = 0; i < runs; i++) {
    const begun = performance.now();
    const before = process.cpuUsage();
    await maker.make(() => {}).result;
    const used = process.cpuUsage(before);
    cpu.push((used.user + used.system) / 1e6);
    wall.push((performance.now() - begun) / 1000);
  }
  const round = (x: number) => Math.round(x * 1000) / 1000;
  return {
    job: "pre-parameters",
    n: 1,
    threshold: 0,
    cpu_s_per_node: round(median(cpu)),
    wall_s: round(median(wall)),
    runs,
  };
}

const { values } = parseArgs({
  args: Deno.args,
  options: { json: { type: "boolean" }, runs: { type: "string", default: "5" } },
});
const runs = Number(values.runs);
const rows: Row[] = [];
const say = (text: string) => values.json ? undefined : console.log(text);

say(
  `Machine: ${navigator.hardwareConcurrency} cores, Deno ${Deno.version.deno}, ` +
    `${runs} runs each, medians; CPU seconds per node.\n`,
);
say(
  `${"job".padEnd(26)}${"n".padStart(4)}${"t".padStart(4)}${"CPU s".padStart(10)}${
    "wall s".padStart(10)
  }`,
);
const add = (more: readonly Row[]) => {
  for (const r of more) {
    rows.push(r);
    say(
      `${r.job.padEnd(26)}${String(r.n).padStart(4)}${String(r.threshold).padStart(4)}${
        r.cpu_s_per_node.toFixed(3).padStart(10)
      }${r.wall_s.toFixed(3).padStart(10)}`,
    );
  }
};
add([await preParamsRow(Math.max(runs, 9))]);
add(await ceremonyRows(3, 1, "secp256k1", runs));
add(await ceremonyRows(5, 2, "secp256k1", runs));
add(await ceremonyRows(3, 1, "ed25519", runs));
if (values.json) console.log(JSON.stringify({ rows }));
Deno.exit(0);
