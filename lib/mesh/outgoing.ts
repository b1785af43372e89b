/**
 * The ways in which a node's own messages leave.
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import { type Identity, type NodeIdentity, ZERO_IDENTITY } from "../crypto/identity.ts";
import { sha256 } from "../crypto/kdf.ts";
import { type Command, encodeCommand } from "./commands.ts";
import { encodeEnvelope, encodeOneHop, type Header } from "./envelope.ts";
import type { Forwarder } from "./forwarding.ts";
import { HOP_BUDGET } from "./limits.ts";
import type { Lane } from "./outbox.ts";
import { seal } from "./sealed.ts";
import { messageOf, type Session } from "./session.ts";
import { MAX_CLEARTEXT_BYTES } from "./transport.ts";

/**
 * Why a message could not be sent:
 * - `unknown-peer`: nobody told us the addressee's key;
 * - `no-session`: no neighbour took the message;
 * - `too-large`: it does not fit a frame;
 * - `not-allowed`: this command does not travel that way.
 */
export type SendFault = "unknown-peer" | "no-session" | "too-large" | "not-allowed";

/** A message that was not sent. */
export class SendError extends Error {
  /** The class name, for logs. */
  override readonly name = "SendError";
  /** Stable code for machines. */
  readonly code = "TF-SEND";
  /** Why. */
  readonly kind: SendFault;

  /** Builds the error; `what` reads "Cannot …: what is wrong; what to do". */
  constructor(kind: SendFault, what: string) {
    super(what);
    this.kind = kind;
  }
}

/** What sending needs of its surroundings. */
export interface OutgoingOptions {
  /** The node's key. */
  readonly identity: NodeIdentity;
  /** Draws keys, nonces and jitter. */
  readonly random: RandomSource;
  /** Passes messages on. */
  readonly forwarder: Forwarder;
  /** The session in use with a peer. */
  readonly session: (peer: Identity) => Session | undefined;
  /** The key to seal to, if known. */
  readonly naclOf: (peer: Identity) => Uint8Array | undefined;
}

/** Sends own messages. */
export class Outgoing {
  readonly #o: OutgoingOptions;
  /** Broadcasts originated so far. */
  broadcasts = 0;

  /** Sends through the given rooms. */
  constructor(options: OutgoingOptions) {
    this.#o = options;
  }

  /**
   * Sends a round message: one hop if there is a session, else sealed and routed. Other commands
   * always go sealed. Resolves once a neighbour's connection took it, which is no proof of arrival.
   *
   * @param everyWay seals in any case and sends through all neighbours: for what got lost before.
   * @throws {SendError} if it could not be sent.
   */
  async sendDirectOrSealed(
    to: Identity,
    command: Command,
    everyWay = false,
  ): Promise<"direct" | "sealed"> {
    const session = this.#o.session(to);
    if (command.type === "tss" && session !== undefined && !everyWay) {
      const bytes = encodeOneHop(command, this.#o.identity.identity);
      checkSize(bytes);
      if (await session.send("own", bytes)) return "direct";
    }
    await this.sendSealed(to, command, everyWay);
    return "sealed";
  }

  /**
   * Sends a command sealed and routed, to neighbours too.
   *
   * @throws {SendError} `unknown-peer`, `no-session`, `too-large` or `not-allowed`.
   */
  async sendSealed(to: Identity, inner: Command, everyWay = false): Promise<void> {
    if (to === this.#o.identity.identity) {
      throw new SendError("not-allowed", "Cannot send: the addressee is this node itself");
    }
    const nacl = this.#o.naclOf(to);
    if (nacl === undefined) {
      throw new SendError(
        "unknown-peer",
        `Cannot seal to ${to}: its key is not known; wait until the mesh has told of it`,
      );
    }
    let command: Command;
    try {
      command = seal(inner, nacl, this.#o.identity, this.#o.random);
    } catch (error) {
      throw new SendError("not-allowed", messageOf(error));
    }
    const { bytes, header } = this.#originate(command, to);
    if (!(await this.#o.forwarder.originate(bytes, header, everyWay))) {
      throw new SendError("no-session", `Cannot send to ${to}: no neighbour took the message`);
    }
  }

  /**
   * Sends a request to one node in the clear, as debug builds of the Go node expect it. Anybody on
   * the way can read, alter or forge such a message.
   *
   * @throws {SendError} `no-session`, `too-large` or `not-allowed`.
   */
  async sendRouted(to: Identity, command: Command): Promise<void> {
    if (command.type !== "keygen" && command.type !== "sign" && command.type !== "reshare") {
      throw new SendError("not-allowed", `Cannot send ${command.type} in the clear: seal it`);
    }
    const { bytes, header } = this.#originate(command, to);
    if (!(await this.#o.forwarder.originate(bytes, header))) {
      throw new SendError("no-session", `Cannot send to ${to}: no neighbour took the message`);
    }
  }

  /**
   * Sends a `ceremony-result` or `ceremony-abort` to everybody. Resolves with whether a neighbour
   * took it.
   *
   * @throws {SendError} `not-allowed` for any other command, `too-large`.
   */
  async broadcast(command: Command): Promise<boolean> {
    if (command.type !== "ceremony-result" && command.type !== "ceremony-abort") {
      throw new SendError("not-allowed", `Cannot broadcast ${command.type}: no node would take it`);
    }
    const { bytes, header } = this.#originate(command, ZERO_IDENTITY);
    this.broadcasts++;
    return await this.#o.forwarder.originate(bytes, header);
  }

  #originate(command: Command, destination: Identity): { bytes: Uint8Array; header: Header } {
    const commandBytes = encodeCommand(command);
    const header: Header = {
      payloadType: command.type,
      payloadHash: sha256(commandBytes),
      origin: this.#o.identity.identity,
      destination,
      ttl: HOP_BUDGET,
    };
    const bytes = encodeEnvelope(header, commandBytes);
    checkSize(bytes);
    return { bytes, header };
  }
}

function checkSize(bytes: Uint8Array): void {
  if (bytes.length > MAX_CLEARTEXT_BYTES) {
    throw new SendError(
      "too-large",
      `Cannot send ${bytes.length} bytes: a frame holds ${MAX_CLEARTEXT_BYTES}`,
    );
  }
}

/** The lane of a one-hop command: what keeps a session alive goes first. */
export function laneOf(command: Command): Lane {
  switch (command.type) {
    case "ping":
    case "ping-response":
    case "peer-notify":
    case "peer-list-request":
    case "peer-list-response":
      return "control";
    default:
      return "own";
  }
}
