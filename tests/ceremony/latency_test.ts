/**
 * Rounds are bound by the lines between the nodes: a ceremony takes as many delays as it has
 * messages that follow from each other, and nothing besides what the processors take, which is no
 * time on a virtual clock.
 */

import assert from "node:assert/strict";
import type { CeremonySpec, CurveName } from "../../lib/ceremony/spec.ts";
import type { Ceremony } from "../../lib/ceremony/ceremony.ts";
import type { KeygenResult } from "../../lib/ceremony/verdict.ts";
import { systemRandom } from "../../lib/arith/random.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { Cluster, fixturePreParams, freshId } from "./cluster.ts";
import { localWorkers } from "./local_worker.ts";

const DELAY_MS = 50;
const ALL = [0, 1, 2];
/** Messages that follow from each other. */
const STEPS = {
  ed25519: { keygen: 2, sign: 3 },
  secp256k1: { keygen: 3, sign: 9 },
} as const;

for (const curve of ["ed25519", "secp256k1"] as const) {
  Deno.test(`${curve}: a ceremony takes one delay of the line per round`, async () => {
    const clock = new VirtualClock();
    const cluster = new Cluster(3, localWorkers(systemRandom), clock);
    cluster.delayMs = DELAY_MS;
    /** Runs a ceremony and returns how many delays each node took. */
    const delays = async (ceremonies: Ceremony[]): Promise<number[]> => {
      // Steps of a millisecond: a computation gives way between two of them, as it does in reality.
      await clock.until(() => ceremonies.every((c) => c.state !== "running"), 10_000, 1);
      for (const { outcome } of ceremonies) assert.equal(outcome!.state, "complete");
      return ceremonies.map((c) => Math.floor((c.finishedAt! - c.startedAt) / DELAY_MS));
    };
    const took = (got: number[], steps: number) =>
      assert.deepEqual(got, got.map(() => steps), `${curve}, ${steps} steps`);

    const common = { curve: curve as CurveName, committee: cluster.ids(...ALL), threshold: 2 };
    const keygenId = freshId();
    const made = cluster.start(ALL, (i, node): CeremonySpec => ({
      ...common,
      kind: "keygen",
      id: keygenId,
      ...(curve === "ed25519" ? {} : { preParams: fixturePreParams(i, node.storeKey) }),
    }));
    took(await delays(made), STEPS[curve].keygen);
    const keys = made.map((c) => {
      const { outcome } = c;
      assert(outcome?.state === "complete" && outcome.result.kind === "keygen");
      return outcome.result as KeygenResult;
    });

    const signId = freshId();
    const signed = cluster.start(ALL, (i): CeremonySpec => ({
      ...common,
      kind: "sign",
      id: signId,
      keyId: keys[i]!.keyId,
      publicKey: keys[i]!.publicKey,
      share: keys[i]!.shareCiphertext,
      message: new Uint8Array(32).fill(5),
    }));
    took(await delays(signed), STEPS[curve].sign);
    cluster.stop();
  });
}
