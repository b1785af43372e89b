/**
 * CPU and wall time of whole ceremonies among real daemons on loopback.
 *
 * CPU time is what the kernel charged to each daemon process (user and system, all threads) between
 * request and answer, averaged over the nodes that took part. Wall time is what the requester's
 * daemon reports. Every daemon has the permission set of an operator.
 *
 * @module
 */

import { Cluster } from "../tests/process/cluster.ts";
import type { DemoNode } from "../cli/demo/processes.ts";

/** One line of the table. */
export interface Row {
  readonly job: string;
  readonly n: number;
  readonly threshold: number;
  /** Median over the runs of the mean over the nodes, in seconds. */
  readonly cpu_s_per_node: number;
  /** Median, in seconds. */
  readonly wall_s: number;
  readonly runs: number;
}

/** Kernel clock ticks per second; fixed on every Linux that Deno runs on. */
const TICKS = 100;

/** Seconds of CPU that a process has used. */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

interface Measured {
  readonly cpu: number;
  readonly wall: number;
}

async function measure(
  nodes: readonly DemoNode[],
  work: () => Promise<{ elapsed_ms: number }>,
): Promise<Measured> {
  const before = await Promise.all(nodes.map((n) => cpuSeconds(n.pid!)));
  const { elapsed_ms } = await work();
  const after = await Promise.all(nodes.map((n) => cpuSeconds(n.pid!)));
  const used = after.reduce((sum, cpu, i) => sum + cpu - before[i]!, 0);
  return { cpu: used / nodes.length, wall: elapsed_ms / 1000 };
}

function row(job: string, n: number, threshold: number, runs: readonly Measured[]): Row {
  const round = (x: number) => Math.round(x * 1000) / 1000;
  return {
    job,
    n,
    threshold,
    cpu_s_per_node: round(median(runs.map((r) => r.cpu))),
    wall_s: round(median(runs.map((r) => r.wall))),
    runs: runs.length,
  };
}

/** Waits until the stock of every node is full, so that no search runs beside a measurement. */
async function settled(cluster: Cluster): Promise<void> {
  await cluster.until("pre-parameters are ready", async () => {
    const all = await Promise.all(
      cluster.nodes.map((n) =>
        n.ask<{ pre_params: { ready: number; making: boolean } }>(["status"])
      ),
    );
    return all.every((s) => s.pre_params.ready > 0 && !s.pre_params.making);
  }, 300_000);
}

/** Measures one committee: key generations, then signatures by threshold + 1 members. */
export async function ceremonyRows(
  n: number,
  threshold: number,
  curve: "secp256k1" | "ed25519",
  runs: number,
): Promise<Row[]> {
  await using cluster = await Cluster.create({ size: n, preParams: curve === "ed25519" ? 0 : 1 });
  await cluster.start();
  const [first] = cluster.nodes;
  const scheme = curve === "ed25519" ? "eddsa" : "ecdsa";
  const keygens: Measured[] = [];
  let key = "";
  for (let i = 0; i < runs; i++) {
    await settled(cluster);
    keygens.push(
      await measure(cluster.nodes, async () => {
        const made = await first!.ask<{ key_id: string; elapsed_ms: number }>([
          "keygen",
          "--curve",
          curve,
          "--members",
          cluster.identities.join(","),
          "--threshold",
          String(threshold),
        ]);
        key = made.key_id;
        return made;
      }),
    );
  }
  await settled(cluster);
  const signers = cluster.nodes.slice(0, threshold + 1);
  const members = cluster.identities.slice(0, threshold + 1).join(",");
  const digest = "5a".repeat(32);
  const signings: Measured[] = [];
  for (let i = 0; i < runs; i++) {
    signings.push(
      await measure(signers, () =>
        first!.ask<{ elapsed_ms: number }>([
          "sign",
          "--key",
          key,
          "--digest",
          digest,
          "--members",
          members,
        ])),
    );
  }
  return [
    row(`${scheme} keygen`, n, threshold, keygens),
    row(`${scheme} sign, ${threshold + 1} signers`, n, threshold, signings),
  ];
}
