/**
 * `status` and `identity` of the admin interface.
 *
 * @module
 */

import { toHex } from "../../encoding/bytes.ts";
import { VERSION } from "../../version.ts";
import type { AdminContext } from "./context.ts";
import { keyViews } from "./readiness.ts";

/** Who this node is. */
export function identity(ctx: AdminContext): Record<string, unknown> {
  const { identity } = ctx;
  return {
    identity: identity.identity,
    public_key: toHex(identity.publicKey),
    nacl_public: toHex(identity.naclPublic),
    admin: ctx.adminIdentity,
    address: ctx.listenAddress(),
  };
}

/** The node at a glance. */
export async function status(ctx: AdminContext): Promise<Record<string, unknown>> {
  const o = ctx;
  const counts = o.desk.ledger.counts();
  const peers = o.peers();
  const keys = await keyViews(ctx);
  return {
    version: VERSION,
    identity: o.identity.identity,
    started_at: new Date(o.startedAt).toISOString(),
    uptime_ms: o.clock.now() - o.startedAt,
    listen: o.listenAddress(),
    admin: o.adminAddress(),
    sessions: peers.filter((p) => p.connected).length,
    peers_known: peers.length,
    pre_params: o.supply(),
    backup: await o.backups(),
    ceremonies: {
      running: counts.running + counts.starting + counts.confirming + counts.requested,
      waiting: counts.waiting,
      complete: counts.complete,
      failed: counts.failed + counts.aborted,
    },
    avoided: o.penalties.list().map(({ identity, points, offence, at, until }) => ({
      identity,
      points: Math.ceil(points),
      offence,
      since: new Date(at).toISOString(),
      until: new Date(until).toISOString(),
      for_ms: Math.round(until - o.clock.now()),
    })),
    consent: o.consent,
    initiators: o.initiators,
    debug_initiation: o.debugInitiation,
    warnings: [
      ...o.warnings(),
      ...keys.filter((k) => k["problem"] !== undefined).map((k) => String(k["problem"])),
    ],
    keys,
  };
}
