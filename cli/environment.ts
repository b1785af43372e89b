/**
 * The environment variables that settings are read from.
 *
 * @module
 */

import { CONFIG_OPTIONS } from "../lib/node/config_options.ts";

/**
 * Reads the variables one by one: a process that may see TRF_* only cannot list all there are. With
 * wider permission unknown TRF_* variables come along, so that a typing error is reported.
 *
 * What is not permitted is not even tried, and is as good as not set: HOME is needed for a home
 * directory with ~ only, and an audit of permissions shows no refusal.
 */
export function readEnvironment(): Record<string, string | undefined> {
  const granted = (variable?: string) =>
    Deno.permissions.querySync(
      variable === undefined ? { name: "env" } : { name: "env", variable },
    ).state === "granted";
  if (granted()) return Deno.env.toObject();
  const out: Record<string, string | undefined> = {};
  for (const name of [...CONFIG_OPTIONS.map((o) => o.variable), "HOME"]) {
    if (granted(name)) out[name] = Deno.env.get(name);
  }
  return out;
}
