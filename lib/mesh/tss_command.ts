/**
 * Signed round messages (specification: mesh section 15.1).
 *
 * @module
 */

import { type NodeIdentity, verifySignature } from "../crypto/identity.ts";
import { sha256 } from "../crypto/kdf.ts";
import { u32be, utf8 } from "../encoding/bytes.ts";
import type { TssCommand } from "./command_types.ts";

/**
 * Numbers of the ceremonies in a `tss` command's `ceremonyType`. The last one is not Go's; only nodes
 * that announced it get it.
 */
export const CEREMONY_TYPE = { keygen: 1, reshare: 2, sign: 3, presign: 4 } as const;

/** Bits of a `tss` command's `flags`. */
export const TSS_FLAG = { broadcast: 1, toOld: 2, toNew: 4, fromNew: 8 } as const;

const LABEL = utf8("continuum-tss-msg-v1");

/**
 * The hash that the sender of a round message signs. It covers the ceremony and the data, but
 * neither type, flags, sender nor receiver.
 */
export function tssDigest(ceremonyId: Uint8Array, data: Uint8Array): Uint8Array<ArrayBuffer> {
  return sha256(LABEL, ceremonyId, u32be(data.length), data);
}

/**
 * Builds and signs a round message.
 *
 * @param ceremonyId 32 bytes.
 * @throws {RangeError} if the ceremony id is not 32 bytes.
 */
export function signTss(
  identity: NodeIdentity,
  ceremonyId: Uint8Array,
  ceremonyType: number,
  flags: number,
  data: Uint8Array,
): TssCommand {
  if (ceremonyId.length !== 32) {
    throw new RangeError("Cannot sign round message: the ceremony id must be 32 bytes");
  }
  return {
    type: "tss",
    ceremonyId,
    ceremonyType,
    from: identity.identity,
    flags,
    data,
    signature: identity.sign(tssDigest(ceremonyId, data)),
  };
}

/** Tells whether the round message was signed by the node it says it is from. */
export function verifyTss(command: TssCommand): boolean {
  if (command.ceremonyId.length !== 32) return false;
  return verifySignature(
    tssDigest(command.ceremonyId, command.data),
    command.signature,
    command.from,
  );
}
