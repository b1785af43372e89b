/**
 * The second phase of a resharing as the keystore sees it: what is open, how it may end, and what
 * either end does to the shares.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { Standing } from "./reshare_notes.ts";

/** A resharing whose end is open on this node. */
export interface PendingReshare {
  /** 32 hex digits. */
  readonly keyId: string;
  /** 64 hex digits. */
  readonly ceremony: string;
  /** `new`: a staged share is to become current. `leaving`: an old one is to be destroyed. */
  readonly role: "new" | "leaving";
  /** The new committee. */
  readonly newCommittee: readonly Identity[];
  /** Everybody else who wants to know: old members and the requester. Unknown after a restart. */
  readonly audience: readonly Identity[];
  /** Who asked for the resharing; unknown after a restart. */
  readonly requester?: Identity;
  /** Whether the protocol ended here, so that every new member's acknowledgement is in. */
  readonly acknowledged: boolean;
}

/** How it ended. */
export type ReshareDecision =
  | { readonly state: "committed"; readonly assumed: readonly Identity[] }
  | { readonly state: "discarded"; readonly reason: string };

/** The node stopped before it ended; the next start goes on with it. */
export interface ReshareUndecided {
  readonly state: "undecided";
}

/** What it does to the keystore. */
export interface ReshareBook {
  /** Makes the staged share current, or destroys the old one; durable when it resolves. */
  commit(pending: PendingReshare): Promise<void>;
  /** Destroys the staged share, or keeps the old one for good. */
  discard(pending: PendingReshare): Promise<void>;
  /** Whether this node has ever taken part in a ceremony. Cheap. */
  seen(ceremony: string): boolean;
  /** Where this node stands in a ceremony of the past; null if it knows nothing of it. */
  standing(ceremony: string): Promise<Standing | null>;
}
