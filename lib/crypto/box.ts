/**
 * NaCl's secretbox and box: XSalsa20-Poly1305 under a shared key, and X25519 in front of it.
 *
 * @module
 */

import nacl from "tweetnacl";
import { BoxKernel, MOST_BOX_BYTES } from "./box_kernel.ts";
import { agreesWith } from "./box_self_test.ts";
import { loadNativeX25519, type ScalarMult } from "./native_x25519.ts";

/** Length of a secretbox and box key, and of an X25519 key, in bytes. */
export const BOX_KEY_BYTES = 32;
/** Length of a nonce in bytes. */
export const BOX_NONCE_BYTES = 24;
/** Length of the authentication tag, which stands in front of the ciphertext. */
export const BOX_TAG_BYTES = 16;

/** The part of tweetnacl that its type declarations leave out. */
interface LowLevel {
  crypto_core_hsalsa20(out: Uint8Array, input: Uint8Array, key: Uint8Array, c: Uint8Array): number;
}
const { lowlevel } = nacl as unknown as { lowlevel: LowLevel };
const SIGMA = new TextEncoder().encode("expand 32-byte k");
const ZERO_INPUT = new Uint8Array(16);

/** This thread's kernel, made at first use; `null` where it does not compute as it should. */
let kernel: BoxKernel | null | undefined;

function makeKernel(): BoxKernel | null {
  try {
    const candidate = new BoxKernel();
    return agreesWith(candidate, nacl) ? candidate : null;
  } catch (error) {
    // An engine without vector instructions refuses the module.
    if (!(error instanceof WebAssembly.CompileError)) throw error;
    return null;
  }
}

/** The kernel, if it can take `size` bytes. Checks the other lengths, as the kernel does not. */
function kernelFor(size: number, nonce: Uint8Array, key: Uint8Array): BoxKernel | null {
  if (nonce.length !== BOX_NONCE_BYTES || key.length !== BOX_KEY_BYTES) {
    throw new RangeError(
      `Cannot use a secretbox: nonce and key must be ${BOX_NONCE_BYTES} and ${BOX_KEY_BYTES} bytes`,
    );
  }
  if (size > MOST_BOX_BYTES) return null;
  return kernel === undefined ? kernel = makeKernel() : kernel;
}

/**
 * Encrypts: returns tag (16 bytes) followed by the ciphertext. A nonce serves once per key.
 *
 * @throws {RangeError} if nonce or key have another length than theirs.
 */
export function secretboxSeal(
  cleartext: Uint8Array,
  nonce: Uint8Array,
  key: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const box = new Uint8Array(BOX_TAG_BYTES + cleartext.length);
  secretboxSealInto(box, 0, cleartext, nonce, key);
  return box;
}

/**
 * The same, written into `out` from `at` on, where there must be room.
 *
 * @throws {RangeError} if nonce or key have another length than theirs, or there is no room.
 */
export function secretboxSealInto(
  out: Uint8Array,
  at: number,
  cleartext: Uint8Array,
  nonce: Uint8Array,
  key: Uint8Array,
): void {
  const fast = kernelFor(cleartext.length, nonce, key);
  if (fast === null) out.set(nacl.secretbox(cleartext, nonce, key), at);
  else fast.seal(out, at, cleartext, nonce, key);
}

/**
 * Checks and decrypts; `null` if the box was not made with this key and nonce.
 *
 * @throws {RangeError} if nonce or key have another length than theirs.
 */
export function secretboxOpen(
  box: Uint8Array,
  nonce: Uint8Array,
  key: Uint8Array,
): Uint8Array | null {
  const fast = kernelFor(box.length, nonce, key);
  return fast === null ? nacl.secretbox.open(box, nonce, key) : fast.open(box, nonce, key);
}

/** The runtime's own X25519, once this thread has asked for it. */
let native: ScalarMult | null = null;
const BASE_POINT = new Uint8Array(BOX_KEY_BYTES);
BASE_POINT[0] = 9;

/** Lets this thread use the runtime's own X25519 from when it is loaded; the results are the same. */
export async function useNativeX25519(): Promise<void> {
  native ??= await loadNativeX25519();
}

/**
 * Returns the X25519 public key (32 bytes) of a 32-byte private key, which is clamped inside.
 *
 * @throws {RangeError} if the key is not 32 bytes.
 */
export function x25519Public(privateKey: Uint8Array): Uint8Array<ArrayBuffer> {
  if (privateKey.length !== BOX_KEY_BYTES) {
    throw new RangeError("Cannot make an X25519 public key: the private key must be 32 bytes");
  }
  return native !== null
    ? native(privateKey, BASE_POINT)
    : nacl.scalarMult.base(privateKey) as Uint8Array<ArrayBuffer>;
}

/**
 * X25519 (RFC 7748): the 32-byte shared secret, or `null` when it is all zero, that is when
 * `publicKey` is a point of low order and the secret would be known to everybody.
 *
 * @throws {RangeError} if a key is not 32 bytes.
 */
export function x25519(
  privateKey: Uint8Array,
  publicKey: Uint8Array,
): Uint8Array<ArrayBuffer> | null {
  if (privateKey.length !== BOX_KEY_BYTES || publicKey.length !== BOX_KEY_BYTES) {
    throw new RangeError("Cannot run X25519: both keys must be 32 bytes");
  }
  const shared = multiply(privateKey, publicKey);
  let bits = 0;
  for (const byte of shared) bits |= byte;
  return bits === 0 ? null : shared;
}

function multiply(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array<ArrayBuffer> {
  try {
    if (native !== null) return native(privateKey, publicKey);
  } catch {
    // It refuses points of low order by an error without a name: the other one says whether it is.
  }
  return nacl.scalarMult(privateKey, publicKey) as Uint8Array<ArrayBuffer>;
}

/**
 * The key that NaCl's `box` derives from an X25519 pair: HSalsa20 of the shared secret.
 * `null` for a public key of low order, which NaCl itself would accept.
 *
 * @throws {RangeError} if a key is not 32 bytes.
 */
export function boxSharedKey(
  privateKey: Uint8Array,
  publicKey: Uint8Array,
): Uint8Array<ArrayBuffer> | null {
  const shared = x25519(privateKey, publicKey);
  if (shared === null) return null;
  const key = new Uint8Array(BOX_KEY_BYTES);
  lowlevel.crypto_core_hsalsa20(key, ZERO_INPUT, shared, SIGMA);
  shared.fill(0);
  return key;
}

/**
 * NaCl `box`: encrypts `cleartext` from `privateKey` to `publicKey`; tag first.
 *
 * @returns `null` if `publicKey` is a point of low order.
 * @throws {RangeError} if a key is not 32 bytes.
 */
export function boxSeal(
  cleartext: Uint8Array,
  nonce: Uint8Array,
  publicKey: Uint8Array,
  privateKey: Uint8Array,
): Uint8Array | null {
  const key = boxSharedKey(privateKey, publicKey);
  if (key === null) return null;
  try {
    return secretboxSeal(cleartext, nonce, key);
  } finally {
    key.fill(0);
  }
}

/**
 * Opens a NaCl `box`.
 *
 * @returns `null` if it does not open or `publicKey` is a point of low order.
 * @throws {RangeError} if a key is not 32 bytes.
 */
export function boxOpen(
  box: Uint8Array,
  nonce: Uint8Array,
  publicKey: Uint8Array,
  privateKey: Uint8Array,
): Uint8Array | null {
  const key = boxSharedKey(privateKey, publicKey);
  if (key === null) return null;
  try {
    return secretboxOpen(box, nonce, key);
  } finally {
    key.fill(0);
  }
}
