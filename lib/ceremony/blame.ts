/**
 * From what the members of a failed ceremony say to one verdict, the same at every honest one that
 * heard the same.
 *
 * A member's word convicts nobody. A finding counts where this node found the same itself, where
 * signatures prove it, or where more members found it than can lie; anything else ends in
 * `unknown`, with those named between whom it could not be told. Being slow is never called
 * cheating.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { Equivocation } from "./evidence.ts";

/** What a failed ceremony comes down to. */
export type BlameKind =
  /** Somebody that can be reached did not send what was due in time. */
  | "late"
  /** Somebody that could not be reached did not send what was due. */
  | "offline"
  /** Somebody sent what breaks a rule of the protocol. */
  | "invalid"
  /** Somebody told different members different things; its signatures prove it. */
  | "equivocating"
  /** It could not be told who is to blame, or nobody is. */
  | "unknown";

/** What one member says of its own run. `complete`: it has its result; `gave-up`: others did. */
export type FindingKind = Exclude<BlameKind, "equivocating"> | "gave-up" | "complete";

/** All words of {@link FindingKind}. */
export const FINDING_KINDS: ReadonlySet<string> = new Set<FindingKind>([
  "late",
  "offline",
  "invalid",
  "unknown",
  "gave-up",
  "complete",
]);

/** Why one member's run ended. */
export interface Finding {
  readonly kind: FindingKind;
  /** From 1; 0 before the first. */
  readonly round: number;
  /** For people; never a value. */
  readonly reason: string;
  /** `late`, `offline`: whom it waited for; `invalid`: who broke the rule. */
  readonly culprits: readonly Identity[];
}

/** What it comes down to. */
export interface Blame {
  readonly kind: BlameKind;
  readonly round: number;
  readonly reason: string;
  /** Who is to blame; empty for `unknown`. */
  readonly culprits: readonly Identity[];
  /** `unknown`: those of whom one or more may be to blame. */
  readonly suspects: readonly Identity[];
}

/** What a verdict follows from. */
export interface Trial {
  readonly self: Identity;
  /** The own finding; `gave-up` if the run ended only because others gave up. */
  readonly own: Finding;
  /** What others said, without this node. */
  readonly others: ReadonlyMap<Identity, Finding>;
  /** Somebody was convicted by its own signatures. */
  readonly proof: Equivocation | null;
  /** Most members that may lie: a finding of more than these has an honest one among them. */
  readonly liars: number;
  /**
   * What members say that they were asked for, as far as they do. Proofs are bound to that: with
   * members that were asked for something else nothing can be held against each other.
   */
  readonly requests?: ReadonlyMap<Identity, string>;
}

/** Whether being slow or away is what a finding says. */
function isSilence({ kind }: Finding): boolean {
  return kind === "late" || kind === "offline";
}

/** Gives the verdict. */
export function deliberate(trial: Trial): Blame {
  const { self, own, proof } = trial;
  if (proof !== null) return convicted(proof, own.round);
  const blame = weigh(trial);
  const culprits = blame.culprits.filter((member) => !apart(trial, self, member));
  if (culprits.length === blame.culprits.length) return blame;
  if (culprits.length > 0) return { ...blame, culprits };
  return {
    kind: "unknown",
    round: blame.round,
    reason: "could not tell: not everybody was asked for the same, or says so",
    culprits: [],
    suspects: sorted([...trial.requests!.keys()]),
  };
}

/** Whether two members say that they were asked for different things. */
function apart({ requests }: Trial, a: Identity, b: Identity): boolean {
  const [first, second] = [requests?.get(a), requests?.get(b)];
  return first !== undefined && second !== undefined && first !== second;
}

function weigh(trial: Trial): Blame {
  const { own } = trial;
  if (own.kind === "invalid" && own.culprits.length > 0) return found(own);
  const all = new Map([[trial.self, own], ...trial.others]);
  return accused(trial, all) ?? silent(trial, all) ??
    { kind: "unknown", round: own.round, reason: own.reason, culprits: [], suspects: [] };
}

function convicted({ member, type }: Equivocation, round: number): Blame {
  const name = type.slice(type.lastIndexOf(".") + 1);
  return {
    kind: "equivocating",
    round: Number(/Round(\d+)/.exec(name)?.[1] ?? round),
    reason: `equivocating: ${member} signed two different ${name}s`,
    culprits: [member],
    suspects: [],
  };
}

function found({ round, reason, culprits }: Finding): Blame {
  return { kind: "invalid", round, reason, culprits: sorted(culprits), suspects: [] };
}

/** What others found that this node could not find itself. */
function accused(trial: Trial, all: ReadonlyMap<Identity, Finding>): Blame | null {
  const accusers = [...all].filter(([, f]) => f.kind === "invalid" && f.culprits.length > 0)
    .sort(([a], [b]) => a < b ? -1 : 1);
  if (accusers.length === 0) return null;
  const votes = new Map<Identity, Set<Identity>>();
  for (const [accuser, { culprits }] of accusers) {
    for (const culprit of culprits) {
      if (culprit === accuser || apart(trial, accuser, culprit)) continue;
      votes.set(culprit, (votes.get(culprit) ?? new Set()).add(accuser));
    }
  }
  const [, first] = accusers[0]!;
  const certain = [...votes].filter(([, by]) => by.size > trial.liars).map(([m]) => m);
  if (certain.length > 0) return found({ ...first, culprits: certain });
  const words = accusers.map(([accuser, { round, reason, culprits }]) =>
    `${accuser} says that ${sorted(culprits).join(", ")} broke a rule in round ${round} (${reason})`
  );
  return {
    kind: "unknown",
    round: first.round,
    reason: `could not tell: ${words.join("; ")}, and it cannot be checked here`,
    culprits: [],
    suspects: sorted(accusers.flatMap(([accuser, f]) => [accuser, ...f.culprits])),
  };
}

/**
 * Who was waited for in vain: named only if all that waited did so for it, and this node or more
 * members than may lie are among them.
 */
function silent({ self, liars }: Trial, all: ReadonlyMap<Identity, Finding>): Blame | null {
  const waiters = [...all].filter(([, f]) => isSilence(f) && f.culprits.length > 0)
    .sort(([a], [b]) => a < b ? -1 : 1);
  if (waiters.length === 0) return null;
  const waits = new Map(waiters.map(([member, f]) => [member, new Set(f.culprits)]));
  // Whoever waits itself is slow because of others, unless these wait for it as well.
  const idle = (member: Identity) => !waits.has(member);
  const round = Math.min(...waiters.map(([, f]) => f.round));
  const named = new Set(waiters.flatMap(([, f]) => f.culprits.filter(idle)));
  const direct = waiters.filter(([, f]) => f.culprits.some(idle));
  const byAll = [...named].filter((c) => waiters.every(([, f]) => f.culprits.includes(c)));
  if (byAll.length > 0 && (waits.has(self) || waits.size > liars)) {
    const kind = waiters.every(([, f]) => f.kind === "offline") ? "offline" : "late";
    const reason = direct[0]![1].reason;
    return { kind, round, reason, culprits: sorted(byAll), suspects: [] };
  }
  // Otherwise somebody waits for one that others have heard, or two wait for each other.
  const links = waiters.flatMap(([waiter, f]) => f.culprits.map((c) => [waiter, c] as const));
  const mutual = links.filter(([waiter, c]) => waits.get(c)?.has(waiter) ?? false);
  const pairs = direct.length > 0
    ? links.filter(([, c]) => idle(c))
    : mutual.length > 0
    ? mutual
    : links;
  const words = pairs.map(([waiter, c]) => `${waiter} says that it waited for ${c}`);
  return {
    kind: "unknown",
    round,
    reason: `could not tell: ${words.join("; ")}, while others did not`,
    culprits: [],
    suspects: sorted(pairs.flat()),
  };
}

function sorted(members: readonly Identity[]): Identity[] {
  return [...new Set(members)].sort();
}
