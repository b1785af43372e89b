/**
 * Exact reads from a byte stream that delivers what it likes.
 *
 * @module
 */

import { WireError } from "./errors.ts";
import type { Connection } from "./net.ts";

/** Room for many small frames per read from the socket. */
const CHUNK = 16 * 1024;

/** Reads lines and blocks of exact length; what arrives beyond them waits for the next call. */
export class ByteReader {
  readonly #conn: Pick<Connection, "read">;
  #buffer = new Uint8Array(CHUNK);
  #start = 0;
  #end = 0;

  /** Reads from `conn`; nobody else may. */
  constructor(conn: Pick<Connection, "read">) {
    this.#conn = conn;
  }

  /** Waits for more bytes into the free part of the buffer. */
  async #fill(): Promise<void> {
    if (this.#start === this.#end) this.#start = this.#end = 0;
    else if (this.#end === this.#buffer.length) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    this.#end += await this.#readInto(this.#buffer.subarray(this.#end));
  }

  async #readInto(into: Uint8Array): Promise<number> {
    const n = await this.#conn.read(into);
    if (n === null || n === 0) throw new WireError("closed", "Cannot read: the peer closed");
    return n;
  }

  /**
   * Reads up to and including the first newline and returns what stands before it.
   *
   * @param max most bytes of the line, newline included; at most 16,384.
   * @throws {WireError} kind `key-exchange` for a longer line, `closed` at the end of the stream.
   */
  async line(max: number): Promise<Uint8Array> {
    for (let seen = 0;;) {
      const held = Math.min(this.#end - this.#start, max);
      for (; seen < held; seen++) {
        if (this.#buffer[this.#start + seen] === 0x0a) {
          const line = this.#buffer.slice(this.#start, this.#start + seen);
          this.#start += seen + 1;
          return line;
        }
      }
      if (seen >= max) {
        throw new WireError("key-exchange", `Cannot read line: it is longer than ${max} bytes`);
      }
      await this.#fill();
    }
  }

  /** The next `length` bytes if they have arrived already; a view that is valid until the next call. */
  held(length: number): Uint8Array | null {
    if (this.#end - this.#start < length) return null;
    this.#start += length;
    return this.#buffer.subarray(this.#start - length, this.#start);
  }

  /**
   * Reads exactly `length` bytes. The result may be a view that is valid until the next call.
   *
   * @throws {WireError} kind `closed` if the stream ends before.
   */
  async exactly(length: number): Promise<Uint8Array> {
    if (length <= this.#buffer.length) {
      while (this.#end - this.#start < length) await this.#fill();
      this.#start += length;
      return this.#buffer.subarray(this.#start - length, this.#start);
    }
    const out = new Uint8Array(length);
    let at = this.#end - this.#start;
    out.set(this.#buffer.subarray(this.#start, this.#end));
    this.#start = this.#end = 0;
    while (at < length) at += await this.#readInto(out.subarray(at));
    return out;
  }
}
