/**
 * Keeps a set of pre-parameters ready, so that a key generation need not wait for primes.
 *
 * Each set serves one key: moduli shared between keys would let a break of one spread.
 *
 * @module
 */

import type { Logger } from "../observe/logger.ts";
import { NodeError } from "./errors.ts";

/** One running search. */
export interface PreParamsSearch {
  /** Resolves with the sealed set; rejects if it was cancelled or the worker failed. */
  readonly result: Promise<Uint8Array>;
  /** Ends the search. */
  cancel(): void;
}

/** What the supply needs of the maker and of the keystore. */
export interface SupplyOptions {
  /** Starts one search; `onProgress` tells how many of the safe primes are found. */
  readonly make: (
    onProgress: (found: number, of: number, candidates: number) => void,
  ) => PreParamsSearch;
  readonly count: () => Promise<number>;
  readonly put: (sealed: Uint8Array) => Promise<void>;
  readonly takeStored: () => Promise<Uint8Array | null>;
  readonly log: Logger;
  /** Milliseconds, for the rate of a search; default: none is told. */
  readonly now?: () => number;
  /** How many sets to keep ready. */
  readonly target: number;
}

/** Where the supply stands. */
export interface SupplyState {
  readonly ready: number;
  readonly making: boolean;
  readonly found: number;
  readonly of: number;
  /** Numbers tested a second, since this search began. */
  readonly per_second?: number;
  /** How long the rest takes if it goes on as it did; luck decides. Unknown before a first prime. */
  readonly left_ms?: number;
}

/** Safe primes in a set. */
const PRIMES = 4;

/** Fills the stock in the background and hands sets out. */
export class PreParamsSupply {
  readonly #o: SupplyOptions;
  #ready = 0;
  #found = 0;
  #candidates = 0;
  #since = 0;
  #search: PreParamsSearch | undefined;
  #stopped = false;
  #waiting = 0;
  #filled = Promise.withResolvers<void>();

  /** Nothing is searched before {@link start}. */
  constructor(options: SupplyOptions) {
    this.#o = options;
  }

  /** Counts the stock and starts filling it. */
  async start(): Promise<void> {
    this.#ready = await this.#o.count();
    void this.#fill();
  }

  /** Whether somebody waits for a set. */
  get awaited(): boolean {
    return this.#waiting > 0;
  }

  /** Where the supply stands. */
  state(): SupplyState {
    return {
      ready: this.#ready,
      making: this.#search !== undefined,
      found: this.#found,
      of: PRIMES,
      ...this.#pace(),
    };
  }

  #pace(): Pick<SupplyState, "per_second" | "left_ms"> {
    const elapsed = (this.#o.now?.() ?? 0) - this.#since;
    if (this.#search === undefined || elapsed < 1_000) return {};
    const left = elapsed / this.#found * (PRIMES - this.#found);
    return {
      per_second: Math.round(this.#candidates * 10_000 / elapsed) / 10,
      ...(this.#found === 0 ? {} : { left_ms: Math.round(left) }),
    };
  }

  async #fill(): Promise<void> {
    while (!this.#stopped && this.#search === undefined && this.#ready < this.#o.target) {
      this.#found = 0;
      try {
        this.#candidates = 0;
        this.#since = this.#o.now?.() ?? 0;
        this.#search = this.#o.make((found, _of, candidates) => {
          this.#found = found;
          this.#candidates = candidates;
        });
        await this.#o.put(await this.#search.result);
        this.#ready++;
        this.#o.log.info("pre-parameters are ready", { sets: this.#ready });
      } catch (error) {
        if (this.#stopped) return;
        const reason = error instanceof Error ? error.message : String(error);
        this.#o.log.error("pre-parameters could not be made", { reason });
        this.#filled.reject(
          new NodeError("TF-PREPARAMS", `pre-parameters could not be made: ${reason}`),
        );
        // Somebody may be waiting on the old promise; nobody waiting must not end the process.
        this.#filled.promise.catch(() => {});
        this.#filled = Promise.withResolvers();
        return;
      } finally {
        this.#search = undefined;
      }
      this.#filled.resolve();
      this.#filled = Promise.withResolvers();
    }
  }

  /**
   * Takes a set out of the stock for good; waits while the stock is empty.
   *
   * @throws {NodeError} if none can be made, or the request was cancelled meanwhile.
   */
  async take(cancelled: () => boolean): Promise<Uint8Array> {
    for (;;) {
      if (this.#stopped || cancelled()) {
        throw new NodeError(
          "TF-STOPPED",
          "the ceremony ended before its pre-parameters were ready",
        );
      }
      const set = await this.#o.takeStored();
      if (set !== null) {
        this.#ready = await this.#o.count();
        void this.#fill();
        return set;
      }
      this.#ready = 0;
      const next = this.#filled.promise;
      void this.#fill();
      this.#waiting++;
      await next.finally(() => this.#waiting--);
    }
  }

  /** Ends the search, and the wait of whoever takes a set; sets already stored stay. */
  stop(): void {
    this.#stopped = true;
    this.#search?.cancel();
    this.#filled.resolve();
  }
}
