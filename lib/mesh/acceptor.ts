/**
 * Takes inbound connections and bounds what strangers can hold before they have proved anything.
 *
 * A Go node lets a handful of slow clients hold its accept loop (specification: mesh weakness 28).
 * Here accepting never waits for a handshake: each address has a share of the slots, a handshake
 * has one deadline over all its steps, and when all slots are taken the oldest gives way.
 *
 * @module
 */

import type { Logger } from "../observe/logger.ts";
import type { Clock } from "./clock.ts";
import {
  ACCEPT_RETRY,
  HANDSHAKE_DEADLINE,
  HANDSHAKES_LOOPBACK,
  HANDSHAKES_PER_ADDRESS,
  HANDSHAKES_TOTAL,
} from "./limits.ts";
import type { Connection, Listener } from "./net.ts";
import { messageOf } from "./session.ts";

/** What an acceptor needs of its surroundings. */
export interface AcceptorOptions {
  /** Where connections come from. */
  readonly listener: Listener;
  /** Time and timers. */
  readonly clock: Clock;
  /** Takes the log lines. */
  readonly log: Logger;
  /** Says why a connection is refused before its first byte, or `null` to go on. */
  readonly refuse: (remote: Connection["remote"]) => string | null;
  /**
   * Runs the handshake; settles when it is over, successful or not. A rejection is logged and the
   * connection closed; on success the connection belongs to the callee.
   */
  readonly handshake: (connection: Connection) => Promise<void>;
}

interface Pending {
  readonly connection: Connection;
  readonly group: string;
  reason: string | null;
}

/** The accept loop of one listener. */
export class Acceptor {
  readonly #o: AcceptorOptions;
  readonly #pending = new Set<Pending>();
  #stopped = false;
  #cancelRetry: (() => void) | null = null;
  #wake: (() => void) | null = null;

  /** Prepares the loop; {@link run} starts it. */
  constructor(options: AcceptorOptions) {
    this.#o = options;
  }

  /** Handshakes going on now. */
  get handshakes(): number {
    return this.#pending.size;
  }

  /** Accepts until the listener closes. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      let connection: Connection | null;
      try {
        connection = await this.#o.listener.accept();
      } catch (error) {
        this.#o.log.warn("cannot accept a connection", { reason: messageOf(error) });
        await this.#wait();
        continue;
      }
      if (connection === null) return;
      if (this.#stopped) connection.close();
      else this.#take(connection);
    }
  }

  /** Closes the listener and all unfinished handshakes. */
  stop(): void {
    this.#stopped = true;
    this.#o.listener.close();
    this.#cancelRetry?.();
    this.#wake?.();
    for (const pending of this.#pending) this.#abandon(pending, "the node stops");
  }

  #take(connection: Connection): void {
    const { remote } = connection;
    const group = addressGroup(remote.host);
    const refused = this.#o.refuse(remote) ?? this.#crowded(group);
    if (refused !== null) {
      this.#o.log.debug("connection refused", { remote: remote.host, reason: refused });
      connection.close();
      return;
    }
    if (this.#pending.size >= HANDSHAKES_TOTAL) {
      // The newest stays: whoever holds slots open loses them, honest handshakes take moments.
      const oldest = this.#pending.values().next().value!;
      this.#abandon(oldest, "too many handshakes at once");
    }
    const pending: Pending = { connection, group, reason: null };
    this.#pending.add(pending);
    void this.#shake(pending);
  }

  async #shake(pending: Pending): Promise<void> {
    const { connection } = pending;
    const cancel = this.#o.clock.setTimer(
      HANDSHAKE_DEADLINE,
      () => this.#abandon(pending, `handshake not done within ${HANDSHAKE_DEADLINE} ms`),
    );
    try {
      await this.#o.handshake(connection);
    } catch (error) {
      this.#o.log.warn("inbound connection closed before a session", {
        remote: `${connection.remote.host}:${connection.remote.port}`,
        reason: pending.reason ?? messageOf(error),
      });
      connection.close();
    } finally {
      cancel();
      this.#pending.delete(pending);
    }
  }

  #abandon(pending: Pending, reason: string): void {
    pending.reason ??= reason;
    this.#pending.delete(pending);
    pending.connection.close();
  }

  #crowded(group: string): string | null {
    let held = 0;
    for (const pending of this.#pending) if (pending.group === group) held++;
    const most = group === "loopback" ? HANDSHAKES_LOOPBACK : HANDSHAKES_PER_ADDRESS;
    return held >= most ? `${held} handshakes from this address already` : null;
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#cancelRetry = this.#o.clock.setTimer(ACCEPT_RETRY, resolve);
    });
  }
}

/** Whether a textual IP address is a loopback one. */
export function isLoopback(host: string): boolean {
  const v4 = host.toLowerCase().replace(/^::ffff:/, "");
  return /^127(\.\d{1,3}){3}$/.test(v4) || v4 === "::1";
}

/**
 * Names the party behind an address for limits: an IPv4 address itself, the /64 of an IPv6 address
 * (one customer has at least that much), `loopback` for all of loopback.
 */
export function addressGroup(host: string): string {
  if (isLoopback(host)) return "loopback";
  const address = host.toLowerCase().replace(/%.*$/, "");
  if (address.startsWith("::ffff:") && address.includes(".")) return address.slice(7);
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array<string>(zeros).fill("0"), ...right].slice(0, 4);
  return groups.map((g) => g.replace(/^0+(?=.)/, "")).join(":") + "::/64";
}
