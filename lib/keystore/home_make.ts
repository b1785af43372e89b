/**
 * Making a home directory, and clearing up in it what a crash left.
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import { NodeIdentity } from "../crypto/identity.ts";
import { utf8 } from "../encoding/bytes.ts";
import type { Logger } from "../observe/logger.ts";
import { KeystoreError } from "./errors.ts";
import { type FileLayer, joinPath, TEMPORARY } from "./files.ts";
import { assertHome, ensureAdminKey, type KeystoreSecret, nodeOf, takeLock } from "./home.ts";
import { IDENTITY_FILE, type ScryptCost, sealIdentity } from "./identity_file.ts";
import type { RecoveryReport } from "./shares.ts";

/** What a home directory is made from. */
export interface MakeHomeOptions {
  readonly home: string;
  readonly files: FileLayer;
  /** Seals a node key, or is one and then is not kept. */
  readonly secret: KeystoreSecret;
  readonly random: RandomSource;
  /** A node key to take instead of a fresh one, 32 bytes. */
  readonly importKey?: Uint8Array;
  readonly scrypt?: ScryptCost;
}

/**
 * Makes a home directory with its keys.
 *
 * @throws {KeystoreError} TF-EXISTS if it has an identity already, TF-HOME, TF-DISK-FULL,
 * TF-PASSPHRASE, TF-LOCKED.
 */
export async function makeHome(options: MakeHomeOptions): Promise<void> {
  const { home, files, secret, random } = options;
  await files.makeDirectory(home);
  await assertHome(files, home, true);
  const lock = await takeLock(files, home);
  try {
    const path = joinPath(home, IDENTITY_FILE);
    if (await files.stat(path) !== null) {
      throw new KeystoreError(
        "TF-EXISTS",
        `cannot make a keystore: ${path} is there already`,
        "use it as it is, or choose another home directory",
      );
    }
    if ("passphrase" in secret) {
      const node = options.importKey === undefined
        ? NodeIdentity.generate(random)
        : nodeOf(options.importKey);
      const text = await sealIdentity(node, secret.passphrase, random, options.scrypt);
      await ensureAdminKey(files, home, random);
      await files.writeAtomic(path, utf8(text), 0o600);
    } else {
      nodeOf(secret.privateKey);
      await ensureAdminKey(files, home, random);
    }
  } finally {
    lock.release();
  }
}

/** Destroys files that a crash left half-written; returns what it did, in words. */
export async function removeUnfinished(
  files: FileLayer,
  directories: readonly string[],
): Promise<string[]> {
  const done: string[] = [];
  for (const directory of directories) {
    for (const name of await files.list(directory)) {
      if (!name.startsWith(TEMPORARY)) continue;
      await files.remove(joinPath(directory, name), { overwrite: true });
      done.push(`removed the unfinished file ${name}`);
    }
  }
  return done;
}

/** Tells the log what was repaired, what is undecided, and what is damaged. */
export function tellRecovery(report: RecoveryReport, log: Logger): void {
  for (const what of report.repaired) log.warn("repaired the keystore", { what });
  for (const { keyId, ceremony } of report.staged) {
    log.warn("a new share waits for its resharing to be decided", { keyId, ceremony });
  }
  for (const { keyId, ceremony } of report.leaving) {
    log.warn("an old share waits for its resharing to be decided", { keyId, ceremony });
  }
  for (const { message, hint } of report.damaged) {
    log.error("a key is damaged", { problem: message, hint });
  }
}
