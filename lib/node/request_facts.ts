/**
 * What there is to say about a request, for whoever decides about it and for the record.
 *
 * @module
 */

import { sha256 } from "../crypto/kdf.ts";
import { toHex } from "../encoding/bytes.ts";
import type { JsonInput } from "../encoding/json.ts";
import type { CeremonyRequest } from "./request.ts";

/** Facts under stable names. Nothing in them is secret. */
export type Facts = Readonly<Record<string, JsonInput | undefined>>;

/** How a request came to this node. */
export interface Origin {
  /** This node's own operator asked. */
  readonly local: boolean;
  /** Nobody signed it, so nobody knows who asked. */
  readonly unsigned: boolean;
}

/**
 * Describes a request.
 *
 * @param curve of the key, where the request does not say and this node knows.
 */
export function factsOf(request: CeremonyRequest, origin: Origin, curve?: string): Facts {
  const common = {
    ceremony: request.id,
    kind: request.kind,
    requester: origin.unsigned ? undefined : request.requester,
    local: origin.local,
    unsigned: origin.unsigned ? true : undefined,
    purpose: request.purpose,
  };
  switch (request.kind) {
    case "keygen":
      return {
        ...common,
        curve: request.curve,
        committee: request.committee,
        threshold: request.threshold,
      };
    case "sign":
      return {
        ...common,
        key: request.keyId,
        curve,
        ...payloadFacts(request.payload),
        presignature: request.presigned?.id,
        committee: request.committee,
        threshold: request.threshold,
      };
    case "presign":
      return {
        ...common,
        key: request.keyId,
        committee: request.committee,
        threshold: request.threshold,
      };
    case "reshare":
      return {
        ...common,
        key: request.keyId,
        curve: request.curve,
        old_committee: request.oldCommittee,
        old_threshold: request.oldThreshold,
        new_committee: request.newCommittee,
        new_threshold: request.newThreshold,
      };
  }
}

/** A digest as it is; of a longer or shorter message its length and hash. */
function payloadFacts(payload: Uint8Array): Facts {
  if (payload.length === 32) return { digest: toHex(payload) };
  return { message_bytes: payload.length, message_sha256: toHex(sha256(payload)) };
}
