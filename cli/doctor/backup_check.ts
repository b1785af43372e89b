/**
 * Whether this node could be restored: how old the last backup is, and whether it has all keys.
 *
 * @module
 */

import { denoFiles, joinPath } from "../../lib/keystore/files.ts";
import { readBackupRecord, readMoved } from "../../lib/keystore/home_marks.ts";
import { duration } from "../output.ts";
import { failure, type Finding, finding } from "./finding.ts";

/** The drill that the operator's guide asks for is due twice a year. */
const OLD_MS = 183 * 24 * 3_600_000;

/** What is known of the backups, from the daemon or the disk. */
export interface BackupAnswer {
  readonly age_ms: number | null;
  readonly missing: readonly string[];
}

/** Judges the state of a node's backups. */
export function judgeBackup({ age_ms, missing }: BackupAnswer): Finding {
  const hint = "transfunctioner backup FILE, on a disk of another machine";
  if (missing.length > 0) {
    const which = missing.length > 3 ? `${missing.length} keys` : missing.join(" ");
    return age_ms === null
      ? finding("backup", "warn", `there is none: ${which} would be lost with this disk`, hint)
      : finding("backup", "warn", `the last, ${duration(age_ms)} ago, lacks ${which} as now`, hint);
  }
  if (age_ms === null) return finding("backup", "ok", "none, and no key to lose yet");
  return age_ms > OLD_MS
    ? finding("backup", "warn", `the last is ${duration(age_ms)} old`, "make one, and do the drill")
    : finding("backup", "ok", `made ${duration(age_ms)} ago, with every key as it is now`);
}

/** The same without a daemon: generations are sealed, so only whole keys can be missed. */
export async function checkBackup(home: string): Promise<Finding[]> {
  const files = denoFiles();
  try {
    const moved = await readMoved(files, home);
    const out: Finding[] = moved === null ? [] : [finding(
      "moved",
      "fail",
      `the node was moved away from here on ${new Date(moved.at).toISOString()}`,
      "it runs elsewhere; to take it back, restore a backup made there with --move",
    )];
    const record = await readBackupRecord(files, home);
    const keys = new Set<string>();
    for (const own of (await files.list(home)).filter((name) => /^[0-9a-f]{40}$/.test(name))) {
      for (const name of await files.list(joinPath(home, own, "tss"))) {
        if (/^[0-9a-f]{32}\.key$/.test(name)) keys.add(name.slice(0, 32));
      }
    }
    const missing = [...keys].filter((id) => record?.keys.has(id) !== true);
    const age_ms = record === null ? null : Math.max(0, Date.now() - record.at);
    return [...out, judgeBackup({ age_ms, missing })];
  } catch (error) {
    return [failure("backup", error)];
  }
}
