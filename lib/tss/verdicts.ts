/**
 * Collects who broke which rule while a round checks everybody, so that a failure names all
 * guilty parties and no innocent one.
 *
 * @module
 */

import { type Committee, ProtocolError } from "./errors.ts";

/**
 * Adds to a reason that it proves nothing by itself: the check compares values that depend on what
 * others broadcast, and with a third party around, `others` being two or more, that one may have
 * told different parties different things. The wire has no echo that would show it.
 */
export function unlessEquivocated(others: readonly unknown[], reason: string): string {
  return others.length > 1 ? `${reason}, or the broadcasts differ (blame not proven)` : reason;
}

/** The verdicts of one round over one committee. */
export class Verdicts {
  readonly #reasons = new Map<number, string>();

  /** `task` and `round` go into the error; indices count in `committee`. */
  constructor(
    readonly task: string,
    readonly round: number,
    readonly committee: Committee = "single",
  ) {}

  /** Records that party `index` broke a rule; only its first broken rule counts. */
  blame(index: number, reason: string): void {
    if (!this.#reasons.has(index)) this.#reasons.set(index, reason);
  }

  /** Says whether nothing is held against party `index` so far. */
  innocent(index: number): boolean {
    return !this.#reasons.has(index);
  }

  /**
   * Ends the round if anybody is blamed. One common reason stands alone; different ones are
   * listed with the index of their party.
   *
   * @throws {ProtocolError} naming everybody blamed, ascending.
   */
  settle(): void {
    if (this.#reasons.size === 0) return;
    const blamed = [...this.#reasons].sort(([a], [b]) => a - b);
    const reasons = new Set(this.#reasons.values());
    throw new ProtocolError({
      task: this.task,
      round: this.round,
      reason: reasons.size === 1
        ? blamed[0]![1]
        : blamed.map(([index, reason]) => `party ${index}: ${reason}`).join("; "),
      culprits: blamed.map(([index]) => index),
      committee: this.committee,
    });
  }
}
