/** `transfunctioner permissions`. @module */

import { loadConfig } from "../lib/node/config.ts";
import { type Grant, permissionFlags, WITHHELD } from "../lib/node/permissions.ts";
import { commandGrants, lineGrants } from "./command_grants.ts";
import type { CommandSpec, Invocation } from "./command.ts";
import { configFlags } from "./connect.ts";
import { readEnvironment } from "./environment.ts";
import { EXIT, usageError } from "./exit.ts";
import { printJson, printTable } from "./output.ts";
import { DAEMON_OPTIONS } from "./settings_options.ts";

/** Shows what a process of this program may do with this configuration, and why. */
export const command: CommandSpec = {
  name: "permissions",
  summary: "Show what the process may do with this configuration, and why.",
  usage: "[OPTIONS OF THE DAEMON] [--flags | --lines | --json] [-- COMMAND …]",
  about: `Reads the configuration exactly as the daemon would and prints each permission with its
reason; it grants nothing by itself. --flags prints the flags for \`deno run\`. With a command
line after -- it is about that command instead of the daemon.`,
  maxWords: 64,
  options: {
    flags: { help: "print the flags of `deno run` on one line, for $(…)" },
    lines: { help: "print them one a line, which also suits paths with blanks" },
    json: { help: "print one JSON object for machines" },
    ...DAEMON_OPTIONS,
  },
  examples: [
    "transfunctioner permissions",
    "deno run $(transfunctioner permissions --flags) main.ts daemon",
    "transfunctioner permissions --lines -- sign --key 2beb1c80ee511d03ad19e25b99b756d7 --file a.pdf",
  ],
  reach: "settings",
  async run(invocation) {
    const { terminal, words, on } = invocation;
    if (["flags", "lines", "json"].filter((name) => on.has(name)).length > 1) {
      throw usageError("give at most one of --flags, --lines and --json");
    }
    const grants = words.length === 0
      ? await commandGrants((await import("./daemon.ts")).command, invocation)
      : await lineGrants(words, terminal);
    const flags = permissionFlags(grants);
    // With flags the daemon cannot list its variables; here they may be seen.
    if (words.length === 0 && !on.has("lines")) await warn(invocation);
    if (on.has("flags")) terminal.out(oneLine(flags) + "\n");
    else if (on.has("lines")) terminal.out(flags.map((flag) => flag + "\n").join(""));
    else if (on.has("json")) {
      printJson(terminal, "transfunctioner/permissions/1", {
        command: words[0] ?? "daemon",
        flags,
        grants,
        withheld: WITHHELD,
      });
    } else {
      await printTable(
        terminal,
        ["permission", "scope", "until", "why", "used by"],
        [
          ...grants.map((g: Grant) => [
            g.permission,
            g.scope,
            g.until === "start" ? "started" : "stop",
            g.why,
            g.code,
          ]),
          ...WITHHELD.map((w) => [w.permission, "none", "-", w.why, "-"]),
        ],
      );
    }
    return EXIT.done;
  },
};

async function warn(invocation: Invocation): Promise<void> {
  const flags = configFlags(invocation, Object.keys(DAEMON_OPTIONS));
  const { warnings } = await loadConfig({ flags, env: readEnvironment(invocation.terminal) });
  for (const warning of warnings) invocation.terminal.err(`warning: ${warning}\n`);
}

/** A shell would cut `$(…)` at blanks and expand stars; only TRF_* has one, and no file is so named. */
function oneLine(flags: readonly string[]): string {
  const bad = flags.find((flag) => /[\s?[\]\\]/.test(flag.replace(/^--allow-net=.*/, "")));
  if (bad !== undefined) {
    throw usageError(
      `${bad} cannot stand in $(…): a shell would cut or expand it`,
      "use --lines, or choose a path without blanks and brackets",
    );
  }
  return flags.join(" ");
}
