/**
 * The real worker's code on the test's own thread: for ceremonies on a virtual clock.
 *
 * @module
 */

import type { RandomSource } from "../../lib/arith/random.ts";
import { makePlan } from "../../lib/ceremony/plan.ts";
import type { FromWorker } from "../../lib/ceremony/protocol.ts";
import { failMessage, Session } from "../../lib/ceremony/session.ts";
import type { WorkerFactory } from "../../lib/ceremony/worker_host.ts";
import { VERSION } from "../../lib/version.ts";

/** Workers that compute between two turns of the event loop. */
export function localWorkers(random: RandomSource): WorkerFactory {
  return (events) => {
    let session: Session | null = null;
    let ended = false;
    const post = (message: FromWorker) =>
      queueMicrotask(() => {
        if (!ended) events.onMessage(message);
      });
    post({ did: "load", version: VERSION });
    return {
      post(message, transfer) {
        const copy = structuredClone(message, { transfer: transfer as ArrayBuffer[] | undefined });
        queueMicrotask(() => {
          if (ended) return;
          if (copy.do !== "run") {
            session?.handle(copy);
            return;
          }
          try {
            session = new Session(makePlan(copy.job, copy.storeKey, random), post);
            void session.run();
          } catch (error) {
            post(failMessage(error, 0, () => undefined));
          }
        });
      },
      terminate: () => void (ended = true),
    };
  };
}
