/**
 * A node inside another program: the daemon without its command line.
 *
 * @module
 */

import { systemRandom } from "../arith/random.ts";
import { fromPlain, toPlain } from "../encoding/plain.ts";
import { denoFiles, joinPath } from "../keystore/files.ts";
import type { KeystoreSecret } from "../keystore/home.ts";
import { IDENTITY_FILE } from "../keystore/identity_file.ts";
import { Keystore } from "../keystore/keystore.ts";
import { AdminClient } from "../mesh/admin_client.ts";
import { systemClock } from "../mesh/clock.ts";
import { type Logger, silentLogger } from "../observe/logger.ts";
import { loadConfig } from "./config.ts";
import { parseAddress } from "./config_values.ts";
import { startDaemon } from "./daemon.ts";
import { denoNet } from "./deno_net.ts";
import { NodeError } from "./errors.ts";
import { daemonSettings } from "./settings.ts";

/** How a node is run inside another program. */
export interface RunNodeOptions {
  /**
   * Settings by the names of their variables, as `TRF_HOME` and `TRF_LISTEN_ADDRESS`. The process's
   * own environment is not looked at. `TRF_KEYSTORE_PASSPHRASE` or `TRF_PRIVATE_KEY` is needed.
   */
  readonly settings: Readonly<Record<string, string>>;
  /** Make the home directory and a node key if there is none. Default false. */
  readonly create?: boolean;
  /** Takes the log. Default: nobody does. */
  readonly log?: Logger;
}

/** A node inside this program. */
export interface RunningNode {
  /** 40 hex digits. */
  readonly identity: string;
  /** Where peers connect, `host:port` with the real port; empty without a listener. */
  readonly listenAddress: string;
  /** Where the command line can reach it. */
  readonly adminAddress: string;
  /**
   * Asks the node what the command line asks it, with the same names: `status`, `peers`, `keys`,
   * `keygen`, `sign`, `reshare`, `ceremonies` and so on; the answer is that of `--json`.
   *
   * @param onEvent gets progress of ceremonies.
   * @throws {Error} with a `code` from docs/ERRORS.md and a `hint`.
   */
  call(
    method: string,
    params?: Readonly<Record<string, unknown>>,
    onEvent?: (event: unknown) => void,
  ): Promise<unknown>;
  /** Stops it; resolves when nothing is open any more. */
  stop(): Promise<void>;
}

/**
 * Starts a node and returns once it listens. Needs the permissions that a daemon with these settings
 * needs; the worker threads that open shares have none, whatever this program may do.
 *
 * @throws {Error} with a `code` and a `hint` if a setting, the home directory or a port cannot be used.
 */
export async function runNode(options: RunNodeOptions): Promise<RunningNode> {
  const config = await loadConfig({ flags: {}, env: options.settings });
  const privateKey = config.privateKey.value?.reveal();
  const passphrase = config.keystorePassphrase.value?.reveal();
  if (privateKey === undefined && passphrase === undefined) {
    throw new NodeError("TF-CONFIG", "there is nothing to open the keystore with", {
      hint: "give TRF_KEYSTORE_PASSPHRASE or TRF_PRIVATE_KEY in the settings",
      exit: 2,
    });
  }
  const secret: KeystoreSecret = privateKey === undefined
    ? { passphrase: passphrase! }
    : { privateKey };
  const home = config.home.value;
  const files = denoFiles();
  const log = options.log ?? silentLogger;
  const there = await files.stat(joinPath(home, IDENTITY_FILE)) !== null;
  const keystore = there || options.create !== true
    ? await Keystore.open({ home, files, secret, log })
    : await Keystore.create({ home, files, secret, log });
  let daemon;
  try {
    daemon = await startDaemon(daemonSettings(config), { keystore, net: denoNet, log, files });
  } catch (error) {
    await keystore.close();
    throw error;
  }
  const { host, port } = parseAddress(daemon.adminAddress);
  const client = await AdminClient.connect({
    host,
    port,
    key: keystore.adminIdentity,
    net: denoNet,
    clock: systemClock,
    random: systemRandom,
    expect: keystore.identity.identity,
  }).catch(async (error: unknown) => {
    await daemon.stop();
    throw error;
  });
  return {
    identity: daemon.identity,
    listenAddress: daemon.listenAddress,
    adminAddress: daemon.adminAddress,
    async call(method, params = {}, onEvent) {
      const answer = await client.call(
        method,
        fromPlain(params),
        onEvent === undefined ? undefined : (event) => onEvent(toPlain(event)),
      );
      return toPlain(answer);
    },
    async stop() {
      client.close();
      await daemon.stop();
    },
  };
}
