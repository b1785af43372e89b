/**
 * Colour where a person watches and did not set NO_COLOR; plain text everywhere else.
 *
 * @module
 */

import type { Terminal } from "./terminal.ts";

const CODES = { green: 32, yellow: 33, red: 31, grey: 90 } as const;

/** Paints `text` if the terminal's standard output may carry colour. */
export function paint(terminal: Terminal, colour: keyof typeof CODES, text: string): string {
  return terminal.colour ? `\x1b[${CODES[colour]}m${text}\x1b[39m` : text;
}
