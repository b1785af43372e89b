/**
 * The network thread's own look at what a worker returns, on code that the protocols do not use:
 * a wrong result must not be called complete.
 *
 * @module
 */

import { ed25519 } from "@noble/curves/ed25519.js";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToInt, concat, equalBytes, minimalBytes } from "../encoding/bytes.ts";
import type { CurveName } from "./spec.ts";

/**
 * Names a key: the first 16 bytes of SHA-256 of the public key's x without leading zero bytes
 * (secp256k1, specification: mesh section 14.4) or of the whole encoding (ed25519).
 *
 * @param publicKey 64 bytes X and Y, or 32 bytes.
 */
export function keyIdOfPublicKey(curve: CurveName, publicKey: Uint8Array): Uint8Array {
  const named = curve === "secp256k1"
    ? minimalBytes(bytesToInt(publicKey.subarray(0, 32)))
    : publicKey;
  return sha256(named).slice(0, 16);
}

/** Tells whether `publicKey` is a point of prime order in its one encoding, named by `keyId`. */
export function isKey(curve: CurveName, publicKey: Uint8Array, keyId: Uint8Array): boolean {
  try {
    if (curve === "secp256k1") {
      if (publicKey.length !== 64) return false;
      secp256k1.Point.fromBytes(uncompressed(publicKey)).assertValidity();
    } else {
      if (publicKey.length !== 32) return false;
      const point = ed25519.Point.fromBytes(publicKey);
      if (point.is0() || !point.isTorsionFree()) return false;
    }
  } catch {
    return false; // noble throws for everything that is not a point
  }
  return equalBytes(keyIdOfPublicKey(curve, publicKey), keyId);
}

/**
 * Tells whether r and s sign `digest` under `publicKey`, s is low, and `recoveryId` recovers
 * exactly that key. Never throws.
 */
export function verifyEcdsa(
  publicKey: Uint8Array,
  digest: Uint8Array,
  signature: { readonly r: Uint8Array; readonly s: Uint8Array; readonly recoveryId: number },
): boolean {
  const { r, s, recoveryId } = signature;
  if (publicKey.length !== 64 || digest.length !== 32) return false;
  if (r.length !== 32 || s.length !== 32 || ![0, 1, 2, 3].includes(recoveryId)) return false;
  try {
    const key = uncompressed(publicKey);
    const compact = concat(r, s);
    const rules = { prehash: false, lowS: true, format: "compact" } as const;
    if (!secp256k1.verify(compact, digest, key, rules)) return false;
    const recovered = secp256k1.recoverPublicKey(
      concat(Uint8Array.of(recoveryId), compact),
      digest,
      {
        prehash: false,
      },
    );
    return equalBytes(secp256k1.Point.fromBytes(recovered).toBytes(false), key);
  } catch {
    return false;
  }
}

/** Tells whether `signature` is a strict (RFC 8032) Ed25519 signature of `message`. */
export function verifyEddsa(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    return signature.length === 64 &&
      ed25519.verify(signature, message, publicKey, { zip215: false });
  } catch {
    return false;
  }
}

function uncompressed(publicKey: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(4), publicKey);
}
