/**
 * Collecting what a bundle holds, and reading it again.
 *
 * A bundle is made by whoever may read the home directory and knows the secret that opens it, never
 * by the daemon for a client of its admin interface: the admin key opens no share, and must not
 * become a way to get one. The files are written whole or not at all, so they can be read beside a
 * running daemon; a share that a resharing replaces at that moment is read again.
 *
 * In a bundle: the node key, the admin key, metadata and sealed share of each key, the settings,
 * the bans, the ceremony ids seen. Not in it, because each may be used once in the life of the node:
 * pre-parameters and presignatures.
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import { type Identity, type NodeIdentity, parseIdentity } from "../crypto/identity.ts";
import { toHex } from "../encoding/bytes.ts";
import { encodeJson, type Json, type JsonObject, parseJson } from "../encoding/json.ts";
import { badBundle } from "./bundle.ts";
import { fileFailure, KeystoreError } from "./errors.ts";
import { type FileLayer, joinPath } from "./files.ts";
import { decodeMeta, encodeMeta, keyIdBytes, type KeyMeta, MetaError } from "./meta.ts";
import { nodeOf } from "./home.ts";
import { damagedFile, shareHash } from "./share_files.ts";
import { ShareStore } from "./shares.ts";
import { MAX_STORE_FILE, StoreFileError, verifyStoreFile } from "./store_file.ts";

/** Files of a home directory that are copied as they are. */
export const SETTINGS_FILES = ["config.json", "bans.json"] as const;
/** Largest of {@link SETTINGS_FILES} copied, in bytes. */
export const MAX_SETTINGS_FILE = 4 * 1024 * 1024;
/** Name of the ceremony ids seen, in the node's directory and in a bundle. */
export const SEEN_FILE = "ceremonies.seen";
/** Most bytes of it. */
export const MAX_SEEN_FILE = 32 * 1024 * 1024;
const MANIFEST_SCHEMA = "transfunctioner/backup-manifest/1";
/** How often a key is read again that changes meanwhile, and the pause in between. */
const ATTEMPTS = 40;

/** One key in a bundle. */
export interface BackedUpKey {
  readonly meta: KeyMeta;
  /** The sealed share; null for a key that was reshared away. */
  readonly share: Uint8Array<ArrayBuffer> | null;
}

/** A bundle's contents, checked. */
export interface Backup {
  /** 32 hex digits, drawn for each bundle. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** Made to move the node: the home directory that it comes from was given up. */
  readonly move: boolean;
  /** The node's key. */
  readonly node: NodeIdentity;
  /** The admin key; null if the home had none. */
  readonly admin: NodeIdentity | null;
  readonly keys: readonly BackedUpKey[];
  /** {@link SETTINGS_FILES} and the ceremonies seen, by name. */
  readonly files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

/** A key that could not be backed up. */
export interface LeftOut {
  readonly keyId: string;
  readonly problem: KeystoreError;
}

/**
 * Reads everything that belongs in a bundle.
 *
 * @param options.pause waits a moment, before a key that changes meanwhile is read again.
 * @throws {KeystoreError} if a file other than a key's cannot be read.
 */
export async function collectBackup(options: {
  readonly files: FileLayer;
  readonly home: string;
  readonly node: NodeIdentity;
  readonly admin: NodeIdentity | null;
  readonly random: RandomSource;
  readonly now: () => number;
  readonly move: boolean;
  readonly pause: () => Promise<void>;
}): Promise<{ readonly backup: Backup; readonly leftOut: readonly LeftOut[] }> {
  const { files, home, node, random, now } = options;
  const own = joinPath(home, node.identity);
  const storeKey = node.storeKey();
  const keys: BackedUpKey[] = [];
  const leftOut: LeftOut[] = [];
  try {
    const shares = new ShareStore({
      files,
      directory: joinPath(own, "tss"),
      storeKey,
      random,
      now,
    });
    for (const keyId of await shares.keyIds()) {
      try {
        keys.push(await readKey(shares, keyId, storeKey, options.pause));
      } catch (error) {
        leftOut.push({ keyId, problem: fileFailure("back up a key", keyId, error) });
      }
    }
  } finally {
    storeKey.fill(0);
  }
  const copies = new Map<string, Uint8Array<ArrayBuffer>>();
  const copy = async (name: string, directory: string, limit: number) => {
    const path = joinPath(directory, name);
    if (await files.stat(path) === null) return;
    copies.set(name, await files.read(path, { limit, secret: false }));
  };
  for (const name of SETTINGS_FILES) await copy(name, home, MAX_SETTINGS_FILE);
  await copy(SEEN_FILE, own, MAX_SEEN_FILE);
  return {
    backup: {
      id: toHex(random(16)),
      createdAt: now(),
      move: options.move,
      node,
      admin: options.admin,
      keys,
      files: copies,
    },
    leftOut,
  };
}

/** Reads one key; again while a running daemon changes it. */
async function readKey(
  shares: ShareStore,
  keyId: string,
  storeKey: Uint8Array,
  pause: () => Promise<void>,
): Promise<BackedUpKey> {
  for (let attempt = 1;; attempt++) {
    try {
      const meta = await shares.readMeta(keyId);
      if (meta.status !== "active") return { meta, share: null };
      const share = await shares.read(keyId);
      const again = await shares.readMeta(keyId);
      if (again.status === "active" && again.generation === meta.generation) {
        const fault = faultOf({ meta, share }, storeKey);
        if (fault !== null) throw damagedFile(keyId, fault);
        return { meta: { ...meta, shareHash: shareHash(share) }, share };
      }
      if (attempt === ATTEMPTS) throw changing(keyId);
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
    await pause();
  }
}

function changing(keyId: string): KeystoreError {
  return new KeystoreError("TF-FILE", `key ${keyId} keeps changing`, "try again");
}

/** Writes a backup as the entries of a bundle. */
export function backupEntries(backup: Backup): Map<string, Uint8Array> {
  const entries = new Map<string, Uint8Array>();
  entries.set(
    "manifest",
    encodeJson({
      schema: MANIFEST_SCHEMA,
      id: backup.id,
      created_at: backup.createdAt,
      move: backup.move,
      identity: backup.node.identity,
      keys: backup.keys.map(({ meta }) => meta.keyId),
    }),
  );
  entries.set("node.key", backup.node.exportPrivateKey());
  if (backup.admin !== null) entries.set("admin.key", backup.admin.exportPrivateKey());
  for (const { meta, share } of backup.keys) {
    entries.set(`keys/${meta.keyId}.meta`, encodeMeta(meta));
    if (share !== null) entries.set(`keys/${meta.keyId}.key`, share);
  }
  for (const [name, bytes] of backup.files) entries.set(`files/${name}`, bytes);
  return entries;
}

/**
 * Reads and checks the entries of a bundle: every key's metadata, and that its share is the one
 * that the metadata names and opens under the node's key. Wipes the private keys in `entries`.
 *
 * @throws {KeystoreError} TF-BACKUP.
 */
export function readBackup(entries: ReadonlyMap<string, Uint8Array<ArrayBuffer>>): Backup {
  const manifest = manifestOf(entries.get("manifest"));
  const node = keyOf(entries.get("node.key"), "node key");
  if (node === null) throw badBundle("it holds no node key");
  if (node.identity !== manifest.identity) throw badBundle("its node key has another identity");
  const storeKey = node.storeKey();
  const known = new Set(["manifest", "node.key", "admin.key"]);
  try {
    const keys = manifest.keys.map((keyId): BackedUpKey => {
      const plaintext = entries.get(`keys/${keyId}.meta`);
      const share = entries.get(`keys/${keyId}.key`) ?? null;
      known.add(`keys/${keyId}.meta`).add(`keys/${keyId}.key`);
      if (plaintext === undefined) throw badBundle(`the metadata of key ${keyId} is missing`);
      try {
        const key = { meta: decodeMeta(plaintext, keyId), share };
        const fault = faultOf(key, storeKey);
        if (fault !== null) throw badBundle(fault);
        return key;
      } catch (error) {
        if (!(error instanceof MetaError)) throw error;
        throw badBundle(`the metadata of key ${keyId} cannot be used: ${error.message}`);
      }
    });
    const files = new Map<string, Uint8Array<ArrayBuffer>>();
    for (const name of [...SETTINGS_FILES, SEEN_FILE]) {
      const bytes = entries.get(`files/${name}`);
      known.add(`files/${name}`);
      if (bytes !== undefined) files.set(name, bytes);
    }
    const stranger = [...entries.keys()].find((name) => !known.has(name));
    if (stranger !== undefined) {
      throw badBundle(`it holds "${stranger}", which this version does not know`);
    }
    const { id, createdAt, move } = manifest;
    return {
      id,
      createdAt,
      move,
      node,
      admin: keyOf(entries.get("admin.key"), "admin key"),
      keys,
      files,
    };
  } finally {
    storeKey.fill(0);
  }
}

/** Tells what is wrong with a key: its share must belong to its metadata, and open. */
function faultOf({ meta, share }: BackedUpKey, storeKey: Uint8Array): string | null {
  const { keyId } = meta;
  if (meta.status !== "active") {
    return share === null ? null : `key ${keyId} was reshared away and has a share`;
  }
  if (share === null) return `the share of key ${keyId} is missing`;
  if (share.length > MAX_STORE_FILE) return `the share of key ${keyId} is too large`;
  if (meta.shareHash !== undefined && meta.shareHash !== shareHash(share)) {
    return `the share of key ${keyId} is not the one that its metadata names`;
  }
  try {
    verifyStoreFile(storeKey, keyIdBytes(keyId), share);
    return null;
  } catch (error) {
    if (!(error instanceof StoreFileError)) throw error;
    return `the share of key ${keyId} does not open: ${error.message}`;
  }
}

/** Reads a private key and wipes its bytes; null if there is none. */
function keyOf(bytes: Uint8Array | undefined, what: string): NodeIdentity | null {
  if (bytes === undefined) return null;
  try {
    if (bytes.length !== 32) throw badBundle(`its ${what} has ${bytes.length} bytes, not 32`);
    return nodeOf(bytes);
  } catch (error) {
    if (error instanceof KeystoreError && error.code === "TF-BACKUP") throw error;
    throw badBundle(`its ${what} cannot be used`);
  } finally {
    bytes.fill(0);
  }
}

interface Manifest {
  readonly id: string;
  readonly createdAt: number;
  readonly move: boolean;
  readonly identity: Identity;
  readonly keys: readonly string[];
}

function manifestOf(bytes: Uint8Array | undefined): Manifest {
  let json: Json = null;
  try {
    if (bytes !== undefined) json = parseJson(bytes, { depth: 3, digits: 16 });
  } catch {
    // Said below.
  }
  if (!(json instanceof Map) || json.get("schema") !== MANIFEST_SCHEMA) {
    throw badBundle("its manifest is missing, or of another version of this program");
  }
  const manifest: JsonObject = json;
  const id = manifest.get("id");
  const createdAt = Number(manifest.get("created_at"));
  const move = manifest.get("move");
  const keys = manifest.get("keys");
  if (
    typeof id !== "string" || !/^[0-9a-f]{32}$/.test(id) || typeof move !== "boolean" ||
    typeof manifest.get("created_at") !== "bigint" || !(createdAt >= 0 && createdAt <= 8.64e15) ||
    !Array.isArray(keys) || new Set(keys).size !== keys.length ||
    !keys.every((k) => typeof k === "string" && /^[0-9a-f]{32}$/.test(k))
  ) throw badBundle("its manifest cannot be read");
  let identity: Identity;
  try {
    identity = parseIdentity(manifest.get("identity") as string);
  } catch {
    throw badBundle("its manifest names no identity");
  }
  return { id, createdAt, move, identity, keys: keys as string[] };
}
