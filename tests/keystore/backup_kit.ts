/** What the tests of backups share. */
import { systemRandom } from "../../lib/arith/random.ts";
import {
  type Backup,
  backupEntries,
  collectBackup,
  readBackup,
} from "../../lib/keystore/backup.ts";
import { openBundle, sealBundle } from "../../lib/keystore/bundle.ts";
import { denoFiles, type FileLayer } from "../../lib/keystore/files.ts";
import { loadAdminKey } from "../../lib/keystore/identity_file.ts";
import { nodeOf } from "../../lib/keystore/home.ts";
import type { KeystoreSecret } from "../../lib/keystore/keystore.ts";
import {
  restoreBackup,
  type RestoreOptions,
  type RestoreReport,
} from "../../lib/keystore/restore.ts";
import { CHEAP, NOW, PRIVATE_KEY } from "./helpers.ts";

export const PASSPHRASE = "a passphrase for bundles";

/** Backs a home of the tests' node up, through the bytes of a bundle and back. */
export async function backUp(
  home: string,
  options: { readonly move?: boolean; readonly now?: number; readonly files?: FileLayer } = {},
): Promise<Backup> {
  const files = options.files ?? denoFiles();
  const { backup, leftOut } = await collectBackup({
    files,
    home,
    node: nodeOf(PRIVATE_KEY),
    admin: await loadAdminKey(files, home),
    random: systemRandom,
    now: () => options.now ?? NOW,
    move: options.move ?? false,
    pause: () => new Promise((resolve) => setTimeout(resolve, 20)),
  });
  if (leftOut.length > 0) throw leftOut[0]!.problem;
  const bytes = await sealBundle(backupEntries(backup), PASSPHRASE, systemRandom, CHEAP);
  return readBackup(await openBundle(bytes, PASSPHRASE));
}

/** Restores as the tests' node, whose private key is given by the environment. */
export function putBack(
  home: string,
  backup: Backup,
  options: Partial<RestoreOptions> & { readonly secret?: KeystoreSecret } = {},
): Promise<RestoreReport> {
  return restoreBackup({
    files: denoFiles(),
    home,
    backup,
    secret: { privateKey: PRIVATE_KEY },
    random: systemRandom,
    now: () => NOW,
    scrypt: CHEAP,
    ...options,
  });
}
