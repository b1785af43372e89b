/**
 * What the status page shows, as one object: `/status.json`.
 *
 * Whoever reaches the metrics listener may read it, so it holds nothing that a peer of the mesh
 * would not learn anyway, and public parts of keys. What is signed, who may ask for ceremonies and
 * where files lie stay out. Texts in it may come from peers: the page never takes them for HTML.
 *
 * @module
 */

import type { Identity } from "../../crypto/identity.ts";
import type { SessionView } from "../../mesh/mesh.ts";
import { VERSION } from "../../version.ts";
import type { AdminContext } from "../admin/context.ts";
import { keyViews, peerView } from "../admin/readiness.ts";
import type { ReadyReport } from "../http.ts";
import { type Entry, entryView } from "../ledger.ts";
import type { PeerInfo } from "../peer_directory.ts";
import { type Link, linksOf } from "./links.ts";

/** Most nodes shown; those with a session come first. */
export const MAX_PEERS = 400;
/** Most ceremonies shown; those that run come first, then the newest. */
export const MAX_CEREMONIES = 60;
/** Longest text of a peer's that is shown. */
const MAX_TEXT = 200;

/** What is shown of a key; anything new in the admin interface stays out until it is named here. */
const KEY_FIELDS = [
  "key_id",
  "curve",
  "public_key",
  "encodings",
  "committee",
  "threshold",
  "generation",
  "status",
  "created_at",
  "live",
  "needed",
  "can_sign",
];
/** What is shown of a ceremony: nothing of what is signed, and for what. */
const CEREMONY_FIELDS = [
  "id",
  "kind",
  "state",
  "requester",
  "local",
  "curve",
  "key_id",
  "committee",
  "old_committee",
  "new_committee",
  "threshold",
  "received_at",
  "age_ms",
  "round",
  "rounds",
  "step",
  "waiting_for",
  "code",
  "reason",
  "culprits",
];

/** Where the page's figures come from. */
export interface SnapshotSources {
  readonly context: AdminContext;
  readonly sessions: () => readonly SessionView[];
  readonly ready: () => Promise<ReadyReport>;
  /** Sets of pre-parameters that are kept ready. */
  readonly preParamsWanted: number;
}

/** A key as the page shows it: the public parts. */
export interface PageKey {
  readonly key_id: string;
  readonly curve: string;
  readonly public_key: string;
  readonly encodings: Readonly<Record<string, string>>;
  readonly committee: readonly Identity[];
  readonly threshold: number;
  readonly generation: number;
  readonly status: string;
  readonly created_at: string;
  /** Members that could take part now. */
  readonly live: number;
  readonly needed: number;
  readonly can_sign: boolean;
}

/** Everything that the page shows. Names are stable within one `schema`. */
export interface Snapshot {
  readonly schema: "transfunctioner/status-page/1";
  /** The daemon's clock, ms since 1970. */
  readonly now: number;
  readonly node: {
    readonly identity: Identity;
    readonly version: string;
    readonly started_at: string;
    readonly uptime_ms: number;
    readonly listen: string;
    readonly consent: string;
  };
  readonly ready: boolean;
  /** Why it is not. */
  readonly reasons: readonly string[];
  readonly warnings: readonly string[];
  readonly totals: {
    readonly sessions: number;
    readonly peers_known: number;
    readonly peers_ready: number;
    readonly bans: number;
  };
  readonly pre_params: {
    readonly ready: number;
    readonly wanted: number;
    readonly making: boolean;
    /** Safe primes of the set in the making. */
    readonly found: number;
    readonly of: number;
  };
  readonly peers: readonly Record<string, unknown>[];
  readonly links: readonly Link[];
  readonly keys: readonly PageKey[];
  readonly ceremonies: {
    /** Ends since the daemon's start. */
    readonly complete: number;
    readonly failed: number;
    readonly running: number;
    readonly waiting: number;
    readonly list: readonly Record<string, unknown>[];
  };
}

/** Looks at everything once. */
export async function snapshot(sources: SnapshotSources): Promise<Snapshot> {
  const { context: ctx } = sources;
  const self = ctx.identity.identity;
  const now = ctx.clock.now();
  const [report, keys] = await Promise.all([sources.ready(), pageKeys(ctx)]);
  const peers = ctx.peers();
  const shown = mostTelling(peers);
  const counts = ctx.desk.ledger.counts();
  const { totals } = ctx.desk.ledger;
  const supply = ctx.supply();
  return {
    schema: "transfunctioner/status-page/1",
    now,
    node: {
      identity: self,
      version: VERSION,
      started_at: new Date(ctx.startedAt).toISOString(),
      uptime_ms: now - ctx.startedAt,
      listen: ctx.listenAddress(),
      consent: ctx.consent,
    },
    ready: report.ready,
    reasons: (report["reasons"] as string[]).map(cut),
    warnings: ctx.warnings().map(cut),
    totals: {
      sessions: peers.filter((p) => p.connected).length,
      peers_known: peers.filter((p) => !p.self).length,
      peers_ready: peers.filter((p) => p.ready === true).length,
      bans: ctx.bans.list().length,
    },
    pre_params: { ...supply, wanted: sources.preParamsWanted },
    peers: shown.map((p) => ({ ...peerView(ctx, p), ...traffic(sources, p) })).map(cutTexts),
    links: linksOf({
      self,
      records: ctx.network.peers(),
      peers: shown,
      view: ctx.readiness.view(),
      groups: keys.map((k) => k.committee),
    }),
    keys,
    ceremonies: {
      complete: totals.complete,
      failed: totals.failed + totals.aborted,
      running: counts.running + counts.starting + counts.confirming + counts.requested,
      waiting: counts.waiting,
      list: newest(ctx.desk.ledger.all()).map((e) => ceremonyView(e, now)),
    },
  };
}

/** Hands out one snapshot to all who ask within `lifeMs`: a crowd of browsers costs as one. */
export function cachedSnapshots(sources: SnapshotSources, lifeMs: number): () => Promise<Snapshot> {
  const { clock } = sources.context;
  let latest: Promise<Snapshot> | undefined;
  let takenAt = -Infinity;
  return () => {
    if (latest === undefined || clock.now() - takenAt >= lifeMs) {
      takenAt = clock.now();
      latest = snapshot(sources);
      latest.catch(() => latest = undefined);
    }
    return latest;
  };
}

function mostTelling(peers: readonly PeerInfo[]): PeerInfo[] {
  const rank = (p: PeerInfo) => p.self ? 0 : p.connected ? 1 : p.ready === true ? 2 : 3;
  return [...peers].sort((a, b) => rank(a) - rank(b) || (a.identity < b.identity ? -1 : 1))
    .slice(0, MAX_PEERS);
}

function traffic(sources: SnapshotSources, peer: PeerInfo): Record<string, unknown> {
  const session = sources.sessions().find((s) => s.identity === peer.identity);
  if (session === undefined) return {};
  return {
    session_ms: Math.max(0, sources.context.clock.now() - session.since),
    bytes_in: session.bytesIn,
    bytes_out: session.bytesOut,
  };
}

/** Public parts; what is wrong with a damaged key is for the operator's log, as it names files. */
async function pageKeys(ctx: AdminContext): Promise<PageKey[]> {
  let views;
  try {
    views = await keyViews(ctx);
  } catch {
    // The report about readiness says that the keystore cannot be read.
    return [];
  }
  return views.map((key) => pick(key, KEY_FIELDS) as unknown as PageKey);
}

function newest(entries: readonly Entry[]): Entry[] {
  const rank = (e: Entry) => e.isOver ? 1 : 0;
  return [...entries].sort((a, b) => rank(a) - rank(b) || b.receivedAt - a.receivedAt)
    .slice(0, MAX_CEREMONIES);
}

function ceremonyView(entry: Entry, now: number): Record<string, unknown> {
  return cutTexts(pick(entryView(entry, now), CEREMONY_FIELDS));
}

function pick(record: Record<string, unknown>, fields: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(fields.map((field) => [field, record[field]]));
}

function cutTexts(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).map(([name, v]) => [name, typeof v === "string" ? cut(v) : v]),
  );
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
