/**
 * From an argument list to an exit code: finds the command, runs it, prints what went wrong.
 *
 * @module
 */

import { commandHelp, readLine } from "./command.ts";
import { CliError, EXIT, type ExitCode, unknownCommand } from "./exit.ts";
import { COMMANDS, overview } from "./registry.ts";
import type { Terminal } from "./terminal.ts";

/** What any error may say about itself to the person at the terminal. */
interface Explained {
  readonly message: string;
  readonly hint?: string | undefined;
  readonly exit?: number | undefined;
  readonly code?: string | undefined;
}

function explain(error: unknown): Explained {
  if (error instanceof Deno.errors.NotCapable) {
    return {
      message: error.message.split("\n")[0]!,
      hint: "this process was started without that permission; the README has the permission table",
      exit: EXIT.usage,
      code: "TF-PERMISSION",
    };
  }
  if (error instanceof Error) return error as Explained;
  return { message: String(error) };
}

/** Prints an error as `error:` and `hint:` lines, or as JSON when the command was asked for JSON. */
export function report(
  terminal: Terminal,
  error: unknown,
  json: boolean,
  debug: boolean,
): ExitCode {
  const { message, hint, exit, code } = explain(error);
  if (json) {
    const fields = { code: code ?? "TF-FAILED", message, ...(hint === undefined ? {} : { hint }) };
    terminal.out(JSON.stringify({ schema: "transfunctioner/error/1", error: fields }) + "\n");
  }
  terminal.err(`error: ${message}\n`);
  if (hint !== undefined) terminal.err(`hint: ${hint}\n`);
  if (debug && error instanceof Error && error.stack !== undefined) {
    terminal.err(error.stack + "\n");
  }
  const known = Object.values(EXIT).find((e) => e === exit);
  return known === undefined || known === EXIT.done ? EXIT.failed : known;
}

const NAMES = COMMANDS.map((c) => c.name);

/** A mistake on the command line without a hint of its own gets the way to the help. */
function helped(error: unknown, name: string): unknown {
  if (!(error instanceof CliError) || error.code !== "TF-USAGE" || error.hint !== undefined) {
    return error;
  }
  const hint = `run \`transfunctioner ${name} --help\``;
  return new CliError(error.exit, error.message, hint, error.code);
}

/** Runs one command line and returns the exit code. Never throws. */
export async function main(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const [name, ...rest] = args;
  const json = args.includes("--json");
  const debug = args.includes("--debug");
  try {
    if (name === undefined || name === "help" || name === "--help" || name === "-h") {
      const asked = name === "help" ? rest.find((word) => !word.startsWith("-")) : undefined;
      const topic = COMMANDS.find((c) => c.name === asked);
      if (topic === undefined && asked !== undefined) throw unknownCommand(asked, NAMES);
      terminal.out(topic === undefined ? overview() : commandHelp(await topic.load()));
      return name === undefined ? EXIT.usage : EXIT.done;
    }
    const wanted = name === "--version" || name === "-V" ? "version" : name;
    const entry = COMMANDS.find((c) => c.name === wanted);
    if (entry === undefined) throw unknownCommand(name, NAMES);
    const command = await entry.load();
    if (rest.includes("--help") || rest.includes("-h")) {
      terminal.out(commandHelp(command));
      return EXIT.done;
    }
    try {
      return await command.run(readLine(command, rest, terminal));
    } catch (error) {
      throw helped(error, wanted);
    }
  } catch (error) {
    return report(terminal, error, json, debug);
  }
}
