/**
 * The admin interface of a node: what `transfunctioner status|peers|keygen|sign|…` ask for.
 *
 * Every result is plain data with stable names; nothing in it is secret. A method may tell of its
 * progress while it works.
 *
 * @module
 */

import { badRequest } from "../errors.ts";
import { entryView } from "../ledger.ts";
import { ceremony } from "./ceremonies.ts";
import type { AdminContext, OnEvent, Params } from "./context.ts";
import { allowKey, limitKey } from "./key_rules.ts";
import { keygen } from "./keygen.ts";
import { addPeer, banPeer, graph, peers, removePeer, unbanPeer } from "./peers.ts";
import { keyViews } from "./readiness.ts";
import { presignKey } from "./presign.ts";
import { reshare } from "./reshare.ts";
import { settleKey } from "./settle.ts";
import { sign } from "./sign.ts";
import { identity, status } from "./status.ts";

type Method = (ctx: AdminContext, params: Params, onEvent: OnEvent) => unknown;

/** All methods by name. */
const METHODS: Readonly<Record<string, Method>> = {
  "identity": identity,
  "status": status,
  "peers": peers,
  "peers.add": addPeer,
  "peers.remove": removePeer,
  "peers.ban": banPeer,
  "peers.unban": unbanPeer,
  "peers.graph": graph,
  "keys": async (ctx) => ({ keys: await keyViews(ctx) }),
  "keys.settle": settleKey,
  "keys.allow": allowKey,
  "keys.limit": limitKey,
  "keys.presign": presignKey,
  "keygen": keygen,
  "sign": sign,
  "reshare": reshare,
  "ceremonies": (ctx) => ({
    ceremonies: ctx.desk.ledger.all().map((e) => entryView(e, ctx.clock.now())),
  }),
  "ceremonies.show": (ctx, params) => ceremony(ctx, "show", params),
  "ceremonies.approve": (ctx, params) => ceremony(ctx, "approve", params),
  "ceremonies.deny": (ctx, params) => ceremony(ctx, "deny", params),
  "ceremonies.abort": (ctx, params) => ceremony(ctx, "abort", params),
};

/**
 * Carries out one call.
 *
 * @throws {NodeError} with message, hint and exit code for the caller.
 */
export async function callAdmin(
  ctx: AdminContext,
  method: string,
  params: Params,
  onEvent: OnEvent,
): Promise<unknown> {
  if (!Object.hasOwn(METHODS, method)) {
    throw badRequest(`the daemon has no method "${method}"`, "is the daemon of another version?");
  }
  return await METHODS[method]!(ctx, params, onEvent);
}
