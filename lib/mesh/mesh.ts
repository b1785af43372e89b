/**
 * The mesh of one node: its sessions, what it knows of others, and the ways to send.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import { toHex } from "../encoding/bytes.ts";
import type { Logger } from "../observe/logger.ts";
import { Acceptor } from "./acceptor.ts";
import type { Command } from "./commands.ts";
import type { DialOutcome, TargetView } from "./dialer.ts";
import { advertisedAddress } from "./entrance.ts";
import type { Incoming } from "./inbound.ts";
import type { MeshOptions } from "./mesh_options.ts";
import type { Listener } from "./net.ts";
import { quietLogger } from "./quiet_logger.ts";
import { messageOf } from "./session.ts";
import { Subscribers } from "./subscribers.ts";
import {
  type MeshStats,
  type PeerView,
  type SessionView,
  viewPeers,
  viewSession,
  viewStats,
} from "./views.ts";
import { Wiring } from "./wiring.ts";

export type { Incoming, Via } from "./inbound.ts";
export type { MeshConfig, MeshOptions } from "./mesh_options.ts";
export { SendError, type SendFault } from "./outgoing.ts";
export type { MeshStats, PeerView, SessionView } from "./views.ts";

/** One node's part of the mesh. */
export class Mesh {
  readonly #o: MeshOptions;
  readonly #self: Identity;
  readonly #log: Logger;
  readonly #parts: Wiring;
  readonly #handlers: Subscribers<[Incoming]>;
  readonly #watchers: Subscribers<[peer: Identity, up: boolean]>;
  #listener: Listener | null = null;
  #acceptor: Acceptor | null = null;
  #started: number | null = null;
  #stopped = false;

  /** Builds the mesh; {@link start} makes it go. */
  constructor(options: MeshOptions) {
    this.#o = options;
    this.#self = options.identity.identity;
    const log = this.#log = quietLogger(options.log, options.clock);
    this.#handlers = new Subscribers((error, [{ command, session }]) =>
      log.error("command handler failed", {
        type: command.type,
        session,
        ceremony: "ceremonyId" in command ? toHex(command.ceremonyId) : undefined,
        reason: messageOf(error),
      })
    );
    this.#watchers = new Subscribers((error, [peer]) =>
      log.error("session watcher failed", { peer, reason: messageOf(error) })
    );
    this.#parts = new Wiring(options, {
      log,
      address: () => this.address(),
      own: (address) => this.#ownAddress(address),
      stopped: () => this.#stopped,
      deliver: (incoming) => this.#handlers.tell(incoming),
      session: (peer, up) => this.#watchers.tell(peer, up),
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
        refuse: (remote) => this.#parts.entrance.refuse(remote),
        handshake: (connection) => this.#parts.entrance.accept(connection),
      });
      void this.#acceptor.run();
      this.#log.info("listening for peers", {
        ...this.#listener.address,
        advertised: this.address(),
      });
    }
    this.#started = clock.now();
    this.#parts.gossip.start();
    this.#parts.maintenance.start();
    for (const address of config.connect) this.#parts.dialer.keep(address);
  }

  /** Ends all sessions and timers. Resolves at once; starting again is not possible. */
  stop(): Promise<void> {
    this.#stopped = true;
    this.#started = null;
    this.#parts.maintenance.stop();
    this.#parts.gossip.stop();
    this.#parts.dialer.stop();
    this.#acceptor?.stop();
    this.#parts.entrance.stop();
    this.#parts.sessions.endAll("the node stops");
    return Promise.resolve();
  }

  /** All sessions in use. */
  sessions(): SessionView[] {
    return this.#parts.sessions.list().map(viewSession);
  }

  /** The configured peers and how dialling them fares. */
  targets(): TargetView[] {
    return this.#parts.dialer.targets();
  }

  /** All known nodes, ourselves first. */
  peers(): PeerView[] {
    return viewPeers(
      this.#parts.gossip.ownRecord(),
      this.#parts.table.list(),
      (peer) => this.#parts.sessions.get(peer),
    );
  }

  /** Whether the key of a node is known, so that messages can be sealed to it. */
  knows(identity: Identity): boolean {
    return this.#parts.table.naclOf(identity) !== undefined;
  }

  /** Counters and gauges of this moment. */
  stats(): MeshStats {
    return viewStats({
      uptime: this.#started === null ? null : this.#o.clock.now() - this.#started,
      listening: this.#listener !== null,
      sessions: this.#parts.sessions.list(),
      peersKnown: this.#parts.gossip.count(),
      forwarding: this.#parts.forwarder.counters,
      inbound: this.#parts.inbound.counters,
      gossipDropped: this.#parts.gossip.dropped,
      broadcasts: this.#parts.outgoing.broadcasts,
      coolDownDropped: this.#parts.entrance.coolDownDropped,
      banDropped: this.#parts.entrance.banDropped,
      gate: this.#parts.gate,
      sessionsEnded: this.#parts.ended,
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
    return this.#parts.dialer.once(address, true, at);
  }

  /** Keeps a session with whoever is at `address`, as if it stood in the connect list. */
  keepPeer(address: string): void {
    this.#parts.dialer.keep(address);
  }

  /**
   * Stops keeping sessions with an address (`host:port`) or an identity, ends the session and
   * forgets the record. Returns whether there was anything to end. The peer may come back on its
   * own: only a ban keeps it out.
   */
  removePeer(subject: string): boolean {
    return this.#parts.guests.remove(subject);
  }

  /** Ends the sessions that a ban forbids; to be called after a ban was made. */
  enforceBans(): void {
    this.#parts.guests.enforce();
  }

  /** Messages that wait to be written, for each session. */
  queueLengths(): number[] {
    return this.#parts.sessions.list().map((session) => session.queued);
  }

  /** Ends the session with a peer, if there is one; a configured peer is dialled again. */
  disconnect(peer: Identity, reason: string): void {
    this.#parts.sessions.get(peer)?.end(reason);
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
    return this.#parts.outgoing.sendDirectOrSealed(to, command, everyWay);
  }

  /**
   * Sends a command sealed and routed, to neighbours too.
   *
   * @throws {SendError} `unknown-peer`, `no-session`, `too-large` or `not-allowed`.
   */
  sendSealed(to: Identity, inner: Command): Promise<void> {
    return this.#parts.outgoing.sendSealed(to, inner);
  }

  /**
   * Sends a request to one node in the clear, as debug builds of the Go node expect it. Anybody on
   * the way can read, alter or forge such a message.
   *
   * @throws {SendError} `no-session`, `too-large` or `not-allowed`.
   */
  sendRouted(to: Identity, command: Command): Promise<void> {
    return this.#parts.outgoing.sendRouted(to, command);
  }

  /**
   * Sends a `ceremony-result` or `ceremony-abort` to everybody. Resolves with whether a neighbour
   * took it.
   *
   * @throws {SendError} `not-allowed` for any other command, `too-large`.
   */
  broadcast(command: Command): Promise<boolean> {
    return this.#parts.outgoing.broadcast(command);
  }

  #ownAddress(address: string): boolean {
    const bound = this.listening;
    return address === this.address() ||
      (bound !== null && address === advertisedAddress(bound, null));
  }
}
