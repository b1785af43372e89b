/**
 * Key shares on disk: `<key id>.key` (sealed share) and `<key id>.meta` (sealed metadata), as the
 * Go service keeps them, with a replacement that survives a crash at any point.
 *
 * The metadata holds the SHA-256 of its share file. So the rename of the metadata is the one
 * moment at which a new share becomes current, and after a crash the two files show by themselves
 * which step comes next; no separate journal can disagree with them:
 *
 *     stage    write key.next, then meta.next          (key.next alone: incomplete, destroyed)
 *     commit   meta.next → meta                        (the moment)
 *              key → key.old, key.next → key, destroy key.old
 *     leave    write meta with the resharing that deals this share away
 *     retire   write meta "reshared away", destroy key
 *
 * Only ciphertext of shares passes through here.
 *
 * @module
 */

import { equalBytes } from "../encoding/bytes.ts";
import { fileFailure, KeystoreError } from "./errors.ts";
import { type KeyRules, sayAnything } from "./key_rules.ts";
import { addHistory, goTime, type KeyMeta, type Leaving, parseKeyId } from "./meta.ts";
import {
  damagedFile,
  SHARE_FILES,
  ShareFiles,
  type ShareFilesOptions,
  shareHash,
  type StagedShare,
} from "./share_files.ts";

/** The state of one key's files. */
export interface KeyReport {
  /** The key. */
  readonly keyId: string;
  /** Its metadata, if readable. */
  readonly meta: KeyMeta | null;
  /** What is wrong, if something is. */
  readonly problem: KeystoreError | null;
}

/** A key that this node deals away, see {@link KeyMeta.leaving}. */
export interface LeavingKey extends Leaving {
  /** The key. */
  readonly keyId: string;
}

/** What a start found and did. */
export interface RecoveryReport {
  /** Leftovers cleared and interrupted replacements finished, in words. */
  readonly repaired: readonly string[];
  /** Staged shares that wait for a decision. */
  readonly staged: readonly StagedShare[];
  /** Keys that this node may have dealt away. */
  readonly leaving: readonly LeavingKey[];
  /** What could not be mended; nothing of it was touched. */
  readonly damaged: readonly KeystoreError[];
}

/** The shares of one node. Calls of one instance must not overlap for the same key. */
export class ShareStore {
  readonly #at: ShareFiles;
  readonly #now: () => number;

  /** `now` gives milliseconds since 1970. */
  constructor(options: ShareFilesOptions & { readonly now: () => number }) {
    this.#at = new ShareFiles(options);
    this.#now = options.now;
  }

  /** Returns the ids of all keys that have a share or metadata here, sorted. */
  async keyIds(): Promise<string[]> {
    return await this.#at.keyIds(["key", "meta"]);
  }

  /** Looks at every key: readable or not, active or reshared away. */
  async inspect(): Promise<KeyReport[]> {
    const reports: KeyReport[] = [];
    for (const keyId of await this.keyIds()) {
      let meta: KeyMeta | null = null;
      try {
        meta = await this.readMeta(keyId);
        if (meta.status === "active") await this.read(keyId);
        reports.push({ keyId, meta, problem: null });
      } catch (error) {
        reports.push({ keyId, meta, problem: fileFailure("check a key", keyId, error) });
      }
    }
    return reports;
  }

  /** Reads a key's metadata. */
  async readMeta(keyId: string): Promise<KeyMeta> {
    const meta = await this.#at.readMeta(keyId, "meta");
    if (meta !== null) return meta;
    if (await this.#at.exists(keyId, "key")) {
      throw damagedFile(this.#at.path(keyId, "meta"), "it is missing, the key's share is there");
    }
    throw new KeystoreError(
      "TF-NOT-FOUND",
      `this node has no key ${keyId}`,
      "list the keys with: transfunctioner keys",
    );
  }

  /** Reads the sealed share of an active key and checks it against the metadata. */
  async read(keyId: string): Promise<Uint8Array<ArrayBuffer>> {
    const meta = await this.readMeta(keyId);
    if (meta.status === "reshared away") {
      throw new KeystoreError(
        "TF-NOT-FOUND",
        `this node has no share of key ${keyId} any more: it was reshared away`,
        "ask a member of the key's present committee",
      );
    }
    const path = this.#at.path(keyId, "key");
    const bytes = await this.#at.read(keyId, "key");
    if (bytes === null) throw damagedFile(path, "it is missing");
    if (meta.shareHash !== undefined && meta.shareHash !== shareHash(bytes)) {
      throw damagedFile(path, "it is not the file that the metadata names: altered or exchanged");
    }
    return bytes;
  }

  /** Stores the share of a new key. Never replaces anything. */
  async write(keyId: string, ciphertext: Uint8Array, meta: KeyMeta): Promise<void> {
    const id = parseKeyId(keyId);
    await this.#assertNothing(id);
    await this.#settle(id, shareHash(ciphertext), async () => {
      await this.#at.writePair(id, ciphertext, meta, "meta");
      await this.#at.promoteShare(id);
    });
  }

  async #assertNothing(id: string): Promise<void> {
    for (const kind of SHARE_FILES) {
      if (!await this.#at.exists(id, kind)) continue;
      throw new KeystoreError(
        "TF-EXISTS",
        `cannot store a share of key ${id}: ${this.#at.path(id, kind)} is there already`,
        "a share is only ever replaced by a resharing",
      );
    }
  }

  /** Writes a new share beside the current one. */
  async stage(
    keyId: string,
    ceremony: string,
    ciphertext: Uint8Array,
    meta: KeyMeta,
  ): Promise<void> {
    const id = parseKeyId(keyId);
    if (await this.#at.exists(id, "meta.next")) {
      throw new KeystoreError(
        "TF-EXISTS",
        `cannot stage a share of key ${id}: another one is staged already`,
        "commit or discard the resharing that staged it",
      );
    }
    const current = await this.#at.readMeta(id, "meta");
    if (
      current !== null &&
      (!equalBytes(current.publicKey, meta.publicKey) || current.curve !== meta.curve)
    ) {
      throw new KeystoreError(
        "TF-ARGUMENT",
        `cannot stage a share of key ${id}: its public key is not the key's`,
        "a resharing never changes the public key; do not trust its result",
      );
    }
    try {
      await this.#at.writePair(id, ciphertext, { ...meta, ceremony }, "meta.next");
    } catch (error) {
      // Half a stage must not stand in the way of the next; what stays, a start clears.
      await this.discard(id).catch(() => {});
      throw error;
    }
  }

  /** Returns what is staged and whole; a damaged one is named by {@link recover}. */
  async staged(): Promise<StagedShare[]> {
    const out: StagedShare[] = [];
    for (const keyId of await this.#at.keyIds(["meta.next"])) {
      const found = await this.#at.readStaged(keyId).catch(nullIfDamaged);
      if (found !== null) out.push(found);
    }
    return out;
  }

  /** Makes a staged share the current one and destroys the old one. */
  async commit(keyId: string, ceremony?: string): Promise<void> {
    const id = parseKeyId(keyId);
    const found = await this.#at.readStaged(id);
    if (found === null || (ceremony !== undefined && found.ceremony !== ceremony)) {
      throw notStaged(id, ceremony);
    }
    await this.#settle(id, found.meta.shareHash!, async () => {
      await this.#at.promoteMeta(id);
      await this.#at.promoteShare(id);
    });
  }

  /** Destroys a staged share, also a damaged one; false if `ceremony` has none here. */
  async discard(keyId: string, ceremony?: string): Promise<boolean> {
    const id = parseKeyId(keyId);
    if (!await this.#at.exists(id, "meta.next")) return false;
    const found = await this.#at.readStaged(id).catch(nullIfDamaged);
    if (found !== null && ceremony !== undefined && found.ceremony !== ceremony) return false;
    await this.#at.removeStagedMeta(id);
    await this.#at.destroy(id, "key.next");
    return true;
  }

  /** Writes down, before this node deals its share away, in which resharing it does so. */
  async leave(keyId: string, leaving: Leaving): Promise<void> {
    const id = parseKeyId(keyId);
    const meta = await this.readMeta(id);
    if (meta.status !== "active") return;
    await this.#at.writeMeta(id, "meta", { ...meta, leaving });
  }

  /** Takes a mark of {@link leave} back; false if there is none of this ceremony. */
  async stay(keyId: string, ceremony: string): Promise<boolean> {
    const id = parseKeyId(keyId);
    const { leaving, ...meta } = await this.readMeta(id);
    if (leaving?.ceremony !== ceremony) return false;
    await this.#at.writeMeta(id, "meta", meta);
    return true;
  }

  /** Replaces a key's rules. */
  async setRules(keyId: string, rules: KeyRules): Promise<void> {
    const id = parseKeyId(keyId);
    const { rules: _, ...meta } = await this.readMeta(id);
    await this.#at.writeMeta(id, "meta", sayAnything(rules) ? { ...meta, rules } : meta);
  }

  /** Destroys the share of a key that lives on in another committee. */
  async retire(keyId: string, ceremony?: string): Promise<void> {
    const id = parseKeyId(keyId);
    const { shareHash: _, leaving: __, ...meta } = await this.readMeta(id);
    if (meta.status === "active") {
      const history = addHistory(meta, {
        event: "reshared away",
        generation: meta.generation + 1,
        at: goTime(this.#now()),
        ...(ceremony === undefined ? {} : { ceremony }),
      });
      await this.#at.writeMeta(id, "meta", { ...meta, status: "reshared away", history });
    }
    await this.#at.destroy(id, "key");
  }

  /** Writes the metadata of a key that was reshared away, where nothing of the key is. */
  async adoptRetired(meta: KeyMeta): Promise<void> {
    await this.#assertNothing(meta.keyId);
    await this.#at.writeMeta(meta.keyId, "meta", meta);
  }

  /** Reads a key's share file as it is, whatever the metadata say; null if absent. */
  async readRaw(keyId: string): Promise<Uint8Array<ArrayBuffer> | null> {
    return await this.#at.read(parseKeyId(keyId), "key");
  }

  /**
   * Renames all files of a key that cannot be used, so that nothing looks at them any more and
   * nothing of them is lost.
   */
  async setAside(keyId: string): Promise<void> {
    await this.#at.setAside(parseKeyId(keyId));
  }

  /** Finishes or clears what a crash left, key by key; a damaged key does not stop the others. */
  async recover(): Promise<RecoveryReport> {
    const repaired: string[] = [];
    const staged: StagedShare[] = [];
    const leaving: LeavingKey[] = [];
    const broken: KeystoreError[] = [];
    for (const name of await this.#at.clearTemporary()) {
      repaired.push(`removed the unfinished file ${name}`);
    }
    for (const keyId of await this.#at.keyIds(SHARE_FILES)) {
      try {
        await this.#recoverKey(keyId, repaired, staged);
        const mark = (await this.#at.readMeta(keyId, "meta"))?.leaving;
        if (mark !== undefined) leaving.push({ keyId, ...mark });
      } catch (error) {
        broken.push(fileFailure("repair a key", keyId, error));
      }
    }
    return { repaired, staged, leaving, damaged: broken };
  }

  /**
   * Runs `action`. If it fails half-way, does at once what a start would do; if that makes the
   * share named by `hash` the current one, the action has succeeded after all.
   */
  async #settle(keyId: string, hash: string, action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      try {
        await this.#recoverKey(keyId, [], []);
        if (shareHash(await this.read(keyId)) === hash) return;
      } catch {
        // The first failure is the one to report.
      }
      throw error;
    }
  }

  async #recoverKey(keyId: string, repaired: string[], staged: StagedShare[]): Promise<void> {
    const at = this.#at;
    const note = (what: string) => repaired.push(`key ${keyId}: ${what}`);
    const meta = await at.readMeta(keyId, "meta");
    if (meta?.status === "reshared away" && await at.exists(keyId, "key")) {
      await at.destroy(keyId, "key");
      note("finished destroying a share that was reshared away");
    }
    if (meta?.status === "active" && meta.shareHash !== undefined) {
      const next = await at.read(keyId, "key.next");
      if (next !== null && shareHash(next) === meta.shareHash) {
        await at.promoteShare(keyId);
        note("finished making a new share current");
      }
    }
    const found = await at.readStaged(keyId);
    if (found !== null) {
      staged.push(found);
    } else if (await at.exists(keyId, "key.next")) {
      await at.destroy(keyId, "key.next");
      note("destroyed a share that was never completely stored");
    }
    // Before a replaced share goes, the current one must be seen to be whole.
    if (meta?.status === "active") await this.read(keyId);
    else if (meta === null && await at.exists(keyId, "key")) await this.readMeta(keyId);
    if (meta !== null && await at.exists(keyId, "key.old")) {
      await at.destroy(keyId, "key.old");
      note("destroyed a replaced share");
    }
  }
}

function notStaged(keyId: string, ceremony: string | undefined): KeystoreError {
  return new KeystoreError(
    "TF-NOT-FOUND",
    `there is no staged share of key ${keyId}${
      ceremony === undefined ? "" : ` from ceremony ${ceremony}`
    }`,
    "see which resharings are open",
  );
}

function nullIfDamaged(error: unknown): null {
  if (error instanceof KeystoreError && error.code === "TF-DAMAGED") return null;
  throw error;
}
