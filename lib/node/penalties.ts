/**
 * Remembers for a while which members made ceremonies fail, so that others are asked first.
 *
 * A penalty only changes the order of choice: it is bounded, decays by half every few minutes, and
 * shuts nobody out. So a member that gets others into trouble gains little, and one that was down
 * is back soon.
 *
 * @module
 */

import type { FailureCode, Outcome } from "../ceremony/verdict.ts";
import type { Identity } from "../crypto/identity.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Entry } from "./ledger.ts";
import { requestMembers } from "./request.ts";

/** What a member did, with the points for it. */
export const OFFENCES = {
  /** Was awaited until a deadline passed, or gave up. */
  silent: 1,
  /** Restarted or could not be reached in the middle. */
  offline: 1,
  /** Broke a rule of the protocol. */
  invalid: 4,
} as const;

/** A kind of failure. */
export type Offence = keyof typeof OFFENCES;

/** Points halve in this time, ms. */
export const HALF_LIFE = 5 * 60_000;
/** Most points that one member can have. */
export const MAX_POINTS = 8;
/** A member with fewer points is chosen like any other. */
export const AVOIDED_FROM = 0.5;
/** Members remembered; the one with the fewest points goes first. */
const MAX_ENTRIES = 1_024;

/** A member that is avoided now. */
export interface Penalty {
  readonly identity: Identity;
  readonly points: number;
  /** What it did last. */
  readonly offence: Offence;
  /** When, ms. */
  readonly at: number;
  /** When it counts like any other again, ms. */
  readonly until: number;
}

interface Points {
  points: number;
  /** When the points were right, ms. */
  at: number;
  offence: Offence;
  since: number;
}

/** The penalties that one node keeps, in memory. */
export class PenaltyBook {
  readonly #clock: Clock;
  readonly #entries = new Map<Identity, Points>();

  /** Nobody has one yet. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes a failure. */
  note(identity: Identity, offence: Offence): void {
    const now = this.#clock.now();
    const points = Math.min(MAX_POINTS, this.#points(identity) + OFFENCES[offence]);
    this.#entries.set(identity, { points, at: now, offence, since: now });
    if (this.#entries.size <= MAX_ENTRIES) return;
    let least: Identity | undefined;
    for (const id of this.#entries.keys()) {
      if (least === undefined || this.#points(id) < this.#points(least)) least = id;
    }
    this.#entries.delete(least!);
  }

  /** A ceremony with these members went well: what they have halves. */
  forgive(members: readonly Identity[]): void {
    for (const identity of members) {
      const entry = this.#entries.get(identity);
      if (entry === undefined) continue;
      entry.points = this.#points(identity) / 2;
      entry.at = this.#clock.now();
    }
  }

  /** Points of a member as far as they count in a choice; 0 for most. */
  weight(identity: Identity): number {
    const points = this.#points(identity);
    return points < AVOIDED_FROM ? 0 : points;
  }

  /** Who is avoided now, the worst first. */
  list(): Penalty[] {
    const now = this.#clock.now();
    const out: Penalty[] = [];
    for (const [identity, { offence, since }] of this.#entries) {
      const points = this.weight(identity);
      if (points === 0) {
        this.#entries.delete(identity);
        continue;
      }
      const until = now + HALF_LIFE * Math.log2(points / AVOIDED_FROM);
      out.push({ identity, points, offence, at: since, until });
    }
    return out.sort((a, b) => b.points - a.points || (a.identity < b.identity ? -1 : 1));
  }

  #points(identity: Identity): number {
    const entry = this.#entries.get(identity);
    if (entry === undefined) return 0;
    return entry.points * 0.5 ** ((this.#clock.now() - entry.at) / HALF_LIFE);
  }
}

/** Failures that count against those named. */
const OFFENCE_OF: Readonly<Partial<Record<FailureCode, Offence>>> = {
  "TF-TIMEOUT": "silent",
  "TF-OFFLINE": "offline",
  "TF-PROTOCOL": "invalid",
};

/** Notes who made a ceremony fail, or that it went well. */
export function judge(
  penalties: Pick<PenaltyBook, "note" | "forgive">,
  self: Identity,
  { request, report }: Entry,
  outcome: Outcome,
): void {
  if (outcome.state === "complete") penalties.forgive(requestMembers(request));
  if (outcome.state === "failed") {
    const offence = OFFENCE_OF[outcome.code];
    if (offence === undefined) return;
    for (const member of outcome.culprits) if (member !== self) penalties.note(member, offence);
  }
  // What a member says of itself counts against it; a refusal is its right. Presignings give way to
  // ceremonies as a matter of course.
  if (request.kind === "presign") return;
  if (outcome.state === "aborted" && report?.refused === false && report.awaited.length === 0) {
    penalties.note(report.from, "silent");
  }
}
