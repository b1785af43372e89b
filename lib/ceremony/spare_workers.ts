/**
 * Keeps one worker started and rehearsed, so that a ceremony need not wait for a thread to start
 * and for its code to be compiled: on a small machine those take longer than signing with Ed25519.
 *
 * A worker still serves one ceremony and ends with it. The spare one has no permission either, and
 * until it is taken it has heard nothing of this node: no key, no name, no request.
 *
 * @module
 */

import type { Clock } from "../mesh/clock.ts";
import type { Logger } from "../observe/logger.ts";
import { SPARE_AFTER_MS } from "./limits.ts";
import type { FromWorker } from "./protocol.ts";
import type { WorkerEvents, WorkerFactory, WorkerHandle } from "./worker_host.ts";

/** What a keeper of a spare worker is made of. */
export interface SpareOptions {
  /** Starts a thread. */
  readonly workers: WorkerFactory;
  /** Time for the rest between the last ceremony and the next rehearsal. */
  readonly clock: Clock;
  /** Where it says that a rehearsal failed. */
  readonly log: Logger;
}

interface Spare {
  readonly handle: WorkerHandle;
  version: string | null;
  ready: boolean;
  /** Who has taken it. */
  taker: WorkerEvents | null;
}

/** Hands out the spare worker, or starts one where there is none that is ready. */
export class SpareWorkers {
  readonly #o: SpareOptions;
  #spare: Spare | null = null;
  #cancel: (() => void) | null = null;
  #running = 0;
  #stopped = false;
  /** Workers for ceremonies. */
  readonly factory: WorkerFactory;

  /** Makes the first spare worker after a rest, as the node has better things to do at its start. */
  constructor(options: SpareOptions) {
    this.#o = options;
    this.factory = (events) => this.#take(events) ?? options.workers(events);
    this.#schedule();
  }

  /** Tells how many ceremonies run: none rehearses beside them. */
  busy(running: number): void {
    this.#running = running;
    this.#schedule();
  }

  /** Ends the spare worker; no other follows. */
  stop(): void {
    this.#stopped = true;
    this.#schedule();
    this.#spare?.handle.terminate();
    this.#spare = null;
  }

  #schedule(): void {
    this.#cancel?.();
    this.#cancel = null;
    if (this.#stopped || this.#running > 0 || this.#spare !== null) return;
    this.#cancel = this.#o.clock.setTimer(SPARE_AFTER_MS, () => this.#start());
  }

  #start(): void {
    this.#cancel = null;
    const lose = (reason: string) => {
      // No other one before the next ceremony has ended: a fault must not become a loop.
      if (this.#spare === spare) this.#spare = null;
      spare?.handle.terminate();
      this.#o.log.warn("a spare worker failed", { reason });
    };
    let spare: Spare | null = null;
    try {
      const handle = this.#o.workers({
        onMessage: (message) => {
          if (spare === null) return;
          if (spare.taker !== null) spare.taker.onMessage(message);
          else this.#hear(spare, message, lose);
        },
        onCrash: (reason) => spare?.taker === null ? lose(reason) : spare?.taker.onCrash(reason),
      });
      spare = { handle, version: null, ready: false, taker: null };
      this.#spare = spare;
    } catch {
      lose("it did not start");
    }
  }

  #hear(spare: Spare, message: FromWorker, lose: (reason: string) => void): void {
    if (message.did === "load") {
      spare.version = message.version;
      spare.handle.post({ do: "rehearse" });
    } else if (message.did === "rehearse") spare.ready = true;
    else lose(message.did === "fail" ? message.reason : "it said what nobody asked");
  }

  #take(events: WorkerEvents): WorkerHandle | null {
    const spare = this.#spare;
    // One that still rehearses would be later than a new one.
    if (spare === null || !spare.ready) return null;
    this.#spare = null;
    spare.taker = events;
    const version = spare.version!;
    let over = false;
    // As from a new one; not before the taker has got its handle.
    queueMicrotask(() => {
      if (!over) events.onMessage({ did: "load", version });
    });
    return {
      post: (message, transfer) => spare.handle.post(message, transfer),
      terminate: () => {
        over = true;
        spare.handle.terminate();
      },
    };
  }
}
