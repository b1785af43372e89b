/**
 * Messages with a destination: which to pass on, to whom, and how (specification: mesh section 9).
 *
 * Received command bytes go on verbatim under a header with one hop less; whatever a Go node would
 * re-encode differently is dropped, because the next Go node would close its link to us for it.
 *
 * @module
 */

import { type Identity, ZERO_IDENTITY } from "../crypto/identity.ts";
import { toHex } from "../encoding/bytes.ts";
import type { Logger } from "../observe/logger.ts";
import type { DuplicateCache, Sight } from "./duplicates.ts";
import { encodeEnvelope, type Envelope, type Header } from "./envelope.ts";
import { HOP_BUDGET } from "./limits.ts";
import type { Session } from "./session.ts";

/** Chooses the way to a node that is not a neighbour. */
export interface Router {
  /**
   * The neighbour to send through, or `null` to flood.
   *
   * @param from the neighbour the message came from, which is never a useful answer; `null` for own
   * messages.
   */
  nextHop(destination: Identity, from: Identity | null): Identity | null;
}

/** Knows no routes: everything floods. */
export const floodRouter: Router = { nextHop: () => null };

/** Counters of this room. */
export interface ForwardingCounters {
  /** Copies passed on. */
  forwarded: number;
  /** Messages seen before. */
  duplicates: number;
  /** Messages that a Go node would write differently. */
  notCanonical: number;
  /** Messages whose hop budget was used up. */
  spent: number;
  /** Copies that a neighbour had no room for. */
  relayDropped: number;
  /** Messages of others that went to one neighbour. */
  routed: number;
  /** Messages of others with an addressee that went to all, because no way was known. */
  flooded: number;
}

/** What forwarding needs of its surroundings. */
export interface ForwarderOptions {
  /** This node's name. */
  readonly self: Identity;
  /** Takes the log lines. */
  readonly log: Logger;
  /** Messages seen before. */
  readonly duplicates: DuplicateCache;
  /** Chooses ways to nodes that are not neighbours. */
  readonly router: Router;
  /** The session in use with a peer. */
  readonly session: (peer: Identity) => Session | undefined;
  /** All sessions in use. */
  readonly sessions: () => Session[];
}

/** Passes messages on. */
export class Forwarder {
  readonly #o: ForwarderOptions;
  /** Running totals. */
  readonly counters: ForwardingCounters = {
    forwarded: 0,
    duplicates: 0,
    notCanonical: 0,
    spent: 0,
    relayDropped: 0,
    routed: 0,
    flooded: 0,
  };

  /** A forwarder over the given sessions. */
  constructor(options: ForwarderOptions) {
    this.#o = options;
  }

  /** Records a message with a destination and tells whether it is worth handling or forwarding. */
  sight(header: Header, from: Session): Sight {
    // A copy of our own message, or one that pretends to be: neither needs us.
    if (header.origin === this.#o.self) {
      this.counters.duplicates++;
      return "duplicate";
    }
    // At its destination a message is handled once, whatever budget it has left.
    const ttl = header.destination === this.#o.self ? 0 : budget(header);
    const sight = this.#o.duplicates.see(messageKey(header), from.peer, ttl);
    if (sight === "duplicate") this.counters.duplicates++;
    return sight;
  }

  /** Passes a routed message on to its destination, a next hop, or everybody else. */
  forward(envelope: Envelope, from: Session): void {
    const { header } = envelope;
    if (!this.#passable(envelope, from)) return;
    const bytes = encodeEnvelope({ ...header, ttl: budget(header) - 1 }, envelope.commandBytes);
    this.#pass(header.destination!, bytes, from);
  }

  #pass(destination: Identity, bytes: Uint8Array, from: Session, retry = true): void {
    const direct = this.#o.session(destination);
    if (direct?.peer === from.peer) return;
    const hop = direct ?? this.#hop(destination, from.peer);
    if (hop === undefined) {
      this.counters.flooded++;
      this.#flood(bytes, from);
      return;
    }
    this.counters.routed++;
    void this.#relay(hop, bytes, from).then((written) => {
      // The way broke while the message waited; one with no room is not helped by more copies.
      const broken = !written && this.#o.session(hop.peer) !== hop;
      if (broken && retry) this.#pass(destination, bytes, from, false);
    });
  }

  /** Passes a broadcast on to everybody else. */
  spread(envelope: Envelope, from: Session): void {
    if (!this.#passable(envelope, from)) return;
    const { header } = envelope;
    this.#flood(
      encodeEnvelope({ ...header, ttl: budget(header) - 1 }, envelope.commandBytes),
      from,
    );
  }

  /**
   * Sends an own message: direct, by a route, or to everybody. Resolves with whether a session took
   * it, as soon as one did.
   *
   * @param everyWay sends to all neighbours, each of which passes it on its own way: for what got
   * lost on the best one.
   */
  async originate(bytes: Uint8Array, header: Header, everyWay = false): Promise<boolean> {
    this.#o.duplicates.see(messageKey(header), this.#o.self, HOP_BUDGET);
    const destination = header.destination!;
    const one = destination === ZERO_IDENTITY || everyWay
      ? undefined
      : this.#o.session(destination) ?? this.#hop(destination, null);
    if (one !== undefined && await one.send("own", bytes)) return true;
    // A neighbour that reads slowly must not hold up what another one took already.
    const sends = this.#o.sessions().map(async (session) => {
      if (!await session.send("own", bytes)) throw new Error("not taken");
    });
    return await Promise.any(sends).then(() => true, () => false);
  }

  #hop(destination: Identity, from: Identity | null): Session | undefined {
    const hop = this.#o.router.nextHop(destination, from);
    return hop === null || hop === from ? undefined : this.#o.session(hop);
  }

  #passable(envelope: Envelope, from: Session): boolean {
    if (envelope.header.ttl === 0) {
      this.counters.spent++;
      return false;
    }
    if (!envelope.canonical) {
      this.counters.notCanonical++;
      this.#o.log.warn("message not passed on: not in canonical form", {
        peer: from.peer,
        type: envelope.header.payloadType,
        origin: envelope.header.origin,
      });
      return false;
    }
    return true;
  }

  #flood(bytes: Uint8Array, from: Session): void {
    for (const session of this.#o.sessions()) {
      if (session.peer !== from.peer) void this.#relay(session, bytes, from);
    }
  }

  async #relay(session: Session, bytes: Uint8Array, from: Session): Promise<boolean> {
    const written = await session.send("relay", bytes, from.peer);
    if (written) this.counters.forwarded++;
    else this.counters.relayDropped++;
    return written;
  }
}

/** The hop budget we honour: an inflated one only feeds floods. */
function budget(header: Header): number {
  return Math.min(header.ttl, HOP_BUDGET);
}

function messageKey(header: Header): string {
  return `${toHex(header.payloadHash)}:${header.destination}:${header.origin}`;
}
