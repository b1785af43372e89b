/**
 * The hash of the threshold protocols: SHA-512/256 over framed byte strings and integers
 * (specification: tss-core section 2).
 *
 * @module
 */

import { sha512_256 } from "@noble/hashes/sha2.js";
import { bytesToInt, concat, minimalBytes, u32be, utf8 } from "../encoding/bytes.ts";

const DOLLAR = 0x24;

/**
 * Lays out byte strings so that no two lists look alike: the count, then every part followed by a
 * dollar sign and its own length (counts and lengths as 8 bytes, little-endian).
 */
function frame(prefix: readonly Uint8Array[], parts: readonly Uint8Array[]): Uint8Array {
  let length = 8 + 9 * parts.length;
  for (const p of prefix) length += p.length;
  for (const p of parts) length += p.length;
  const out = new Uint8Array(length);
  const view = new DataView(out.buffer);
  let at = 0;
  for (const p of prefix) {
    out.set(p, at);
    at += p.length;
  }
  view.setBigUint64(at, BigInt(parts.length), true);
  at += 8;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
    out[at] = DOLLAR;
    view.setBigUint64(at + 1, BigInt(p.length), true);
    at += 9;
  }
  return out;
}

/**
 * Hashes a list of byte strings to 32 bytes (section 2.2). Without any part the result is empty,
 * as the reference gives nothing then.
 */
export function framedHash(...parts: Uint8Array[]): Uint8Array {
  return parts.length === 0 ? new Uint8Array(0) : sha512_256(frame([], parts));
}

/**
 * Hashes integers to an integer in `[0, 2^256)` (section 2.3). It is blind to signs: each integer
 * counts as its minimal magnitude, zero as the empty string.
 */
export function hashInts(ns: readonly bigint[]): bigint {
  return bytesToInt(framedHash(...ns.map(minimalBytes)));
}

/**
 * Hashes integers under a tag to an integer in `[0, 2^256)` (section 2.4): the framed hash of the
 * tag goes twice in front of the framed integers. Sign-blind like {@link hashInts}.
 */
export function hashIntsTagged(tag: Uint8Array, ns: readonly bigint[]): bigint {
  const t = framedHash(tag);
  return bytesToInt(sha512_256(frame([t, t], ns.map(minimalBytes))));
}

/**
 * Returns the context bytes of one party in one ceremony, the tag of all its proofs (section 2.7):
 * `ssid`, then length (4 bytes, big-endian) and minimal bytes of the party's index, so index 0
 * ends in four zero bytes.
 *
 * @param index Position in the sorted party list, from 0.
 * @throws {RangeError} if the index is not a non-negative integer.
 */
export function partyContext(ssid: Uint8Array, index: number): Uint8Array<ArrayBuffer> {
  if (!Number.isSafeInteger(index) || index < 0) {
    throw new RangeError("Cannot make a party context: the index must be a non-negative integer");
  }
  const n = minimalBytes(BigInt(index));
  return concat(ssid, u32be(n.length), n);
}

/**
 * Returns the session id over `ns`: the minimal bytes of the hash, so one in 256 is shorter than
 * 32 bytes (section 2.8).
 */
export function ssidOf(ns: readonly bigint[]): Uint8Array<ArrayBuffer> {
  return minimalBytes(hashInts(ns));
}

/** Returns the bytes of a protocol name read as a big-endian integer (section 2.8). */
export function textToInt(text: string): bigint {
  return bytesToInt(utf8(text));
}
