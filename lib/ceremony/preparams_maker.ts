/**
 * Makes pre-parameters in the background: workers search safe primes, and the one that finds the
 * last puts four together. This thread sees ciphertext only.
 *
 * Ceremonies come first: {@link PreParamsMaker.pause} lets the searching threads sleep at once.
 *
 * @module
 */

import type { Logger } from "../observe/logger.ts";
import { MAX_PRIME_WORKERS } from "./limits.ts";
import type { FromWorker } from "./protocol.ts";
import { SearchWord } from "./search_word.ts";
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
      workers: this.#workers,
      storeKey: () => this.#storeKey.slice(),
      parallel: this.#parallel,
      paused: this.#paused,
      log: this.#log,
      listener,
      onEnd: () => this.#run = null,
    });
    if (!run.ended) this.#run = run;
    return run;
  }

  /** Rests until {@link PreParamsMaker.resume}: a ceremony needs the processor. */
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

type Step = { readonly do: "search"; readonly word: SharedArrayBuffer } | {
  readonly do: "assemble";
  readonly primes: Uint8Array[];
};

interface RunOptions {
  readonly workers: WorkerFactory;
  /** A fresh copy. */
  storeKey(): Uint8Array<ArrayBuffer>;
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
  #word = new SearchWord();
  #primes: Uint8Array[] = [];
  #candidates = 0;
  /** The worker that puts a set together. */
  #assembler: WorkerHandle | null = null;
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
    this.#word.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#word.resume();
    this.#search();
  }

  cancel(): void {
    this.#fail(new PreParamsError("TF-CANCELLED", "the search for primes was cancelled"));
  }

  /** Starts the threads that are not there yet. */
  #search(): void {
    if (this.#paused || this.ended || this.#assembler !== null) return;
    while (this.#workers.size < this.#o.parallel && !this.ended) {
      const worker = this.#start();
      if (worker !== null) this.#tellSearch(worker);
    }
  }

  #start(): WorkerHandle | null {
    try {
      const worker: WorkerHandle = this.#o.workers({
        onMessage: (message) => this.#take(worker, message),
        onCrash: (reason) => this.#crash(reason),
      });
      this.#workers.add(worker);
      return worker;
    } catch (error) {
      this.#o.log.error("prime worker did not start", { error });
      this.#crash("the worker did not start");
      return null;
    }
  }

  #tellSearch(worker: WorkerHandle): void {
    this.#tell(worker, { do: "search", word: this.#word.buffer });
  }

  #tell(worker: WorkerHandle, step: Step): void {
    const storeKey = this.#o.storeKey();
    worker.post({ ...step, storeKey }, [storeKey.buffer]);
  }

  #take(worker: WorkerHandle, message: FromWorker): void {
    if (this.ended) return;
    switch (message.did) {
      case "load":
        return;
      case "test":
        this.#candidates += message.candidates;
        return this.#report();
      case "find":
        if (this.#assembler !== null) return; // the other worker found a fifth one meanwhile
        this.#primes.push(message.prime);
        this.#report();
        if (this.#primes.length < PRIMES_IN_SET) return this.#tellSearch(worker);
        return this.#assemble(worker);
      case "assemble":
        return this.#finish(worker, message.preParams);
      default:
        this.#crash("the worker failed");
    }
  }

  /** Has the set put together by the worker that is free and warm; the others end. */
  #assemble(worker: WorkerHandle): void {
    this.#assembler = worker;
    this.#workers.delete(worker);
    this.#stopWorkers();
    this.#workers.add(worker);
    this.#tell(worker, { do: "assemble", primes: this.#primes });
  }

  #finish(worker: WorkerHandle, preParams: Uint8Array | null): void {
    this.#assembler = null;
    if (preParams === null) {
      // No two of the four are far enough apart; another one will be.
      this.#primes.shift();
      this.#report();
      this.#tellSearch(worker);
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

  /** Ends all threads; a later search gets a word of its own. */
  #stopWorkers(): void {
    this.#word.stop();
    this.#word = new SearchWord();
    if (this.#paused) this.#word.pause();
    for (const worker of this.#workers) worker.terminate();
    this.#workers.clear();
  }

  #report(): void {
    this.#o.listener(this.#primes.length, PRIMES_IN_SET, this.#candidates);
  }
}
