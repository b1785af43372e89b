/**
 * Session identifiers of the ECDSA protocols: one hash over everything public that the parties
 * share beforehand. Proofs are bound to it.
 *
 * @module
 */

import { bytesToInt } from "../../encoding/bytes.ts";
import { curveConstants, flattenPoints, secp256k1 } from "../../crypto/curve.ts";
import { ssidOf, textToInt } from "../../crypto/framed_hash.ts";
import type { EcdsaShareFields } from "./share.ts";

/** The Go library computes every SSID in round 1 with nonce 0. */
const ROUND = 1n;
const NONCE = 0n;

/** A ceremony id is hashed as an integer, and only when there is one. */
function ceremony(id: Uint8Array): bigint[] {
  return id.length === 0 ? [] : [bytesToInt(id)];
}

/** The public part of key shares that an SSID covers, in party order. */
export type PublicLists = Pick<EcdsaShareFields, "bigXj" | "nTildej" | "h1j" | "h2j">;

function listsOf(lists: PublicLists): bigint[] {
  return [...flattenPoints(lists.bigXj), ...lists.nTildej, ...lists.h1j, ...lists.h2j];
}

/** Returns the SSID of a key generation (ecdsa-keygen, "Session id"): at most 32 bytes. */
export function keygenSsid(session: {
  readonly keys: readonly bigint[];
  readonly threshold: number;
  readonly ceremonyId: Uint8Array;
}): Uint8Array {
  return ssidOf([
    textToInt("ecdsa-keygen"),
    ...curveConstants(secp256k1),
    ...session.keys,
    BigInt(session.keys.length),
    BigInt(session.threshold),
    ROUND,
    NONCE,
    ...ceremony(session.ceremonyId),
  ]);
}

/** Returns the SSID of a signing (ecdsa-signing 5); `m` is the digest as integer. */
export function signingSsid(session: {
  readonly keys: readonly bigint[];
  readonly lists: PublicLists;
  readonly threshold: number;
  readonly ceremonyId: Uint8Array;
  readonly m: bigint;
}): Uint8Array {
  return ssidOf([
    textToInt("ecdsa-signing"),
    ...curveConstants(secp256k1),
    ...session.keys,
    ...listsOf(session.lists),
    BigInt(session.keys.length),
    BigInt(session.threshold),
    ROUND,
    NONCE,
    ...ceremony(session.ceremonyId),
    session.m,
  ]);
}

/**
 * Returns the SSID of a presigning: a signing's with a name of its own, the presignature's id in
 * place of the ceremony id and of the message, and the key's generation.
 */
export function presigningSsid(session: {
  readonly keys: readonly bigint[];
  readonly lists: PublicLists;
  readonly threshold: number;
  /** 32 bytes. */
  readonly presignatureId: Uint8Array;
  /** How often the key was reshared. */
  readonly generation: number;
}): Uint8Array {
  return ssidOf([
    textToInt("transfunctioner-ecdsa-presigning-v1"),
    ...curveConstants(secp256k1),
    ...session.keys,
    ...listsOf(session.lists),
    BigInt(session.keys.length),
    BigInt(session.threshold),
    BigInt(session.generation),
    bytesToInt(session.presignatureId),
  ]);
}

/** Returns the SSID of a resharing (ecdsa-resharing 9); `lists` are the listed old parties'. */
export function resharingSsid(session: {
  readonly oldKeys: readonly bigint[];
  readonly newKeys: readonly bigint[];
  readonly lists: PublicLists;
  readonly oldThreshold: number;
  readonly newThreshold: number;
  readonly ceremonyId: Uint8Array;
}): Uint8Array {
  return ssidOf([
    textToInt("ecdsa-resharing"),
    ...curveConstants(secp256k1),
    ...session.oldKeys,
    ...session.newKeys,
    ...listsOf(session.lists),
    BigInt(session.oldKeys.length),
    BigInt(session.oldThreshold),
    BigInt(session.newKeys.length),
    BigInt(session.newThreshold),
    ROUND,
    NONCE,
    ...ceremony(session.ceremonyId),
  ]);
}
