/**
 * Who holds a ceremony up, by what its members tell of themselves and of each other.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { Standing } from "./standing.ts";

/** What is known of one member. */
export interface MemberRow {
  readonly identity: Identity;
  /** What it says; `null` if it says nothing. */
  readonly standing: Standing | null;
  /** Why it says nothing; empty if it does. */
  readonly silent: string;
}

/** A member that others have to wait for. */
export interface HoldUp {
  readonly identity: Identity;
  /** For people: `waits for approval there`. */
  readonly reason: string;
}

/** States in which others are waited for, or will be. */
const GOING_ON: ReadonlySet<string> = new Set(["waiting", "starting", "running", "confirming"]);

/**
 * Members that a ceremony waits for and that do not themselves wait for others, with the reason.
 * Empty once no member goes on with it. Members can lie: this is where to look first, no proof.
 */
export function holdUps(rows: readonly MemberRow[]): HoldUp[] {
  if (!rows.some(({ standing }) => GOING_ON.has(standing?.state ?? ""))) return [];
  const awaited = new Set(rows.flatMap(({ standing }) => standing?.waitingFor ?? []));
  const found = rows.flatMap((row): HoldUp[] => {
    const reason = own(row, awaited.has(row.identity));
    return reason === null ? [] : [{ identity: row.identity, reason }];
  });
  if (found.length > 0) return found;
  // All of them wait for each other: the one that got least far has heard least.
  const waiting = rows.filter(({ standing, identity }) =>
    standing?.state === "running" && awaited.has(identity)
  );
  const least = Math.min(...waiting.map(({ standing }) => standing!.round));
  return waiting.filter(({ standing }) => standing!.round === least).map(({ identity }) => ({
    identity,
    reason: `is in round ${least} and waits itself: messages are on their way, or get lost`,
  }));
}

/** Why this member by itself holds the others up; `null` if it does not. */
function own({ standing, silent }: MemberRow, awaited: boolean): string | null {
  if (standing === null) return awaited ? `the others wait for it; ${silent}` : null;
  switch (standing.state) {
    case "waiting":
      return "waits for approval there";
    case "starting":
      return "is getting ready";
    case "lost":
      return "has restarted; its part is lost";
    case "unknown":
      return "knows nothing of it";
    case "failed":
      return `has failed there: ${standing.code}`;
    case "aborted":
      return "was denied or aborted there";
    case "complete":
      return awaited ? "has finished there; its last messages are on their way" : null;
    case "running":
      return awaited && standing.waitingFor.length === 0
        ? `computes in round ${standing.round}`
        : null;
    default:
      return null;
  }
}
