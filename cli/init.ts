/** `transfunctioner init`. @module */

import { Keystore } from "../lib/keystore/keystore.ts";
import { denoFiles } from "../lib/keystore/files.ts";
import { loadConfig } from "../lib/node/config.ts";
import type { CommandSpec } from "./command.ts";
import { configFlags } from "./connect.ts";
import { readEnvironment } from "./environment.ts";
import { EXIT } from "./exit.ts";
import { printFields, printJson } from "./output.ts";
import { keystoreSecret } from "./secret.ts";

/** Makes the home directory, the node key under a passphrase, and the admin key. */
export const command: CommandSpec = {
  name: "init",
  summary: "Make this machine's node identity and its keystore.",
  usage: "[--home DIR] [--passphrase-file PATH] [--json]",
  about: `Makes a fresh node key, sealed under a passphrase, and prints the identity that other
operators put into their lists. With TRF_PRIVATE_KEY set the node key is that one and nothing
of it is stored. An existing keystore is never touched.`,
  maxWords: 0,
  options: {
    home: { value: "DIR", help: "keystore directory (TRF_HOME)" },
    "passphrase-file": { value: "PATH", help: "file with the passphrase (TRF_PASSPHRASE_FILE)" },
    json: { help: "print one JSON object for machines" },
  },
  reach: "home",
  paths: { "passphrase-file": "read" },
  examples: ["transfunctioner init", "transfunctioner init --home /var/lib/transfunctioner --json"],
  async run(invocation) {
    const { terminal, on } = invocation;
    const config = await loadConfig({
      flags: configFlags(invocation, ["home", "passphrase-file"]),
      env: readEnvironment(),
    });
    const secret = await keystoreSecret(config, terminal, true);
    const home = config.home.value;
    const keystore = await Keystore.create({ home, files: denoFiles(), secret });
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
