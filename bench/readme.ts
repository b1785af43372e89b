/**
 * Writes the benchmark's table into the README, between its two marks.
 *
 * @module
 */

import type { Report } from "./main.ts";
import type { Row } from "./rows.ts";

const README = new URL("../README.md", import.meta.url);
const BEGIN = "<!-- benchmark: written by `deno task bench --readme` -->";
const END = "<!-- end of benchmark -->";

/** Replaces the text between the marks. */
export async function writeReadme(report: Report): Promise<void> {
  const text = await Deno.readTextFile(README);
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) {
    throw new Error(`Cannot write the table: README.md needs the lines ${BEGIN} and ${END}`);
  }
  const table = `${BEGIN}\n\n${document(report)}\n\n`;
  await Deno.writeTextFile(README, text.slice(0, begin) + table + text.slice(end));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "-q", README.pathname] }).output();
}

function document(report: Report): string {
  const { machine, rows, contention, resting } = report;
  const lines = [
    `Measured in one run on ${machine.model}, ${machine.cores} cores, Deno ${machine.deno}; medians ` +
    `of ${
      Math.min(...rows.map((r) => r.runs))
    } runs or more. CPU seconds per node; messages and bytes ` +
    "are those of the whole ceremony, counted once per receiver.",
    "",
    "| job | n | t | what | CPU s | wall s | messages | bytes |",
    "| --- | --: | --: | --- | --: | --: | --: | --: |",
  ];
  const jobs = [...new Set(rows.map(jobOf))];
  for (const job of jobs) for (const r of rows) if (jobOf(r) === job) lines.push(line(r));
  if (contention !== undefined) {
    const { idle_p95_s: idle, searching_p95_s: busy, samples } = contention;
    lines.push(
      "",
      `Signing by two daemons, 95th percentile of ${samples}: ${idle.toFixed(2)} s idle, ` +
        `${busy.toFixed(2)} s while pre-parameters are searched.`,
    );
  }
  if (resting !== undefined) {
    lines.push(
      "",
      `A daemon with a key listens ${resting.start_s.toFixed(2)} s after its start, holds ` +
        `${resting.resident_mib} MiB, and uses ${resting.idle_cpu_s_per_minute} CPU s per idle minute.`,
    );
  }
  for (const m of report.missing) lines.push("", `Not measured: ${m}.`);
  return lines.join("\n");
}

const jobOf = (r: Row) => `${r.n}/${r.threshold}/${r.job}`;

function line(r: Row): string {
  const cells = [
    r.job,
    r.n,
    r.threshold,
    r.of,
    r.cpu_s_per_node < 0.1 ? r.cpu_s_per_node.toFixed(4) : r.cpu_s_per_node.toFixed(2),
    r.wall_s.toFixed(2),
    r.messages === 0 ? "" : r.messages,
    r.bytes === 0 ? "" : r.bytes,
  ];
  return `| ${cells.join(" | ")} |`;
}
