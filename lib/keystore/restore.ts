/**
 * Putting a bundle back into a home directory, fresh or in use before.
 *
 * What is here and newer stays, whatever the caller wants: an old share over a new one is a key
 * with one member less. Each key is put in place by the same steps as after a resharing, so a crash
 * at any point leaves the old or the new one, and restoring again goes on from there. The node key
 * is written after the shares, and the mark of a node that was moved away goes last.
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import { utf8 } from "../encoding/bytes.ts";
import { type BackedUpKey, type Backup, SEEN_FILE, SETTINGS_FILES } from "./backup.ts";
import { KeystoreError } from "./errors.ts";
import { type FileLayer, joinPath } from "./files.ts";
import { assertHome, type KeystoreSecret, nodeOf, takeLock } from "./home.ts";
import { clearMoved, readMoved, writeBackupRecord } from "./home_marks.ts";
import {
  ADMIN_FILE,
  createAdminKey,
  IDENTITY_FILE,
  identityOf,
  readIdentityFile,
  type ScryptCost,
  sealIdentity,
  writeAdminKey,
} from "./identity_file.ts";
import type { KeyMeta } from "./meta.ts";
import { wipePresignatures } from "./presign_stock.ts";
import { ReplayGuard } from "./replay_guard.ts";
import { shareHash, type StagedShare } from "./share_files.ts";
import { ShareStore } from "./shares.ts";
import { verifyStoreFile } from "./store_file.ts";
import { keyIdBytes } from "./meta.ts";

/** What became of one key of the bundle. */
export interface RestoredKey {
  readonly keyId: string;
  /** Generation in the bundle. */
  readonly generation: number;
  /**
   * `restored`; `kept`, the same is here already; `retired`, the share here was destroyed, because
   * the node had dealt the key away since; `refused`, and nothing was changed.
   */
  readonly outcome: "restored" | "kept" | "retired" | "refused";
  /** Why it was refused. */
  readonly reason?: string;
}

/** What a restore did. */
export interface RestoreReport {
  readonly keys: readonly RestoredKey[];
  /** Names of files that were written. */
  readonly written: readonly string[];
  /** Names of files that were here and stayed as they are. */
  readonly kept: readonly string[];
  /** Ceremony ids that only the bundle remembered. */
  readonly ceremonies: number;
  /** Whether the home directory had been given up, and is a node's again. */
  readonly movedBack: boolean;
}

/** How to restore. */
export interface RestoreOptions {
  readonly files: FileLayer;
  readonly home: string;
  readonly backup: Backup;
  /** Seals the node key where the home has none; a private key must be the bundle's. */
  readonly secret: KeystoreSecret;
  readonly random: RandomSource;
  readonly now: () => number;
  readonly scrypt?: ScryptCost;
  /**
   * Also replace a different share of the same generation, an identity file that cannot be read,
   * and take a moved node back with a bundle that was not made to move it. Never an older share.
   */
  readonly force?: boolean;
}

/**
 * Restores `backup` into a home directory that no daemon uses.
 *
 * @throws {KeystoreError} TF-LOCKED, TF-IDENTITY if another node lives here, TF-MOVED if the node
 * was moved away and this bundle does not bring it back, TF-HOME, TF-DISK-FULL.
 */
export async function restoreBackup(options: RestoreOptions): Promise<RestoreReport> {
  const { files, home, backup, secret, random, now } = options;
  const force = options.force === true;
  await files.makeDirectory(home);
  await assertHome(files, home, true);
  const lock = await takeLock(files, home);
  const storeKey = backup.node.storeKey();
  try {
    const sealed = await assertSameNode(options);
    const moved = await readMoved(files, home);
    if (moved !== null && !force) assertComesBack(backup, moved);
    const own = joinPath(home, backup.node.identity);
    const tss = joinPath(own, "tss");
    await files.makeDirectory(own);
    await files.makeDirectory(tss);
    // What lies here may have been used where the node ran meanwhile; each may be used once.
    await wipePresignatures(files, own);
    const guard = await ReplayGuard.open({ files, path: joinPath(own, SEEN_FILE), now });
    const seen = backup.files.get(SEEN_FILE);
    const ceremonies = seen === undefined ? 0 : await guard.adopt(seen);

    const shares = new ShareStore({ files, directory: tss, storeKey, random, now });
    const waiting = new Map((await shares.recover()).staged.map((s) => [s.keyId, s]));
    const keys: RestoredKey[] = [];
    for (const key of backup.keys) {
      keys.push(
        await restoreKey(shares, key, storeKey, waiting, force).catch((error) =>
          refusal(key, error)
        ),
      );
    }

    const written: string[] = [];
    const kept: string[] = [];
    const put = async (name: string, write: () => Promise<unknown>) => {
      if (await files.stat(joinPath(home, name)) !== null) return void kept.push(name);
      await write();
      written.push(name);
    };
    for (const name of SETTINGS_FILES) {
      const bytes = backup.files.get(name);
      if (bytes === undefined) continue;
      await put(name, () => files.writeAtomic(joinPath(home, name), bytes, 0o600));
    }
    await put(ADMIN_FILE, () => putAdminKey(options));
    if (sealed) kept.push(IDENTITY_FILE);
    else if ("passphrase" in secret) {
      const text = await sealIdentity(backup.node, secret.passphrase, random, options.scrypt);
      await files.writeAtomic(joinPath(home, IDENTITY_FILE), utf8(text), 0o600);
      written.push(IDENTITY_FILE);
    }
    await writeBackupRecord(files, home, {
      bundle: backup.id,
      at: backup.createdAt,
      keys: backup.keys.map(({ meta }) => meta),
    });
    if (moved !== null) await clearMoved(files, home);
    return { keys, written, kept, ceremonies, movedBack: moved !== null };
  } finally {
    storeKey.fill(0);
    lock.release();
  }
}

/** Checks that no other node lives here; tells whether the node key is here already. */
async function assertSameNode(options: RestoreOptions): Promise<boolean> {
  const { files, home, backup, secret } = options;
  const { identity } = backup.node;
  if ("privateKey" in secret && nodeOf(secret.privateKey).identity !== identity) {
    throw new KeystoreError(
      "TF-IDENTITY",
      `the backup is of node ${identity}, TRF_PRIVATE_KEY is another node's`,
      "unset TRF_PRIVATE_KEY, or give the right one",
    );
  }
  const path = joinPath(home, IDENTITY_FILE);
  const text = await readIdentityFile(files, home);
  if (text === null) return false;
  let here: string;
  try {
    here = identityOf(text, path);
  } catch (error) {
    if (options.force === true && "passphrase" in secret) return false;
    throw error;
  }
  if (here === identity) return true;
  throw new KeystoreError(
    "TF-IDENTITY",
    `the backup is of node ${identity}, but ${home} belongs to ${here}`,
    "give another home directory with --home",
  );
}

/** Only a bundle that was made to move the node, after it was moved away, brings it back. */
function assertComesBack(backup: Backup, moved: { bundle: string; at: number }): void {
  const refuse = (why: string) => {
    throw new KeystoreError(
      "TF-MOVED",
      `cannot restore: the node was moved away from here, and ${why}`,
      "stop it where it runs, make a backup with --move there and restore that; --force only if " +
        "it runs nowhere else and never will: two copies of a node endanger its shares",
    );
  };
  if (backup.id === moved.bundle) refuse("this is the backup that it was moved with");
  if (!backup.move) refuse("this backup was not made to move it back");
  if (backup.createdAt <= moved.at) refuse("this backup is from before");
}

async function putAdminKey({ files, home, backup, random }: RestoreOptions): Promise<void> {
  if (backup.admin === null) await createAdminKey(files, home, random);
  else await writeAdminKey(files, home, backup.admin);
}

/** The generation at which a node has a share, or knows that it has none any more. */
function standing(meta: KeyMeta): number {
  return meta.status === "active" ? meta.generation : meta.generation + 1;
}

async function restoreKey(
  shares: ShareStore,
  { meta, share }: BackedUpKey,
  storeKey: Uint8Array,
  waiting: ReadonlyMap<string, StagedShare>,
  force: boolean,
): Promise<RestoredKey> {
  const { keyId, generation } = meta;
  const told = (outcome: RestoredKey["outcome"], reason?: string): RestoredKey => ({
    keyId,
    generation,
    outcome,
    ...(reason === undefined ? {} : { reason }),
  });
  const staged = waiting.get(keyId);
  if (staged !== undefined) {
    // The very share of the bundle: left by a restore that was killed, or by a resharing that this
    // node has seen the end of since.
    if (share !== null && staged.meta.shareHash === shareHash(share)) {
      await shares.commit(keyId, staged.ceremony);
      return told("restored");
    }
    return told("refused", "a resharing of it waits to be decided here: start the daemon for that");
  }
  let here: KeyMeta | null;
  try {
    here = await shares.readMeta(keyId).catch(absent);
  } catch (error) {
    if (!isDamaged(error)) throw error;
    // Its generation is unknown: a share that is whole may be newer and is left alone.
    const raw = await shares.readRaw(keyId);
    const same = raw !== null && share !== null && shareHash(raw) === shareHash(share);
    if (raw !== null && !same && opens(storeKey, keyId, raw)) {
      return told(
        "refused",
        "its metadata here are damaged, and the share here is whole and another one: move both " +
          "files away if you know it to be older",
      );
    }
    await shares.setAside(keyId);
    here = null;
  }
  if (here === null) {
    if (share === null) await shares.adoptRetired(meta);
    else await shares.write(keyId, share, meta);
    return told("restored");
  }
  if (standing(meta) < standing(here)) {
    const now = here.status === "active"
      ? `generation ${here.generation} is here`
      : "it was reshared away from here since";
    return told("refused", `${now}, the backup has generation ${generation}, which is worthless`);
  }
  if (share === null) {
    if (here.status !== "active") return told("kept");
    await shares.retire(keyId, meta.history.at(-1)?.ceremony);
    return told("retired");
  }
  if (standing(meta) === standing(here) && here.status === "active") {
    const current = await shares.read(keyId).catch(damaged);
    if (current === null) {
      await shares.setAside(keyId);
      await shares.write(keyId, share, meta);
      return told("restored");
    }
    if (shareHash(current) === shareHash(share)) return told("kept");
    if (!force) {
      return told("refused", `another share of generation ${generation} is here; see --force`);
    }
  }
  // As after a resharing: old or new, whatever happens on the way.
  const ceremony = meta.ceremony ?? "0".repeat(64);
  await shares.stage(keyId, ceremony, share, meta);
  await shares.commit(keyId, ceremony);
  return told("restored");
}

/** What concerns one key only must not keep the others from being restored; a full disk does. */
function refusal({ meta }: BackedUpKey, error: unknown): RestoredKey {
  const own = ["TF-DAMAGED", "TF-EXISTS", "TF-ARGUMENT", "TF-NOT-FOUND"];
  if (!(error instanceof KeystoreError) || !own.includes(error.code)) throw error;
  const { keyId, generation } = meta;
  return { keyId, generation, outcome: "refused", reason: error.message };
}

function opens(storeKey: Uint8Array, keyId: string, share: Uint8Array): boolean {
  try {
    verifyStoreFile(storeKey, keyIdBytes(keyId), share);
    return true;
  } catch {
    return false;
  }
}

function isDamaged(error: unknown): boolean {
  return error instanceof KeystoreError && error.code === "TF-DAMAGED";
}

function damaged(error: unknown): null {
  if (isDamaged(error)) return null;
  throw error;
}

function absent(error: unknown): null {
  if (error instanceof KeystoreError && error.code === "TF-NOT-FOUND") return null;
  throw error;
}
