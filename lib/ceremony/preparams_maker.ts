/**
 * Makes pre-parameters in the background: workers search safe primes, one of them puts four
 * together. This thread sees ciphertext only.
 *
 * Ceremonies come first: {@link PreParamsMaker.pause} ends the searching threads at once. A search
 * has no memory, so nothing is lost but the moment; primes already found are kept.
 *
 * @module
 */

import type { Logger } from "../observe/logger.ts";
import { MAX_PRIME_WORKERS } from "./limits.ts";
import type { FromWorker } from "./protocol.ts";
import type { WorkerFactory, WorkerHandle } from "./worker_host.ts";

/** Safe primes in a set. */
export const PRIMES_IN_SET = 4;

/** A set could not be made. */
export class PreParamsError extends Error {
  /** Class name. */
  override readonly name = "PreParamsError";
  /** `TF-CANCELLED`, or `TF-INTERNAL` if a worker failed. */
  constructor(readonly code: "TF-CANCELLED" | "TF-INTERNAL", message: string) {
    super(message);
  }
}

/** One set in the making. */
export interface PreParamsRun {
  /** Resolves with the sealed set, rejects with a {@link PreParamsError}. */
  readonly result: Promise<Uint8Array>;
  /** Ends it; without effect once it has ended. */
  cancel(): void;
}

/**
 * Told after every prime and every few hundred candidates.
 *
 * @param found Safe primes found, of `of`.
 * @param candidates Numbers tested so far, by all workers.
 */
export type PreParamsListener = (found: number, of: number, candidates: number) => void;

/** What a maker is made of. */
export interface MakerOptions {
  /** See `loadWorkers`. */
  readonly workers: WorkerFactory;
  /** Key of the share store, 32 bytes; copied. */
  readonly storeKey: Uint8Array;
  /** Where it says what happens. */
  readonly log: Logger;
  /** Threads that search at once; the default is two, or one on a machine with one core. */
  readonly parallel?: number;
}

/** Makes sets of pre-parameters, one at a time. */
export class PreParamsMaker {
  readonly #workers: WorkerFactory;
  readonly #storeKey: Uint8Array;
  readonly #log: Logger;
  readonly #parallel: number;
  #paused = false;
  #run: Run | null = null;

  /** Makes a maker that is not paused. */
  constructor(options: MakerOptions) {
    this.#workers = options.workers;
    this.#storeKey = options.storeKey.slice();
    this.#log = options.log;
    this.#parallel = options.parallel ??
      Math.min(MAX_PRIME_WORKERS, navigator.hardwareConcurrency);
  }

  /**
   * Starts making a set.
   *
   * @throws {RangeError} if one is in the making already.
   */
  make(listener: PreParamsListener = () => {}): PreParamsRun {
    if (this.#run !== null) throw new RangeError("Cannot make pre-parameters: a set is being made");
    const run = new Run({
      start: (first, onMessage, onCrash) => {
        const worker = this.#workers({ onMessage, onCrash });
        const storeKey = this.#storeKey.slice();
        worker.post({ ...first, storeKey }, [storeKey.buffer]);
        return worker;
      },
      parallel: this.#parallel,
      paused: this.#paused,
      log: this.#log,
      listener,
      onEnd: () => this.#run = null,
    });
    if (!run.ended) this.#run = run;
    return run;
  }

  /** Stops searching until {@link PreParamsMaker.resume}: a ceremony needs the processor. */
  pause(): void {
    this.#paused = true;
    this.#run?.pause();
  }

  /** Goes on searching. */
  resume(): void {
    this.#paused = false;
    this.#run?.resume();
  }
}

type First = { readonly do: "search"; readonly stop: SharedArrayBuffer } | {
  readonly do: "assemble";
  readonly primes: Uint8Array[];
};

interface RunOptions {
  start(
    first: First,
    onMessage: (message: FromWorker) => void,
    onCrash: (reason: string) => void,
  ): WorkerHandle;
  readonly parallel: number;
  readonly paused: boolean;
  readonly log: Logger;
  readonly listener: PreParamsListener;
  onEnd(): void;
}

class Run implements PreParamsRun {
  readonly result: Promise<Uint8Array>;
  readonly #o: RunOptions;
  readonly #ending = Promise.withResolvers<Uint8Array>();
  readonly #workers = new Set<WorkerHandle>();
  #stop: SharedArrayBuffer | null = null;
  #primes: Uint8Array[] = [];
  #candidates = 0;
  #assembling = false;
  #paused: boolean;
  ended = false;

  constructor(options: RunOptions) {
    this.#o = options;
    this.result = this.#ending.promise;
    // Whoever cancels may not look at the result any more.
    this.result.catch(() => {});
    this.#paused = options.paused;
    this.#search();
  }

  pause(): void {
    this.#paused = true;
    // Putting a set together takes a moment only and is not interrupted.
    if (!this.#assembling) this.#stopWorkers();
  }

  resume(): void {
    this.#paused = false;
    this.#search();
  }

  #search(): void {
    if (this.#paused || this.ended || this.#assembling || this.#workers.size > 0) return;
    const stop = this.#stop = new SharedArrayBuffer(4);
    for (let i = 0; i < this.#o.parallel && !this.ended; i++) this.#start({ do: "search", stop });
  }

  cancel(): void {
    this.#fail(new PreParamsError("TF-CANCELLED", "the search for primes was cancelled"));
  }

  #start(first: First): void {
    try {
      this.#workers.add(this.#o.start(first, (m) => this.#take(m), (why) => this.#crash(why)));
    } catch (error) {
      this.#o.log.error("prime worker did not start", { error });
      this.#crash("the worker did not start");
    }
  }

  #take(message: FromWorker): void {
    if (this.ended) return;
    switch (message.did) {
      case "load":
        return;
      case "test":
        this.#candidates += message.candidates;
        return this.#tell();
      case "find":
        if (this.#assembling) return; // the other worker found a fifth one meanwhile
        this.#primes.push(message.prime);
        this.#tell();
        if (this.#primes.length === PRIMES_IN_SET) this.#assemble();
        return;
      case "assemble":
        return this.#finish(message.preParams);
      default:
        this.#crash("the worker failed");
    }
  }

  #assemble(): void {
    this.#assembling = true;
    this.#stopWorkers();
    this.#start({ do: "assemble", primes: this.#primes });
  }

  #finish(preParams: Uint8Array | null): void {
    this.#assembling = false;
    this.#stopWorkers();
    if (preParams === null) {
      // No two of the four are far enough apart; another one will be.
      this.#primes.shift();
      this.#tell();
      return this.#search();
    }
    this.#end();
    this.#ending.resolve(preParams);
  }

  #crash(reason: string): void {
    this.#fail(new PreParamsError("TF-INTERNAL", `the search for primes failed: ${reason}`));
  }

  #fail(error: PreParamsError): void {
    if (this.ended) return;
    this.#end();
    this.#ending.reject(error);
  }

  #end(): void {
    this.ended = true;
    this.#stopWorkers();
    this.#primes = [];
    this.#o.onEnd();
  }

  #stopWorkers(): void {
    // A search never gives way, and terminate() does not interrupt it: it has to see the word.
    if (this.#stop !== null) Atomics.store(new Int32Array(this.#stop), 0, 1);
    this.#stop = null;
    for (const worker of this.#workers) worker.terminate();
    this.#workers.clear();
  }

  #tell(): void {
    this.#o.listener(this.#primes.length, PRIMES_IN_SET, this.#candidates);
  }
}
