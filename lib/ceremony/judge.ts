/**
 * Turns what a worker returns into a result, or into a failure if it does not hold.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import { equalBytes } from "../encoding/bytes.ts";
import type { WorkerResult } from "./protocol.ts";
import type { CeremonySpec, NewShare, ReshareSpec, SignSpec } from "./spec.ts";
import type { CeremonyResult, Failure } from "./verdict.ts";
import { isKey, verifyEcdsa, verifyEddsa } from "./verify.ts";

/** A result that holds, or why it does not. */
export type Verdict = { readonly result: CeremonyResult } | Failure;

/** Checks `result` against the request and, for signatures, against the public key. */
export function judge(spec: CeremonySpec, self: Identity, result: WorkerResult): Verdict {
  switch (spec.kind) {
    case "keygen": {
      const { curve, committee, threshold } = spec;
      if (result.kind !== "keygen") return wrong("the worker did another job");
      if (!isKey(curve, result.publicKey, result.keyId)) return wrong("the new key is not a key");
      const { keyId, publicKey, shareCiphertext } = result;
      return {
        result: {
          kind: "keygen",
          curve,
          keyId,
          publicKey,
          shareCiphertext,
          committee: [...committee],
          threshold,
        },
      };
    }
    case "sign":
      return judgeSignature(spec, result);
    case "presign": {
      const { keyId, publicKey } = spec;
      if (result.kind !== "presign") return wrong("the worker did another job");
      if (!isKey("secp256k1", publicKey, keyId) || !equalBytes(result.publicKey, publicKey)) {
        return wrong("the presignature is of another key");
      }
      const { part } = result;
      return { result: { kind: "presign", curve: "secp256k1", keyId, publicKey, part } };
    }
    case "reshare":
      if (result.kind !== "reshare") return wrong("the worker did another job");
      return judgeReshare(spec, self, result.share);
  }
}

function judgeSignature(spec: SignSpec, result: WorkerResult): Verdict {
  const { curve, keyId, publicKey, message } = spec;
  if (!isKey(curve, publicKey, keyId)) return wrong("the public key is not the one of the key id");
  if (curve === "secp256k1") {
    if (result.kind !== "sign") return wrong("the worker did another job");
    const { r, s, recoveryId } = result;
    if (!equalBytes(result.publicKey, publicKey) || !verifyEcdsa(publicKey, message, result)) {
      return wrong("the signature does not verify");
    }
    return { result: { kind: "sign", curve, keyId, publicKey, r, s, recoveryId } };
  }
  if (result.kind !== "sign-eddsa") return wrong("the worker did another job");
  const { signature } = result;
  if (!equalBytes(result.publicKey, publicKey) || !verifyEddsa(publicKey, message, signature)) {
    return wrong("the signature does not verify");
  }
  return { result: { kind: "sign", curve, keyId, publicKey, signature } };
}

function judgeReshare(spec: ReshareSpec, self: Identity, share: NewShare | null): Verdict {
  const { curve, keyId, newCommittee, newThreshold } = spec;
  if (newCommittee.includes(self) !== (share !== null)) {
    return wrong("the worker gave a share to a leaving member, or none to a new one");
  }
  if (share !== null) {
    if (!equalBytes(share.keyId, keyId) || !isKey(curve, share.publicKey, keyId)) {
      return wrong("the new share belongs to another key");
    }
    if (spec.publicKey !== undefined && !equalBytes(share.publicKey, spec.publicKey)) {
      return wrong("the public key changed");
    }
  }
  return {
    result: {
      kind: "reshare",
      curve,
      keyId,
      publicKey: share?.publicKey ?? spec.publicKey ?? new Uint8Array(0),
      shareCiphertext: share?.shareCiphertext ?? null,
      committee: [...newCommittee],
      threshold: newThreshold,
    },
  };
}

function wrong(reason: string): Failure {
  return { code: "TF-VERIFY", reason, round: 0, culprits: [] };
}
