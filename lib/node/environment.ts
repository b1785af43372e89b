/**
 * The environment as the configuration wants it, whatever the process may read of it.
 *
 * @module
 */

import { CONFIG_OPTIONS } from "./config_options.ts";

/**
 * Returns the variables that begin with `TRF_`, and `HOME`.
 *
 * With `--allow-env=TRF_*` the process cannot list its environment, so mistyped names go unseen;
 * the known ones are asked for one by one. A variable that may not be read counts as unset.
 */
export function readEnvironment(): Record<string, string> {
  const out: Record<string, string> = {};
  try {
    for (const [name, value] of Object.entries(Deno.env.toObject())) {
      if (name.startsWith("TRF_") || name === "HOME") out[name] = value;
    }
    return out;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
  }
  for (const name of [...CONFIG_OPTIONS.map((o) => o.variable), "HOME"]) {
    try {
      const value = Deno.env.get(name);
      if (value !== undefined) out[name] = value;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotCapable)) throw error;
    }
  }
  return out;
}
