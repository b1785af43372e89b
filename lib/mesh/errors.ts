/**
 * The one error type of the wire.
 *
 * @module
 */

/**
 * What kind of rule a peer, or a caller, broke:
 * - `key-exchange`, `handshake`: the connection never became a session;
 * - `self`: the other end is this very node;
 * - `frame`, `replay`: a frame does not authenticate, has a bad size, or came before;
 * - `envelope`, `command`: a cleartext that no Go node would take;
 * - `unknown-type`: well formed, but of a type outside the catalogue;
 * - `sealed`: an end-to-end payload that does not verify, open or decode;
 * - `deadline`, `closed`: too slow, or gone;
 * - `too-large`, `backlog`: the caller's message does not fit a frame or the send queue.
 */
export type WireFault =
  | "key-exchange"
  | "handshake"
  | "self"
  | "frame"
  | "replay"
  | "envelope"
  | "command"
  | "unknown-type"
  | "sealed"
  | "deadline"
  | "closed"
  | "too-large"
  | "backlog";

/** A fault on the wire. Its text never holds a secret or more than a few bytes of peer's text. */
export class WireError extends Error {
  override readonly name = "WireError";
  /** Stable code for machines. */
  readonly code = "TF-WIRE";
  /** What kind of rule was broken. */
  readonly kind: WireFault;

  /** Builds the error; `what` reads "Cannot …: what is wrong". */
  constructor(kind: WireFault, what: string, options?: ErrorOptions) {
    super(what, options);
    this.kind = kind;
  }
}
