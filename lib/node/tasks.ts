/**
 * Work that goes on by itself, so that a stop can wait for it.
 *
 * @module
 */

/** Work under way. */
export class Tasks {
  readonly #running = new Set<Promise<unknown>>();

  /** Counts `work` as under way until it has ended; returns it. */
  add<T>(work: Promise<T>): Promise<T> {
    const counted: Promise<unknown> = work.then(() => {}, () => {}).then(() => {
      this.#running.delete(counted);
    });
    this.#running.add(counted);
    return work;
  }

  /** Resolves when nothing is under way, what began meanwhile included. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}
