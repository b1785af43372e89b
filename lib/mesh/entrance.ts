/**
 * From a bare connection to an admitted session, in both directions (specification: mesh sections
 * 6.1 and 6.2).
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import type { Identity, NodeIdentity } from "../crypto/identity.ts";
import type { Logger } from "../observe/logger.ts";
import { isLoopback } from "./acceptor.ts";
import type { BanView } from "./bans.ts";
import type { Clock } from "./clock.ts";
import type { DialOutcome } from "./dialer.ts";
import { encodeOneHop } from "./envelope.ts";
import { WireError } from "./errors.ts";
import { GO_OPTIONS, type HandshakeResult } from "./handshake.ts";
import { BUSY_COOLDOWN, COOLDOWN_ENTRIES, DIAL_TIMEOUT } from "./limits.ts";
import type { NameCheck } from "./name_check.ts";
import type { Connection, Net } from "./net.ts";
import { encryptedLinks, type LinkOpener, type OpenLink } from "./opener.ts";
import { joinHostPort, splitHostPort } from "./records.ts";
import { type FrameLink, messageOf, OURS_OPTION, type SessionFacts } from "./session.ts";

/** How long a refused peer may take to read its `busy`. */
const BUSY_LINGER = 1_000;

/** What the entrance needs of its surroundings. */
export interface EntranceOptions {
  /** The node's key. */
  readonly identity: NodeIdentity;
  /** Reaches the network. */
  readonly net: Net;
  /** Time and timers. */
  readonly clock: Clock;
  /** Draws keys, nonces and jitter. */
  readonly random: RandomSource;
  /** Takes the log lines. */
  readonly log: Logger;
  /** Checks identities against the DNS. */
  readonly names: NameCheck;
  /** Announced in `hello.options` beside Go's two; for people. */
  readonly software: string;
  /** Who is kept out. */
  readonly bans: BanView;
  /** Whether there is room for an inbound session with this peer from this address. */
  readonly room: (peer: Identity, host: string) => boolean;
  /** A list of nodes, for one that is refused for want of room. */
  readonly directions: () => Uint8Array;
  /** Opens links; default the encrypted ones of the wire. */
  readonly opener?: LinkOpener;
  /** Takes over an authenticated connection. */
  readonly admit: (facts: SessionFacts, link: FrameLink) => void;
}

/** Lets connections in and out. */
export class Entrance {
  readonly #o: EntranceOptions;
  readonly #coolDown = new Map<string, number>();
  readonly #open = new Set<Connection>();
  readonly #opener: LinkOpener;
  #stopped = false;
  /** Connections refused because their address was told `busy` a moment ago. */
  coolDownDropped = 0;
  /** Connections refused because of a ban. */
  banDropped = 0;

  /** An entrance for the node `options.identity`. */
  constructor(options: EntranceOptions) {
    this.#o = options;
    const announce = new Map([
      ...GO_OPTIONS,
      ["software", options.software],
      [OURS_OPTION, "1"],
    ]);
    this.#opener = options.opener ?? encryptedLinks({ ...options, announce });
  }

  /** Why a connection is refused before its first byte, or `null`. */
  refuse(remote: Connection["remote"]): string | null {
    const banned = this.#o.bans.host(remote.host);
    if (banned !== null) {
      this.banDropped++;
      return banned;
    }
    const ends = this.#coolDown.get(remote.host);
    if (ends === undefined) return null;
    if (ends <= this.#o.clock.now()) {
      this.#coolDown.delete(remote.host);
      return null;
    }
    this.coolDownDropped++;
    return "the address was told busy a moment ago";
  }

  /** Handles an inbound connection up to its admission. Rejects with why it was closed. */
  async accept(connection: Connection): Promise<void> {
    const { result, link } = await this.#guard(connection, "server");
    this.#checkBan(result, link);
    const reason = await this.#o.names.inbound(connection.remote.host, result.peer);
    if (reason !== null) throw refused(link, `the DNS does not vouch for it: ${reason}`);
    if (!this.#o.room(result.peer, connection.remote.host)) {
      this.#sayBusy(connection, link);
      this.#o.log.info("peer refused: no room", { peer: result.peer });
      return;
    }
    this.#admit(result, connection, link, null);
  }

  /**
   * Dials an address up to the admission of the session, at the IP address `at` if one is given.
   * Never rejects.
   */
  async dial(address: string, at?: string): Promise<DialOutcome> {
    try {
      return await this.#dial(address, at);
    } catch (error) {
      if (error instanceof WireError && error.kind === "self") return { kind: "self" };
      return { kind: "failed", reason: messageOf(error) };
    }
  }

  /** Closes whatever is not admitted yet. */
  stop(): void {
    this.#stopped = true;
    for (const connection of this.#open) connection.close();
  }

  async #dial(address: string, at?: string): Promise<DialOutcome> {
    const { net, names } = this.#o;
    const target = parseAddress(address);
    if (target === null) {
      return { kind: "failed", reason: "the address is not of the form host:port" };
    }
    const host = at ?? target.host;
    const unwanted = names.refusesTarget?.(address) ?? this.#o.bans.host(host);
    if (unwanted !== null) return { kind: "failed", reason: unwanted };
    const connection = await net.dial(host, target.port, DIAL_TIMEOUT);
    if (this.#stopped) {
      connection.close();
      return { kind: "failed", reason: "the node stops" };
    }
    const { result, link } = await this.#guard(connection, "client");
    this.#checkBan(result, link);
    const reason = await names.outbound(address, connection.remote.host, result.peer);
    if (reason !== null) throw refused(link, `the DNS does not vouch for it: ${reason}`);
    this.#admit(result, connection, link, address);
    return { kind: "session", peer: result.peer };
  }

  #checkBan(result: HandshakeResult, link: FrameLink): void {
    const banned = this.#o.bans.identity(result.peer);
    if (banned === null) return;
    this.banDropped++;
    throw refused(link, banned);
  }

  #admit(
    result: HandshakeResult,
    connection: Connection,
    link: FrameLink,
    dialled: string | null,
  ): void {
    if (this.#stopped) throw refused(link, "the node stops");
    this.#o.admit({
      peer: result.peer,
      nacl: result.naclPublic.length === 0 ? null : result.naclPublic,
      options: result.options,
      dialled,
      remote: connection.remote,
    }, link);
  }

  #sayBusy(connection: Connection, link: FrameLink): void {
    const { clock, identity } = this.#o;
    const { host } = connection.remote;
    // On loopback one refusal would lock out every other local node and tool.
    if (!isLoopback(host)) {
      this.#coolDown.delete(host);
      this.#coolDown.set(host, clock.now() + BUSY_COOLDOWN);
      if (this.#coolDown.size > COOLDOWN_ENTRIES) {
        this.#coolDown.delete(this.#coolDown.keys().next().value!);
      }
    }
    const close = () => {
      cancel();
      link.close();
      this.#open.delete(connection);
    };
    const cancel = clock.setTimer(BUSY_LINGER, close);
    this.#open.add(connection);
    // Closing with unread bytes resets the connection and may destroy the message on its way.
    const drain = async () => {
      for (;;) await link.receive();
    };
    // A node that finds only full ones learns here of others to try.
    void link.send(this.#o.directions()).catch(() => {});
    link.send(encodeOneHop({ type: "busy" }, identity.identity)).then(drain).catch(close);
  }

  /** Opens the link with the connection registered, so that stopping closes it. */
  async #guard(connection: Connection, role: "client" | "server"): Promise<OpenLink> {
    this.#open.add(connection);
    try {
      return await this.#opener(connection, role);
    } finally {
      this.#open.delete(connection);
    }
  }
}

function refused(link: FrameLink, what: string): WireError {
  link.close();
  return new WireError("handshake", `Cannot admit peer: ${what}`);
}

/** Reads `host:port` with a numeric port from 1 to 65535; `null` for anything else. */
export function parseAddress(address: string): { host: string; port: number } | null {
  const parts = splitHostPort(address);
  if (parts === null || parts.host === "" || !/^[0-9]{1,5}$/.test(parts.port)) return null;
  const port = Number(parts.port);
  return port >= 1 && port <= 65_535 ? { host: parts.host, port } : null;
}

/**
 * The address to advertise: the configured one (with the bound port if it names none), else the
 * bound address; nothing for a wildcard, which nobody can dial.
 */
export function advertisedAddress(
  bound: { readonly host: string; readonly port: number } | null,
  configured: string | null,
): string {
  if (configured !== null && configured !== "") {
    if (parseAddress(configured) !== null) return configured;
    return bound === null ? "" : joinHostPort(configured, bound.port);
  }
  if (bound === null || ["0.0.0.0", "::", "[::]", ""].includes(bound.host)) return "";
  return joinHostPort(bound.host, bound.port);
}
