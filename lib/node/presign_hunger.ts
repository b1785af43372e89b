/**
 * How long presignings had to give way. Whoever asks for a signature about once a second, and finds
 * no presignature, would otherwise keep any from being made: each begins in a pause that is too
 * short for it. After a while one may go on beside signatures; from then on those find one, take no
 * time, and leave pauses enough.
 *
 * Every member keeps this for itself, with the same rule: who asks cannot make others serve it
 * more than one at a time, nor for longer than {@link PRESIGN_PATIENCE}.
 *
 * @module
 */

import type { Clock } from "../mesh/clock.ts";

/** Presignings give way for this long; then one goes on beside signatures, ms. */
export const PRESIGN_PATIENCE = 10_000;
/** Time between two that begin although it is not quiet, ms. */
export const PRESIGN_TURN = 2_000;
/** Nothing goes on beside signatures once none had to give way for this long, ms. */
export const PRESIGN_FORGIVE = 60_000;
/** What a member says that turns a presigning away for the sake of a ceremony. */
export const PRESIGN_BUSY = "a ceremony runs here";

/** The hunger of one node. */
export class PresignHunger {
  readonly #clock: Clock;
  #since = 0;
  #last = -Infinity;
  #turn = -Infinity;

  /** Not hungry. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A presigning had to wait or to end because of a signature. */
  turnedAway(): void {
    const now = this.#clock.now();
    if (now - this.#last > PRESIGN_FORGIVE) this.#since = now;
    this.#last = now;
  }

  /** Whether one may go on beside signatures. */
  get isDue(): boolean {
    const now = this.#clock.now();
    return now - this.#last <= PRESIGN_FORGIVE && now - this.#since >= PRESIGN_PATIENCE;
  }

  /** Whether a presigning that was asked for at `since` (ms) goes on beside a signature. */
  protects(since: number): boolean {
    return this.isDue && this.#clock.now() - since < PRESIGN_PATIENCE;
  }

  /** Whether one may begin now although it is not quiet; if so, the next may not for a while. */
  takeTurn(): boolean {
    const now = this.#clock.now();
    if (!this.isDue || now - this.#turn < PRESIGN_TURN) return false;
    this.#turn = now;
    return true;
  }
}
