/**
 * X25519 by the runtime's own crypto, which is compiled: a tenth of the time of the JavaScript one.
 *
 * Loading it takes a thread longer than several key exchanges do, so that it is a thing to do when
 * nothing waits, and never for a thread that lives for one of them. Until then, where it is missing
 * and where it does not compute as it should, JavaScript goes on computing.
 *
 * @module
 */

import { concat, equalBytes, fromHex } from "../encoding/bytes.ts";

/** Multiplies the point with u-coordinate `u` by a clamped scalar; throws at low order. */
export type ScalarMult = (scalar: Uint8Array, u: Uint8Array) => Uint8Array<ArrayBuffer>;

/** PKCS #8 and SubjectPublicKeyInfo of an X25519 key up to its 32 bytes (RFC 8410). */
const PRIVATE_HEAD = fromHex("302e020100300506032b656e04220420");
const PUBLIC_HEAD = fromHex("302a300506032b656e032100");

/** RFC 7748, section 5.2: scalar, u, result. The second u has its unused top bit set. */
const KNOWN = [
  [
    "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
    "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
    "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
  ],
  [
    "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
    "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
    "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
  ],
].map((row) => row.map(fromHex)) as [Uint8Array, Uint8Array, Uint8Array][];

/** Loads the runtime's X25519; `null` where there is none that computes as RFC 7748 says. */
export async function loadNativeX25519(): Promise<ScalarMult | null> {
  try {
    const { createPrivateKey, createPublicKey, diffieHellman } = await import("node:crypto");
    const { Buffer } = await import("node:buffer");
    const multiply: ScalarMult = (scalar, u) => {
      const der = concat(PRIVATE_HEAD, scalar);
      try {
        const secret = diffieHellman({
          privateKey: createPrivateKey({ key: asBuffer(der), format: "der", type: "pkcs8" }),
          publicKey: createPublicKey({
            key: asBuffer(concat(PUBLIC_HEAD, u)),
            format: "der",
            type: "spki",
          }),
        });
        const out = Uint8Array.from(secret);
        secret.fill(0);
        return out;
      } finally {
        der.fill(0);
      }
    };
    const asBuffer = (bytes: Uint8Array<ArrayBuffer>) => Buffer.from(bytes.buffer);
    return KNOWN.every(([k, u, r]) => equalBytes(multiply(k, u), r)) ? multiply : null;
  } catch {
    return null;
  }
}
