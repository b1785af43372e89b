/**
 * Two small files in a home directory that say what became of it: `backup.json`, when it was backed
 * up last and what was in it then, and `moved.json`, that its node runs elsewhere now.
 *
 * Nothing in them is secret, and nothing rests on them: shares are guarded by their generations.
 *
 * @module
 */

import { encodeJson, type Json, type JsonObject, parseJson } from "../encoding/json.ts";
import { KeystoreError } from "./errors.ts";
import { type FileLayer, joinPath } from "./files.ts";
import type { KeyMeta } from "./meta.ts";

/** Name of the file that tells of the last backup. */
export const BACKUP_RECORD = "backup.json";
/** Name of the file that tells that the node was moved away. */
export const MOVED_FILE = "moved.json";
const RECORD_SCHEMA = "transfunctioner/backup-record/1";
const MOVED_SCHEMA = "transfunctioner/moved/1";
const MAX_FILE = 4 * 1024 * 1024;
/** Latest time that a `Date` can show, in milliseconds. */
const MAX_TIME = 8_640_000_000_000_000n;

/** When a home directory was backed up last, and with which keys. */
export interface BackupRecord {
  /** The bundle's id, 32 hex digits. */
  readonly bundle: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** What stood for each key: see {@link keyMark}. */
  readonly keys: ReadonlyMap<string, string>;
}

/** Tells the version of a key that a backup has: generation, and hash of the share where there is one. */
export function keyMark(meta: KeyMeta): string {
  return `${meta.generation} ${meta.status === "active" ? meta.shareHash ?? "?" : "reshared away"}`;
}

/**
 * Tells which active keys a backup does not have as they are now, in the order of `keys`.
 *
 * @param record null if there is no backup.
 */
export function keysNotBackedUp(record: BackupRecord | null, keys: readonly KeyMeta[]): string[] {
  return keys.filter((meta) =>
    meta.status === "active" && !sameMark(record?.keys.get(meta.keyId), keyMark(meta))
  ).map((meta) => meta.keyId);
}

/** A Go node's metadata names no hash; then the generation has to do. */
function sameMark(backedUp: string | undefined, now: string): boolean {
  if (backedUp === undefined) return false;
  if (backedUp === now) return true;
  return now.endsWith(" ?") && backedUp.split(" ")[0] === now.split(" ")[0];
}

/** Writes down that a backup was made. */
export async function writeBackupRecord(
  files: FileLayer,
  home: string,
  record: { readonly bundle: string; readonly at: number; readonly keys: readonly KeyMeta[] },
): Promise<void> {
  const bytes = encodeJson({
    schema: RECORD_SCHEMA,
    bundle: record.bundle,
    at: record.at,
    keys: Object.fromEntries(record.keys.map((meta) => [meta.keyId, keyMark(meta)])),
  });
  await files.writeAtomic(joinPath(home, BACKUP_RECORD), bytes, 0o600);
}

/** Reads when the home was backed up last; null if never, or if the file cannot be read. */
export async function readBackupRecord(
  files: FileLayer,
  home: string,
): Promise<BackupRecord | null> {
  const json = await readObject(files, joinPath(home, BACKUP_RECORD)).catch(() => null);
  return json === null ? null : parseBackupRecord(json);
}

/** Reads a record's object; null if it is not one. */
export function parseBackupRecord(json: JsonObject): BackupRecord | null {
  const at = json.get("at");
  const bundle = json.get("bundle");
  const keys = json.get("keys");
  if (
    json.get("schema") !== RECORD_SCHEMA || typeof at !== "bigint" || at < 0n ||
    at > MAX_TIME || typeof bundle !== "string" || !/^[0-9a-f]{32}$/.test(bundle) ||
    !(keys instanceof Map)
  ) return null;
  const marks = new Map<string, string>();
  for (const [keyId, mark] of keys) if (typeof mark === "string") marks.set(keyId, mark);
  return { bundle, at: Number(at), keys: marks };
}

/** That a node was moved away from its home directory. */
export interface Moved {
  /** The bundle that it was moved with, 32 hex digits; empty if the file cannot be read. */
  readonly bundle: string;
  /** When, milliseconds since 1970. */
  readonly at: number;
}

/** Marks a home directory: no daemon starts in it any more. */
export async function markMoved(files: FileLayer, home: string, moved: Moved): Promise<void> {
  const bytes = encodeJson({ schema: MOVED_SCHEMA, bundle: moved.bundle, at: moved.at });
  await files.writeAtomic(joinPath(home, MOVED_FILE), bytes, 0o600);
}

/** Reads the mark; null if there is none. One that cannot be read counts as one. */
export async function readMoved(files: FileLayer, home: string): Promise<Moved | null> {
  const path = joinPath(home, MOVED_FILE);
  if (await files.stat(path) === null) return null;
  const json = await readObject(files, path).catch(() => null);
  const bundle = json?.get("bundle");
  const at = json?.get("at");
  return {
    bundle: typeof bundle === "string" ? bundle : "",
    at: typeof at === "bigint" && at >= 0n && at <= MAX_TIME ? Number(at) : 0,
  };
}

/** Takes the mark away: the node is back. */
export async function clearMoved(files: FileLayer, home: string): Promise<void> {
  await files.remove(joinPath(home, MOVED_FILE));
}

/** Refuses to run a node in a home directory that it was moved away from. Throws TF-MOVED. */
export async function assertNotMoved(files: FileLayer, home: string): Promise<void> {
  const moved = await readMoved(files, home);
  if (moved === null) return;
  throw new KeystoreError(
    "TF-MOVED",
    `cannot start a node in ${home}: it was moved away on ${new Date(moved.at).toISOString()}`,
    "it runs on another machine now; to take it back, make a backup with --move there and " +
      "restore that here",
  );
}

async function readObject(files: FileLayer, path: string): Promise<JsonObject | null> {
  if (await files.stat(path) === null) return null;
  const json: Json = parseJson(await files.read(path, { limit: MAX_FILE, secret: false }), {
    depth: 3,
    digits: 16,
  });
  return json instanceof Map ? json : null;
}
