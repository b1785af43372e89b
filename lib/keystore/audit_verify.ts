/**
 * Checks a node's audit log from its files alone.
 *
 * @module
 */

import { fromUtf8 } from "../encoding/bytes.ts";
import {
  AUDIT_FILE,
  AuditError,
  type AuditLine,
  CHAIN_START,
  type ChainEnd,
  followChain,
  HEAD_FILE,
  MAX_BATCH,
  readHeads,
} from "./audit_chain.ts";
import { MAX_AUDIT_FILE } from "./audit_log.ts";
import { type FileLayer, joinPath } from "./files.ts";

/** A log that holds together. */
export interface AuditReport {
  /** Number of the first entry that is here; 1 unless earlier files were put elsewhere. */
  readonly first: number;
  /** Number of entries here. */
  readonly entries: number;
  readonly files: readonly string[];
  readonly end: ChainEnd;
  /** Things to know that are no proof of tampering. */
  readonly notes: readonly string[];
}

/** Names of the log's files in a home directory, oldest first. */
export async function auditFiles(files: FileLayer, home: string): Promise<string[]> {
  const names = (await files.list(home)).filter((n) => /^audit\.log\.[0-9]{12}(\.|$)/.test(n));
  if (await files.stat(joinPath(home, AUDIT_FILE)) !== null) names.push(AUDIT_FILE);
  return names;
}

/** Reads one of the log's files. */
export async function readAuditFile(
  files: FileLayer,
  home: string,
  name: string,
): Promise<string> {
  try {
    // A copy for an auditor need not be kept from others: there is no secret in it.
    const rules = { limit: 2 * MAX_AUDIT_FILE, secret: false };
    return fromUtf8(await files.read(joinPath(home, name), rules));
  } catch (error) {
    if (error instanceof TypeError) throw new AuditError(`${name}: is not text`);
    throw error;
  }
}

/**
 * Checks every entry, the order of the files, and the head.
 *
 * @param options `from`: the number of the first entry that must be here, for a log whose
 * beginning was put elsewhere; default 1. `onLine` gets every good line.
 * @throws {AuditError} naming the first place where something was changed, removed or moved.
 */
export async function verifyAudit(options: {
  readonly files: FileLayer;
  readonly home: string;
  readonly from?: number;
  readonly onLine?: (line: AuditLine) => void;
}): Promise<AuditReport> {
  const { files, home, from = 1, onLine = () => {} } = options;
  // The head first: a running node may add to the log meanwhile, which is no harm.
  const headPath = joinPath(home, HEAD_FILE);
  const heads = await files.stat(headPath) === null ? [] : readHeads(
    new TextDecoder("latin1").decode(
      await files.read(headPath, { limit: MAX_AUDIT_FILE, secret: false }),
    ),
  );
  const names = await auditFiles(files, home);
  const notes: string[] = [];
  const due = new Map(heads.map(({ seq, hash }) => [seq, hash]));
  let end: ChainEnd | null = from === 1 ? CHAIN_START : null;
  let first = 0;
  let entries = 0;
  for (const name of names) {
    const text = await readAuditFile(files, home, name);
    const chain = followChain(name, text, end, (line, hash) => {
      if (first === 0) first = line.seq;
      entries++;
      const known = due.get(line.seq);
      if (known !== undefined && known !== hash) {
        throw new AuditError(`${name}: entry ${line.seq} is not the one that ${HEAD_FILE} knows`);
      }
      onLine(line);
    });
    end = chain.end;
    if (chain.torn === 0) continue;
    if (name !== AUDIT_FILE) throw new AuditError(`${name}: its last line is cut off`);
    notes.push("the last line was cut off while it was written; the node mends that at its start");
  }
  end ??= CHAIN_START;
  if (from > 1 && first > from) {
    throw new AuditError(`entries ${from} to ${first - 1} are not here`);
  }
  const head = heads.at(-1);
  if (head === undefined && entries > MAX_BATCH) {
    throw new AuditError(`${HEAD_FILE} is gone: nobody can tell whether the end of the log is`);
  }
  const known = head?.seq ?? 0;
  if (known > end.seq) {
    throw new AuditError(`entries ${end.seq + 1} to ${known} are gone: ${HEAD_FILE} knows of them`);
  }
  const ahead = end.seq - known;
  if (ahead > MAX_BATCH) {
    throw new AuditError(`the last ${ahead} entries are not known to ${HEAD_FILE}`);
  }
  if (ahead > 0) {
    notes.push(`the last ${ahead} entries came after ${HEAD_FILE} was written: a crash, or now`);
  }
  return { first, entries, files: names, end, notes };
}

/**
 * Reads the entries since a moment, newest files first; what cannot be read is left out.
 *
 * @param since ms of the Unix era.
 */
export async function recentEntries(
  files: FileLayer,
  home: string,
  since: number,
): Promise<AuditLine[]> {
  const out: AuditLine[] = [];
  for (const name of (await auditFiles(files, home)).reverse()) {
    const lines: AuditLine[] = [];
    try {
      followChain(name, await readAuditFile(files, home, name), null, (line) => lines.push(line));
    } catch (error) {
      if (!(error instanceof AuditError)) throw error;
    }
    out.unshift(...lines.filter((line) => Date.parse(line.at) >= since));
    if (lines.length > 0 && Date.parse(lines[0]!.at) < since) break;
  }
  return out;
}
