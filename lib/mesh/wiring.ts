/**
 * How the parts of one node's mesh are joined: who is told when a session opens, a frame arrives, a
 * list names somebody new.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { Logger } from "../observe/logger.ts";
import { isLoopback } from "./acceptor.ts";
import { Adjacency } from "./adjacency.ts";
import { noBans } from "./bans.ts";
import type { Command } from "./commands.ts";
import { Dialer } from "./dialer.ts";
import { DuplicateCache } from "./duplicates.ts";
import { Entrance } from "./entrance.ts";
import { encodeOneHop } from "./envelope.ts";
import { EnvelopeGate } from "./envelopes.ts";
import { Forwarder } from "./forwarding.ts";
import { Gossip } from "./gossip.ts";
import { Guests } from "./guests.ts";
import { BUSY_REASON, Inbound, type Incoming } from "./inbound.ts";
import {
  DUPLICATE_ENTRIES,
  DUPLICATE_ENTRIES_PER_SOURCE,
  DUPLICATE_LIFE,
  OWN_SHARE,
} from "./limits.ts";
import { Maintenance } from "./maintenance.ts";
import type { MeshOptions } from "./mesh_options.ts";
import { noNameCheck } from "./name_check.ts";
import { laneOf, Outgoing } from "./outgoing.ts";
import { PeerTable } from "./peer_table.ts";
import { ShortestPaths } from "./routing.ts";
import { messageOf, Session } from "./session.ts";
import { SessionTable } from "./session_table.ts";
import { viewSession } from "./views.ts";

/** What the joined parts tell and ask the node that they belong to. */
export interface WiringHooks {
  /** Takes the log lines. */
  readonly log: Logger;
  /** `host:port` under which we can be dialled, or empty. */
  readonly address: () => string;
  /** Whether an address is our own. */
  readonly own: (address: string) => boolean;
  /** Whether the node is on its way down. */
  readonly stopped: () => boolean;
  /** A command for the rooms above; those of banned nodes are left out. */
  readonly deliver: (incoming: Incoming) => void;
  /** A peer gained its session or lost its last one. */
  readonly session: (peer: Identity, up: boolean) => void;
}

/** The parts of a mesh, joined. Nothing runs before its owner starts it. */
export class Wiring {
  /** What is known of others. */
  readonly table: PeerTable;
  /** Who has a session with whom. */
  readonly adjacency: Adjacency;
  /** Sessions, one in use per peer. */
  readonly sessions: SessionTable;
  /** Tells and hears who is there. */
  readonly gossip: Gossip;
  /** Passes messages on. */
  readonly forwarder: Forwarder;
  /** Opens sealed envelopes. */
  readonly gate: EnvelopeGate;
  /** Handles frames. */
  readonly inbound: Inbound;
  /** Sends this node's own messages. */
  readonly outgoing: Outgoing;
  /** Lets connections in and out. */
  readonly entrance: Entrance;
  /** Dials. */
  readonly dialer: Dialer;
  /** Keeps up the number of sessions. */
  readonly maintenance: Maintenance;
  /** Decides who may hold a session. */
  readonly guests: Guests;
  readonly #o: MeshOptions;
  readonly #hooks: WiringHooks;
  readonly #self: Identity;
  /** Sessions with peers that nobody had told us about. */
  readonly #strangers = new WeakSet<Session>();
  /** Sessions ended so far. */
  ended = 0;

  /** Builds and joins all parts of the node `options.identity`. */
  constructor(options: MeshOptions, hooks: WiringHooks) {
    this.#o = options;
    this.#hooks = hooks;
    const { identity, clock, random, net, config } = options;
    const { log } = hooks;
    const names = options.names ?? noNameCheck;
    const bans = options.bans ?? noBans;
    this.#self = identity.identity;
    this.table = new PeerTable(clock, this.#self);
    this.adjacency = new Adjacency(
      clock,
      this.#self,
      (node) => this.table.get(node) !== undefined,
    );
    this.sessions = new SessionTable(clock, this.#self, {
      firstMessages: (session) => this.#firstMessages(session),
      opened: (session) => this.#opened(session),
      closed: (session, reason) => this.#closed(session, reason),
    });
    this.guests = new Guests({
      config,
      sessions: this.sessions,
      dialer: () => this.dialer,
      table: this.table,
      bans,
    });
    const sessions = () => this.sessions.list();
    const send = (session: Session, command: Command) => void this.#send(session, command);
    this.gossip = new Gossip({
      clock,
      self: this.#self,
      nacl: identity.naclPublic,
      log,
      table: this.table,
      adjacency: this.adjacency,
      address: hooks.address,
      sessions,
      send,
    });
    this.forwarder = new Forwarder({
      self: this.#self,
      log,
      duplicates: new DuplicateCache(
        clock,
        DUPLICATE_LIFE,
        DUPLICATE_ENTRIES,
        DUPLICATE_ENTRIES_PER_SOURCE,
      ),
      router: options.router ?? new ShortestPaths({
        self: this.#self,
        adjacency: this.adjacency,
        neighbours: () => this.sessions.peers(),
      }),
      session: (peer) => this.sessions.get(peer),
      sessions,
    });
    this.gate = new EnvelopeGate(clock, identity);
    this.outgoing = new Outgoing({
      identity,
      random,
      forwarder: this.forwarder,
      session: (peer) => this.sessions.get(peer),
      naclOf: (peer) => this.table.naclOf(peer),
    });
    this.inbound = new Inbound({
      clock,
      self: this.#self,
      log,
      forwarder: this.forwarder,
      gate: this.gate,
      gossip: this.gossip,
      used: (session) => this.sessions.used(session),
      ponged: (session) => {
        this.table.ponged(session.peer);
        if (session.roundTrip !== null) options.onRoundTrip?.(session.peer, session.roundTrip);
      },
      send,
      sendSealed: (to, command) => {
        this.outgoing.sendSealed(to, command).catch((error) =>
          log.warn("answer not sent", { to, type: command.type, reason: messageOf(error) })
        );
      },
      deliver: (incoming) => {
        const { sender } = incoming;
        if (sender === null || bans.identity(sender) === null) hooks.deliver(incoming);
      },
      isLocal: isLoopback,
    });
    this.entrance = new Entrance({
      identity,
      net,
      clock,
      random,
      log,
      names,
      bans,
      software: config.software,
      room: (peer, host) => this.guests.room(peer, host),
      opener: options.opener,
      directions: () => encodeOneHop(this.gossip.nearby(), this.#self),
      admit: (facts, link) => {
        const session = new Session(facts, link, clock, {
          ping: () => this.#ping(),
          frame: (s, cleartext) => this.inbound.frame(s, cleartext),
          ended: (s, reason) => this.#sessionEnded(s, reason),
        });
        if (this.table.meet(facts.peer, facts.nacl, facts.dialled)) this.#strangers.add(session);
        const admission = this.sessions.admit(session);
        if (admission !== "opened") {
          log.debug("second connection to a peer", { peer: facts.peer, admission });
        }
      },
    });
    this.dialer = new Dialer({
      clock,
      random,
      log,
      dial: (address, at) => this.entrance.dial(address, at),
      connected: (peer) => this.sessions.get(peer) !== undefined,
      own: hooks.own,
    });
    this.maintenance = new Maintenance({
      clock,
      random,
      log,
      alone: () => this.sessions.size === 0,
      // Where everybody filled every place, nobody new could come in.
      missing: () => Math.ceil(config.peersWanted * OWN_SHARE) - this.sessions.size,
      candidates: () =>
        this.table.list().filter((peer) =>
          peer.address !== "" && this.sessions.get(peer.identity) === undefined &&
          bans.identity(peer.identity) === null && !this.dialer.resting(peer.address) &&
          !names.refusesTarget?.(peer.address)
        ),
      dial: (address) => this.dialer.once(address),
    });
  }

  #send(session: Session, command: Command): Promise<boolean> {
    return session.send(laneOf(command), encodeOneHop(command, this.#self));
  }

  #ping(): Uint8Array {
    const seconds = BigInt(Math.floor(this.#o.clock.now() / 1000));
    return encodeOneHop({ type: "ping", originTimestamp: seconds }, this.#self);
  }

  #firstMessages(session: Session): Uint8Array[] {
    const notify = encodeOneHop(this.gossip.notify(), this.#self);
    // One of our own kind whom others told us about has told them what it knows, too.
    if (session.ours && !this.#strangers.has(session)) return [notify];
    return [notify, encodeOneHop({ type: "peer-list-request" }, this.#self)];
  }

  #opened(session: Session): void {
    this.#hooks.log.info("session opened", {
      peer: session.peer,
      address: viewSession(session).address,
      direction: session.facts.dialled === null ? "inbound" : "outbound",
      ours: session.ours,
    });
    this.adjacency.touch();
    this.gossip.news([session.peer]);
    this.#hooks.session(session.peer, true);
  }

  #closed(session: Session, reason: string): void {
    this.table.part(session.peer);
    this.adjacency.part(session.peer);
    this.dialer.sessionEnded({
      peer: session.peer,
      life: this.#o.clock.now() - session.since,
      busy: reason === BUSY_REASON,
    }, session.facts.dialled);
    if (this.sessions.size === 0) this.maintenance.hurry();
    this.#hooks.session(session.peer, false);
  }

  #sessionEnded(session: Session, reason: string): void {
    this.ended++;
    const { log, stopped } = this.#hooks;
    this.sessions.ended(session, reason);
    // One of two connections to a peer ended: the session goes on over the other one.
    const goesOn = this.sessions.get(session.peer) !== undefined;
    log[stopped() || goesOn ? "debug" : "info"](
      goesOn ? "spare connection closed" : "session closed",
      { peer: session.peer, reason },
    );
  }
}
