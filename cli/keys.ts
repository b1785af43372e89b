/** `transfunctioner keys`. @module */

import { shortId } from "./ceremony_view.ts";
import { CLIENT_OPTIONS, type CommandSpec, type Invocation } from "./command.ts";
import { callDaemon } from "./connect.ts";
import { CliError, EXIT, type ExitCode, unknownWord, usageError } from "./exit.ts";
import { keyWord, rulesFields, type RulesView, setRules } from "./key_rules.ts";
import { printFields, printJson, printTable } from "./output.ts";
import type { Terminal } from "./terminal.ts";

interface PresignView {
  /** Wanted; null where presignatures are off. */
  readonly count: number | null;
  readonly ready: number;
  readonly stored: number;
}

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
  readonly history: readonly {
    readonly event: string;
    readonly generation: number;
    readonly at: string;
    readonly ceremony?: string;
  }[];
  readonly presign?: PresignView;
  readonly can_sign: boolean;
  readonly live: number;
  readonly rules?: RulesView;
}

const VERBS = ["show", "presign", "settle", "allow", "limit"];

/** Lists the keys this node holds a share of, or shows one with all its encodings. */
export const command: CommandSpec = {
  name: "keys",
  summary: "List the keys this node has a share of, or show one.",
  usage: "[show ID | presign ID --count N|--off | settle ID --discard|--commit | " +
    "allow --key ID --requester ID,…|any | limit --key ID --per-hour N|off] [--json]",
  about: `With presignatures an ECDSA signature takes one message of each signer instead of nine
rounds. presign keeps N of them ready for signatures asked of this node, made in the background
with threshold+1 members; every one of these must have turned presignatures on too (0 is enough to
take part). They are off until then. Each is used once; a resharing or a restore destroys them.

When members of a resharing die or contradict each other at its end, both shares stay and
\`status\` warns. Nodes ask each other until all have answered; where somebody is gone for good,
settle ends it on this node: --discard drops the new share (only if no other node has made its own
current), --commit makes it current (only if all other nodes do).
allow says whose requests for a key this node takes part in, beside its own operator's (any: all of
TRF_INITIATORS); limit how many signatures an hour it helps to make with it. Other requests are
refused, and their requester is told why. Both hold for this node alone.`,
  maxWords: 2,
  verbs: VERBS,
  options: {
    key: {
      short: "k",
      value: "ID",
      verbs: VERBS,
      help: "the key, 32 hex digits; may stand behind the word as well",
    },
    requester: { value: "ID,…", verbs: ["allow"], help: "with allow: identities, or any" },
    "per-hour": {
      value: "N",
      verbs: ["limit"],
      help: "with limit: signatures within an hour, or off",
    },
    count: { value: "N", verbs: ["presign"], help: "with presign: keep this many ready, 0 to 64" },
    off: { verbs: ["presign"], help: "with presign: destroy all and take part in none" },
    discard: { verbs: ["settle"], help: "with settle: drop the new share, keep the old one" },
    commit: {
      verbs: ["settle"],
      help: "with settle: make the new share current, destroy the old one",
    },
    ...CLIENT_OPTIONS,
  },
  examples: [
    "transfunctioner keys",
    "transfunctioner keys show 2beb1c80ee511d03ad19e25b99b756d7",
    "transfunctioner keys limit --key 2beb1c80ee511d03ad19e25b99b756d7 --per-hour 60",
    "transfunctioner keys presign 2beb1c80ee511d03ad19e25b99b756d7 --count 8",
  ],
  async run(invocation) {
    const { terminal, words, on } = invocation;
    if (words[0] === "settle") return await settle(invocation);
    if (words[0] === "allow" || words[0] === "limit") return await setRules(invocation);
    if (words[0] === "presign") return await presign(invocation);
    if (words[0] !== undefined && words[0] !== "show") {
      throw unknownWord("keys", words[0], VERBS);
    }
    const id = words[0] === "show" ? keyWord(invocation) : undefined;
    const { keys } = await callDaemon<{ keys: KeyRow[] }>(invocation, "keys", {});
    if (id !== undefined) {
      const key = keys.find((k) => k.key_id === id);
      if (key === undefined) {
        throw new CliError(
          EXIT.refused,
          `this node has no share of key ${id}`,
          "`transfunctioner keys` lists what it has",
          "TF-NO-KEY",
        );
      }
      showKey(terminal, on.has("json"), key);
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

/** Ends an undecided resharing on this node. */
async function settle(invocation: Invocation): Promise<ExitCode> {
  const { terminal, on } = invocation;
  const key_id = keyWord(invocation);
  if (on.has("discard") === on.has("commit")) {
    throw usageError("keys settle: give --discard or --commit", "read `keys --help` first");
  }
  const answer = await callDaemon<{ ceremonies: string[] }>(invocation, "keys.settle", {
    key_id,
    action: on.has("commit") ? "commit" : "discard",
  });
  if (on.has("json")) printJson(terminal, "transfunctioner/settle/1", answer);
  else terminal.out(`settled ${answer.ceremonies.join(" ")}\n`);
  return EXIT.done;
}

/** Says how many presignatures of a key are to be kept ready. */
async function presign(invocation: Invocation): Promise<ExitCode> {
  const { terminal, text, on } = invocation;
  const key_id = keyWord(invocation);
  const count = text["count"];
  if ((count !== undefined) === on.has("off")) {
    throw usageError("keys presign: give one of --count N and --off");
  }
  if (count !== undefined && !(/^[0-9]{1,2}$/.test(count) && Number(count) <= 64)) {
    throw usageError(`--count: "${count}" is not a whole number from 0 to 64`);
  }
  const answer = await callDaemon<{ key_id: string; presign: PresignView }>(
    invocation,
    "keys.presign",
    { key_id, ...(count === undefined ? {} : { count: Number(count) }) },
  );
  if (on.has("json")) printJson(terminal, "transfunctioner/presign/1", answer);
  else terminal.out(`${presignText(answer.presign)}\n`);
  return EXIT.done;
}

function presignText({ count, ready, stored }: PresignView): string {
  if (count === null) return "off";
  const others = stored - ready;
  return `${ready} of ${count} ready` + (others > 0 ? `, ${others} of other members stored` : "");
}

function showKey(terminal: Terminal, json: boolean, key: KeyRow): void {
  if (json) return printJson(terminal, "transfunctioner/key/1", key);
  printFields(terminal, [
    ["key id", key.key_id],
    ["curve", key.curve],
    ["public key", key.public_key],
    ...Object.entries(key.encodings),
    ["committee", key.committee.join("\n" + " ".repeat(14))],
    ["threshold", `${key.threshold} (any ${key.threshold + 1} of ${key.committee.length} sign)`],
    ["generation", String(key.generation)],
    ["created", key.created_at],
    ...key.history.map(({ at, event, generation, ceremony }): [string, string] => [
      "history",
      `${at}  ${event}, generation ${generation}` +
      (ceremony === undefined ? "" : `, ceremony ${shortId(ceremony)}`),
    ]),
    ...(key.rules === undefined ? [] : rulesFields(key.rules)),
    ["status", key.status],
    ["can sign now", signs(key)],
    ["presigned", key.presign === undefined ? undefined : presignText(key.presign)],
  ]);
}

function signs(key: KeyRow): string {
  const need = `${key.live} live of ${key.committee.length}, ${key.threshold + 1} needed`;
  return key.status !== "active" ? key.status : `${key.can_sign ? "yes" : "NO"}: ${need}`;
}
