/**
 * What a command is, how its line is read, and what its help looks like.
 *
 * Reading is `node:util` `parseArgs` in strict mode; the same table draws the help, so the two
 * cannot disagree.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { nearestName } from "../lib/node/config_error.ts";
import { usageError } from "./exit.ts";
import type { ExitCode } from "./exit.ts";
import type { Terminal } from "./terminal.ts";

/** One option of a command. */
export interface OptionSpec {
  /** One letter, without the dash. */
  readonly short?: string;
  /** Placeholder of the value in the help, for example `DIR`; absent for a switch. */
  readonly value?: string;
  /** One line that says what it does. */
  readonly help: string;
  /** First words of the line that it goes with; absent where it goes with any and with none. */
  readonly verbs?: readonly string[];
}

/** The values read from one command line. */
export interface Invocation {
  /** Words that are no options, in order. */
  readonly words: readonly string[];
  /** Option values by long name. */
  readonly text: Readonly<Record<string, string | undefined>>;
  /** Switches that were given. */
  readonly on: ReadonlySet<string>;
  readonly terminal: Terminal;
}

/** How far a command reaches; see {@link CommandSpec.reach}. */
export type Reach = "node" | "admin" | "home" | "files" | "settings" | "nothing";

/** A file or directory that a word of the command line names. */
export interface WordPath {
  readonly path: string;
  readonly permission: "read" | "write";
  /** What it is for. */
  readonly why: string;
}

/** One command of the program. */
export interface CommandSpec {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What follows the name, for example `--key ID (--file PATH | --digest HEX)`. */
  readonly usage: string;
  /** Paragraphs below the summary. */
  readonly about?: string;
  /** Most words accepted; more is an error. */
  readonly maxWords: number;
  /** What the first word may be, for completions; absent where it is free. */
  readonly verbs?: readonly string[];
  /** What a line without a word means. */
  readonly defaultVerb?: string;
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** Whole command lines that work. */
  readonly examples: readonly string[];
  /**
   * What its process may touch beside TRF_* variables: `node` is all that a daemon may, `admin`
   * the home directory's files and the admin listener, `home` that directory, `files` reading it
   * only, `settings` that and what the system's name servers are, `nothing` not even that.
   * Default: `admin` if it has the option --admin-address, else `nothing`.
   */
  readonly reach?: Reach;
  /** Whether it goes on where a setting cannot be used; see `lenientConfig()`. */
  readonly lenient?: boolean;
  /** Variables that are not settings for this command, but its own business. */
  readonly ownVariables?: readonly string[];
  /** Options whose values are files outside the home directory, and what is done with them. */
  readonly paths?: Readonly<Record<string, "read" | "write">>;
  /** The same for what is named by words instead of options. */
  readonly wordPaths?: (invocation: Invocation) => readonly WordPath[];
  /** Does the work. */
  run(invocation: Invocation): Promise<ExitCode>;
}

/** Options that every command takes. */
export const COMMON_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  help: { short: "h", help: "show this help" },
  debug: { help: "show stack traces of errors" },
};

/** Options of every command that talks to a running daemon. */
export const CLIENT_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  home: { value: "DIR", help: "keystore directory (TRF_HOME)" },
  "admin-address": { value: "HOST:PORT", help: "admin listener (TRF_ADMIN_ADDRESS)" },
  json: { help: "print one JSON object for machines" },
};

/**
 * Reads the words after the command's name.
 *
 * @throws {CliError} (exit 2) with a suggestion where one is near.
 */
export function readLine(
  command: CommandSpec,
  args: readonly string[],
  terminal: Terminal,
): Invocation {
  const specs = { ...COMMON_OPTIONS, ...command.options };
  const options: Record<string, { type: "string" | "boolean"; short?: string }> = {};
  for (const [name, spec] of Object.entries(specs)) {
    options[name] = { type: spec.value === undefined ? "boolean" : "string" };
    if (spec.short !== undefined) options[name]!.short = spec.short;
  }
  const help = `run \`transfunctioner ${command.name} --help\``;
  let parsed;
  try {
    parsed = parseArgs({
      args: [...args],
      options,
      strict: true,
      allowPositionals: true,
      tokens: true,
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const unknown = /Unknown option '-{0,2}([^'=]+)/.exec(message);
    if (unknown !== null) {
      const near = nearestName(unknown[1]!, Object.keys(specs));
      const dashes = unknown[1]!.length === 1 ? "-" : "--";
      throw usageError(
        `unknown option ${dashes}${unknown[1]} for ${command.name}`,
        near === undefined ? help : `did you mean --${near}? ${help}`,
      );
    }
    const first = message.split("\n")[0]!.replace(/\.$/, "");
    throw usageError(first.charAt(0).toLowerCase() + first.slice(1), help);
  }
  if (parsed.positionals.length > command.maxWords) {
    throw usageError(
      `unexpected word "${parsed.positionals[command.maxWords]}" for ${command.name}`,
      help,
    );
  }
  assertOnce(parsed.tokens, specs, help);
  const text: Record<string, string | undefined> = {};
  const on = new Set<string>();
  for (const [name, value] of Object.entries(parsed.values)) {
    if (value === true) on.add(name);
    else if (typeof value === "string") {
      if (value === "") throw usageError(`--${name} needs a value`, help);
      text[name] = value;
    }
    assertGoesWith(command, name, parsed.positionals[0]);
  }
  return { words: parsed.positionals, text, on, terminal };
}

/** A second value would silently take the place of the first. */
function assertOnce(
  tokens: readonly { kind: string; name?: string }[],
  specs: Readonly<Record<string, OptionSpec>>,
  help: string,
): void {
  const names = tokens.filter((t) => t.kind === "option").map((t) => t.name!);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  const value = twice === undefined ? undefined : specs[twice]?.value;
  if (value === undefined) return;
  throw usageError(
    `--${twice} is given twice`,
    value.includes(",") ? "write the values with commas between them" : help,
  );
}

/** An option that another word of the command takes would be left unheeded. */
function assertGoesWith(command: CommandSpec, option: string, word: string | undefined): void {
  const { verbs } = command.options[option] ?? {};
  const verb = word ?? command.defaultVerb;
  if (verbs === undefined || (verb !== undefined && verbs.includes(verb))) return;
  // An unknown word is told as such by the command.
  if (verb !== undefined && command.verbs?.includes(verb) === false) return;
  const lines = verbs.map((v) => `${command.name} ${v}`);
  throw usageError(
    `--${option} goes with ${lines.join(" and ")}`,
    `run \`transfunctioner ${command.name} --help\``,
  );
}

function optionLines(options: Readonly<Record<string, OptionSpec>>): string {
  const rows = Object.entries(options).map(([name, spec]) => {
    const short = spec.short === undefined ? "    " : `-${spec.short}, `;
    return [`  ${short}--${name}${spec.value === undefined ? "" : " " + spec.value}`, spec.help];
  });
  const width = Math.max(...rows.map(([left]) => left!.length));
  return rows.map(([left, right]) => `${left!.padEnd(width)}  ${right}`).join("\n");
}

/** A usage in lines of at most 98 characters. */
function usageLines(usage: string): string {
  const lines: string[] = [" "];
  for (const word of usage.trim().split(/\s+/)) {
    const line = `${lines.at(-1)} ${word}`;
    if (line.length <= 98) lines[lines.length - 1] = line;
    else lines.push(`      ${word}`);
  }
  return lines.join("\n");
}

/** The help text of one command. */
export function commandHelp(command: CommandSpec): string {
  const about = command.about === undefined ? "" : `\n${command.about}\n`;
  return `${command.summary}

USAGE
${usageLines(`transfunctioner ${command.name} ${command.usage}`)}
${about}
OPTIONS
${optionLines({ ...command.options, ...COMMON_OPTIONS })}

EXAMPLES
${command.examples.map((e) => `  ${e}`).join("\n")}
`;
}
