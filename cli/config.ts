/** `transfunctioner config`. @module */

import { describeConfig, loadConfig } from "../lib/node/config.ts";
import { daemonPermissions } from "../lib/node/permissions.ts";
import { daemonSettings } from "../lib/node/settings.ts";
import type { CommandSpec } from "./command.ts";
import { configFlags } from "./connect.ts";
import { readEnvironment } from "./environment.ts";
import { EXIT, unknownWord } from "./exit.ts";
import { printJson, printTable } from "./output.ts";
import { DAEMON_OPTIONS } from "./settings_options.ts";

/** Shows or checks the settings as the daemon would read them. */
export const command: CommandSpec = {
  name: "config",
  summary: "Show each setting and where it comes from, or check them all.",
  usage: "[show|check] [OPTIONS OF THE DAEMON] [--json]",
  about: `Reads flags, variables and config.json exactly as the daemon does and starts nothing.
show, the default, prints every setting with its origin, secrets redacted; check only says whether
the daemon would take them, with exit code 2 and the first mistake if it would not.`,
  maxWords: 1,
  verbs: ["show", "check"],
  options: {
    json: { help: "print one JSON object for machines" },
    ...DAEMON_OPTIONS,
  },
  examples: [
    "transfunctioner config show",
    "transfunctioner config check --connect node-b.example.com:45067",
  ],
  reach: "settings",
  async run(invocation) {
    const { terminal, words, on } = invocation;
    const verb = words[0] ?? "show";
    if (verb !== "show" && verb !== "check") {
      throw unknownWord("config", verb, ["show", "check"]);
    }
    const config = await loadConfig({
      flags: configFlags(invocation, Object.keys(DAEMON_OPTIONS)),
      env: readEnvironment(terminal),
    });
    // What else the daemon derives before it opens anything: both may refuse a setting.
    daemonSettings(config);
    daemonPermissions(config);
    if (on.has("json")) {
      const settings = describeConfig(config).map(({ variable, value, origin }) => ({
        variable,
        value,
        origin,
      }));
      printJson(terminal, `transfunctioner/config-${verb}/1`, {
        valid: true,
        warnings: config.warnings,
        ...(verb === "show" ? { settings } : {}),
      });
    } else if (verb === "check") {
      terminal.out("the settings can be used\n");
    } else {
      await printTable(
        terminal,
        ["setting", "value", "origin"],
        describeConfig(config).map((s) => [s.variable, s.value, s.origin]),
      );
    }
    for (const warning of config.warnings) terminal.err(`warning: ${warning}\n`);
    return EXIT.done;
  },
};
