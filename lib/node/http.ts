/**
 * The metrics and health listener: `/metrics`, `/health`, `/ready`, nothing else, read only.
 *
 * @module
 */

import { type MetricsPage, metricsPage, type MetricsSources } from "../observe/metrics.ts";
import type { Logger } from "../observe/logger.ts";

/** What `/health` tells. */
export interface Health {
  readonly online: boolean;
  readonly healthy: boolean;
  readonly listening: string;
  readonly sessions: number;
  readonly peers: number;
}

/** What `/ready` tells; `ready` decides about the status. */
export interface ReadyReport {
  readonly ready: boolean;
  readonly [field: string]: unknown;
}

/** A running listener. */
export interface HttpListener {
  /** Where it listens, with the real port. */
  readonly address: string;
  /** Stops it. */
  stop(): Promise<void>;
}

/** Starts the listener. */
export function startHttp(options: {
  readonly host: string;
  readonly port: number;
  readonly health: () => Health;
  readonly ready: () => Promise<ReadyReport>;
  readonly metrics: MetricsSources;
  readonly log: Logger;
}): HttpListener {
  let page: Promise<MetricsPage> | undefined;
  const server = Deno.serve({
    hostname: options.host,
    port: options.port,
    onListen: () => {},
    onError: (error) => {
      options.log.error("the metrics listener failed on a request", { reason: String(error) });
      return new Response("internal error\n", { status: 500 });
    },
  }, async (request) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return new Response("method not allowed\n", { status: 405 });
    }
    const { pathname } = new URL(request.url);
    if (pathname === "/health") {
      const health = options.health();
      return json(health, health.healthy);
    }
    if (pathname === "/ready") {
      const report = await options.ready();
      return json(report, report.ready);
    }
    if (pathname === "/metrics") {
      page ??= metricsPage(options.metrics);
      const { contentType, render } = await page;
      return new Response(await render(), { headers: { "content-type": contentType } });
    }
    return new Response("not found\n", { status: 404 });
  });
  const { hostname, port } = server.addr;
  return {
    address: hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`,
    stop: () => server.shutdown(),
  };
}

function json(value: unknown, good: boolean): Response {
  return new Response(JSON.stringify(value) + "\n", {
    status: good ? 200 : 503,
    headers: { "content-type": "application/json; charset=utf-8" },
  });
}
