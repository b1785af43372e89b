/**
 * Prometheus metrics: every series of the Go service by its name (specification: mesh section 18),
 * with real counters where Go has gauges.
 *
 * prom-client is loaded only when somebody watches; its import alone costs most of a start.
 *
 * @module
 */

/** The figures of one moment, by Go's metric name without the prefix. */
export type Figures = Readonly<Record<string, number>>;

/** A metric's kind and help text. */
interface Definition {
  readonly kind: "gauge" | "counter";
  readonly help: string;
}

/** All metrics by name, without the prefix `continuum_`. */
export const METRICS: Readonly<Record<string, Definition>> = {
  running: { kind: "gauge", help: "Whether the continuum service is running" },
  healthy: { kind: "gauge", help: "Whether the node is healthy (listening with peers)" },
  uptime_seconds: { kind: "gauge", help: "Seconds since the service started" },
  sessions_active: { kind: "gauge", help: "Number of active peer sessions" },
  peers_known: { kind: "gauge", help: "Number of known peer records" },
  peers_live: { kind: "gauge", help: "Peers that responded to at least one ping" },
  messages_forwarded_total: { kind: "counter", help: "Total messages forwarded to next hop" },
  messages_routed_received_total: {
    kind: "counter",
    help: "Total routed messages received at final destination",
  },
  messages_dedup_dropped_total: {
    kind: "counter",
    help: "Total messages dropped by dedup cache",
  },
  broadcasts_sent_total: { kind: "counter", help: "Total broadcasts originated by this node" },
  ceremonies_active: { kind: "gauge", help: "Number of currently running ceremonies" },
  ceremonies_completed_total: {
    kind: "counter",
    help: "Total ceremonies completed successfully",
  },
  ceremonies_failed_total: { kind: "counter", help: "Total ceremonies that failed" },
  messages_rate_dropped_total: {
    kind: "counter",
    help: "Messages dropped by per-session rate limiter",
  },
  connections_cooldown_dropped_total: {
    kind: "counter",
    help: "Connections rejected by per-IP cooldown",
  },
  envelopes_rate_dropped_total: {
    kind: "counter",
    help: "Envelopes dropped by per-sender rate gate",
  },
  preparams_ready: { kind: "gauge", help: "Sets of pre-parameters ready for key generations" },
  ceremonies_waiting: { kind: "gauge", help: "Ceremony requests waiting for approval" },
};

/** Prefix of every metric, as in the Go service. */
export const METRIC_PREFIX = "continuum_";

/** Renders the metrics page. */
export interface MetricsPage {
  /** Content type of {@link render}'s text. */
  readonly contentType: string;
  /** The page with the figures of this moment. */
  render(): Promise<string>;
}

/** Loads prom-client and registers all metrics over `figures`. */
export async function metricsPage(figures: () => Figures): Promise<MetricsPage> {
  const { default: prom } = await import("prom-client");
  const registry = new prom.Registry();
  for (const [name, { kind, help }] of Object.entries(METRICS)) {
    const read = () => figures()[name] ?? 0;
    const common = { name: METRIC_PREFIX + name, help, registers: [registry] };
    if (kind === "gauge") {
      new prom.Gauge({
        ...common,
        collect() {
          this.set(read());
        },
      });
    } else {
      new prom.Counter({
        ...common,
        collect() {
          this.reset();
          this.inc(read());
        },
      });
    }
  }
  return { contentType: registry.contentType, render: () => registry.metrics() };
}
