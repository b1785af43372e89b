/**
 * The two keys in a home directory that are not sealed by the node key itself.
 *
 * `identity.json` holds the node key under a passphrase (scrypt, then secretbox; HKDF in the place
 * of scrypt for a passphrase that this program made of 256 random bits, which needs no stretching;
 * the file says which). `admin.key`
 * holds, in clear with mode 0600, the key by which the command line proves to the daemon's admin
 * listener that it runs as the keystore's owner: commands must work unattended and without the
 * passphrase, and whoever can read the owner's files can also read the daemon's memory. It opens
 * no share and no message; it is worth exactly what the admin listener lets its holder do, so a
 * copy of it lets somebody *on this machine* make requests in the node's name.
 *
 * @module
 */

import nacl from "tweetnacl";
import type { RandomSource } from "../arith/random.ts";
import { NodeIdentity } from "../crypto/identity.ts";
import { hkdfSha256, sha256 } from "../crypto/kdf.ts";
import { fromBase64, fromHex, fromUtf8, toBase64, toHex, utf8 } from "../encoding/bytes.ts";
import { type Json, parseJson } from "../encoding/json.ts";
import { KeystoreError } from "./errors.ts";
import { type FileLayer, joinPath } from "./files.ts";
import { randomPassphraseBits } from "./random_passphrase.ts";

/** Name of the sealed node key in the home directory. */
export const IDENTITY_FILE = "identity.json";
/** Name of the admin key in the home directory. */
export const ADMIN_FILE = "admin.key";
/** Version of the file format. */
export const IDENTITY_SCHEMA = "transfunctioner/identity/1";
const MAX_FILE = 4096;
const SALT_BYTES = 16;
const NONCE_BYTES = 24;

/** Cost of turning a passphrase into a key. Memory is 128·N·r bytes. */
export interface ScryptCost {
  /** Work factor, a power of two from 2^14 to 2^20. */
  readonly N: number;
  /** Block size, 8 to 32. */
  readonly r: number;
  /** Parallelism, 1 to 4. */
  readonly p: number;
}

/** Half a second and 128 MiB on a small server. */
export const DEFAULT_SCRYPT: ScryptCost = { N: 2 ** 17, r: 8, p: 1 };
/** Most memory that a file may ask for: 1 GiB. */
const MAX_SCRYPT_MEMORY = 2 ** 30;

/** Tells whether a cost is one that this program uses: neither weak nor a denial of service. */
export function isScryptCost({ N, r, p }: ScryptCost): boolean {
  return [N, r, p].every(Number.isSafeInteger) && N >= 2 ** 14 && N <= 2 ** 20 &&
    Number.isInteger(Math.log2(N)) && r >= 8 && r <= 32 && p >= 1 && p <= 4 &&
    128 * N * r <= MAX_SCRYPT_MEMORY;
}

/** How the passphrase becomes the sealing key: stretched, or as it is. */
type Derivation = { readonly kdf: "scrypt" } & ScryptCost | { readonly kdf: "hkdf-sha256" };

/** What an `identity.json` says in clear, and the sealed rest. */
interface IdentityFile {
  readonly derivation: Derivation;
  readonly identity: string;
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly nonce: Uint8Array<ArrayBuffer>;
  readonly ciphertext: Uint8Array<ArrayBuffer>;
}

/**
 * Derives the sealing key. A stretched passphrase is taken in Unicode form NFKC, as UTF-8.
 *
 * @returns null where the file wants a passphrase of random bits and this is none.
 */
async function sealingKey(
  passphrase: string,
  salt: Uint8Array,
  derivation: Derivation,
): Promise<Uint8Array | null> {
  if (derivation.kdf === "hkdf-sha256") {
    const bits = randomPassphraseBits(passphrase);
    if (bits === null) return null;
    try {
      return hkdfSha256(bits, salt, IDENTITY_SCHEMA, 32);
    } finally {
      bits.fill(0);
    }
  }
  return await passphraseKey(passphrase, salt, derivation);
}

/**
 * Derives a 32-byte key from a passphrase by scrypt; the caller wipes it. The passphrase is taken
 * in Unicode form NFKC, as UTF-8.
 */
export async function passphraseKey(
  passphrase: string,
  salt: Uint8Array,
  { N, r, p }: ScryptCost,
): Promise<Uint8Array> {
  const { scrypt } = await import("node:crypto");
  const password = utf8(passphrase.normalize("NFKC"));
  try {
    // The runtime's own, on a thread of its own: the 128 MiB are given back when it is done.
    return await new Promise<Uint8Array>((resolve, reject) =>
      scrypt(
        password,
        salt,
        32,
        { N, r, p, maxmem: 2 * MAX_SCRYPT_MEMORY },
        (error, key) => error === null ? resolve(new Uint8Array(key)) : reject(error),
      )
    );
  } finally {
    password.fill(0);
  }
}

/** Everything before the checksum, exactly as written. */
function clearPart(file: IdentityFile): Record<string, string | number> {
  return {
    schema: IDENTITY_SCHEMA,
    identity: file.identity,
    ...file.derivation,
    salt: toBase64(file.salt),
    cipher: "xsalsa20-poly1305",
    nonce: toBase64(file.nonce),
    ciphertext: toBase64(file.ciphertext),
  };
}

/**
 * Tells damage from a wrong passphrase. It covers nothing secret and proves nothing against a
 * forger; the seal does that.
 */
function checksum(clear: Record<string, string | number>): string {
  return toHex(sha256(utf8(JSON.stringify(clear))));
}

/**
 * Seals a node key under a passphrase: the text of an `identity.json`.
 *
 * @throws {KeystoreError} TF-PASSPHRASE if the passphrase is empty, TF-ARGUMENT for a bad cost.
 */
export async function sealIdentity(
  node: NodeIdentity,
  passphrase: string,
  random: RandomSource,
  cost: ScryptCost = DEFAULT_SCRYPT,
): Promise<string> {
  if (passphrase === "") {
    throw new KeystoreError(
      "TF-PASSPHRASE",
      "cannot seal the node key: the passphrase is empty",
      "set TRF_KEYSTORE_PASSPHRASE or give --passphrase-file",
    );
  }
  if (!isScryptCost(cost)) {
    throw new KeystoreError(
      "TF-ARGUMENT",
      "cannot seal the node key: the scrypt cost is out of range",
      "use N from 2^14 to 2^20, r from 8 to 32, p from 1 to 4 and at most 1 GiB",
    );
  }
  const salt = new Uint8Array(random(SALT_BYTES));
  const nonce = new Uint8Array(random(NONCE_BYTES));
  const derivation: Derivation = isRandom(passphrase)
    ? { kdf: "hkdf-sha256" }
    : { kdf: "scrypt", N: cost.N, r: cost.r, p: cost.p };
  const key = (await sealingKey(passphrase, salt, derivation))!;
  const secret = node.exportPrivateKey();
  try {
    const ciphertext = new Uint8Array(nacl.secretbox(secret, nonce, key));
    const clear = clearPart({ derivation, identity: node.identity, salt, nonce, ciphertext });
    return JSON.stringify({ ...clear, checksum: checksum(clear) }, null, 2) + "\n";
  } finally {
    secret.fill(0);
    key.fill(0);
  }
}

/** Whether a passphrase is one that this program made. */
function isRandom(passphrase: string): boolean {
  const bits = randomPassphraseBits(passphrase);
  bits?.fill(0);
  return bits !== null;
}

/**
 * Opens the node key in the text of an `identity.json`.
 *
 * @param path named in errors.
 * @throws {KeystoreError} TF-DAMAGED or TF-PASSPHRASE.
 */
export async function openIdentity(
  text: Uint8Array,
  passphrase: string,
  path: string,
): Promise<NodeIdentity> {
  const file = parseIdentityFile(text, path);
  const key = await sealingKey(passphrase, file.salt, file.derivation);
  const secret = key === null ? null : nacl.secretbox.open(file.ciphertext, file.nonce, key);
  key?.fill(0);
  if (secret === null) {
    throw new KeystoreError(
      "TF-PASSPHRASE",
      `cannot open ${path}: wrong passphrase`,
      "check TRF_KEYSTORE_PASSPHRASE or the file given with --passphrase-file",
    );
  }
  try {
    const node = NodeIdentity.fromPrivateKey(secret);
    if (node.identity !== file.identity) throw damaged(path, "the key inside has another identity");
    return node;
  } catch (error) {
    if (error instanceof RangeError) throw damaged(path, "it holds no usable key");
    throw error;
  } finally {
    secret.fill(0);
  }
}

/**
 * Reads the identity that an `identity.json` names, without opening it.
 *
 * @throws {KeystoreError} TF-DAMAGED.
 */
export function identityOf(text: Uint8Array, path: string): string {
  return parseIdentityFile(text, path).identity;
}

function damaged(path: string, why: string): KeystoreError {
  return new KeystoreError(
    "TF-DAMAGED",
    `cannot read ${path}: ${why}`,
    "restore the file from a backup; it was not changed",
  );
}

function parseIdentityFile(text: Uint8Array, path: string): IdentityFile {
  let json: Json;
  try {
    json = parseJson(text, { depth: 2, digits: 12 });
  } catch {
    throw damaged(path, "it is not valid JSON");
  }
  if (!(json instanceof Map)) throw damaged(path, "it is not an object");
  const field = (name: string): string => {
    const value = json.get(name);
    if (typeof value !== "string") throw damaged(path, `"${name}" is missing or not a string`);
    return value;
  };
  const number = (name: string): number => {
    const value = json.get(name);
    if (typeof value !== "bigint") throw damaged(path, `"${name}" is missing or not an integer`);
    return Number(value);
  };
  const bytes = (name: string, length: number): Uint8Array<ArrayBuffer> => {
    try {
      const value = fromBase64(field(name), true);
      if (value.length === length) return value;
    } catch (error) {
      if (error instanceof KeystoreError) throw error;
    }
    throw damaged(path, `"${name}" is not ${length} bytes of base64`);
  };
  const schema = field("schema");
  if (schema !== IDENTITY_SCHEMA) {
    throw new KeystoreError(
      "TF-DAMAGED",
      `cannot read ${path}: its format ${JSON.stringify(schema.slice(0, 40))} is not known`,
      `use a version of this program that reads it; this one reads ${IDENTITY_SCHEMA}`,
    );
  }
  const kdf = field("kdf");
  if (!["scrypt", "hkdf-sha256"].includes(kdf) || field("cipher") !== "xsalsa20-poly1305") {
    throw damaged(path, "it names an unknown cipher or key derivation");
  }
  const derivation: Derivation = kdf === "scrypt"
    ? { kdf, N: number("N"), r: number("r"), p: number("p") }
    : { kdf: "hkdf-sha256" };
  const identity = field("identity");
  if (!/^[0-9a-f]{40}$/.test(identity)) throw damaged(path, `"identity" is not 40 hex digits`);
  const file: IdentityFile = {
    identity,
    derivation,
    salt: bytes("salt", SALT_BYTES),
    nonce: bytes("nonce", NONCE_BYTES),
    ciphertext: bytes("ciphertext", 48),
  };
  if (derivation.kdf === "scrypt" && !isScryptCost(derivation)) {
    throw damaged(path, "its scrypt cost is out of range");
  }
  if (field("checksum") !== checksum(clearPart(file))) {
    throw damaged(path, "its checksum does not match: it was altered");
  }
  return file;
}

/**
 * Reads the admin key of a home directory.
 *
 * @throws {KeystoreError} TF-NO-KEYSTORE, TF-UNSAFE-FILE, TF-DAMAGED or TF-HOME.
 */
export async function loadAdminKey(files: FileLayer, home: string): Promise<NodeIdentity> {
  const path = joinPath(home, ADMIN_FILE);
  if (await files.stat(path) === null) {
    throw new KeystoreError(
      "TF-NO-KEYSTORE",
      `there is no admin key at ${path}`,
      "run transfunctioner init, or start the daemon once, or point --home at the node's directory",
    );
  }
  const bytes = await files.read(path, { limit: MAX_FILE });
  let secret: Uint8Array | undefined;
  try {
    const text = fromUtf8(bytes).trim();
    if (!/^[0-9a-f]{64}$/.test(text)) throw new SyntaxError();
    secret = fromHex(text);
    return NodeIdentity.fromPrivateKey(secret);
  } catch {
    throw new KeystoreError(
      "TF-DAMAGED",
      `cannot read ${path}: it is not a key of 64 lower-case hex digits`,
      "remove it and start the daemon again, which makes another one",
    );
  } finally {
    bytes.fill(0);
    secret?.fill(0);
  }
}

/** Makes an admin key and writes it; the caller makes sure that none is there. */
export async function createAdminKey(
  files: FileLayer,
  home: string,
  random: RandomSource,
): Promise<NodeIdentity> {
  const node = NodeIdentity.generate(random);
  await writeAdminKey(files, home, node);
  return node;
}

/** Writes an admin key, over any that is there. */
export async function writeAdminKey(
  files: FileLayer,
  home: string,
  admin: NodeIdentity,
): Promise<void> {
  const secret = admin.exportPrivateKey();
  const text = utf8(toHex(secret) + "\n");
  try {
    await files.writeAtomic(joinPath(home, ADMIN_FILE), text, 0o600);
  } finally {
    secret.fill(0);
    text.fill(0);
  }
}

/** Reads the raw bytes of `identity.json`; null if there is none. */
export async function readIdentityFile(
  files: FileLayer,
  home: string,
): Promise<Uint8Array | null> {
  const path = joinPath(home, IDENTITY_FILE);
  if (await files.stat(path) === null) return null;
  return await files.read(path, { limit: MAX_FILE });
}
