/**
 * Telling each other who is there (specification: mesh section 10).
 *
 * Go nodes exchange lists only when a session starts or a count grows, and then forget everybody
 * who is not a neighbour after 67 s. So this side repeats its own record and its live neighbours,
 * and asks for news, well within that time.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { Logger } from "../observe/logger.ts";
import type { Adjacency } from "./adjacency.ts";
import type { Clock } from "./clock.ts";
import type {
  Command,
  PeerListResponseCommand,
  PeerNotifyCommand,
  PeerRecord,
} from "./commands.ts";
import {
  GOSSIP_INTERVAL,
  LIST_ANSWER_BURST,
  LIST_ANSWER_RATE,
  LIST_BYTES,
  LIST_ENTRIES,
  NOTIFY_INTERVAL,
  RECORD_SESSIONS,
} from "./limits.ts";
import type { KnownPeer, PeerTable } from "./peer_table.ts";
import { TokenBucket } from "./rate_limit.ts";
import { checkPeerRecord } from "./records.ts";
import type { Session } from "./session.ts";

/** Bytes of a record without its address and sessions, generously. */
const RECORD_BASE = 256;
/** Bytes of one identity in a list, quotes and comma included. */
const RECORD_SESSION = 43;
/** An address byte can become six in JSON. */
const ADDRESS_BYTE = 6;

/** What gossip needs of its surroundings. */
export interface GossipOptions {
  /** Time and timers. */
  readonly clock: Clock;
  /** This node's name. */
  readonly self: Identity;
  /** This node's X25519 key. */
  readonly nacl: Uint8Array;
  /** Takes the log lines. */
  readonly log: Logger;
  /** What is known of others. */
  readonly table: PeerTable;
  /** Who has a session with whom. */
  readonly adjacency: Adjacency;
  /** `host:port` under which we can be dialled, or empty. */
  readonly address: () => string;
  /** All sessions in use. */
  readonly sessions: () => Session[];
  /** Sends a one-hop command. */
  readonly send: (session: Session, command: Command) => void;
}

interface Allowance {
  readonly answers: TokenBucket;
  readonly lists: TokenBucket;
  readonly requests: TokenBucket;
}

/** The gossip of one node. */
export class Gossip {
  readonly #o: GossipOptions;
  readonly #allowances = new WeakMap<Session, Allowance>();
  readonly #conflicts = new Set<Identity>();
  /** Peers that are new since the last telling. */
  readonly #news = new Set<Identity>();
  #cancelTick: (() => void) | null = null;
  #cancelNotify: (() => void) | null = null;
  #lastNotify = -Infinity;
  /** Lists or requests ignored because a peer sent too many. */
  dropped = 0;

  /** Gossip over the given table and sessions. */
  constructor(options: GossipOptions) {
    this.#o = options;
  }

  /** Starts repeating. */
  start(): void {
    this.#cancelTick = this.#o.clock.setTimer(GOSSIP_INTERVAL, () => {
      this.repeat();
      this.start();
    });
  }

  /** Stops all timers. */
  stop(): void {
    this.#cancelTick?.();
    this.#cancelNotify?.();
    this.#cancelNotify = null;
  }

  /** Number of records we can hand out, our own included. */
  count(): number {
    return this.#o.table.size + 1;
  }

  /** The `peer-notify` of this moment. */
  notify(): PeerNotifyCommand {
    return { type: "peer-notify", count: BigInt(this.count()) };
  }

  /** Our own record of this moment. */
  ownRecord(): PeerRecord {
    return {
      identity: this.#o.self,
      address: this.#o.address(),
      naclPub: this.#o.nacl,
      version: 1,
      lastSeen: BigInt(Math.floor(this.#o.clock.now() / 1000)),
      sessions: this.#o.sessions().slice(0, RECORD_SESSIONS).map((s) => s.peer),
    };
  }

  /** There are new peers: tells all sessions, at most once a second. */
  news(peers: readonly Identity[]): void {
    for (const peer of peers) if (this.#news.size < LIST_ENTRIES) this.#news.add(peer);
    if (this.#cancelNotify !== null) return;
    const wait = this.#lastNotify + NOTIFY_INTERVAL - this.#o.clock.now();
    if (wait <= 0) this.#tellAll();
    else {
      this.#cancelNotify = this.#o.clock.setTimer(wait, () => {
        this.#cancelNotify = null;
        this.#tellAll();
      });
    }
  }

  /** Repeats own record and live neighbours to all, more to those who forget by rule, and asks. */
  repeat(): void {
    const own = this.ownRecord();
    const known = this.#o.table.list();
    const neighbours = new Set(this.#o.sessions().map((s) => s.peer));
    const near = known.filter((p) => neighbours.has(p.identity));
    const far = known.filter((p) => !neighbours.has(p.identity));
    for (const session of this.#o.sessions()) {
      // A Go node keeps alive whatever is repeated to it, vanished nodes too: only what we see
      // ourselves goes there. Our own nodes only count what is newer than what they hold.
      const records = session.ours ? [...near, ...freshest(far)] : near;
      this.#o.send(session, this.#list(own, records, session.peer));
      this.#o.send(session, this.notify());
      if (!session.ours) this.#o.send(session, { type: "peer-list-request" });
    }
  }

  /** Takes a `peer-notify`: a peer that knows more is asked. */
  heardNotify(session: Session, count: bigint): void {
    if (count <= BigInt(this.count())) return;
    if (this.#allowance(session).requests.take()) {
      this.#o.send(session, { type: "peer-list-request" });
    }
  }

  /** Answers a `peer-list-request` with everything but the requester's own record. */
  heardRequest(session: Session): void {
    if (!this.#allowance(session).answers.take()) {
      this.dropped++;
      return;
    }
    const neighbours = new Set(this.#o.sessions().map((s) => s.peer));
    const known = this.#o.table.list();
    const records = [
      ...known.filter((p) => neighbours.has(p.identity)),
      ...freshest(known.filter((p) => !neighbours.has(p.identity))),
    ];
    this.#o.send(session, this.#list(this.ownRecord(), records, session.peer));
  }

  /** Takes a list; tells all sessions if it named somebody new. */
  heardList(session: Session, list: PeerListResponseCommand): void {
    if (!this.#allowance(session).lists.take()) {
      this.dropped++;
      return;
    }
    const novelties: Identity[] = [];
    for (const record of list.peers.slice(0, LIST_ENTRIES)) {
      const fault = checkPeerRecord(record, this.#o.self);
      if (fault !== null) {
        this.#o.log.debug("peer record ignored", { peer: session.peer, reason: fault });
        continue;
      }
      const heard = this.#o.table.hear({
        identity: record.identity,
        address: record.address,
        nacl: record.naclPub,
        lastSeen: Number(record.lastSeen),
        sessions: record.sessions,
      }, session.peer);
      if (heard === "new") novelties.push(record.identity);
      if (heard === "conflict") this.#warnConflict(session.peer, record.identity);
      else {
        this.#o.adjacency.hear({
          node: record.identity,
          sessions: record.sessions,
          seen: Number(record.lastSeen),
        }, session.peer);
      }
    }
    if (novelties.length > 0) this.news(novelties);
  }

  #warnConflict(informant: Identity, about: Identity): void {
    if (this.#conflicts.has(about)) return;
    if (this.#conflicts.size >= 1_024) this.#conflicts.clear();
    this.#conflicts.add(about);
    this.#o.log.warn("a peer tells another NaCl key for a known node; the known one stays", {
      peer: informant,
      about,
    });
  }

  #tellAll(): void {
    this.#lastNotify = this.#o.clock.now();
    const notify = this.notify();
    const own = this.ownRecord();
    const fresh = [...this.#news].flatMap((identity) => this.#o.table.get(identity) ?? []);
    this.#news.clear();
    for (const session of this.#o.sessions()) {
      // A count that did not grow tells a Go node nothing; our own nodes get the news themselves.
      if (session.ours) this.#o.send(session, this.#list(own, fresh, session.peer));
      this.#o.send(session, notify);
    }
  }

  #list(
    own: PeerRecord,
    known: readonly KnownPeer[],
    except: Identity,
  ): PeerListResponseCommand {
    const peers = [own];
    let bytes = sizeOf(own);
    for (const peer of known) {
      if (peer.identity === except) continue;
      const record: PeerRecord = {
        identity: peer.identity,
        address: peer.address,
        naclPub: peer.nacl,
        version: 1,
        lastSeen: BigInt(peer.lastSeen),
        sessions: peer.sessions,
      };
      bytes += sizeOf(record);
      if (peers.length >= LIST_ENTRIES || bytes > LIST_BYTES) break;
      peers.push(record);
    }
    return { type: "peer-list-response", peers };
  }

  #allowance(session: Session): Allowance {
    let allowance = this.#allowances.get(session);
    if (allowance === undefined) {
      const bucket = (rate: number, burst: number) => new TokenBucket(this.#o.clock, rate, burst);
      allowance = {
        answers: bucket(LIST_ANSWER_RATE, LIST_ANSWER_BURST),
        // A Go node answers each of our requests and notifies on each novelty of its own.
        lists: bucket(2, 20),
        requests: bucket(LIST_ANSWER_RATE, LIST_ANSWER_BURST),
      };
      this.#allowances.set(session, allowance);
    }
    return allowance;
  }
}

function freshest(peers: KnownPeer[]): KnownPeer[] {
  return peers.sort((a, b) => b.lastSeen - a.lastSeen);
}

function sizeOf(record: PeerRecord): number {
  return RECORD_BASE + ADDRESS_BYTE * record.address.length +
    RECORD_SESSION * record.sessions.length;
}
