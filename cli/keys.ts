/** `transfunctioner keys`. @module */

import { CLIENT_OPTIONS, type CommandSpec } from "./command.ts";
import { callDaemon } from "./connect.ts";
import { CliError, EXIT, usageError } from "./exit.ts";
import { printFields, printJson, printTable } from "./output.ts";

interface KeyRow {
  readonly key_id: string;
  readonly curve: string;
  readonly public_key: string;
  readonly encodings: Readonly<Record<string, string>>;
  readonly committee: readonly string[];
  readonly threshold: number;
  readonly generation: number;
  readonly status: string;
  readonly created_at: string;
  readonly can_sign: boolean;
  readonly live: number;
}

/** Lists the keys this node holds a share of, or shows one with all its encodings. */
export const command: CommandSpec = {
  name: "keys",
  summary: "List the keys this node has a share of, or show one.",
  usage: "[show ID] [--json]",
  maxWords: 2,
  verbs: ["show"],
  options: CLIENT_OPTIONS,
  examples: [
    "transfunctioner keys",
    "transfunctioner keys show 2beb1c80ee511d03ad19e25b99b756d7",
  ],
  async run(invocation) {
    const { terminal, words, on } = invocation;
    if (words[0] !== undefined && words[0] !== "show") {
      throw usageError(`keys: unknown word "${words[0]}"`, "known: show");
    }
    const { keys } = await callDaemon<{ keys: KeyRow[] }>(invocation, "keys", {});
    if (words[0] === "show") {
      if (words[1] === undefined) throw usageError("keys show: the key id is missing");
      const id = words[1].toLowerCase();
      const key = keys.find((k) => k.key_id === id);
      if (key === undefined) {
        throw new CliError(
          EXIT.failed,
          `this node has no share of key ${words[1]}`,
          "`transfunctioner keys` lists what it has",
          "TF-NO-KEY",
        );
      }
      if (on.has("json")) printJson(terminal, "transfunctioner/key/1", key);
      else {
        printFields(terminal, [
          ["key id", key.key_id],
          ["curve", key.curve],
          ["public key", key.public_key],
          ...Object.entries(key.encodings),
          ["committee", key.committee.join("\n" + " ".repeat(18))],
          [
            "threshold",
            `${key.threshold} (any ${key.threshold + 1} of ${key.committee.length} sign)`,
          ],
          ["generation", String(key.generation)],
          ["created", key.created_at],
          ["status", key.status],
          ["can sign now", signs(key)],
        ]);
      }
      return EXIT.done;
    }
    if (on.has("json")) printJson(terminal, "transfunctioner/keys/1", { keys });
    else if (keys.length === 0) terminal.out("no keys yet; `transfunctioner keygen` makes one\n");
    else {
      await printTable(
        terminal,
        ["key id", "curve", "committee", "generation", "can sign now", "public key"],
        keys.map((k) => [
          k.key_id,
          k.curve,
          `${k.threshold + 1} of ${k.committee.length}`,
          String(k.generation),
          signs(k),
          k.public_key,
        ]),
      );
    }
    return EXIT.done;
  },
};

function signs(key: KeyRow): string {
  const need = `${key.live} live of ${key.committee.length}, ${key.threshold + 1} needed`;
  return key.status !== "active" ? key.status : `${key.can_sign ? "yes" : "NO"}: ${need}`;
}
