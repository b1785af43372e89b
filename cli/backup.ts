/** `transfunctioner backup`. @module */

import { systemRandom } from "../lib/arith/random.ts";
import {
  type Backup,
  backupEntries,
  collectBackup,
  type LeftOut,
  readBackup,
} from "../lib/keystore/backup.ts";
import { MAX_BUNDLE, openBundle, sealBundle } from "../lib/keystore/bundle.ts";
import { fileFailure, KeystoreError } from "../lib/keystore/errors.ts";
import { denoFiles, type FileLayer, PART } from "../lib/keystore/files.ts";
import { assertHome, openNode, takeLock } from "../lib/keystore/home.ts";
import { assertNotMoved, markMoved, writeBackupRecord } from "../lib/keystore/home_marks.ts";
import { loadAdminKey } from "../lib/keystore/identity_file.ts";
import { loadConfig } from "../lib/node/config.ts";
import type { CommandSpec, Invocation } from "./command.ts";
import { configFlags } from "./connect.ts";
import { readEnvironment } from "./environment.ts";
import { assertThere, CliError, EXIT, usageError } from "./exit.ts";
import { printFields, printJson, printTable } from "./output.ts";
import { bundlePassphrase, keystoreSecret } from "./secret.ts";

/** Before a key is read again that the daemon changes meanwhile, in milliseconds. */
const PAUSE_MS = 100;

/** Options of `backup` and `restore` about the home directory and its secrets. */
export const BACKUP_OPTIONS = {
  home: { value: "DIR", help: "keystore directory (TRF_HOME)" },
  "passphrase-file": {
    value: "PATH",
    help: "file with the keystore's passphrase (TRF_PASSPHRASE_FILE)",
  },
  "bundle-passphrase-file": {
    value: "PATH",
    help: "file with a passphrase of the backup's own; default: the keystore's",
  },
  json: { help: "print one JSON object for machines" },
} as const;

/** Makes a backup, or checks one. */
export const command: CommandSpec = {
  name: "backup",
  summary: "Write everything that this node cannot lose into one encrypted file.",
  usage: "FILE [--move | --check] [--bundle-passphrase-file PATH] [--home DIR] [--json]",
  about: `The file holds the node key, the admin key, all shares with their metadata, config.json,
the bans and the ceremony ids seen, sealed under a passphrase (scrypt, secretbox). It is read back
and every share in it opened before the command says done. Works with the daemon running or not.
Presignatures and pre-parameters are left out: they may be used once, and a restored copy would be
a second time.

--move gives this home directory up after the backup: no daemon starts in it again until a backup
made with --move on the other machine is restored here. The daemon has to be stopped for it.
--check writes nothing: it opens FILE, checks all that is in it, and lists it.`,
  maxWords: 1,
  options: {
    move: { help: "move the node away: this home directory is given up" },
    check: { help: "check an existing backup and list what it holds" },
    ...BACKUP_OPTIONS,
  },
  reach: "home",
  paths: { "passphrase-file": "read", "bundle-passphrase-file": "read" },
  wordPaths: ({ words: [file], on }) => {
    if (file === undefined) return [];
    if (on.has("check")) return [{ path: file, permission: "read", why: "the backup to check" }];
    return [file, file + PART].flatMap((path) => [
      { path, permission: "read" as const, why: "reads the backup back" },
      { path, permission: "write" as const, why: "writes the backup" },
    ]);
  },
  examples: [
    "transfunctioner backup /media/stick/node-a.backup",
    "transfunctioner backup --check /media/stick/node-a.backup --bundle-passphrase-file /root/bundle",
    "transfunctioner backup --move node-a.backup --json | jq .keys",
  ],
  async run(invocation) {
    const [file] = invocation.words;
    if (file === undefined) {
      throw usageError("backup: the file is missing", "name the file to write");
    }
    if (!invocation.on.has("check")) return await make(invocation, file);
    if (invocation.on.has("move")) throw usageError("give at most one of --move and --check");
    await assertThere("file", file, `the backup ${file}`, "give the path of a file");
    const config = await loadConfig({
      flags: configFlags(invocation, ["home", "passphrase-file"]),
      env: readEnvironment(invocation.terminal),
    });
    const passphrase = await bundlePassphrase(invocation, config);
    await show(invocation, file, await readFile(denoFiles(), file, passphrase), []);
    return EXIT.done;
  },
};

/**
 * Reads a backup and checks everything in it.
 *
 * @throws {KeystoreError} TF-BACKUP, TF-PASSPHRASE or a file's error.
 */
export async function readFile(
  files: FileLayer,
  path: string,
  passphrase: string,
): Promise<Backup> {
  const bytes = await files.read(path, { limit: MAX_BUNDLE, secret: false });
  return readBackup(await openBundle(bytes, passphrase));
}

async function make(invocation: Invocation, file: string) {
  const files = denoFiles();
  const config = await loadConfig({
    flags: configFlags(invocation, ["home", "passphrase-file"]),
    env: readEnvironment(invocation.terminal),
  });
  const home = config.home.value;
  const move = invocation.on.has("move");
  await assertHome(files, home, false);
  await assertNothingAt(files, file);
  // Nothing may change between the last backup of a home directory and its end.
  const lock = move ? await takeLock(files, home) : null;
  try {
    await assertNotMoved(files, home);
    const secret = await keystoreSecret(config, invocation.terminal, false);
    const passphrase = await bundlePassphrase(invocation, config, secret, true);
    const node = await openNode(files, home, secret);
    const { backup, leftOut } = await collect(files, home, node, move);
    if (move && leftOut.length > 0) {
      throw new CliError(
        EXIT.failed,
        `cannot move the node: ${leftOut[0]!.problem.message}`,
        "mend that first: what cannot be backed up would be given up",
        "TF-BACKUP",
      );
    }
    const entries = backupEntries(backup);
    let bytes: Uint8Array;
    try {
      bytes = await sealBundle(entries, passphrase, systemRandom);
    } finally {
      entries.get("node.key")?.fill(0);
      entries.get("admin.key")?.fill(0);
    }
    await files.writeNew(file, bytes).catch((error) => {
      throw fileFailure("write the backup", file, error);
    });
    const again = await readFile(files, file, passphrase);
    if (again.id !== backup.id || again.keys.length !== backup.keys.length) {
      throw new KeystoreError(
        "TF-BACKUP",
        `the backup ${file} was read back and is another file than was written`,
        "look at the disk, and back up to another place",
      );
    }
    await writeBackupRecord(files, home, {
      bundle: backup.id,
      at: backup.createdAt,
      keys: backup.keys.map(({ meta }) => meta),
    });
    if (move) await markMoved(files, home, { bundle: backup.id, at: backup.createdAt });
    await show(invocation, file, again, leftOut);
    return leftOut.length === 0 ? EXIT.done : EXIT.failed;
  } finally {
    lock?.release();
  }
}

/** Said before the passphrase is asked for; {@link FileLayer.writeNew} looks again. */
async function assertNothingAt(files: FileLayer, path: string): Promise<void> {
  if (await files.stat(path, { follow: true }) === null) return;
  throw new CliError(
    EXIT.failed,
    `cannot write ${path}: it is there already`,
    "choose another name; a backup never replaces another",
    "TF-EXISTS",
  );
}

async function collect(files: FileLayer, home: string, node: Backup["node"], move: boolean) {
  return await collectBackup({
    files,
    home,
    node,
    admin: await loadAdminKey(files, home).catch((error) => {
      if (error instanceof KeystoreError && error.code === "TF-NO-KEYSTORE") return null;
      throw error;
    }),
    random: systemRandom,
    now: Date.now,
    move,
    pause: () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS)),
  });
}

/** Prints what a backup holds. */
async function show(
  invocation: Invocation,
  file: string,
  backup: Backup,
  leftOut: readonly LeftOut[],
): Promise<void> {
  const { terminal, on } = invocation;
  const keys = backup.keys.map(({ meta }) => ({
    key_id: meta.keyId,
    curve: meta.curve,
    generation: meta.generation,
    status: meta.status,
  }));
  const at = new Date(backup.createdAt).toISOString();
  if (on.has("json")) {
    printJson(terminal, "transfunctioner/backup/1", {
      file,
      backup_id: backup.id,
      identity: backup.node.identity,
      created_at: at,
      moved: backup.move,
      keys,
      files: [...backup.files.keys()],
      left_out: leftOut.map(({ keyId, problem }) => ({ key_id: keyId, problem: problem.message })),
    });
  } else {
    printFields(terminal, [
      ["backup", `${file} (${backup.id})`],
      ["identity", backup.node.identity],
      ["made", at],
      ["moved", backup.move ? "yes: the home directory that it is from was given up" : undefined],
      ["files", backup.files.size === 0 ? "none" : [...backup.files.keys()].join(" ")],
    ]);
    if (keys.length > 0) {
      terminal.out("\n");
      await printTable(
        terminal,
        ["key id", "curve", "generation", "status"],
        keys.map((k) => [k.key_id, k.curve, String(k.generation), k.status]),
      );
    }
  }
  for (const { keyId, problem } of leftOut) {
    terminal.err(`warning: key ${keyId} is not in the backup: ${problem.message}\n`);
  }
}
