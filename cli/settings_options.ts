/**
 * The settings of a node as command-line options: the same for every command that reads them all.
 *
 * @module
 */

import { CONFIG_OPTIONS } from "../lib/node/config_options.ts";
import type { OptionSpec } from "./command.ts";

/** One option for each setting that a command line may hold. */
export const DAEMON_OPTIONS: Readonly<Record<string, OptionSpec>> = Object.fromEntries(
  CONFIG_OPTIONS.filter((o) => o.flag !== null).map((o): [string, OptionSpec] => [o.flag!, {
    ...(o.placeholder === "" ? {} : { value: o.placeholder }),
    help: `${o.help} (${o.variable})`,
  }]),
);
