/**
 * The metrics and health listener: `/metrics`, `/health`, `/ready`, where configured the status
 * page, nothing else; read only.
 *
 * @module
 */

import { type MetricsPage, metricsPage, type MetricsSources } from "../observe/metrics.ts";
import type { Logger } from "../observe/logger.ts";
import type { StatusSite } from "./status_page/site.ts";

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
  /** The status page, or null where it is not wanted. */
  readonly site: StatusSite | null;
  readonly log: Logger;
}): HttpListener {
  let page: Promise<MetricsPage> | undefined;
  const server = Deno.serve({
    hostname: options.host,
    port: options.port,
    onListen: () => {},
    onError: (error) => {
      options.log.error("the metrics listener failed on a request", { reason: String(error) });
      return text("internal error\n", 500);
    },
  }, async (request) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return text("method not allowed\n", 405, { allow: "GET, HEAD" });
    }
    // The address holds the client's Host line, which may be anything.
    const pathname = URL.parse(request.url)?.pathname;
    if (pathname === undefined) return text("bad request\n", 400);
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
      return new Response(await render(), { headers: { ...PLAIN, "content-type": contentType } });
    }
    return await options.site?.(pathname, request.headers.get("host")) ?? text("not found\n", 404);
  });
  const { hostname, port } = server.addr;
  return {
    address: hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`,
    stop: () => server.shutdown(),
  };
}

/** No browser is to take an answer for anything but what its type says. */
const PLAIN = { "x-content-type-options": "nosniff" };

function json(value: unknown, good: boolean): Response {
  return new Response(JSON.stringify(value) + "\n", {
    status: good ? 200 : 503,
    headers: { ...PLAIN, "content-type": "application/json; charset=utf-8" },
  });
}

function text(body: string, status: number, headers: Record<string, string> = {}): Response {
  return new Response(body, {
    status,
    headers: { ...PLAIN, "content-type": "text/plain; charset=utf-8", ...headers },
  });
}
