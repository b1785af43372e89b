/**
 * The status page's routes and the headers that keep it what it is: a page of its own origin that
 * runs no foreign code, sits in no frame, and answers to no borrowed name.
 *
 * @module
 */

import { hostKind } from "../config_values.ts";
import { ASSETS } from "./assets.ts";
import type { Snapshot } from "./snapshot.ts";

/** Answers a GET or HEAD by its path and `Host` line; `null` for a path that is not the page's. */
export type StatusSite = (pathname: string, host: string | null) => Promise<Response | null>;

/** How a site is set up. */
export interface SiteOptions {
  readonly snapshot: () => Promise<Snapshot>;
  /** Host names beside `localhost` and IP addresses under which the page may be asked for. */
  readonly names: readonly string[];
}

/**
 * No script, style, picture or connection but of the page's own origin, nothing inline, and no way
 * to turn a text into HTML: the browser itself refuses `innerHTML` and its like.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

/** Headers of every answer of the site. */
export const SITE_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
  "cache-control": "no-store",
};

/** Makes the site. */
export function statusSite(options: SiteOptions): StatusSite {
  const names = new Set(["localhost", ...options.names.map((name) => name.toLowerCase())]);
  return async (pathname, host) => {
    const asset = ASSETS.get(pathname);
    const known = asset !== undefined || pathname === "/status.json" || pathname === "/" ||
      pathname === "/status/";
    if (!known) return null;
    if (!isOwnHost(host, names)) {
      return answer(421, "this page is not served under that name\n", "text/plain; charset=utf-8");
    }
    if (asset !== undefined) return answer(200, asset.text, asset.type);
    if (pathname === "/status.json") {
      return answer(
        200,
        JSON.stringify(await options.snapshot()) + "\n",
        "application/json; charset=utf-8",
      );
    }
    // Relative, so that a proxy may serve the page below a path of its own.
    const location = pathname === "/" ? "status" : "../status";
    return new Response(null, { status: 302, headers: { ...SITE_HEADERS, location } });
  };
}

/**
 * Whether a request's `Host` is one of this machine. A page of somebody else's whose name suddenly
 * resolves to this address (DNS rebinding) has that name there; a bare IP address resolves to
 * nothing and may stand there.
 */
export function isOwnHost(host: string | null, names: ReadonlySet<string>): boolean {
  if (host === null || !/^[a-z0-9.:[\]_-]{1,260}$/i.test(host)) return false;
  const found = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::\d{1,5})?$/i.exec(host);
  if (found === null) return false;
  const name = found[1]!.toLowerCase();
  if (name.startsWith("[")) return hostKind(name.slice(1, -1)) === "ipv6";
  return hostKind(name) === "ipv4" || names.has(name);
}

function answer(status: number, text: string, type: string): Response {
  return new Response(text, { status, headers: { ...SITE_HEADERS, "content-type": type } });
}
