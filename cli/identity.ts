/** `transfunctioner identity`. @module */

import { CLIENT_OPTIONS, type CommandSpec, type Invocation } from "./command.ts";
import { callDaemon, clientConfig } from "./connect.ts";
import { ownIdentity } from "./doctor/home_checks.ts";
import { EXIT, usageError } from "./exit.ts";
import { printFields, printJson } from "./output.ts";

interface IdentityResult {
  readonly identity: string;
  readonly public_key?: string;
  readonly nacl_public?: string;
  readonly admin?: string;
  readonly address?: string;
}

/** Prints the identity that other operators put into their lists. */
export const command: CommandSpec = {
  name: "identity",
  summary: "Print this node's identity and public keys.",
  usage: "[--short] [--json]",
  about:
    `Asks the running daemon. Where none runs the identity alone is read from the home directory,
without its passphrase.`,
  maxWords: 0,
  options: {
    short: { help: "print the identity alone, 40 hex digits, for $(…)" },
    ...CLIENT_OPTIONS,
  },
  examples: [
    "transfunctioner identity",
    "export TRF_INITIATORS=$(transfunctioner identity --short)",
  ],
  async run(invocation) {
    const { terminal, on } = invocation;
    if (on.has("short") && on.has("json")) {
      throw usageError("give at most one of --short and --json");
    }
    const result = await ask(invocation);
    if (on.has("json")) printJson(terminal, "transfunctioner/identity/1", result);
    else if (on.has("short")) terminal.out(result.identity + "\n");
    else {
      printFields(terminal, [
        ["identity", result.identity],
        ["public key", result.public_key],
        ["nacl key", result.nacl_public],
        ["admin key", result.admin],
        ["address", result.address],
      ]);
    }
    return EXIT.done;
  },
};

/** Asks the daemon, or the home directory where no daemon runs. */
async function ask(invocation: Invocation): Promise<IdentityResult> {
  try {
    return await callDaemon<IdentityResult>(invocation, "identity", {});
  } catch (error) {
    if ((error as { code?: string }).code !== "TF-ADMIN-CONNECT") throw error;
    const identity = await ownIdentity(await clientConfig(invocation));
    if (identity === null) throw error;
    return { identity };
  }
}
