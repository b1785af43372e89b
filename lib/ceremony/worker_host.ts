/**
 * Starts ceremony workers: threads that may do nothing but compute. No file, network, environment,
 * process or foreign function is open to them; only messages go in and out.
 *
 * @module
 */

import type { FromWorker, ToWorker } from "./protocol.ts";

/** A running worker. */
export interface WorkerHandle {
  /** Hands over a message; `transfer` lists buffers that are given away instead of copied. */
  post(message: ToWorker, transfer?: readonly ArrayBuffer[]): void;
  /** Ends the thread at once and frees its memory. No event follows. */
  terminate(): void;
}

/** What a worker reports. */
export interface WorkerEvents {
  /** A message. */
  onMessage(message: FromWorker): void;
  /** The thread died; it needs no {@link WorkerHandle.terminate} but bears one. */
  onCrash(reason: string): void;
}

/** Starts a worker. */
export type WorkerFactory = (events: WorkerEvents) => WorkerHandle;

/** The worker's code is not there. */
export class WorkerBundleMissing extends Error {
  /** Class name. */
  override readonly name = "WorkerBundleMissing";
  /** Stable code for machines. */
  readonly code = "TF-WORKER-BUNDLE";
  /** What to do about it. */
  readonly hint = "Run `deno task build` once; the tasks of this project do so by themselves.";
  /** Says what is missing. */
  constructor() {
    super("Cannot start ceremony workers: dist/ceremony_worker.js is missing");
  }
}

/**
 * Loads the workers' code, a bundle that is part of the program's own module graph, and returns a
 * factory. A worker without permissions could not read its modules from the disk one by one.
 *
 * @throws {WorkerBundleMissing} if the program was not built.
 */
export async function loadWorkers(): Promise<WorkerFactory> {
  let source: string;
  try {
    // A literal path: the import then belongs to the graph and needs no read permission.
    source = (await import("../../dist/ceremony_worker.js", { with: { type: "text" } })).default;
  } catch {
    throw new WorkerBundleMissing();
  }
  return workersFrom(source);
}

/** Returns a factory of permissionless workers that run the JavaScript text `source`. */
export function workersFrom(source: string): WorkerFactory {
  // A dependency in CommonJS form makes the bundler write createRequire(import.meta.url), which
  // takes file URLs only. Nothing is ever required through it: the bundle holds everything.
  const code = source.replaceAll("createRequire(import.meta.url)", 'createRequire("file:///")');
  // A blob: URL needs no permission either and starts a thread in a third of the time that a data:
  // URL takes, which the runtime parses like a module of the program. It is never revoked.
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  return (events) => {
    const worker = new Worker(url, {
      type: "module",
      name: "ceremony",
      deno: { permissions: "none" },
    });
    let over = false;
    const crash = (reason: string) => {
      if (over) return;
      over = true;
      worker.terminate();
      events.onCrash(reason);
    };
    worker.onmessage = (event: MessageEvent<FromWorker>) => {
      if (!over) events.onMessage(event.data);
    };
    worker.onmessageerror = () => crash("a message of the worker could not be read");
    worker.onerror = (event) => {
      // Without this the error would end the whole program.
      event.preventDefault();
      crash("the worker crashed");
    };
    return {
      post: (message, transfer = []) => {
        if (!over) worker.postMessage(message, [...transfer]);
      },
      terminate: () => {
        over = true;
        worker.terminate();
      },
    };
  };
}
