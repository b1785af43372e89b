/**
 * Rate limits on a given clock: a token bucket, and a fixed-window quota per key.
 *
 * @module
 */

import type { Clock } from "./clock.ts";

/** A token bucket that starts full. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #rate: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  /** Fills at `rate` tokens a second up to `burst`. */
  constructor(clock: Clock, rate: number, burst: number) {
    this.#clock = clock;
    this.#rate = rate;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = clock.now();
  }

  #refill(): void {
    const now = this.#clock.now();
    // A clock that was set back must not take tokens away.
    const passed = Math.max(0, now - this.#at);
    this.#at = now;
    this.#tokens = Math.min(this.#burst, this.#tokens + (passed * this.#rate) / 1000);
  }

  /** Tokens there are now; negative while a debit is not paid for. */
  get level(): number {
    this.#refill();
    return this.#tokens;
  }

  /** Takes one token and tells whether there was one. */
  take(): boolean {
    this.#refill();
    // A timer that fires a hair early must find its token.
    if (this.#tokens < 1 - 1e-9) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Takes `cost` tokens in any case; returns the milliseconds to pause until they are paid for. */
  debit(cost = 1): number {
    this.#refill();
    this.#tokens -= cost;
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens * 1000) / this.#rate);
  }
}

/** Counts per key in windows of fixed length that open with the key's first event. */
export class WindowQuota {
  readonly #clock: Clock;
  readonly #window: number;
  readonly #quota: number;
  readonly #entries: number;
  readonly #counts = new Map<string, { count: number; ends: number }>();

  /** Allows `quota` events per key and `window` ms; forgets the oldest key above `entries`. */
  constructor(clock: Clock, window: number, quota: number, entries: number) {
    this.#clock = clock;
    this.#window = window;
    this.#quota = quota;
    this.#entries = entries;
  }

  /** Counts one event of `key` and tells whether it is within the quota. */
  take(key: string): boolean {
    const now = this.#clock.now();
    let entry = this.#counts.get(key);
    if (entry === undefined || now >= entry.ends) {
      this.#counts.delete(key);
      entry = { count: 0, ends: now + this.#window };
      this.#counts.set(key, entry);
      if (this.#counts.size > this.#entries) {
        this.#counts.delete(this.#counts.keys().next().value!);
      }
    }
    entry.count++;
    return entry.count <= this.#quota;
  }
}
