/**
 * The three EdDSA protocols as plans.
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import { encodeEd25519, flattenPoints } from "../crypto/curve.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { keygen, KEYGEN_TASK } from "../tss/eddsa/keygen.ts";
import { keygenMessages, resharingMessages, signingMessages } from "../tss/eddsa/messages.ts";
import { reshare, RESHARING_TASK } from "../tss/eddsa/resharing.ts";
import { type EddsaShare, keyIdOf, parseShare, shareToJson } from "../tss/eddsa/share.ts";
import { sign, SIGNING_TASK } from "../tss/eddsa/signing.ts";
import type { Job } from "./protocol.ts";
import { indexOf, seatHolders, seatKeygen, seatReshare, seatsOf, seatsToJson } from "./seating.ts";
import { JobError, type Plan } from "./session.ts";
import type { NewShare } from "./spec.ts";
import type { Vault } from "./vault.ts";

type JobOf<K extends Job["kind"]> = Extract<Job, { kind: K }>;

/**
 * Plans a job on Ed25519.
 *
 * @throws {JobError} if the share or the request cannot be used.
 */
export function planEddsa(job: Job, vault: Vault, random: RandomSource): Plan {
  switch (job.kind) {
    case "keygen":
      return planKeygen(job, vault, random);
    case "sign":
      return planSign(job, vault, random);
    case "reshare":
      return planReshare(job, vault, random);
    case "presign":
      throw new JobError("TF-SHARE", "only ECDSA keys have presignatures");
  }
}

function planKeygen(job: JobOf<"keygen">, vault: Vault, random: RandomSource): Plan {
  const { self, threshold, id: ceremonyId } = job;
  const parties = seatKeygen(job.committee);
  return {
    task: KEYGEN_TASK,
    specs: keygenMessages,
    seats: seatsOf({ single: parties }),
    publics: job.record ? seatsToJson({ single: parties }) : null,
    self,
    async run(channel) {
      const own = indexOf(parties, self)!;
      const share = await keygen({ parties, self: own, threshold, ceremonyId, random }, channel);
      return { kind: "keygen", ...sealShare(vault, share) };
    },
    dispose: () => vault.close(),
  };
}

function planSign(job: JobOf<"sign">, vault: Vault, random: RandomSource): Plan {
  const { self, threshold, id: ceremonyId, message } = job;
  const share = openShare(vault, job.keyId, job.share);
  const parties = seatHolders(job.committee, share, self);
  return {
    task: SIGNING_TASK,
    specs: signingMessages,
    seats: seatsOf({ single: parties }),
    publics: job.record
      ? { ...seatsToJson({ single: parties }), ks: share.ks, bigXj: flattenPoints(share.bigXj) }
      : null,
    self,
    async run(channel) {
      const own = indexOf(parties, self)!;
      const { signature } = await sign(
        { parties, self: own, threshold, ceremonyId, share, message, random },
        channel,
      );
      return { kind: "sign-eddsa", publicKey: encodeEd25519(share.publicKey), signature };
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
        expectedKeyId: keyId,
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
export function openShare(vault: Vault, keyId: Uint8Array, file: Uint8Array): EddsaShare {
  const share = vault.open("the stored share", keyId, file, parseShare);
  if (!equalBytes(keyIdOf(share.publicKey), keyId)) {
    throw new JobError("TF-SHARE", "the stored share belongs to another key");
  }
  return share;
}

function sealShare(vault: Vault, share: EddsaShare): NewShare {
  const { publicKey } = share;
  return vault.sealShare(keyIdOf(publicKey), encodeEd25519(publicKey), shareToJson(share));
}
