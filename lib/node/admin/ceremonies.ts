/**
 * `ceremonies.show|approve|deny|abort` of the admin interface.
 *
 * @module
 */

import { badRequest, NodeError } from "../errors.ts";
import { holdUps, type MemberRow } from "../hold_ups.ts";
import { type Entry, entryView } from "../ledger.ts";
import { requestMembers } from "../request.ts";
import { standingOf } from "../standing.ts";
import { type AdminContext, type Params, text } from "./context.ts";

/**
 * Shows, approves, denies or aborts one ceremony, found by the beginning of its id. With `members`
 * in `params` it also asks the others how it stands with them.
 */
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
  const ask = action === "show" && params["members"] === true;
  return { ...entryView(entry, clock.now()), ...(ask ? await askMembers(ctx, entry) : {}) };
}

/** How a ceremony stands with each member, and who holds it up. */
async function askMembers(ctx: AdminContext, entry: Entry): Promise<Record<string, unknown>> {
  const members = requestMembers(entry.request);
  const self = ctx.identity.identity;
  const answers = await ctx.standings.ask(entry.request.id, members);
  // Afterwards, so that it is about the same moment as the others' answers.
  const own = standingOf(entry, ctx.clock.now());
  const rows = members.map((identity): MemberRow => {
    if (identity === self) return { identity, standing: own, silent: "" };
    const answer = answers.get(identity)!;
    return "standing" in answer
      ? { identity, standing: answer.standing, silent: "" }
      : { identity, standing: null, silent: answer.silent };
  });
  return { members: rows.map((row) => memberView(row, self)), held_up_by: holdUps(rows) };
}

function memberView({ identity, standing, silent }: MemberRow, self: string) {
  if (standing === null) return { identity, answered: false, reason: silent };
  const { state, round, rounds, ageMs, waitingFor, code, culprits } = standing;
  return {
    identity,
    self: identity === self ? true : undefined,
    answered: true,
    state,
    round: round > 0 ? round : undefined,
    rounds: rounds > 0 ? rounds : undefined,
    since_ms: state === "unknown" ? undefined : ageMs,
    waiting_for: waitingFor.length > 0 ? waitingFor : undefined,
    code: code === "" ? undefined : code,
    culprits: culprits.length > 0 ? culprits : undefined,
  };
}
