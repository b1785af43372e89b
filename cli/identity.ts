/** `transfunctioner identity`. @module */

import { CLIENT_OPTIONS, type CommandSpec } from "./command.ts";
import { callDaemon } from "./connect.ts";
import { EXIT } from "./exit.ts";
import { printFields, printJson } from "./output.ts";

interface IdentityResult {
  readonly identity: string;
  readonly public_key: string;
  readonly nacl_public: string;
  readonly admin: string;
  readonly address?: string;
}

/** Prints the identity that other operators put into their lists. */
export const command: CommandSpec = {
  name: "identity",
  summary: "Print this node's identity and public keys.",
  usage: "[--json]",
  about: "Asks the running daemon. `transfunctioner init` printed the same identity.",
  maxWords: 0,
  options: CLIENT_OPTIONS,
  examples: ["transfunctioner identity --json | jq -r .identity"],
  async run(invocation) {
    const result = await callDaemon<IdentityResult>(invocation, "identity", {});
    if (invocation.on.has("json")) {
      printJson(invocation.terminal, "transfunctioner/identity/1", result);
    } else {
      printFields(invocation.terminal, [
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
