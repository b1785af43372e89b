/**
 * What the process of one command line needs: the daemon's permissions for the daemon, the home
 * directory and the admin listener for commands that ask it, files that the line names.
 *
 * @module
 */

import { type Config, ConfigError, formatAddress, loadConfig } from "../lib/node/config.ts";
import { RESOLV_CONF, systemNameServers } from "../lib/node/deno_dns.ts";
import { daemonGrants, type Grant, onePath } from "../lib/node/permissions.ts";
import { type CommandSpec, type Invocation, type Reach, readLine } from "./command.ts";
import { configFlags } from "./connect.ts";
import { readEnvironment } from "./environment.ts";
import { usageError } from "./exit.ts";
import { lenientConfig } from "./lenient_config.ts";
import { COMMANDS } from "./registry.ts";
import { DAEMON_OPTIONS } from "./settings_options.ts";
import type { Terminal } from "./terminal.ts";

/** Unlike a daemon, a command that a person runs may look where `~` is. */
const FIND_HOME: Grant = {
  permission: "env",
  scope: "HOME",
  why: "finds the home directory behind ~",
  code: "cli/environment.ts",
  until: "stop",
};

const SETTINGS: Grant = {
  permission: "env",
  scope: "TRF_*",
  why: "settings",
  code: "cli/environment.ts",
  until: "stop",
};

/** Words that make any command line a question about the program, not a job. */
const ASKS_FOR_HELP = ["--help", "-h"];

/**
 * Returns what `words` (a command and its arguments) may do when they are run.
 *
 * @throws {CliError} (exit 2) if the line is not one that the program would carry out.
 */
export async function lineGrants(words: readonly string[], terminal: Terminal): Promise<Grant[]> {
  const [name, ...rest] = words;
  if (name === undefined || name.startsWith("-") || name === "help") return [];
  if (rest.some((word) => ASKS_FOR_HELP.includes(word))) return [];
  const entry = COMMANDS.find((c) => c.name === name);
  // The program says what is wrong with it, and needs nothing for that.
  if (entry === undefined) return [];
  const command = await entry.load();
  return await commandGrants(command, readLine(command, rest, terminal));
}

/** Returns what one command may do with the options in `invocation`. */
export async function commandGrants(
  command: CommandSpec,
  invocation: Invocation,
): Promise<Grant[]> {
  const reach = command.reach ??
    ("admin-address" in command.options ? "admin" : "nothing");
  const files = fileGrants(command, invocation);
  if (reach === "nothing") return files;
  if (command.lenient === true) return together(await lenientGrants(invocation), files);
  const env = readEnvironment(invocation.terminal);
  for (const name of command.ownVariables ?? []) delete env[name];
  const config = await loadConfig({
    flags: configFlags(invocation, Object.keys(DAEMON_OPTIONS)),
    env,
  });
  const grants = reach !== "node"
    ? clientGrants(config, reach)
    : command.name === "daemon"
    ? daemonGrants(config, await systemNameServers())
    : [...daemonGrants(config, await systemNameServers()), FIND_HOME];
  return together(grants, files);
}

function together(grants: Grant[], files: readonly Grant[]): Grant[] {
  const known = grants.map((g) => `${g.permission} ${g.scope}`);
  return [...grants, ...files.filter((g) => !known.includes(`${g.permission} ${g.scope}`))];
}

/** All that a daemon may as far as that is known: the command says which setting is wrong. */
async function lenientGrants(invocation: Invocation): Promise<Grant[]> {
  const { config } = await lenientConfig(invocation);
  if (config === null) return [SETTINGS, FIND_HOME];
  try {
    return [...daemonGrants(config, await systemNameServers()), FIND_HOME];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return clientGrants(config, "admin");
  }
}

function clientGrants(config: Config, reach: Exclude<Reach, "node" | "nothing">): Grant[] {
  const home = onePath("TRF_HOME", config.home.value);
  const grants: Grant[] = [{
    permission: "read",
    scope: home,
    why: {
      admin: "the admin key and config.json",
      home: "the keystore and config.json",
      files: "the audit log and config.json",
      settings: "config.json",
    }[reach],
    code: "lib/keystore/files.ts",
    until: "stop",
  }];
  if (reach === "home") {
    grants.push({
      permission: "write",
      scope: home,
      why: "the keystore",
      code: "lib/keystore/files.ts",
      until: "stop",
    });
    const file = config.passphraseFile.value;
    if (file !== null) {
      grants.push({
        permission: "read",
        scope: onePath("TRF_PASSPHRASE_FILE", file),
        why: "the passphrase",
        code: "cli/secret.ts",
        until: "stop",
      });
    }
  }
  if (reach === "settings") {
    grants.push({
      permission: "read",
      scope: RESOLV_CONF,
      why: "the name servers that a daemon would ask",
      code: "lib/node/deno_dns.ts",
      until: "stop",
    });
  }
  grants.push(SETTINGS, FIND_HOME);
  if (reach === "admin") {
    grants.push({
      permission: "net",
      scope: formatAddress(config.adminAddress.value),
      why: "asks the daemon",
      code: "lib/node/deno_net.ts",
      until: "stop",
    });
  }
  return grants;
}

function fileGrants(command: CommandSpec, invocation: Invocation): Grant[] {
  const byWord = (command.wordPaths?.(invocation) ?? []).map((
    { path, permission, why },
  ): Grant => ({
    permission,
    scope: plainPath(command.name, path),
    why,
    code: `cli/${command.name.replaceAll("-", "_")}.ts`,
    until: "stop",
  }));
  const byOption = Object.entries(command.paths ?? {}).flatMap(([option, permission]): Grant[] => {
    const path = invocation.text[option];
    if (path === undefined || path === "-") return [];
    return [{
      permission,
      scope: plainPath(`--${option}`, path),
      why: `--${option} names it`,
      code: `cli/${command.name.replaceAll("-", "_")}.ts`,
      until: "stop",
    }];
  });
  return [...byWord, ...byOption];
}

/** A file on the command line may be relative; Deno resolves it against the working directory. */
function plainPath(option: string, path: string): string {
  // deno-lint-ignore no-control-regex
  if (/[\u0000-\u001f]/.test(path)) {
    throw usageError(`${option}: the path holds a control character`, "rename the file");
  }
  return onePath(option, path);
}
