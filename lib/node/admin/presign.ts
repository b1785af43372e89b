/**
 * `keys.presign` of the admin interface: how many presignatures a key is to have ready.
 *
 * @module
 */

import { MAX_PRESIGN_COUNT } from "../../keystore/presign_stock.ts";
import { badRequest, NodeError } from "../errors.ts";
import { type AdminContext, integer, type Params, text } from "./context.ts";
import { metaOf } from "./readiness.ts";

/** Sets how many presignatures of a key are kept ready; without a count, none, and no part in any. */
export async function presignKey(
  ctx: AdminContext,
  params: Params,
): Promise<Record<string, unknown>> {
  const keyId = text(params, "key_id").toLowerCase();
  if (!/^[0-9a-f]{32}$/.test(keyId)) throw badRequest("key_id: expected 32 hex digits");
  const count = params["count"] === undefined || params["count"] === null
    ? null
    : integer(params, "count", 0, MAX_PRESIGN_COUNT);
  const meta = await metaOf(ctx, keyId);
  if (meta?.status !== "active") {
    throw new NodeError("TF-NO-KEY", `this node has no share of key ${keyId}`, {
      exit: 3,
      hint: "`transfunctioner keys` lists what it has",
    });
  }
  if (meta.curve !== "secp256k1") {
    throw badRequest("only ECDSA keys have presignatures", "Ed25519 signs in few rounds anyway");
  }
  await ctx.presigner.set(keyId, count);
  return { key_id: keyId, presign: await ctx.presigner.view(keyId) };
}
