/** `transfunctioner init`. @module */

import { Keystore } from "../lib/keystore/keystore.ts";
import { denoFiles } from "../lib/keystore/files.ts";
import { loadConfig } from "../lib/node/config.ts";
import type { CommandSpec } from "./command.ts";
import { configFlags } from "./connect.ts";
import { readEnvironment } from "./environment.ts";
import { EXIT } from "./exit.ts";
import { printFields, printJson } from "./output.ts";
import { keystoreSecret, newPassphraseFile } from "./secret.ts";

/** Makes the home directory, the node key under a passphrase, and the admin key. */
export const command: CommandSpec = {
  name: "init",
  summary: "Make this machine's node identity and its keystore.",
  usage: "[--home DIR] [--passphrase-file PATH | --new-passphrase-file PATH] [--json]",
  about: `Makes a fresh node key, sealed under a passphrase, and prints the identity that other
operators put into their lists. With TRF_PRIVATE_KEY set the node key is that one and nothing
of it is stored. An existing keystore is never touched.

With --new-passphrase-file the program makes the passphrase, of 256 random bits, and writes it
to that file, mode 0600. Nobody can guess such a one, so it is not stretched, and a daemon that
gets it (TRF_PASSPHRASE_FILE) starts at once; with a person's passphrase it takes half a second
more. Put the file where the backups of the home directory are not.`,
  maxWords: 0,
  options: {
    home: { value: "DIR", help: "keystore directory (TRF_HOME)" },
    "passphrase-file": { value: "PATH", help: "file with the passphrase (TRF_PASSPHRASE_FILE)" },
    "new-passphrase-file": { value: "PATH", help: "make a random passphrase and this file" },
    json: { help: "print one JSON object for machines" },
  },
  reach: "home",
  paths: { "passphrase-file": "read", "new-passphrase-file": "write" },
  examples: [
    "transfunctioner init",
    "transfunctioner init --home /var/lib/transfunctioner --json",
    "transfunctioner init --new-passphrase-file /etc/transfunctioner.passphrase",
  ],
  async run(invocation) {
    const { terminal, on } = invocation;
    const config = await loadConfig({
      flags: configFlags(invocation, ["home", "passphrase-file"]),
      env: readEnvironment(terminal),
    });
    const made = invocation.text["new-passphrase-file"];
    const secret = made === undefined
      ? await keystoreSecret(config, terminal, true)
      : await newPassphraseFile(made, config);
    const home = config.home.value;
    let keystore: Keystore;
    try {
      keystore = await Keystore.create({ home, files: denoFiles(), secret });
    } catch (error) {
      // It would open nothing.
      if (made !== undefined) await Deno.remove(made);
      throw error;
    }
    try {
      const fields = {
        identity: keystore.identity.identity,
        admin: keystore.adminIdentity.identity,
        home,
      };
      if (on.has("json")) printJson(terminal, "transfunctioner/init/1", fields);
      else {
        printFields(terminal, [
          ["identity", fields.identity],
          ["admin key", fields.admin],
          ["home", home],
        ]);
        terminal.err(
          "next: give the identity to the other operators, then `transfunctioner daemon`\n",
        );
      }
    } finally {
      await keystore.close();
    }
    return EXIT.done;
  },
};
