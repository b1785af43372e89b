/**
 * Remembers, across restarts, which ceremonies this node has taken part in, so that a replayed
 * request never starts a second run under an old id.
 *
 * One text line per ceremony, `<64 hex digits> <Unix seconds>`, appended and synchronised before
 * the ceremony starts. A torn or foreign line is skipped and the file rewritten.
 *
 * @module
 */

import { fromUtf8, utf8 } from "../encoding/bytes.ts";
import { KeystoreError } from "./errors.ts";
import type { FileLayer } from "./files.ts";

/** Ceremonies remembered by default: years at several a minute would be more, a replay needs less. */
export const DEFAULT_REMEMBERED = 65536;
const LINE = /^([0-9a-f]{64}) ([0-9]{1,12})$/;
const LINE_BYTES = 80;

/** The set of ceremony ids seen; bounded, the oldest fall out. */
export class ReplayGuard {
  readonly #files: FileLayer;
  readonly #path: string;
  readonly #capacity: number;
  readonly #now: () => number;
  /** Ids to Unix seconds, oldest first. */
  readonly #seen = new Map<string, number>();
  #lines = 0;
  /** The file may end in a torn line: the next write replaces it as a whole. */
  #torn = false;

  private constructor(files: FileLayer, path: string, capacity: number, now: () => number) {
    this.#files = files;
    this.#path = path;
    this.#capacity = capacity;
    this.#now = now;
  }

  /**
   * Reads the file at `path`, which may be absent.
   *
   * @throws {KeystoreError} if it cannot be read. What is unreadable inside is skipped.
   */
  static async open(options: {
    readonly files: FileLayer;
    readonly path: string;
    readonly now: () => number;
    readonly capacity?: number;
  }): Promise<ReplayGuard> {
    const capacity = options.capacity ?? DEFAULT_REMEMBERED;
    const guard = new ReplayGuard(options.files, options.path, capacity, options.now);
    if (await options.files.stat(options.path) === null) return guard;
    const bytes = await options.files.read(options.path, { limit: 4 * capacity * LINE_BYTES });
    let text: string;
    try {
      text = fromUtf8(bytes);
    } catch {
      text = new TextDecoder("latin1").decode(bytes); // Damaged lines fail the pattern below.
    }
    const lines = text.split("\n");
    // A whole file ends in a line feed.
    if (lines.pop() !== "") guard.#torn = true;
    for (const line of lines) {
      const match = LINE.exec(line);
      if (match === null) guard.#torn = true;
      else guard.#add(match[1]!, Number(match[2]));
      guard.#lines++;
    }
    return guard;
  }

  /** Number of ids remembered. */
  get size(): number {
    return this.#seen.size;
  }

  /** Tells whether a ceremony id (64 hex digits) was seen. */
  has(id: string): boolean {
    return this.#seen.has(id.toLowerCase());
  }

  /**
   * Remembers a ceremony; durable once it resolves.
   *
   * @returns false if the id was remembered before.
   * @throws {KeystoreError} if it cannot be stored: do not start the ceremony then.
   */
  async remember(id: string): Promise<boolean> {
    if (!/^[0-9a-fA-F]{64}$/.test(id)) {
      throw new KeystoreError(
        "TF-ARGUMENT",
        "cannot remember a ceremony: its id is not 64 hex digits",
        "this is a fault of the program; report it",
      );
    }
    const key = id.toLowerCase();
    if (this.#seen.has(key)) return false;
    const seconds = Math.floor(this.#now() / 1000);
    // In memory first: should the write fail, the id stays refused until a restart.
    this.#add(key, seconds);
    if (this.#torn || this.#lines >= 2 * this.#capacity) {
      await this.#rewrite();
      return true;
    }
    this.#lines++;
    this.#torn = true;
    await this.#files.append(this.#path, utf8(lineOf(key, seconds)));
    this.#torn = false;
    return true;
  }

  /**
   * Takes over what another file of this kind remembers; durable once it resolves. Unreadable lines
   * are skipped.
   *
   * @returns how many ids were new.
   */
  async adopt(bytes: Uint8Array): Promise<number> {
    const before = new Map(this.#seen);
    const all = [...before];
    for (const line of new TextDecoder("latin1").decode(bytes).split("\n")) {
      const match = LINE.exec(line);
      if (match !== null && !before.has(match[1]!)) all.push([match[1]!, Number(match[2])]);
    }
    this.#seen.clear();
    // The oldest fall out first, wherever they come from.
    for (const [id, seconds] of all.sort(([, a], [, b]) => a - b)) this.#add(id, seconds);
    let added = 0;
    for (const id of this.#seen.keys()) if (!before.has(id)) added++;
    if (added > 0 || this.#torn) await this.#rewrite();
    return added;
  }

  async #rewrite(): Promise<void> {
    let text = "";
    for (const [id, seconds] of this.#seen) text += lineOf(id, seconds);
    await this.#files.writeAtomic(this.#path, utf8(text), 0o600);
    this.#lines = this.#seen.size;
    this.#torn = false;
  }

  #add(id: string, seconds: number): void {
    this.#seen.delete(id);
    this.#seen.set(id, seconds);
    if (this.#seen.size > this.#capacity) {
      const oldest = this.#seen.keys().next().value;
      if (oldest !== undefined) this.#seen.delete(oldest);
    }
  }
}

function lineOf(id: string, seconds: number): string {
  return `${id} ${seconds}\n`;
}
