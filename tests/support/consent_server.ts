/**
 * A consent program for tests: says yes to signing and no to everything else.
 *
 * @module
 */

import assert from "node:assert/strict";
import { systemClock } from "../../lib/mesh/clock.ts";
import { HttpPolicy, type HttpPolicyOptions } from "../../lib/node/policy.ts";
import { collectingLogger } from "../../lib/observe/logger.ts";

/** Serves on a TCP port or a Unix socket until it is disposed of. */
export function consentServer(
  where: { hostname: string; port: number } | { path: string },
): Deno.HttpServer {
  const handler = async (request: Request) => {
    const { kind } = await request.json();
    return Response.json({ allow: kind === "sign", reason: "only signing" });
  };
  const quiet = { onListen: () => {} };
  return "path" in where
    ? Deno.serve({ ...quiet, ...where }, handler) as unknown as Deno.HttpServer
    : Deno.serve({ ...quiet, ...where }, handler);
}

/** Asks the server twice and expects its two answers, and nothing in the log. */
export async function asksBoth(
  way: Pick<HttpPolicyOptions, "target" | "dial">,
): Promise<void> {
  const log = collectingLogger();
  const policy = new HttpPolicy({ ...way, clock: systemClock, log, timeoutMs: 120_000 });
  const reason = "only signing";
  assert.deepEqual(await policy.ask({ kind: "sign" }), { allow: true, reason });
  assert.deepEqual(await policy.ask({ kind: "keygen" }), { allow: false, reason });
  assert.deepEqual(log.lines, []);
}
