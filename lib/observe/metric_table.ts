/**
 * Every metric in one table: it drives registration, the document and the tests.
 *
 * @module
 */

/** A gauge or a counter. */
interface Plain {
  readonly kind: "gauge" | "counter";
  readonly help: string;
  /** The Go service has it under this name, as a gauge. */
  readonly go?: true;
}

/** A distribution. */
interface Distribution {
  readonly kind: "histogram";
  readonly help: string;
  readonly labels?: readonly string[];
  /** Upper bounds of the buckets. */
  readonly buckets: readonly number[];
  readonly go?: undefined;
}

/** A metric's kind and help text. */
export type Definition = Plain | Distribution;

/** Prefix of every metric, as in the Go service. */
export const METRIC_PREFIX = "continuum_";

const gauge = (help: string): Plain => ({ kind: "gauge", help });
const counter = (help: string): Plain => ({ kind: "counter", help });
const go = (metric: Plain): Plain => ({ ...metric, go: true });

/** Seconds on the wire: from a loopback to the other side of the world and a slow link. */
const TRIP = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];
/** Seconds of a whole ceremony: a signature in a room to a key generation around the world. */
const CEREMONY = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600];
/** Seconds of one round. */
const ROUND = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120];

/** All metrics by name, without the prefix; those of the Go service first. */
export const METRICS: Readonly<Record<string, Definition>> = {
  running: go(gauge("Whether the continuum service is running")),
  healthy: go(gauge("Whether the node is healthy (listening with peers)")),
  uptime_seconds: go(gauge("Seconds since the service started")),
  sessions_active: go(gauge("Number of active peer sessions")),
  peers_known: go(gauge("Number of known peer records")),
  peers_live: go(gauge("Peers that responded to at least one ping")),
  messages_forwarded_total: go(counter("Total messages forwarded to next hop")),
  messages_routed_received_total: go(
    counter("Total routed messages received at final destination"),
  ),
  messages_dedup_dropped_total: go(counter("Total messages dropped by dedup cache")),
  broadcasts_sent_total: go(counter("Total broadcasts originated by this node")),
  ceremonies_active: go(gauge("Number of currently running ceremonies")),
  ceremonies_completed_total: go(counter("Total ceremonies completed successfully")),
  ceremonies_failed_total: go(counter("Total ceremonies that failed")),
  messages_rate_dropped_total: go(counter("Messages dropped by per-session rate limiter")),
  connections_cooldown_dropped_total: go(counter("Connections rejected by per-IP cooldown")),
  envelopes_rate_dropped_total: go(counter("Envelopes dropped by per-sender rate gate")),
  build_info: gauge("Always 1; the label tells the version"),
  ready: gauge("Whether /ready says yes"),
  ceremonies_waiting: gauge("Ceremony requests waiting for approval"),
  resharings_undecided: gauge("Resharings whose outcome is still open on this node"),
  preparams_ready: gauge("Sets of pre-parameters ready for key generations"),
  presignatures_ready: gauge("Presignatures that this node can propose to sign from"),
  presignatures_made_total: counter("Presignatures that this node stored its part of"),
  presignatures_used_total: counter("Presignatures that this node signed from"),
  presignatures_wiped_total: counter("Presignatures destroyed without having been used"),
  presignature_fallbacks_total: counter(
    "Signings asked of this node that took nine rounds though presignatures are on for their key",
  ),
  peers_ready: gauge("Other nodes that this one could start a ceremony with"),
  handshakes_active: gauge("Inbound handshakes going on"),
  bans_active: gauge("Bans that hold"),
  backup_age_seconds: gauge("Age of the last backup of this node; -1 if there is none on record"),
  backup_current: gauge("Whether the last backup has every active key as it is now"),
  backup_keys_missing: gauge("Active keys that the last backup does not have as they are now"),
  sessions_ended_total: counter("Sessions that ended"),
  connections_banned_total: counter("Connections refused because of a ban"),
  messages_not_canonical_total: counter(
    "Messages not passed on because a Go node would write them differently",
  ),
  messages_spent_total: counter("Messages not passed on because their hop budget was used up"),
  messages_relay_dropped_total: counter("Copies not passed on because a neighbour does not read"),
  messages_ignored_total: counter("Commands of no meaning here, or not from whom they must come"),
  envelopes_replayed_total: counter("Envelopes that came again"),
  dns_lookups_total: counter("Look-ups made to check peers"),
  ceremony_duration_seconds: {
    kind: "histogram",
    help: "Ceremonies from their start on this node to their end, by type and outcome",
    labels: ["type", "outcome"],
    buckets: CEREMONY,
  },
  ceremony_phase_duration_seconds: {
    kind: "histogram",
    help: "Rounds of ceremonies on this node, by type and round; round 0 is loading the worker",
    labels: ["type", "round"],
    buckets: ROUND,
  },
  broadcast_seconds: {
    kind: "histogram",
    help: "From originating a broadcast until the first neighbour's connection has taken it",
    buckets: TRIP,
  },
  round_trip_seconds: {
    kind: "histogram",
    help: "Answered pings of sessions (way session) and sealed echoes through the mesh (way mesh)",
    labels: ["way"],
    buckets: TRIP,
  },
  queue_messages: {
    kind: "histogram",
    help: "Messages waiting to be written to a session, sampled every 5 s for each",
    buckets: [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000, 16_384],
  },
};

/** Series without the prefix, as other programs have them. */
export const PROCESS_METRICS: Readonly<Record<string, Definition>> = {
  process_start_time_seconds: gauge("Start time of the process, Unix seconds"),
  process_resident_memory_bytes: gauge("Resident memory size, bytes"),
};
