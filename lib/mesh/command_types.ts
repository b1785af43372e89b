/**
 * The catalogue of commands (specification: mesh section 7). The properties of each command stand
 * in wire order; `type` is the envelope's payload type, so Go's own field `type` is
 * `ceremonyType` here. Signed 64-bit integers are bigint, smaller ones number, byte strings
 * Uint8Array.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { OwnCommand } from "./own_command_types.ts";

export type * from "./own_command_types.ts";

/** Handshake, first message. */
export interface HelloCommand {
  readonly type: "hello";
  /** Protocol version, 1. */
  readonly version: number;
  readonly options: ReadonlyMap<string, string>;
  readonly identity: Identity;
  /** 32 random bytes for the peer to sign. */
  readonly challenge: Uint8Array;
  /** X25519 public key; empty or 32 bytes. */
  readonly naclPub: Uint8Array;
}

/** Handshake, second message. */
export interface HelloResponseCommand {
  readonly type: "hello-response";
  /** 65 bytes. */
  readonly signature: Uint8Array;
}

/** Heartbeat. */
export interface PingCommand {
  readonly type: "ping";
  /** Unix seconds. */
  readonly originTimestamp: bigint;
}

/** Answer to a ping. */
export interface PingResponseCommand {
  readonly type: "ping-response";
  /** Copied from the ping. */
  readonly originTimestamp: bigint;
  /** Unix seconds. */
  readonly peerTimestamp: bigint;
}

/** Tells how many peer records the sender knows, its own included. */
export interface PeerNotifyCommand {
  readonly type: "peer-notify";
  readonly count: bigint;
}

/** Asks for the peer records. */
export interface PeerListRequestCommand {
  readonly type: "peer-list-request";
}

/** What is known of one node. */
export interface PeerRecord {
  readonly identity: Identity;
  /** `host:port`, or empty. */
  readonly address: string;
  /** X25519 public key; empty or 32 bytes. */
  readonly naclPub: Uint8Array;
  /** Protocol version, 1. */
  readonly version: number;
  /** Unix seconds. */
  readonly lastSeen: bigint;
  /** The node's neighbours. */
  readonly sessions: readonly Identity[];
}

/** Peer records, asked for or not. */
export interface PeerListResponseCommand {
  readonly type: "peer-list-response";
  readonly peers: readonly PeerRecord[];
}

/** An end-to-end payload (section 8). */
export interface EncryptedCommand {
  readonly type: "encrypted";
  /** Ephemeral X25519 public key, 32 bytes. */
  readonly ephemeralPub: Uint8Array;
  /** 24 bytes. */
  readonly nonce: Uint8Array;
  /** NaCl box, tag first. */
  readonly ciphertext: Uint8Array;
  /** 65 bytes, by `sender`. */
  readonly signature: Uint8Array;
  readonly sender: Identity;
  /** Payload type of the sealed command; not covered by the signature. */
  readonly innerType: string;
}

/** A round message of a ceremony (section 15). */
export interface TssCommand {
  readonly type: "tss";
  /** 32 bytes. */
  readonly ceremonyId: Uint8Array;
  /** 1 keygen, 2 reshare, 3 sign; not covered by the signature. */
  readonly ceremonyType: number;
  /** The signer. */
  readonly from: Identity;
  /** Bit 0 broadcast, 1 to old, 2 to new, 3 from new; not covered by the signature. */
  readonly flags: number;
  /** JSON type envelope of the round message. */
  readonly data: Uint8Array;
  /** 65 bytes, by `from`. */
  readonly signature: Uint8Array;
}

/** A committee member in a request (section 14.2). Only `id` counts. */
export interface PartyId {
  /** 40 hex digits in an honest request; any text here. */
  readonly id: string;
  readonly moniker: string;
  /** The identity as a big-endian integer without leading zero bytes. */
  readonly key: Uint8Array;
  /** -1. */
  readonly index: bigint;
}

/** Asks a member to take part in a key generation. */
export interface KeygenCommand {
  readonly type: "keygen";
  readonly ceremonyId: Uint8Array;
  readonly curve: string;
  readonly committee: readonly PartyId[];
  readonly threshold: bigint;
  readonly coordinator: Identity;
}

/** Asks a member to take part in a signing. */
export interface SignCommand {
  readonly type: "sign";
  readonly ceremonyId: Uint8Array;
  readonly keyId: Uint8Array;
  readonly committee: readonly PartyId[];
  readonly threshold: bigint;
  /** The digest to sign, 32 bytes. */
  readonly data: Uint8Array;
}

/** Asks a member to take part in a resharing. */
export interface ReshareCommand {
  readonly type: "reshare";
  readonly ceremonyId: Uint8Array;
  readonly curve: string;
  readonly keyId: Uint8Array;
  readonly oldCommittee: readonly PartyId[];
  readonly newCommittee: readonly PartyId[];
  readonly oldThreshold: bigint;
  readonly newThreshold: bigint;
}

/**
 * The outcome of a ceremony; unsigned, so anybody may claim it. `presign-response` is not one of
 * Go's and only travels sealed.
 */
export interface OutcomeCommand {
  readonly type: "keygen-response" | "reshare-response" | "presign-response" | "ceremony-result";
  readonly ceremonyId: Uint8Array;
  readonly success: boolean;
  /** Empty on success. */
  readonly error: string;
}

/** The outcome of a signing. */
export interface SignResponseCommand {
  readonly type: "sign-response";
  readonly ceremonyId: Uint8Array;
  readonly success: boolean;
  readonly r: Uint8Array;
  readonly s: Uint8Array;
  readonly error: string;
}

/** Announces that a ceremony was abandoned. */
export interface CeremonyAbortCommand {
  readonly type: "ceremony-abort";
  readonly ceremonyId: Uint8Array;
  readonly reason: string;
}

/** Sent by an acceptor at capacity before it closes. */
export interface BusyCommand {
  readonly type: "busy";
}

/** Asks for all peer records with their state. */
export interface PeerListAdminCommand {
  readonly type: "peer-list-admin";
}

/** A peer record with its state. */
export interface AdminPeerRecord extends PeerRecord {
  /** Has a session. */
  readonly connected: boolean;
  /** Is the own record, or has answered a ping. */
  readonly live: boolean;
  /** Is the own record. */
  readonly self: boolean;
}

/** Answer to `peer-list-admin`. */
export interface PeerListAdminResponseCommand {
  readonly type: "peer-list-admin-response";
  readonly peers: readonly AdminPeerRecord[];
}

/** Asks for the state of one ceremony. */
export interface CeremonyStatusCommand {
  readonly type: "ceremony-status";
  readonly ceremonyId: Uint8Array;
}

/** The state of one ceremony; all but the first two are empty when it was not found. */
export interface CeremonyStatus {
  readonly ceremonyId: Uint8Array;
  readonly found: boolean;
  /** `keygen`, `reshare` or `sign`. */
  readonly ceremonyType: string;
  /** `running`, `complete` or `failed`. */
  readonly status: string;
  /** Unix seconds. */
  readonly startTime: bigint;
  readonly keyId: Uint8Array;
  readonly committee: readonly Identity[];
  readonly error: string;
}

/** Answer to `ceremony-status`. */
export interface CeremonyStatusResponseCommand extends CeremonyStatus {
  readonly type: "ceremony-status-response";
}

/** Asks for the state of all ceremonies. */
export interface CeremonyListCommand {
  readonly type: "ceremony-list";
}

/** Answer to `ceremony-list`. */
export interface CeremonyListResponseCommand {
  readonly type: "ceremony-list-response";
  readonly ceremonies: readonly CeremonyStatus[];
}

/** Asks the node to dial an address. */
export interface PeerAddCommand {
  readonly type: "peer-add";
  readonly address: string;
}

/** Answer to `peer-add`. */
export interface PeerAddResponseCommand {
  readonly type: "peer-add-response";
  readonly accepted: boolean;
  readonly error: string;
}

/** Every command of the mesh, told apart by `type`. */
export type Command =
  | OwnCommand
  | HelloCommand
  | HelloResponseCommand
  | PingCommand
  | PingResponseCommand
  | PeerNotifyCommand
  | PeerListRequestCommand
  | PeerListResponseCommand
  | EncryptedCommand
  | TssCommand
  | KeygenCommand
  | SignCommand
  | ReshareCommand
  | OutcomeCommand
  | SignResponseCommand
  | CeremonyAbortCommand
  | BusyCommand
  | PeerListAdminCommand
  | PeerListAdminResponseCommand
  | CeremonyStatusCommand
  | CeremonyStatusResponseCommand
  | CeremonyListCommand
  | CeremonyListResponseCommand
  | PeerAddCommand
  | PeerAddResponseCommand;

/** A payload type of the catalogue. */
export type CommandType = Command["type"];
