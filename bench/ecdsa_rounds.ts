/**
 * Measures the CPU time one party spends on an ECDSA key generation, signing and resharing, by
 * running all parties in this thread and dividing. Prints one JSON line per protocol.
 *
 *     deno run -A bench/ecdsa_rounds.ts [runs]
 *
 * @module
 */

import process from "node:process";
import {
  generate,
  identityOf,
  reshareLocally,
  reshareSetup,
  signLocally,
} from "../tests/tss/ecdsa/parties.ts";

const runs = Number(Deno.args[0] ?? 5);

/** Milliseconds of CPU time (user and system) used by `work`, divided among `parties`. */
async function cpu(parties: number, work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / parties;
}

async function report(name: string, parties: number, work: () => Promise<unknown>): Promise<void> {
  const times: number[] = [];
  await work(); // lets the compiler settle
  for (let i = 0; i < runs; i++) times.push(await cpu(parties, work));
  times.sort((a, b) => a - b);
  const line = {
    name,
    runs,
    cpuMsPerParty: {
      min: Math.round(times[0]!),
      median: Math.round(times[runs >> 1]!),
      max: Math.round(times[runs - 1]!),
    },
  };
  await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(line) + "\n"));
}

const nodes = [0, 1, 2].map(identityOf);
const key = await generate(3, 1);
const digest = new Uint8Array(32).fill(7);
const setup = reshareSetup(key, nodes, nodes);
await report("keygen 2-of-3", 3, () => generate(3, 1));
await report("sign 2-of-3", 2, () => signLocally(key, nodes.slice(0, 2), digest));
await report("sign 3-of-3", 3, () => signLocally(key, nodes, digest));
await report("reshare 3 to 3", 3, () => reshareLocally(key, setup, 1));
