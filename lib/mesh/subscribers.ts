/**
 * Functions to be called when something happens.
 *
 * @module
 */

/** A set of functions of the same arguments; one that throws does not keep the others from running. */
export class Subscribers<A extends unknown[]> {
  readonly #functions = new Set<(...args: A) => void>();
  readonly #failed: (error: unknown, args: A) => void;

  /** An empty set; `failed` hears of functions that throw. */
  constructor(failed: (error: unknown, args: A) => void) {
    this.#failed = failed;
  }

  /** Adds a function; the result removes it again. */
  add(fn: (...args: A) => void): () => void {
    this.#functions.add(fn);
    return () => void this.#functions.delete(fn);
  }

  /** Calls all functions. */
  tell(...args: A): void {
    for (const fn of this.#functions) {
      try {
        fn(...args);
      } catch (error) {
        this.#failed(error, args);
      }
    }
  }
}
