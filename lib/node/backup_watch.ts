/**
 * What the running node knows of its backups: when the last one was made, and whether it has the
 * keys as they are now. `transfunctioner backup` leaves a record in the home directory; nobody else
 * needs to tell the daemon.
 *
 * @module
 */

import type { FileLayer } from "../keystore/files.ts";
import { keysNotBackedUp, readBackupRecord } from "../keystore/home_marks.ts";
import type { Keystore } from "../keystore/keystore.ts";
import type { Clock } from "../mesh/clock.ts";

/** The state of a node's backups. */
export interface BackupState {
  /** When the last backup was made, ISO 8601; null if there is none on record. */
  readonly at: string | null;
  /** Its age in milliseconds; null if there is none. */
  readonly age_ms: number | null;
  /** Whether it has every active key at its present generation. */
  readonly current: boolean;
  /** The keys that it does not have as they are now. */
  readonly missing: readonly string[];
}

/** Reads the record of the last backup and compares it with the keys. */
export async function backupState(
  files: FileLayer,
  keystore: Pick<Keystore, "home" | "listKeys">,
  clock: Pick<Clock, "now">,
): Promise<BackupState> {
  const record = await readBackupRecord(files, keystore.home);
  const missing = keysNotBackedUp(record, await keystore.listKeys());
  return {
    at: record === null ? null : new Date(record.at).toISOString(),
    age_ms: record === null ? null : Math.max(0, clock.now() - record.at),
    current: missing.length === 0,
    missing,
  };
}

/** The same for the metrics page: -1 where there is no backup. */
export function backupFigures(state: BackupState): Readonly<Record<string, number>> {
  return {
    backup_age_seconds: state.age_ms === null ? -1 : Math.floor(state.age_ms / 1000),
    backup_current: state.current ? 1 : 0,
    backup_keys_missing: state.missing.length,
  };
}
