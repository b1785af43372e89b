/**
 * What a measurement says, and how several runs become one line.
 *
 * @module
 */

import process from "node:process";

/** One line of the table. */
export interface Row {
  /** What was measured: a name of this project, a baseline, or another library. */
  readonly of: string;
  readonly job: string;
  /** Parties of the committee. */
  readonly n: number;
  /** Threshold: this many plus one sign. */
  readonly threshold: number;
  /** Median over the runs of the mean over the nodes that took part, in seconds. */
  readonly cpu_s_per_node: number;
  /** Median, in seconds. */
  readonly wall_s: number;
  /** Round messages of the whole ceremony, counted once per receiver. */
  readonly messages: number;
  /** Their contents, in bytes, without frames, seals and signatures. */
  readonly bytes: number;
  readonly runs: number;
}

/** One run. */
export interface Measured {
  /** CPU seconds per node. */
  readonly cpu: number;
  /** Seconds. */
  readonly wall: number;
  readonly messages?: number;
  readonly bytes?: number;
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

/** The value that 95 % of the others do not exceed. */
export function percentile95(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * 0.95) - 1)]!;
}

/** Makes one line of several runs. */
export function rowOf(
  what: Pick<Row, "of" | "job" | "n" | "threshold">,
  runs: readonly Measured[],
): Row {
  const round = (x: number) => Math.round(x * 10_000) / 10_000;
  return {
    ...what,
    cpu_s_per_node: round(median(runs.map((r) => r.cpu))),
    wall_s: round(median(runs.map((r) => r.wall))),
    messages: median(runs.map((r) => r.messages ?? 0)),
    bytes: median(runs.map((r) => r.bytes ?? 0)),
    runs: runs.length,
  };
}

/**
 * Runs `work` once and says what CPU time this process spent, divided among `parties`.
 *
 * @returns the measurement, with what `work` counted.
 */
export async function inThisProcess(
  parties: number,
  work: () => Promise<{ messages: number; bytes: number }>,
): Promise<Measured> {
  const begun = performance.now();
  const before = process.cpuUsage();
  const counted = await work();
  const { user, system } = process.cpuUsage(before);
  return {
    cpu: (user + system) / 1e6 / parties,
    wall: (performance.now() - begun) / 1000,
    ...counted,
  };
}
