/**
 * The environment variables that settings are read from.
 *
 * @module
 */

import { CONFIG_OPTIONS } from "../lib/node/config_options.ts";

/**
 * Reads the variables one by one: a process that may see TRF_* only cannot list all there are. With
 * wider permission unknown TRF_* variables come along, so that a typing error is reported.
 */
export function readEnvironment(): Record<string, string | undefined> {
  try {
    return Deno.env.toObject();
  } catch {
    const out: Record<string, string | undefined> = {};
    for (const name of [...CONFIG_OPTIONS.map((o) => o.variable), "HOME"]) {
      try {
        out[name] = Deno.env.get(name);
      } catch {
        // Not permitted is as good as not set: HOME is needed for a home directory with ~ only.
        out[name] = undefined;
      }
    }
    return out;
  }
}
