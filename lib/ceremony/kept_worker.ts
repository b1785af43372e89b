/**
 * A worker that stays for the next job: signing from a presignature takes a few milliseconds,
 * starting a thread fifty.
 *
 * Jobs follow one another in it only where each ended well, and only jobs that never see a share:
 * whatever went wrong, the thread goes and takes its memory along.
 *
 * @module
 */

import type { FromWorker } from "./protocol.ts";
import type { WorkerEvents, WorkerFactory, WorkerHandle } from "./worker_host.ts";

interface Kept {
  readonly handle: WorkerHandle;
  /** What it said when it had loaded; null before. */
  loaded: FromWorker | null;
  /** Whom it works for; null while it waits. */
  events: WorkerEvents | null;
  /** Its job has ended well. */
  done: boolean;
}

/** At most one worker waits; more are started and ended as they are needed. */
export class KeptWorker {
  readonly #workers: WorkerFactory;
  #idle: Kept | null = null;
  #stopped = false;

  /** Starts none yet. */
  constructor(workers: WorkerFactory) {
    this.#workers = workers;
  }

  /** Starts one for jobs to come, unless one waits already. */
  warm(): void {
    if (this.#stopped || this.#idle !== null) return;
    this.#idle = this.#start();
  }

  /** Hands out the waiting worker, or starts one. */
  readonly factory: WorkerFactory = (events) => {
    const kept = this.#idle ?? this.#start();
    this.#idle = null;
    kept.events = events;
    kept.done = false;
    const { loaded } = kept;
    // As a fresh one would, after the caller has its handle.
    if (loaded !== null) queueMicrotask(() => kept.events === events && events.onMessage(loaded));
    return {
      post: (message, transfer) => {
        if (kept.events === events) kept.handle.post(message, transfer);
      },
      terminate: () => {
        if (kept.events !== events) return;
        kept.events = null;
        if (kept.done && this.#idle === null && !this.#stopped) this.#idle = kept;
        else kept.handle.terminate();
      },
    };
  };

  /** Ends the waiting worker; those at work end with their jobs. */
  stop(): void {
    this.#stopped = true;
    this.#idle?.handle.terminate();
    this.#idle = null;
  }

  #start(): Kept {
    const kept: Kept = { handle: null!, loaded: null, events: null, done: false };
    const handle = this.#workers({
      onMessage: (message) => {
        if (message.did === "load") kept.loaded = message;
        if (message.did === "finish") kept.done = true;
        kept.events?.onMessage(message);
      },
      onCrash: (reason) => {
        if (this.#idle === kept) this.#idle = null;
        kept.events?.onCrash(reason);
      },
    });
    return Object.assign(kept, { handle });
  }
}
