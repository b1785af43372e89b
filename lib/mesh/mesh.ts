/**
 * The mesh of one node: its sessions, what it knows of others, and the ways to send.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { Logger } from "../observe/logger.ts";
import { Acceptor, isLoopback } from "./acceptor.ts";
import { Adjacency } from "./adjacency.ts";
import { noBans } from "./bans.ts";
import type { Command } from "./commands.ts";
import { Dialer, type DialOutcome, type TargetView } from "./dialer.ts";
import { DuplicateCache } from "./duplicates.ts";
import { advertisedAddress, Entrance } from "./entrance.ts";
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
import type { Listener } from "./net.ts";
import { laneOf, Outgoing } from "./outgoing.ts";
import { PeerTable } from "./peer_table.ts";
import { quietLogger } from "./quiet_logger.ts";
import { ShortestPaths } from "./routing.ts";
import { messageOf, Session } from "./session.ts";
import { SessionTable } from "./session_table.ts";
import { Subscribers } from "./subscribers.ts";
import {
  type MeshStats,
  type PeerView,
  type SessionView,
  viewPeers,
  viewSession,
  viewStats,
} from "./views.ts";

export type { Incoming, Via } from "./inbound.ts";
export type { MeshConfig, MeshOptions } from "./mesh_options.ts";
export { SendError, type SendFault } from "./outgoing.ts";
export type { MeshStats, PeerView, SessionView } from "./views.ts";

/** One node's part of the mesh. */
export class Mesh {
  readonly #o: MeshOptions;
  readonly #self: Identity;
  readonly #log: Logger;
  readonly #table: PeerTable;
  readonly #adjacency: Adjacency;
  readonly #sessions: SessionTable;
  readonly #gossip: Gossip;
  readonly #forwarder: Forwarder;
  readonly #gate: EnvelopeGate;
  readonly #inbound: Inbound;
  readonly #outgoing: Outgoing;
  readonly #entrance: Entrance;
  readonly #dialer: Dialer;
  readonly #maintenance: Maintenance;
  readonly #guests: Guests;
  /** Sessions with peers that nobody had told us about. */
  readonly #strangers = new WeakSet<Session>();
  readonly #handlers: Subscribers<[Incoming]>;
  readonly #watchers: Subscribers<[peer: Identity, up: boolean]>;
  #listener: Listener | null = null;
  #acceptor: Acceptor | null = null;
  #started: number | null = null;
  #stopped = false;
  #ended = 0;

  /** Builds the mesh; {@link start} makes it go. */
  constructor(options: MeshOptions) {
    this.#o = options;
    const { identity, clock, random, net, config } = options;
    const names = options.names ?? noNameCheck;
    const bans = options.bans ?? noBans;
    this.#self = identity.identity;
    const log = this.#log = quietLogger(options.log, clock);
    this.#handlers = new Subscribers((error, [{ command, session }]) =>
      log.error("command handler failed", {
        type: command.type,
        session,
        reason: messageOf(error),
      })
    );
    this.#watchers = new Subscribers((error, [peer]) =>
      log.error("session watcher failed", { peer, reason: messageOf(error) })
    );
    this.#table = new PeerTable(clock, this.#self);
    this.#adjacency = new Adjacency(
      clock,
      this.#self,
      (node) => this.#table.get(node) !== undefined,
    );
    this.#sessions = new SessionTable(clock, this.#self, {
      firstMessages: (session) => this.#firstMessages(session),
      opened: (session) => this.#opened(session),
      closed: (session, reason) => this.#closed(session, reason),
    });
    this.#guests = new Guests({
      config,
      sessions: this.#sessions,
      dialer: () => this.#dialer,
      table: this.#table,
      bans,
    });
    const sessions = () => this.#sessions.list();
    const send = (session: Session, command: Command) => void this.#send(session, command);
    this.#gossip = new Gossip({
      clock,
      self: this.#self,
      nacl: identity.naclPublic,
      log,
      table: this.#table,
      adjacency: this.#adjacency,
      address: () => this.address(),
      sessions,
      send,
    });
    this.#forwarder = new Forwarder({
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
        adjacency: this.#adjacency,
        neighbours: () => this.#sessions.peers(),
      }),
      session: (peer) => this.#sessions.get(peer),
      sessions,
    });
    this.#gate = new EnvelopeGate(clock, identity);
    this.#outgoing = new Outgoing({
      identity,
      random,
      forwarder: this.#forwarder,
      session: (peer) => this.#sessions.get(peer),
      naclOf: (peer) => this.#table.naclOf(peer),
    });
    this.#inbound = new Inbound({
      clock,
      self: this.#self,
      log,
      forwarder: this.#forwarder,
      gate: this.#gate,
      gossip: this.#gossip,
      used: (session) => this.#sessions.used(session),
      ponged: (session) => {
        this.#table.ponged(session.peer);
        if (session.roundTrip !== null) options.onRoundTrip?.(session.peer, session.roundTrip);
      },
      send,
      sendSealed: (to, command) => {
        this.sendSealed(to, command).catch((error) =>
          log.warn("answer not sent", { to, type: command.type, reason: messageOf(error) })
        );
      },
      deliver: (incoming) => {
        const { sender } = incoming;
        if (sender === null || bans.identity(sender) === null) this.#handlers.tell(incoming);
      },
      isLocal: isLoopback,
    });
    this.#entrance = new Entrance({
      identity,
      net,
      clock,
      random,
      log,
      names,
      bans,
      software: config.software,
      room: (peer, host) => this.#guests.room(peer, host),
      opener: options.opener,
      directions: () => encodeOneHop(this.#gossip.nearby(), this.#self),
      admit: (facts, link) => {
        const session = new Session(facts, link, clock, {
          ping: () => this.#ping(),
          frame: (s, cleartext) => this.#inbound.frame(s, cleartext),
          ended: (s, reason) => this.#sessionEnded(s, reason),
        });
        if (this.#table.meet(facts.peer, facts.nacl, facts.dialled)) this.#strangers.add(session);
        const admission = this.#sessions.admit(session);
        if (admission !== "opened") {
          log.debug("second connection to a peer", { peer: facts.peer, admission });
        }
      },
    });
    this.#dialer = new Dialer({
      clock,
      random,
      log,
      dial: (address, at) => this.#entrance.dial(address, at),
      connected: (peer) => this.#sessions.get(peer) !== undefined,
      own: (address) => this.#ownAddress(address),
    });
    this.#maintenance = new Maintenance({
      clock,
      random,
      log,
      alone: () => this.#sessions.size === 0,
      // Where everybody filled every place, nobody new could come in.
      missing: () => Math.ceil(config.peersWanted * OWN_SHARE) - this.#sessions.size,
      candidates: () =>
        this.#table.list().filter((peer) =>
          peer.address !== "" && this.#sessions.get(peer.identity) === undefined &&
          bans.identity(peer.identity) === null && !names.refusesTarget?.(peer.address)
        ),
      dial: (address) => this.#dialer.once(address),
    });
  }

  /** This node's name. */
  get identity(): Identity {
    return this.#self;
  }

  /** Where the peer listener is bound, or `null`. */
  get listening(): { readonly host: string; readonly port: number } | null {
    return this.#listener?.address ?? null;
  }

  /** The advertised address, or empty. */
  address(): string {
    return advertisedAddress(this.listening, this.#o.config.advertise);
  }

  /**
   * Binds the listener, starts dialling, gossiping and maintaining. Peers that cannot be reached
   * stop nothing.
   *
   * @throws {Error} if the listen address cannot be bound.
   */
  async start(): Promise<void> {
    const { config, net, clock } = this.#o;
    if (config.listen !== null) {
      this.#listener = await net.listen(config.listen.host, config.listen.port);
      if (this.#stopped) {
        this.#listener.close();
        return;
      }
      this.#acceptor = new Acceptor({
        listener: this.#listener,
        clock,
        log: this.#log,
        refuse: (remote) => this.#entrance.refuse(remote),
        handshake: (connection) => this.#entrance.accept(connection),
      });
      void this.#acceptor.run();
      this.#log.info("listening for peers", {
        ...this.#listener.address,
        advertised: this.address(),
      });
    }
    this.#started = clock.now();
    this.#gossip.start();
    this.#maintenance.start();
    for (const address of config.connect) this.#dialer.keep(address);
  }

  /** Ends all sessions and timers. Resolves at once; starting again is not possible. */
  stop(): Promise<void> {
    this.#stopped = true;
    this.#started = null;
    this.#maintenance.stop();
    this.#gossip.stop();
    this.#dialer.stop();
    this.#acceptor?.stop();
    this.#entrance.stop();
    this.#sessions.endAll("the node stops");
    return Promise.resolve();
  }

  /** All sessions in use. */
  sessions(): SessionView[] {
    return this.#sessions.list().map(viewSession);
  }

  /** The configured peers and how dialling them fares. */
  targets(): TargetView[] {
    return this.#dialer.targets();
  }

  /** All known nodes, ourselves first. */
  peers(): PeerView[] {
    return viewPeers(
      this.#gossip.ownRecord(),
      this.#table.list(),
      (peer) => this.#sessions.get(peer),
    );
  }

  /** Whether the key of a node is known, so that messages can be sealed to it. */
  knows(identity: Identity): boolean {
    return this.#table.naclOf(identity) !== undefined;
  }

  /** Counters and gauges of this moment. */
  stats(): MeshStats {
    return viewStats({
      uptime: this.#started === null ? null : this.#o.clock.now() - this.#started,
      listening: this.#listener !== null,
      sessions: this.#sessions.list(),
      peersKnown: this.#gossip.count(),
      forwarding: this.#forwarder.counters,
      inbound: this.#inbound.counters,
      gossipDropped: this.#gossip.dropped,
      broadcasts: this.#outgoing.broadcasts,
      coolDownDropped: this.#entrance.coolDownDropped,
      banDropped: this.#entrance.banDropped,
      gate: this.#gate,
      sessionsEnded: this.#ended,
      handshakes: this.#acceptor?.handshakes ?? 0,
    });
  }

  /** Calls `handler` for each command that concerns the rooms above; returns how to stop that. */
  onCommand(handler: (incoming: Incoming) => void): () => void {
    return this.#handlers.add(handler);
  }

  /** Calls `watcher` when a peer gains its session or loses its last one. */
  onSession(watcher: (peer: Identity, up: boolean) => void): () => void {
    return this.#watchers.add(watcher);
  }

  /**
   * Dials `address` (`host:port`) once, now. Resolves with how that ended; never rejects.
   *
   * @param at the IP address to connect to, where the address's host is a name looked up before.
   */
  addPeer(address: string, at?: string): Promise<DialOutcome> {
    return this.#dialer.once(address, true, at);
  }

  /** Keeps a session with whoever is at `address`, as if it stood in the connect list. */
  keepPeer(address: string): void {
    this.#dialer.keep(address);
  }

  /**
   * Stops keeping sessions with an address (`host:port`) or an identity, ends the session and
   * forgets the record. Returns whether there was anything to end. The peer may come back on its
   * own: only a ban keeps it out.
   */
  removePeer(subject: string): boolean {
    return this.#guests.remove(subject);
  }

  /** Ends the sessions that a ban forbids; to be called after a ban was made. */
  enforceBans(): void {
    this.#guests.enforce();
  }

  /** Messages that wait to be written, for each session. */
  queueLengths(): number[] {
    return this.#sessions.list().map((session) => session.queued);
  }

  /** Ends the session with a peer, if there is one; a configured peer is dialled again. */
  disconnect(peer: Identity, reason: string): void {
    this.#sessions.get(peer)?.end(reason);
  }

  /**
   * Sends a round message: one hop if there is a session, else sealed and routed. Other commands
   * always go sealed. Resolves once a neighbour's connection took it, which is no proof of arrival.
   *
   * @param everyWay seals in any case and sends through all neighbours: for what got lost before.
   * @throws {SendError} if it could not be sent.
   */
  sendDirectOrSealed(
    to: Identity,
    command: Command,
    everyWay = false,
  ): Promise<"direct" | "sealed"> {
    return this.#outgoing.sendDirectOrSealed(to, command, everyWay);
  }

  /**
   * Sends a command sealed and routed, to neighbours too.
   *
   * @throws {SendError} `unknown-peer`, `no-session`, `too-large` or `not-allowed`.
   */
  sendSealed(to: Identity, inner: Command): Promise<void> {
    return this.#outgoing.sendSealed(to, inner);
  }

  /**
   * Sends a request to one node in the clear, as debug builds of the Go node expect it. Anybody on
   * the way can read, alter or forge such a message.
   *
   * @throws {SendError} `no-session`, `too-large` or `not-allowed`.
   */
  sendRouted(to: Identity, command: Command): Promise<void> {
    return this.#outgoing.sendRouted(to, command);
  }

  /**
   * Sends a `ceremony-result` or `ceremony-abort` to everybody. Resolves with whether a neighbour
   * took it.
   *
   * @throws {SendError} `not-allowed` for any other command, `too-large`.
   */
  broadcast(command: Command): Promise<boolean> {
    return this.#outgoing.broadcast(command);
  }

  #send(session: Session, command: Command): Promise<boolean> {
    return session.send(laneOf(command), encodeOneHop(command, this.#self));
  }

  #ping(): Uint8Array {
    const seconds = BigInt(Math.floor(this.#o.clock.now() / 1000));
    return encodeOneHop({ type: "ping", originTimestamp: seconds }, this.#self);
  }

  #firstMessages(session: Session): Uint8Array[] {
    const notify = encodeOneHop(this.#gossip.notify(), this.#self);
    // One of our own kind whom others told us about has told them what it knows, too.
    if (session.ours && !this.#strangers.has(session)) return [notify];
    return [notify, encodeOneHop({ type: "peer-list-request" }, this.#self)];
  }

  #opened(session: Session): void {
    this.#log.info("session opened", {
      peer: session.peer,
      address: viewSession(session).address,
      direction: session.facts.dialled === null ? "inbound" : "outbound",
      ours: session.ours,
    });
    this.#adjacency.touch();
    this.#gossip.news([session.peer]);
    this.#watchers.tell(session.peer, true);
  }

  #closed(session: Session, reason: string): void {
    this.#table.part(session.peer);
    this.#adjacency.part(session.peer);
    this.#dialer.sessionEnded({
      peer: session.peer,
      life: this.#o.clock.now() - session.since,
      busy: reason === BUSY_REASON,
    }, session.facts.dialled);
    this.#watchers.tell(session.peer, false);
  }

  #sessionEnded(session: Session, reason: string): void {
    this.#ended++;
    this.#log[this.#stopped ? "debug" : "info"]("session closed", { peer: session.peer, reason });
    this.#sessions.ended(session, reason);
  }

  #ownAddress(address: string): boolean {
    const bound = this.listening;
    return address === this.address() ||
      (bound !== null && address === advertisedAddress(bound, null));
  }
}
