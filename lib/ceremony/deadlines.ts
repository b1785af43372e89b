/**
 * The two time limits of a ceremony: one that starts anew with each step, one for the whole.
 *
 * @module
 */

import type { Clock } from "../mesh/clock.ts";

/** Which limit was passed. */
export type Limit = "round" | "ceremony";

/** Watches one ceremony. Fires at most once, and never after {@link Deadlines.stop}. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #roundMs: number;
  readonly #onExpire: (limit: Limit) => void;
  readonly #patient: () => boolean;
  #cancelRound: () => void;
  #cancelCeremony: () => void;
  #running = true;

  /**
   * Starts both limits, in milliseconds.
   *
   * @param patient asked when a round's limit passes: yes starts it anew.
   */
  constructor(
    clock: Clock,
    limits: { readonly roundMs: number; readonly ceremonyMs: number },
    onExpire: (limit: Limit) => void,
    patient: () => boolean = () => false,
  ) {
    this.#clock = clock;
    this.#roundMs = limits.roundMs;
    this.#onExpire = onExpire;
    this.#patient = patient;
    this.#cancelRound = clock.setTimer(limits.roundMs, () => this.#expire("round"));
    this.#cancelCeremony = clock.setTimer(limits.ceremonyMs, () => this.#expire("ceremony"));
  }

  /** Starts the round limit anew: the ceremony moved on. */
  step(): void {
    if (!this.#running) return;
    this.#cancelRound();
    this.#cancelRound = this.#clock.setTimer(this.#roundMs, () => this.#expire("round"));
  }

  /** Disarms both limits. */
  stop(): void {
    this.#running = false;
    this.#cancelRound();
    this.#cancelCeremony();
  }

  #expire(limit: Limit): void {
    if (!this.#running) return;
    if (limit === "round" && this.#patient()) return this.step();
    this.stop();
    this.#onExpire(limit);
  }
}
