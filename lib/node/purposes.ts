/**
 * What requesters say their requests are for, until the requests come.
 *
 * The wire's requests have no field for it, so it travels in a sealed note of its own, just before.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { Clock } from "../mesh/clock.ts";

/** Longest purpose, in characters. */
export const MAX_PURPOSE = 200;
/** How long a note waits for its request, ms. */
const LIFE = 60_000;
/** Most notes kept; the oldest go first. */
const MAX_NOTES = 256;

/** Purposes by request and requester. */
export class Purposes {
  readonly #clock: Clock;
  readonly #notes = new Map<string, { readonly text: string; readonly until: number }>();

  /** Nothing is said yet. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Keeps what `from` says about request `id`. */
  put(id: string, from: Identity, text: string): void {
    const key = `${id}/${from}`;
    this.#notes.delete(key);
    if (this.#notes.size >= MAX_NOTES) this.#notes.delete(this.#notes.keys().next().value!);
    this.#notes.set(key, { text: clean(text), until: this.#clock.now() + LIFE });
  }

  /** Takes what was said about a request, if anything was. */
  take(id: string, from: Identity): string | undefined {
    const key = `${id}/${from}`;
    const note = this.#notes.get(key);
    this.#notes.delete(key);
    return note === undefined || note.until < this.#clock.now() || note.text === ""
      ? undefined
      : note.text;
  }
}

/** One line without anything that a terminal would act upon. */
function clean(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "?")
    .slice(0, MAX_PURPOSE);
}
