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

/** Variables of the process, as a command sees them. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** No settings: what is set on the machine that runs the tests is none of their business. */
const NO_SETTINGS: Variables = { HOME: "/nonexistent" };

/**
 * A terminal for tests, with what was written so far.
 *
 * @param variables what the command finds set; the process's own are shared with all other test
 * files that run at the same time.
 */
export function fakeTerminal(
  colour = false,
  variables = NO_SETTINGS,
): Terminal & { written(): { out: string; err: string } } {
  let out = "";
  let err = "";
  return {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    interactive: false,
    colour,
    variables,
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

/** Runs one command line in this process, no setting in the variables. */
export function runLine(...args: readonly string[]): Promise<Outcome> {
  return runLineWith({}, ...args);
}

/** The same where these are set. */
export async function runLineWith(
  variables: Variables,
  ...args: readonly string[]
): Promise<Outcome> {
  const terminal = fakeTerminal(false, { ...NO_SETTINGS, ...variables });
  const code = await main(args, terminal);
  return { code, ...terminal.written() };
}
