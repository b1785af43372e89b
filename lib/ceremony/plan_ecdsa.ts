/**
 * The ECDSA protocols as plans.
 *
 * @module
 */

import { defaultArithmetic } from "../arith/mod.ts";
import type { RandomSource } from "../arith/random.ts";
import { type CurvePoint, flattenPoints } from "../crypto/curve.ts";
import { concat, equalBytes, intToBytes } from "../encoding/bytes.ts";
import { PREPARAMS_STORE_ID } from "../keystore/store_file.ts";
import { keygen } from "../tss/ecdsa/keygen.ts";
import { KEYGEN_TASK } from "../tss/ecdsa/keygen_rounds.ts";
import { keygenMessages, resharingMessages, signingMessages } from "../tss/ecdsa/messages.ts";
import { parsePreParams, type PreParams } from "../tss/ecdsa/preparams.ts";
import { reshare } from "../tss/ecdsa/resharing.ts";
import { RESHARING_TASK } from "../tss/ecdsa/resharing_context.ts";
import { type EcdsaShareFields, keyIdOf, parseShare, shareToJson } from "../tss/ecdsa/share.ts";
import { sign } from "../tss/ecdsa/signing.ts";
import { SIGNING_TASK } from "../tss/ecdsa/signing_context.ts";
import type { Job } from "./protocol.ts";
import { planPresign, planPresigned } from "./plan_presign.ts";
import { indexOf, seatHolders, seatKeygen, seatReshare, seatsOf, seatsToJson } from "./seating.ts";
import { JobError, type Plan } from "./session.ts";
import type { NewShare } from "./spec.ts";
import type { Vault } from "./vault.ts";

type JobOf<K extends Job["kind"]> = Extract<Job, { kind: K }>;

/**
 * Plans a job on secp256k1.
 *
 * @throws {JobError} if the share, the pre-parameters or the request cannot be used.
 */
export function planEcdsa(job: Job, vault: Vault, random: RandomSource): Plan {
  switch (job.kind) {
    case "keygen":
      return planKeygen(job, vault, random);
    case "sign":
      return job.presigned === undefined
        ? planSign(job, vault, random)
        : planPresigned(job, job.presigned, vault);
    case "presign":
      return planPresign(job, openShare(vault, job.keyId, job.share), vault, random);
    case "reshare":
      return planReshare(job, vault, random);
  }
}

function planKeygen(job: JobOf<"keygen">, vault: Vault, random: RandomSource): Plan {
  const { self, threshold, id: ceremonyId } = job;
  const parties = seatKeygen(job.committee);
  const preParams = openPreParams(vault, job.preParams);
  return {
    task: KEYGEN_TASK,
    specs: keygenMessages,
    seats: seatsOf({ single: parties }),
    publics: job.record ? seatsToJson({ single: parties }) : null,
    self,
    async run(channel) {
      const share = await keygen({
        parties,
        self: indexOf(parties, self)!,
        threshold,
        ceremonyId,
        preParams,
        arith: defaultArithmetic(),
        random,
      }, channel);
      return { kind: "keygen", ...sealShare(vault, share) };
    },
    dispose: () => vault.close(),
  };
}

function planSign(job: JobOf<"sign">, vault: Vault, random: RandomSource): Plan {
  const { self, threshold, id: ceremonyId, message: digest } = job;
  const share = openShare(vault, job.keyId, job.share);
  const parties = seatHolders(job.committee, share, self);
  return {
    task: SIGNING_TASK,
    specs: signingMessages,
    seats: seatsOf({ single: parties }),
    publics: job.record
      ? {
        ...seatsToJson({ single: parties }),
        ks: share.ks,
        bigXj: flattenPoints(share.bigXj),
        nTildej: share.nTildej,
        h1j: share.h1j,
        h2j: share.h2j,
      }
      : null,
    self,
    async run(channel) {
      const { r, s, recoveryId } = await sign({
        parties,
        self: indexOf(parties, self)!,
        threshold,
        ceremonyId,
        share,
        digest,
        arith: defaultArithmetic(),
        random,
      }, channel);
      return { kind: "sign", publicKey: publicKeyBytes(share.publicKey), r, s, recoveryId };
    },
    dispose: () => vault.close(),
  };
}

function planReshare(job: JobOf<"reshare">, vault: Vault, random: RandomSource): Plan {
  const { self, keyId, oldThreshold, newThreshold, id: ceremonyId } = job;
  const share = job.share === undefined ? null : openShare(vault, keyId, job.share);
  const { oldParties, newParties } = seatReshare(job, share);
  const oldIndex = indexOf(oldParties, self);
  const newIndex = indexOf(newParties, self);
  const preParams = newIndex === null ? null : openPreParams(vault, job.preParams);
  return {
    task: RESHARING_TASK,
    specs: resharingMessages,
    seats: seatsOf({ old: oldParties, new: newParties }),
    publics: job.record ? seatsToJson({ old: oldParties, new: newParties }) : null,
    self,
    async run(channel, store) {
      let pending: NewShare | null = null;
      const made = await reshare({
        oldParties,
        newParties,
        oldIndex,
        newIndex,
        oldThreshold,
        newThreshold,
        ceremonyId,
        share,
        preParams,
        expectedKeyId: keyId,
        arith: defaultArithmetic(),
        random,
        onPendingShare: async (fresh) => {
          pending = sealShare(vault, fresh);
          await store(pending);
        },
      }, channel);
      return { kind: "reshare", share: made === null ? null : pending ?? sealShare(vault, made) };
    },
    dispose: () => vault.close(),
  };
}

/**
 * Opens a stored share and checks that it belongs to the key.
 *
 * @throws {JobError} if it cannot be used.
 */
export function openShare(vault: Vault, keyId: Uint8Array, file: Uint8Array): EcdsaShareFields {
  const share = vault.open("the stored share", keyId, file, parseShare);
  if (!equalBytes(keyIdOf(share.publicKey), keyId)) {
    throw new JobError("TF-SHARE", "the stored share belongs to another key");
  }
  return share;
}

/**
 * Opens a stored set of pre-parameters and checks it.
 *
 * @throws {JobError} if it cannot be used.
 */
export function openPreParams(vault: Vault, file: Uint8Array | undefined): PreParams {
  if (file === undefined) throw new JobError("TF-SHARE", "there are no pre-parameters");
  return vault.open("the stored pre-parameters", PREPARAMS_STORE_ID, file, parsePreParams);
}

function sealShare(vault: Vault, share: EcdsaShareFields): NewShare {
  const { publicKey } = share;
  return vault.sealShare(keyIdOf(publicKey), publicKeyBytes(publicKey), shareToJson(share));
}

/** X and Y of a public key, 32 bytes each, big-endian. */
export function publicKeyBytes({ x, y }: CurvePoint): Uint8Array {
  return concat(intToBytes(x, 32), intToBytes(y, 32));
}
