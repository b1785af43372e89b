/**
 * At most one session in use per peer, and what to do with a second connection.
 *
 * Two nodes that dial each other at the same moment have two connections and must agree on one
 * without asking. Between two of ours the rule is fixed: the connection dialled by the smaller
 * identity stays. A Go node speaks only on the connection it registered and leaves the other one
 * open and unread, or closes it; so the newcomer waits as a standby, and the first frame on it
 * means that the peer uses it (specification: mesh 6.1, 6.2, weakness 9).
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { Clock } from "./clock.ts";
import { DRAIN_LIFE, FIRST_PONG_TIMEOUT, SIMULTANEOUS_WINDOW, STANDBY_LIFE } from "./limits.ts";
import type { Session } from "./session.ts";

/** What the table tells its owner. */
export interface TableHooks {
  /** Frames to send first on a connection that comes into use. */
  firstMessages(session: Session): Uint8Array[];
  /** A peer that had no session has one now. */
  opened(session: Session): void;
  /** A peer has no session any more. */
  closed(session: Session, reason: string): void;
}

/** What became of a new connection. */
export type Admission = "opened" | "replaced" | "standby" | "closed";

interface Slot {
  primary: Session;
  standby: Session | null;
}

/** All connections of a node, by peer. */
export class SessionTable {
  readonly #clock: Clock;
  readonly #self: Identity;
  readonly #hooks: TableHooks;
  readonly #slots = new Map<Identity, Slot>();
  readonly #draining = new Set<Session>();

  /** An empty table of the node `self`. */
  constructor(clock: Clock, self: Identity, hooks: TableHooks) {
    this.#clock = clock;
    this.#self = self;
    this.#hooks = hooks;
  }

  /** Number of peers with a session. */
  get size(): number {
    return this.#slots.size;
  }

  /** The session in use with `peer`. */
  get(peer: Identity): Session | undefined {
    return this.#slots.get(peer)?.primary;
  }

  /** The peers with a session, oldest session first. */
  peers(): IterableIterator<Identity> {
    return this.#slots.keys();
  }

  /** All sessions in use, oldest first. */
  list(): Session[] {
    return [...this.#slots.values()].map((slot) => slot.primary);
  }

  /** Takes in a connection whose handshake is done and starts reading it. */
  admit(session: Session): Admission {
    const slot = this.#slots.get(session.peer);
    if (slot === undefined) {
      this.#slots.set(session.peer, { primary: session, standby: null });
      session.promote(this.#hooks.firstMessages(session));
      this.#hooks.opened(session);
      session.start();
      return "opened";
    }
    const verdict = this.#judge(slot.primary, session);
    if (verdict === "switch") {
      this.#replace(slot, session);
      session.start();
      return "replaced";
    }
    if (verdict === "refuse") {
      // Read on for a moment: the peer may have used it before it saw the other one.
      this.#retire(session);
      session.start();
      return "closed";
    }
    slot.standby?.end("a newer connection stands by");
    slot.standby = session;
    // A dead first connection shows itself before the standby's time is up.
    slot.primary.probe(FIRST_PONG_TIMEOUT);
    this.#clock.setTimer(STANDBY_LIFE, () => {
      if (session.state === "standby") session.end("not used beside the first connection");
    });
    session.start();
    return "standby";
  }

  /** To be called before a frame is handled: a frame on a standby means that the peer uses it. */
  used(session: Session): void {
    if (session.state !== "standby") return;
    const slot = this.#slots.get(session.peer);
    if (slot?.standby === session) this.#replace(slot, session);
  }

  /** To be called when a session ended. */
  ended(session: Session, reason: string): void {
    this.#draining.delete(session);
    const slot = this.#slots.get(session.peer);
    if (slot === undefined) return;
    if (slot.standby === session) {
      slot.standby = null;
      return;
    }
    if (slot.primary !== session) return;
    const standby = slot.standby;
    if (standby !== null) {
      slot.primary = standby;
      slot.standby = null;
      standby.promote(this.#hooks.firstMessages(standby));
      return;
    }
    this.#slots.delete(session.peer);
    this.#hooks.closed(session, reason);
  }

  /** Ends everything. */
  endAll(reason: string): void {
    for (const session of [...this.#draining]) session.end(reason);
    for (const slot of [...this.#slots.values()]) {
      slot.standby?.end(reason);
      slot.primary.end(reason);
    }
  }

  #judge(primary: Session, newcomer: Session): "switch" | "refuse" | "standby" {
    if (primary.silentFor(FIRST_PONG_TIMEOUT)) return "switch";
    const sameDialler = (primary.facts.dialled === null) === (newcomer.facts.dialled === null);
    if (!primary.ours || !newcomer.ours || sameDialler) {
      // Our own second dial to an address of the same peer: the first connection is fine.
      return newcomer.facts.dialled !== null && sameDialler ? "refuse" : "standby";
    }
    const dialler = newcomer.facts.dialled === null ? newcomer.peer : this.#self;
    const smaller = newcomer.peer < this.#self ? newcomer.peer : this.#self;
    if (dialler === smaller) return "switch";
    const fresh = this.#clock.now() - primary.since < SIMULTANEOUS_WINDOW;
    // An old first connection may be dead at the peer's end only: let it prove itself.
    return fresh ? "refuse" : "standby";
  }

  #replace(slot: Slot, session: Session): void {
    const old = slot.primary;
    if (slot.standby !== null && slot.standby !== session) {
      slot.standby.end("a newer connection is in use");
    }
    slot.standby = null;
    slot.primary = session;
    const unsent = this.#retire(old);
    session.promote(this.#hooks.firstMessages(session));
    session.adopt(unsent);
  }

  #retire(session: Session): ReturnType<Session["retire"]> {
    this.#draining.add(session);
    return session.retire(DRAIN_LIFE);
  }
}
