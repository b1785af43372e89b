/**
 * Waiting for a ceremony on behalf of an admin: progress, patience, and what its end means.
 *
 * @module
 */

import type { FailureCode, Outcome } from "../../ceremony/verdict.ts";
import type { Identity } from "../../crypto/identity.ts";
import { NodeError } from "../errors.ts";
import { type Entry, type EntryOutcome, entryView } from "../ledger.ts";
import { type AdminContext, integer, type OnEvent, type Params } from "./context.ts";

/**
 * How long the requester waits for the other members to confirm a key, in milliseconds: on a busy
 * machine the last checks of an ECDSA key take some seconds more on one member than on another, and
 * the requester's next command may want the share of just that one.
 */
const CONFIRMATION_MS = 30_000;

/** Failures that are nobody's offence, and what those named were. */
const ABSENT: Readonly<Partial<Record<FailureCode, string>>> = {
  "TF-TIMEOUT": "silent",
  "TF-OFFLINE": "offline",
};

/** Waits for a local ceremony's end, telling of its progress. */
export async function follow(
  ctx: AdminContext,
  entry: Entry,
  params: Params,
  onEvent: OnEvent,
): Promise<Outcome & { state: "complete" }> {
  const tell = () => {
    const view = entryView(entry, ctx.clock.now());
    onEvent({
      ceremony_id: entry.request.id,
      state: view["state"],
      round: view["round"],
      rounds: view["rounds"],
      step: view["step"],
      waiting_for: view["waiting_for"],
    });
  };
  tell();
  const stop = entry.watch(tell);
  let outcome: EntryOutcome;
  try {
    outcome = await within(ctx, entry.ended, params, entry);
  } finally {
    stop();
  }
  if (outcome.state === "complete") return outcome;
  if (outcome.state === "answered") {
    throw new Error("A ceremony of this node was answered by others");
  }
  if (outcome.state === "aborted") {
    const refused = /reports: refused:/.test(outcome.reason);
    throw new NodeError(refused ? "TF-REFUSED" : "TF-ABORTED", outcome.reason, {
      exit: refused ? 3 : 1,
      ...(refused
        ? { hint: "the operator of that node decides: TRF_INITIATORS, TRF_CONSENT" }
        : {}),
    });
  }
  throw new NodeError(outcome.code, outcome.reason, {
    exit: ABSENT[outcome.code] === undefined ? 1 : 4,
    ...(outcome.culprits.length === 0 ? suspicion(outcome.blame?.suspects ?? []) : {
      hint: `${ABSENT[outcome.code] ?? "to blame"}: ${outcome.culprits.join(", ")}`,
    }),
    culprits: outcome.culprits,
  });
}

/** The hint of a failure that could not be pinned on anybody. */
function suspicion(suspects: readonly Identity[]): { hint?: string } {
  return suspects.length === 0 ? {} : { hint: `one or more of these: ${suspects.join(", ")}` };
}

/**
 * Members of our own kind that have not confirmed in time; a Go node never does.
 *
 * @param has Whether a member has confirmed; default: whether it reported success.
 */
export async function confirmations(
  ctx: AdminContext,
  entry: Entry,
  committee: readonly Identity[],
  has: (member: Identity) => boolean = (member) => entry.confirmed.has(member),
): Promise<Identity[]> {
  const software = new Map(ctx.peers().map((p) => [p.identity, p.software]));
  const expected = committee.filter((m) => m !== ctx.identity.identity && software.get(m) !== "go");
  const missing = () => expected.filter((m) => !has(m));
  if (missing().length > 0) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = entry.watch(() => missing().length === 0 && resolve());
    const cancel = ctx.clock.setTimer(CONFIRMATION_MS, resolve);
    await promise;
    stop();
    cancel();
  }
  return missing();
}

/** Bounds a wait by the caller's patience; an impatient caller ends the ceremony. */
export async function within<T>(
  ctx: AdminContext,
  work: Promise<T>,
  params: Params,
  entry: Entry,
): Promise<T> {
  const ms = params["timeout_ms"] === undefined
    ? ctx.ceremonyTimeoutMs + 5_000
    : integer(params, "timeout_ms", 1, 86_400_000);
  const expired = Promise.withResolvers<never>();
  const cancel = ctx.clock.setTimer(ms, () => {
    if (entry.state === "confirming") {
      expired.reject(
        new NodeError("TF-TIMEOUT", `not settled within ${Math.round(ms / 1000)} s`, {
          exit: 4,
          hint: "the new shares are on disk and the members go on; see `transfunctioner status`",
        }),
      );
      return;
    }
    const silent = entry.ceremony?.waitingFor ?? [];
    expired.reject(
      new NodeError("TF-TIMEOUT", `no result within ${Math.round(ms / 1000)} s`, {
        exit: 4,
        ...(silent.length === 0 ? {} : { hint: `still waiting for ${silent.join(", ")}` }),
        culprits: silent,
      }),
    );
    if (!entry.isOver) void ctx.desk.abort(entry, "the requester's time limit passed");
  });
  try {
    return await Promise.race([work, expired.promise]);
  } finally {
    cancel();
  }
}
