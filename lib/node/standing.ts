/**
 * How a ceremony stands on one node, as it is told to the other members: made from the ledger, and
 * read from what they tell.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { StandingResponseCommand } from "../mesh/command_types.ts";
import { WireError } from "../mesh/errors.ts";
import { type Entry, roundsOf, waitingFor } from "./ledger.ts";

/** Where a ceremony can stand on a node: the words of the ledger, and two for what is not there. */
export const STANDING_STATES = [
  "waiting",
  "starting",
  "running",
  "confirming",
  "complete",
  "failed",
  "aborted",
  "requested",
  "answered",
  /** The node has restarted since; its part is lost. */
  "lost",
  /** The node knows of no such ceremony, or not of one that concerns the asker. */
  "unknown",
] as const;

/** One of {@link STANDING_STATES}. */
export type StandingState = typeof STANDING_STATES[number];

/** How a ceremony stands on one node. Nothing in it is secret. */
export interface Standing {
  readonly state: StandingState;
  /** Round that it is in, or failed in; 0 for none. */
  readonly round: number;
  /** Rounds that there are; 0 where that does not matter. */
  readonly rounds: number;
  /** For how long it has been in that state and round, milliseconds; 0 or more. */
  readonly ageMs: number;
  /** Members that this node waits for; only while it runs or confirms. */
  readonly waitingFor: readonly Identity[];
  /** Code of a failure, empty for none. */
  readonly code: string;
  /** Members named for the failure. */
  readonly culprits: readonly Identity[];
}

/** What is said of a ceremony that is not known, or that is none of the asker's business. */
export const UNKNOWN: Standing = {
  state: "unknown",
  round: 0,
  rounds: 0,
  ageMs: 0,
  waitingFor: [],
  code: "",
  culprits: [],
};

/** Longest age that makes sense: a year, in milliseconds. */
const MAX_AGE = 366 * 86_400_000;
/** More rounds than any ceremony has. */
const MAX_ROUNDS = 32;
const CODE = /^TF-[A-Z]{1,16}(-[A-Z]{1,16}){0,2}$/;

/** How a ceremony stands by its entry in the ledger. */
export function standingOf(entry: Entry, now: number): Standing {
  const { request, ceremony, outcome, state } = entry;
  const running = state === "running" && ceremony !== undefined;
  const failed = outcome?.state === "failed" ? outcome : undefined;
  return {
    state,
    round: Math.min(running ? ceremony.round : failed?.round ?? 0, MAX_ROUNDS),
    rounds: running ? roundsOf(request) : 0,
    ageMs: Math.min(Math.max(0, Math.floor(now - entry.since)), MAX_AGE),
    waitingFor: waitingFor(entry) ?? [],
    code: failed?.code ?? "",
    culprits: failed === undefined ? [] : [...failed.culprits],
  };
}

/** The answer that tells `standing`. */
export function standingResponse(
  nonce: Uint8Array,
  ceremonyId: Uint8Array,
  standing: Standing,
): StandingResponseCommand {
  const { ageMs, ...rest } = standing;
  return {
    type: "ceremony-standing-response",
    nonce,
    ceremonyId,
    ...rest,
    age: BigInt(ageMs),
  };
}

/**
 * Reads an answer. What it tells may still be a lie; it makes sense and is bounded.
 *
 * @param members everybody in the ceremony: nobody else may be named.
 * @throws {WireError} kind `command` if a word is unknown, a number out of range, somebody named
 * twice or no member, or a field is filled that means nothing in that state.
 */
export function readStanding(
  response: StandingResponseCommand,
  members: readonly Identity[],
): Standing {
  const { round, rounds, age, waitingFor, code, culprits } = response;
  const state = STANDING_STATES.find((word) => word === response.state);
  if (state === undefined) refuse("its state is none that there is");
  if (round > MAX_ROUNDS || rounds > MAX_ROUNDS) refuse("its round is out of range");
  if (age < 0n || age > BigInt(MAX_AGE)) refuse("its age is out of range");
  const known = new Set(members);
  for (const named of [waitingFor, culprits]) {
    // The length first: a set of a long list costs more than it is worth.
    if (named.length > known.size || new Set(named).size !== named.length) {
      refuse("it names a member twice");
    }
    if (!named.every((m) => known.has(m))) refuse("it names somebody who is no member");
  }
  if (code !== "" && !CODE.test(code)) refuse("its code is none");
  const ended = state === "failed";
  if (!ended && (code !== "" || culprits.length > 0)) refuse("what has not failed names a failure");
  if (rounds > 0 && state !== "running") refuse("what does not run has no rounds");
  if (round > 0 && state !== "running" && !ended) refuse("what does not run is in no round");
  if (waitingFor.length > 0 && state !== "running" && state !== "confirming") {
    refuse("what does not run waits for nobody");
  }
  if (state === "unknown" && age > 0n) refuse("what is not known has no age");
  return { state, round, rounds, ageMs: Number(age), waitingFor, code, culprits };
}

function refuse(rule: string): never {
  throw new WireError("command", `Cannot read the standing of a ceremony: ${rule}`);
}
