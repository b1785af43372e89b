/**
 * Floods against a real daemon over real TCP: while an attacker sends as fast as it can, an honest
 * peer's pings are answered within a second and the daemon's memory stays bounded (weaknesses mesh
 * 20, 22, 23, 26, 28, 35; attacks E7, F4, F5, F7, F11).
 */

import assert from "node:assert/strict";
import { Cluster } from "../process/cluster.ts";
import type { FloodJob, FloodReport } from "./flood_worker.ts";
import { FLOODS } from "./flood_worker.ts";
import {
  attackerKey,
  pingDuring,
  pingText,
  residentMiB,
  scheduling,
  type Target,
  TcpPeer,
} from "./tcp_peer.ts";

/** Longer floods on request: `TF_ATTACK_SECONDS=30 deno test -A tests/attacks/daemon_flood_test.ts`. */
const SECONDS = Number(Deno.env.get("TF_ATTACK_SECONDS") ?? "2");
/** What a flood may add to the daemon's memory: 64 MiB of read-ahead budget and its garbage. */
const MEMORY_MIB = 400;
/** A flood goes on until so many pings were answered in it, on however slow a machine. */
const PINGS = 3;

interface Flood {
  readonly done: Promise<FloodReport>;
  /** It may end when its time is over. */
  readonly enough: () => void;
  readonly stop: () => void;
}

function runFlood(job: FloodJob): Flood {
  const worker = new Worker(new URL("./flood_worker.ts", import.meta.url), { type: "module" });
  const done = new Promise<FloodReport>((resolve, reject) => {
    worker.onmessage = ({ data }) =>
      "failure" in data ? reject(new Error(data.failure)) : resolve(data);
    worker.onerror = (event) => reject(new Error(event.message));
  });
  worker.postMessage(job);
  return { done, enough: () => worker.postMessage("enough"), stop: () => worker.terminate() };
}

Deno.test("a daemon under floods answers honest pings within a second", async (t) => {
  await using cluster = await Cluster.create({
    size: 1,
    env: () => ({ TRF_LOG_LEVEL: "debug", TRF_PEERS_WANTED: "32" }),
  });
  const [node] = cluster.nodes;
  await node!.start();
  await cluster.until("the daemon runs", () => Promise.resolve(node!.log.includes("node started")));
  const [host, port] = node!.options.listen.split(":");
  const target: Target = { host: host!, port: Number(port) };
  const honest = await TcpPeer.reach(target, attackerKey("honest"));
  await honest.ping();
  const { peer: victim, naclPublic: victimNacl } = honest.daemon;
  try {
    for (const kind of FLOODS) {
      await t.step(kind, async () => {
        const before = await residentMiB(node!.pid!);
        const flood = runFlood({ kind, target, victim, victimNacl, milliseconds: SECONDS * 1000 });
        let over = false;
        const report = flood.done.finally(() => over = true);
        let most = 0;
        const watch = (async () => {
          while (!over) {
            most = Math.max(most, await residentMiB(node!.pid!));
            await new Promise((resolve) => setTimeout(resolve, 50));
          }
        })();
        const ran = scheduling(`${node!.pid}/task/${node!.pid}`).ran;
        const pinged = await pingDuring(
          honest,
          node!.pid!,
          () => over,
          20,
          (pings) => pings === PINGS && flood.enough(),
        );
        const cpu = scheduling(`${node!.pid}/task/${node!.pid}`).ran - ran;
        await watch;
        const { sent, sessions } = await report;
        flood.stop();
        const figures = `${sent} sent over ${sessions} sessions, ${pingText(pinged)}, ` +
          `CPU ${cpu.toFixed(0)} ms, memory ${before.toFixed(0)} to ${most.toFixed(0)} MiB`;
        if (Deno.env.has("TF_ATTACK_FIGURES")) {
          await Deno.stdout.write(new TextEncoder().encode(`${kind}: ${figures}\n`));
        }
        assert.ok(sent > 0, figures);
        assert.ok(pinged.pings >= PINGS, figures);
        assert.ok(pinged.busiest < 1_000 && pinged.slowest < 1_000, figures);
        assert.ok(most - before < MEMORY_MIB, figures);
        assert.equal(honest.ended, false, figures);
      });
    }
  } finally {
    honest.close();
  }
});
