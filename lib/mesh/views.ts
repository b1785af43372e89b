/**
 * What a mesh shows of itself to operators and to the rooms above.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { PeerRecord } from "./commands.ts";
import type { ForwardingCounters } from "./forwarding.ts";
import type { InboundCounters } from "./inbound.ts";
import type { KnownPeer } from "./peer_table.ts";
import { PROTOCOL_VERSION } from "./records.ts";
import type { Session } from "./session.ts";

/** One session. Times are ms of the Unix era. */
export interface SessionView {
  /** The node's name. */
  readonly identity: Identity;
  /** The address we dialled, or else where the connection comes from. */
  readonly address: string;
  /** Who dialled. */
  readonly direction: "inbound" | "outbound";
  /** When the handshake was done. */
  readonly since: number;
  /** When the last frame came in. */
  readonly lastSeen: number;
  /** Round trip of the last answered ping, ms; `null` before the first. */
  readonly roundTripMs: number | null;
  /** When the peer last answered our ping: our frames reach it and its answers reach us. */
  readonly lastPong: number | null;
  /** When the peer last pinged us. */
  readonly lastPinged: number | null;
  /** Protocol version. */
  readonly version: number;
  /** What the peer announced in its `hello`. */
  readonly options: Readonly<Record<string, string>>;
  /** Whether the peer runs this implementation; otherwise it behaves like the Go node. */
  readonly ours: boolean;
  /** Frames received. */
  readonly framesIn: number;
  /** Frames sent. */
  readonly framesOut: number;
  /** Bytes of cleartext received. */
  readonly bytesIn: number;
  /** Bytes of cleartext sent. */
  readonly bytesOut: number;
  /** Messages dropped by the session's rate limit. */
  readonly dropped: number;
}

/** One known node, ourselves included. */
export interface PeerView {
  /** The node's name. */
  readonly identity: Identity;
  /** `host:port`, or empty. */
  readonly address: string;
  /** Key to which sealed messages are made, 32 bytes. */
  readonly naclPub: Uint8Array;
  /** Protocol version. */
  readonly version: number;
  /** Unix seconds. */
  readonly lastSeen: number;
  /** The node's own sessions as it told. */
  readonly sessions: readonly Identity[];
  /** Whether there is a session with it. */
  readonly connected: boolean;
  /** Ourselves, or connected and has answered a ping. */
  readonly live: boolean;
  /** Whether this is our own record. */
  readonly self: boolean;
  /** Whether we know its key from a handshake of our own. */
  readonly firstHand: boolean;
}

/** Counters and gauges by the Go node's metric names, without the `continuum_` prefix. */
export interface MeshStats {
  /** 1 while the mesh runs. */
  readonly running: number;
  /** 1 while it listens and has a session. */
  readonly healthy: number;
  /** Time since the start. */
  readonly uptime_seconds: number;
  /** Sessions now. */
  readonly sessions_active: number;
  /** Peer records now, our own included. */
  readonly peers_known: number;
  /** Neighbours that have answered a ping. */
  readonly peers_live: number;
  /** Copies passed on. */
  readonly messages_forwarded_total: number;
  /** Messages that reached their destination here, broadcasts included. */
  readonly messages_routed_received_total: number;
  /** Messages seen before. */
  readonly messages_dedup_dropped_total: number;
  /** Broadcasts originated. */
  readonly broadcasts_sent_total: number;
  /** Messages dropped by the rate limits. */
  readonly messages_rate_dropped_total: number;
  /** Connections refused in cool-down. */
  readonly connections_cooldown_dropped_total: number;
  /** Envelopes refused by quota. */
  readonly envelopes_rate_dropped_total: number;
  /** Ours: connections refused because of a ban. */
  readonly connections_banned_total: number;
  /** Ours: messages not passed on because a Go node would re-encode them differently. */
  readonly messages_not_canonical_total: number;
  /** Ours: messages that arrived with a spent hop budget. */
  readonly messages_spent_total: number;
  /** Ours: copies not passed on because a neighbour does not read. */
  readonly messages_relay_dropped_total: number;
  /** Ours: commands that were ignored: of no meaning here, or not from whom they must come. */
  readonly messages_ignored_total: number;
  /** Ours: envelopes that came again. */
  readonly envelopes_replayed_total: number;
  /** Ours: sessions that ended. */
  readonly sessions_ended_total: number;
  /** Ours: inbound handshakes going on now. */
  readonly handshakes_active: number;
}

/** Makes the view of a session. */
export function viewSession(session: Session): SessionView {
  const { facts, counters } = session;
  return {
    identity: facts.peer,
    address: facts.dialled ?? `${facts.remote.host}:${facts.remote.port}`,
    direction: facts.dialled === null ? "inbound" : "outbound",
    since: session.since,
    lastSeen: session.lastFrame,
    roundTripMs: session.roundTrip,
    lastPong: session.lastPong,
    lastPinged: session.lastPinged,
    version: PROTOCOL_VERSION,
    options: Object.fromEntries(facts.options),
    ours: session.ours,
    ...counters,
  };
}

/** Makes the views of all nodes, ourselves first. */
export function viewPeers(
  own: PeerRecord,
  known: readonly KnownPeer[],
  sessionWith: (peer: Identity) => Session | undefined,
): PeerView[] {
  const self: PeerView = {
    identity: own.identity,
    address: own.address,
    naclPub: own.naclPub,
    version: own.version,
    lastSeen: Number(own.lastSeen),
    sessions: own.sessions,
    connected: false,
    live: true,
    self: true,
    firstHand: true,
  };
  const others = known.map((peer): PeerView => {
    const session = sessionWith(peer.identity);
    return {
      identity: peer.identity,
      address: peer.address,
      naclPub: peer.nacl,
      version: PROTOCOL_VERSION,
      lastSeen: peer.lastSeen,
      sessions: peer.sessions,
      connected: session !== undefined,
      live: session !== undefined && session.lastPong !== null,
      self: false,
      firstHand: peer.firstHand,
    };
  });
  return [self, ...others];
}

/** Where the figures of {@link viewStats} come from. */
export interface StatsSources {
  /** Time since the start, ms; `null` while stopped. */
  readonly uptime: number | null;
  /** Whether the peer listener is bound. */
  readonly listening: boolean;
  /** The sessions in use. */
  readonly sessions: readonly Session[];
  /** Peer records held, our own included. */
  readonly peersKnown: number;
  /** Counters of forwarding. */
  readonly forwarding: ForwardingCounters;
  /** Counters of the message loop. */
  readonly inbound: InboundCounters;
  /** Lists and requests dropped. */
  readonly gossipDropped: number;
  /** Broadcasts originated. */
  readonly broadcasts: number;
  /** Connections refused in cool-down. */
  readonly coolDownDropped: number;
  /** Connections refused because of a ban. */
  readonly banDropped: number;
  /** Opens sealed envelopes. */
  readonly gate: { readonly rateDropped: number; readonly replays: number };
  /** Sessions that ended. */
  readonly sessionsEnded: number;
  /** Inbound handshakes going on. */
  readonly handshakes: number;
}

/** Puts the figures under the Go node's names. */
export function viewStats(from: StatsSources): MeshStats {
  const { uptime, sessions, forwarding, inbound } = from;
  return {
    running: uptime === null ? 0 : 1,
    healthy: uptime !== null && from.listening && sessions.length > 0 ? 1 : 0,
    uptime_seconds: (uptime ?? 0) / 1000,
    sessions_active: sessions.length,
    peers_known: from.peersKnown,
    peers_live: sessions.filter((s) => s.lastPong !== null).length,
    messages_forwarded_total: forwarding.forwarded,
    messages_routed_received_total: inbound.routedReceived,
    messages_dedup_dropped_total: forwarding.duplicates,
    broadcasts_sent_total: from.broadcasts,
    messages_rate_dropped_total: inbound.rateDropped + from.gossipDropped,
    connections_cooldown_dropped_total: from.coolDownDropped,
    envelopes_rate_dropped_total: from.gate.rateDropped,
    connections_banned_total: from.banDropped,
    messages_not_canonical_total: forwarding.notCanonical,
    messages_spent_total: forwarding.spent,
    messages_relay_dropped_total: forwarding.relayDropped,
    messages_ignored_total: inbound.ignored,
    envelopes_replayed_total: from.gate.replays,
    sessions_ended_total: from.sessionsEnded,
    handshakes_active: from.handshakes,
  };
}
