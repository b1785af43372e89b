/**
 * What the commands show of a running ceremony.
 *
 * @module
 */

import { Progress } from "./output.ts";
import type { Terminal } from "./terminal.ts";

/** One progress event of `keygen`, `sign` and `reshare`. */
export interface CeremonyEvent {
  readonly ceremony_id: string;
  readonly state: string;
  readonly round?: number;
  readonly rounds?: number;
  readonly step?: string;
  readonly waiting_for?: readonly string[];
}

/** An identity short enough for a line of text. */
export function shortId(identity: string): string {
  return identity.slice(0, 8);
}

/** Draws ceremony events as one changing line on an interactive standard error. */
export class CeremonyProgress {
  readonly #progress: Progress;
  readonly #begun = performance.now();
  readonly #kind: string;
  #last: CeremonyEvent | undefined;
  readonly #timer: ReturnType<typeof setInterval> | undefined;

  /** `kind` is what the person asked for: `key generation`, `signing`. */
  constructor(terminal: Terminal, kind: string) {
    this.#kind = kind;
    this.#progress = new Progress(terminal);
    if (terminal.interactive) this.#timer = setInterval(() => this.#draw(), 250);
  }

  /** Takes one event from the daemon. */
  show(event: CeremonyEvent): void {
    this.#last = event;
    this.#draw();
  }

  #draw(): void {
    const seconds = ((performance.now() - this.#begun) / 1000).toFixed(1);
    const e = this.#last;
    if (e === undefined) {
      return this.#progress.show(`${this.#kind}: asking the daemon (${seconds} s)`);
    }
    const round = e.round === undefined
      ? ""
      : ` round ${e.round}${e.rounds === undefined ? "" : ` of ${e.rounds}`}`;
    const silent = e.waiting_for ?? [];
    const waiting = silent.length === 0 ? "" : `, waiting for ${silent.map(shortId).join(" ")}`;
    const step = e.step === undefined || e.step === "" ? "" : `, ${e.step}`;
    this.#progress.show(`${this.#kind}: ${e.state}${round}${step}${waiting} (${seconds} s)`);
  }

  /** Takes the line away. */
  done(): void {
    if (this.#timer !== undefined) clearInterval(this.#timer);
    this.#progress.clear();
  }
}
