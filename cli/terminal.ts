/**
 * The streams a command talks to, as a value, so that tests can listen.
 *
 * Data goes to standard output; everything a person reads beside it (progress, notes, errors) to
 * standard error.
 *
 * @module
 */

/** Where a command reads and writes. */
export interface Terminal {
  /** Writes text to standard output. */
  out(text: string): void;
  /** Writes text to standard error. */
  err(text: string): void;
  /** Whether standard error is a terminal; progress is drawn only then. */
  readonly interactive: boolean;
  /** Whether standard output may carry colour. */
  readonly colour: boolean;
  /** Width in columns of the terminal, 80 where unknown. */
  readonly columns: number;
  /** Whether standard output is a terminal, on which a text can be drawn over. */
  readonly screen: boolean;
  /** Size of the terminal now: a person may change it. */
  size(): { readonly columns: number; readonly rows: number };
  /** Whether whoever read standard output went away. */
  gone(): boolean;
  /** Calls `handler` instead of dying on Ctrl-C or SIGTERM; returns what takes that back. */
  onInterrupt(handler: () => void): () => void;
  /** Reads all of standard input, at most `limit` bytes. */
  readAll(limit: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Variables that settings are read from instead of the process's own; see `readEnvironment`. */
  readonly variables?: Readonly<Record<string, string | undefined>>;
  /** Asks for a secret without echo; undefined when there is no terminal to ask on. */
  askSecret(question: string): Promise<string | undefined>;
}

const encoder = new TextEncoder();

/** Writes all of a text; false if nobody reads it any more. */
function writeAll(stream: { writeSync(p: Uint8Array): number }, text: string): boolean {
  let bytes = encoder.encode(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(stream.writeSync(bytes));
    } catch (error) {
      // The reader went away (`transfunctioner peers | head -1`): nothing is left to tell it.
      if (error instanceof Deno.errors.BrokenPipe) return false;
      throw error;
    }
  }
  return true;
}

function consoleSize(): { columns: number; rows: number } {
  try {
    const size = Deno.consoleSize();
    // A terminal that was never told its size says 0.
    if (size.columns > 0 && size.rows > 0) return size;
  } catch {
    // No size to be had.
  }
  return { columns: 80, rows: 24 };
}

function onInterrupt(handler: () => void): () => void {
  const signals: readonly Deno.Signal[] = ["SIGINT", "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, handler);
  return () => {
    for (const signal of signals) Deno.removeSignalListener(signal, handler);
  };
}

async function readAllInput(limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of Deno.stdin.readable) {
    size += chunk.length;
    if (size > limit) throw new RangeError(`Standard input has more than ${limit} bytes`);
    chunks.push(chunk);
  }
  const out = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}

async function askHidden(question: string): Promise<string | undefined> {
  if (!Deno.stdin.isTerminal()) return undefined;
  writeAll(Deno.stderr, question);
  Deno.stdin.setRaw(true, { cbreak: false });
  const typed: number[] = [];
  try {
    const buffer = new Uint8Array(256);
    for (;;) {
      const n = await Deno.stdin.read(buffer);
      if (n === null) return undefined;
      for (const byte of buffer.subarray(0, n)) {
        if (byte === 0x0d || byte === 0x0a) return new TextDecoder().decode(Uint8Array.from(typed));
        // Ctrl-C and Ctrl-D arrive as characters while the terminal is raw.
        if (byte === 0x03 || (byte === 0x04 && typed.length === 0)) return undefined;
        if (byte === 0x7f || byte === 0x08) {
          // One character may be several UTF-8 bytes.
          while (typed.length > 0 && (typed.pop()! & 0xc0) === 0x80);
        } else typed.push(byte);
      }
    }
  } finally {
    Deno.stdin.setRaw(false);
    typed.fill(0);
    writeAll(Deno.stderr, "\n");
  }
}

/** The process's own streams. */
export function systemTerminal(): Terminal {
  const screen = Deno.stdout.isTerminal();
  let gone = false;
  return {
    out: (text) => {
      if (!writeAll(Deno.stdout, text)) gone = true;
    },
    err: (text) => {
      writeAll(Deno.stderr, text);
    },
    interactive: Deno.stderr.isTerminal(),
    colour: screen && !Deno.noColor,
    columns: screen ? consoleSize().columns : 80,
    screen,
    size: consoleSize,
    gone: () => gone,
    onInterrupt,
    readAll: readAllInput,
    askSecret: askHidden,
  };
}
