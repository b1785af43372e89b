/**
 * Bans that outlive the process: `bans.json` in the home directory.
 *
 * @module
 */

import { fromUtf8, utf8 } from "../encoding/bytes.ts";
import { parseJson } from "../encoding/json.ts";
import { toPlain } from "../encoding/plain.ts";
import { type FileLayer, joinPath } from "../keystore/files.ts";
import { WriteQueue } from "../keystore/write_queue.ts";
import { type Ban, BanList, type BanView, parseBanSubject } from "../mesh/bans.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Identity } from "../crypto/identity.ts";
import { badRequest, NodeError } from "./errors.ts";

/** Name of the file in the home directory. */
export const BANS_FILE = "bans.json";
/** Largest file read, bytes. */
const MAX_FILE = 4 * 1024 * 1024;
/** Longest reason, characters. */
const MAX_REASON = 200;

/** The bans of a node, in memory and on disk. */
export class BanBook implements BanView {
  readonly #files: FileLayer;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #list: BanList;
  readonly #writes = new WriteQueue();

  private constructor(files: FileLayer, path: string, clock: Clock, list: BanList) {
    this.#files = files;
    this.#path = path;
    this.#clock = clock;
    this.#list = list;
  }

  /**
   * Reads the bans of a home directory; no file is no bans.
   *
   * @throws {NodeError} TF-BANS if the file cannot be read: to start without its bans would let in
   * whom the operator keeps out.
   */
  static async load(files: FileLayer, home: string, clock: Clock): Promise<BanBook> {
    const path = joinPath(home, BANS_FILE);
    let bans: Ban[] = [];
    if (await files.stat(path) !== null) {
      try {
        bans = parseBans(fromUtf8(await files.read(path, { limit: MAX_FILE, secret: false })));
      } catch (error) {
        throw new NodeError(
          "TF-BANS",
          `cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`,
          { exit: 2, hint: "mend the file, or move it away to start without bans" },
        );
      }
    }
    return new BanBook(files, path, clock, new BanList(clock, bans));
  }

  /** Bans that hold now, oldest first. */
  list(): Ban[] {
    return this.#list.list();
  }

  /** See {@link BanView.identity}. */
  identity(identity: Identity): string | null {
    return this.#list.identity(identity);
  }

  /** See {@link BanView.host}. */
  host(host: string): string | null {
    return this.#list.host(host);
  }

  /**
   * Bans an identity or an IP address, for `forMs` milliseconds or for ever; durable when it
   * resolves.
   *
   * @throws {NodeError} TF-REQUEST if `subject` is neither; `KeystoreError` if it cannot be stored.
   */
  async ban(subject: string, reason: string, forMs: number | null): Promise<Ban> {
    const parsed = subjectOf(subject);
    const since = this.#clock.now();
    const ban: Ban = {
      subject: parsed,
      // deno-lint-ignore no-control-regex
      reason: reason.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?").slice(0, MAX_REASON),
      since,
      until: forMs === null ? null : since + forMs,
    };
    this.#list.add(ban);
    await this.#save();
    return ban;
  }

  /** Lifts a ban; returns whether there was one. Durable when it resolves. */
  async unban(subject: string): Promise<boolean> {
    if (!this.#list.remove(subjectOf(subject))) return false;
    await this.#save();
    return true;
  }

  #save(): Promise<void> {
    const write = async () => {
      const bans = this.#list.list().map(({ subject, reason, since, until }) => ({
        subject,
        reason,
        since: new Date(since).toISOString(),
        ...(until === null ? {} : { until: new Date(until).toISOString() }),
      }));
      await this.#files.writeAtomic(
        this.#path,
        utf8(JSON.stringify({ version: 1, bans }, null, 2) + "\n"),
        0o600,
      );
    };
    return this.#writes.run(write);
  }

  /** Takes no more writes; resolves when those under way are done. */
  close(): Promise<void> {
    return this.#writes.close();
  }
}

function subjectOf(text: string): string {
  const subject = parseBanSubject(text);
  if (subject === null) {
    throw badRequest(
      `"${text.slice(0, 60)}" is neither an identity nor an IP address`,
      "an identity has 40 hex digits",
    );
  }
  return subject;
}

function parseBans(text: string): Ban[] {
  const file = toPlain(parseJson(text)) as { version?: unknown; bans?: unknown } | null;
  if (file?.version !== 1) throw new SyntaxError("it is not a list of bans of version 1");
  if (!Array.isArray(file.bans)) throw new SyntaxError("it has no list of bans");
  return file.bans.map((item, i) => {
    const { subject, reason, since, until } = (item ?? {}) as Record<string, unknown>;
    const parsed = typeof subject === "string" ? parseBanSubject(subject) : null;
    const start = typeof since === "string" ? Date.parse(since) : NaN;
    const end = until === undefined ? null : typeof until === "string" ? Date.parse(until) : NaN;
    if (parsed === null || Number.isNaN(start) || Number.isNaN(end)) {
      throw new SyntaxError(`entry ${i + 1} is not a ban`);
    }
    const why = typeof reason === "string" ? reason : "";
    return { subject: parsed, reason: why, since: start, until: end };
  });
}
