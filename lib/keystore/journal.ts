/**
 * Remembers which ceremonies this node is in the middle of, so that after a crash it can tell the
 * others that its part of them is lost: the secrets of a ceremony live in memory only.
 *
 * One text line when a ceremony is taken on, appended and synchronised before anything of it leaves
 * the node, and one when it has ended. A torn or foreign line is skipped. What a start finds still
 * open was cut off.
 *
 * @module
 */

import { type Identity, parseIdentity } from "../crypto/identity.ts";
import { utf8 } from "../encoding/bytes.ts";
import { KeystoreError } from "./errors.ts";
import type { FileLayer } from "./files.ts";
import { WriteQueue } from "./write_queue.ts";

/** A ceremony that this node has taken on. Nothing in it is secret. */
export interface OpenCeremony {
  /** 64 lower-case hex digits. */
  readonly id: string;
  /** The kind of its request: `keygen`, `sign`, `reshare` or another word. */
  readonly kind: string;
  /** When it was taken on, Unix seconds. */
  readonly at: number;
  /** Who asked. */
  readonly requester: Identity;
  /** Everybody else in it. */
  readonly members: readonly Identity[];
  /** Of requester and members those known to read a note about it. */
  readonly ours: readonly Identity[];
}

/** Most open ceremonies kept; the oldest go first. Eight run at once, some more wait. */
export const MAX_OPEN = 256;
/** Older ones are forgotten at a start, in seconds: no ceremony lasts longer than a day. */
export const OPEN_LIFE = 25 * 3600;
/** Lines after which the file is written anew. */
const MAX_LINES = 1024;
/** Largest file read: lines of full committees. */
const MAX_FILE = 16 * 1024 * 1024;
const OPENED =
  /^\+ ([0-9a-f]{64}) ([a-z-]{1,24}) ([0-9]{1,12}) ([0-9a-f]{40}) ([0-9a-f,]+) ([0-9a-f,]+|-)$/;
const CLOSED = /^- ([0-9a-f]{64})$/;

/** Name of the file in the node's directory. */
export const JOURNAL_FILE = "ceremonies.open";

/** The ceremonies under way on one node. Writes are carried out one after the other. */
export class CeremonyJournal {
  readonly #files: FileLayer;
  readonly #path: string;
  readonly #open = new Map<string, OpenCeremony>();
  #lines = 0;
  /** The file may end in a torn line: the next write replaces it as a whole. */
  #torn = false;
  readonly #writes = new WriteQueue();
  /** What a stop or a crash cut off, oldest first. */
  readonly lost: readonly OpenCeremony[];

  private constructor(files: FileLayer, path: string, text: string, now: number) {
    this.#files = files;
    this.#path = path;
    const lines = text === "" ? [] : text.split("\n");
    if (lines.length > 0 && lines.pop() !== "") this.#torn = true;
    for (const line of lines) this.#read(line);
    this.#lines = lines.length;
    for (const { id, at } of this.#open.values()) if (at < now - OPEN_LIFE) this.#open.delete(id);
    this.lost = [...this.#open.values()];
  }

  /**
   * Reads the file at `path`, which may be absent.
   *
   * @param options `now` in milliseconds since 1970.
   * @throws {KeystoreError} if it cannot be read. What is unreadable inside is skipped.
   */
  static async open(options: {
    readonly files: FileLayer;
    readonly path: string;
    readonly now: number;
  }): Promise<CeremonyJournal> {
    const { files, path } = options;
    const text = await files.stat(path) === null
      ? ""
      : new TextDecoder("latin1").decode(await files.read(path, { limit: MAX_FILE }));
    return new CeremonyJournal(files, path, text, Math.floor(options.now / 1000));
  }

  /** Number of ceremonies open, those of {@link lost} included until they are closed. */
  get size(): number {
    return this.#open.size;
  }

  /**
   * Notes that this node takes a ceremony on; durable once it resolves.
   *
   * @throws {KeystoreError} if it cannot be stored: do not start the ceremony then.
   */
  async begin(ceremony: OpenCeremony): Promise<void> {
    const line = lineOf(ceremony);
    if (!OPENED.test(line)) {
      throw new KeystoreError(
        "TF-ARGUMENT",
        "cannot note a ceremony: its id or a member is malformed",
        "this is a fault of the program; report it",
      );
    }
    this.#open.set(ceremony.id, ceremony);
    while (this.#open.size > MAX_OPEN) this.#open.delete(this.#open.keys().next().value!);
    try {
      await this.#write(line);
    } catch (error) {
      this.#open.delete(ceremony.id);
      throw error;
    }
  }

  /** Notes that a ceremony has ended here; one that is not open is fine. */
  async end(id: string): Promise<void> {
    if (this.#open.delete(id)) await this.#write(`- ${id}`);
  }

  /** Takes no more writes; resolves when those under way are done. */
  close(): Promise<void> {
    return this.#writes.close();
  }

  #write(line: string): Promise<void> {
    return this.#writes.run(() => this.#append(line));
  }

  async #append(line: string): Promise<void> {
    if (this.#torn || this.#lines >= MAX_LINES) {
      const text = [...this.#open.values()].map((c) => lineOf(c) + "\n").join("");
      await this.#files.writeAtomic(this.#path, utf8(text), 0o600);
      this.#lines = this.#open.size;
      this.#torn = false;
      return;
    }
    this.#lines++;
    this.#torn = true;
    await this.#files.append(this.#path, utf8(line + "\n"));
    this.#torn = false;
  }

  #read(line: string): void {
    const closed = CLOSED.exec(line);
    if (closed !== null) {
      this.#open.delete(closed[1]!);
      return;
    }
    const opened = OPENED.exec(line);
    try {
      if (opened === null) throw new SyntaxError();
      const [, id, kind, at, requester, members, ours] = opened;
      this.#open.set(id!, {
        id: id!,
        kind: kind!,
        at: Number(at),
        requester: parseIdentity(requester!),
        members: members!.split(",").map(parseIdentity),
        ours: ours === "-" ? [] : ours!.split(",").map(parseIdentity),
      });
    } catch {
      this.#torn = true;
    }
  }
}

function lineOf({ id, kind, at, requester, members, ours }: OpenCeremony): string {
  return `+ ${id} ${kind} ${at} ${requester} ${members.join(",")} ${ours.join(",") || "-"}`;
}
