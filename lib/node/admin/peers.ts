/**
 * `peers` and `peers.add|remove|ban|unban|bans|graph` of the admin interface.
 *
 * @module
 */

import type { Ban } from "../../mesh/bans.ts";
import { parseAddress } from "../../mesh/entrance.ts";
import { badRequest, NodeError } from "../errors.ts";
import { type AdminContext, integer, type Params, text } from "./context.ts";
import { peerView } from "./readiness.ts";

/** Longest ban that is not for ever, milliseconds: ten years. */
const MAX_BAN = 10 * 366 * 86_400_000;

/** All known nodes, and the bans. */
export function peers(ctx: AdminContext): Record<string, unknown> {
  return { peers: ctx.peers().map((p) => peerView(ctx, p)), bans: bans(ctx) };
}

/** Keeps a session with whoever is at an address until the daemon stops. */
export function addPeer(ctx: AdminContext, params: Params): Record<string, unknown> {
  const address = text(params, "address");
  const target = parseAddress(address);
  if (target === null) {
    throw badRequest(`"${address.slice(0, 80)}" is not an address`, "give HOST:PORT");
  }
  if (!ctx.mayDial(target.host, target.port)) {
    throw new NodeError("TF-PERMISSION", `this process may not connect to ${address}`, {
      hint: "add it to TRF_CONNECT and start the daemon again with what " +
        "`transfunctioner permissions` prints",
    });
  }
  ctx.network.keepPeer(address);
  return { accepted: true };
}

/** Ends the session with a peer and stops dialling it. */
export function removePeer(ctx: AdminContext, params: Params): Record<string, unknown> {
  const subject = text(params, "subject");
  const removed = ctx.network.removePeer(subject.toLowerCase()) ||
    ctx.network.removePeer(subject);
  if (!removed) {
    throw new NodeError("TF-NO-PEER", `no peer ${subject.slice(0, 80)} here`, {
      hint: "`transfunctioner peers` lists identities and addresses",
    });
  }
  return { removed };
}

/** Keeps an identity or an address out, over restarts too. */
export async function banPeer(ctx: AdminContext, params: Params): Promise<Record<string, unknown>> {
  const subject = text(params, "subject");
  if (subject.toLowerCase() === ctx.identity.identity) {
    throw badRequest("this node cannot ban itself");
  }
  const reason = typeof params["reason"] === "string" ? params["reason"] : "";
  const forMs = params["for_ms"] === undefined ? null : integer(params, "for_ms", 1_000, MAX_BAN);
  const ban = await ctx.bans.ban(subject, reason, forMs);
  ctx.network.enforceBans();
  return { ban: banView(ban) };
}

/** Lifts a ban. */
export async function unbanPeer(
  ctx: AdminContext,
  params: Params,
): Promise<Record<string, unknown>> {
  const subject = text(params, "subject");
  if (!await ctx.bans.unban(subject)) {
    throw new NodeError("TF-NO-BAN", `${subject.slice(0, 80)} is not banned here`, {
      hint: "`transfunctioner peers bans` lists the bans",
    });
  }
  return { unbanned: true };
}

/** The mesh as gossip tells it: nodes, and links with how many of their ends claim them. */
export function graph(ctx: AdminContext): Record<string, unknown> {
  const views = ctx.network.peers();
  const infos = new Map(ctx.peers().map((p) => [p.identity, p]));
  const claims = new Map<string, Set<string>>();
  const nodes = new Set(views.map((v) => v.identity as string));
  for (const { identity, sessions } of views) {
    for (const other of sessions) {
      nodes.add(other);
      const key = identity < other ? `${identity} ${other}` : `${other} ${identity}`;
      const by = claims.get(key) ?? new Set();
      claims.set(key, by.add(identity));
    }
  }
  return {
    nodes: [...nodes].sort().map((identity) => {
      const info = infos.get(identity as typeof views[number]["identity"]);
      return {
        identity,
        self: identity === ctx.identity.identity,
        connected: info?.connected ?? false,
        ready: info?.ready,
        software: info?.software,
      };
    }),
    links: [...claims].sort(([a], [b]) => a < b ? -1 : 1).map(([key, by]) => {
      const [a, b] = key.split(" ");
      return { a, b, confirmed: by.size === 2 };
    }),
  };
}

function bans(ctx: AdminContext): Record<string, unknown>[] {
  return ctx.bans.list().map(banView);
}

function banView({ subject, reason, since, until }: Ban): Record<string, unknown> {
  return {
    subject,
    reason,
    since: new Date(since).toISOString(),
    until: until === null ? undefined : new Date(until).toISOString(),
  };
}
