/**
 * `keys.settle` of the admin interface: the operator's last word on an undecided resharing.
 *
 * @module
 */

import { badRequest, NodeError } from "../errors.ts";
import { type AdminContext, type Params, text } from "./context.ts";

/** Makes a staged share current, or destroys it, without the other members' words. */
export async function settleKey(
  ctx: AdminContext,
  params: Params,
): Promise<Record<string, unknown>> {
  const keyId = text(params, "key_id").toLowerCase();
  const action = text(params, "action");
  if (action !== "commit" && action !== "discard") {
    throw badRequest(`action: "${action}" is not one of commit, discard`);
  }
  const open = ctx.resharings.undecided().filter((u) => u.keyId === keyId);
  if (open.length === 0) {
    throw new NodeError("TF-STATE", `no resharing of key ${keyId} is undecided here`, {
      hint: "`transfunctioner status` warns of undecided ones",
    });
  }
  for (const { ceremony } of open) {
    const done = await ctx.resharings.settle(
      ceremony,
      action === "commit" ? "committed" : "discarded",
    );
    if (!done) {
      throw new NodeError("TF-STORE", `the resharing ${ceremony} could not be settled`, {
        hint: "the daemon's log says why",
      });
    }
  }
  return { key_id: keyId, action, ceremonies: open.map((u) => u.ceremony) };
}
