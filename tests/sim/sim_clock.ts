/**
 * A virtual clock for many nodes: timers in a heap, and everything due in one tick runs together
 * before the promises it woke.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Clock } from "../../lib/mesh/clock.ts";

interface Timer {
  readonly at: number;
  readonly order: number;
  run: (() => void) | null;
}

/** Milliseconds that count as one moment. */
const TICK = 5;

/** Virtual time in ms. */
export class SimClock implements Clock {
  #now: number;
  #order = 0;
  readonly #heap: Timer[] = [];

  /** Starts at `start` ms of the Unix era. */
  constructor(start = 1_790_000_000_000) {
    this.#now = start;
  }

  /** Virtual time. */
  now(): number {
    return this.#now;
  }

  /** Arms a timer; the result disarms it. */
  setTimer(ms: number, run: () => void): () => void {
    const timer: Timer = { at: this.#now + Math.max(0, ms), order: this.#order++, run };
    this.#push(timer);
    return () => void (timer.run = null);
  }

  /** Moves time by `ms`. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let next = this.#heap[0]; next !== undefined && next.at <= end; next = this.#heap[0]) {
      if (next.run === null) {
        this.#pop();
        continue;
      }
      const until = Math.min(end, next.at + TICK);
      while (this.#heap[0] !== undefined && this.#heap[0].at <= until) {
        const timer = this.#pop();
        if (timer.run === null) continue;
        this.#now = Math.max(this.#now, timer.at);
        timer.run();
      }
      await settle();
    }
    this.#now = end;
    await settle();
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let i = heap.push(timer) - 1;
    while (i > 0) {
      const up = (i - 1) >> 1;
      if (!before(timer, heap[up]!)) break;
      heap[i] = heap[up]!;
      i = up;
    }
    heap[i] = timer;
  }

  #pop(): Timer {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
    return first;
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** All promise chains run dry within a turn of the event loop. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
