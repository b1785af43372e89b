// deno-lint-ignore-file no-console -- prints its figures
/**
 * CPU time per party of threshold EdDSA: `deno run -A bench/eddsa.ts`.
 *
 * Each committee runs in this one thread, so process CPU time divided by the number of parties is
 * what one node spends. "first" is a fresh process (tables and compilation included), "warm" the
 * median of the later runs.
 *
 * @module
 */

import process from "node:process";
import { systemRandom } from "../lib/arith/random.ts";
import { keygen } from "../lib/tss/eddsa/keygen.ts";
import { reshare } from "../lib/tss/eddsa/resharing.ts";
import type { EddsaShare } from "../lib/tss/eddsa/share.ts";
import { sign } from "../lib/tss/eddsa/signing.ts";
import type { Party } from "../lib/tss/party.ts";
import { localSuccess } from "../tests/tss/local_run.ts";
import { committee } from "../tests/tss/eddsa/support.ts";

const ROUNDS = 15;
const ceremonyId = systemRandom(32);
const random = systemRandom;
const names = ["a", "b", "c", "d", "e"];

const runKeygen = (parties: Party[], threshold: number) =>
  localSuccess(
    "eddsa-keygen",
    parties.map((_, single) => ({ single })),
    (self, channel) => keygen({ parties, self, threshold, ceremonyId, random }, channel),
  );

const runSigning = (parties: Party[], threshold: number, shares: EddsaShare[]) =>
  localSuccess("eddsa-signing", parties.map((_, single) => ({ single })), (self, channel) => {
    const message = new Uint8Array(32);
    const share = shares[self]!;
    return sign({ parties, self, threshold, share, message, ceremonyId, random }, channel);
  });

const runResharing = (parties: Party[], threshold: number, shares: EddsaShare[]) => {
  const newParties = parties.map((p) => ({ ...p, key: p.key ^ 1n }))
    .sort((a, b) => a.key < b.key ? -1 : 1);
  const seats = parties.map((p, old) => ({
    old,
    new: newParties.findIndex((q) => q.identity === p.identity),
  }));
  return localSuccess("eddsa-resharing", seats, (seat, channel) =>
    reshare({
      oldParties: parties,
      newParties,
      oldIndex: seats[seat]!.old,
      newIndex: seats[seat]!.new,
      oldThreshold: threshold,
      newThreshold: threshold,
      share: shares[seat]!,
      ceremonyId,
      random,
    }, channel));
};

async function measure<T>(what: string, parties: number, run: () => Promise<T>): Promise<T> {
  const times: number[] = [];
  let result!: T;
  for (let i = 0; i <= ROUNDS; i++) {
    const before = process.cpuUsage();
    result = await run();
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1000 / parties);
  }
  const [first, ...warm] = times;
  const median = warm.toSorted((a, b) => a - b)[ROUNDS >> 1]!;
  const ms = (t: number) => t.toFixed(1).padStart(6);
  console.log(`${what.padEnd(22)} first ${ms(first!)} ms   warm ${ms(median)} ms   CPU per party`);
  return result;
}

for (const [n, t] of [[3, 1], [5, 2]] as const) {
  const parties = committee(names.slice(0, n));
  const quorum = `${t + 1}-of-${n}`;
  const shares = await measure(`keygen ${quorum}`, n, () => runKeygen(parties, t));
  const signers = parties.slice(0, t + 1);
  await measure(
    `sign ${quorum}`,
    t + 1,
    () => runSigning(signers, t, shares.slice(0, t + 1)),
  );
  await measure(`reshare ${quorum} to same`, n, () => runResharing(parties, t, shares));
}
