/**
 * The lines of the mesh picture: who has a session with whom, and which pairs cannot work together.
 *
 * @module
 */

import type { Identity } from "../../crypto/identity.ts";
import type { PeerView } from "../../mesh/mesh.ts";
import { assess, type ReadinessView } from "../mutual.ts";
import type { PeerInfo } from "../peer_directory.ts";

/** A line between two nodes; `a` is the smaller identity. */
export interface Link {
  readonly a: Identity;
  readonly b: Identity;
  /** One end or both tell of a session between them. */
  readonly session: boolean;
  /** Ready for each other; `null` where nothing is known. */
  readonly ready: boolean | null;
  /** Why not; empty otherwise. */
  readonly reason: string;
  /** Round trip in milliseconds; `null` where nobody told. */
  readonly rtt_ms: number | null;
}

/** What {@link linksOf} looks at. */
export interface LinkSources {
  readonly self: Identity;
  /** Nodes with the sessions that they tell of, as gossip has it. */
  readonly records: readonly Pick<PeerView, "identity" | "sessions">[];
  readonly peers: readonly PeerInfo[];
  readonly view: ReadinessView;
  /** Groups whose members have to work together: committees. */
  readonly groups: readonly (readonly Identity[])[];
}

/** Most lines; a picture of more shows nothing. */
export const MAX_LINKS = 2_000;

/** All lines, this node's own first, at most {@link MAX_LINKS}. */
export function linksOf(sources: LinkSources): Link[] {
  const { self, records, peers, view, groups } = sources;
  const links = new Map<string, Link>();
  const set = (a: Identity, b: Identity, link: Omit<Link, "a" | "b">) => {
    const [first, second] = a < b ? [a, b] : [b, a];
    const key = `${first} ${second}`;
    if (links.has(key) || links.size < MAX_LINKS) links.set(key, { a: first, b: second, ...link });
  };
  const has = (a: Identity, b: Identity) => links.has(a < b ? `${a} ${b}` : `${b} ${a}`);
  for (const peer of peers) {
    if (!peer.connected) continue;
    set(self, peer.identity, {
      session: true,
      ready: peer.ready ?? null,
      reason: peer.notReady ?? "",
      rtt_ms: peer.rttMs ?? null,
    });
  }
  for (const group of groups) {
    for (const { a, b, reason } of assess(view, group).faults) {
      if (b === null || has(a, b)) continue;
      set(a, b, { session: false, ready: false, reason, rtt_ms: null });
    }
  }
  for (const { identity, sessions } of records) {
    for (const other of sessions) {
      // Of our own sessions we know better than anybody.
      if (identity === self || other === self || identity === other) continue;
      const known = links.get(identity < other ? `${identity} ${other}` : `${other} ${identity}`);
      if (known?.session === true) continue;
      const rtt = told(view, identity, other) ?? told(view, other, identity);
      set(identity, other, {
        session: true,
        ready: known?.ready ?? (rtt === null ? null : true),
        reason: known?.reason ?? "",
        rtt_ms: rtt,
      });
    }
  }
  return [...links.values()];
}

/** The round trip from `a` to `b` that `a` told, ms. */
function told(view: ReadinessView, a: Identity, b: Identity): number | null {
  const trip = view.state(a).told?.contacts.get(b)?.roundTrip;
  return trip === undefined || trip < 0n ? null : Number(trip);
}
