/**
 * Workers that do what a test tells them, for an engine on a virtual clock.
 *
 * @module
 */

import type { FromWorker, ToWorker } from "../../lib/ceremony/protocol.ts";
import type { WorkerEvents, WorkerFactory } from "../../lib/ceremony/worker_host.ts";

/** A worker without a thread. */
export class FakeWorker {
  /** Everything it was told, oldest first. */
  readonly heard: ToWorker[] = [];
  terminated = false;
  constructor(readonly events: WorkerEvents) {}

  /** Speaks to the host. */
  say(message: FromWorker): void {
    if (!this.terminated) this.events.onMessage(message);
  }

  /** Dies. */
  crash(): void {
    this.events.onCrash("the worker crashed");
  }

  /** Round messages it was given, as `committee/first identity digits/text`. */
  get rounds(): string[] {
    return this.heard.flatMap((m) =>
      m.do === "hear"
        ? [
          `${m.from.committee}/${m.from.identity.slice(0, 4)}/${new TextDecoder().decode(m.data)}`,
        ]
        : []
    );
  }
}

/** A factory whose workers can be looked at. */
export function fakeWorkers(): { factory: WorkerFactory; workers: FakeWorker[] } {
  const workers: FakeWorker[] = [];
  return {
    workers,
    factory: (events) => {
      const worker = new FakeWorker(events);
      workers.push(worker);
      return {
        post: (message, transfer) =>
          void worker.heard.push(
            structuredClone(message, { transfer: transfer as ArrayBuffer[] | undefined }),
          ),
        terminate: () => void (worker.terminated = true),
      };
    },
  };
}
