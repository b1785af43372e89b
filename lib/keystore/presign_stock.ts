/**
 * Presignatures on disk: `<id>.pre` files, each good for one signature.
 *
 * A file holds a sealed header, which this thread reads, and a sealed body, which only a worker
 * opens. Using a presignature twice would give away what it hides, so {@link PresignStock.take}
 * destroys the file, durably, before it hands the body out: a crash in between loses it. Files that
 * no key of today fits are destroyed at every start.
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import type { Identity } from "../crypto/identity.ts";
import { sha256 } from "../crypto/kdf.ts";
import { concat, fromHex, toHex, u32be, utf8 } from "../encoding/bytes.ts";
import { encodeJson, type Json, parseJson } from "../encoding/json.ts";
import { KeystoreError } from "./errors.ts";
import { type FileLayer, joinPath, TEMPORARY } from "./files.ts";
import { type KeyMeta, parseKeyId } from "./meta.ts";
import { openStoreFile, sealStoreFile } from "./store_file.ts";

/** Most presignatures of all keys together; each has some kilobytes. */
export const MAX_PRESIGNATURES = 1024;
/** Largest file: a body for a committee of 64 has 30,000 bytes. */
const MAX_FILE = 256 * 1024;
/** Name of the directory under a node's. */
export const PRESIGN_FOLDER = "presign";
const FILE = /^[0-9a-f]{64}\.pre$/;
/** Ending of a presignature that was taken and is about to be destroyed. */
const USED = ".used";
/** Ending of an operator's setting for one key. */
const SETTING = ".count";
/** Most presignatures that an operator may ask for per key. */
export const MAX_PRESIGN_COUNT = 64;

/** What the network thread knows of a presignature. */
export interface PresignHeader {
  /** 64 hex digits. */
  readonly id: string;
  /** The key, 32 hex digits. */
  readonly keyId: string;
  /** How often the key had been reshared. */
  readonly generation: number;
  /** SHA-256 of the share's file that it was made with, 64 hex digits. */
  readonly shareHash: string;
  /** Who can use it: all of them together, no others. */
  readonly committee: readonly Identity[];
  /** The member that asked for it and that alone may propose to use it. */
  readonly maker: Identity;
}

/** What a presignature must be for a request: everything but its id. */
export type PresignMatch = Omit<PresignHeader, "id">;

/** Returns the identifier under which a worker seals the body of presignature `id`. */
export function presignStoreId(id: Uint8Array): Uint8Array<ArrayBuffer> {
  return concat(utf8("transfunctioner/presign/"), id);
}

function headerStoreId(id: string): Uint8Array<ArrayBuffer> {
  return concat(utf8("transfunctioner/prehead/"), fromHex(id));
}

/** Tells whether a presignature was made with the share that `meta` describes. */
export function belongsTo(
  { keyId, generation, shareHash }: Omit<PresignMatch, "committee" | "maker">,
  meta: KeyMeta,
): boolean {
  return meta.status === "active" && meta.keyId === keyId && meta.generation === generation &&
    (meta.shareHash ?? "") === shareHash;
}

/** Tells whether two committees have the same members. */
export function sameMembers(a: readonly Identity[], b: readonly Identity[]): boolean {
  return a.length === b.length && [...a].sort().join() === [...b].sort().join();
}

/** The presignatures in one node's `presign` directory. Calls must not overlap. */
export class PresignStock {
  readonly #files: FileLayer;
  readonly #directory: string;
  readonly #storeKey: Uint8Array;
  readonly #random: RandomSource;
  /** By id; null before the directory was read. */
  #index: Map<string, PresignHeader> | null = null;
  #wiped = 0;

  /** Uses `directory`, which is made when the first file is put in; borrows the store key. */
  constructor(options: {
    readonly files: FileLayer;
    readonly directory: string;
    readonly storeKey: Uint8Array;
    readonly random: RandomSource;
  }) {
    this.#files = options.files;
    this.#directory = options.directory;
    this.#storeKey = options.storeKey;
    this.#random = options.random;
  }

  /** Presignatures destroyed without having been used, since this object was made. */
  get wiped(): number {
    return this.#wiped;
  }

  /** What is in stock, of one key or of all. */
  async list(keyId?: string): Promise<PresignHeader[]> {
    const all = [...(await this.#open()).values()];
    return keyId === undefined ? all : all.filter((h) => h.keyId === keyId);
  }

  /**
   * Stores a presignature; durable when it resolves.
   *
   * @param body Sealed by the worker under {@link presignStoreId}.
   * @throws {KeystoreError} TF-ARGUMENT if there is no room or the id is taken.
   */
  async put(header: PresignHeader, body: Uint8Array): Promise<void> {
    const index = await this.#open();
    const head = sealStoreFile(
      this.#storeKey,
      headerStoreId(header.id),
      encodeHeader(header, body),
      this.#random,
    );
    const file = concat(u32be(head.length), head, body);
    if (index.size >= MAX_PRESIGNATURES || file.length > MAX_FILE || index.has(header.id)) {
      throw new KeystoreError(
        "TF-ARGUMENT",
        `cannot store presignature ${header.id}: ${
          index.has(header.id) ? "it is there already" : "there is no room for it"
        }`,
        "fewer per key will do: transfunctioner keys presign --help",
      );
    }
    await this.#files.makeDirectory(this.#directory);
    await this.#files.writeAtomic(this.#path(header.id), file, 0o600);
    index.set(header.id, header);
  }

  /**
   * Takes a presignature for its one use: destroys it on disk and only then returns its body.
   *
   * @throws {KeystoreError} TF-NOT-FOUND if there is none of this id that fits `match`; whatever
   * the disk says if it cannot be destroyed. In both cases it must not be used, now or later.
   */
  async take(id: string, match: PresignMatch): Promise<Uint8Array<ArrayBuffer>> {
    const index = await this.#open();
    const header = index.get(id);
    if (header === undefined || !fits(header, match)) {
      throw new KeystoreError(
        "TF-NOT-FOUND",
        `there is no presignature ${id} for this key, generation and these signers`,
        "the signing goes on without one",
      );
    }
    // Whatever happens from here on, this process never offers it again.
    index.delete(id);
    const path = this.#path(id);
    const bytes = await this.#files.read(path, { limit: MAX_FILE });
    // The rename takes it out of stock in one step; overwriting alone could leave half of it.
    await this.#files.rename(path, path + USED);
    await this.#files.remove(path + USED, { overwrite: true });
    try {
      const { body } = this.#split(id, bytes);
      return body;
    } finally {
      bytes.fill(0);
    }
  }

  /** Destroys presignatures that `doomed` picks; returns how many. */
  async wipe(doomed: (header: PresignHeader) => boolean): Promise<number> {
    const index = await this.#open();
    let count = 0;
    for (const header of [...index.values()]) {
      if (!doomed(header)) continue;
      index.delete(header.id);
      await this.#files.remove(this.#path(header.id), { overwrite: true });
      count++;
    }
    this.#wiped += count;
    return count;
  }

  /**
   * Destroys what a crash left half-way, what is damaged, and what `current` refuses; returns what
   * it did, in words.
   */
  async recover(current: (header: PresignHeader) => Promise<boolean>): Promise<string[]> {
    const done: string[] = [];
    for (const name of await this.#files.list(this.#directory)) {
      if (!name.startsWith(TEMPORARY) && !name.endsWith(USED)) continue;
      await this.#files.remove(joinPath(this.#directory, name), { overwrite: true });
      done.push(`removed the leftover ${name}`);
    }
    this.#index = null;
    const index = await this.#open(done);
    const stale = new Set<string>();
    for (const header of index.values()) if (!await current(header)) stale.add(header.id);
    const count = await this.wipe((header) => stale.has(header.id));
    if (count > 0) done.push(`destroyed ${count} presignatures of earlier shares`);
    return done;
  }

  /** How many presignatures of a key the operator wants kept ready; null for none, and no part. */
  async setting(keyId: string): Promise<number | null> {
    const path = this.#settingPath(keyId);
    if (await this.#files.stat(path) === null) return null;
    const text = new TextDecoder().decode(await this.#files.read(path, { limit: 64 }));
    return /^[0-9]{1,3}\n$/.test(text) ? Math.min(Number(text), MAX_PRESIGN_COUNT) : null;
  }

  /** Writes the operator's setting for a key, see {@link setting}. */
  async set(keyId: string, count: number | null): Promise<void> {
    const path = this.#settingPath(keyId);
    if (count === null) return await this.#files.remove(path);
    await this.#files.makeDirectory(this.#directory);
    await this.#files.writeAtomic(path, utf8(`${count}\n`), 0o600);
  }

  #path(id: string): string {
    return joinPath(this.#directory, `${id}.pre`);
  }

  #settingPath(keyId: string): string {
    return joinPath(this.#directory, parseKeyId(keyId) + SETTING);
  }

  /** Reads the directory once; damaged files are destroyed, they serve nobody. */
  async #open(done: string[] = []): Promise<Map<string, PresignHeader>> {
    if (this.#index !== null) return this.#index;
    const index = new Map<string, PresignHeader>();
    for (const name of await this.#files.list(this.#directory)) {
      if (!FILE.test(name)) continue;
      const id = name.slice(0, 64);
      try {
        const bytes = await this.#files.read(this.#path(id), { limit: MAX_FILE });
        index.set(id, this.#split(id, bytes).header);
      } catch {
        await this.#files.remove(this.#path(id), { overwrite: true });
        done.push(`destroyed the damaged presignature ${id}`);
      }
    }
    return this.#index = index;
  }

  #split(id: string, file: Uint8Array): { header: PresignHeader; body: Uint8Array<ArrayBuffer> } {
    const length = file.length < 4 ? -1 : new DataView(file.buffer, file.byteOffset).getUint32(0);
    if (length < 0 || length > file.length - 4) throw damaged(id);
    const body = file.slice(4 + length) as Uint8Array<ArrayBuffer>;
    let header: PresignHeader;
    try {
      header = decodeHeader(
        id,
        openStoreFile(this.#storeKey, headerStoreId(id), file.subarray(4, 4 + length)),
        body,
      );
    } catch {
      throw damaged(id);
    }
    return { header, body };
  }
}

/**
 * Destroys all presignatures in a node's folder without opening any. Whoever puts back an earlier
 * state of the disk must call it before the node starts: some may have been used since, and a
 * presignature used twice gives away what it hides.
 *
 * @param directory `<home>/<identity>`; no daemon may run in it.
 * @returns how many files there were.
 */
export async function wipePresignatures(files: FileLayer, directory: string): Promise<number> {
  const folder = joinPath(directory, PRESIGN_FOLDER);
  let count = 0;
  for (const name of await files.list(folder)) {
    if (name.endsWith(SETTING)) continue;
    await files.remove(joinPath(folder, name), { overwrite: true });
    count++;
  }
  return count;
}

function fits(header: PresignHeader, match: PresignMatch): boolean {
  return header.keyId === match.keyId && header.generation === match.generation &&
    header.shareHash === match.shareHash && header.maker === match.maker &&
    sameMembers(header.committee, match.committee);
}

function encodeHeader(h: PresignHeader, body: Uint8Array): Uint8Array {
  return encodeJson({
    key_id: h.keyId,
    generation: h.generation,
    share_sha256: h.shareHash,
    committee: h.committee,
    maker: h.maker,
    body_sha256: toHex(sha256(body)),
  });
}

/** Reads what {@link encodeHeader} wrote; this node sealed it, so only the body can be another. */
function decodeHeader(id: string, text: Uint8Array, body: Uint8Array): PresignHeader {
  const json = parseJson(text);
  if (!(json instanceof Map)) throw damaged(id);
  const of = (name: string): string => {
    const value = json.get(name);
    if (typeof value !== "string") throw damaged(id);
    return value;
  };
  const generation = json.get("generation");
  const committee = json.get("committee");
  if (typeof generation !== "bigint" || !Array.isArray(committee)) throw damaged(id);
  if (of("body_sha256") !== toHex(sha256(body))) throw damaged(id);
  return {
    id,
    keyId: of("key_id"),
    generation: Number(generation),
    shareHash: of("share_sha256"),
    committee: (committee as Json[]).map(String) as Identity[],
    maker: of("maker") as Identity,
  };
}

function damaged(id: string): KeystoreError {
  return new KeystoreError(
    "TF-DAMAGED",
    `presignature ${id} is damaged`,
    "it is destroyed; others are made in its place",
  );
}
