/**
 * How commands reach the daemon: the settings they share with it, its admin key, one call.
 *
 * @module
 */

import { loadConfig } from "../lib/node/config.ts";
import type { Config } from "../lib/node/config.ts";
import type { Invocation } from "./command.ts";
import { CliError, EXIT, type ExitCode } from "./exit.ts";

/** Options of the command line that are settings, under the names the configuration knows. */
export function configFlags(invocation: Invocation, names: readonly string[]) {
  const flags: Record<string, string> = {};
  for (const name of names) {
    const value = invocation.text[name];
    if (value !== undefined) flags[name] = value;
    else if (invocation.on.has(name)) flags[name] = "true";
  }
  return flags;
}

/** Reads the settings that a client command needs. */
export function clientConfig(invocation: Invocation): Promise<Config> {
  return loadConfig({
    flags: configFlags(invocation, ["home", "admin-address"]),
    env: Deno.env.toObject(),
  });
}

/** Reads `--timeout SECONDS`; undefined when it was not given. */
export function timeoutOption(invocation: Invocation): number | undefined {
  const text = invocation.text["timeout"];
  if (text === undefined) return undefined;
  if (!/^[0-9]{1,6}$/.test(text) || Number(text) === 0) {
    throw new CliError(EXIT.usage, `--timeout: "${text}" is not a whole number of seconds above 0`);
  }
  return Number(text) * 1000;
}

/** The exit code that an error of the daemon asks for. */
export function exitFor(exit: unknown): ExitCode {
  return exit === 2 || exit === 3 || exit === 4 ? exit : EXIT.failed;
}
