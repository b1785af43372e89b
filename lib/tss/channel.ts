/**
 * What a protocol run sees of the world: parties that can be told things and heard.
 *
 * A protocol is one straight async function. Its messages leave through a {@link Channel}, which
 * also parses what arrives: bytes become a checked value or a {@link ProtocolError} that names the
 * sender, before any arithmetic.
 *
 * @module
 */

import type { Json, JsonInput } from "../encoding/json.ts";
import type { Committee } from "./errors.ts";

/** One message type of a protocol. */
export interface MessageSpec<T> {
  /** Full type name, for example `ecdsa.keygen.KGRound1Message`. */
  readonly type: string;
  /** The round that sends it, from 1. */
  readonly round: number;
  /** Which committee sends it; `single` except in a resharing. */
  readonly from: Committee;
  /**
   * Reads the content: presence, sign, size and canonical form of every field.
   *
   * @throws {ContentError} naming the field and the rule.
   */
  parse(content: Json): T;
}

/** Where a message goes: `to` lists party indices of `committee`. */
export interface Address {
  readonly committee: Committee;
  readonly to: readonly number[];
}

/**
 * One party's connection to the others.
 *
 * Own messages are never delivered back, with one exception: in a resharing a node that sits in
 * both committees hears its other role's messages through the same channel.
 */
export interface Channel {
  /**
   * Sends one message. `broadcast` is the engine's mark for "everybody gets the same"; it goes
   * into the wire flags only.
   */
  send(message: {
    readonly type: string;
    readonly from: Committee;
    readonly addresses: readonly Address[];
    readonly broadcast: boolean;
    readonly content: JsonInput;
  }): void;

  /**
   * Resolves once every party of `spec.from` listed in `parties` has sent `spec`; the result maps
   * party index to content. Rejects with a ProtocolError when one of them sent something
   * malformed, and never resolves after the run was ended by a deadline.
   */
  collect<T>(spec: MessageSpec<T>, parties: readonly number[]): Promise<Map<number, T>>;

  /** Tells observers what is being worked on now, for example `"round 2: verifying proofs"`. */
  progress(step: string): void;

  /**
   * Gives way to whatever else waits on this thread (aborts, early messages). Long computations
   * await it between peers.
   */
  breathe(): Promise<void>;
}
