/**
 * How commands reach the daemon: the settings they share with it, its admin key, one call.
 *
 * @module
 */

import { systemRandom } from "../lib/arith/random.ts";
import type { Json } from "../lib/encoding/json.ts";
import { fromPlain, toPlain } from "../lib/encoding/plain.ts";
import { denoFiles } from "../lib/keystore/files.ts";
import { loadAdminKey } from "../lib/keystore/identity_file.ts";
import { AdminClient } from "../lib/mesh/admin_client.ts";
import { AdminError } from "../lib/mesh/admin_protocol.ts";
import { systemClock } from "../lib/mesh/clock.ts";
import { type Config, loadConfig } from "../lib/node/config.ts";
import { denoNet } from "../lib/node/deno_net.ts";
import type { CeremonyEvent } from "./ceremony_view.ts";
import type { Invocation } from "./command.ts";
import { readEnvironment } from "./environment.ts";
import { CliError, EXIT, type ExitCode, usageError } from "./exit.ts";

/** Options of the command line that are settings, under the names the configuration knows. */
export function configFlags(invocation: Invocation, names: readonly string[]) {
  const flags: Record<string, string> = {};
  for (const name of names) {
    const value = invocation.text[name];
    if (value !== undefined) flags[name] = value;
    else if (invocation.on.has(name)) flags[name] = "true";
  }
  return flags;
}

/** Reads the settings that a client command needs. */
export function clientConfig(invocation: Invocation): Promise<Config> {
  return loadConfig({
    flags: configFlags(invocation, ["home", "admin-address"]),
    env: readEnvironment(invocation.terminal),
  });
}

/** Reads `--timeout SECONDS`; undefined when it was not given. */
export function timeoutOption(invocation: Invocation): number | undefined {
  const text = invocation.text["timeout"];
  if (text === undefined) return undefined;
  if (!/^[0-9]{1,6}$/.test(text) || Number(text) === 0) {
    throw new CliError(EXIT.usage, `--timeout: "${text}" is not a whole number of seconds above 0`);
  }
  return Number(text) * 1000;
}

/** Reads a comma-separated option; undefined when it was not given. */
export function listOption(invocation: Invocation, name: string): string[] | undefined {
  const text = invocation.text[name];
  if (text === undefined) return undefined;
  const items = text.split(",").map((item) => item.trim().toLowerCase());
  const bad = items.find((item) => !/^[0-9a-f]{40}$/.test(item));
  if (bad !== undefined) {
    throw usageError(`--${name}: "${bad}" is not an identity`, "an identity has 40 hex digits");
  }
  const twice = items.find((item, i) => items.indexOf(item) !== i);
  if (twice !== undefined) throw usageError(`--${name}: ${twice} is named twice`);
  return items;
}

/** Reads `--purpose TEXT`; undefined when it was not given. */
export function purposeOption({ text }: Invocation): string | undefined {
  const purpose = text["purpose"];
  if (purpose !== undefined && purpose.length > 200) {
    throw usageError("--purpose: more than 200 characters");
  }
  return purpose;
}

/** Reads `--auto N`; undefined when it was not given. */
export function autoOption(invocation: Invocation): number | undefined {
  const text = invocation.text["auto"];
  if (text === undefined) return undefined;
  if (!/^[0-9]{1,3}$/.test(text) || Number(text) < 1 || Number(text) > 256) {
    throw usageError(`--auto: "${text}" is not a number of members from 1 to 256`);
  }
  if (invocation.text["members"] !== undefined) {
    throw usageError("give either --members or --auto");
  }
  return Number(text);
}

/** Reads `--key`, which must be there. */
export function keyOption({ text }: Invocation): string {
  const key = text["key"];
  if (key === undefined) throw usageError("--key is missing", KEYS_HINT);
  return readKeyId("--key", key);
}

/** Where key ids are found. */
export const KEYS_HINT = "`transfunctioner keys` lists the key ids";

/**
 * Reads a key id in either case.
 *
 * @throws {CliError} (exit 2) unless it is 32 hex digits.
 */
export function readKeyId(where: string, word: string): string {
  if (/^[0-9a-fA-F]{32}$/.test(word)) return word.toLowerCase();
  throw usageError(`${where}: "${word}" is not a key id, 32 hex digits`, KEYS_HINT);
}

/** Reads `--threshold T` and the like. */
export function thresholdOption(invocation: Invocation, name: string): number {
  const text = invocation.text[name];
  if (text === undefined) {
    throw usageError(`--${name} is missing`, "with threshold T any T+1 members can sign");
  }
  if (!/^[0-9]{1,3}$/.test(text) || Number(text) < 1) {
    throw usageError(
      `--${name}: "${text}" is not a whole number above 0`,
      "with threshold T any T+1 members can sign",
    );
  }
  return Number(text);
}

/** Exit codes by the codes of the daemon's errors; whatever is not listed exits with 1. */
const EXIT_BY_CODE: Readonly<Record<string, ExitCode>> = {
  "TF-REQUEST": EXIT.usage,
  "TF-ADMIN-METHOD": EXIT.usage,
  "TF-NOT-READY": EXIT.refused,
  "TF-NOT-ALLOWED": EXIT.refused,
  "TF-LIMIT": EXIT.refused,
  "TF-REFUSED": EXIT.refused,
  "TF-REPLAY": EXIT.refused,
  "TF-BUSY": EXIT.refused,
  "TF-NO-KEY": EXIT.refused,
  "TF-NO-CEREMONY": EXIT.refused,
  "TF-STATE": EXIT.refused,
  "TF-UNDECIDED": EXIT.refused,
  "TF-UNREACHABLE": EXIT.refused,
  "TF-NO-PEER": EXIT.refused,
  "TF-NO-BAN": EXIT.refused,
  "TF-PERMISSION": EXIT.refused,
  "TF-TIMEOUT": EXIT.timedOut,
  "TF-OFFLINE": EXIT.timedOut,
};

/** A connection to the daemon's admin interface. */
export interface DaemonLink {
  /**
   * Calls one method and returns its answer.
   *
   * @throws {CliError} with the daemon's message, hint and the exit code that fits.
   */
  call<T>(
    method: string,
    params: Record<string, unknown>,
    onEvent?: (event: CeremonyEvent) => void,
  ): Promise<T>;
  /** Ends the connection. */
  close(): void;
}

function explained(error: unknown): unknown {
  if (!(error instanceof AdminError)) return error;
  return new CliError(
    EXIT_BY_CODE[error.code] ?? EXIT.failed,
    error.message,
    error.hint === "" ? undefined : error.hint,
    error.code,
  );
}

/**
 * Connects to the daemon of the settings that an invocation gives, or that are known already.
 *
 * @throws {CliError} if there is none, or it does not know the admin key.
 */
export async function openDaemon(invocation: Invocation, known?: Config): Promise<DaemonLink> {
  const config = known ?? await clientConfig(invocation);
  const key = await loadAdminKey(denoFiles(), config.home.value);
  const { host, port } = config.adminAddress.value;
  let client: AdminClient;
  try {
    client = await AdminClient.connect({
      host,
      port,
      key,
      net: denoNet,
      clock: systemClock,
      random: systemRandom,
    });
  } catch (error) {
    throw explained(error);
  }
  return {
    async call<T>(
      method: string,
      params: Record<string, unknown>,
      onEvent?: (event: CeremonyEvent) => void,
    ): Promise<T> {
      try {
        const answer: Json = await client.call(
          method,
          fromPlain(params),
          onEvent === undefined ? undefined : (e) => onEvent(toPlain(e) as CeremonyEvent),
        );
        return toPlain(answer) as T;
      } catch (error) {
        throw explained(error);
      }
    },
    close: () => client.close(),
  };
}

/**
 * Calls one method of the daemon's admin interface over a connection of its own.
 *
 * @throws {CliError} with the daemon's message, hint and the exit code that fits.
 */
export async function callDaemon<T>(
  invocation: Invocation,
  method: string,
  params: Record<string, unknown>,
  onEvent?: (event: CeremonyEvent) => void,
  known?: Config,
): Promise<T> {
  const link = await openDaemon(invocation, known);
  try {
    return await link.call<T>(method, params, onEvent);
  } finally {
    link.close();
  }
}
