/**
 * A digest of what a node was asked for, so that members can tell whether they were asked for the
 * same. Proofs are bound to all of it: where a requester asks two members for different things,
 * each finds the other's proofs wrong, and neither has cheated.
 *
 * @module
 */

import { sha256 } from "@noble/hashes/sha2.js";
import type { Identity } from "../crypto/identity.ts";
import { toHex, utf8 } from "../encoding/bytes.ts";
import type { CeremonySpec } from "./spec.ts";

/** What a request is called where members tell each other of it. */
export const REQUEST_ENTRY = "request";

/** 32 bytes over what every member of a ceremony must have been asked for alike. */
export function requestDigest(spec: CeremonySpec): Uint8Array {
  const set = (members: readonly Identity[]) => [...members].sort();
  const { kind, curve } = spec;
  const parts: unknown[] = ["transfunctioner-request-v1", kind, curve, toHex(spec.id)];
  switch (spec.kind) {
    case "keygen":
      parts.push(set(spec.committee), spec.threshold);
      break;
    case "sign":
      parts.push(toHex(spec.keyId), set(spec.committee), spec.threshold, toHex(spec.message));
      if (spec.presigned !== undefined) {
        parts.push(toHex(spec.presigned.id), spec.presigned.generation);
      }
      break;
    case "presign":
      parts.push(toHex(spec.keyId), set(spec.committee), spec.threshold, spec.generation);
      break;
    case "reshare":
      parts.push(toHex(spec.keyId), set(spec.oldCommittee), spec.oldThreshold);
      parts.push(set(spec.newCommittee), spec.newThreshold);
      break;
  }
  return sha256(utf8(JSON.stringify(parts)));
}
