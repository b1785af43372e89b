/**
 * Views of the daemon that are shown once, or with `--watch` again and again: drawn over in a
 * terminal, as lines of what changed elsewhere, as JSON lines for machines.
 *
 * @module
 */

import type { Invocation, OptionSpec } from "./command.ts";
import { callDaemon, type DaemonLink, openDaemon } from "./connect.ts";
import { EXIT, type ExitCode, usageError } from "./exit.ts";
import { printJson } from "./output.ts";
import type { Terminal } from "./terminal.ts";

/** Options of a command that can watch. */
export const WATCH_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  watch: { short: "w", help: "look again and again until Ctrl-C" },
  every: { value: "SECONDS", help: "with --watch: pause between two looks, 1 to 3600; default 2" },
};

/** What a command shows of one admin method's answer. */
export interface View<T> {
  /** For the head of the screen: `status`. */
  readonly title: string;
  readonly method: string;
  readonly params: Record<string, unknown>;
  /** Schema name of the JSON objects. */
  readonly schema: string;
  /** Draws it for a person. */
  draw(terminal: Terminal, answer: T): Promise<void>;
  /** One line for each thing in it, by a name that stays; shown when a line changes. */
  lines(answer: T): Iterable<readonly [string, string]>;
}

/** What `watch()` needs of the world, so that tests can turn the hands. */
export interface WatchWorld {
  open(): Promise<DaemonLink>;
  /** Resolves after so many milliseconds. */
  pause(ms: number): Promise<void>;
  now(): Date;
}

const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";

function everyOption(invocation: Invocation): number {
  const text = invocation.text["every"];
  if (text === undefined) return 2_000;
  if (!invocation.on.has("watch")) throw usageError("--every goes with --watch");
  if (!/^[0-9]{1,4}$/.test(text) || Number(text) < 1 || Number(text) > 3600) {
    throw usageError(`--every: "${text}" is not a whole number of seconds from 1 to 3600`);
  }
  return Number(text) * 1_000;
}

/** Shows a view once, or watches it. */
export async function showView<T extends object>(
  invocation: Invocation,
  view: View<T>,
): Promise<ExitCode> {
  const { terminal, on } = invocation;
  const every = everyOption(invocation);
  if (on.has("watch")) {
    return await watch(view, every, terminal, on.has("json"), {
      open: () => openDaemon(invocation),
      pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      now: () => new Date(),
    });
  }
  const answer = await callDaemon<T>(invocation, view.method, view.params);
  if (on.has("json")) printJson(terminal, view.schema, answer);
  else await view.draw(terminal, answer);
  return EXIT.done;
}

/**
 * Looks every so many milliseconds until it is interrupted or nobody reads any more. A daemon that
 * stops meanwhile is waited for; one that is not there at the beginning is an error.
 */
export async function watch<T extends object>(
  view: View<T>,
  everyMs: number,
  terminal: Terminal,
  json: boolean,
  world: WatchWorld,
): Promise<ExitCode> {
  let link: DaemonLink | null = await world.open();
  const screen = json
    ? new JsonLines<T>(terminal, view)
    : terminal.screen
    ? new Redrawn<T>(terminal, view, everyMs)
    : new ChangedLines<T>(terminal, view);
  const interrupted = Promise.withResolvers<void>();
  let ended = false;
  const forget = terminal.onInterrupt(() => {
    ended = true;
    interrupted.resolve();
  });
  try {
    screen.begin();
    while (!ended && !terminal.gone()) {
      try {
        link ??= await world.open();
        const answer: T = await link.call<T>(view.method, view.params);
        if (!ended) await screen.show(answer, world.now());
      } catch (error) {
        link?.close();
        link = null;
        screen.fail(error, world.now());
      }
      if (!ended) await Promise.race([world.pause(everyMs), interrupted.promise]);
    }
  } finally {
    screen.end();
    forget();
    link?.close();
  }
  return EXIT.done;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function clockTime(at: Date): string {
  return at.toTimeString().slice(0, 8);
}

/** Draws over what was there; the terminal is as before when it ends, with the last look below. */
class Redrawn<T> {
  #last = "";
  constructor(
    readonly terminal: Terminal,
    readonly view: View<T>,
    readonly everyMs: number,
  ) {}

  begin(): void {
    this.terminal.out(ENTER);
  }

  async show(answer: T, at: Date): Promise<void> {
    let text = "";
    const take = (part: string) => void (text += part);
    await this.view.draw({ ...this.terminal, out: take, err: take }, answer);
    this.#last = text;
    this.#draw(text, at);
  }

  fail(error: unknown, at: Date): void {
    this.#draw(
      `error: ${messageOf(error)}\n${this.#last === "" ? "" : `\nbefore:\n${this.#last}`}`,
      at,
    );
  }

  end(): void {
    this.terminal.out(LEAVE + this.#last);
  }

  #draw(text: string, at: Date): void {
    const { columns, rows } = this.terminal.size();
    const head = `${this.view.title}, every ${this.everyMs / 1000} s; ${
      clockTime(at)
    }; Ctrl-C ends`;
    const lines = [head, "", ...text.trimEnd().split("\n")].slice(0, Math.max(3, rows - 1))
      // A line with colour is left whole: its codes have no width.
      .map((line) => line.includes("\x1b") ? line : line.slice(0, columns));
    this.terminal.out(`\x1b[H${lines.map((line) => `${line}\x1b[K\n`).join("")}\x1b[J`);
  }
}

/** Writes a line with the time for everything that changed since the last look. */
class ChangedLines<T> {
  readonly #before = new Map<string, string>();
  constructor(readonly terminal: Terminal, readonly view: View<T>) {}

  begin(): void {}

  show(answer: T, at: Date): Promise<void> {
    this.#tell(at, [...this.view.lines(answer), ["error", ""]]);
    return Promise.resolve();
  }

  fail(error: unknown, at: Date): void {
    this.#tell(at, [["error", `error: ${messageOf(error)}`]]);
  }

  end(): void {}

  #tell(at: Date, lines: readonly (readonly [string, string])[]): void {
    for (const [name, line] of lines) {
      if (this.#before.get(name) === line) continue;
      this.#before.set(name, line);
      if (line !== "") this.terminal.out(`${clockTime(at)}  ${line}\n`);
    }
  }
}

/** Writes one JSON object a look. */
class JsonLines<T extends object> {
  constructor(readonly terminal: Terminal, readonly view: View<T>) {}

  begin(): void {}

  show(answer: T, at: Date): Promise<void> {
    printJson(this.terminal, this.view.schema, { at: at.toISOString(), ...answer });
    return Promise.resolve();
  }

  fail(error: unknown, at: Date): void {
    const { code = "TF-FAILED", hint } = error as { code?: string; hint?: string };
    printJson(this.terminal, "transfunctioner/error/1", {
      at: at.toISOString(),
      error: { code, message: messageOf(error), ...(hint === undefined ? {} : { hint }) },
    });
  }

  end(): void {}
}
