/**
 * Presigning, and signing from a presignature, as plans.
 *
 * @module
 */

import { defaultArithmetic } from "../arith/mod.ts";
import type { RandomSource } from "../arith/random.ts";
import { concat, equalBytes, intToBytes } from "../encoding/bytes.ts";
import type { CurvePoint } from "../crypto/curve.ts";
import { presignStoreId } from "../keystore/presign_stock.ts";
import { presignedMessages, presigningMessages } from "../tss/ecdsa/messages.ts";
import { parsePresignature, presignatureToJson } from "../tss/ecdsa/presignature.ts";
import { PRESIGNED_TASK, signPresigned } from "../tss/ecdsa/presigned.ts";
import { presign, PRESIGNING_TASK } from "../tss/ecdsa/presigning.ts";
import { type EcdsaShareFields, keyIdOf } from "../tss/ecdsa/share.ts";
import type { Job } from "./protocol.ts";
import { indexOf, seatHolders, seatsOf } from "./seating.ts";
import { JobError, type Plan } from "./session.ts";
import type { PresignedPart } from "./spec.ts";
import type { Vault } from "./vault.ts";

type JobOf<K extends Job["kind"]> = Extract<Job, { kind: K }>;

/**
 * Plans a presigning.
 *
 * @throws {JobError} if the share does not know the signers.
 */
export function planPresign(
  job: JobOf<"presign">,
  share: EcdsaShareFields,
  vault: Vault,
  random: RandomSource,
): Plan {
  const { self, threshold, generation, id: ceremonyId } = job;
  const parties = seatHolders(job.committee, share, self);
  return {
    task: PRESIGNING_TASK,
    specs: presigningMessages,
    seats: seatsOf({ single: parties }),
    publics: null,
    self,
    async run(channel) {
      const made = await presign({
        parties,
        self: indexOf(parties, self)!,
        threshold,
        generation,
        ceremonyId,
        share,
        arith: defaultArithmetic(),
        random,
      }, channel);
      const part = vault.seal(presignStoreId(ceremonyId), presignatureToJson(made));
      return { kind: "presign", publicKey: coordinates(share.publicKey), part };
    },
    dispose: () => vault.close(),
  };
}

/**
 * Plans a signing from a presignature. The share stays closed: nothing of it is needed.
 *
 * @throws {JobError} if the presignature does not open or is of another key, generation or signers.
 */
export function planPresigned(job: JobOf<"sign">, from: PresignedPart, vault: Vault): Plan {
  const { self, keyId, id: ceremonyId, message: digest } = job;
  const what = "the stored presignature";
  const presignature = vault.open(what, presignStoreId(from.id), from.part, parsePresignature);
  const { keys, publicKey } = presignature;
  if (
    !equalBytes(presignature.id, from.id) || presignature.generation !== from.generation ||
    !equalBytes(keyIdOf(publicKey), keyId)
  ) throw new JobError("TF-SHARE", `${what} belongs to another key or generation`);
  const holders = { ks: keys, shareId: keys[presignature.self]! };
  const parties = seatHolders(job.committee, holders, self);
  if (parties.length !== keys.length) {
    throw new JobError("TF-SHARE", `${what} was made by other signers`);
  }
  return {
    task: PRESIGNED_TASK,
    specs: presignedMessages,
    seats: seatsOf({ single: parties }),
    publics: null,
    self,
    async run(channel) {
      const signature = await signPresigned(
        { parties, presignature, ceremonyId, digest, asked: from.asked },
        channel,
      );
      return { kind: "sign", publicKey: coordinates(publicKey), ...signature };
    },
    dispose: () => vault.close(),
  };
}

function coordinates({ x, y }: CurvePoint): Uint8Array {
  return concat(intToBytes(x, 32), intToBytes(y, 32));
}
