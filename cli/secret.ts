/**
 * Where the secret comes from that opens a keystore: a node key, a passphrase variable, a file, or
 * the person at the terminal. Never the command line, which every process list shows.
 *
 * @module
 */

import { systemRandom } from "../lib/arith/random.ts";
import type { KeystoreSecret } from "../lib/keystore/home.ts";
import { makeRandomPassphrase } from "../lib/keystore/random_passphrase.ts";
import type { Config } from "../lib/node/config.ts";
import type { Invocation } from "./command.ts";
import { CliError, EXIT, whyNot } from "./exit.ts";
import type { Terminal } from "./terminal.ts";

/** A shorter passphrase is refused when a keystore is made: it would be guessed offline. */
const MIN_PASSPHRASE = 8;
/** Larger than any passphrase a person keeps in a file. */
const MAX_FILE = 4096;

/**
 * Reads a passphrase from a file.
 *
 * @throws {CliError} (exit 2) if it cannot be read.
 */
export function passphraseFile(path: string): Promise<string> {
  return secretFile("passphrase", path);
}

/**
 * Reads a small secret from a file, without the newline at its end.
 *
 * @param what it is, for the error: `passphrase`.
 * @throws {CliError} (exit 2) if it cannot be read.
 */
export async function secretFile(what: string, path: string): Promise<string> {
  let text: string;
  try {
    const info = await Deno.stat(path);
    if (info.size > MAX_FILE) throw new RangeError(`it has more than ${MAX_FILE} bytes`);
    text = await Deno.readTextFile(path);
  } catch (error) {
    const why = error instanceof Deno.errors.NotCapable
      ? "this process may only read its keystore directory"
      : whyNot(error);
    throw new CliError(
      EXIT.usage,
      `cannot read the ${what} file ${path}: ${why}`,
      what === "passphrase"
        ? "put the file into the home directory, mode 0600, or set TRF_KEYSTORE_PASSPHRASE"
        : "check its path and its mode",
    );
  }
  // Editors end a file with a newline that is not part of the passphrase.
  return text.replace(/\r?\n$/, "");
}

/**
 * Makes a passphrase of 256 random bits and writes it to a new file, mode 0600.
 *
 * @throws {CliError} (exit 2) if the file is there already or cannot be written, or if a setting
 * names another secret, which the keystore would not be opened with.
 */
export async function newPassphraseFile(path: string, config: Config): Promise<KeystoreSecret> {
  const file = config.passphraseFile.value;
  const other = config.privateKey.value !== null
    ? "TRF_PRIVATE_KEY"
    : config.keystorePassphrase.value !== null
    ? "TRF_KEYSTORE_PASSPHRASE"
    : file !== null && file !== path
    ? "another passphrase file"
    : null;
  if (other !== null) {
    throw new CliError(
      EXIT.usage,
      `cannot make a passphrase: ${other} is set as well`,
      "unset it, or leave --new-passphrase-file out",
    );
  }
  const passphrase = makeRandomPassphrase(systemRandom);
  try {
    await Deno.writeTextFile(path, passphrase + "\n", { mode: 0o600, createNew: true });
  } catch (error) {
    throw new CliError(
      EXIT.usage,
      `cannot write the passphrase file ${path}: ${whyNot(error)}`,
      "name a new file in a directory that is there",
    );
  }
  return { passphrase };
}

/**
 * Finds the passphrase of a backup: that of its own, else the keystore's, else a prompt.
 *
 * @param secret what opens the keystore, where it was asked for already.
 * @param fresh ask twice, because a backup is being made.
 * @throws {CliError} (exit 2) if there is none.
 */
export async function bundlePassphrase(
  invocation: Invocation,
  config: Config,
  secret?: KeystoreSecret,
  fresh = false,
): Promise<string> {
  const file = invocation.text["bundle-passphrase-file"];
  if (file !== undefined) return await passphraseFile(file);
  if (secret !== undefined && "passphrase" in secret) return secret.passphrase;
  let passphrase = config.keystorePassphrase.value?.reveal();
  const own = config.passphraseFile.value;
  if (passphrase === undefined && own !== null) passphrase = await passphraseFile(own);
  if (passphrase === undefined) {
    passphrase = await invocation.terminal.askSecret("passphrase of the backup: ");
    if (fresh && passphrase !== undefined) {
      const again = await invocation.terminal.askSecret("the same again: ");
      if (again !== passphrase) {
        throw new CliError(EXIT.usage, "the two passphrases differ", "try again");
      }
    }
  }
  if (passphrase !== undefined && passphrase !== "") return passphrase;
  throw new CliError(
    EXIT.usage,
    "no passphrase for the backup",
    "use --bundle-passphrase-file, or run it on a terminal",
  );
}

/**
 * Finds the secret: TRF_PRIVATE_KEY, TRF_KEYSTORE_PASSPHRASE, the passphrase file, a prompt.
 *
 * @param fresh ask twice and refuse a weak passphrase, because a keystore is being made.
 * @throws {CliError} (exit 2) if there is none.
 */
export async function keystoreSecret(
  config: Config,
  terminal: Terminal,
  fresh: boolean,
): Promise<KeystoreSecret> {
  const privateKey = config.privateKey.value?.reveal();
  if (privateKey !== undefined) return { privateKey };
  return { passphrase: await keystorePassphrase(config, terminal, fresh) };
}

/**
 * Finds the passphrase: TRF_KEYSTORE_PASSPHRASE, the passphrase file, a prompt.
 *
 * @param fresh ask twice and refuse a weak passphrase, because a keystore is being made.
 * @throws {CliError} (exit 2) if there is none.
 */
export async function keystorePassphrase(
  config: Config,
  terminal: Terminal,
  fresh: boolean,
): Promise<string> {
  let passphrase = config.keystorePassphrase.value?.reveal();
  const file = config.passphraseFile.value;
  if (passphrase === undefined && file !== null) passphrase = await passphraseFile(file);
  if (passphrase === undefined) {
    passphrase = await terminal.askSecret("keystore passphrase: ");
    if (passphrase !== undefined && fresh) {
      const again = await terminal.askSecret("the same again: ");
      if (again !== passphrase) {
        throw new CliError(EXIT.usage, "the two passphrases differ", "try again");
      }
    }
  }
  if (passphrase === undefined || passphrase === "") {
    throw new CliError(
      EXIT.usage,
      "no passphrase for the keystore",
      fresh
        ? "set TRF_KEYSTORE_PASSPHRASE, use --passphrase-file or --new-passphrase-file, or run it " +
          "on a terminal"
        : "set TRF_KEYSTORE_PASSPHRASE, use --passphrase-file, or run it on a terminal",
    );
  }
  if (fresh && passphrase.length < MIN_PASSPHRASE) {
    throw new CliError(
      EXIT.usage,
      `the passphrase is shorter than ${MIN_PASSPHRASE} characters`,
      "a few random words make a good one",
    );
  }
  return passphrase;
}
