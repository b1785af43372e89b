/**
 * The audit log of a node: append-only, chained, durable before anything is carried out.
 *
 * What cannot be written down does not happen: {@link AuditLog.record} rejects, and its caller
 * refuses the request. A log that was tampered with stays as it is, for `log verify` to tell; the
 * node goes on in a new file.
 *
 * @module
 */

import { fromUtf8, utf8 } from "../encoding/bytes.ts";
import type { JsonInput } from "../encoding/json.ts";
import { type FileLayer, joinPath } from "./files.ts";
import {
  AUDIT_FILE,
  AuditError,
  auditLine,
  CHAIN_START,
  type ChainEnd,
  followChain,
  HEAD_FILE,
  headLine,
  lineHash,
  MAX_BATCH,
  readHeads,
} from "./audit_chain.ts";
import { closedError } from "./write_queue.ts";

/** A file is put away when it would grow beyond this, in bytes. */
export const ROTATE_BYTES = 4 * 1024 * 1024;
/** Largest log file read: what is there and one batch. */
export const MAX_AUDIT_FILE = 2 * ROTATE_BYTES;
/** Lines of the head file after which it is written anew. */
const MAX_HEADS = 512;
/** Head lines kept then. */
const KEPT_HEADS = 16;
const MAX_HEAD_FILE = 1024 * 1024;

/** What is recorded with an event; nothing in it may be secret. */
export type AuditFields = Readonly<Record<string, JsonInput | undefined>>;

interface Pending {
  readonly event: string;
  readonly fields: AuditFields;
  readonly done: PromiseWithResolvers<void>;
}

/** The log of one node. */
export class AuditLog {
  readonly #files: FileLayer;
  readonly #home: string;
  readonly #now: () => number;
  readonly #rotateBytes: number;
  #end: ChainEnd = CHAIN_START;
  /** What the file holds, as bytes known to be good. */
  #size = 0;
  #heads = 0;
  /** A write failed: the files may hold more than is known to be good. */
  #dirty = false;
  #pending: Pending[] = [];
  #writing: Promise<void> | null = null;
  #closed = false;

  private constructor(files: FileLayer, home: string, now: () => number, rotateBytes: number) {
    this.#files = files;
    this.#home = home;
    this.#now = now;
    this.#rotateBytes = rotateBytes;
  }

  /**
   * Opens the log of a home directory and mends what a crash left. Nothing is written down before
   * the first {@link record}, but for what had to be mended.
   *
   * @param options `now` gives milliseconds since 1970.
   * @throws {KeystoreError} if a file cannot be read or mended.
   */
  static async open(options: {
    readonly files: FileLayer;
    readonly home: string;
    readonly now: () => number;
    readonly rotateBytes?: number;
  }): Promise<AuditLog> {
    const { files, home, now } = options;
    const log = new AuditLog(files, home, now, options.rotateBytes ?? ROTATE_BYTES);
    await log.#load();
    return log;
  }

  /** The end of the chain. */
  get end(): ChainEnd {
    return this.#end;
  }

  /**
   * Adds an entry; durable once it resolves.
   *
   * @throws {KeystoreError} if it cannot be stored: then it is not in the log either. TF-READ-ONLY
   * after {@link close}.
   */
  record(event: string, fields: AuditFields): Promise<void> {
    if (this.#closed) return Promise.reject(closedError());
    const done = Promise.withResolvers<void>();
    this.#pending.push({ event, fields, done });
    this.#writing ??= this.#drain();
    return done.promise;
  }

  /** Takes no more entries; resolves when those under way are written, or could not be. */
  async close(): Promise<void> {
    this.#closed = true;
    while (this.#writing !== null) await this.#writing;
  }

  async #drain(): Promise<void> {
    // Entries that come while a batch is written go into the next one together.
    await Promise.resolve();
    while (this.#pending.length > 0) {
      const batch = this.#pending.splice(0, MAX_BATCH);
      try {
        await this.#write(batch);
        for (const { done } of batch) done.resolve();
      } catch (error) {
        this.#dirty = true;
        for (const { done } of batch) done.reject(error);
      }
    }
    this.#writing = null;
  }

  async #write(batch: readonly Pending[]): Promise<void> {
    if (this.#dirty) await this.#mend();
    let end = this.#end;
    let text = "";
    for (const { event, fields } of batch) {
      const line = auditLine(end, this.#now(), event, fields);
      end = { seq: end.seq + 1, hash: lineHash(line) };
      text += line + "\n";
    }
    const bytes = utf8(text);
    if (this.#size > 0 && this.#size + bytes.length > this.#rotateBytes) await this.#rotate();
    this.#dirty = true;
    await this.#files.append(this.#path(AUDIT_FILE), bytes);
    await this.#writeHead(end);
    this.#dirty = false;
    this.#size += bytes.length;
    this.#end = end;
  }

  async #writeHead(end: ChainEnd): Promise<void> {
    const path = this.#path(HEAD_FILE);
    if (this.#heads < MAX_HEADS) {
      await this.#files.append(path, utf8(headLine(end)));
      this.#heads++;
      return;
    }
    const heads = [...await this.#readHeads(), end].slice(-KEPT_HEADS);
    await this.#files.writeAtomic(path, utf8(heads.map(headLine).join("")), 0o600);
    this.#heads = heads.length;
  }

  /** Puts the present file away; the chain goes on in a new one. */
  async #rotate(): Promise<void> {
    const number = String(this.#end.seq).padStart(12, "0");
    await this.#files.rename(this.#path(AUDIT_FILE), this.#path(`${AUDIT_FILE}.${number}`));
    this.#size = 0;
  }

  /** Takes back what a failed write left in the files. */
  async #mend(): Promise<void> {
    const path = this.#path(AUDIT_FILE);
    if (await this.#files.stat(path) !== null) {
      const bytes = await this.#files.read(path, { limit: 2 * MAX_AUDIT_FILE });
      if (bytes.length !== this.#size) {
        await this.#files.writeAtomic(path, bytes.subarray(0, this.#size), 0o600);
      }
    }
    const heads = (await this.#readHeads()).filter(({ seq }) => seq <= this.#end.seq);
    const kept = heads.slice(-KEPT_HEADS);
    await this.#files.writeAtomic(
      this.#path(HEAD_FILE),
      utf8(kept.map(headLine).join("")),
      0o600,
    );
    this.#heads = kept.length;
    this.#dirty = false;
  }

  async #load(): Promise<void> {
    const heads = await this.#readHeads();
    this.#heads = heads.length;
    const head = heads.at(-1) ?? CHAIN_START;
    const path = this.#path(AUDIT_FILE);
    if (await this.#files.stat(path) === null) {
      this.#end = head;
      return;
    }
    const bytes = await this.#files.read(path, { limit: 2 * MAX_AUDIT_FILE });
    let end: ChainEnd;
    let torn: number;
    try {
      const text = fromUtf8(bytes);
      ({ end, torn } = followChain(AUDIT_FILE, text, null));
      this.#size = utf8(text.slice(0, text.length - torn)).length;
      if (torn > 0) await this.#files.writeAtomic(path, bytes.subarray(0, this.#size), 0o600);
      if (this.#size === 0) end = head;
      if (end.seq < head.seq) throw new AuditError(`entries after ${end.seq} are gone`);
    } catch (error) {
      if (!(error instanceof AuditError) && !(error instanceof TypeError)) throw error;
      // Somebody was at it. It stays as it is beside the new file, which says so.
      this.#end = head;
      this.#size = 0;
      await this.#files.rename(path, this.#path(`${AUDIT_FILE}.${brokenName(head, this.#now())}`));
      await this.record("tampered", { problem: error.message.slice(0, 200) });
      return;
    }
    this.#end = end;
    if (torn > 0) await this.record("repaired", { torn_bytes: torn });
    // A crash came between an entry and its head.
    else if (end.seq > head.seq) await this.#writeHead(end);
  }

  async #readHeads(): Promise<ChainEnd[]> {
    const path = this.#path(HEAD_FILE);
    if (await this.#files.stat(path) === null) return [];
    const bytes = await this.#files.read(path, { limit: MAX_HEAD_FILE });
    return readHeads(new TextDecoder("latin1").decode(bytes));
  }

  #path(name: string): string {
    return joinPath(this.#home, name);
  }
}

/** A name that sorts where the file belongs and is never taken. */
function brokenName(head: ChainEnd, now: number): string {
  return `${String(head.seq).padStart(12, "0")}.broken-${now}`;
}
