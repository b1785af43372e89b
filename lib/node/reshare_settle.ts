/**
 * How a resharing goes on at a node after its protocol has ended there.
 *
 * @module
 */

import type { Outcome } from "../ceremony/verdict.ts";
import type { DeskOptions } from "./desk_options.ts";
import { NodeError } from "./errors.ts";
import type { Entry, Ledger } from "./ledger.ts";
import type { ReshareRequest } from "./request.ts";

/** In this round the old members begin to deal: before it nobody has anything of their shares. */
const DEALING_ROUND = 2;

/**
 * Sees a resharing through its second phase.
 *
 * @param outcome How the protocol ended here.
 * @returns how the resharing ended here: complete only if the new committee has the key; null if
 * the node stopped before that was decided.
 */
export async function settleReshare(
  { self, resharings, shares }: Pick<DeskOptions, "self" | "resharings" | "shares">,
  entry: Entry,
  request: ReshareRequest,
  outcome: Outcome,
): Promise<Outcome | null> {
  const isNew = request.newCommittee.includes(self);
  const complete = outcome.state === "complete";
  // Whoever has dealt its share must go on asking even if its own run failed: the new members may
  // have all they need.
  const dealt = !isNew && (complete || entry.ceremony!.round >= DEALING_ROUND);
  if (!complete) await shares.abandon(request, dealt);
  if (!complete && !dealt) return outcome;
  if (complete) entry.move("confirming");
  const decided = resharings.begin({
    keyId: request.keyId,
    ceremony: request.id,
    role: isNew ? "new" : "leaving",
    newCommittee: request.newCommittee,
    audience: [...request.oldCommittee, request.requester],
    requester: request.requester,
    acknowledged: complete,
  }, entry.notes);
  if (!complete) return outcome;
  const decision = await decided;
  if (decision.state === "undecided") return null;
  if (decision.state === "committed") return outcome;
  return { state: "aborted", reason: decision.reason };
}

/**
 * Refuses a resharing of a key that is being reshared on this node.
 *
 * @throws {NodeError} TF-BUSY.
 */
export function refuseSecondReshare(ledger: Ledger, request: ReshareRequest): void {
  const other = ledger.all().find(({ request: r, isOver, state }) =>
    r.kind === "reshare" && r.keyId === request.keyId && !isOver && state !== "waiting"
  );
  if (other === undefined) return;
  throw new NodeError(
    "TF-BUSY",
    `key ${request.keyId} is being reshared already, in ceremony ${other.request.id}`,
    { exit: 3, hint: "wait until that is settled: see `transfunctioner ceremonies`" },
  );
}
