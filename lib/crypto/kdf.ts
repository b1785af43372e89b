/**
 * Hash and key-derivation primitives of the wire and the key store, behind one import.
 *
 * @module
 */

import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import { hmac } from "@noble/hashes/hmac.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { ripemd160 as nobleRipemd160 } from "@noble/hashes/legacy.js";
import { utf8 } from "../encoding/bytes.ts";
import { loadNativeSha256, type Sha256 } from "./native_sha256.ts";

/** The runtime's own SHA-256, once this thread has asked for it. */
let native: Sha256 | null = null;
/** Below this many bytes the way to the runtime and back costs more than the hash. */
const NATIVE_FROM = 512;

/** Lets this thread use the runtime's own SHA-256 from when it is loaded; the results are the same. */
export async function useNativeSha256(): Promise<void> {
  native ??= await loadNativeSha256();
}

/** Returns SHA-256 (32 bytes) over the concatenation of `parts`. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  if (native !== null) {
    let length = 0;
    for (const part of parts) length += part.length;
    if (length >= NATIVE_FROM) return native(parts);
  }
  if (parts.length === 1) return nobleSha256(parts[0]!) as Uint8Array<ArrayBuffer>;
  const hash = nobleSha256.create();
  for (const part of parts) hash.update(part);
  return hash.digest() as Uint8Array<ArrayBuffer>;
}

/** Returns RIPEMD-160 (20 bytes) of `bytes`. */
export function ripemd160(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return nobleRipemd160(bytes) as Uint8Array<ArrayBuffer>;
}

/** Returns HMAC-SHA256 (32 bytes) of `message` under `key` of any length. */
export function hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array<ArrayBuffer> {
  return hmac(nobleSha256, key, message) as Uint8Array<ArrayBuffer>;
}

/** HMAC-SHA256 of many messages under one key, which is taken in once. */
export class HmacSha256 {
  readonly #keyed: ReturnType<typeof hmac.create>;

  /** @param key of any length; not kept. */
  constructor(key: Uint8Array) {
    this.#keyed = hmac.create(nobleSha256, key);
  }

  /** Returns the code of `message`, 32 bytes. */
  of(message: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.#keyed.clone().update(message).digest() as Uint8Array<ArrayBuffer>;
  }
}

/**
 * HKDF-SHA256 (RFC 5869), extract and expand.
 *
 * @param ikm input key material; stays the caller's to wipe.
 * @param info ASCII label that separates the uses of one key.
 * @param length bytes wanted, at most 8,160.
 */
export function hkdfSha256(
  ikm: Uint8Array,
  salt: Uint8Array,
  info: string,
  length: number,
): Uint8Array<ArrayBuffer> {
  return hkdf(nobleSha256, ikm, salt, utf8(info), length) as Uint8Array<ArrayBuffer>;
}
