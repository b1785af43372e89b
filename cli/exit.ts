/**
 * Exit codes of every command, and the errors that lead to them; README section "Exit codes" lists
 * the codes.
 *
 * @module
 */

import { nearestName } from "../lib/node/config_error.ts";

/** What a finished process tells its caller. */
export const EXIT = {
  /** The job was done. */
  done: 0,
  /** The job was tried and failed. */
  failed: 1,
  /** The command line, a variable or the configuration cannot be used. */
  usage: 2,
  /** A node said no: not allowed, not ready, already used. */
  refused: 3,
  /** Nobody said no, but the answer did not come in time. */
  timedOut: 4,
} as const;

/** One of {@link EXIT}. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An error meant for a person: one line of what is wrong, one of what to do. */
export class CliError extends Error {
  override readonly name = "CliError";
  /** Process exit code. */
  readonly exit: ExitCode;
  /** What to do about it. */
  readonly hint: string | undefined;
  /** Stable code for machines. */
  readonly code: string;

  /** Builds the error; `code` defaults to one that follows from `exit`. */
  constructor(exit: ExitCode, message: string, hint?: string, code?: string) {
    super(message);
    this.exit = exit;
    this.hint = hint;
    this.code = code ??
      { 0: "TF-OK", 1: "TF-FAILED", 2: "TF-USAGE", 3: "TF-REFUSED", 4: "TF-TIMEOUT" }[exit];
  }
}

/** A word that a command does not know, with the nearest one that it does. */
export function unknownWord(command: string, word: string, known: readonly string[]): CliError {
  const near = nearestName(word, known);
  return usageError(
    `${command}: unknown word "${word}"`,
    `${near === undefined ? "" : `did you mean ${near}? `}known: ${known.join(", ")}`,
  );
}

/** A command that the program does not have, with the nearest one that it does. */
export function unknownCommand(name: string, known: readonly string[]): CliError {
  const near = nearestName(name, known);
  return usageError(
    `unknown command "${name}"`,
    `${near === undefined ? "" : `did you mean ${near}? `}run \`transfunctioner --help\``,
  );
}

/**
 * Looks whether a file or directory is there, before a secret is asked for.
 *
 * @param what how the error names it.
 * @throws {CliError} (exit 2) if it is not.
 */
export async function assertThere(
  kind: "file" | "directory",
  path: string,
  what: string,
  hint: string,
): Promise<void> {
  let why = `it is no ${kind}`;
  try {
    const { isFile, isDirectory } = await Deno.stat(path);
    if (kind === "file" ? isFile : isDirectory) return;
  } catch (error) {
    why = whyNot(error);
  }
  throw usageError(`cannot read ${what}: ${why}`, hint);
}

/** Says in a few words why a file could not be read or written, without the system's codes. */
export function whyNot(error: unknown): string {
  const { errors } = Deno;
  if (error instanceof errors.NotFound) return "no such file or directory";
  if (error instanceof errors.IsADirectory) return "it is a directory";
  if (error instanceof errors.NotADirectory) return "part of its path is no directory";
  if (error instanceof errors.PermissionDenied) return "permission denied";
  if (error instanceof errors.AlreadyExists) return "it is there already";
  return error instanceof Error ? error.message.split("\n")[0]! : String(error);
}

/** A mistake on the command line. */
export function usageError(message: string, hint?: string): CliError {
  return new CliError(EXIT.usage, message, hint);
}
