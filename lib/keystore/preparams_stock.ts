/**
 * The stock of pre-parameter sets: sealed files, each of which serves one key only.
 *
 * A set is removed, durably, before it is handed out. A crash in between loses a few seconds of
 * work; using one set for two keys would link them and is what the Go service does.
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import { sha256 } from "../crypto/kdf.ts";
import { toHex, utf8 } from "../encoding/bytes.ts";
import { type Json, parseJson } from "../encoding/json.ts";
import type { Logger } from "../observe/logger.ts";
import { KeystoreError } from "./errors.ts";
import { type FileLayer, joinPath, TEMPORARY } from "./files.ts";
import { MAX_STORE_FILE, openStoreFile, PREPARAMS_STORE_ID, sealStoreFile } from "./store_file.ts";

/** Most sets kept. */
export const MAX_STOCK = 64;
/** Largest `preparams.json` of a Go node read; a real one has 6,000 bytes. */
const MAX_GO_FILE = 65536;
const GO_FIELDS = ["PaillierSK", "NTildei", "H1i", "H2i", "Alpha", "Beta", "P", "Q"];
const IMPORTED = "imported";
/** Ending of a set that was taken and is about to be destroyed. */
const USED = ".used";

/** The stock in one node's `preparams` directory. Calls must not overlap. */
export class PreParamsStock {
  readonly #files: FileLayer;
  readonly #directory: string;
  readonly #random: RandomSource;

  /** Uses `directory`, which is made when the first set is put in. */
  constructor(files: FileLayer, directory: string, random: RandomSource) {
    this.#files = files;
    this.#directory = directory;
    this.#random = random;
  }

  /** Number of sets in stock. */
  async count(): Promise<number> {
    return (await this.#sets()).length;
  }

  /** Stores one sealed set; throws TF-ARGUMENT when the stock is full. */
  async put(ciphertext: Uint8Array): Promise<void> {
    await this.#put(ciphertext, "");
  }

  /** Removes the oldest-named set from the disk and returns it; null if there is none. */
  async take(): Promise<Uint8Array<ArrayBuffer> | null> {
    const name = (await this.#sets())[0];
    if (name === undefined) return null;
    const path = joinPath(this.#directory, name);
    const bytes = await this.#files.read(path, { limit: MAX_STORE_FILE });
    // The rename takes it out of stock in one step; overwriting alone could leave half a set.
    await this.#files.rename(path, path + USED);
    await this.#files.remove(path + USED, { overwrite: true });
    return bytes;
  }

  /** Clears unfinished files; returns what it did, in words. */
  async recover(): Promise<string[]> {
    const done: string[] = [];
    for (const name of await this.#files.list(this.#directory)) {
      if (!name.startsWith(TEMPORARY) && !name.endsWith(USED)) continue;
      await this.#files.remove(joinPath(this.#directory, name), { overwrite: true });
      done.push(`removed the leftover ${name}`);
    }
    return done;
  }

  /**
   * As {@link importGoSet}, for a file that may not be there; one that cannot be used is reported
   * and left alone.
   */
  async importGoFile(path: string, storeKey: Uint8Array, log: Logger): Promise<void> {
    if (await this.#files.stat(path) === null) return;
    try {
      if (!await this.importGoSet(path, storeKey)) return;
      log.warn("imported the pre-parameters of a Go node, which lie in clear text on the disk", {
        path,
        advice: "they may have served other keys already; remove the file when no Go node needs it",
      });
    } catch (error) {
      log.warn("cannot import the pre-parameters of a Go node", {
        path,
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }

  /**
   * Takes the clear-text set of a Go node's `preparams.json` into the stock, once; the original is
   * not touched.
   *
   * @returns false if this set was imported before.
   * @throws {KeystoreError} TF-DAMAGED if it is no such set, TF-UNSAFE-FILE, TF-ARGUMENT.
   */
  async importGoSet(path: string, storeKey: Uint8Array): Promise<boolean> {
    const clear = await readGoSet(this.#files, path);
    try {
      const mark = toHex(sha256(utf8("preparams.json"), clear)).slice(0, 32);
      const known = await this.#files.list(joinPath(this.#directory, IMPORTED));
      if (known.includes(mark)) return false;
      const sealed = sealStoreFile(storeKey, PREPARAMS_STORE_ID, clear, this.#random);
      // Marked before the set is stored: a crash in between loses it, which costs seconds; the
      // other order could bring a set back that has served a key already.
      await this.#files.makeDirectory(joinPath(this.#directory, IMPORTED));
      await this.#files.writeAtomic(joinPath(this.#directory, IMPORTED, mark), utf8("\n"), 0o600);
      await this.#put(sealed, "go-");
      return true;
    } finally {
      clear.fill(0);
    }
  }

  async #put(ciphertext: Uint8Array, prefix: string): Promise<void> {
    const sets = await this.#sets();
    if (sets.length >= MAX_STOCK || ciphertext.length > MAX_STORE_FILE) {
      throw new KeystoreError(
        "TF-ARGUMENT",
        `cannot store pre-parameters: ${
          sets.length >= MAX_STOCK ? "the stock is full" : "the file is too large"
        }`,
        "this is a fault of the program; report it",
      );
    }
    await this.#files.makeDirectory(this.#directory);
    const name = prefix + toHex(this.#random(16));
    await this.#files.writeAtomic(joinPath(this.#directory, `${name}.set`), ciphertext, 0o600);
  }

  /** Names of the sets; hex names sort before `go-`, so own sets are used first. */
  async #sets(): Promise<string[]> {
    return (await this.#files.list(this.#directory)).filter((n) => n.endsWith(".set"))
      .filter((n) => !n.startsWith(TEMPORARY));
  }
}

/**
 * Reads a Go node's `preparams.json`; the caller wipes it.
 *
 * @throws {KeystoreError} TF-DAMAGED if it is no set of pre-parameters, TF-UNSAFE-FILE, TF-NOT-FOUND.
 */
export async function readGoSet(
  files: FileLayer,
  path: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const clear = await files.read(path, { limit: MAX_GO_FILE });
  try {
    assertGoSet(clear, path);
    return clear;
  } catch (error) {
    clear.fill(0);
    throw error;
  }
}

function assertGoSet(clear: Uint8Array, path: string): void {
  let json: Json;
  try {
    json = parseJson(clear);
  } catch {
    json = null;
  }
  if (!(json instanceof Map) || !GO_FIELDS.every((f) => (json as Map<string, Json>).has(f))) {
    throw new KeystoreError("TF-DAMAGED", `${path} is not a set of pre-parameters`, "remove it");
  }
}

/** Opens a sealed set, as the worker does; the caller wipes the JSON text it returns. */
export function openPreParams(storeKey: Uint8Array, file: Uint8Array): Uint8Array<ArrayBuffer> {
  return openStoreFile(storeKey, PREPARAMS_STORE_ID, file);
}
