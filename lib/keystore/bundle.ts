/**
 * The file that `transfunctioner backup` writes: one node's keys and settings, sealed under a
 * passphrase.
 *
 *     transfunctioner/backup/1⏎
 *     {"kdf":"scrypt","N":…,"r":…,"p":…,"salt":…,"cipher":"xsalsa20-poly1305","nonce":…,
 *      "sha256":…}⏎
 *     secretbox of the contents
 *
 * The sealing key is HKDF-SHA256 over scrypt(passphrase, salt) with the SHA-256 of both lines as
 * salt: whoever changes a letter of them gets a key that opens nothing. The hash in the second
 * line tells a damaged file from a wrong passphrase and proves nothing else.
 *
 * Inside is a list of named byte strings. Shares are as the keystore has them, sealed under the
 * store key, so that a program which reads a bundle still handles ciphertext.
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import { secretboxOpen, secretboxSeal } from "../crypto/box.ts";
import { hkdfSha256, sha256 } from "../crypto/kdf.ts";
import { concat, fromBase64, fromUtf8, toBase64, toHex, u32be, utf8 } from "../encoding/bytes.ts";
import { type JsonObject, parseJson } from "../encoding/json.ts";
import { KeystoreError } from "./errors.ts";
import { DEFAULT_SCRYPT, isScryptCost, passphraseKey, type ScryptCost } from "./identity_file.ts";

/** First line of a bundle, without the line feed. */
export const BUNDLE_SCHEMA = "transfunctioner/backup/1";
/** Most bytes of a bundle: some thousand keys. */
export const MAX_BUNDLE = 256 * 1024 * 1024;
/** Shortest passphrase that seals a bundle, in characters. */
export const MIN_BUNDLE_PASSPHRASE = 8;
const MAX_HEADER = 1024;
const MAX_ENTRIES = 20_000;
const MAX_NAME = 128;
const SALT_BYTES = 16;
const NONCE_BYTES = 24;
const FIRST_LINE = utf8(BUNDLE_SCHEMA + "\n");

/** What is inside a bundle: byte strings by name. */
export type BundleEntries = ReadonlyMap<string, Uint8Array>;

/** The error for a bundle that is not one, or not whole. */
export function badBundle(why: string): KeystoreError {
  return new KeystoreError(
    "TF-BACKUP",
    `cannot use the backup: ${why}`,
    "use another copy of it, or an earlier backup",
  );
}

/**
 * Seals `entries` under a passphrase.
 *
 * @throws {KeystoreError} TF-PASSPHRASE for a passphrase that is too short, TF-ARGUMENT for a cost
 * out of range or contents that no bundle holds.
 */
export async function sealBundle(
  entries: BundleEntries,
  passphrase: string,
  random: RandomSource,
  cost: ScryptCost = DEFAULT_SCRYPT,
): Promise<Uint8Array<ArrayBuffer>> {
  if (passphrase.length < MIN_BUNDLE_PASSPHRASE) {
    throw new KeystoreError(
      "TF-PASSPHRASE",
      `cannot seal the backup: the passphrase is shorter than ${MIN_BUNDLE_PASSPHRASE} characters`,
      "a few random words make a good one",
    );
  }
  if (!isScryptCost(cost)) {
    throw new KeystoreError(
      "TF-ARGUMENT",
      "cannot seal the backup: the scrypt cost is out of range",
      "use N from 2^14 to 2^20, r from 8 to 32, p from 1 to 4 and at most 1 GiB",
    );
  }
  const clear = encodeEntries(entries);
  const salt = new Uint8Array(random(SALT_BYTES));
  const nonce = new Uint8Array(random(NONCE_BYTES));
  const plain = {
    kdf: "scrypt",
    N: cost.N,
    r: cost.r,
    p: cost.p,
    salt: toBase64(salt),
    cipher: "xsalsa20-poly1305",
    nonce: toBase64(nonce),
  };
  const key = await bundleKey(passphrase, salt, cost, JSON.stringify(plain));
  try {
    const box = secretboxSeal(clear, nonce, key);
    const header = JSON.stringify({ ...plain, sha256: toHex(sha256(box)) });
    return concat(FIRST_LINE, utf8(header + "\n"), box);
  } finally {
    key.fill(0);
    clear.fill(0);
  }
}

/**
 * Opens a bundle. The caller wipes the entries that are secret.
 *
 * @throws {KeystoreError} TF-BACKUP if the file is no bundle or damaged, TF-PASSPHRASE.
 */
export async function openBundle(
  file: Uint8Array,
  passphrase: string,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const header = parseBundleHeader(file);
  const key = await bundleKey(passphrase, header.salt, header, header.plain);
  let clear: Uint8Array | null = null;
  try {
    clear = secretboxOpen(header.box, header.nonce, key);
    if (clear === null) {
      throw new KeystoreError(
        "TF-PASSPHRASE",
        "cannot open the backup: wrong passphrase",
        "give the passphrase that it was made with, in the file of --bundle-passphrase-file",
      );
    }
    return decodeEntries(clear);
  } finally {
    key.fill(0);
    clear?.fill(0);
  }
}

/** Derives the sealing key from the passphrase and the header, checksum left out. */
async function bundleKey(
  passphrase: string,
  salt: Uint8Array,
  { N, r, p }: ScryptCost,
  plain: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const master = await passphraseKey(passphrase, salt, { N, r, p });
  try {
    return hkdfSha256(master, sha256(FIRST_LINE, utf8(plain)), BUNDLE_SCHEMA, 32);
  } finally {
    master.fill(0);
  }
}

/** A bundle taken apart, nothing of it opened. */
interface BundleHeader extends ScryptCost {
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly nonce: Uint8Array<ArrayBuffer>;
  /** The header as it was hashed into the key. */
  readonly plain: string;
  readonly box: Uint8Array;
}

/**
 * Reads what a bundle says in clear and checks that it is whole.
 *
 * @throws {KeystoreError} TF-BACKUP.
 */
export function parseBundleHeader(file: Uint8Array): BundleHeader {
  const begins = FIRST_LINE.every((byte, i) => file[i] === byte);
  if (!begins) throw badBundle(`it does not begin with "${BUNDLE_SCHEMA}"`);
  if (file.length > MAX_BUNDLE) throw badBundle(`it has more than ${MAX_BUNDLE} bytes`);
  const rest = file.subarray(FIRST_LINE.length);
  const end = rest.subarray(0, MAX_HEADER).indexOf(10);
  if (end < 0) throw badBundle("its second line is missing or too long");
  let json: JsonObject;
  try {
    const value = parseJson(rest.subarray(0, end), { depth: 2, digits: 12 });
    if (!(value instanceof Map)) throw new SyntaxError();
    json = value;
  } catch {
    throw badBundle("its second line is not a JSON object");
  }
  const bytes = (name: string, length: number): Uint8Array<ArrayBuffer> => {
    try {
      const value = fromBase64(json.get(name) as string, true);
      if (value.length === length) return value;
    } catch {
      // Said below.
    }
    throw badBundle(`"${name}" in its second line is not ${length} bytes of base64`);
  };
  const cost = { N: Number(json.get("N")), r: Number(json.get("r")), p: Number(json.get("p")) };
  if (
    json.get("kdf") !== "scrypt" || json.get("cipher") !== "xsalsa20-poly1305" ||
    ![json.get("N"), json.get("r"), json.get("p")].every((n) => typeof n === "bigint") ||
    !isScryptCost(cost)
  ) throw badBundle("its second line names no cipher and cost that this program uses");
  const salt = bytes("salt", SALT_BYTES);
  const nonce = bytes("nonce", NONCE_BYTES);
  const box = rest.subarray(end + 1);
  if (json.get("sha256") !== toHex(sha256(box))) {
    throw badBundle("its checksum does not match: it is damaged or not complete");
  }
  const plain = JSON.stringify({
    kdf: "scrypt",
    ...cost,
    salt: toBase64(salt),
    cipher: "xsalsa20-poly1305",
    nonce: toBase64(nonce),
  });
  const whole = JSON.stringify({ ...JSON.parse(plain), sha256: json.get("sha256") });
  if (whole !== fromUtf8(rest.subarray(0, end))) {
    throw badBundle("its second line is not as this program writes it");
  }
  return { ...cost, salt, nonce, plain, box };
}

/** Writes named byte strings one after the other, each name and content after its length. */
export function encodeEntries(entries: BundleEntries): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [u32be(entries.size)];
  let size = 4;
  for (const [name, content] of entries) {
    const bytes = utf8(name);
    parts.push(u32be(bytes.length), bytes, u32be(content.length), content);
    size += 8 + bytes.length + content.length;
    if (!isName(name) || size > MAX_BUNDLE - 4096 || entries.size > MAX_ENTRIES) {
      throw new KeystoreError(
        "TF-ARGUMENT",
        "cannot make a backup: the home directory holds more than a backup can",
        "copy the home directory as a whole while the daemon is stopped",
      );
    }
  }
  return concat(...parts);
}

/**
 * Reads what {@link encodeEntries} wrote.
 *
 * @throws {KeystoreError} TF-BACKUP if a length, a name or the end is not right.
 */
export function decodeEntries(bytes: Uint8Array): Map<string, Uint8Array<ArrayBuffer>> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const take = (length: number): Uint8Array<ArrayBuffer> => {
    if (length > bytes.length - at) throw badBundle("a length inside points behind its end");
    at += length;
    return bytes.slice(at - length, at) as Uint8Array<ArrayBuffer>;
  };
  const number = (): number => {
    const start = at;
    take(4);
    return view.getUint32(start);
  };
  const count = number();
  if (count > MAX_ENTRIES) throw badBundle(`it has more than ${MAX_ENTRIES} entries`);
  const out = new Map<string, Uint8Array<ArrayBuffer>>();
  for (let i = 0; i < count; i++) {
    const length = number();
    if (length > MAX_NAME) throw badBundle("a name inside is too long");
    const name = new TextDecoder("latin1").decode(take(length));
    if (!isName(name)) throw badBundle("a name inside is not one that this program writes");
    if (out.has(name)) throw badBundle(`it holds "${name}" twice`);
    out.set(name, take(number()));
  }
  if (at !== bytes.length) throw badBundle("something follows its last entry");
  return out;
}

/** Names of entries look like relative paths and are never used as such. */
function isName(name: string): boolean {
  return name.length <= MAX_NAME && /^[a-z0-9]+([./_-][a-z0-9]+)*$/.test(name);
}
