/** `transfunctioner import-home`. @module */

import { denoFiles, type FileLayer, joinPath } from "../lib/keystore/files.ts";
import { nodeOf } from "../lib/keystore/home.ts";
import { IDENTITY_FILE } from "../lib/keystore/identity_file.ts";
import { Keystore } from "../lib/keystore/keystore.ts";
import { type Config, loadConfig } from "../lib/node/config.ts";
import { privateKey as parsePrivateKey } from "../lib/node/config_values.ts";
import {
  type GoHome,
  type Imported,
  type ImportedKey,
  importGoHome,
  missingKeys,
  readGoHome,
  wipeGoHome,
} from "../lib/node/go_home.ts";
import type { CommandSpec, Invocation } from "./command.ts";
import { configFlags } from "./connect.ts";
import { readEnvironment } from "./environment.ts";
import { assertThere, CliError, EXIT, type ExitCode, usageError } from "./exit.ts";
import { printFields, printJson, printTable } from "./output.ts";
import { keystorePassphrase, secretFile } from "./secret.ts";
import type { Terminal } from "./terminal.ts";

/** Moves a Go node to this program. */
export const command: CommandSpec = {
  name: "import-home",
  summary: "Move a Go node's identity, shares and pre-parameters here.",
  usage: "DIR [--check] [--wipe-source] [--private-key-file PATH] [--home DIR] [--json]",
  about: `DIR is what the Go node had as TRF_HOME, and its private key comes from TRF_PRIVATE_KEY,
--private-key-file or the terminal. Every share is opened and checked: its secret against its public
entry, all entries against the public key, the key id, the committee. Then identity, shares and
pre-parameters are put, sealed, into the home directory of this program, which is --home or TRF_HOME
and must not be DIR. Nothing there is replaced; a second run completes or finds all there.
Stop the Go node first, and never start it again: two nodes with one identity disturb each other.
DIR stays as it is unless --wipe-source is given: run it again with that once the new node works.`,
  maxWords: 1,
  options: {
    check: { help: "look and say what would be imported; change nothing" },
    "wipe-source": { help: "after the import overwrite and remove the secrets in DIR" },
    "private-key-file": { value: "PATH", help: "file with the Go node's key, 64 hex digits" },
    home: { value: "DIR", help: "keystore directory to import into (TRF_HOME)" },
    "passphrase-file": { value: "PATH", help: "file with the passphrase (TRF_PASSPHRASE_FILE)" },
    json: { help: "print one JSON object for machines" },
  },
  reach: "home",
  // A node's settings allow one of node key and passphrase; this command needs both.
  ownVariables: ["TRF_PRIVATE_KEY"],
  paths: { "private-key-file": "read", "passphrase-file": "read" },
  wordPaths: ({ words: [source], on }) => {
    if (source === undefined) return [];
    const read = { path: source, permission: "read", why: "the Go node's home" } as const;
    const write = { path: source, permission: "write", why: "--wipe-source" } as const;
    return on.has("wipe-source") ? [read, write] : [read];
  },
  examples: [
    "transfunctioner import-home --check /var/lib/transfunctionerd",
    "transfunctioner import-home /var/lib/transfunctionerd --home /var/lib/transfunctioner/home",
  ],
  async run(invocation) {
    const { terminal, words: [given], on } = invocation;
    if (given === undefined) {
      throw usageError("import-home: the directory is missing", "give the Go node's TRF_HOME");
    }
    if (on.has("check") && on.has("wipe-source")) {
      throw usageError("give at most one of --check and --wipe-source");
    }
    const source = given.replace(/(?<=.)\/+$/, "");
    const { TRF_PRIVATE_KEY: known, ...env } = readEnvironment(terminal);
    const config = await loadConfig({
      flags: configFlags(invocation, ["home", "passphrase-file"]),
      env,
    });
    const home = config.home.value;
    if (await sameDirectory(source, home)) {
      throw usageError(
        `cannot import ${source} into itself`,
        "give another directory with --home, or set TRF_PRIVATE_KEY and run the daemon on it as it is",
      );
    }
    await assertThere("directory", source, source, "give the Go node's TRF_HOME");
    const key = await privateKeyOf(invocation, known);
    const files = denoFiles();
    try {
      const from = await readGoHome(source, nodeOf(key), files);
      if (on.has("check")) return showCheck(terminal, on.has("json"), from);
      const done = await move(from, key, config, terminal, files);
      const wiped = on.has("wipe-source") ? await wipe(from, key, home, files) : [];
      await showImport(terminal, on.has("json"), from, home, done, wiped);
      return EXIT.done;
    } finally {
      key.fill(0);
    }
  },
};

async function sameDirectory(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all(
    [one, other].map((path) => Deno.realPath(path).catch(() => path)),
  );
  return a === b;
}

async function privateKeyOf(
  { text, terminal }: Invocation,
  known: string | undefined,
): Promise<Uint8Array> {
  const file = text["private-key-file"];
  const typed = file !== undefined
    ? await secretFile("private key", file)
    : known ?? await terminal.askSecret("the Go node's private key: ");
  if (typed === undefined || typed === "") {
    throw new CliError(
      EXIT.usage,
      "no private key of the Go node",
      "set TRF_PRIVATE_KEY as the Go node has it, or give --private-key-file",
    );
  }
  try {
    return parsePrivateKey(typed.trim())!.reveal();
  } catch (error) {
    throw usageError(
      `the private key: ${error instanceof Error ? error.message : error}`,
      "it is what the Go node has in TRF_PRIVATE_KEY",
    );
  }
}

interface Moved {
  readonly keys: readonly ImportedKey[];
  readonly preParams: Imported | null;
}

/** Makes the home directory if there is none, and imports what it lacks. */
async function move(
  from: GoHome,
  privateKey: Uint8Array,
  config: Config,
  terminal: Terminal,
  files: FileLayer,
): Promise<Moved> {
  const home = config.home.value;
  const bad = from.keys.some((k) => k.problem !== null) || from.preParamsProblem !== null;
  let keystore: Keystore | undefined;
  try {
    if (await files.stat(joinPath(home, IDENTITY_FILE)) !== null) {
      keystore = await openForImport(from, privateKey, home, files);
      // A running daemon has the directory, and all of it is there: nothing is left to do.
      if (keystore === undefined) {
        const keys = from.keys.map(({ keyId }) => ({ keyId, state: "there already" as const }));
        return { keys, preParams: from.preParams === null ? null : "there already" };
      }
    } else if (!bad) {
      keystore = await Keystore.create({
        home,
        files,
        secret: { passphrase: await keystorePassphrase(config, terminal, true) },
        importKey: privateKey,
      });
    }
    // Throws what is wrong where there is no keystore.
    return await importGoHome(from, keystore!);
  } finally {
    await keystore?.close();
  }
}

/** Opens an existing home directory; undefined if a daemon runs on it and nothing is missing. */
async function openForImport(
  from: GoHome,
  privateKey: Uint8Array,
  home: string,
  files: FileLayer,
): Promise<Keystore | undefined> {
  const secret = { privateKey };
  try {
    return await Keystore.open({ home, files, secret });
  } catch (error) {
    if ((error as { code?: string }).code !== "TF-LOCKED") throw error;
    const reading = await Keystore.open({ home, files, secret, readOnly: true });
    try {
      if ((await missingKeys(from, reading)).length > 0) throw error;
    } finally {
      await reading.close();
    }
    return undefined;
  }
}

async function wipe(
  from: GoHome,
  privateKey: Uint8Array,
  home: string,
  files: FileLayer,
): Promise<string[]> {
  const keystore = await Keystore.open({ home, files, secret: { privateKey }, readOnly: true });
  try {
    return await wipeGoHome(from, keystore, files);
  } finally {
    await keystore.close();
  }
}

async function keyTable(terminal: Terminal, from: GoHome, states: readonly string[]) {
  if (from.keys.length === 0) return;
  terminal.out("\n");
  await printTable(
    terminal,
    ["key id", "curve", "committee", "state"],
    from.keys.map(({ keyId, meta }, i) => [
      keyId,
      meta?.curve ?? "-",
      meta === null ? "-" : `${meta.threshold + 1} of ${meta.committee.length}`,
      states[i]!,
    ]),
  );
}

/** What there is to tell of each key, for machines. */
function keyFields(from: GoHome) {
  return from.keys.map(({ keyId, meta, problem }) => ({
    key_id: keyId,
    curve: meta?.curve,
    threshold: meta?.threshold,
    committee: meta?.committee,
    ...(problem === null ? {} : { problem }),
  }));
}

async function showCheck(terminal: Terminal, json: boolean, from: GoHome): Promise<ExitCode> {
  const good = from.keys.every((k) => k.problem === null) && from.preParamsProblem === null;
  if (json) {
    printJson(terminal, "transfunctioner/import-home-check/1", {
      identity: from.identity,
      usable: good,
      keys: keyFields(from),
      pre_params: from.preParams === null ? null : { problem: from.preParamsProblem },
    });
  } else {
    const set = from.preParams === null ? "none" : from.preParamsProblem ?? "one set, good";
    printFields(terminal, [
      ["identity", from.identity],
      ["keys", String(from.keys.length)],
      ["pre-parameters", set],
    ]);
    await keyTable(terminal, from, from.keys.map((k) => k.problem ?? "good"));
    if (!good) {
      terminal.err(
        "hint: restore the files that cannot be used, or move them away to go without\n",
      );
    }
  }
  return good ? EXIT.done : EXIT.failed;
}

async function showImport(
  terminal: Terminal,
  json: boolean,
  from: GoHome,
  home: string,
  done: Moved,
  wiped: readonly string[],
): Promise<void> {
  const states = new Map(done.keys.map(({ keyId, state }) => [keyId, state]));
  if (json) {
    printJson(terminal, "transfunctioner/import-home/1", {
      identity: from.identity,
      home,
      keys: keyFields(from).map((key) => ({ ...key, state: states.get(key.key_id) })),
      pre_params: done.preParams,
      wiped,
    });
    return;
  }
  printFields(terminal, [
    ["identity", from.identity],
    ["home", home],
    ["keys", String(from.keys.length)],
    ["pre-parameters", done.preParams ?? "none"],
    ["wiped", wiped.length === 0 ? undefined : `${wiped.length} files in ${from.path}`],
  ]);
  await keyTable(terminal, from, from.keys.map((k) => states.get(k.keyId)!));
  if (wiped.length > 0) return;
  if (from.preParams !== null) {
    terminal.err(
      `warning: ${from.preParams} holds secrets of every key of this node in clear text\n`,
    );
  }
  terminal.err(
    `next: unset TRF_PRIVATE_KEY, start the daemon on ${home}, and when it signs run this again ` +
      "with --wipe-source\n",
  );
}
