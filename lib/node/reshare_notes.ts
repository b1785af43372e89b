/**
 * What members of a resharing tell each other about its end, inside a sealed `reshare-response`.
 *
 * The Go service has no such exchange and ignores the command; its `error` field, empty in a
 * plain success, carries the little there is to say.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import { fromHex } from "../encoding/bytes.ts";
import type { OutcomeCommand } from "../mesh/command_types.ts";

/** Where the sender stands. */
export type Standing =
  /** Its run ended well: it has checked everything and everybody has acknowledged. */
  | "finished"
  /** Its new share is verified and on disk; a crash kept it from hearing everybody. */
  | "staged"
  /** It has dealt its share away and waits to destroy it. */
  | "leaving"
  /** Its new share is the current one, or its old one is destroyed. */
  | "settled"
  /** It has no new share of this ceremony and never will. */
  | "refused";

/** One statement. */
export interface Note {
  /** Where its sender stands. */
  readonly standing: Standing;
  /** Whether it wants to hear where the receiver stands. */
  readonly asking: boolean;
  /** For a refusal: why. */
  readonly reason: string;
}

const ASKING = "asking: ";

/** Writes a note as a command. */
export function noteCommand(
  ceremony: string,
  { standing, asking, reason }: Note,
): OutcomeCommand {
  const plain = standing === "finished" && !asking;
  return {
    type: "reshare-response",
    ceremonyId: fromHex(ceremony),
    success: standing !== "refused",
    error: (asking ? ASKING : "") + (standing === "refused" ? reason : plain ? "" : standing),
  };
}

/** Reads a note; whatever is not of ours counts as a plain success or failure. */
export function readNote({ success, error }: OutcomeCommand): Note {
  const asking = error.startsWith(ASKING);
  const word = asking ? error.slice(ASKING.length) : error;
  if (!success) return { standing: "refused", asking, reason: word };
  const standing = word === "staged" || word === "leaving" || word === "settled"
    ? word
    : "finished";
  return { standing, asking, reason: "" };
}

/** What is undecided, for people. */
export interface UndecidedView {
  readonly keyId: string;
  readonly ceremony: string;
  readonly role: "new" | "leaving";
  /** New members that have not confirmed. */
  readonly waitingFor: readonly Identity[];
  /** Set when members contradict each other: who refused, and why. */
  readonly doubt: string | undefined;
}

/** One line for `status` about an undecided resharing. */
export function undecidedWarning({ keyId, role, waitingFor, doubt }: UndecidedView): string {
  const what = role === "new"
    ? `a new share of key ${keyId} waits beside the current one`
    : `the share of key ${keyId} waits to be destroyed`;
  if (doubt !== undefined) return `${what}; the new members disagree: ${doubt}`;
  return `${what} for the word of ${waitingFor.join(", ") || "the keystore"}`;
}
