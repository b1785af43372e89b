/**
 * The commands that nodes of this program add to Go's catalogue. They travel sealed only, and only
 * to nodes that are known to read them: as commands of their own they would close every link to a
 * Go node. The properties stand in wire order, as in `command_types.ts`.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";

/** What one node says of its connection to another one. */
export interface NodeContact {
  /** The other node. */
  readonly identity: Identity;
  /** `transfunctioner`, `go`, or empty if that is not known. */
  readonly kind: string;
  /** Whether the teller has a session with it. */
  readonly session: boolean;
  /** Whether the teller could seal a message to it. */
  readonly known: boolean;
  /** Milliseconds since it last answered the teller; -1 if it never did. */
  readonly age: bigint;
  /** Round trip of that answer, milliseconds; -1 if not known. */
  readonly roundTrip: bigint;
}

/**
 * A sealed question among nodes of this implementation: are you there, and who answers you? And its
 * answer. Not one of Go's commands: it exists only inside envelopes, where relays see no more than
 * its name; as a command of its own it would close every link to a Go node.
 */
export interface NodeEchoCommand {
  readonly type: "node-echo";
  /** Chosen by the asker, 32 bytes; the answer repeats it. */
  readonly nonce: Uint8Array;
  /** Whether this is the answer. */
  readonly answer: boolean;
  /** Nodes that the asker wants to hear about; empty in an answer. */
  readonly about: readonly Identity[];
  /** Name and version of the teller's program. */
  readonly software: string;
  /** Version of what nodes of this implementation agree on beyond the Go node. */
  readonly protocol: number;
  /** The teller's clock, milliseconds of the Unix era. */
  readonly now: bigint;
  /** Sets of pre-parameters ready. */
  readonly preParams: number;
  /** Version of presigning that the teller takes part in; 0 for none. */
  readonly presign: number;
  /** Version of `ceremony-standing` that the teller answers; 0 for none. */
  readonly standing: number;
  /** The teller's sessions, its partners, and who was asked about. */
  readonly contacts: readonly NodeContact[];
  /** Room for what later versions announce; a node ignores names that it does not know. */
  readonly more: ReadonlyMap<string, string>;
}

/**
 * A sealed word about one ceremony among nodes of this implementation. Like an echo it exists only
 * inside envelopes, and goes only to nodes that are known to read it.
 */
export interface CeremonyNoteCommand {
  readonly type: "ceremony-note";
  /** 32 bytes. */
  readonly ceremonyId: Uint8Array;
  /**
   * `lost`: the sender has restarted and will say nothing more in it. `waiting`: the sender waits
   * for its operator's approval. `purpose`: what the requester says that it is for. A node ignores
   * words that it does not know.
   */
  readonly about: string;
  /** For people; bounded and made printable by whoever reads it. */
  readonly text: string;
}

/** One broadcast of a ceremony as a member says that it heard it. */
export interface WitnessEntry {
  /** Who sent it. */
  readonly from: Identity;
  /** The role it spoke in: 0 the only committee, 1 the old, 2 the new one. */
  readonly role: number;
  /** Name of the round message, with family and protocol. */
  readonly name: string;
  /** SHA-256 of its data, 32 bytes. */
  readonly digest: Uint8Array;
}

/** A round message passed on as its sender signed it. */
export interface WitnessMessage {
  readonly from: Identity;
  readonly ceremonyType: number;
  readonly flags: number;
  readonly data: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * What members of a ceremony tell each other about it besides the protocol: which broadcasts they
 * heard, the signed message where they heard different ones, and why they gave up. Like
 * `node-echo` none of Go's commands: sealed only, to nodes that announced that they know it.
 */
export interface WitnessCommand {
  readonly type: "node-witness";
  readonly ceremonyId: Uint8Array;
  /** `heard`, `want`, `exhibit` or `finding`: which of the fields below count. */
  readonly part: string;
  /** `heard`: 0 on the way, 1 all that is compared before the decisive step, 2 the end. */
  readonly stage: number;
  /** `heard`: whether the sender wants the receiver's own. */
  readonly ask: boolean;
  /** `heard`: all so far; `want`: whose broadcasts are missing. */
  readonly entries: readonly WitnessEntry[];
  /** `exhibit`: one message. */
  readonly messages: readonly WitnessMessage[];
  /** `finding`: a word of `FindingKind`. */
  readonly kind: string;
  /** `finding`: round of the failure. */
  readonly round: number;
  /** `finding`: for people. */
  readonly reason: string;
  /** `finding`: who is blamed, or was waited for. */
  readonly culprits: readonly Identity[];
}

/**
 * Asks a node how one ceremony stands there. Sealed only, to nodes that announced in `node-echo`
 * that they answer.
 */
export interface StandingCommand {
  readonly type: "ceremony-standing";
  /** Chosen by the asker, 32 bytes; the answer repeats it. */
  readonly nonce: Uint8Array;
  readonly ceremonyId: Uint8Array;
}

/** Answer to `ceremony-standing`; see `readStanding()` for what makes sense in it. */
export interface StandingResponseCommand {
  readonly type: "ceremony-standing-response";
  readonly nonce: Uint8Array;
  readonly ceremonyId: Uint8Array;
  /** A word of `StandingState`. */
  readonly state: string;
  /** Round that it is in, or failed in; 0 for none. */
  readonly round: number;
  /** Rounds that there are; 0 where that does not matter. */
  readonly rounds: number;
  /** For how long it has been in that state and round, milliseconds. */
  readonly age: bigint;
  /** Members that the teller waits for. */
  readonly waitingFor: readonly Identity[];
  /** Code of a failure, empty for none. */
  readonly code: string;
  /** Members that the teller names for the failure. */
  readonly culprits: readonly Identity[];
}

/**
 * Asks a member to take part in a presigning. Not one of Go's commands: it travels sealed, to nodes
 * that announced that they know it.
 */
export interface PresignCommand {
  readonly type: "presign";
  /** 32 bytes; will be the presignature's id. */
  readonly ceremonyId: Uint8Array;
  readonly keyId: Uint8Array;
  readonly committee: readonly Identity[];
  readonly threshold: bigint;
  /** How often the key was reshared. */
  readonly generation: bigint;
  /** Presignatures of this key and asker that are in stock; all others of them can go. */
  readonly keep: readonly Uint8Array[];
}

/** Asks a member to sign from a presignature; as {@link PresignCommand}, not one of Go's. */
export interface PresignedSignCommand {
  readonly type: "presigned-sign";
  readonly ceremonyId: Uint8Array;
  readonly keyId: Uint8Array;
  readonly committee: readonly Identity[];
  readonly threshold: bigint;
  readonly generation: bigint;
  /** 32 bytes: the presignature's id. */
  readonly presignature: Uint8Array;
  /** The digest to sign, 32 bytes. */
  readonly data: Uint8Array;
}

/** Every command of this file. */
export type OwnCommand =
  | CeremonyNoteCommand
  | NodeEchoCommand
  | PresignCommand
  | PresignedSignCommand
  | StandingCommand
  | StandingResponseCommand
  | WitnessCommand;
