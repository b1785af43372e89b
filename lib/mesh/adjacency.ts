/**
 * Who has a session with whom, as far as it can be believed (specification: mesh sections 9.5, 10).
 *
 * Records are not signed, so a neighbour can invent what others' records say. Three rules keep such
 * lies from drawing traffic to the liar: a link counts only if both its ends claim it, what several
 * neighbours tell of one node counts only as far as they agree, and what a neighbour says of itself
 * goes before what others say of it. A liar can then take links away, which ends in flooding, but
 * it cannot add any that an honest neighbour's account leaves out.
 *
 * @module
 */

import { type Identity, ZERO_IDENTITY } from "../crypto/identity.ts";
import type { Clock } from "./clock.ts";
import { claimLife } from "./far_nodes.ts";
import { isSameList } from "./known_records.ts";
import { ADJACENCY_INFORMANTS, PEER_RECORDS, RECORD_SESSIONS } from "./limits.ts";

/** What one neighbour tells of one node. */
interface Claim {
  /** Sorted, each once. */
  sessions: readonly Identity[];
  /** `last_seen` of the record, Unix seconds. */
  seen: number;
  /** When it was heard, ms. */
  heard: number;
}

/** What is heard of a node's sessions. */
export interface Account {
  /** The node in question. */
  readonly node: Identity;
  /** Who it has sessions with. */
  readonly sessions: readonly Identity[];
  /** `last_seen` of its record, Unix seconds. */
  readonly seen: number;
}

/** Claims about the links of the mesh, bounded in number and in time. */
export class Adjacency {
  readonly #clock: Clock;
  readonly #self: Identity;
  readonly #known: (node: Identity) => boolean;
  readonly #claims = new Map<Identity, Map<Identity, Claim>>();
  #generation = 0;
  #graph: ReadonlyMap<Identity, readonly Identity[]> = new Map();
  #graphOf = -1;
  #graphEnds = Infinity;

  /**
   * Knows nothing yet.
   *
   * @param known whether a node has a peer record; accounts of others are not kept.
   */
  constructor(clock: Clock, self: Identity, known: (node: Identity) => boolean) {
    this.#clock = clock;
    this.#self = self;
    this.#known = known;
  }

  /** Changes whenever the graph may have changed. */
  get generation(): number {
    // Claims that run out change the graph too.
    if (this.#clock.now() >= this.#graphEnds) {
      this.#graphEnds = Infinity;
      this.#generation++;
    }
    return this.#generation;
  }

  /** Own sessions changed. */
  touch(): void {
    this.#generation++;
  }

  /** Takes an account from the neighbour `informant`, which may be about itself. */
  hear(account: Account, informant: Identity): void {
    const { node } = account;
    if (node === this.#self || node === ZERO_IDENTITY || !this.#known(node)) return;
    const now = this.#clock.now();
    const seen = Math.min(account.seen, Math.floor(now / 1000));
    let claims = this.#claims.get(node);
    if (claims === undefined) {
      if (this.#claims.size >= PEER_RECORDS) this.#sweep(now);
      if (this.#claims.size >= PEER_RECORDS) return;
      this.#claims.set(node, claims = new Map());
    }
    const held = claims.get(informant);
    if (held !== undefined) {
      // A peer's own word is news by itself: Go never advances its own time stamp.
      const news = seen > held.seen ||
        (seen === held.seen && account.sessions.length > held.sessions.length);
      if (node !== informant && !news && this.#counts(held, now)) return;
    } else if (node !== informant && claims.size >= ADJACENCY_INFORMANTS) {
      // First come, first kept: many new neighbours cannot talk an old one down.
      for (const [who, claim] of claims) if (!this.#counts(claim, now)) claims.delete(who);
      if (claims.size >= ADJACENCY_INFORMANTS) return;
    }
    const sessions = this.#shared(claims, account.sessions);
    const changed = held === undefined || held.sessions !== sessions;
    if (changed || !this.#counts(held, now)) this.#generation++;
    claims.set(informant, { sessions, seen, heard: now });
  }

  /** A neighbour is none any more: its word is not renewed, so it goes. */
  part(informant: Identity): void {
    this.#generation++;
    for (const [node, claims] of this.#claims) {
      if (claims.delete(informant) && claims.size === 0) this.#claims.delete(node);
    }
  }

  /** The believed links of every node but ourselves, both ways. */
  graph(): ReadonlyMap<Identity, readonly Identity[]> {
    const { generation } = this;
    if (this.#graphOf === generation) return this.#graph;
    const now = this.#clock.now();
    this.#sweep(now);
    const believed = new Map<Identity, ReadonlySet<Identity>>();
    let oldest = Infinity;
    for (const [node, claims] of this.#claims) {
      for (const claim of claims.values()) oldest = Math.min(oldest, claim.heard);
      believed.set(node, agreed(node, claims));
    }
    const graph = new Map<Identity, Identity[]>();
    for (const [node, sessions] of believed) {
      graph.set(node, [...sessions].filter((other) => believed.get(other)?.has(node) === true));
    }
    this.#graph = graph;
    this.#graphOf = generation;
    this.#graphEnds = oldest + claimLife(this.#claims.size);
    return graph;
  }

  /** By the number of nodes known now: what was heard first, when they were few, comes as rarely. */
  #counts(claim: Claim, now: number): boolean {
    return claim.heard + claimLife(this.#claims.size) > now;
  }

  #sweep(now: number): void {
    for (const [node, claims] of this.#claims) {
      const known = this.#known(node);
      for (const [who, claim] of claims) {
        if (!known || !this.#counts(claim, now)) claims.delete(who);
      }
      if (claims.size === 0) this.#claims.delete(node);
    }
  }

  /** The list in order; the very same array if another claim, or the former one, says the same. */
  #shared(claims: Map<Identity, Claim>, sessions: readonly Identity[]): readonly Identity[] {
    const list = [...new Set(sessions.slice(0, RECORD_SESSIONS))].sort();
    for (const claim of claims.values()) {
      if (isSameList(claim.sessions, list)) return claim.sessions;
    }
    return list;
  }
}

/** What a node says itself, else what all agree on. */
function agreed(node: Identity, claims: ReadonlyMap<Identity, Claim>): ReadonlySet<Identity> {
  const own = claims.get(node);
  if (own !== undefined) return new Set(own.sessions);
  const lists = [...new Set([...claims.values()].map((claim) => claim.sessions))];
  const first = new Set(lists[0] ?? []);
  for (const list of lists.slice(1)) {
    const other = new Set(list);
    for (const identity of first) if (!other.has(identity)) first.delete(identity);
  }
  return first;
}
