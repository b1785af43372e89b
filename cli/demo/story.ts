/**
 * How a demo tells what it does: one line per step, with its time.
 *
 * @module
 */

import { Progress } from "../output.ts";
import type { Terminal } from "../terminal.ts";

/** The steps of a demo on a terminal, or in silence for `--json`. */
export class Story {
  /** Seconds per step. */
  readonly timings: Record<string, number> = {};
  readonly #progress: Progress;
  #phase = "starting";

  /** Tells on `terminal`, or nothing before the end with `json`. */
  constructor(readonly terminal: Terminal, readonly json: boolean) {
    this.#progress = new Progress(terminal);
  }

  /** The step it is at. */
  get phase(): string {
    return this.#phase;
  }

  /** Runs one phase, shows that it runs, and keeps its time in seconds. */
  async step<T>(key: string, title: string, work: (note: (text: string) => void) => Promise<T>) {
    this.#phase = title;
    const begun = performance.now();
    const elapsed = () => ((performance.now() - begun) / 1000).toFixed(1);
    let note = "";
    const draw = () => this.#progress.show(`  … ${title} ${elapsed()} s ${note}`);
    draw();
    const timer = setInterval(draw, 200);
    try {
      const result = await work((text) => {
        note = text;
        draw();
      });
      this.timings[key] = Math.round(performance.now() - begun) / 1000;
      this.#progress.clear();
      this.say(`  ✓ ${title.padEnd(52)} ${elapsed().padStart(6)} s`);
      return result;
    } finally {
      clearInterval(timer);
      this.#progress.clear();
    }
  }

  /** Prints one line of the story. */
  say(line: string): void {
    if (!this.json) this.terminal.out(line + "\n");
  }
}
