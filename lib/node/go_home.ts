/**
 * A Go node's home directory, looked through and taken over (mesh specification, section 16).
 *
 *     <home>/<identity>/preparams.json   pre-parameters, in clear
 *     <home>/<identity>/tss/*.key *.meta shares and metadata, sealed under the node key
 *
 * Looking changes nothing. Importing copies the sealed files as they are: both programs seal alike.
 *
 * @module
 */

import { systemRandom } from "../arith/random.ts";
import { askAboutPreParams, askAboutShare } from "../ceremony/describer.ts";
import { isKey } from "../ceremony/verify.ts";
import { loadWorkers, type WorkerFactory } from "../ceremony/worker_host.ts";
import type { Identity, NodeIdentity } from "../crypto/identity.ts";
import { equalBytes, fromHex } from "../encoding/bytes.ts";
import { KeystoreError } from "../keystore/errors.ts";
import { type FileLayer, joinPath, TEMPORARY } from "../keystore/files.ts";
import { IDENTITY_FILE } from "../keystore/identity_file.ts";
import type { KeyMeta, Keystore } from "../keystore/keystore.ts";
import { readGoSet } from "../keystore/preparams_stock.ts";
import { ShareStore } from "../keystore/shares.ts";
import { PREPARAMS_STORE_ID, sealStoreFile } from "../keystore/store_file.ts";

/** One key in a Go node's home. */
export interface GoKey {
  /** 32 hex digits: the stem of the file's name. */
  readonly keyId: string;
  /** Null if the metadata cannot be read. */
  readonly meta: KeyMeta | null;
  /** The sealed share, checked; null if something is wrong. */
  readonly share: Uint8Array<ArrayBuffer> | null;
  /** What is wrong, for a person; null if nothing is. */
  readonly problem: string | null;
}

/** What was found in a Go node's home. */
export interface GoHome {
  /** The directory that was looked through. */
  readonly path: string;
  /** Whose it is. */
  readonly identity: Identity;
  /** All keys, ordered by id. */
  readonly keys: readonly GoKey[];
  /** Where the clear pre-parameters lie; null if there are none. */
  readonly preParams: string | null;
  /** What is wrong with them; null if nothing is. */
  readonly preParamsProblem: string | null;
}

/** What an import did with one thing. */
export type Imported = "imported" | "there already" | "newer here";

/** How one key was dealt with. */
export interface ImportedKey {
  /** The key. */
  readonly keyId: string;
  /** `newer here`: the key was reshared since an earlier import. */
  readonly state: Imported;
}

/** What looks into files: the disk, and threads without permissions that open what is sealed. */
interface Tools {
  readonly files: FileLayer;
  readonly workers: WorkerFactory;
}

/**
 * Looks through a Go node's home and checks all that is in it; see {@link GoKey.problem}.
 *
 * A share is good if it opens, its secret matches its own public entry, all entries together give
 * the public key, the key id is that key's, and the committee on record is the share's and has this
 * node in it.
 *
 * @param path the directory that was the Go node's TRF_HOME.
 * @throws {KeystoreError} TF-NO-KEYSTORE if it is not this node's home, TF-EXISTS if it is a home
 * of this program, TF-UNSAFE-FILE, TF-HOME.
 */
export async function readGoHome(
  path: string,
  node: NodeIdentity,
  files: FileLayer,
): Promise<GoHome> {
  const tools: Tools = { files, workers: await loadWorkers() };
  await assertGoHome(files, path, node.identity);
  const own = joinPath(path, node.identity);
  const storeKey = node.storeKey();
  try {
    const store = new ShareStore({
      files,
      directory: joinPath(own, "tss"),
      storeKey,
      random: systemRandom,
      now: Date.now,
    });
    const keys: GoKey[] = [];
    for (const { keyId, meta, problem } of await store.inspect()) {
      if (meta === null || problem !== null) {
        keys.push({ keyId, meta, share: null, problem: problem?.message ?? "no metadata" });
        continue;
      }
      const share = await store.read(keyId);
      const wrong = await checkKey(meta, share, node.identity, storeKey, tools);
      keys.push({ keyId, meta, share: wrong === null ? share : null, problem: wrong });
    }
    const preParams = joinPath(own, "preparams.json");
    const there = await files.stat(preParams) !== null;
    return {
      path,
      identity: node.identity,
      keys,
      preParams: there ? preParams : null,
      preParamsProblem: there ? await checkSet(preParams, storeKey, tools) : null,
    };
  } finally {
    storeKey.fill(0);
  }
}

async function assertGoHome(files: FileLayer, path: string, identity: Identity): Promise<void> {
  if (await files.stat(joinPath(path, IDENTITY_FILE)) !== null) {
    throw new KeystoreError(
      "TF-EXISTS",
      `cannot import ${path}: it is a home directory of this program`,
      "use it as it is, with --home or TRF_HOME",
    );
  }
  if ((await files.stat(joinPath(path, identity), { follow: true }))?.kind === "directory") return;
  const others = (await files.list(path)).filter((name) => /^[0-9a-f]{40}$/.test(name));
  throw new KeystoreError(
    "TF-NO-KEYSTORE",
    `cannot import ${path}: it has no directory ${identity}, which is the private key's node`,
    others.length === 0
      ? "give the directory that was the Go node's TRF_HOME"
      : `it belongs to ${others.join(", ")}: give the private key of that node`,
  );
}

/** Returns what is wrong with a key, or null. */
async function checkKey(
  meta: KeyMeta,
  share: Uint8Array,
  self: Identity,
  storeKey: Uint8Array<ArrayBuffer>,
  { workers }: Tools,
): Promise<string | null> {
  const keyId = fromHex(meta.keyId);
  if (meta.status !== "active") return "it was reshared away";
  if (!meta.committee.includes(self)) return "its committee does not have this node";
  if (!isKey(meta.curve, meta.publicKey, keyId)) {
    return "its public key is no point of the curve, or not the one that the key id names";
  }
  try {
    const { committee, curve } = meta;
    const request = { self, curve, keyId, share, committee };
    const { publicKey } = await askAboutShare(workers, storeKey.slice(), request);
    return equalBytes(publicKey, meta.publicKey) ? null : "the share is of another public key";
  } catch (error) {
    return (error as Error).message;
  }
}

/** Returns what is wrong with a clear set of pre-parameters, or null. */
async function checkSet(
  path: string,
  storeKey: Uint8Array<ArrayBuffer>,
  { files, workers }: Tools,
): Promise<string | null> {
  let clear: Uint8Array | undefined;
  try {
    clear = await readGoSet(files, path);
    const sealed = sealStoreFile(storeKey, PREPARAMS_STORE_ID, clear, systemRandom);
    await askAboutPreParams(workers, storeKey.slice(), sealed);
    return null;
  } catch (error) {
    return (error as Error).message;
  } finally {
    clear?.fill(0);
  }
}

/** Returns how a key of `from` stands in `into`; null if it is not there. */
async function stateOf(into: Keystore, key: GoKey): Promise<Imported | null> {
  let meta: KeyMeta;
  try {
    meta = await into.readMeta(key.keyId);
  } catch (error) {
    if (error instanceof KeystoreError && error.code === "TF-NOT-FOUND") return null;
    throw error;
  }
  if (meta.generation > key.meta!.generation || meta.status !== "active") return "newer here";
  if (equalBytes(await into.readShareCiphertext(key.keyId), key.share!)) return "there already";
  throw new KeystoreError(
    "TF-EXISTS",
    `cannot import key ${key.keyId}: the home directory ${into.home} has another share of it`,
    "a share is only ever replaced by a resharing; import into a fresh home directory",
  );
}

/** Returns the keys of `from` that are not in `into` as they are, or newer. Changes nothing. */
export async function missingKeys(from: GoHome, into: Keystore): Promise<GoKey[]> {
  assertSame(from, into);
  const missing: GoKey[] = [];
  for (const key of from.keys) if (await stateOf(into, key) === null) missing.push(key);
  return missing;
}

/**
 * Copies what {@link readGoHome} found into an open keystore. Safe to repeat; replaces nothing.
 *
 * @returns what became of each key, and of the pre-parameters (null if there were none).
 * @throws {KeystoreError} TF-DAMAGED if anything in `from` has a problem (nothing is copied then),
 * TF-IDENTITY if the keystore is another node's, TF-EXISTS if it has another share of a key.
 */
export async function importGoHome(
  from: GoHome,
  into: Keystore,
): Promise<{ keys: ImportedKey[]; preParams: Imported | null }> {
  assertSound(from);
  assertSame(from, into);
  // All are looked at before the first is written.
  const states = new Map<string, Imported | null>();
  for (const key of from.keys) states.set(key.keyId, await stateOf(into, key));
  const keys: ImportedKey[] = [];
  for (const key of from.keys) {
    let state = states.get(key.keyId)!;
    if (state === null) {
      await into.writeShareCiphertext(key.keyId, key.share!, key.meta!);
      state = "imported";
    }
    keys.push({ keyId: key.keyId, state });
  }
  if (from.preParams === null) return { keys, preParams: null };
  const fresh = await into.importGoPreParams(from.preParams);
  return { keys, preParams: fresh ? "imported" : "there already" };
}

/**
 * Overwrites and removes the secrets of a Go node's home that are in `into` too: the clear
 * pre-parameters, shares and metadata, and unfinished files.
 *
 * @returns the paths removed.
 * @throws {KeystoreError} TF-NOT-FOUND if a key is not in `into`; nothing is removed then.
 */
export async function wipeGoHome(
  from: GoHome,
  into: Keystore,
  files: FileLayer,
): Promise<string[]> {
  assertSound(from);
  const [first] = await missingKeys(from, into);
  if (first !== undefined) {
    throw new KeystoreError(
      "TF-NOT-FOUND",
      `cannot wipe ${from.path}: key ${first.keyId} is not in ${into.home}`,
      "import it first",
    );
  }
  const tss = joinPath(from.path, from.identity, "tss");
  const unfinished = (await files.list(tss)).filter((name) => name.startsWith(TEMPORARY));
  const paths = [
    ...(from.preParams === null ? [] : [from.preParams]),
    ...from.keys.flatMap(({ keyId }) => [`${keyId}.key`, `${keyId}.meta`])
      .concat(unfinished).map((name) => joinPath(tss, name)),
  ];
  for (const path of paths) await files.remove(path, { overwrite: true });
  return paths;
}

function assertSame(from: GoHome, into: Keystore): void {
  if (from.identity === into.identity.identity) return;
  throw new KeystoreError(
    "TF-IDENTITY",
    `cannot import ${from.path}: it is of node ${from.identity}, and ${into.home} of node ` +
      into.identity.identity,
    "give a home directory of its own with --home",
  );
}

function assertSound(from: GoHome): void {
  const bad = from.keys.find((key) => key.problem !== null);
  const problem = bad === undefined
    ? from.preParamsProblem === null ? null : `pre-parameters: ${from.preParamsProblem}`
    : `key ${bad.keyId}: ${bad.problem}`;
  if (problem === null) return;
  throw new KeystoreError(
    "TF-DAMAGED",
    `cannot import ${from.path}: ${problem}`,
    "import-home --check lists all problems; restore the files, or move them away to go without",
  );
}
