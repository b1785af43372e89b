/**
 * What a room needs of a logger: nothing else in the code knows which library writes the lines.
 *
 * @module
 */

/** How loud a line is, from the quietest setting's point of view: `error` is always worth reading. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/**
 * Properties of a line, beside its text. Put identities, ceremony ids, addresses and counts here
 * and not in the message, so that lines stay searchable. A {@link Secret} prints as `[redacted]`.
 */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Takes log lines. Messages are lower-case sentences without a full stop: `session closed`.
 * No method throws, and none waits.
 */
export interface Logger {
  /** Detail for somebody who is looking for a fault. */
  debug(message: string, fields?: LogFields): void;
  /** Something an operator wants in the record: started, stopped, ceremony complete. */
  info(message: string, fields?: LogFields): void;
  /** Something is wrong but the node copes: a peer unreachable, a limit met. */
  warn(message: string, fields?: LogFields): void;
  /** Something failed and stays failed. */
  error(message: string, fields?: LogFields): void;
  /**
   * Returns a logger for `module` below this one (`mesh`, then `session` gives `mesh.session`)
   * that adds `fields` to each of its lines. An empty module keeps the name.
   */
  child(module: string, fields?: LogFields): Logger;
}

/** A value that may travel through code that logs, and never shows in a line, JSON or an error. */
export class Secret<T> {
  readonly #value: T;

  /** Wraps `value`. */
  constructor(value: T) {
    this.#value = value;
  }

  /** Returns the value itself; the one way to reach it. */
  reveal(): T {
    return this.#value;
  }

  /** Returns `[redacted]`. */
  toString(): string {
    return "[redacted]";
  }

  /** Returns `[redacted]`. */
  toJSON(): string {
    return "[redacted]";
  }

  /** Returns `[redacted]`. */
  [Symbol.for("Deno.customInspect")](): string {
    return "[redacted]";
  }

  /** Returns `[redacted]`. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "[redacted]";
  }
}

/** Drops every line. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};

/** A line that a {@link CollectingLogger} kept. */
export interface CollectedLine {
  /** How loud. */
  readonly level: LogLevel;
  /** Dotted module name; empty at the top. */
  readonly module: string;
  /** The text. */
  readonly message: string;
  /** The line's own fields over those of the logger. */
  readonly fields: LogFields;
}

/** A logger that keeps its lines, for tests. Children write into the same list. */
export interface CollectingLogger extends Logger {
  /** All lines so far, oldest first. */
  readonly lines: readonly CollectedLine[];
  /** Tells whether a line of `level` holds `part` in its message. */
  has(level: LogLevel, part: string): boolean;
}

/** Makes a {@link CollectingLogger}. */
export function collectingLogger(): CollectingLogger {
  const lines: CollectedLine[] = [];
  const make = (module: string, base: LogFields): CollectingLogger => {
    const at = (level: LogLevel) => (message: string, fields: LogFields = {}) => {
      lines.push({ level, module, message, fields: { ...base, ...fields } });
    };
    return {
      lines,
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: (name, fields = {}) => make(joinModule(module, name), { ...base, ...fields }),
      has: (level, part) => lines.some((l) => l.level === level && l.message.includes(part)),
    };
  };
  return make("", {});
}

/** Joins module names with a dot, leaving out empty ones. */
export function joinModule(parent: string, name: string): string {
  return parent === "" ? name : name === "" ? parent : `${parent}.${name}`;
}
