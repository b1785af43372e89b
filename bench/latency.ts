// deno-lint-ignore-file no-console -- prints its figures
/**
 * Ceremonies over slow lines: real daemons, every byte between them late by a fixed time.
 *
 *     deno run -A bench/latency.ts [--delay MS] [--runs N] [--n N]
 *
 * A protocol in which nothing waits for what it does not need takes one delay per round, one for the
 * request, and what the processors take. The last column is what is left of the wall time after
 * those delays: it should be that of the same ceremony without them.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { Cluster } from "../tests/process/cluster.ts";
import { median } from "./rows.ts";

/** Messages that follow from each other in each ceremony, the request among them. */
const STEPS = {
  "ecdsa keygen": 1 + 3,
  "ecdsa sign": 1 + 9,
  "eddsa keygen": 1 + 2,
  "eddsa sign": 1 + 3,
} as const;

/** One line of the table. */
export interface LatencyRow {
  readonly job: keyof typeof STEPS;
  readonly n: number;
  readonly delay_ms: number;
  /** Median wall time at the requester, in seconds. */
  readonly wall_s: number;
  /** Messages that follow from each other, times the delay, in seconds. */
  readonly lines_s: number;
  readonly runs: number;
}

/** A TCP line to `address` that hands everything on `delay` milliseconds late; closes with the rest. */
class SlowLine {
  readonly address: string;
  readonly #listener: Deno.TcpListener;
  readonly #open = new Set<Deno.TcpConn>();

  constructor(target: string, readonly delay: number) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.address = `127.0.0.1:${this.#listener.addr.port}`;
    void this.#accept(target);
  }

  async #accept(target: string): Promise<void> {
    const [hostname, port] = target.split(":") as [string, string];
    for await (const client of this.#listener) {
      try {
        const server = await Deno.connect({ hostname, port: Number(port) });
        for (const conn of [client, server]) {
          conn.setNoDelay(true);
          this.#open.add(conn);
        }
        void this.#carry(client, server);
        void this.#carry(server, client);
      } catch {
        client.close();
      }
    }
  }

  /** Reads on while earlier bytes are on their way: the line is slow, not narrow. */
  async #carry(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    let last: Promise<unknown> = Promise.resolve();
    const buffer = new Uint8Array(1 << 16);
    try {
      for (;;) {
        const n = await from.read(buffer);
        if (n === null) break;
        const bytes = buffer.slice(0, n);
        const late = new Promise((resolve) => setTimeout(resolve, this.delay));
        const before = last;
        last = (async () => {
          await late;
          await before;
          for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
        })();
        last.catch(() => {});
      }
      await last;
    } catch {
      // One end is gone; so is the line.
    }
    for (const conn of [from, to]) {
      if (this.#open.delete(conn)) conn.close();
    }
  }

  close(): void {
    this.#listener.close();
    for (const conn of this.#open) conn.close();
    this.#open.clear();
  }
}

/** Measures keygen and signing of all members on one curve. */
async function measure(
  curve: "secp256k1" | "ed25519",
  n: number,
  delay: number,
  runs: number,
): Promise<LatencyRow[]> {
  const lines: SlowLine[] = [];
  try {
    await using cluster = await Cluster.create({
      size: n,
      searches: true,
      line(_from, _to, address) {
        const line = new SlowLine(address, delay);
        lines.push(line);
        return line.address;
      },
    });
    await cluster.start();
    const first = cluster.nodes[0]!;
    const members = cluster.identities.join(",");
    const ready = () =>
      cluster.until("pre-parameters are ready", async () => {
        const all = await Promise.all(
          cluster.nodes.map((node) =>
            node.ask<{ pre_params: { ready: number; making: boolean } }>(["status"])
          ),
        );
        return all.every((s) => s.pre_params.ready > 0 && !s.pre_params.making);
      }, 300_000);
    const keygens: number[] = [];
    const signings: number[] = [];
    let key = "";
    for (let i = 0; i < runs; i++) {
      await ready();
      const made = await first.ask<{ key_id: string; elapsed_ms: number }>(
        ["keygen", "--curve", curve, "--members", members, "--threshold", String(n - 1)],
      );
      key = made.key_id;
      keygens.push(made.elapsed_ms);
    }
    await ready();
    for (let i = 0; i < runs; i++) {
      const signed = await first.ask<{ elapsed_ms: number }>(
        ["sign", "--key", key, "--digest", "5a".repeat(32), "--members", members],
      );
      signings.push(signed.elapsed_ms);
    }
    const scheme = curve === "ed25519" ? "eddsa" : "ecdsa";
    const row = (job: LatencyRow["job"], walls: readonly number[]): LatencyRow => ({
      job,
      n,
      delay_ms: delay,
      wall_s: median(walls) / 1000,
      lines_s: STEPS[job] * delay / 1000,
      runs,
    });
    return [row(`${scheme} keygen`, keygens), row(`${scheme} sign`, signings)];
  } finally {
    for (const line of lines) line.close();
  }
}

/** Measures everything. */
export async function latency(n: number, delay: number, runs: number): Promise<LatencyRow[]> {
  return [
    ...await measure("secp256k1", n, delay, runs),
    ...await measure("ed25519", n, delay, runs),
  ];
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      delay: { type: "string", default: "50" },
      runs: { type: "string", default: "5" },
      n: { type: "string", default: "3" },
    },
  });
  const cells = (list: readonly (string | number)[]) =>
    console.log(list.map((c, i) => String(c)[i === 0 ? "padEnd" : "padStart"](14)).join(""));
  cells(["job", "n", "delay ms", "wall s", "steps × delay", "rest s"]);
  for (const delay of new Set([0, Number(values.delay)])) {
    for (const row of await latency(Number(values.n), delay, Number(values.runs))) {
      cells([
        row.job,
        row.n,
        row.delay_ms,
        row.wall_s.toFixed(3),
        row.lines_s.toFixed(3),
        (row.wall_s - row.lines_s).toFixed(3),
      ]);
    }
  }
  Deno.exit(0);
}
