/**
 * A network in memory: byte streams between named hosts, with latency on a given clock, links that
 * can be cut or turned into black holes, and everything said on them open to inspection.
 *
 * @module
 */

import type { Clock } from "../../lib/mesh/clock.ts";
import type { Connection, Listener, Net } from "../../lib/mesh/net.ts";

/** One direction of a stream. */
class Pipe {
  readonly #chunks: Uint8Array[] = [];
  #waiting: ((value: number | null) => void) | null = null;
  #into: Uint8Array | null = null;
  #buffered = 0;
  #writers: (() => void)[] = [];
  ended = false;

  constructor(readonly capacity: number) {}

  push(bytes: Uint8Array): void {
    if (this.ended || bytes.length === 0) return;
    this.#chunks.push(bytes.slice());
    this.#buffered += bytes.length;
    this.#serve();
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.#serve();
    this.#wake();
  }

  get full(): boolean {
    return this.#buffered >= this.capacity && !this.ended;
  }

  room(): Promise<void> {
    return new Promise((resolve) => this.#writers.push(resolve));
  }

  read(into: Uint8Array): Promise<number | null> {
    if (this.#waiting !== null) throw new Error("Two reads at once on one connection");
    return new Promise((resolve) => {
      this.#into = into;
      this.#waiting = resolve;
      this.#serve();
    });
  }

  #serve(): void {
    if (this.#waiting === null) return;
    const first = this.#chunks[0];
    if (first === undefined) {
      if (this.ended) this.#settle(null);
      return;
    }
    const into = this.#into!;
    const n = Math.min(into.length, first.length);
    into.set(first.subarray(0, n));
    if (n === first.length) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(n);
    this.#buffered -= n;
    this.#settle(n);
    this.#wake();
  }

  #settle(value: number | null): void {
    const resolve = this.#waiting!;
    this.#waiting = null;
    this.#into = null;
    resolve(value);
  }

  #wake(): void {
    const writers = this.#writers;
    this.#writers = [];
    for (const w of writers) w();
  }
}

/** One end of a connection; tests may use it raw. */
export class MemoryConnection implements Connection {
  /** Bytes written by this end are swallowed while set. */
  blackhole = false;
  /** Bytes written by this end so far. */
  written = 0;
  closed = false;
  other!: MemoryConnection;

  constructor(
    readonly net: MemoryNet,
    readonly local: { readonly host: string; readonly port: number },
    readonly remote: { readonly host: string; readonly port: number },
    readonly inbound: Pipe,
    readonly outbound: Pipe,
  ) {}

  read(into: Uint8Array): Promise<number | null> {
    if (this.closed) return Promise.reject(new Error("connection closed"));
    return this.inbound.read(into);
  }

  async write(bytes: Uint8Array): Promise<number> {
    while (!this.closed && !this.blackhole && this.outbound.full) await this.outbound.room();
    if (this.closed) throw new Error("connection closed");
    if (this.other.closed) throw new Error("connection reset by peer");
    this.written += bytes.length;
    const data = bytes.slice();
    if (!this.blackhole) this.net.later(() => this.outbound.push(data));
    return bytes.length;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.net.connections.delete(this);
    // Own pending read ends at once, the other end hears of it after what was written.
    this.inbound.end();
    if (!this.blackhole) this.net.later(() => this.outbound.end());
  }
}

class MemoryListener implements Listener {
  #queue: MemoryConnection[] = [];
  #waiting: ((c: Connection | null) => void)[] = [];
  closed = false;

  constructor(
    readonly net: MemoryNet,
    readonly address: { readonly host: string; readonly port: number },
  ) {}

  offer(connection: MemoryConnection): void {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting(connection);
    else this.#queue.push(connection);
  }

  accept(): Promise<Connection | null> {
    if (this.closed) return Promise.resolve(null);
    const next = this.#queue.shift();
    if (next !== undefined) return Promise.resolve(next);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.net.listeners.delete(`${this.address.host}:${this.address.port}`);
    for (const w of this.#waiting) w(null);
    for (const c of this.#queue) c.close();
    this.#waiting = [];
    this.#queue = [];
  }
}

/** The whole network. Each node gets a {@link Net} of its own through {@link MemoryNet.host}. */
export class MemoryNet {
  readonly listeners = new Map<string, MemoryListener>();
  /** Open connection ends, in order of creation: dialler, then listener, for each connection. */
  readonly connections = new Set<MemoryConnection>();
  /** Dials so far, as `from>to:port`, with their virtual times. */
  readonly dials: { readonly from: string; readonly to: string; readonly at: number }[] = [];
  /** Addresses `host:port` that refuse. */
  readonly refused = new Set<string>();
  /** Addresses `host:port` that never answer. */
  readonly silent = new Set<string>();
  /** One-way delay in ms; 0 delivers at once. */
  latency = 0;
  /** Bytes a direction holds before writes wait. */
  capacity = 4 * 1024 * 1024;
  #port = 40_000;

  constructor(readonly clock: Clock) {}

  /** Runs `fn` after the latency. */
  later(fn: () => void): void {
    if (this.latency === 0) fn();
    else this.clock.setTimer(this.latency, fn);
  }

  /** The network as seen from the machine with address `ip`. */
  host(ip: string): Net {
    return {
      listen: (host, port) => {
        const bound = host === "0.0.0.0" || host === "::" ? ip : host;
        const address = { host: bound, port: port === 0 ? this.#port++ : port };
        const name = `${address.host}:${address.port}`;
        if (this.listeners.has(name)) return Promise.reject(new Error("address in use"));
        const listener = new MemoryListener(this, address);
        this.listeners.set(name, listener);
        return Promise.resolve(listener);
      },
      dial: (host, port, timeoutMs) => this.connect(ip, host, port, timeoutMs),
    };
  }

  /** Connects from `ip`; the raw end can also be driven by a test. */
  connect(ip: string, host: string, port: number, timeoutMs = 1000): Promise<MemoryConnection> {
    const name = `${host}:${port}`;
    this.dials.push({ from: ip, to: name, at: this.clock.now() });
    return new Promise((resolve, reject) => {
      if (this.silent.has(name)) {
        this.clock.setTimer(timeoutMs, () => reject(new Error("no answer")));
        return;
      }
      this.later(() => {
        const listener = this.listeners.get(name);
        if (listener === undefined || this.refused.has(name)) {
          reject(new Error("connection refused"));
          return;
        }
        const there = new Pipe(this.capacity);
        const back = new Pipe(this.capacity);
        const from = { host: ip, port: this.#port++ };
        const dialled = new MemoryConnection(this, from, listener.address, back, there);
        const accepted = new MemoryConnection(this, listener.address, from, there, back);
        dialled.other = accepted;
        accepted.other = dialled;
        this.connections.add(dialled);
        this.connections.add(accepted);
        listener.offer(accepted);
        this.later(() => resolve(dialled));
      });
    });
  }
}
