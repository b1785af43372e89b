/**
 * Committees with one member whose messages are bent on their way out, signed with its own key as
 * a member would that runs other code.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Ceremony } from "../../../lib/ceremony/ceremony.ts";
import type { CeremonySpec, CurveName, NewShare } from "../../../lib/ceremony/spec.ts";
import type { Failure, Outcome } from "../../../lib/ceremony/verdict.ts";
import { loadWorkers } from "../../../lib/ceremony/worker_host.ts";
import { type Json, type JsonInput } from "../../../lib/encoding/json.ts";
import type { Clock } from "../../../lib/mesh/clock.ts";
import {
  Cluster,
  failureOf,
  fixturePreParams,
  freshId,
  type Node,
  type Tamper,
} from "../../ceremony/cluster.ts";
import { localWorkers } from "../../ceremony/local_worker.ts";
import { seededRandom } from "../../support/seeded_random.ts";

const workers = await loadWorkers();

/** A request for a key of all these places with threshold 1. */
export function keygen(cluster: Cluster, curve: CurveName, ...places: number[]) {
  const id = freshId();
  return (i: number, node: Node): CeremonySpec => ({
    kind: "keygen",
    curve,
    id,
    committee: cluster.ids(...places),
    threshold: 1,
    ...(curve === "secp256k1" ? { preParams: fixturePreParams(i, node.storeKey) } : {}),
  });
}

/** A request for a signature of these places. */
export function sign(
  cluster: Cluster,
  curve: CurveName,
  shares: readonly NewShare[],
  ...places: number[]
) {
  const id = freshId();
  return (i: number): CeremonySpec => ({
    kind: "sign",
    curve,
    id,
    committee: cluster.ids(...places),
    threshold: 1,
    message: new Uint8Array(32).fill(7),
    keyId: shares[i]!.keyId,
    publicKey: shares[i]!.publicKey,
    share: shares[i]!.shareCiphertext,
  });
}

/**
 * Runs with nodes that compare broadcasts. On a clock of the test's own the workers compute on the
 * test's thread, so that no time passes while they do. Without one they are threads, on a clock that
 * stands still: however slow the machine is, nobody is late and nothing is said twice.
 */
export async function withCluster(
  size: number,
  run: (cluster: Cluster) => Promise<void>,
  clock?: Clock,
): Promise<void> {
  const made = clock === undefined ? workers : localWorkers(seededRandom("byzantine"));
  const cluster = new Cluster(size, made, clock);
  cluster.comparing = new Set(cluster.nodes.keys());
  try {
    await run(cluster);
  } finally {
    cluster.stop();
  }
}

/** The failures of the honest members, which must say the same of who is to blame. */
export async function verdicts(ceremonies: readonly Ceremony[], honest: readonly number[]) {
  const outcomes: Outcome[] = await Promise.all(honest.map((i) => ceremonies[i]!.result));
  const all = outcomes.map((outcome) => failureOf(outcome) as Failure);
  for (const { blame } of all) assert.deepEqual(blame, all[0]!.blame);
  return { blame: all[0]!.blame!, all };
}

/** Member `liar` tells member `to` something else than the others in messages of `type`. */
export function toldOtherwise(
  liar: number,
  to: number,
  type: string,
  change: (content: Map<string, Json>) => Json | JsonInput,
): Tamper {
  return (passing) =>
    passing.from === liar && passing.to === to && passing.type === type
      ? [change(passing.content)]
      : undefined;
}

/** Adds one to a number, or to the first of a list of numbers. */
export function shifted(field: string) {
  return (content: Map<string, Json>): Map<string, Json> => {
    const value = content.get(field)!;
    const bent = Array.isArray(value)
      ? [(value[0] as bigint) + 1n, ...value.slice(1)]
      : (value as bigint) + 1n;
    return new Map([...content, [field, bent]]);
  };
}
