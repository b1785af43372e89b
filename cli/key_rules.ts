/** `transfunctioner keys allow` and `keys limit`. @module */

import type { Invocation } from "./command.ts";
import { callDaemon, KEYS_HINT, listOption, readKeyId } from "./connect.ts";
import { EXIT, type ExitCode, usageError } from "./exit.ts";
import { printFields, printJson } from "./output.ts";

/** The rules of a key as the daemon tells them. */
export interface RulesView {
  readonly requesters: readonly string[] | null;
  readonly per_hour: number | null;
  readonly used_this_hour: number;
}

/** Lines about a key's rules. */
export function rulesFields(rules: RulesView): (readonly [string, string])[] {
  const { requesters, per_hour, used_this_hour } = rules;
  const limit = per_hour === null ? "no limit" : `at most ${per_hour} an hour`;
  return [
    ["requesters", requesters === null ? "all initiators" : requesters.join("\n" + " ".repeat(14))],
    ["signings", `${limit}, ${used_this_hour} in the last hour`],
  ];
}

/**
 * Reads which key a line of `keys` is about: the word after the verb, or --key.
 *
 * @throws {CliError} (exit 2) unless exactly one of them is there and is a key id.
 */
export function keyWord({ words, text }: Invocation): string {
  const [verb, word] = words;
  const key = text["key"] ?? word;
  if (key === undefined) throw usageError(`keys ${verb}: the key id is missing`, KEYS_HINT);
  if (text["key"] !== undefined && word !== undefined) {
    throw usageError(`keys ${verb}: two keys are named, ${text["key"]} and ${word}`);
  }
  return readKeyId(`keys ${verb}`, key);
}

/** Carries out `keys allow` or `keys limit`. */
export async function setRules(invocation: Invocation): Promise<ExitCode> {
  const { terminal, words, text, on } = invocation;
  const verb = words[0]!;
  const key_id = keyWord(invocation);
  const answer = await callDaemon<{ key_id: string; rules: RulesView }>(
    invocation,
    `keys.${verb}`,
    {
      key_id,
      ...(verb === "allow" ? { requesters: requesters(invocation) } : { per_hour: limit(text) }),
    },
  );
  if (on.has("json")) printJson(terminal, "transfunctioner/key-rules/1", answer);
  else printFields(terminal, [["key id", answer.key_id], ...rulesFields(answer.rules)]);
  return EXIT.done;
}

function requesters(invocation: Invocation): readonly string[] | null {
  const text = invocation.text["requester"];
  if (text === undefined) {
    throw usageError("keys allow: --requester is missing", "list identities, or any for all");
  }
  return text === "any" ? null : listOption(invocation, "requester")!;
}

function limit(text: Invocation["text"]): number | null {
  const value = text["per-hour"];
  if (value === undefined) {
    throw usageError("keys limit: --per-hour is missing", "give a number, or off");
  }
  if (value === "off") return null;
  if (!/^[0-9]{1,7}$/.test(value) || Number(value) < 1 || Number(value) > 1_000_000) {
    throw usageError(
      `--per-hour: "${value}" is not a number from 1 to 1000000`,
      "off for no limit",
    );
  }
  return Number(value);
}
