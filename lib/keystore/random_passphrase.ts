/**
 * Passphrases that the program made itself: 256 random bits in a form that nobody types.
 *
 * Stretching (scrypt) makes guessing a person's passphrase slow. There is nothing to guess in 256
 * random bits, so these go through HKDF, and a daemon starts in a quarter of a second instead of a
 * whole one. The checksum is there so that no passphrase of a person can be taken for one.
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import { sha256 } from "../crypto/kdf.ts";
import { fromHex, toHex, utf8 } from "../encoding/bytes.ts";

const BYTES = 32;
const FORM = /^trf1-([0-9a-f]{64})-([0-9a-f]{8})$/;

function checksum(bits: Uint8Array): string {
  return toHex(sha256(utf8("transfunctioner/passphrase/1"), bits).subarray(0, 4));
}

/** Makes one: `trf1-`, 64 hex digits of randomness, `-`, 8 hex digits of checksum. */
export function makeRandomPassphrase(random: RandomSource): string {
  const bits = new Uint8Array(random(BYTES));
  try {
    return `trf1-${toHex(bits)}-${checksum(bits)}`;
  } finally {
    bits.fill(0);
  }
}

/**
 * Returns the 32 random bytes of a passphrase that {@link makeRandomPassphrase} made, or null for
 * any other text. The caller wipes them.
 */
export function randomPassphraseBits(passphrase: string): Uint8Array<ArrayBuffer> | null {
  const parts = FORM.exec(passphrase);
  if (parts === null) return null;
  const bits = fromHex(parts[1]!);
  if (checksum(bits) === parts[2]) return bits;
  bits.fill(0);
  return null;
}
