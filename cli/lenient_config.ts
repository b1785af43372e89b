/**
 * Settings for the commands that are there for when something is wrong: what cannot be used is left
 * out, so that the rest can be looked at.
 *
 * @module
 */

import { type Config, ConfigError, loadConfig } from "../lib/node/config.ts";
import type { Invocation } from "./command.ts";
import { configFlags } from "./connect.ts";
import { readEnvironment } from "./environment.ts";
import { DAEMON_OPTIONS } from "./settings_options.ts";

/** What is needed to find a node and its daemon, and what is secret. */
const NEEDED = ["home", "admin-address", "passphrase-file"];
const NEEDED_VARIABLES = [
  "HOME",
  "TRF_HOME",
  "TRF_ADMIN_ADDRESS",
  "TRF_PRIVATE_KEY",
  "TRF_KEYSTORE_PASSPHRASE",
  "TRF_PASSPHRASE_FILE",
];

/** Settings, and what had to be left out of them. */
export interface LenientConfig {
  /** Null if not even the home directory is known. */
  readonly config: Config | null;
  /** The first setting that cannot be used; null if all can. */
  readonly problem: ConfigError | null;
  /** What `config` is without, for people; null where nothing was left out. */
  readonly without: string | null;
}

/** Reads the settings; where one cannot be used, without config.json, else only the home directory's. */
export async function lenientConfig(invocation: Invocation): Promise<LenientConfig> {
  const flags = configFlags(invocation, Object.keys(DAEMON_OPTIONS));
  const env = readEnvironment(invocation.terminal);
  const problem = await attempt(() => loadConfig({ flags, env }));
  if (!(problem instanceof ConfigError)) return { config: problem, problem: null, without: null };
  const readFile = () => Promise.resolve(null);
  const noFile = await attempt(() => loadConfig({ flags, env, readFile }));
  if (!(noFile instanceof ConfigError)) return { config: noFile, problem, without: "config.json" };
  const few = await attempt(() =>
    loadConfig({
      flags: Object.fromEntries(NEEDED.map((name) => [name, flags[name]])),
      env: Object.fromEntries(NEEDED_VARIABLES.map((name) => [name, env[name]])),
      readFile,
    })
  );
  const without = "config.json and most variables and options";
  return { config: few instanceof ConfigError ? null : few, problem, without };
}

async function attempt(load: () => Promise<Config>): Promise<Config | ConfigError> {
  try {
    return await load();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}
