/**
 * The sealed file format of the Go service (mesh specification, section 16):
 * `nonce(24) || secretbox(u32be(length of id) || id || plaintext)`.
 *
 * The identifier inside the box ties a file to its name: renamed or swapped files do not open.
 * Pure functions, fit for a worker without permissions.
 *
 * @module
 */

import nacl from "tweetnacl";
import type { RandomSource } from "../arith/random.ts";
import { concat, equalBytes, u32be, utf8 } from "../encoding/bytes.ts";

/** Length of a store key, in bytes. */
export const STORE_KEY_BYTES = 32;
/** Most plaintext bytes of one file: 4 MiB, the Go service's limit. */
export const MAX_STORE_PLAINTEXT = 4 * 1024 * 1024;
/** Longest identifier written or accepted, in bytes; key ids have 16. */
export const MAX_STORE_ID = 64;
const NONCE_BYTES = 24;
const BOX_OVERHEAD = 16;
/** Most bytes of a whole file. */
export const MAX_STORE_FILE = NONCE_BYTES + BOX_OVERHEAD + 4 + MAX_STORE_ID + MAX_STORE_PLAINTEXT;

/** The identifier under which sets of pre-parameters are sealed; no key id has its length. */
export const PREPARAMS_STORE_ID: Uint8Array<ArrayBuffer> = utf8("transfunctioner/preparams");

/** Codes of {@link StoreFileError}. */
export type StoreFileCode =
  /** Too short, or too long, to be a store file. */
  | "TF-STORE-SIZE"
  /** The seal is broken: altered bytes, or the key of another node. */
  | "TF-STORE-SEAL"
  /** The file opens but belongs under another identifier. */
  | "TF-STORE-ID";

/** A file that is not what it should be. */
export class StoreFileError extends Error {
  /** Class name. */
  override readonly name = "StoreFileError";
  /** Stable code for machines. */
  readonly code: StoreFileCode;

  /** `message` says what is wrong with the file, as `it is damaged`. */
  constructor(code: StoreFileCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Seals `plaintext` under `id`.
 *
 * @param storeKey 32 bytes, see `NodeIdentity.storeKey`.
 * @param id 1 to 64 bytes: the key id for shares and metadata.
 * @throws {RangeError} if an argument has the wrong size.
 */
export function sealStoreFile(
  storeKey: Uint8Array,
  id: Uint8Array,
  plaintext: Uint8Array,
  random: RandomSource,
): Uint8Array<ArrayBuffer> {
  assertSizes(storeKey, id);
  if (plaintext.length > MAX_STORE_PLAINTEXT) {
    throw new RangeError(
      `Cannot seal a store file: ${plaintext.length} bytes exceed ${MAX_STORE_PLAINTEXT}`,
    );
  }
  const nonce = random(NONCE_BYTES);
  if (nonce.length !== NONCE_BYTES) throw new RangeError("Cannot seal a store file: short nonce");
  const bound = concat(u32be(id.length), id, plaintext);
  try {
    return concat(nonce, nacl.secretbox(bound, nonce, storeKey));
  } finally {
    bound.fill(0);
  }
}

/**
 * Opens a store file and returns its plaintext; the caller wipes it.
 *
 * @throws {StoreFileError} if the file is damaged, sealed by another key or under another id.
 * @throws {RangeError} if the key or the identifier has the wrong size.
 */
export function openStoreFile(
  storeKey: Uint8Array,
  id: Uint8Array,
  file: Uint8Array,
): Uint8Array<ArrayBuffer> {
  assertSizes(storeKey, id);
  if (file.length < NONCE_BYTES + BOX_OVERHEAD || file.length > MAX_STORE_FILE) {
    throw new StoreFileError(
      "TF-STORE-SIZE",
      `it has ${file.length} bytes, which no store file has`,
    );
  }
  const bound = nacl.secretbox.open(
    file.subarray(NONCE_BYTES),
    file.subarray(0, NONCE_BYTES),
    storeKey,
  );
  if (bound === null) {
    throw new StoreFileError("TF-STORE-SEAL", "it is damaged or was written by another node");
  }
  try {
    const length = bound.length < 4
      ? -1
      : new DataView(bound.buffer, bound.byteOffset).getUint32(0);
    if (length < 0 || length > bound.length - 4) {
      throw new StoreFileError("TF-STORE-SIZE", "it holds no identifier");
    }
    if (!equalBytes(bound.subarray(4, 4 + length), id)) {
      throw new StoreFileError("TF-STORE-ID", "it belongs to another key: renamed or swapped");
    }
    return bound.slice(4 + length) as Uint8Array<ArrayBuffer>;
  } finally {
    bound.fill(0);
  }
}

/**
 * Checks that a store file opens under `id`, and forgets the plaintext.
 *
 * @throws {StoreFileError} as {@link openStoreFile}.
 */
export function verifyStoreFile(storeKey: Uint8Array, id: Uint8Array, file: Uint8Array): void {
  openStoreFile(storeKey, id, file).fill(0);
}

function assertSizes(storeKey: Uint8Array, id: Uint8Array): void {
  if (storeKey.length !== STORE_KEY_BYTES) {
    throw new RangeError(`Cannot use a store key of ${storeKey.length} bytes: 32 are needed`);
  }
  if (id.length < 1 || id.length > MAX_STORE_ID) {
    throw new RangeError(`Cannot use an identifier of ${id.length} bytes: 1 to ${MAX_STORE_ID}`);
  }
}
