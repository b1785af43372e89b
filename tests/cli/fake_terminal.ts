/**
 * A terminal that remembers what was written to it.
 *
 * @module
 */

import { main } from "../../cli/main.ts";
import type { Terminal } from "../../cli/terminal.ts";

/** What a command line did. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A terminal for tests, with what was written so far. */
export function fakeTerminal(
  colour = false,
): Terminal & { written(): { out: string; err: string } } {
  let out = "";
  let err = "";
  return {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    interactive: false,
    colour,
    columns: 80,
    screen: false,
    size: () => ({ columns: 80, rows: 24 }),
    gone: () => false,
    onInterrupt: () => () => {},
    readAll: () => Promise.resolve(new Uint8Array(0)),
    askSecret: () => Promise.resolve(undefined),
    written: () => ({ out, err }),
  };
}

/** Runs one command line in this process. */
export async function runLine(...args: readonly string[]): Promise<Outcome> {
  const terminal = fakeTerminal();
  const code = await main(args, terminal);
  return { code, ...terminal.written() };
}
