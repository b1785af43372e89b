/**
 * Writes of one file or folder, one after the other, until its owner lets go of it.
 *
 * @module
 */

import { KeystoreError } from "./errors.ts";

/** Runs writes in the order in which they are given. */
export class WriteQueue {
  #tail: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** Whether {@link close} was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Runs a write after those before it; a failed one does not stop the next.
   *
   * @throws {KeystoreError} TF-READ-ONLY after {@link close}; else what the write throws.
   */
  run<T>(write: () => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(closedError());
    const written = this.#tail.then(write);
    this.#tail = written.catch(() => {});
    return written;
  }

  /** Takes no more writes; resolves when those taken are done. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#tail;
  }

  /** Resolves when the writes taken so far are done. */
  async settled(): Promise<void> {
    await this.#tail;
  }
}

/** What whoever still wants to write is told. */
export function closedError(): KeystoreError {
  return new KeystoreError("TF-READ-ONLY", "the keystore is closed", "open it again");
}
