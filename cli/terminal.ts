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
  /** Reads all of standard input, at most `limit` bytes. */
  readAll(limit: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Asks for a secret without echo; undefined when there is no terminal to ask on. */
  askSecret(question: string): Promise<string | undefined>;
}

const encoder = new TextEncoder();

function writeAll(stream: { writeSync(p: Uint8Array): number }, text: string): void {
  let bytes = encoder.encode(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(stream.writeSync(bytes));
    } catch (error) {
      // The reader went away (`transfunctioner peers | head -1`): nothing is left to tell it.
      if (error instanceof Deno.errors.BrokenPipe) return;
      throw error;
    }
  }
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
  let columns = 80;
  try {
    if (Deno.stdout.isTerminal()) columns = Deno.consoleSize().columns;
  } catch {
    // No size to be had; 80 columns suit every terminal.
    columns = 80;
  }
  return {
    out: (text) => writeAll(Deno.stdout, text),
    err: (text) => writeAll(Deno.stderr, text),
    interactive: Deno.stderr.isTerminal(),
    colour: Deno.stdout.isTerminal() && !Deno.noColor,
    columns,
    readAll: readAllInput,
    askSecret: askHidden,
  };
}
