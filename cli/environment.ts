/**
 * The environment variables that settings are read from.
 *
 * @module
 */

import { CONFIG_OPTIONS } from "../lib/node/config_options.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Names of all TRF_ variables that are set, with blanks between them: whoever starts the process
 * can list them where the process itself cannot.
 */
const NAMES = "TRF_VARIABLE_NAMES";

/**
 * Reads the variables one by one: a process that may see TRF_* only cannot list all there are. With
 * wider permission, or where the launcher lists them, unknown TRF_* variables come along (the
 * latter with an empty text), so that a typing error is reported.
 *
 * What is not permitted is not even tried, and is as good as not set: HOME is needed for a home
 * directory with ~ only, and an audit of permissions shows no refusal.
 *
 * @param terminal its `variables`, where it has them, stand for the process's own.
 * @returns an object of the caller's own.
 */
export function readEnvironment(
  terminal?: Pick<Terminal, "variables">,
): Record<string, string | undefined> {
  if (terminal?.variables !== undefined) return { ...terminal.variables };
  const granted = (variable?: string) =>
    Deno.permissions.querySync(
      variable === undefined ? { name: "env" } : { name: "env", variable },
    ).state === "granted";
  if (granted()) {
    const { [NAMES]: _, ...all } = Deno.env.toObject();
    return all;
  }
  const out: Record<string, string | undefined> = {};
  const names = granted(NAMES) ? Deno.env.get(NAMES) ?? "" : "";
  for (const name of names.split(" ")) {
    if (/^TRF_[A-Z0-9_]+$/i.test(name) && name !== NAMES) out[name] = "";
  }
  for (const name of [...CONFIG_OPTIONS.map((o) => o.variable), "HOME"]) {
    if (granted(name)) out[name] = Deno.env.get(name);
  }
  return out;
}
