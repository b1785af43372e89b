/**
 * Telling each other who is there (specification: mesh section 10).
 *
 * Go nodes exchange lists only when a session starts or a count grows, and then forget everybody
 * who is not a neighbour after 67 s. So this side repeats its own record and its live neighbours,
 * and asks for news, well within that time. Between nodes of our own kind news about far nodes
 * travels by itself, each piece once over each link, and what has not changed is repeated the less
 * often the more nodes there are.
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
import { farRepeat } from "./far_nodes.ts";
import { freshest, hasSameLinks, linksOf, recordBytes } from "./known_records.ts";
import {
  FAR_FRESH,
  GOSSIP_INTERVAL,
  LIST_ANSWER_BURST,
  LIST_ANSWER_RATE,
  LIST_BYTES,
  LIST_ENTRIES,
  LIST_REQUEST_RATE,
  NOTIFY_INTERVAL,
  PEER_RECORDS,
  RECORD_SESSIONS,
  SPREAD_INTERVAL,
} from "./limits.ts";
import { Names } from "./names.ts";
import type { KnownPeer, PeerTable } from "./peer_table.ts";
import { TokenBucket } from "./rate_limit.ts";
import { checkPeerRecord } from "./records.ts";
import type { Session } from "./session.ts";

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
  readonly #names = new Names(4 * PEER_RECORDS);
  /** Peers that are new since the last telling, with who told us. */
  readonly #news = new Map<Identity, ReadonlySet<Identity>>();
  /** Far nodes heard of again since they were told on, with all who told us. */
  readonly #heard = new Map<Identity, Set<Identity>>();
  /** What was told on of far nodes, and when. */
  readonly #told = new Map<Identity, { readonly at: number; readonly sessions: string }>();
  #cancelTick: (() => void) | null = null;
  #cancelSpread: (() => void) | null = null;
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
    this.#tick();
    this.#spreadLater();
  }

  #tick(): void {
    this.#cancelTick = this.#o.clock.setTimer(GOSSIP_INTERVAL, () => {
      this.repeat();
      this.#tick();
    });
  }

  #spreadLater(): void {
    this.#cancelSpread = this.#o.clock.setTimer(SPREAD_INTERVAL, () => {
      this.#spread();
      this.#spreadLater();
    });
  }

  /** Stops all timers. */
  stop(): void {
    this.#cancelTick?.();
    this.#cancelSpread?.();
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

  /** Our own record and our neighbours', for one who cannot stay. */
  nearby(): PeerListResponseCommand {
    const neighbours = new Set(this.#o.sessions().map((s) => s.peer));
    const near = this.#o.table.list().filter((p) => neighbours.has(p.identity));
    return this.#list(this.ownRecord(), near, this.#o.self);
  }

  /** There are new peers, heard of from `informant`: tells all sessions, at most once a second. */
  news(peers: readonly Identity[], informant: Identity | null = null): void {
    const informants = new Set(informant === null ? [] : [informant]);
    for (const peer of peers) if (this.#news.size < PEER_RECORDS) this.#news.set(peer, informants);
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

  /**
   * Repeats own record and live neighbours to all, fresh records of far nodes to those who forget
   * by rule, and asks the latter.
   */
  repeat(): void {
    const own = this.ownRecord();
    const neighbours = new Set(this.#o.sessions().map((s) => s.peer));
    const known = this.#o.table.list();
    const near = known.filter((p) => neighbours.has(p.identity));
    // A Go node seals to nobody whose record has expired, and a round message lost that way is lost
    // for good. It also keeps alive whatever is repeated to it, so that what nobody has seen lately
    // does not go there. Our own kind gets what is far when there is news about it.
    const since = this.#o.clock.now() / 1000 - FAR_FRESH / 1000;
    const far = freshest(
      known.filter((p) => !neighbours.has(p.identity) && p.lastSeen >= since),
    );
    for (const session of this.#o.sessions()) {
      this.#tell(session, own, session.ours ? near : [...near, ...far]);
      this.#o.send(session, this.notify());
      if (!session.ours) this.#o.send(session, { type: "peer-list-request" });
    }
  }

  /** Takes a `peer-notify`: a peer that knows more is asked. */
  heardNotify(session: Session, count: bigint): void {
    // Our own kind sends its news unasked; only one that knows a good deal more is asked.
    const enough = session.ours ? Math.floor(this.count() * 1.02) : this.count();
    if (count <= BigInt(enough)) return;
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
    this.#tell(session, this.ownRecord(), records);
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
      const identity = this.#names.of(record.identity);
      const sessions = record.sessions.slice(0, RECORD_SESSIONS).map((s) => this.#names.of(s));
      const { address, naclPub: nacl } = record;
      const lastSeen = Number(record.lastSeen);
      const report = { identity, address, nacl, lastSeen, sessions };
      const heard = this.#o.table.hear(report, session.peer);
      if (heard === "new") novelties.push(identity);
      if (identity !== session.peer) {
        if (heard === "refreshed") this.#heard.set(identity, new Set([session.peer]));
        else this.#knows(session.peer, record);
      }
      if (heard === "conflict") this.#warnConflict(session.peer, record.identity);
      else {
        this.#o.adjacency.hear({ node: identity, sessions, seen: lastSeen }, session.peer);
      }
    }
    if (novelties.length > 0) this.news(novelties, session.peer);
  }

  /** Whoever tells us what we are about to tell on need not be told. */
  #knows(peer: Identity, record: PeerRecord): void {
    const told = this.#heard.get(record.identity);
    const held = this.#o.table.get(record.identity);
    if (told === undefined || held === undefined || Number(record.lastSeen) < held.lastSeen) return;
    if (hasSameLinks(record, held)) told.add(peer);
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
    const news = [...this.#news].map(([identity, informants]) =>
      [identity, (peer: Identity) => !informants.has(peer)] as const
    );
    this.#news.clear();
    for (const [identity] of news) this.#tellingOn(identity);
    for (const session of this.#o.sessions()) {
      // A count that did not grow tells a Go node nothing; our own kind gets the news themselves.
      if (session.ours) this.#tell(session, own, this.#meant(news, session));
      else this.#o.send(session, notify);
    }
  }

  /** Tells our own kind what was heard of far nodes, if it is news or time for it. */
  #spread(): void {
    const now = this.#o.clock.now();
    const repeat = this.#farRepeat();
    const due: [Identity, (peer: Identity) => boolean][] = [];
    for (const [identity, informants] of this.#heard) {
      const record = this.#o.table.get(identity);
      const told = this.#told.get(identity);
      if (record === undefined) {
        this.#heard.delete(identity);
        continue;
      }
      const age = told === undefined ? Infinity : now - told.at;
      if (age < Math.min(repeat - SPREAD_INTERVAL / 2, repeat / 5)) continue;
      const changed = told !== undefined && told.sessions !== linksOf(record);
      // An informant knows it, but would go on holding our former word against the new one. What
      // nobody but itself told us is not told back: its own word would look like a second one.
      const others = informants.size > 1;
      if (changed && others) due.push([identity, () => true]);
      else if (changed || age >= repeat - SPREAD_INTERVAL / 2) {
        due.push([identity, (peer) => !informants.has(peer)]);
      }
    }
    for (const [identity] of due) {
      this.#heard.delete(identity);
      this.#tellingOn(identity);
    }
    if (due.length === 0) return;
    const own = this.ownRecord();
    for (const session of this.#o.sessions()) {
      const records = session.ours ? this.#meant(due, session) : [];
      if (records.length > 0) this.#tell(session, own, records);
    }
  }

  #farRepeat(): number {
    return farRepeat(this.#o.table.size);
  }

  #tellingOn(identity: Identity): void {
    const record = this.#o.table.get(identity);
    if (record === undefined) return;
    this.#told.delete(identity);
    this.#told.set(identity, { at: this.#o.clock.now(), sessions: linksOf(record) });
    if (this.#told.size > PEER_RECORDS) this.#told.delete(this.#told.keys().next().value!);
  }

  /** The records that are meant for `session`. */
  #meant(
    told: readonly (readonly [Identity, (peer: Identity) => boolean])[],
    session: Session,
  ): KnownPeer[] {
    return told.flatMap(([identity, meant]) =>
      meant(session.peer) ? this.#o.table.get(identity) ?? [] : []
    );
  }

  /** Sends a list: one to a Go node, which reads no more, as many as it takes to our own kind. */
  #tell(session: Session, own: PeerRecord, known: readonly KnownPeer[]): void {
    for (let at = 0; at === 0 || at < known.length;) {
      const list = this.#list(own, known.slice(at), session.peer);
      this.#o.send(session, list);
      const told = list.peers.length - 1;
      if (!session.ours || told === 0) return;
      // The record that is left out, of the session's own peer, may shift the end by one.
      at += told;
    }
  }

  #list(
    own: PeerRecord,
    known: readonly KnownPeer[],
    except: Identity,
  ): PeerListResponseCommand {
    const peers = [own];
    let bytes = recordBytes(own);
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
      bytes += recordBytes(record);
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
        requests: session.ours
          ? bucket(LIST_REQUEST_RATE, 1)
          : bucket(LIST_ANSWER_RATE, LIST_ANSWER_BURST),
      };
      this.#allowances.set(session, allowance);
    }
    return allowance;
  }
}
