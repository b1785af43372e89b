/**
 * Everything that a node keeps, in one home directory:
 *
 *     <home>/lock               held while a daemon runs
 *     <home>/identity.json      node key under a passphrase (absent with TRF_PRIVATE_KEY)
 *     <home>/admin.key          the command line's key, in clear (see identity_file.ts)
 *     <home>/config.json        settings, read by lib/node
 *     <home>/backup.json        when it was backed up last (home_marks.ts), moved.json: given up
 *     <home>/<identity>/        as in a Go node's home
 *       preparams.json          a Go node's, in clear; only read
 *       preparams/*.set         sealed sets, each for one key
 *       presign/*.pre           presignatures, each for one signature (see presign_stock.ts)
 *       ceremonies.seen         replay guard
 *       tss/<key id>.key .meta  sealed shares and metadata in the Go service's format
 *
 * All sealed files are under the store key, which derives from the node key; so a home directory
 * of a Go node opens as it is with that node's private key, and a Go node can read ours.
 *
 * @module
 */

import { type RandomSource, systemRandom } from "../arith/random.ts";
import type { NodeIdentity } from "../crypto/identity.ts";
import { type Logger, silentLogger } from "../observe/logger.ts";
import { KeystoreError } from "./errors.ts";
import { assertPrivateDirectory, type FileLayer, type FileLock, joinPath } from "./files.ts";
import { assertHome, ensureAdminKey, type KeystoreSecret, openNode, takeLock } from "./home.ts";
import { makeHome, removeUnfinished, tellRecovery } from "./home_make.ts";
import { assertNotMoved } from "./home_marks.ts";
import { loadAdminKey, type ScryptCost } from "./identity_file.ts";
import type { KeyRules } from "./key_rules.ts";
import { type KeyMeta, type Leaving, parseKeyId } from "./meta.ts";
import { PreParamsStock } from "./preparams_stock.ts";
import { PresignShelf } from "./presign_shelf.ts";
import { belongsTo, PRESIGN_FOLDER, type PresignHeader, PresignStock } from "./presign_stock.ts";
import { ReplayGuard } from "./replay_guard.ts";
import type { StagedShare } from "./share_files.ts";
import { type KeyReport, type RecoveryReport, ShareStore } from "./shares.ts";
import { closedError, WriteQueue } from "./write_queue.ts";

export type { KeystoreSecret } from "./home.ts";
export type { KeyMeta, Leaving } from "./meta.ts";
export type { StagedShare } from "./share_files.ts";
export type { KeyReport, LeavingKey, RecoveryReport } from "./shares.ts";

/** How a keystore is opened. */
export interface KeystoreOptions {
  /** The home directory. */
  readonly home: string;
  /** The disk. */
  readonly files: FileLayer;
  /** See {@link KeystoreSecret}. Not kept. */
  readonly secret: KeystoreSecret;
  /** Default: the operating system's. */
  readonly random?: RandomSource;
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number;
  /** Gets warnings and repairs. Default silent. */
  readonly log?: Logger;
}

const EMPTY_REPORT: RecoveryReport = { repaired: [], staged: [], leaving: [], damaged: [] };

/** An opened home directory. Operations that write are carried out one after the other. */
export class Keystore {
  /** The node's key. */
  readonly identity: NodeIdentity;
  /** The key that the admin listener accepts from this machine's command line. */
  readonly adminIdentity: NodeIdentity;
  /** The home directory. */
  readonly home: string;
  /** Presignatures; a resharing destroys those of its key. */
  readonly presignatures: PresignShelf;
  readonly #files: FileLayer;
  readonly #log: Logger;
  readonly #storeKey: Uint8Array<ArrayBuffer>;
  readonly #shares: ShareStore;
  readonly #stock: PreParamsStock;
  readonly #presign: PresignStock;
  readonly #guardOptions: { files: FileLayer; path: string; now: () => number };
  #guard: ReplayGuard | null = null;
  #lock: FileLock | null = null;
  #report: RecoveryReport = EMPTY_REPORT;
  readonly #writes = new WriteQueue();

  private constructor(options: KeystoreOptions, node: NodeIdentity, admin: NodeIdentity) {
    this.identity = node;
    this.adminIdentity = admin;
    this.home = options.home;
    this.#files = options.files;
    this.#log = options.log ?? silentLogger;
    this.#storeKey = node.storeKey();
    const random = options.random ?? systemRandom;
    const now = options.now ?? Date.now;
    const own = joinPath(options.home, node.identity);
    const { files } = options;
    this.#shares = new ShareStore({
      files,
      directory: joinPath(own, "tss"),
      storeKey: this.#storeKey,
      random,
      now,
    });
    this.#stock = new PreParamsStock(files, joinPath(own, "preparams"), random);
    this.#presign = new PresignStock({
      files,
      directory: joinPath(own, PRESIGN_FOLDER),
      storeKey: this.#storeKey,
      random,
    });
    this.presignatures = new PresignShelf(this.#presign, (run) => this.#exclusive(run));
    this.#guardOptions = { files, path: joinPath(own, "ceremonies.seen"), now };
  }

  /**
   * Makes a new keystore and opens it. With a passphrase a fresh node key is made, unless
   * `importKey` gives one; with a private key only the directories and the admin key are.
   *
   * @throws {KeystoreError} TF-EXISTS if the home directory has an identity already, TF-HOME,
   * TF-DISK-FULL, TF-PASSPHRASE, TF-LOCKED.
   */
  static async create(
    options: KeystoreOptions & {
      readonly importKey?: Uint8Array;
      readonly scrypt?: ScryptCost;
    },
  ): Promise<Keystore> {
    await makeHome({ ...options, random: options.random ?? systemRandom });
    return await Keystore.open(options);
  }

  /**
   * Opens a keystore. Unless `readOnly` is set it claims the home directory, makes what is
   * missing (directories, admin key) and finishes what a crash left.
   *
   * @throws {KeystoreError} TF-NO-KEYSTORE, TF-PASSPHRASE, TF-IDENTITY, TF-DAMAGED (identity or
   * admin key; a damaged share is reported, not thrown), TF-LOCKED, TF-MOVED, TF-HOME,
   * TF-UNSAFE-FILE.
   */
  static async open(
    options: KeystoreOptions & { readonly readOnly?: boolean },
  ): Promise<Keystore> {
    const { home, files } = options;
    const readOnly = options.readOnly === true;
    await assertHome(files, home, false);
    // The lock comes before the slow passphrase: a second daemon fails at once.
    const lock = readOnly ? null : await takeLock(files, home);
    try {
      if (!readOnly) await assertNotMoved(files, home);
      const node = await openNode(files, home, options.secret);
      const random = options.random ?? systemRandom;
      const admin = readOnly
        ? await loadAdminKey(files, home)
        : await ensureAdminKey(files, home, random);
      const own = joinPath(home, node.identity);
      const tss = joinPath(own, "tss");
      if (!readOnly) {
        await files.makeDirectory(own);
        await files.makeDirectory(tss);
      }
      for (const directory of [own, tss]) {
        const info = await files.stat(directory);
        if (info !== null) assertPrivateDirectory(directory, info, true);
      }
      const store = new Keystore(options, node, admin);
      store.#lock = lock;
      store.#guard = await ReplayGuard.open(store.#guardOptions);
      if (!readOnly) {
        await store.recover();
        await store.#stock.importGoFile(
          joinPath(own, "preparams.json"),
          store.#storeKey,
          store.#log,
        );
      }
      return store;
    } catch (error) {
      lock?.release();
      throw error;
    }
  }

  /** What the last {@link recover} found; {@link open} runs it. */
  get recovery(): RecoveryReport {
    return this.#report;
  }

  /** Returns a copy of the store key, for the worker that opens shares; the caller wipes it. */
  storeKey(): Uint8Array<ArrayBuffer> {
    this.#assertOpen();
    return this.#storeKey.slice();
  }

  /** Claims the home directory for this process; {@link open} does so unless it is read-only. */
  async lock(): Promise<void> {
    this.#assertOpen();
    this.#lock ??= await takeLock(this.#files, this.home);
  }

  /** Finishes or clears what a crash left. Staged shares are reported, never decided upon. */
  recover(): Promise<RecoveryReport> {
    return this.#exclusive(async () => {
      const report = await this.#shares.recover();
      const repaired = [...report.repaired, ...await this.#stock.recover()];
      repaired.push(...await this.#presign.recover((header) => this.#isCurrent(header)));
      const own = joinPath(this.home, this.identity.identity);
      repaired.push(...await removeUnfinished(this.#files, [this.home, own]));
      this.#report = { ...report, repaired };
      tellRecovery(this.#report, this.#log);
      return this.#report;
    });
  }

  /** Lists the metadata of all readable keys, active and reshared away, ordered by id. */
  async listKeys(): Promise<KeyMeta[]> {
    return (await this.inspectKeys()).filter((r) => r.problem === null).map((r) => r.meta!);
  }

  /** Looks at all keys and says what is wrong with damaged ones. */
  async inspectKeys(): Promise<KeyReport[]> {
    return await this.#shares.inspect();
  }

  /** Reads a key's metadata. Throws TF-NOT-FOUND or TF-DAMAGED. */
  async readMeta(keyId: string): Promise<KeyMeta> {
    return await this.#shares.readMeta(keyId);
  }

  /** Reads a sealed share, checked against the metadata. Throws TF-NOT-FOUND or TF-DAMAGED. */
  async readShareCiphertext(keyId: string): Promise<Uint8Array<ArrayBuffer>> {
    return await this.#shares.read(keyId);
  }

  /** Stores the share of a new key, sealed by the worker. Throws TF-EXISTS rather than replace. */
  writeShareCiphertext(keyId: string, ciphertext: Uint8Array, meta: KeyMeta): Promise<void> {
    return this.#exclusive(() => this.#shares.write(keyId, ciphertext, meta));
  }

  /**
   * Writes a reshared key's new share beside the current one. Throws TF-EXISTS if one is staged,
   * TF-ARGUMENT if the public key changed.
   */
  stageShare(
    keyId: string,
    ceremony: string,
    ciphertext: Uint8Array,
    meta: KeyMeta,
  ): Promise<void> {
    return this.#exclusive(() => this.#shares.stage(keyId, ceremony, ciphertext, meta));
  }

  /** Lists the staged shares that are whole. */
  async staged(): Promise<StagedShare[]> {
    return await this.#shares.staged();
  }

  /** Makes a staged share current, at once or not at all, and destroys the one before it. */
  commitStaged(keyId: string, ceremony?: string): Promise<void> {
    return this.#exclusive(async () => {
      await this.#presign.wipe((header) => header.keyId === parseKeyId(keyId));
      await this.#shares.commit(keyId, ceremony);
    });
  }

  /**
   * Destroys a staged share, also a damaged one; the current one stands.
   *
   * @returns false if nothing is staged, or only by another ceremony.
   */
  discardStaged(keyId: string, ceremony?: string): Promise<boolean> {
    return this.#exclusive(() => this.#shares.discard(keyId, ceremony));
  }

  /**
   * Writes down, durably, that this node deals its share away in a resharing; to be called before
   * it does. A later mark replaces an earlier one.
   */
  markLeaving(keyId: string, leaving: Leaving): Promise<void> {
    return this.#exclusive(() => this.#shares.leave(keyId, leaving));
  }

  /** Takes a mark of {@link markLeaving} back: the share stays. False if there is none. */
  unmarkLeaving(keyId: string, ceremony: string): Promise<boolean> {
    return this.#exclusive(() => this.#shares.stay(keyId, ceremony));
  }

  /** Replaces what a key may be used for on this node; durable once it resolves. */
  setKeyRules(keyId: string, rules: KeyRules): Promise<void> {
    return this.#exclusive(() => this.#shares.setRules(keyId, rules));
  }

  /** Destroys this node's share of a key that was reshared away; its metadata stays and says so. */
  retireShare(keyId: string, ceremony?: string): Promise<void> {
    return this.#exclusive(async () => {
      await this.#presign.wipe((header) => header.keyId === parseKeyId(keyId));
      await this.#shares.retire(keyId, ceremony);
    });
  }

  /** Tells whether a set of pre-parameters is in stock. */
  async hasPreParams(): Promise<boolean> {
    return await this.#stock.count() > 0;
  }

  /** Seals a Go node's clear `preparams.json` into the stock; false if that was done before. */
  importGoPreParams(path: string): Promise<boolean> {
    return this.#exclusive(() => this.#stock.importGoSet(path, this.#storeKey));
  }

  /** Returns the number of sets in stock. */
  async preParamsCount(): Promise<number> {
    return await this.#stock.count();
  }

  /** Takes one sealed set out of the stock for good; null if the stock is empty. */
  takePreParamsCiphertext(): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.#exclusive(() => this.#stock.take());
  }

  /** Adds a set that the worker sealed under `PREPARAMS_STORE_ID`. */
  putPreParamsCiphertext(ciphertext: Uint8Array): Promise<void> {
    return this.#exclusive(() => this.#stock.put(ciphertext));
  }

  /** Tells whether a ceremony id (64 hex digits) was remembered. */
  seenCeremony(id: string): boolean {
    return this.#guard!.has(id);
  }

  /** Remembers a ceremony, durably; false if it was remembered before. */
  rememberCeremony(id: string): Promise<boolean> {
    return this.#exclusive(() => this.#guard!.remember(id));
  }

  /** Waits for writes under way, forgets the store key and frees the home directory. */
  async close(): Promise<void> {
    if (this.#writes.closed) return;
    await this.#writes.close();
    this.#storeKey.fill(0);
    this.#lock?.release();
    this.#lock = null;
  }

  /** Keeps keys out of JSON. */
  toJSON(): string {
    return "[redacted]";
  }

  /** Keeps keys out of inspection output. */
  [Symbol.for("Deno.customInspect")](): string {
    return "[redacted]";
  }

  /** Whether a presignature was made with the share that is current now. */
  async #isCurrent(header: PresignHeader): Promise<boolean> {
    const meta = await this.#shares.readMeta(header.keyId).catch(() => null);
    return meta !== null && belongsTo(header, meta);
  }

  /** Runs a write after those before it; a failed one does not stop the next. */
  async #exclusive<T>(run: () => Promise<T>): Promise<T> {
    this.#assertOpen();
    if (this.#lock === null) {
      throw new KeystoreError(
        "TF-READ-ONLY",
        "cannot change the keystore: it was opened for reading",
        "ask the running daemon, or stop it and try again",
      );
    }
    return await this.#writes.run(run);
  }

  #assertOpen(): void {
    if (this.#writes.closed) throw closedError();
  }
}
