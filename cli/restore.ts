/** `transfunctioner restore`. @module */

import { systemRandom } from "../lib/arith/random.ts";
import { denoFiles } from "../lib/keystore/files.ts";
import { restoreBackup } from "../lib/keystore/restore.ts";
import { loadConfig } from "../lib/node/config.ts";
import { BACKUP_OPTIONS, readFile } from "./backup.ts";
import type { CommandSpec } from "./command.ts";
import { configFlags } from "./connect.ts";
import { readEnvironment } from "./environment.ts";
import { assertThere, EXIT, usageError } from "./exit.ts";
import { printFields, printJson, printTable } from "./output.ts";
import { bundlePassphrase, keystoreSecret } from "./secret.ts";

/** Puts a backup back. */
export const command: CommandSpec = {
  name: "restore",
  summary: "Put a backup into a home directory; never an older share over a newer one.",
  usage: "FILE [--bundle-passphrase-file PATH] [--home DIR] [--force] [--json]",
  about:
    `Into a fresh home directory or into that of the same node, while its daemon is stopped. The
whole backup is opened and checked first. Each key is compared with what is here: a share of an
older generation than the one here is refused, with --force as well, because after a resharing the
old shares are worthless. Files that are here already stay. The node key is sealed under the
keystore's passphrase. Exit code 3 if a key was refused; the others are restored then.

Make sure that the node runs nowhere else. Ceremony ids that the node saw after the backup was made
are not known to the restored one; the other members still refuse to take part in those twice.`,
  maxWords: 1,
  options: {
    force: {
      help: "replace another share of the same generation, or take back a node that was moved away",
    },
    ...BACKUP_OPTIONS,
  },
  reach: "home",
  paths: { "passphrase-file": "read", "bundle-passphrase-file": "read" },
  wordPaths: ({ words: [file] }) =>
    file === undefined ? [] : [{ path: file, permission: "read", why: "the backup to restore" }],
  examples: [
    "transfunctioner restore /media/stick/node-a.backup",
    "transfunctioner restore node-a.backup --home /var/lib/transfunctioner/home --json",
  ],
  async run(invocation) {
    const { terminal, on } = invocation;
    const [file] = invocation.words;
    if (file === undefined) throw usageError("restore: the file is missing", "name the backup");
    await assertThere("file", file, `the backup ${file}`, "give the path of a file");
    const config = await loadConfig({
      flags: configFlags(invocation, ["home", "passphrase-file"]),
      env: readEnvironment(terminal),
    });
    const files = denoFiles();
    const secret = await keystoreSecret(config, terminal, false);
    const passphrase = await bundlePassphrase(invocation, config, secret);
    const backup = await readFile(files, file, passphrase);
    const home = config.home.value;
    const report = await restoreBackup({
      files,
      home,
      backup,
      secret,
      random: systemRandom,
      now: Date.now,
      force: on.has("force"),
    });
    const refused = report.keys.filter((k) => k.outcome === "refused");
    if (on.has("json")) {
      printJson(terminal, "transfunctioner/restore/1", {
        home,
        identity: backup.node.identity,
        backup_id: backup.id,
        created_at: new Date(backup.createdAt).toISOString(),
        keys: report.keys.map(({ keyId, ...rest }) => ({ key_id: keyId, ...rest })),
        written: report.written,
        kept: report.kept,
        ceremonies: report.ceremonies,
        moved_back: report.movedBack,
      });
    } else {
      printFields(terminal, [
        ["home", home],
        ["identity", backup.node.identity],
        ["written", report.written.join(" ") || "nothing"],
        ["left as they were", report.kept.join(" ") || undefined],
        ["ceremonies seen", `${report.ceremonies} added`],
        ["moved back", report.movedBack ? "yes" : undefined],
      ]);
      if (report.keys.length > 0) {
        terminal.out("\n");
        await printTable(
          terminal,
          ["key id", "generation", "outcome"],
          report.keys.map((k) => [k.keyId, String(k.generation), k.outcome]),
        );
      }
    }
    for (const { keyId, reason } of refused) {
      terminal.err(`refused: key ${keyId} was not restored: ${reason}\n`);
    }
    return refused.length === 0 ? EXIT.done : EXIT.refused;
  },
};
