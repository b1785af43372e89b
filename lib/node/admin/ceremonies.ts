/**
 * `ceremonies.show|approve|deny|abort` of the admin interface.
 *
 * @module
 */

import { badRequest, NodeError } from "../errors.ts";
import { entryView } from "../ledger.ts";
import { type AdminContext, type Params, text } from "./context.ts";

/** Shows, approves, denies or aborts one ceremony, found by the beginning of its id. */
export async function ceremony(
  ctx: AdminContext,
  action: string,
  params: Params,
): Promise<Record<string, unknown>> {
  const { desk, clock } = ctx;
  const id = text(params, "id").toLowerCase();
  if (!/^[0-9a-f]{4,64}$/.test(id)) {
    throw badRequest(`"${id}" is not a ceremony id`, "give at least 4 of its hex digits");
  }
  const found = desk.ledger.find(id);
  if (found.length !== 1) {
    throw new NodeError(
      "TF-NO-CEREMONY",
      found.length === 0 ? `no ceremony ${id} here` : `${id} fits ${found.length} ceremonies`,
      { hint: "`transfunctioner ceremonies` lists them" },
    );
  }
  const entry = found[0]!;
  const reason = typeof params["reason"] === "string" ? params["reason"] : "";
  if (action === "approve") await desk.approve(entry);
  else if (action === "deny") await desk.deny(entry, reason);
  else if (action === "abort") await desk.abort(entry, reason);
  return entryView(entry, clock.now());
}
