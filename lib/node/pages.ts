/**
 * What the metrics listener shows, and where it comes from.
 *
 * @module
 */

import type { DnsCheck } from "../mesh/dns_check.ts";
import type { Mesh } from "../mesh/mesh.ts";
import type { MetricsRecorder, MetricsSources } from "../observe/metrics.ts";
import { VERSION } from "../version.ts";
import { backupFigures, type BackupState } from "./backup_watch.ts";
import type { BanBook } from "./ban_book.ts";
import { addressText } from "./binding.ts";
import type { Keystore } from "../keystore/keystore.ts";
import type { Desk } from "./desk.ts";
import type { Health, ReadyReport } from "./http.ts";
import type { PreParamsSupply } from "./preparams_supply.ts";
import type { Presence } from "./presence.ts";
import type { Presigner } from "./presigner.ts";
import type { ReshareCommit } from "./reshare_commit.ts";

/** The rooms that are looked at. */
export interface PagesOptions {
  readonly mesh: Mesh;
  readonly presence: Presence;
  readonly desk: Desk;
  readonly resharings: ReshareCommit;
  readonly supply: PreParamsSupply;
  readonly bans: BanBook;
  readonly names: DnsCheck;
  readonly recorder: MetricsRecorder;
  readonly backups: () => Promise<BackupState>;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly presign: () => {
    readonly made: number;
    readonly used: number;
    readonly presigner: Presigner;
    readonly keystore: Keystore;
  };
}

/** The contents of `/health`, `/ready` and `/metrics`. */
export function pages(options: PagesOptions): {
  readonly health: () => Health;
  readonly ready: () => Promise<ReadyReport>;
  readonly metrics: MetricsSources;
} {
  const { mesh, presence, desk, resharings, supply, bans, names, recorder, startedAt } = options;
  return {
    health: () => {
      const s = mesh.stats();
      return {
        online: true,
        healthy: s.healthy === 1,
        listening: addressText(mesh.listening),
        sessions: s.sessions_active,
        peers: s.peers_known,
      };
    },
    ready: () => presence.report(),
    metrics: {
      version: VERSION,
      recorder,
      stored: async () => backupFigures(await options.backups()),
      process: () => ({
        process_start_time_seconds: startedAt / 1000,
        process_resident_memory_bytes: Deno.memoryUsage().rss,
      }),
      figures: () => {
        const counts = desk.ledger.counts();
        const { totals } = desk.ledger;
        const { made, used, presigner, keystore } = options.presign();
        return {
          ...mesh.stats(),
          ...presence.figures(),
          ceremonies_active: counts.running + counts.starting + counts.confirming,
          resharings_undecided: resharings.undecided().length,
          ceremonies_waiting: counts.waiting,
          ceremonies_completed_total: totals.complete,
          ceremonies_failed_total: totals.failed + totals.aborted,
          preparams_ready: supply.state().ready,
          presignatures_ready: presigner.stocked,
          presignatures_made_total: made,
          presignatures_used_total: used,
          presignatures_wiped_total: keystore.presignatures.wiped,
          presignature_fallbacks_total: presigner.fallbacks,
          bans_active: bans.list().length,
          dns_lookups_total: names.lookups,
        };
      },
    },
  };
}
