/**
 * The files of one key and the sealed metadata in them: what {@link ShareStore} is built on.
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import { sha256 } from "../crypto/kdf.ts";
import { toHex } from "../encoding/bytes.ts";
import { KeystoreError } from "./errors.ts";
import { type FileLayer, joinPath, TEMPORARY } from "./files.ts";
import { decodeMeta, encodeMeta, keyIdBytes, type KeyMeta, MetaError, parseKeyId } from "./meta.ts";
import { MAX_STORE_FILE, openStoreFile, sealStoreFile, StoreFileError } from "./store_file.ts";

/** The files that a key can have, by the end of their names. */
export type ShareFile =
  /** The sealed share. */
  | "key"
  /** The sealed metadata. */
  | "meta"
  /** A share that is to become current. */
  | "key.next"
  /** Its metadata. */
  | "meta.next"
  /** A replaced share on its way out. */
  | "key.old";

/** All of {@link ShareFile}. */
export const SHARE_FILES: readonly ShareFile[] = [
  "key",
  "meta",
  "key.next",
  "meta.next",
  "key.old",
];

/** A share that waits beside the current one for its resharing to be confirmed. */
export interface StagedShare {
  /** The key. */
  readonly keyId: string;
  /** The resharing that made it, 64 hex digits. */
  readonly ceremony: string;
  /** What will be the key's metadata. */
  readonly meta: KeyMeta;
}

/** What {@link ShareFiles} works with. */
export interface ShareFilesOptions {
  /** The disk. */
  readonly files: FileLayer;
  /** The node's `tss` directory. */
  readonly directory: string;
  /** 32 bytes, borrowed. */
  readonly storeKey: Uint8Array;
  /** For nonces. */
  readonly random: RandomSource;
}

/** Reads and writes single files of keys; keeps no state. */
export class ShareFiles {
  readonly #files: FileLayer;
  readonly #directory: string;
  readonly #storeKey: Uint8Array;
  readonly #random: RandomSource;

  /** Borrows everything in `options`. */
  constructor(options: ShareFilesOptions) {
    this.#files = options.files;
    this.#directory = options.directory;
    this.#storeKey = options.storeKey;
    this.#random = options.random;
  }

  /** Returns the path of a key's file. */
  path(keyId: string, kind: ShareFile): string {
    return joinPath(this.#directory, `${parseKeyId(keyId)}.${kind}`);
  }

  /** Tells whether a file is there. */
  async exists(keyId: string, kind: ShareFile): Promise<boolean> {
    return await this.#files.stat(this.path(keyId, kind)) !== null;
  }

  /** Reads a file as it is; null if absent. */
  async read(keyId: string, kind: ShareFile): Promise<Uint8Array<ArrayBuffer> | null> {
    const path = this.path(keyId, kind);
    if (await this.#files.stat(path) === null) return null;
    return await this.#files.read(path, { limit: MAX_STORE_FILE });
  }

  /**
   * Opens and reads metadata; null if absent.
   *
   * @throws {KeystoreError} TF-DAMAGED.
   */
  async readMeta(keyId: string, kind: "meta" | "meta.next"): Promise<KeyMeta | null> {
    const id = parseKeyId(keyId);
    const file = await this.read(id, kind);
    if (file === null) return null;
    let plaintext: Uint8Array | undefined;
    try {
      plaintext = openStoreFile(this.#storeKey, keyIdBytes(id), file);
      return decodeMeta(plaintext, id);
    } catch (error) {
      if (error instanceof StoreFileError || error instanceof MetaError) {
        throw damagedFile(this.path(id, kind), error.message);
      }
      throw error;
    } finally {
      plaintext?.fill(0); // A share put in the metadata's place must not stay in memory.
    }
  }

  /** Seals and writes metadata. */
  async writeMeta(keyId: string, kind: "meta" | "meta.next", meta: KeyMeta): Promise<void> {
    const id = keyIdBytes(keyId);
    const sealed = sealStoreFile(this.#storeKey, id, encodeMeta(meta), this.#random);
    await this.#files.writeAtomic(this.path(keyId, kind), sealed, 0o600);
  }

  /** Writes `key.next`, then its metadata (with the share's hash) as `kind`. */
  async writePair(
    keyId: string,
    ciphertext: Uint8Array,
    meta: KeyMeta,
    kind: "meta" | "meta.next",
  ): Promise<void> {
    if (meta.keyId !== keyId || meta.status !== "active") {
      throw callerFault(keyId, "its metadata is of another key or not active");
    }
    // The smallest possible file: nonce, box, length, key id and one byte.
    if (ciphertext.length <= 60 || ciphertext.length > MAX_STORE_FILE) {
      throw callerFault(keyId, `${ciphertext.length} bytes are no sealed share`);
    }
    await this.#files.writeAtomic(this.path(keyId, "key.next"), ciphertext, 0o600);
    await this.writeMeta(keyId, kind, { ...meta, shareHash: shareHash(ciphertext) });
  }

  /**
   * Returns the staged share of a key; null if there is none.
   *
   * @throws {KeystoreError} TF-DAMAGED.
   */
  async readStaged(keyId: string): Promise<StagedShare | null> {
    const meta = await this.readMeta(keyId, "meta.next");
    if (meta === null) return null;
    const path = this.path(keyId, "key.next");
    const bytes = await this.read(keyId, "key.next");
    if (bytes === null) throw damagedFile(path, "it is missing");
    if (shareHash(bytes) !== meta.shareHash) {
      throw damagedFile(path, "it was altered or exchanged");
    }
    return { keyId, ceremony: meta.ceremony ?? "", meta };
  }

  /** The moment at which a staged share becomes current. */
  async promoteMeta(keyId: string): Promise<void> {
    await this.#files.rename(this.path(keyId, "meta.next"), this.path(keyId, "meta"));
  }

  /** The steps after the metadata is current. Safe to repeat. */
  async promoteShare(keyId: string): Promise<void> {
    if (await this.exists(keyId, "key")) {
      await this.#files.rename(this.path(keyId, "key"), this.path(keyId, "key.old"));
    }
    await this.#files.rename(this.path(keyId, "key.next"), this.path(keyId, "key"));
    await this.destroy(keyId, "key.old");
  }

  /** Removes staged metadata in one step: overwritten first, it could be found half-way. */
  async removeStagedMeta(keyId: string): Promise<void> {
    await this.#files.remove(this.path(keyId, "meta.next"));
  }

  /** Overwrites and removes a file that nothing refers to any more; an absent one is fine. */
  async destroy(keyId: string, kind: ShareFile): Promise<void> {
    await this.#files.remove(this.path(keyId, kind), { overwrite: true });
  }

  /** Renames every file of a key to `….damaged`. */
  async setAside(keyId: string): Promise<void> {
    for (const kind of SHARE_FILES) {
      const path = this.path(keyId, kind);
      if (await this.#files.stat(path) !== null) await this.#files.rename(path, `${path}.damaged`);
    }
  }

  /** Removes unfinished temporary files; returns their names. */
  async clearTemporary(): Promise<string[]> {
    const names = (await this.#files.list(this.#directory)).filter((n) => n.startsWith(TEMPORARY));
    for (const name of names) {
      await this.#files.remove(joinPath(this.#directory, name), { overwrite: true });
    }
    return names;
  }

  /** Returns the ids of keys that have a file of one of `kinds`, sorted. */
  async keyIds(kinds: readonly ShareFile[]): Promise<string[]> {
    const ids = new Set<string>();
    for (const name of await this.#files.list(this.#directory)) {
      const [, id, kind] = /^([0-9a-f]{32})\.(.+)$/.exec(name) ?? [];
      if (id !== undefined && kinds.includes(kind as ShareFile)) ids.add(id);
    }
    return [...ids].sort();
  }
}

/** Returns the hash by which metadata names its share file: SHA-256, 64 hex digits. */
export function shareHash(ciphertext: Uint8Array): string {
  return toHex(sha256(ciphertext));
}

/** The error for a share or metadata file that is not what it should be. */
export function damagedFile(path: string, why: string): KeystoreError {
  return new KeystoreError(
    "TF-DAMAGED",
    `cannot use ${path}: ${why}`,
    "restore the key's .key and .meta together from a backup of this node; nothing was changed",
  );
}

function callerFault(keyId: string, why: string): KeystoreError {
  return new KeystoreError(
    "TF-ARGUMENT",
    `cannot store a share of key ${keyId}: ${why}`,
    "this is a fault of the program; report it",
  );
}
