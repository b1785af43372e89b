/**
 * Asks a worker about a stored share: the network thread never opens one itself.
 *
 * @module
 */

import type { DescribeRequest, ShareDescription } from "./describe.ts";
import type { WorkerFactory, WorkerHandle } from "./worker_host.ts";

/** A share that could not be described; the message says why, without values. */
export class DescribeError extends Error {
  /** Class name. */
  override readonly name = "DescribeError";
  /** Stable code for machines. */
  readonly code = "TF-SHARE";
}

/**
 * Describes a share in a worker of its own.
 *
 * @param storeKey Given away to the worker.
 * @throws {DescribeError} if it cannot be used or the worker failed.
 */
export async function askAboutShare(
  workers: WorkerFactory,
  storeKey: Uint8Array<ArrayBuffer>,
  request: DescribeRequest,
): Promise<ShareDescription> {
  const answer = Promise.withResolvers<ShareDescription>();
  let worker: WorkerHandle | null = null;
  try {
    worker = workers({
      onMessage: (message) => {
        if (message.did === "describe") answer.resolve(message.description);
        else if (message.did === "fail") answer.reject(new DescribeError(message.reason));
      },
      onCrash: (reason) => answer.reject(new DescribeError(reason)),
    });
    worker.post({ do: "describe", storeKey, request }, [storeKey.buffer]);
    return await answer.promise;
  } finally {
    worker?.terminate();
  }
}
