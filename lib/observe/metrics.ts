/**
 * Prometheus metrics: every series of the Go service by its name (specification: mesh section 18),
 * with real counters where Go has gauges, and our own beside them.
 *
 * prom-client is loaded only when somebody watches; its import alone costs most of a start.
 *
 * @module
 */

import type { Counter, Gauge, Histogram, Registry } from "prom-client";
import { type Definition, METRIC_PREFIX, METRICS, PROCESS_METRICS } from "./metric_table.ts";

/** The figures of one moment, by metric name without the prefix. Counters never fall. */
export type Figures = Readonly<Record<string, number>>;

/** Values of a histogram's labels. */
export type Labels = Readonly<Record<string, string>>;

/** Observations kept until the page is loaded; later ones are dropped. */
const MAX_WAITING = 10_000;

/** Takes observations for histograms. Costs next to nothing while nobody watches. */
export class MetricsRecorder {
  #take: ((name: string, value: number, labels: Labels) => void) | null = null;
  #waiting: [string, number, Labels][] = [];

  /** @param enabled false drops everything. */
  constructor(readonly enabled: boolean) {}

  /** Records one value; seconds for durations. */
  observe(name: string, value: number, labels: Labels = {}): void {
    if (!this.enabled) return;
    if (this.#take !== null) this.#take(name, value, labels);
    else if (this.#waiting.length < MAX_WAITING) this.#waiting.push([name, value, labels]);
  }

  /** Hands over what waits, and everything from now on. */
  connect(take: (name: string, value: number, labels: Labels) => void): void {
    this.#take = take;
    for (const [name, value, labels] of this.#waiting) take(name, value, labels);
    this.#waiting = [];
  }
}

/** Renders the metrics page. */
export interface MetricsPage {
  /** Content type of {@link render}'s text. */
  readonly contentType: string;
  /** The page with the figures of this moment. */
  render(): Promise<string>;
}

/** Where the page's figures come from. */
export interface MetricsSources {
  /** Gauges and counters, without the prefix. */
  readonly figures: () => Figures;
  /** Series of the process, under their full names. */
  readonly process?: () => Figures;
  /** Gauges and counters that take a look at the disk, without the prefix. */
  readonly stored?: () => Promise<Figures>;
  /** Version of the program. */
  readonly version: string;
  /** Values for the histograms. */
  readonly recorder?: MetricsRecorder;
}

/** Loads prom-client and registers all metrics. */
export async function metricsPage(sources: MetricsSources): Promise<MetricsPage> {
  const { default: prom } = await import("prom-client");
  const registry = new prom.Registry();
  const registers = [registry];
  const gauges = new Map<string, Gauge>();
  const counters = new Map<string, Counter>();
  const histograms = new Map<string, Histogram>();
  const define = (full: string, key: string, definition: Definition) => {
    const common = { name: full, help: definition.help, registers };
    if (definition.kind === "histogram") {
      const { labels = [], buckets } = definition;
      const labelNames = [...labels];
      histograms.set(key, new prom.Histogram({ ...common, labelNames, buckets: [...buckets] }));
    } else if (definition.kind === "gauge") gauges.set(key, new prom.Gauge(common));
    else counters.set(key, new prom.Counter(common));
  };
  for (const [name, definition] of Object.entries(METRICS)) {
    if (name !== "build_info") define(METRIC_PREFIX + name, name, definition);
  }
  for (const [name, definition] of Object.entries(PROCESS_METRICS)) define(name, name, definition);
  new prom.Gauge({
    name: `${METRIC_PREFIX}build_info`,
    help: METRICS["build_info"]!.help,
    labelNames: ["version"],
    registers,
  }).set({ version: sources.version }, 1);
  sources.recorder?.connect((name, value, labels) => {
    histograms.get(name)?.observe({ ...labels }, value);
  });
  const seen = new Map<string, number>();
  return {
    contentType: registry.contentType,
    render: async () => {
      const stored = await sources.stored?.();
      const figures = { ...sources.figures(), ...sources.process?.(), ...stored };
      update(figures, gauges, counters, seen);
      return await (registry as Registry).metrics();
    },
  };
}

function update(
  figures: Figures,
  gauges: ReadonlyMap<string, Gauge>,
  counters: ReadonlyMap<string, Counter>,
  seen: Map<string, number>,
): void {
  for (const [name, gauge] of gauges) gauge.set(figures[name] ?? 0);
  for (const [name, counter] of counters) {
    const value = figures[name] ?? 0;
    // Only ever up, whatever the source does.
    const grown = value - (seen.get(name) ?? 0);
    if (grown <= 0) continue;
    counter.inc(grown);
    seen.set(name, value);
  }
}
