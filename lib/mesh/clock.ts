/**
 * Time as a parameter: protocol code never reads a clock or sets a timer of its own.
 *
 * @module
 */

/** The time and timers that code under test can drive by hand. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Calls `fn` once after `ms` milliseconds; the returned function cancels it. */
  setTimer(ms: number, fn: () => void): () => void;
}

/** The real clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(ms, fn) {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
};

/**
 * Runs `work` with a deadline. After `ms` milliseconds the result is the rejection with what
 * `onExpire` returns; `onExpire` also stops the work (closes the connection it waits for).
 */
export function withDeadline<T>(
  clock: Clock,
  ms: number,
  work: () => Promise<T>,
  onExpire: () => Error,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const cancel = clock.setTimer(ms, () => reject(onExpire()));
    work().then(
      (value) => {
        cancel();
        resolve(value);
      },
      (error) => {
        cancel();
        reject(error);
      },
    );
  });
}
