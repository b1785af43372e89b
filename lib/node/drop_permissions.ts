/**
 * Gives up what a running node does not need any more.
 *
 * @module
 */

import type { Logger } from "../observe/logger.ts";

/**
 * Revokes the right to read the environment: settings are read once, and TRF_PRIVATE_KEY or the
 * passphrase must not be there for the taking afterwards. Also takes the secrets out of the
 * process's own copy of the environment first.
 */
export async function dropPermissions(log: Logger): Promise<void> {
  for (const name of ["TRF_PRIVATE_KEY", "TRF_KEYSTORE_PASSPHRASE"]) {
    const { state } = await Deno.permissions.query({ name: "env", variable: name });
    if (state === "granted") Deno.env.delete(name);
  }
  const states: Record<string, string> = {};
  for (const name of ["env", "run", "ffi", "sys", "import"] as const) {
    const { state } = await Deno.permissions.revoke({ name } as Deno.PermissionDescriptor);
    if (state === "granted") log.warn("a permission could not be given up", { permission: name });
    // "prompt" is what the runtime calls a permission that it would have to ask a person for.
    states[name] = state === "granted" ? "granted" : "refused";
  }
  log.info("gave up what only the start needs", states);
}
