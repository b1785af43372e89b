/**
 * Checks the demo's signature with OpenSSL-style primitives of the runtime, not with the code that
 * made it.
 *
 * @module
 */

import { createPublicKey, verify } from "node:crypto";
import { fromHex, minimalBytes, toBase64, toHex } from "../../lib/encoding/bytes.ts";

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
  const pem = `-----BEGIN PUBLIC KEY-----\n${
    toBase64(fromHex(SPKI_COMPRESSED + publicKey))
  }\n-----END PUBLIC KEY-----\n`;
  return verify("sha256", data, createPublicKey(pem), fromHex(derSignature(r, s)));
}
