/**
 * What waits to be written to one peer. Three lanes keep a flood of relayed messages from delaying
 * pings and own ceremony messages; each lane is bounded.
 *
 * @module
 */

import { WireError } from "./errors.ts";
import { QUEUE_CONTROL, QUEUE_MESSAGES, QUEUE_OWN_BYTES, QUEUE_RELAY_BYTES } from "./limits.ts";
import { RelayLane } from "./relay_lane.ts";

/** `control`: pings and lists; `own`: this node's messages; `relay`: other nodes' messages. */
export type Lane = "control" | "own" | "relay";

/** One waiting message. */
export interface Waiting {
  /** Its lane. */
  readonly lane: Lane;
  /** The cleartext of the frame. */
  readonly bytes: Uint8Array;
  /** Who a relayed message came from; sources take turns. */
  readonly source?: string;
  /** Called once: whether it was written. */
  readonly done: (written: boolean) => void;
}

/** Bounds of all lanes. */
export type LaneLimits = Readonly<
  Record<Lane, { readonly bytes: number; readonly messages: number }>
>;

const MESH_LANES: LaneLimits = {
  control: { bytes: QUEUE_OWN_BYTES, messages: QUEUE_CONTROL },
  own: { bytes: QUEUE_OWN_BYTES, messages: QUEUE_MESSAGES },
  relay: { bytes: QUEUE_RELAY_BYTES, messages: QUEUE_MESSAGES },
};

/** Serialises writes of one connection. */
export class Outbox {
  readonly #write: (cleartext: Uint8Array) => Promise<void>;
  readonly #failed: (error: unknown) => void;
  readonly #limits: LaneLimits;
  readonly #lanes: Record<Exclude<Lane, "relay">, Waiting[]> = { control: [], own: [] };
  readonly #bytes = { control: 0, own: 0 };
  readonly #relay: RelayLane;
  readonly #pipeline: number;
  /** Bytes handed over and not written yet. */
  #inFlight = 0;
  /** Messages handed over and not written yet. */
  #writing = 0;
  #open = true;
  #relayNext = false;

  /**
   * `write` sends one frame; its first failure is told to `failed` and ends the outbox.
   *
   * @param pipeline bytes that may be handed to `write` before earlier ones are written, so that
   * small frames can leave together; by default each waits for the one before.
   */
  constructor(
    write: (cleartext: Uint8Array) => Promise<void>,
    failed: (error: unknown) => void,
    limits: LaneLimits = MESH_LANES,
    pipeline = 0,
  ) {
    this.#write = write;
    this.#failed = failed;
    this.#limits = limits;
    this.#relay = new RelayLane(limits.relay);
    this.#pipeline = pipeline;
  }

  /** Number of messages waiting. */
  get waiting(): number {
    return this.#lanes.control.length + this.#lanes.own.length + this.#relay.length;
  }

  /** Queues a frame; resolves with whether it was written, `false` at once if there is no room. */
  push(lane: Lane, bytes: Uint8Array, source = ""): Promise<boolean> {
    return new Promise((done) => this.put({ lane, bytes, source, done }));
  }

  /** Queues a message that may come from another outbox. */
  put(message: Waiting): void {
    const { lane, bytes } = message;
    if (!this.#open) {
      message.done(false);
      return;
    }
    if (lane === "relay") this.#relay.push(message);
    else {
      const limit = this.#limits[lane];
      const full = this.#lanes[lane].length >= limit.messages ||
        this.#bytes[lane] + bytes.length > limit.bytes;
      if (full) {
        message.done(false);
        return;
      }
      this.#lanes[lane].push(message);
      this.#bytes[lane] += bytes.length;
    }
    this.#handOver();
  }

  /** Ends the outbox; what waits is reported as not written. */
  close(): void {
    for (const message of this.drain()) message.done(false);
  }

  /** Ends the outbox and hands over what waits, in order, to be sent elsewhere. */
  drain(): Waiting[] {
    this.#open = false;
    const rest = [...this.#lanes.control, ...this.#lanes.own, ...this.#relay.drain()];
    for (const lane of ["control", "own"] as const) {
      this.#lanes[lane] = [];
      this.#bytes[lane] = 0;
    }
    return rest;
  }

  #next(): Waiting | undefined {
    const { control, own } = this.#lanes;
    let lane: Exclude<Lane, "relay"> = "control";
    if (control.length === 0) {
      // Own and relayed messages take turns, so that neither starves.
      if (own.length === 0 || (this.#relayNext && this.#relay.length > 0)) {
        this.#relayNext = false;
        return this.#relay.shift();
      }
      lane = "own";
      this.#relayNext = true;
    }
    const message = this.#lanes[lane].shift();
    if (message !== undefined) this.#bytes[lane] -= message.bytes.length;
    return message;
  }

  #handOver(): void {
    while (this.#writing === 0 || this.#inFlight < this.#pipeline) {
      const message = this.#next();
      if (message === undefined) return;
      void this.#give(message);
    }
  }

  async #give(message: Waiting): Promise<void> {
    const { bytes } = message;
    this.#writing++;
    this.#inFlight += bytes.length;
    let written = false;
    try {
      await this.#write(bytes);
      written = true;
    } catch (error) {
      // Nothing was written of a message that fits no frame: the connection is still good.
      const harmless = error instanceof WireError && error.kind === "too-large";
      if (!harmless && this.#open) {
        this.close();
        this.#failed(error);
      }
    }
    this.#writing--;
    this.#inFlight -= bytes.length;
    message.done(written);
    this.#handOver();
  }
}
