/**
 * What this node knows about others, and on whose word.
 *
 * A Go node lets any gossiped record replace any other, which hands an attacker the sealing keys of
 * everybody (specification: mesh weakness 17). Here first-hand knowledge (a session) wins over
 * hearsay, a known NaCl key is never replaced by hearsay, one neighbour cannot keep the table full, and
 * a record is only kept alive by news about it, not by repetition.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import { ZERO_IDENTITY } from "../crypto/identity.ts";
import { equalBytes } from "../encoding/bytes.ts";
import type { Clock } from "./clock.ts";
import { farLife } from "./far_nodes.ts";
import { isSameList } from "./known_records.ts";
import {
  CLOCK_SKEW,
  PEER_RECORD_LIFE,
  PEER_RECORDS,
  RECORD_SESSIONS,
  REMEMBERED_KEYS,
} from "./limits.ts";

/** One known peer. */
export interface KnownPeer {
  /** Its name. */
  readonly identity: Identity;
  /** `host:port`, or empty if nobody knows one. */
  readonly address: string;
  /** X25519 key that sealed messages for it are made for, 32 bytes. */
  readonly nacl: Uint8Array;
  /** When it was last heard of, Unix seconds. */
  readonly lastSeen: number;
  /** Its own sessions as it told, for routing. */
  readonly sessions: readonly Identity[];
  /** Whether the key was learned in a handshake with the peer itself. */
  readonly firstHand: boolean;
  /** Who told us, for hearsay. */
  readonly informant: Identity | null;
}

/** A peer as somebody describes it. */
export interface PeerReport {
  /** Its name. */
  readonly identity: Identity;
  /** `host:port` or empty; already checked for form. */
  readonly address: string;
  /** Its X25519 key. */
  readonly nacl: Uint8Array;
  /** When it was last seen, Unix seconds. */
  readonly lastSeen: number;
  /** Its sessions, empty if not told. */
  readonly sessions: readonly Identity[];
}

/** What became of a report. */
export type Heard =
  /** A peer we did not know. */
  | "new"
  /** News about a known peer. */
  | "refreshed"
  /** Nothing new, ourselves, unusable, or no room. */
  | "ignored"
  /** Names another NaCl key than the one known: refused. */
  | "conflict";

interface Row {
  identity: Identity;
  address: string;
  nacl: Uint8Array;
  lastSeen: number;
  sessions: readonly Identity[];
  firstHand: boolean;
  informant: Identity | null;
  /** When it was last heard of here, ms. */
  heard: number;
  /** Whether that was its own word, repeated every few seconds, not a rare one from far away. */
  near: boolean;
  /** Whether the address is one that we dialled for the present session. */
  dialled: boolean;
}

interface Memory {
  nacl: Uint8Array;
  firstHand: boolean;
  lastSeen: number;
}

/** Bounded table of peers with expiry. The own node is not in it. */
export class PeerTable {
  readonly #clock: Clock;
  readonly #self: Identity;
  readonly #rows = new Map<Identity, Row>();
  /** Keys of those that expired: a returning record must be newer and have the same key. */
  readonly #memory = new Map<Identity, Memory>();
  readonly #live = new Set<Identity>();
  /** No row expires before this time, ms. */
  #quietUntil = 0;

  /** An empty table of the node `self`. */
  constructor(clock: Clock, self: Identity) {
    this.#clock = clock;
    this.#self = self;
  }

  /** Number of records that have not expired. */
  get size(): number {
    this.sweep();
    return this.#rows.size;
  }

  /** All records that have not expired, oldest first. */
  list(): KnownPeer[] {
    this.sweep();
    return [...this.#rows.values()];
  }

  /** The record of `identity`, if there is one that has not expired. */
  get(identity: Identity): KnownPeer | undefined {
    const row = this.#rows.get(identity);
    return row !== undefined && this.#current(row) ? row : undefined;
  }

  /**
   * The key to seal to, also for a peer whose record expired if we once met it ourselves: its key
   * cannot have changed, because it is derived from the node key.
   */
  naclOf(identity: Identity): Uint8Array | undefined {
    const row = this.#rows.get(identity);
    if (row !== undefined && (row.firstHand || this.#current(row))) return row.nacl;
    const memory = this.#memory.get(identity);
    return memory?.firstHand ? memory.nacl : undefined;
  }

  /**
   * Records a session with a peer: key from the handshake, address if we dialled it. Returns whether
   * the peer was unknown. Nothing is stored for a peer that showed no key.
   */
  meet(identity: Identity, nacl: Uint8Array | null, address: string | null): boolean {
    this.#live.add(identity);
    if (!usable(identity, nacl) || identity === this.#self) return false;
    const held = this.get(identity);
    if (held === undefined) this.#makeRoom(null);
    const ours: Row = {
      identity,
      address: address ?? held?.address ?? "",
      nacl: new Uint8Array(nacl),
      lastSeen: this.#seconds(),
      sessions: held?.sessions ?? [],
      firstHand: true,
      informant: null,
      heard: this.#clock.now(),
      near: true,
      dialled: address !== null,
    };
    this.#rows.delete(identity);
    this.#insert(ours);
    return held === undefined;
  }

  /** A session with the peer ended: its record now lives on what others tell. */
  part(identity: Identity): void {
    this.#live.delete(identity);
    const row = this.#rows.get(identity);
    if (row === undefined) return;
    row.dialled = false;
    // From now on others tell of it, at their pace.
    row.near = false;
    this.#quietUntil = Math.min(this.#quietUntil, this.#ends(row));
  }

  /** The peer answered a ping. */
  ponged(identity: Identity): void {
    const row = this.#rows.get(identity);
    if (row === undefined) return;
    row.lastSeen = this.#seconds();
    row.heard = this.#clock.now();
    row.near = true;
  }

  /** Takes a report from the neighbour `informant`; the report may be about the informant itself. */
  hear(report: PeerReport, informant: Identity): Heard {
    const { identity } = report;
    if (identity === this.#self || !usable(identity, report.nacl)) return "ignored";
    const held = this.#rows.get(identity);
    const seen = Math.min(report.lastSeen, this.#seconds());
    const future = report.lastSeen * 1000 > this.#clock.now() + CLOCK_SKEW;
    if (held === undefined || !this.#current(held)) {
      return this.#admit(report, informant, seen);
    }
    if (!equalBytes(held.nacl, report.nacl)) return "conflict";
    // A peer's own word over its session is news by itself: Go never advances its own time stamp.
    const itself = identity === informant;
    const live = this.#live.has(identity);
    const news = itself || (!future && seen > held.lastSeen);
    if (!news) return "ignored";
    if (itself || !live) this.#describe(held, report);
    held.lastSeen = Math.max(held.lastSeen, seen);
    held.heard = this.#clock.now();
    held.near = itself;
    if (!live) this.#quietUntil = Math.min(this.#quietUntil, this.#ends(held));
    return "refreshed";
  }

  /** Takes over address and sessions; an address that we dialled ourselves stays while it serves. */
  #describe(row: Row, report: PeerReport): void {
    if (report.address !== "" && !row.dialled) row.address = report.address;
    // What has not changed stays the same list, so that nobody looks at its content again.
    const sessions = report.sessions.slice(0, RECORD_SESSIONS);
    if (!isSameList(sessions, row.sessions)) row.sessions = sessions;
  }

  /** Drops a peer and what is remembered of it. */
  forget(identity: Identity): void {
    this.#rows.delete(identity);
    this.#memory.delete(identity);
  }

  /** Removes expired records; their keys stay remembered. */
  sweep(): void {
    // Asked for at every turn; a table of a thousand is not walked before anything can have expired.
    if (this.#clock.now() < this.#quietUntil) return;
    let next = Infinity;
    for (const row of this.#rows.values()) {
      if (!this.#current(row)) this.#expire(row);
      else if (!this.#live.has(row.identity)) next = Math.min(next, this.#ends(row));
    }
    this.#quietUntil = next;
  }

  #insert(row: Row): void {
    this.#rows.set(row.identity, row);
    this.#quietUntil = Math.min(this.#quietUntil, this.#ends(row));
  }

  #admit(report: PeerReport, informant: Identity, seen: number): Heard {
    const { identity } = report;
    const expired = this.#rows.get(identity);
    if (expired !== undefined) this.#expire(expired);
    const memory = this.#memory.get(identity);
    if (memory !== undefined) {
      // A key from hearsay binds only while its record lives, else the first liar would win for ever.
      if (memory.firstHand && !equalBytes(memory.nacl, report.nacl)) return "conflict";
      // Without this a vanished peer would be told back and forth for ever.
      if (identity !== informant && seen <= memory.lastSeen) return "ignored";
    }
    if (!this.#makeRoom(informant)) return "ignored";
    this.#insert({
      identity,
      address: report.address,
      nacl: new Uint8Array(report.nacl),
      lastSeen: seen,
      sessions: report.sessions.slice(0, RECORD_SESSIONS),
      firstHand: memory?.firstHand ?? false,
      informant,
      heard: this.#clock.now(),
      near: false,
      dialled: false,
    });
    return "new";
  }

  /**
   * Makes room for one more row. When the table is full, whoever told most rows loses the oldest of
   * them: one neighbour can fill what nobody needs, and must give it back when somebody does.
   */
  #makeRoom(informant: Identity | null): boolean {
    if (this.#rows.size >= PEER_RECORDS) this.sweep();
    if (this.#rows.size < PEER_RECORDS) return true;
    if (informant === null) {
      if (!this.#evict((r) => r.informant !== null)) this.#evict(() => true);
      return true;
    }
    const told = new Map<Identity, number>();
    for (const row of this.#rows.values()) {
      if (row.informant === null || this.#live.has(row.identity)) continue;
      told.set(row.informant, (told.get(row.informant) ?? 0) + 1);
    }
    let most = informant;
    for (const [who, count] of told) if (count > (told.get(most) ?? 0)) most = who;
    return this.#evict((r) => r.informant === most);
  }

  #evict(which: (row: Row) => boolean): boolean {
    for (const row of this.#rows.values()) {
      if (!this.#live.has(row.identity) && which(row)) {
        this.#expire(row);
        return true;
      }
    }
    return false;
  }

  #expire(row: Row): void {
    this.#rows.delete(row.identity);
    const known = this.#memory.get(row.identity);
    this.#memory.delete(row.identity);
    this.#memory.set(row.identity, {
      nacl: row.nacl,
      firstHand: row.firstHand || known?.firstHand === true,
      lastSeen: row.lastSeen,
    });
    if (this.#memory.size <= REMEMBERED_KEYS) return;
    // Hearsay goes first, so that invented identities cannot wash out keys we saw ourselves.
    for (const [identity, memory] of this.#memory) {
      if (!memory.firstHand) {
        this.#memory.delete(identity);
        return;
      }
    }
    this.#memory.delete(this.#memory.keys().next().value!);
  }

  #current(row: Row): boolean {
    return this.#ends(row) > this.#clock.now() || this.#live.has(row.identity);
  }

  /** By the number of nodes known now: what was heard first, when they were few, comes as rarely. */
  #ends(row: Row): number {
    return row.heard + (row.near ? PEER_RECORD_LIFE : farLife(this.#rows.size));
  }

  #seconds(): number {
    return Math.floor(this.#clock.now() / 1000);
  }
}

function usable(identity: Identity, nacl: Uint8Array | null): nacl is Uint8Array {
  return identity !== ZERO_IDENTITY && nacl !== null && nacl.length === 32 &&
    nacl.some((b) => b !== 0);
}
