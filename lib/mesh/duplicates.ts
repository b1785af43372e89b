/**
 * Memory of what was already seen: routed messages on their way, and envelopes that were opened.
 *
 * Go keys its cache by hash and destination alone, so a copy with a spent hop budget, or the same
 * command from another origin, suppresses a message (specification: mesh 9.2, weakness 22). Here
 * the origin is part of the key, a copy with a larger hop budget counts as new for forwarding, and
 * each neighbour can only push out what came through itself.
 *
 * @module
 */

import type { Clock } from "./clock.ts";

interface Entry {
  source: string;
  ttl: number;
  ends: number;
}

/** What {@link DuplicateCache.see} found. */
export type Sight =
  /** Never seen: handle and forward. */
  | "new"
  /** Seen, but with a smaller hop budget: forward again, do not handle again. */
  | "farther"
  /** Seen: drop. */
  | "duplicate";

/** Bounded cache of message keys with a life, a source and a hop budget each. */
export class DuplicateCache {
  readonly #clock: Clock;
  readonly #life: number;
  readonly #entries: number;
  readonly #perSource: number;
  readonly #all = new Map<string, Entry>();
  readonly #bySource = new Map<string, Set<string>>();

  /** Keeps at most `entries` keys for `life` ms, and `perSource` of one source. */
  constructor(clock: Clock, life: number, entries: number, perSource: number) {
    this.#clock = clock;
    this.#life = life;
    this.#entries = entries;
    this.#perSource = perSource;
  }

  /** Number of keys held now. */
  get size(): number {
    return this.#all.size;
  }

  /** Records `key` as seen from `source` with hop budget `ttl`, and tells what it is. */
  see(key: string, source: string, ttl = 0): Sight {
    const now = this.#clock.now();
    this.#expire(now);
    const held = this.#all.get(key);
    if (held !== undefined) {
      if (ttl <= held.ttl) return "duplicate";
      held.ttl = ttl;
      return "farther";
    }
    let own = this.#bySource.get(source);
    if (own !== undefined && own.size >= this.#perSource) this.#drop(own.values().next().value!);
    else if (this.#all.size >= this.#entries) this.#dropFromLargest();
    own = this.#bySource.get(source);
    if (own === undefined) this.#bySource.set(source, own = new Set());
    own.add(key);
    this.#all.set(key, { source, ttl, ends: now + this.#life });
    return "new";
  }

  /** Tells whether `key` is held, without recording it. */
  has(key: string): boolean {
    const entry = this.#all.get(key);
    return entry !== undefined && entry.ends > this.#clock.now();
  }

  #expire(now: number): void {
    // All lives are equal, so the map is in order of expiry.
    for (const [key, entry] of this.#all) {
      if (entry.ends > now) return;
      this.#drop(key);
    }
  }

  #drop(key: string): void {
    const entry = this.#all.get(key);
    if (entry === undefined) return;
    this.#all.delete(key);
    const own = this.#bySource.get(entry.source)!;
    own.delete(key);
    if (own.size === 0) this.#bySource.delete(entry.source);
  }

  #dropFromLargest(): void {
    let largest: Set<string> | undefined;
    for (const own of this.#bySource.values()) {
      if (largest === undefined || own.size > largest.size) largest = own;
    }
    if (largest !== undefined) this.#drop(largest.values().next().value!);
  }
}
