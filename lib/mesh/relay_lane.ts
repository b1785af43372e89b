/**
 * Other nodes' messages that wait for one neighbour. The neighbours they came through take turns,
 * and when there is no room the newest message of whoever occupies most makes room: a flood that
 * comes through one session neither delays nor displaces what comes through another.
 *
 * @module
 */

import type { Waiting } from "./outbox.ts";

interface Queue {
  readonly source: string;
  readonly messages: Waiting[];
  bytes: number;
}

/** A bounded queue that is fair between sources. */
export class RelayLane {
  readonly #limit: { readonly bytes: number; readonly messages: number };
  // In turn: whoever was served goes to the end.
  readonly #queues = new Map<string, Queue>();
  #bytes = 0;
  #count = 0;

  /** An empty lane with the given bounds over all sources. */
  constructor(limit: { readonly bytes: number; readonly messages: number }) {
    this.#limit = limit;
  }

  /** Number of messages waiting. */
  get length(): number {
    return this.#count;
  }

  /** Queues a message, or reports it, or others in its place, as not written. */
  push(message: Waiting): void {
    const source = message.source ?? "";
    const size = message.bytes.length;
    while (this.#count >= this.#limit.messages || this.#bytes + size > this.#limit.bytes) {
      const heaviest = this.#heaviest();
      const own = this.#queues.get(source)?.bytes ?? 0;
      if (heaviest === undefined || own + size >= heaviest.bytes) {
        message.done(false);
        return;
      }
      const gone = heaviest.messages.pop()!;
      this.#took(heaviest, gone);
      gone.done(false);
    }
    let queue = this.#queues.get(source);
    if (queue === undefined) {
      this.#queues.set(source, queue = { source, messages: [], bytes: 0 });
    }
    queue.messages.push(message);
    queue.bytes += size;
    this.#bytes += size;
    this.#count++;
  }

  /** Takes out the next message in turn. */
  shift(): Waiting | undefined {
    const first = this.#queues.values().next();
    if (first.done === true) return undefined;
    const queue = first.value;
    const message = queue.messages.shift()!;
    this.#took(queue, message);
    if (this.#queues.delete(queue.source)) this.#queues.set(queue.source, queue);
    return message;
  }

  /** Takes out everything, each source's messages in order. */
  drain(): Waiting[] {
    const all = [...this.#queues.values()].flatMap((queue) => queue.messages);
    this.#queues.clear();
    this.#bytes = 0;
    this.#count = 0;
    return all;
  }

  #took(queue: Queue, message: Waiting): void {
    queue.bytes -= message.bytes.length;
    this.#bytes -= message.bytes.length;
    this.#count--;
    if (queue.messages.length === 0) this.#queues.delete(queue.source);
  }

  #heaviest(): Queue | undefined {
    let heaviest: Queue | undefined;
    for (const queue of this.#queues.values()) {
      if (heaviest === undefined || queue.bytes > heaviest.bytes) heaviest = queue;
    }
    return heaviest;
  }
}
