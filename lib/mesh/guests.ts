/**
 * Who may hold a session: places for strangers, shares of an address, bans, removals.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import { addressGroup } from "./acceptor.ts";
import type { BanView } from "./bans.ts";
import type { Dialer } from "./dialer.ts";
import { SESSIONS_PER_ADDRESS } from "./limits.ts";
import type { MeshConfig } from "./mesh_options.ts";
import type { PeerTable } from "./peer_table.ts";
import type { SessionTable } from "./session_table.ts";

/** What the guest list needs of its surroundings. */
export interface GuestsOptions {
  /** Numbers of places, and who is admitted in any case. */
  readonly config: Pick<MeshConfig, "peersWanted" | "sessionsPerAddress" | "reserved">;
  /** Who is here. */
  readonly sessions: SessionTable;
  /** Who is dialled. */
  readonly dialer: () => Dialer;
  /** Who is known. */
  readonly table: PeerTable;
  /** Who is kept out. */
  readonly bans: BanView;
}

/** Decides about sessions. */
export class Guests {
  readonly #o: GuestsOptions;
  readonly #reserved: ReadonlySet<Identity>;

  /** A list over the given rooms. */
  constructor(options: GuestsOptions) {
    this.#o = options;
    this.#reserved = new Set(options.config.reserved ?? []);
  }

  /** Whether there is room for an inbound session with `peer` from the address `host`. */
  room(peer: Identity, host: string): boolean {
    const { sessions, config } = this.#o;
    if (this.#reserved.has(peer) || sessions.get(peer) !== undefined) return true;
    if (this.#o.dialer().targets().some((target) => target.peer === peer)) return true;
    return sessions.size < config.peersWanted && this.#shareFree(host);
  }

  /** Ends the sessions that a ban forbids. */
  enforce(): void {
    const { bans, sessions } = this.#o;
    for (const session of sessions.list()) {
      const why = bans.identity(session.peer) ?? bans.host(session.facts.remote.host);
      if (why !== null) session.end(why);
    }
  }

  /**
   * Stops keeping sessions with an address or with an identity, ends the session, forgets the
   * record. Returns whether there was anything to end.
   */
  remove(subject: string): boolean {
    const { sessions, table } = this.#o;
    const dialer = this.#o.dialer();
    const known = table.list().find((p) => p.address === subject)?.identity;
    const targets = dialer.targets().filter((t) =>
      t.address === subject || (t.peer !== null && (t.peer === subject || t.peer === known))
    );
    for (const { address } of targets) dialer.drop(address);
    const peers = new Set(targets.flatMap((t) => t.peer ?? []));
    if (known !== undefined) peers.add(known);
    const named = subject as Identity;
    if (sessions.get(named) !== undefined || table.get(named) !== undefined) peers.add(named);
    for (const peer of peers) {
      sessions.get(peer)?.end("removed by the operator");
      table.forget(peer);
    }
    return targets.length > 0 || peers.size > 0;
  }

  /** One address must not fill all the places that strangers get. */
  #shareFree(host: string): boolean {
    const group = addressGroup(host);
    if (group === "loopback") return true;
    const held = this.#o.sessions.list().filter((session) =>
      session.facts.dialled === null && addressGroup(session.facts.remote.host) === group
    );
    return held.length < (this.#o.config.sessionsPerAddress ?? SESSIONS_PER_ADDRESS);
  }
}
