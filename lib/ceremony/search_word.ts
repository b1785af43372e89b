/**
 * The word of shared memory by which the network thread steers searching workers: they compute
 * without giving way, hear no message meanwhile, and `terminate()` does not interrupt them.
 *
 * @module
 */

const GO = 0;
const STOP = 1;
const PAUSE = 2;

/** One word, seen from both sides. */
export class SearchWord {
  /** What is given to the workers. */
  readonly buffer: SharedArrayBuffer;
  readonly #word: Int32Array<SharedArrayBuffer>;

  /** A new word says "go on"; a worker passes the buffer that it was given. */
  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(4)) {
    this.buffer = buffer;
    this.#word = new Int32Array(buffer);
  }

  #say(state: number): void {
    // Stopped is the end: nothing else may be said after it.
    if (Atomics.load(this.#word, 0) === STOP) return;
    Atomics.store(this.#word, 0, state);
    Atomics.notify(this.#word, 0);
  }

  /** Lets searches sleep at their next look. */
  pause(): void {
    this.#say(PAUSE);
  }

  /** Wakes them up. */
  resume(): void {
    this.#say(GO);
  }

  /** Ends them at their next look, for ever. */
  stop(): void {
    this.#say(STOP);
  }

  /**
   * For a worker: sleeps, without using the processor, as long as searches are paused. Returns
   * whether to go on.
   */
  look(): boolean {
    while (Atomics.load(this.#word, 0) === PAUSE) Atomics.wait(this.#word, 0, PAUSE);
    return Atomics.load(this.#word, 0) === GO;
  }
}
