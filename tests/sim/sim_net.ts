/**
 * Links between simulated nodes: whole frames instead of encrypted bytes, with latency, loss, cuts
 * and counters. The node code above the link is the real one; key exchange, handshake and frame
 * encryption have tests of their own, and would take minutes for thousands of links.
 *
 * @module
 */

import type { NodeIdentity } from "../../lib/crypto/identity.ts";
import type { Connection, Listener, Net } from "../../lib/mesh/net.ts";
import type { LinkOpener } from "../../lib/mesh/opener.ts";
import { OURS_OPTION } from "../../lib/mesh/session.ts";
import type { SimClock } from "./sim_clock.ts";

/** As the transport: no frame for so long ends a link. */
const READ_DEADLINE = 37_000;
/** Bytes that encryption adds to a frame. */
const FRAME_OVERHEAD = 84;

/** One end of a link; stands in for a connection and for the transport over it. */
class SimEnd implements Connection {
  other!: SimEnd;
  closed = false;
  owner: NodeIdentity | null = null;
  #queue: Uint8Array[] = [];
  #waiting: { resolve: (frame: Uint8Array) => void; reject: (error: Error) => void } | null = null;
  #cancel: (() => void) | null = null;
  #opened!: () => void;
  readonly opened = new Promise<void>((resolve) => this.#opened = resolve);

  constructor(
    readonly net: SimNet,
    readonly home: string,
    readonly remote: { readonly host: string; readonly port: number },
  ) {}

  open(owner: NodeIdentity): void {
    this.owner = owner;
    this.#opened();
  }

  /** Frames replace bytes. */
  read(): Promise<number | null> {
    return Promise.reject(new Error("a simulated connection carries frames only"));
  }

  write(): Promise<number> {
    return Promise.reject(new Error("a simulated connection carries frames only"));
  }

  send(frame: Uint8Array): Promise<void> {
    if (this.closed) return Promise.reject(new Error("connection closed"));
    this.net.traffic.frames++;
    // {"payloadtype":"encrypted"
    if (frame[16] === 0x65 && frame[17] === 0x6e) this.net.traffic.envelopes++;
    this.net.traffic.bytes += frame.length + FRAME_OVERHEAD;
    if (this.net.passes(this.home, this.other.home)) {
      this.net.later(() => this.other.deliver(frame));
    }
    return Promise.resolve();
  }

  deliver(frame: Uint8Array): void {
    if (this.closed) return;
    if (this.#waiting === null) this.#queue.push(frame);
    else this.#settle().resolve(frame);
  }

  receive(): Promise<Uint8Array> {
    if (this.#queue.length > 0) return Promise.resolve(this.#queue.shift()!);
    if (this.closed) return Promise.reject(new Error("connection closed"));
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#cancel = this.net.clock.setTimer(READ_DEADLINE, () => {
        this.close();
      });
    });
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#opened();
    if (this.#waiting !== null) this.#settle().reject(new Error("connection closed"));
    if (this.net.passes(this.home, this.other.home, true)) {
      this.net.later(() => this.other.close());
    }
  }

  #settle() {
    const waiting = this.#waiting!;
    this.#waiting = null;
    this.#cancel?.();
    return waiting;
  }
}

class SimListener implements Listener {
  #queue: SimEnd[] = [];
  #waiting: ((end: Connection | null) => void) | null = null;
  closed = false;

  constructor(
    readonly net: SimNet,
    readonly address: { readonly host: string; readonly port: number },
  ) {}

  offer(end: SimEnd): void {
    if (this.#waiting === null) this.#queue.push(end);
    else {
      this.#waiting(end);
      this.#waiting = null;
    }
  }

  accept(): Promise<Connection | null> {
    if (this.closed) return Promise.resolve(null);
    const next = this.#queue.shift();
    if (next !== undefined) return Promise.resolve(next);
    return new Promise((resolve) => this.#waiting = resolve);
  }

  close(): void {
    this.closed = true;
    this.net.listeners.delete(this.address.host);
    this.#waiting?.(null);
    for (const end of this.#queue) end.close();
  }
}

/** All links. A node's host name is its place; every listener has the same port. */
export class SimNet {
  readonly listeners = new Map<string, SimListener>();
  /** Everything sent so far, what was lost included. */
  readonly traffic = { frames: 0, bytes: 0, envelopes: 0 };
  /** Share of the frames that vanish: neighbours that drop above their rates do so. */
  loss = 0;
  /** Draws a number from 0 up to 1. */
  random: () => number = Math.random;
  /** One-way delay in ms. */
  latency = 20;
  /** Tells whether two hosts can reach each other. */
  reach: (from: string, to: string) => boolean = () => true;

  constructor(readonly clock: SimClock) {}

  later(run: () => void): void {
    this.clock.setTimer(this.latency, run);
  }

  /** Whether a frame, or the end of a connection, gets through. */
  passes(from: string, to: string, end = false): boolean {
    if (!this.reach(from, to)) return false;
    return end || this.loss === 0 || this.random() >= this.loss;
  }

  /** The network as seen by the node at `host`. */
  host(host: string): Net {
    return {
      listen: (_host, port) => {
        const listener = new SimListener(this, { host, port });
        this.listeners.set(host, listener);
        return Promise.resolve(listener);
      },
      dial: (to, port, timeoutMs) =>
        new Promise((resolve, reject) => {
          if (!this.reach(host, to)) {
            this.clock.setTimer(timeoutMs, () => reject(new Error("no answer")));
            return;
          }
          this.later(() => {
            const listener = this.listeners.get(to);
            if (listener === undefined) {
              reject(new Error("connection refused"));
              return;
            }
            const dialled = new SimEnd(this, host, { host: to, port });
            const accepted = new SimEnd(this, to, { host, port: 1024 });
            dialled.other = accepted;
            accepted.other = dialled;
            listener.offer(accepted);
            this.later(() => resolve(dialled));
          });
        }),
    };
  }

  /** Opens links for the node `owner`: each end learns who the other is, two latencies later. */
  opener(owner: NodeIdentity): LinkOpener {
    const options = new Map([[OURS_OPTION, "1"]]);
    return async (connection) => {
      const end = connection as SimEnd;
      end.open(owner);
      await end.other.opened;
      await new Promise<void>((resolve) => this.clock.setTimer(2 * this.latency, resolve));
      const peer = end.other.owner;
      if (end.closed || peer === null) throw new Error("connection closed");
      return { result: { peer: peer.identity, naclPublic: peer.naclPublic, options }, link: end };
    };
  }
}
