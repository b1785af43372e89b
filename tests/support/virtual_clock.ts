/**
 * A clock that only moves when a test moves it.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Clock } from "../../lib/mesh/clock.ts";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Turns of the event loop that count as "everything that could happen has happened". */
const SETTLE_TURNS = 12;

/** Virtual time in ms; timers run in order of due time, then of creation. */
export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  readonly #timers = new Set<Timer>();

  /** Starts at `start` ms of the Unix era. */
  constructor(start = 1_790_000_000_000) {
    this.#now = start;
  }

  /** Virtual time. */
  now(): number {
    return this.#now;
  }

  /** Number of armed timers. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Arms a timer; the result disarms it. */
  setTimer(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), order: this.#order++, run };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Lets promises and I/O callbacks run without moving time. */
  async settle(turns = SETTLE_TURNS): Promise<void> {
    for (let i = 0; i < turns; i++) {
      // One turn of the event loop: all promise chains drain before it ends.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  /** Moves time by `ms`, running due timers one at a time with everything settled between them. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.settle();
    for (;;) {
      let next: Timer | undefined;
      for (const t of this.#timers) {
        if (t.at > end) continue;
        if (next === undefined || t.at < next.at || (t.at === next.at && t.order < next.order)) {
          next = t;
        }
      }
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
      await this.settle(2);
    }
    this.#now = end;
    await this.settle();
  }

  /** Advances in small steps until `condition` holds; fails after `most` ms. */
  async until(condition: () => boolean, most = 120_000, step = 100): Promise<void> {
    const end = this.#now + most;
    await this.settle();
    while (!condition()) {
      if (this.#now >= end) throw new Error(`Condition not met within ${most} ms of virtual time`);
      await this.advance(step);
    }
  }
}
