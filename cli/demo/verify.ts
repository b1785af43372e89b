/**
 * Checks the demo's signature with OpenSSL-style primitives of the runtime, not with the code that
 * made it.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import { fromHex, minimalBytes, toHex } from "../../lib/encoding/bytes.ts";

/** SubjectPublicKeyInfo of a secp256k1 key, up to the compressed or uncompressed point. */
const SPKI_COMPRESSED = "3036301006072a8648ce3d020106052b8104000a032200";

function derInteger(bytes: Uint8Array): string {
  const body = minimalBytes(BigInt("0x" + toHex(bytes)));
  const padded = body[0]! >= 0x80 ? "00" + toHex(body) : toHex(body);
  return "02" + (padded.length / 2).toString(16).padStart(2, "0") + padded;
}

/** DER of an ECDSA signature from its two 32-byte halves. */
export function derSignature(r: string, s: string): string {
  const body = derInteger(fromHex(r)) + derInteger(fromHex(s));
  return "30" + (body.length / 2).toString(16).padStart(2, "0") + body;
}

/**
 * Verifies an ECDSA signature over the SHA-256 of `data` with the runtime's own `node:crypto`.
 *
 * @param publicKey compressed secp256k1 key, 33 bytes in hex.
 */
export function verifyIndependently(
  data: Uint8Array,
  publicKey: string,
  r: string,
  s: string,
): boolean {
  return verify("sha256", data, secp256k1Key(publicKey), fromHex(derSignature(r, s)));
}

/**
 * Verifies an Ed25519 signature of `message` with the runtime's own `node:crypto`.
 *
 * @param publicKey 32 bytes in hex; `signature`: 64 bytes in hex.
 */
export function verifyEd25519(message: Uint8Array, publicKey: string, signature: string): boolean {
  return verify(null, message, ed25519Key(publicKey), fromHex(signature));
}

/** Tells whether `node:crypto` takes a public key for one of that curve. */
export function isPublicKey(curve: "secp256k1" | "ed25519", publicKey: string): boolean {
  try {
    const key = curve === "secp256k1" ? secp256k1Key(publicKey) : ed25519Key(publicKey);
    return key.type === "public";
  } catch {
    return false;
  }
}

/** SHA-256 by the runtime. */
export function digestOf(data: Uint8Array): Buffer {
  return createHash("sha256").update(data).digest();
}

/** SubjectPublicKeyInfo of an Ed25519 key, up to the 32 bytes (RFC 8410). */
const SPKI_ED25519 = "302a300506032b6570032100";

function secp256k1Key(publicKey: string): KeyObject {
  return keyOf(SPKI_COMPRESSED + publicKey);
}

function ed25519Key(publicKey: string): KeyObject {
  return keyOf(SPKI_ED25519 + publicKey);
}

function keyOf(spki: string): KeyObject {
  return createPublicKey({ key: Buffer.from(fromHex(spki)), format: "der", type: "spki" });
}
