/**
 * What an inbound frame means: the message loop (specification: mesh section 6.4) with the safer
 * choices of section 21.2.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import { toHex } from "../encoding/bytes.ts";
import type { Logger } from "../observe/logger.ts";
import type { Clock } from "./clock.ts";
import type { Command } from "./commands.ts";
import { decodeEnvelope, type Envelope, isBroadcast } from "./envelope.ts";
import type { EnvelopeGate } from "./envelopes.ts";
import type { Forwarder } from "./forwarding.ts";
import type { Gossip } from "./gossip.ts";
import {
  BYTE_BURST,
  BYTE_RATE,
  CONTROL_BURST,
  CONTROL_RATE,
  DATA_BURST,
  DATA_RATE,
} from "./limits.ts";
import { TokenBucket } from "./rate_limit.ts";
import { messageOf, type Session } from "./session.ts";

/** How a command reached us: the more, the less is known of who sent it. */
export type Via =
  /** One hop, from the authenticated neighbour itself. */
  | "session"
  /** Inside an envelope signed by its sender. */
  | "sealed"
  /** Relayed in the clear: anybody may have written it. */
  | "routed"
  /** Flooded to all: anybody may have written it. */
  | "broadcast";

/** A command for the rooms above. */
export interface Incoming {
  /** The command itself. */
  readonly command: Command;
  /** How it came. */
  readonly via: Via;
  /** The neighbour that delivered it. */
  readonly session: Identity;
  /** The authenticated originator: the neighbour itself for `session`, the signer for `sealed`. */
  readonly sender: Identity | null;
  /** Whether the delivering connection comes from this machine. */
  readonly local: boolean;
  /** Answers the sender: one hop for `session`, sealed for `sealed`; absent otherwise. */
  readonly reply?: (command: Command) => void;
}

/** Counters of this room. */
export interface InboundCounters {
  /** Messages that reached their destination here. */
  routedReceived: number;
  /** Messages dropped by the rate limits. */
  rateDropped: number;
  /** Commands of no meaning here. */
  ignored: number;
}

/** What the message loop needs of its surroundings. */
export interface InboundOptions {
  /** Time and timers. */
  readonly clock: Clock;
  /** This node's name. */
  readonly self: Identity;
  /** Takes the log lines. */
  readonly log: Logger;
  /** Passes messages on. */
  readonly forwarder: Forwarder;
  /** Opens sealed envelopes. */
  readonly gate: EnvelopeGate;
  /** Handles lists and notifications. */
  readonly gossip: Gossip;
  /** A frame arrived: the session may come into use by it. */
  readonly used: (session: Session) => void;
  /** The peer answered a ping. */
  readonly ponged: (session: Session) => void;
  /** Sends a one-hop command. */
  readonly send: (session: Session, command: Command) => void;
  /** Sends a sealed command; failures are logged there. */
  readonly sendSealed: (to: Identity, command: Command) => void;
  /** Hands a command to the rooms above. */
  readonly deliver: (incoming: Incoming) => void;
  /** Whether a connection's address is of this machine. */
  readonly isLocal: (host: string) => boolean;
}

interface Budget {
  readonly control: TokenBucket;
  readonly data: TokenBucket;
  readonly bytes: TokenBucket;
}

/** Commands passed up when a neighbour sends them one hop, beside those handled here. */
const ONE_HOP: ReadonlySet<string> = new Set(
  [
    "tss",
    "keygen",
    "sign",
    "reshare",
    "keygen-response",
    "sign-response",
    "reshare-response",
    "ceremony-result",
    "ceremony-abort",
    "peer-list-admin",
    "ceremony-status",
    "ceremony-list",
    "peer-add",
  ] satisfies Command["type"][],
);

/**
 * Commands passed up when they arrive routed in the clear: requests, which only a node with the
 * debug switch looks at. All else that is relayed unsealed is ignored (weakness 20).
 */
const ROUTED: ReadonlySet<string> = new Set(
  ["keygen", "sign", "reshare"] satisfies Command["type"][],
);

const BROADCAST: ReadonlySet<string> = new Set(
  ["ceremony-result", "ceremony-abort"] satisfies Command["type"][],
);

/** Handles the frames of all sessions, each on its own. */
export class Inbound {
  readonly #o: InboundOptions;
  readonly #budgets = new WeakMap<Session, Budget>();
  /** Running totals. */
  readonly counters: InboundCounters = { routedReceived: 0, rateDropped: 0, ignored: 0 };

  /** A message loop over the given rooms. */
  constructor(options: InboundOptions) {
    this.#o = options;
  }

  /**
   * Handles one frame of a session; returns for how many ms the session should not be read. Ends
   * the session for whatever breaks the rules of the wire.
   */
  frame(session: Session, cleartext: Uint8Array): number {
    this.#o.used(session);
    let envelope: Envelope;
    try {
      envelope = decodeEnvelope(cleartext);
    } catch (error) {
      session.end(messageOf(error));
      return 0;
    }
    const { header, command } = envelope;
    const pause = this.#charge(session, envelope, cleartext.length);
    if (pause === null) return 1000 / CONTROL_RATE;
    if (header.destination === undefined) {
      return Math.max(pause, this.#oneHop(session, command));
    }
    if (command.type === "tss") {
      session.end("Cannot take a message: a round message came with a destination");
      return pause;
    }
    if (isBroadcast(header)) this.#broadcast(session, envelope);
    else if (header.destination === this.#o.self) {
      return Math.max(pause, this.#routed(session, envelope));
    } else if (this.#o.forwarder.sight(header, session) !== "duplicate") {
      this.#o.forwarder.forward(envelope, session);
    }
    return pause;
  }

  /** Returns a pause, or `null` if the message is to be dropped. */
  #charge(session: Session, envelope: Envelope, bytes: number): number | null {
    let budget = this.#budgets.get(session);
    if (budget === undefined) {
      const { clock } = this.#o;
      budget = {
        control: new TokenBucket(clock, CONTROL_RATE, CONTROL_BURST),
        data: new TokenBucket(clock, DATA_RATE, DATA_BURST),
        bytes: new TokenBucket(clock, BYTE_RATE, BYTE_BURST),
      };
      this.#budgets.set(session, budget);
    }
    const pause = budget.bytes.debit(bytes);
    const { type } = envelope.command;
    // What a ceremony waits for is never dropped: the sender is slowed down instead.
    if (envelope.header.destination !== undefined || type === "tss" || type === "encrypted") {
      return Math.max(pause, budget.data.debit());
    }
    if (budget.control.take()) return pause;
    session.counters.dropped++;
    this.counters.rateDropped++;
    return null;
  }

  #oneHop(session: Session, command: Command): number {
    switch (command.type) {
      case "ping":
        session.lastPinged = this.#o.clock.now();
        this.#o.send(session, {
          type: "ping-response",
          originTimestamp: command.originTimestamp,
          peerTimestamp: BigInt(Math.floor(this.#o.clock.now() / 1000)),
        });
        return 0;
      case "ping-response":
        session.ponged();
        this.#o.ponged(session);
        return 0;
      case "peer-notify":
        this.#o.gossip.heardNotify(session, command.count);
        return 0;
      case "peer-list-request":
        this.#o.gossip.heardRequest(session);
        return 0;
      case "peer-list-response":
        this.#o.gossip.heardList(session, command);
        return 0;
      case "busy":
        session.end(BUSY_REASON);
        return 0;
      case "encrypted":
        return this.#sealed(session, command);
    }
    if (!ONE_HOP.has(command.type)) {
      this.counters.ignored++;
      return 0;
    }
    if (command.type === "tss" && command.from !== session.peer) {
      this.counters.ignored++;
      this.#o.log.warn("round message ignored: a neighbour delivered somebody else's", {
        peer: session.peer,
        ceremony: toHex(command.ceremonyId),
        from: command.from,
      });
      return 0;
    }
    this.#o.deliver({
      command,
      via: "session",
      session: session.peer,
      sender: session.peer,
      local: this.#o.isLocal(session.facts.remote.host),
      reply: (answer) => this.#o.send(session, answer),
    });
    return 0;
  }

  #routed(session: Session, envelope: Envelope): number {
    const { command } = envelope;
    if (this.#o.forwarder.sight(envelope.header, session) !== "new") return 0;
    this.counters.routedReceived++;
    if (command.type === "encrypted") return this.#sealed(session, command);
    if (ROUTED.has(command.type)) {
      this.#deliverUnsigned(session, command, "routed");
      return 0;
    }
    this.counters.ignored++;
    this.#o.log.debug("routed command ignored: it is taken from a neighbour only", {
      peer: session.peer,
      type: command.type,
    });
    return 0;
  }

  #broadcast(session: Session, envelope: Envelope): void {
    const { header, command } = envelope;
    // Checked before the message is remembered: a spent or unfit copy must not suppress a real one.
    if (header.ttl === 0 || !BROADCAST.has(command.type)) {
      this.counters.ignored++;
      return;
    }
    const sight = this.#o.forwarder.sight(header, session);
    if (sight === "duplicate") return;
    this.#o.forwarder.spread(envelope, session);
    if (sight === "farther") return;
    this.counters.routedReceived++;
    this.#deliverUnsigned(session, command, "broadcast");
  }

  #sealed(session: Session, command: Extract<Command, { type: "encrypted" }>): number {
    const pause = this.#o.gate.charge(session, command.sender);
    if (pause === null) return 0;
    const opened = this.#o.gate.open(command, session);
    if ("refused" in opened) {
      this.counters.ignored++;
      this.#o.log.warn("envelope refused", {
        peer: session.peer,
        sender: command.sender,
        reason: opened.refused,
      });
      return pause;
    }
    const { sender, inner } = opened;
    if (inner.type === "tss" && inner.from !== sender) {
      this.counters.ignored++;
      this.#o.log.warn("round message ignored: its signer did not seal it", {
        peer: session.peer,
        sender,
        ceremony: toHex(inner.ceremonyId),
        from: inner.from,
      });
      return pause;
    }
    this.#o.deliver({
      command: inner,
      via: "sealed",
      session: session.peer,
      sender,
      local: false,
      reply: (answer) => this.#o.sendSealed(sender, answer),
    });
    return pause;
  }

  #deliverUnsigned(session: Session, command: Command, via: Via): void {
    this.#o.deliver({ command, via, session: session.peer, sender: null, local: false });
  }
}

/** Why a session ended when the peer had no room for us. */
export const BUSY_REASON = "the peer is busy";
