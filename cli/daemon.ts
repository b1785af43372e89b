/** `transfunctioner daemon`. @module */

import { denoFiles } from "../lib/keystore/files.ts";
import { Keystore } from "../lib/keystore/keystore.ts";
import { loadConfig } from "../lib/node/config.ts";
import { denoNet } from "../lib/node/deno_net.ts";
import { daemonSettings } from "../lib/node/settings.ts";
import { openLog } from "../lib/observe/log.ts";
import type { CommandSpec } from "./command.ts";
import { configFlags } from "./connect.ts";
import { DAEMON_OPTIONS } from "./settings_options.ts";
import { readEnvironment } from "./environment.ts";
import { EXIT } from "./exit.ts";
import { keystoreSecret } from "./secret.ts";

/** A second signal, or this many milliseconds after the first, ends the process whatever it does. */
const STOP_MS = 1_900;

/** Runs the node until it is told to stop. */
export const command: CommandSpec = {
  name: "daemon",
  summary: "Run the node until it gets SIGINT or SIGTERM.",
  usage: "[OPTIONS]",
  about: `Every option can be set by a variable or in the home directory's config.json as well; the
command line wins over the variable, the variable over the file. The log goes to standard error.`,
  maxWords: 0,
  options: DAEMON_OPTIONS,
  reach: "node",
  examples: [
    "transfunctioner daemon --listen-address 0.0.0.0:45067 --connect node-b.example.com:45067",
    "TRF_KEYSTORE_PASSPHRASE=… TRF_INITIATORS=9f0b…3fe8 transfunctioner daemon",
  ],
  async run(invocation) {
    const stopped = Promise.withResolvers<string>();
    const stop = (signal: Deno.Signal) => () => stopped.resolve(signal);
    const signals: Deno.Signal[] = ["SIGINT", "SIGTERM"];
    // Listening from the first moment: a signal during the slow start must not be lost.
    for (const signal of signals) Deno.addSignalListener(signal, stop(signal));

    const flags = configFlags(invocation, Object.keys(DAEMON_OPTIONS));
    const config = await loadConfig({ flags, env: readEnvironment(invocation.terminal) });
    const log = await openLog(config);
    for (const warning of config.warnings) log.warn(warning);
    const secret = await keystoreSecret(config, invocation.terminal, false);
    const home = config.home.value;
    // The rest of the program loads while a thread stretches the passphrase.
    const [keystore, { startDaemon }, { dropPermissions }] = await Promise.all([
      Keystore.open({ home, files: denoFiles(), secret, log }),
      import("../lib/node/daemon.ts"),
      import("../lib/node/drop_permissions.ts"),
    ]);
    let daemon;
    try {
      daemon = await startDaemon(daemonSettings(config), { keystore, net: denoNet, log });
    } catch (error) {
      await keystore.close();
      throw error;
    }
    await dropPermissions(log);
    const signal = await stopped.promise;
    log.info("stopping", { signal });
    const forced = setTimeout(() => {
      log.warn("not everything ended in time");
      Deno.exit(EXIT.done);
    }, STOP_MS);
    await daemon.stop();
    clearTimeout(forced);
    log.info("stopped");
    return EXIT.done;
  },
};
