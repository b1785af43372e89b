/**
 * Binding listeners, with errors that say which setting to change.
 *
 * @module
 */

import type { Address } from "./config_values.ts";
import { NodeError } from "./errors.ts";

/** Writes an address for people. */
export function addressText(at: Address | null): string {
  if (at === null) return "not listening";
  return at.host.includes(":") ? `[${at.host}]:${at.port}` : `${at.host}:${at.port}`;
}

/**
 * Runs `work`, which binds the `what` listener at `at`.
 *
 * @throws {NodeError} (exit 2) if the port is taken or the address cannot be used.
 */
export async function bind(
  what: string,
  at: Address | null,
  variable: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    const where = `the ${what} listener cannot use ${addressText(at)}`;
    if (error instanceof Deno.errors.AddrInUse) {
      throw new NodeError("TF-PORT", `${where}: the port is in use`, {
        exit: 2,
        hint: `stop what uses it, or choose another port with ${variable}`,
      });
    }
    if (error instanceof Deno.errors.NotCapable) {
      throw new NodeError("TF-PERMISSION", `${where}: this process may not listen there`, {
        exit: 2,
        hint: `grant it with --allow-net, or set ${variable} to what the permission set allows`,
      });
    }
    if (
      error instanceof Deno.errors.AddrNotAvailable || error instanceof Deno.errors.PermissionDenied
    ) {
      throw new NodeError("TF-PORT", `${where}: ${error.message.toLowerCase()}`, {
        exit: 2,
        hint: `set ${variable} to an address of this machine and a port above 1023`,
      });
    }
    throw error;
  }
}
