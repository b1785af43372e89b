/**
 * Who signs: the members that the caller names, or as many as it wants drawn, or the nearest that
 * are ready; and who signs instead when some of them fail.
 *
 * @module
 */

import type { Identity } from "../../crypto/identity.ts";
import type { KeyMeta } from "../../keystore/keystore.ts";
import { badRequest, NodeError } from "../errors.ts";
import type { Entry } from "../ledger.ts";
import { selfFirst } from "../presence.ts";
import { type AdminContext, identities, integer, type Params } from "./context.ts";
import { elect } from "./election.ts";
import { cannotSign, requireReady } from "./readiness.ts";

/** Signers and the request id that goes with them. */
export interface Quorum {
  /** 32 bytes. */
  readonly id: Uint8Array;
  readonly committee: readonly Identity[];
}

/** Whose fault a failed signing may be. */
export interface Suspects {
  /** Left out from now on. */
  readonly out: readonly Identity[];
  /** Asked only where there is nobody else. */
  readonly doubtful: readonly Identity[];
}

/** The signers of a first attempt. */
function firstQuorum(ctx: AdminContext, params: Params, meta: KeyMeta | undefined): Quorum {
  if (params["members"] !== undefined) {
    if (params["auto"] !== undefined) throw badRequest("give either members or auto");
    return { id: ctx.random(32), committee: identities(params, "members") };
  }
  if (params["auto"] === undefined) {
    return { id: ctx.random(32), committee: chooseSigners(ctx, meta!, meta!.committee) };
  }
  const { committee, threshold } = meta!;
  const size = integer(params, "auto", 1, 256);
  if (size <= threshold || size > committee.length) {
    throw badRequest(
      `auto: ${size} signers do not fit the key`,
      `from ${threshold + 1} to ${committee.length} members can sign`,
    );
  }
  const candidates = trusted(ctx, ctx.readiness.group(ordered(ctx, committee)), size);
  if (candidates.length < size) throw cannotSign(ctx, meta!);
  return elect(candidates, size, ctx.random);
}

/**
 * The signers of a first attempt, ready for each other. Where what is known does not yield them,
 * all members are asked before anybody is refused: news may be old, or not have come yet.
 *
 * @throws {NodeError} TF-NOT-READY if they are not, or TF-REQUEST.
 */
export async function readyQuorum(
  ctx: AdminContext,
  params: Params,
  meta: KeyMeta | undefined,
): Promise<Quorum> {
  for (let asked = false;; asked = true) {
    try {
      const quorum = firstQuorum(ctx, params, meta);
      await requireReady(ctx, quorum.committee);
      return quorum;
    } catch (error) {
      const others = error instanceof NodeError && error.code === "TF-NOT-READY" &&
        params["members"] === undefined;
      if (asked || !others) throw error;
      await ctx.readiness.probe(meta!.committee);
    }
  }
}

/**
 * The signers of another attempt, or null if the key cannot sign without those who failed. Where
 * the caller named members, only they are chosen from: no other node is asked than it wanted.
 */
export function nextQuorum(
  ctx: AdminContext,
  params: Params,
  meta: KeyMeta | undefined,
  failed: Suspects,
): Quorum | null {
  // Without a share here nobody knows how many are needed.
  if (meta?.status !== "active") return null;
  const named = params["members"] === undefined ? null : identities(params, "members");
  const pool = (named ?? meta.committee).filter((m) => !failed.out.includes(m));
  if (pool.length <= meta.threshold) return null;
  const candidates = ordered(ctx, pool, failed.doubtful);
  if (params["auto"] !== undefined) {
    const group = ctx.readiness.group(candidates);
    const size = Math.min(group.length, integer(params, "auto", 1, 256));
    if (size <= meta.threshold) return null;
    return elect(trusted(ctx, group, size, failed.doubtful), size, ctx.random);
  }
  const committee = ctx.readiness.group(candidates, meta.threshold + 1);
  return committee.length > meta.threshold ? { id: ctx.random(32), committee } : null;
}

/** Threshold + 1 of `pool` that are ready for each other: this node, then the best. */
export function chooseSigners(
  ctx: AdminContext,
  meta: KeyMeta,
  pool: readonly Identity[],
): Identity[] {
  const needed = meta.threshold + 1;
  const chosen = ctx.readiness.group(ordered(ctx, pool), needed);
  if (chosen.length < needed) throw cannotSign(ctx, meta);
  return chosen;
}

/**
 * Tells whose fault it may be that `entry` did not end in a signature.
 *
 * @returns null where another attempt has no sense: the operator ended it, or this node is at fault.
 */
export function suspectsOf(entry: Entry, self: Identity): Suspects | null {
  const { outcome, request, report } = entry;
  if (request.kind !== "sign") return null;
  const others = request.committee.filter((m) => m !== self);
  if (outcome?.state === "failed") {
    const culprits = outcome.culprits.filter((m) => m !== self);
    switch (outcome.code) {
      case "TF-TIMEOUT":
      case "TF-OFFLINE":
        return culprits.length === 0 ? null : { out: culprits, doubtful: [] };
      case "TF-PROTOCOL":
        if (culprits.length > 0) return { out: culprits, doubtful: [] };
        return { out: [], doubtful: others };
      case "TF-VERIFY":
        return { out: [], doubtful: others };
      default:
        return null;
    }
  }
  if (outcome?.state !== "aborted" || report === undefined) return null;
  // Whoever says no is not asked again. Else it may be true what it says of somebody else, or not:
  // whom this node awaits as well is the likelier one.
  if (report.refused) return { out: [report.from], doubtful: [] };
  const awaited = report.awaited.filter((m) => m !== self);
  return { out: [], doubtful: awaited.length > 0 ? awaited : [report.from] };
}

/** Members in the order in which they are asked: this node, the blameless, the nearest. */
function ordered(
  ctx: AdminContext,
  members: readonly Identity[],
  doubtful: readonly Identity[] = [],
): Identity[] {
  const rtt = new Map(ctx.peers().map((p) => [p.identity, p.rttMs ?? Infinity]));
  const rank = (m: Identity) => Number(doubtful.includes(m));
  const best = [...members].sort((a, b) =>
    rank(a) - rank(b) ||
    ctx.penalties.weight(a) - ctx.penalties.weight(b) ||
    distance(rtt.get(a), rtt.get(b)) || (a < b ? -1 : 1)
  );
  return selfFirst(best, ctx.identity.identity);
}

/** Those of `candidates` whom nothing speaks against, if they are enough; else all. */
function trusted(
  ctx: AdminContext,
  candidates: readonly Identity[],
  size: number,
  doubtful: readonly Identity[] = [],
): Identity[] {
  const good = candidates.filter((m) => ctx.penalties.weight(m) === 0 && !doubtful.includes(m));
  return good.length >= size ? good : [...candidates];
}

function distance(a = Infinity, b = Infinity): number {
  return a === b ? 0 : a - b;
}

/** What an attempt was, for the caller. */
export interface Attempt {
  readonly ceremony_id: string;
  readonly committee: readonly Identity[];
  /** `complete`, or why it failed. */
  readonly outcome: string;
  /** Who was to blame, silent or offline, as far as known. */
  readonly culprits: readonly string[];
  readonly elapsed_ms: number;
}

/** Short reason of a failed attempt: `X, Y silent`. */
export function failureText(error: NodeError, suspects: Suspects): string {
  const who = [...suspects.out, ...suspects.doubtful].map((m) => m.slice(0, 8)).join(", ");
  switch (error.code) {
    case "TF-TIMEOUT":
      return `${who} silent`;
    case "TF-OFFLINE":
      return `${who} offline`;
    case "TF-UNREACHABLE":
      return `${who} not reachable`;
    case "TF-REFUSED":
      return `${who} refused`;
    case "TF-PROTOCOL":
      return suspects.out.length > 0 ? `${who} broke the protocol` : "nobody can be named";
    default:
      return error.message;
  }
}
