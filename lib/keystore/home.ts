/**
 * Opening a home directory: its lock and the keys in it.
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import { NodeIdentity } from "../crypto/identity.ts";
import { KeystoreError } from "./errors.ts";
import { assertPrivateDirectory, type FileLayer, type FileLock, joinPath } from "./files.ts";
import {
  ADMIN_FILE,
  createAdminKey,
  IDENTITY_FILE,
  identityOf,
  loadAdminKey,
  openIdentity,
  readIdentityFile,
} from "./identity_file.ts";

/** Name of the file that a daemon holds locked. */
export const LOCK_FILE = "lock";

/** What unlocks a keystore: a passphrase for `identity.json`, or the 32-byte node key itself. */
export type KeystoreSecret =
  | { readonly passphrase: string }
  | { readonly privateKey: Uint8Array };

/** Refuses a home directory that is missing, no directory, or open to changes by others. */
export async function assertHome(files: FileLayer, home: string, fresh: boolean): Promise<void> {
  // A link to the home directory itself is the operator's business.
  const info = await files.stat(home, { follow: true });
  if (info === null) {
    throw new KeystoreError(
      fresh ? "TF-HOME" : "TF-NO-KEYSTORE",
      `there is no home directory ${home}`,
      "run transfunctioner init, or set TRF_HOME or --home",
    );
  }
  assertPrivateDirectory(home, info, false);
}

/** Claims the home directory; throws TF-LOCKED if another process has it. */
export async function takeLock(files: FileLayer, home: string): Promise<FileLock> {
  const lock = await files.lock(joinPath(home, LOCK_FILE));
  if (lock !== null) return lock;
  throw new KeystoreError(
    "TF-LOCKED",
    `the home directory ${home} is in use by another daemon`,
    "stop that daemon, or give this one a home directory of its own with --home",
  );
}

/** Reads the admin key, or makes one where there is none. */
export async function ensureAdminKey(
  files: FileLayer,
  home: string,
  random: RandomSource,
): Promise<NodeIdentity> {
  if (await files.stat(joinPath(home, ADMIN_FILE)) === null) {
    return await createAdminKey(files, home, random);
  }
  return await loadAdminKey(files, home);
}

/** Reads a private key; throws TF-IDENTITY for one that is none. */
export function nodeOf(privateKey: Uint8Array): NodeIdentity {
  try {
    return NodeIdentity.fromPrivateKey(privateKey);
  } catch {
    throw new KeystoreError(
      "TF-IDENTITY",
      "cannot use the private key: it must be 32 bytes between 1 and the group order",
      "give 64 hex digits in TRF_PRIVATE_KEY",
    );
  }
}

/** Gets the node key from the passphrase and `identity.json`, or from the key itself. */
export async function openNode(
  files: FileLayer,
  home: string,
  secret: KeystoreSecret,
): Promise<NodeIdentity> {
  const path = joinPath(home, IDENTITY_FILE);
  const text = await readIdentityFile(files, home);
  if ("passphrase" in secret) {
    if (text === null) {
      throw new KeystoreError(
        "TF-NO-KEYSTORE",
        `there is no node key at ${path}`,
        "run transfunctioner init, or set TRF_PRIVATE_KEY",
      );
    }
    return await openIdentity(text, secret.passphrase, path);
  }
  const node = nodeOf(secret.privateKey);
  if (text !== null && identityOf(text, path) !== node.identity) {
    throw new KeystoreError(
      "TF-IDENTITY",
      `TRF_PRIVATE_KEY belongs to node ${node.identity}, but ${path} to ${identityOf(text, path)}`,
      "unset TRF_PRIVATE_KEY, or give this key a home directory of its own",
    );
  }
  return node;
}
