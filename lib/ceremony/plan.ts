/**
 * Makes a job ready to run inside a worker: opens what is sealed, seats the parties, and binds the
 * protocol of the curve.
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import { planEcdsa } from "./plan_ecdsa.ts";
import { planEddsa } from "./plan_eddsa.ts";
import type { Job } from "./protocol.ts";
import type { Plan } from "./session.ts";
import { Vault } from "./vault.ts";

/**
 * Makes the plan of a job.
 *
 * @param storeKey Taken over; wiped when the plan is disposed of, or at once if this throws.
 * @throws {JobError} if the share, the pre-parameters or the request cannot be used.
 */
export function makePlan(job: Job, storeKey: Uint8Array, random: RandomSource): Plan {
  const vault = new Vault(storeKey, random);
  try {
    return job.curve === "secp256k1"
      ? planEcdsa(job, vault, random)
      : planEddsa(job, vault, random);
  } catch (error) {
    vault.close();
    throw error;
  }
}
