/**
 * In-memory connections for the wire tests: byte streams that can be cut, held and injected into.
 *
 * @module
 */

import { concat } from "../../lib/encoding/bytes.ts";
import type { Connection } from "../../lib/mesh/net.ts";

/** A one-way byte queue. */
class Queue {
  chunks: Uint8Array[] = [];
  ended = false;
  wake: (() => void) | undefined;

  push(bytes: Uint8Array): void {
    if (bytes.length > 0) this.chunks.push(bytes.slice());
    this.signal();
  }

  end(): void {
    this.ended = true;
    this.signal();
  }

  signal(): void {
    this.wake?.();
    this.wake = undefined;
  }
}

/** One end of a pipe. What it wrote is kept in `sent`; `hold` makes writes wait for ever. */
export class PipeEnd implements Connection {
  readonly remote = { host: "127.0.0.1", port: 1 };
  readonly sent: Uint8Array[] = [];
  closed = false;
  hold = false;
  reads = 0;

  /** @param chunk most bytes that one read or write moves. */
  constructor(readonly inbound: Queue, readonly outbound: Queue, readonly chunk: number) {}

  async read(into: Uint8Array): Promise<number | null> {
    this.reads++;
    for (;;) {
      if (this.closed) throw new Error("read on a closed pipe");
      const first = this.inbound.chunks[0];
      if (first !== undefined) {
        const n = Math.min(first.length, into.length, this.chunk);
        into.set(first.subarray(0, n));
        if (n === first.length) this.inbound.chunks.shift();
        else this.inbound.chunks[0] = first.subarray(n);
        return n;
      }
      if (this.inbound.ended) return null;
      await new Promise<void>((resolve) => this.inbound.wake = resolve);
    }
  }

  async write(bytes: Uint8Array): Promise<number> {
    if (this.hold) await new Promise(() => {});
    if (this.closed) throw new Error("write on a closed pipe");
    const part = bytes.subarray(0, this.chunk);
    this.sent.push(part.slice());
    this.outbound.push(part);
    return part.length;
  }

  close(): void {
    this.closed = true;
    this.outbound.end();
    this.inbound.signal();
  }

  /** Everything written so far. */
  written(): Uint8Array<ArrayBuffer> {
    return concat(...this.sent);
  }

  /** Puts bytes on the line as if this end had written them. */
  inject(bytes: Uint8Array): void {
    this.outbound.push(bytes);
  }
}

/** Two connected ends. */
export function pipe(chunk = 1 << 30): [PipeEnd, PipeEnd] {
  const there = new Queue(), back = new Queue();
  return [new PipeEnd(back, there, chunk), new PipeEnd(there, back, chunk)];
}

/** Lets everything that is ready run. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

/** A random source that hands out the given byte strings in order. */
export function scripted(...draws: Uint8Array[]): (length: number) => Uint8Array {
  return (length) => {
    const draw = draws.shift();
    if (draw === undefined || draw.length !== length) {
      throw new RangeError(`An unexpected draw of ${length} bytes`);
    }
    return draw.slice();
  };
}
