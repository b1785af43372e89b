/**
 * Asks a worker about a stored share: the network thread never opens one itself.
 *
 * @module
 */

import type { DescribeRequest, ShareDescription } from "./describe.ts";
import type { FromWorker, ToWorker } from "./protocol.ts";
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
export function askAboutShare(
  workers: WorkerFactory,
  storeKey: Uint8Array<ArrayBuffer>,
  request: DescribeRequest,
): Promise<ShareDescription> {
  return ask(workers, { do: "describe", storeKey, request }, (message) => {
    return message.did === "describe" ? message.description : undefined;
  });
}

/**
 * Checks a sealed set of pre-parameters in a worker of its own.
 *
 * @param storeKey Given away to the worker.
 * @throws {DescribeError} if it cannot be used or the worker failed.
 */
export async function askAboutPreParams(
  workers: WorkerFactory,
  storeKey: Uint8Array<ArrayBuffer>,
  preParams: Uint8Array,
): Promise<void> {
  await ask(workers, { do: "check", storeKey, preParams }, (message) => {
    return message.did === "check" ? true : undefined;
  });
}

/** Gives a fresh worker one question and returns the first answer that `read` recognizes. */
async function ask<T>(
  workers: WorkerFactory,
  question: ToWorker & { readonly storeKey: Uint8Array<ArrayBuffer> },
  read: (message: FromWorker) => T | undefined,
): Promise<T> {
  const answer = Promise.withResolvers<T>();
  let worker: WorkerHandle | null = null;
  try {
    worker = workers({
      onMessage: (message) => {
        const found = read(message);
        if (found !== undefined) answer.resolve(found);
        else if (message.did === "fail") answer.reject(new DescribeError(message.reason));
      },
      onCrash: (reason) => answer.reject(new DescribeError(reason)),
    });
    worker.post(question, [question.storeKey.buffer]);
    return await answer.promise;
  } finally {
    worker?.terminate();
  }
}
