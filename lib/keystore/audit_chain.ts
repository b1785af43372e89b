/**
 * The lines of the audit log and the chain that ties them together.
 *
 * Each line is a JSON object with its number and the SHA-256 of the line before it, so a changed,
 * missing or moved line breaks the chain at that place. The end of the chain is kept in a second
 * file, the head: without it the last lines could be cut off unseen.
 *
 * @module
 */

import { sha256 } from "../crypto/kdf.ts";
import { toHex, utf8 } from "../encoding/bytes.ts";
import { encodeJson, type Json, type JsonInput, parseJson } from "../encoding/json.ts";
import { fromUtf8 } from "../encoding/bytes.ts";

/** The file that lines are added to. Earlier ones have its name, a dot and their last number. */
export const AUDIT_FILE = "audit.log";
/** The file with the end of the chain. */
export const HEAD_FILE = "audit.head";
/** Longest line, in bytes; committees of 256 fit. */
export const MAX_AUDIT_LINE = 65536;
/** What the first line names as the one before it. */
export const GENESIS = "0".repeat(64);
/** Lines that a crash may leave without a head: as many as are written at once. */
export const MAX_BATCH = 64;

/** A place in the chain. */
export interface ChainEnd {
  /** Number of the line; 0 before the first. */
  readonly seq: number;
  /** SHA-256 of that line, 64 hex digits. */
  readonly hash: string;
}

/** One line as read. */
export interface AuditLine {
  readonly seq: number;
  /** RFC 3339 in UTC. */
  readonly at: string;
  /** What happened. */
  readonly event: string;
  /** SHA-256 of the line before. */
  readonly prev: string;
  /** All of it, for people and programs. */
  readonly fields: ReadonlyMap<string, Json>;
}

/** The chain before its first line. */
export const CHAIN_START: ChainEnd = { seq: 0, hash: GENESIS };

/** A log that is not as it was written; the message says where and what. */
export class AuditError extends Error {
  /** Class name. */
  override readonly name = "AuditError";
  /** Stable code for machines. */
  readonly code = "TF-AUDIT";
}

/** Hash of a line without its line feed. */
export function lineHash(line: string): string {
  return toHex(sha256(utf8(line)));
}

/**
 * Writes the next line of a chain, without line feed.
 *
 * @throws {RangeError} if it is longer than {@link MAX_AUDIT_LINE}.
 */
export function auditLine(
  end: ChainEnd,
  at: number,
  event: string,
  fields: Readonly<Record<string, JsonInput | undefined>>,
): string {
  const line = fromUtf8(encodeJson({
    seq: end.seq + 1,
    at: new Date(at).toISOString(),
    event,
    ...fields,
    prev: end.hash,
  }));
  if (line.length > MAX_AUDIT_LINE) throw new RangeError("an audit line would be too long");
  return line;
}

/**
 * Reads one line.
 *
 * @throws {AuditError} if it is none.
 */
export function readLine(line: string): AuditLine {
  let json: Json = null;
  try {
    if (line.length <= MAX_AUDIT_LINE) json = parseJson(line, { depth: 8, digits: 20 });
  } catch {
    // Said below.
  }
  if (!(json instanceof Map)) throw new AuditError("is not a JSON object");
  const [seq, at, event, prev] = ["seq", "at", "event", "prev"].map((name) => json.get(name));
  if (typeof seq !== "bigint" || seq < 1n || seq > 0xffff_ffff_ffffn) {
    throw new AuditError("has no number");
  }
  if (typeof at !== "string" || typeof event !== "string") throw new AuditError("has no event");
  if (typeof prev !== "string" || !/^[0-9a-f]{64}$/.test(prev)) throw new AuditError("has no hash");
  return { seq: Number(seq), at, event, prev, fields: json };
}

/**
 * Follows the chain through the text of one file.
 *
 * @param start the end of the file before it; null to take the first line's word for it.
 * @param onLine told of every good line with its hash.
 * @returns the end of the chain, and the characters of an unfinished last line.
 * @throws {AuditError} naming the file and the line.
 */
export function followChain(
  name: string,
  text: string,
  start: ChainEnd | null,
  onLine: (line: AuditLine, hash: string) => void = () => {},
): { readonly end: ChainEnd; readonly torn: number } {
  const lines = text.split("\n");
  const torn = lines.pop()!.length;
  let end = start;
  for (const [i, text] of lines.entries()) {
    const where = `${name}, line ${i + 1}`;
    let line: AuditLine;
    try {
      line = readLine(text);
    } catch (error) {
      throw new AuditError(`${where}: ${(error as Error).message}`);
    }
    end ??= { seq: line.seq - 1, hash: line.prev };
    if (line.seq !== end.seq + 1) {
      throw new AuditError(`${where}: is entry ${line.seq}, but entry ${end.seq + 1} is due`);
    }
    if (line.prev !== end.hash) {
      throw new AuditError(
        end.seq === 0
          ? `${where}: does not begin a log`
          : `${where}: does not follow entry ${end.seq} as it stands here: one of them was changed`,
      );
    }
    end = { seq: line.seq, hash: lineHash(text) };
    onLine(line, end.hash);
  }
  return { end: end ?? CHAIN_START, torn };
}

/** Reads the head file: places that the chain went through, oldest first. Other lines are skipped. */
export function readHeads(text: string): ChainEnd[] {
  return [...text.matchAll(/^([0-9]{1,15}) ([0-9a-f]{64})$/gm)]
    .filter((m) => text[m.index + m[0].length] === "\n")
    .map((m) => ({ seq: Number(m[1]), hash: m[2]! }));
}

/** One line of the head file. */
export function headLine({ seq, hash }: ChainEnd): string {
  return `${seq} ${hash}\n`;
}
