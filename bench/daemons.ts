/**
 * CPU and wall time of whole ceremonies among real daemons on loopback.
 *
 * CPU time is what the kernel charged to each daemon process (user and system, all threads) between
 * request and answer, averaged over the nodes that took part. Wall time is what the requester's
 * daemon reports. Every daemon has the permission set of an operator.
 *
 * @module
 */

import type { DemoNode } from "../cli/demo/processes.ts";
import { systemRandom } from "../lib/arith/random.ts";
import { SPARE_AFTER_MS } from "../lib/ceremony/limits.ts";
import { makeRandomPassphrase } from "../lib/keystore/random_passphrase.ts";
import { Cluster } from "../tests/process/cluster.ts";
import { type Measured, median, percentile95, type Row, rowOf } from "./rows.ts";

/** Kernel clock ticks per second; fixed on every Linux that Deno runs on. */
const TICKS = 100;
/** Ceremonies that one measurement of threshold Ed25519 sums up: one takes less than a tick. */
const SMALL_BATCH = 5;

/** Enough for the next ceremony's thread to be ready, see `SPARE_AFTER_MS`. */
const REST_MS = SPARE_AFTER_MS + 1_500;

const OF = "this project, daemons";

/** Seconds of CPU that a process has used. */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/**
 * Runs `work` `batch` times, each on nodes that have rested, and divides. The thread that a node
 * makes ready for the next ceremony, a second after the last one, is not counted.
 */
async function measure(
  nodes: readonly DemoNode[],
  work: () => Promise<{ elapsed_ms: number }>,
  batch = 1,
): Promise<Measured> {
  const total = async () => {
    const all = await Promise.all(nodes.map((n) => cpuSeconds(n.pid!)));
    return all.reduce((sum, s) => sum + s, 0);
  };
  const walls: number[] = [];
  let used = 0;
  for (let i = 0; i < batch; i++) {
    await pause(REST_MS);
    const before = await total();
    walls.push((await work()).elapsed_ms / 1000);
    used += await total() - before;
  }
  return { cpu: used / nodes.length / batch, wall: median(walls) };
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

async function searching(cluster: Cluster): Promise<boolean> {
  const { pre_params } = await cluster.nodes[0]!.ask<{ pre_params: { making: boolean } }>([
    "status",
  ]);
  return pre_params.making;
}

/** Measures one committee: key generations, signatures by threshold + 1 and by all, resharings. */
export async function ceremonyRows(
  n: number,
  threshold: number,
  curve: "secp256k1" | "ed25519",
  runs: number,
): Promise<Row[]> {
  const small = curve === "ed25519";
  await using cluster = await Cluster.create({ size: n, searches: !small });
  await cluster.start();
  const scheme = small ? "eddsa" : "ecdsa";
  const batch = small ? SMALL_BATCH : 1;
  const members = cluster.identities.join(",");
  const row = (job: string, measured: readonly Measured[]) =>
    rowOf({ of: OF, job: `${scheme} ${job}`, n, threshold }, measured);
  const rows: Row[] = [];

  await settled(cluster);
  const keygens: Measured[] = [];
  let key = "";
  for (let i = 0; i < runs; i++) {
    if (!small) await settled(cluster);
    const made = await measure(cluster.nodes, async () => {
      const answer = await keygen(cluster, curve, threshold);
      key = answer.key_id;
      return answer;
    }, batch);
    keygens.push(made);
  }
  rows.push(row("keygen", keygens));
  await settled(cluster);
  for (const count of new Set([threshold + 1, small ? threshold + 1 : 3])) {
    const signings: Measured[] = [];
    for (let i = 0; i < runs; i++) {
      const signers = cluster.nodes.slice(0, count);
      signings.push(await measure(signers, () => sign(cluster, key, count), batch));
    }
    rows.push(row(`sign, ${count} signers`, signings));
  }
  if (small) return rows;
  rows.push(
    row(
      `sign from a presignature, ${threshold + 1} signers`,
      await presignedSignings(cluster, key, runs),
    ),
  );
  const resharings: Measured[] = [];
  for (let i = 0; i < runs; i++) {
    await settled(cluster);
    resharings.push(
      await measure(cluster.nodes, () =>
        cluster.nodes[0]!.ask<{ elapsed_ms: number }>(
          ["reshare", "--key", key, "--members", members, "--threshold", String(threshold)],
        )),
    );
  }
  rows.push(row(`reshare ${n} to ${n}`, resharings));
  return rows;
}

/**
 * Signatures from presignatures. The stock is filled and then left alone, so that none is made
 * beside a measurement; the first signature of each run, which starts a thread, is not counted.
 */
async function presignedSignings(cluster: Cluster, key: string, runs: number): Promise<Measured[]> {
  const [first, ...others] = cluster.nodes;
  const keep = (node: DemoNode, count: number) =>
    node.ask(["keys", "presign", key, "--count", String(count)]);
  const once = async () => {
    const made = await first!.ask<{
      elapsed_ms: number;
      presigned: boolean;
      committee: readonly string[];
    }>(["sign", "--key", key, "--digest", "5a".repeat(32)]);
    if (!made.presigned) throw new Error("A signature was not made from a presignature");
    return made;
  };
  for (const node of others) await keep(node, 0);
  const measured: Measured[] = [];
  for (let i = 0; i < runs; i++) {
    await keep(first!, SMALL_BATCH + 1);
    await cluster.until("presignatures are ready", async () => {
      const { keys } = await first!.ask<
        { keys: { key_id: string; presign: { ready: number } }[] }
      >(["keys"]);
      return keys.find((k) => k.key_id === key)!.presign.ready > SMALL_BATCH;
    }, 300_000);
    await keep(first!, 0);
    const { committee } = await once();
    const signers = cluster.nodes.filter((_, at) => committee.includes(cluster.identities[at]!));
    measured.push(await measure(signers, once, SMALL_BATCH));
  }
  for (const node of cluster.nodes) await node.ask(["keys", "presign", key, "--off"]);
  return measured;
}

function keygen(cluster: Cluster, curve: string, threshold: number) {
  return cluster.nodes[0]!.ask<{ key_id: string; elapsed_ms: number }>([
    "keygen",
    "--curve",
    curve,
    "--members",
    cluster.identities.join(","),
    "--threshold",
    String(threshold),
  ]);
}

function sign(cluster: Cluster, key: string, count: number) {
  const signers = cluster.identities.slice(0, count).join(",");
  return cluster.nodes[0]!.ask<{ elapsed_ms: number }>(
    ["sign", "--key", key, "--digest", "5a".repeat(32), "--members", signers],
  );
}

/** Latency of signatures on idle nodes, and while the nodes search pre-parameters. */
export interface Contention {
  /** 95th percentiles of the wall time of a signature by two, in seconds. */
  readonly idle_p95_s: number;
  readonly searching_p95_s: number;
  readonly samples: number;
}

/** Signs on two nodes until there are `samples` of each kind. */
export async function contention(samples: number): Promise<Contention> {
  await using cluster = await Cluster.create({ size: 2, searches: true });
  await cluster.start();
  await settled(cluster);
  const idle: number[] = [];
  const busy: number[] = [];
  let key = (await keygen(cluster, "secp256k1", 1)).key_id;
  while (busy.length < samples) {
    if (await searching(cluster)) busy.push((await sign(cluster, key, 2)).elapsed_ms);
    else {
      if (idle.length < samples) idle.push((await sign(cluster, key, 2)).elapsed_ms);
      // Using a set up makes the nodes search for the next one.
      else key = (await keygen(cluster, "secp256k1", 1)).key_id;
    }
  }
  return {
    idle_p95_s: percentile95(idle) / 1000,
    searching_p95_s: percentile95(busy) / 1000,
    samples,
  };
}

/** What a daemon with a key costs before it does anything. */
export interface Resting {
  /** Median time from the start of the process until its mesh port takes connections, seconds. */
  readonly start_s: number;
  /** Resident memory ten seconds later, MiB. */
  readonly resident_mib: number;
  /** CPU seconds per minute of idling, with one session. */
  readonly idle_cpu_s_per_minute: number;
  readonly runs: number;
}

/** Starts and stops a node that holds a key; its passphrase is one that is not stretched. */
export async function resting(runs: number): Promise<Resting> {
  const passphrase = makeRandomPassphrase(systemRandom);
  await using cluster = await Cluster.create({ size: 2, passphrase, searches: true });
  await cluster.start();
  await keygen(cluster, "ed25519", 1);
  const node = cluster.nodes[1]!;
  const [hostname, port] = node.options.listen.split(":") as [string, string];
  const starts: number[] = [];
  for (let i = 0; i < runs; i++) {
    await node.stop();
    const begun = performance.now();
    await node.start();
    while (!(await listens(hostname, Number(port)))) await pause(2);
    starts.push((performance.now() - begun) / 1000);
  }
  await settled(cluster);
  await pause(10_000);
  const status = await Deno.readTextFile(`/proc/${node.pid}/status`);
  const resident = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)![1]) / 1024;
  const before = await cpuSeconds(node.pid!);
  await pause(30_000);
  return {
    start_s: Math.round(median(starts) * 1000) / 1000,
    resident_mib: Math.round(resident),
    idle_cpu_s_per_minute: Math.round((await cpuSeconds(node.pid!) - before) * 2 * 100) / 100,
    runs,
  };
}

async function listens(hostname: string, port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname, port })).close();
    return true;
  } catch {
    return false;
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
