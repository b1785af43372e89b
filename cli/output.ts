/**
 * What people and machines get to see: tables, field lists, JSON objects, progress.
 *
 * @module
 */

import type { Terminal } from "./terminal.ts";

/** Prints one JSON object with its schema name, for example `transfunctioner/sign/1`. */
export function printJson(terminal: Terminal, schema: string, fields: object): void {
  terminal.out(JSON.stringify({ schema, ...fields }) + "\n");
}

/** Prints `name  value` lines with the values aligned; undefined values are left out. */
export function printFields(
  terminal: Terminal,
  fields: readonly (readonly [string, string | undefined])[],
): void {
  const shown = fields.filter((f): f is readonly [string, string] => f[1] !== undefined);
  const width = Math.max(...shown.map(([name]) => name.length));
  for (const [name, value] of shown) terminal.out(`${name.padEnd(width)}  ${value}\n`);
}

/** Prints a table without frames: a header in capitals, columns two spaces apart. */
export async function printTable(
  terminal: Terminal,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): Promise<void> {
  const { default: Table } = await import("cli-table3");
  const none = {
    "top": "",
    "top-mid": "",
    "top-left": "",
    "top-right": "",
    "bottom": "",
    "bottom-mid": "",
    "bottom-left": "",
    "bottom-right": "",
    "left": "",
    "left-mid": "",
    "mid": "",
    "mid-mid": "",
    "right": "",
    "right-mid": "",
    "middle": "  ",
  };
  const table = new Table({
    head: head.map((h) => h.toUpperCase()),
    chars: none,
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [], compact: true },
  });
  for (const row of rows) table.push([...row]);
  const text = table.toString().split("\n").map((line) => line.trimEnd()).join("\n");
  terminal.out(text + "\n");
}

/** A duration for people: `480 ms`, `2.3 s`, `4 min`, `3 h`, `2 d`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)} h`;
  return `${Math.floor(ms / 86_400_000)} d`;
}

/** How far something is, as `[####------]`; `width` characters inside the brackets. */
export function bar(done: number, of: number, width = 10): string {
  const full = of <= 0 ? 0 : Math.round(width * Math.min(1, Math.max(0, done / of)));
  return `[${"#".repeat(full)}${"-".repeat(width - full)}]`;
}

/** A line on standard error that replaces itself; silent where nobody watches. */
export class Progress {
  readonly #terminal: Terminal;
  #shown = "";

  /** Draws on `terminal` when it is interactive. */
  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Replaces the line. */
  show(text: string): void {
    if (!this.#terminal.interactive) return;
    const line = text.slice(0, Math.max(20, this.#terminal.columns - 1));
    if (line === this.#shown) return;
    this.#terminal.err(`\r\x1b[K${line}`);
    this.#shown = line;
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#shown === "") return;
    this.#terminal.err("\r\x1b[K");
    this.#shown = "";
  }
}
