// deno-lint-ignore-file no-console -- prints its rows
/**
 * The protocols alone, all parties in this process, on either back-end:
 *
 *     deno run -A bench/protocol.ts --backend wasm|bigint --n 3 --threshold 1 --runs 5
 *
 * Prints one JSON object `{"rows":[…]}`. A process of its own per back-end keeps what one compiled
 * and allocated out of the other's figures.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { bigintArithmetic, wasmArithmetic } from "../lib/arith/mod.ts";
import { systemRandom as random } from "../lib/arith/random.ts";
import type { Arithmetic } from "../lib/arith/types.ts";
import { identityToInt } from "../lib/crypto/identity.ts";
import { keygen } from "../lib/tss/ecdsa/keygen.ts";
import { generatePreParams, type PreParams } from "../lib/tss/ecdsa/preparams.ts";
import { reshare } from "../lib/tss/ecdsa/resharing.ts";
import { type EcdsaShare, keyIdOf, nextKey } from "../lib/tss/ecdsa/share.ts";
import { sign } from "../lib/tss/ecdsa/signing.ts";
import { keygen as eddsaKeygen } from "../lib/tss/eddsa/keygen.ts";
import type { EddsaShare } from "../lib/tss/eddsa/share.ts";
import { sign as eddsaSign } from "../lib/tss/eddsa/signing.ts";
import { type Party, sortParties } from "../lib/tss/party.ts";
import { committee, PRE_PARAMS } from "../tests/tss/ecdsa/parties.ts";
import { type Counted, runLocally } from "./local.ts";
import { inThisProcess, type Measured, type Row, rowOf } from "./rows.ts";

const digest = new Uint8Array(32).fill(7);

/** What is measured of one committee. */
interface Plan {
  readonly of: string;
  readonly arith: Arithmetic;
  readonly n: number;
  readonly threshold: number;
  readonly runs: number;
}

/** Runs one job so often, after one run that lets the compiler settle. */
async function repeat<T>(
  plan: Plan,
  job: string,
  parties: number,
  work: () => Promise<Counted<T>>,
): Promise<{ row: Row; last: T[] }> {
  let last = (await work()).results;
  const runs: Measured[] = [];
  for (let i = 0; i < plan.runs; i++) {
    runs.push(
      await inThisProcess(parties, async () => {
        const { results, messages, bytes } = await work();
        last = results;
        return { messages, bytes };
      }),
    );
  }
  const { of, n, threshold } = plan;
  return { row: rowOf({ of, job, n, threshold }, runs), last };
}

/** Recorded sets first, fresh ones for larger committees: no two parties may share a modulus. */
function preParams(n: number): PreParams[] {
  const fresh = Array.from(
    { length: Math.max(0, n - PRE_PARAMS.length) },
    () => generatePreParams(random),
  );
  return [...PRE_PARAMS, ...fresh].slice(0, n);
}

async function ecdsaRows(plan: Plan): Promise<Row[]> {
  const { n, threshold, arith } = plan;
  const parties = committee([...Array(n).keys()]);
  const sets = preParams(n);
  const seats = parties.map((_, single) => ({ single }));
  const made = await repeat(plan, "ecdsa keygen", n, () => {
    const ceremonyId = random(32);
    return runLocally(seats, (self, channel) =>
      keygen(
        { parties, self, threshold, ceremonyId, preParams: sets[self]!, arith, random },
        channel,
      ));
  });
  const shares = made.last;
  const signing = async (count: number) => {
    const signers = parties.slice(0, count);
    const { row } = await repeat(plan, `ecdsa sign, ${count} signers`, count, () => {
      const ceremonyId = random(32);
      return runLocally(seats.slice(0, count), (self, channel) =>
        sign({
          parties: signers,
          self,
          threshold,
          ceremonyId,
          share: shares[self]!,
          digest,
          arith,
          random,
        }, channel));
    });
    return row;
  };
  const rows = [made.row, await signing(threshold + 1)];
  if (n > threshold + 1 && n <= 5) rows.push(await signing(n));
  if (n <= 5) rows.push(await resharing(plan, parties, shares, sets));
  return rows;
}

/** The same nodes, on to fresh shares. */
async function resharing(
  plan: Plan,
  oldParties: readonly Party[],
  shares: readonly EcdsaShare[],
  sets: readonly PreParams[],
): Promise<Row> {
  const { n, threshold, arith } = plan;
  const newParties = sortParties(
    oldParties.map(({ identity }) => ({ identity, key: nextKey(identityToInt(identity)) })),
  );
  const seats = oldParties.map(({ identity }, old) => ({
    old,
    new: newParties.findIndex((p) => p.identity === identity),
  }));
  const { row } = await repeat(plan, `ecdsa reshare ${n} to ${n}`, n, () => {
    const ceremonyId = random(32);
    return runLocally(seats, (seat, channel) =>
      reshare({
        oldParties: [...oldParties],
        newParties,
        oldIndex: seat,
        newIndex: seats[seat]!.new,
        oldThreshold: threshold,
        newThreshold: threshold,
        ceremonyId,
        share: shares[seat]!,
        preParams: sets[seat]!,
        expectedKeyId: keyIdOf(shares[seat]!.publicKey),
        arith,
        random,
      }, channel));
  });
  return row;
}

async function eddsaRows(plan: Plan): Promise<Row[]> {
  const { n, threshold } = plan;
  const parties = committee([...Array(n).keys()]);
  const seats = parties.map((_, single) => ({ single }));
  const made = await repeat<EddsaShare>(plan, "eddsa keygen", n, () => {
    const ceremonyId = random(32);
    return runLocally(
      seats,
      (self, channel) => eddsaKeygen({ parties, self, threshold, ceremonyId, random }, channel),
    );
  });
  const count = threshold + 1;
  const signed = await repeat(plan, `eddsa sign, ${count} signers`, count, () => {
    const ceremonyId = random(32);
    return runLocally(seats.slice(0, count), (self, channel) =>
      eddsaSign({
        parties: parties.slice(0, count),
        self,
        threshold,
        ceremonyId,
        share: made.last[self]!,
        message: digest,
        random,
      }, channel));
  });
  return [made.row, signed.row];
}

const { values } = parseArgs({
  options: {
    backend: { type: "string", default: "wasm" },
    n: { type: "string", default: "3" },
    threshold: { type: "string", default: "1" },
    runs: { type: "string", default: "5" },
  },
});
const wasm = values.backend === "wasm";
const plan: Plan = {
  of: wasm ? "this project" : "this project on V8's BigInt",
  arith: wasm ? wasmArithmetic() : bigintArithmetic(),
  n: Number(values.n),
  threshold: Number(values.threshold),
  runs: Number(values.runs),
};
// The curve arithmetic of EdDSA is the same on both back-ends.
const rows = [...await ecdsaRows(plan), ...wasm ? await eddsaRows(plan) : []];
console.log(JSON.stringify({ rows }));
