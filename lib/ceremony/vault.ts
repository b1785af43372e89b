/**
 * What a worker opens and seals, and the one place in it that knows the store key.
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import { encodeJson, type Json, type JsonInput, parseJson } from "../encoding/json.ts";
import { openStoreFile, sealStoreFile, StoreFileError } from "../keystore/store_file.ts";
import { ContentError } from "../tss/errors.ts";
import { JobError } from "./session.ts";
import type { NewShare } from "./spec.ts";

/**
 * Opens and seals files of the share store; holds the store key until {@link Vault.close}.
 *
 * Nothing but this object knows the key inside a worker.
 */
export class Vault {
  readonly #storeKey: Uint8Array;
  readonly #random: RandomSource;

  /** Takes the key over: it is wiped on {@link Vault.close}. */
  constructor(storeKey: Uint8Array, random: RandomSource) {
    this.#storeKey = storeKey;
    this.#random = random;
  }

  /**
   * Opens a sealed JSON value and parses it.
   *
   * @param what For the error: `the stored share`.
   * @throws {JobError} if it does not open or breaks a rule.
   */
  open<T>(what: string, id: Uint8Array, file: Uint8Array, parse: (json: Json) => T): T {
    let plaintext: Uint8Array | undefined;
    try {
      plaintext = openStoreFile(this.#storeKey, id, file);
      return parse(parseJson(plaintext));
    } catch (error) {
      if (error instanceof StoreFileError || error instanceof ContentError) {
        throw new JobError("TF-SHARE", `${what} cannot be used: ${error.message}`);
      }
      throw new JobError("TF-SHARE", `${what} cannot be read`);
    } finally {
      plaintext?.fill(0);
    }
  }

  /** Seals a JSON value under `id`. */
  seal(id: Uint8Array, value: JsonInput): Uint8Array {
    const plaintext = encodeJson(value);
    try {
      return sealStoreFile(this.#storeKey, id, plaintext, this.#random);
    } finally {
      plaintext.fill(0);
    }
  }

  /** Seals a new share. */
  sealShare(keyId: Uint8Array, publicKey: Uint8Array, share: JsonInput): NewShare {
    return { keyId, publicKey, shareCiphertext: this.seal(keyId, share) };
  }

  /** Wipes the key. */
  close(): void {
    this.#storeKey.fill(0);
  }

  /** Keeps the key out of JSON. */
  toJSON(): string {
    return "[redacted]";
  }

  /** Keeps the key out of inspection output. */
  [Symbol.for("Deno.customInspect")](): string {
    return "[redacted]";
  }
}
