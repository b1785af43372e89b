/**
 * `keys.allow` and `keys.limit` of the admin interface: what a key may be used for on this node.
 *
 * @module
 */

import { type KeyRules, MAX_PER_HOUR, MAX_REQUESTERS, NO_RULES } from "../../keystore/key_rules.ts";
import type { KeyMeta } from "../../keystore/meta.ts";
import { badRequest, NodeError } from "../errors.ts";
import { type AdminContext, identities, integer, type Params, text } from "./context.ts";
import { metaOf } from "./readiness.ts";

/** Sets whose requests for a key count; `requesters` null or absent allows all initiators. */
export function allowKey(ctx: AdminContext, params: Params): Promise<Record<string, unknown>> {
  const given = params["requesters"];
  const requesters = given === undefined || given === null
    ? null
    : [...new Set(identities(params, "requesters"))];
  if (requesters !== null && requesters.length > MAX_REQUESTERS) {
    throw badRequest(`requesters: more than ${MAX_REQUESTERS}`);
  }
  return change(ctx, params, (rules) => ({ ...rules, requesters }));
}

/** Sets how many signings an hour a key makes here; `per_hour` null or absent is no limit. */
export function limitKey(ctx: AdminContext, params: Params): Promise<Record<string, unknown>> {
  const given = params["per_hour"];
  const perHour = given === undefined || given === null
    ? null
    : integer(params, "per_hour", 1, MAX_PER_HOUR);
  return change(ctx, params, (rules) => ({ ...rules, perHour }));
}

/** What the admin interface shows of a key's rules. */
export function rulesView(ctx: AdminContext, meta: KeyMeta): Record<string, unknown> {
  const { requesters, perHour } = meta.rules ?? NO_RULES;
  return {
    requesters,
    per_hour: perHour,
    used_this_hour: ctx.keyUse.count(meta.keyId),
  };
}

async function change(
  ctx: AdminContext,
  params: Params,
  next: (rules: KeyRules) => KeyRules,
): Promise<Record<string, unknown>> {
  const keyId = text(params, "key_id").toLowerCase();
  if (!/^[0-9a-f]{32}$/.test(keyId)) throw badRequest("key_id: expected 32 hex digits");
  const meta = await metaOf(ctx, keyId);
  if (meta?.status !== "active") {
    throw new NodeError("TF-NO-KEY", `this node has no share of key ${keyId}`, {
      exit: 3,
      hint: "`transfunctioner keys` lists what it has",
    });
  }
  // The new metadata of a resharing holds the rules of its beginning.
  if ((await ctx.keystore.staged()).some((s) => s.keyId === keyId)) {
    throw new NodeError("TF-UNDECIDED", `a resharing of key ${keyId} is undecided here`, {
      exit: 3,
      hint: "set its rules when that is settled: see `transfunctioner status`",
    });
  }
  await ctx.keystore.setKeyRules(keyId, next(meta.rules ?? NO_RULES));
  const changed = (await metaOf(ctx, keyId))!;
  return { key_id: keyId, rules: rulesView(ctx, changed) };
}
