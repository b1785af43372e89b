/**
 * What unlocks the keystore, taken from the settings.
 *
 * @module
 */

import { fromUtf8 } from "../encoding/bytes.ts";
import type { KeystoreSecret } from "../keystore/home.ts";
import type { Config } from "./config.ts";
import { ConfigError } from "./config_error.ts";
import { quote } from "./config_values.ts";

const MAX_PASSPHRASE_FILE = 4096;

/** A file as the passphrase reader sees it. */
export interface PassphraseFile {
  /** Its first bytes; at most 4097 are needed. */
  readonly bytes: Uint8Array;
  /** Permission bits, or null where there are none. */
  readonly mode: number | null;
}

/**
 * Returns the node key or the passphrase that the settings give; null if they give neither, so
 * that a terminal can be asked.
 *
 * A passphrase file may be a link and readable to others, because container platforms mount
 * secrets that way; `warn` hears of it.
 *
 * @throws {ConfigError} if the file cannot be used.
 */
export async function keystoreSecret(
  config: Config,
  warn: (message: string) => void,
  readFile: (path: string) => Promise<PassphraseFile> = readFromDisk,
): Promise<KeystoreSecret | null> {
  if (config.privateKey.value !== null) return { privateKey: config.privateKey.value.reveal() };
  if (config.keystorePassphrase.value !== null) {
    return { passphrase: config.keystorePassphrase.value.reveal() };
  }
  const path = config.passphraseFile.value;
  if (path === null) return null;
  const fail = (why: string): ConfigError =>
    new ConfigError(
      `passphrase file ${quote(path)}: ${why}`,
      "put the passphrase on the first line of a file of mode 0600",
    );
  let file: PassphraseFile;
  try {
    file = await readFile(path);
  } catch (error) {
    throw fail(`cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (file.bytes.length > MAX_PASSPHRASE_FILE) throw fail("is too large");
  let passphrase: string;
  try {
    passphrase = fromUtf8(file.bytes).split(/\r?\n/, 1)[0]!;
  } catch {
    throw fail("is not UTF-8 text");
  } finally {
    file.bytes.fill(0);
  }
  if (passphrase === "") throw fail("has an empty first line");
  if (file.mode !== null && (file.mode & 0o077) !== 0) {
    warn(`the passphrase file ${quote(path)} can be read by other users`);
  }
  return { passphrase };
}

async function readFromDisk(path: string): Promise<PassphraseFile> {
  using handle = await Deno.open(path, { read: true });
  const { mode } = await handle.stat();
  const buffer = new Uint8Array(MAX_PASSPHRASE_FILE + 1);
  let length = 0;
  while (length < buffer.length) {
    const n = await handle.read(buffer.subarray(length));
    if (n === null) break;
    length += n;
  }
  return { bytes: buffer.subarray(0, length), mode };
}
