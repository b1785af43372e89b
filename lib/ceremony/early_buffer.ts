/**
 * Messages of ceremonies that this node has not heard of yet.
 *
 * Members learn of a ceremony one after the other, so first-round messages overtake the request.
 * They are kept for a while, bounded per sender and in total. When the total is full, the oldest
 * message of the sender that occupies most makes room: a flooder pushes out its own messages.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { Clock } from "../mesh/clock.ts";
import type { CeremonyLimits } from "./limits.ts";

interface Kept<T> {
  readonly ceremony: string;
  readonly sender: Identity;
  readonly bytes: number;
  readonly until: number;
  readonly message: T;
}

interface Load {
  count: number;
  bytes: number;
}

/** What {@link EarlyBuffer.put} did: kept it, or refused because the sender's share is full. */
export type EarlyVerdict = "kept" | "sender full";

/** A bounded store of early messages. */
export class EarlyBuffer<T> {
  readonly #clock: Clock;
  readonly #limits: CeremonyLimits;
  // In order of arrival, hence of expiry.
  #kept: Kept<T>[] = [];
  readonly #loads = new Map<Identity, Load>();
  #bytes = 0;
  #disarm: (() => void) | null = null;

  /** Makes an empty buffer; of `limits` only the `early…` ones count. */
  constructor(clock: Clock, limits: CeremonyLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Messages held now. */
  get count(): number {
    this.#expire();
    return this.#kept.length;
  }

  /** Bytes held now. */
  get bytes(): number {
    this.#expire();
    return this.#bytes;
  }

  /** Keeps `message` of `bytes` bytes from the authenticated `sender` for the ceremony `id`. */
  put(id: string, sender: Identity, bytes: number, message: T): EarlyVerdict {
    this.#expire();
    const load = this.#loads.get(sender) ?? { count: 0, bytes: 0 };
    if (
      load.count >= this.#limits.earlyMessagesPerSender ||
      load.bytes + bytes > this.#limits.earlyBytesPerSender
    ) return "sender full";
    load.count++;
    load.bytes += bytes;
    this.#loads.set(sender, load);
    this.#bytes += bytes;
    const until = this.#clock.now() + this.#limits.earlyMs;
    this.#kept.push({ ceremony: id, sender, bytes, until, message });
    while (
      this.#kept.length > this.#limits.earlyMessages || this.#bytes > this.#limits.earlyBytes
    ) this.#evict();
    this.#arm();
    return "kept";
  }

  /** Takes out everything kept for the ceremony `id`, in order of arrival. */
  take(id: string): T[] {
    this.#expire();
    const taken = this.#kept.filter((k) => k.ceremony === id);
    if (taken.length === 0) return [];
    this.#kept = this.#kept.filter((k) => k.ceremony !== id);
    for (const k of taken) this.#unload(k);
    this.#arm();
    return taken.map((k) => k.message);
  }

  /** Forgets everything. */
  clear(): void {
    this.#kept = [];
    this.#loads.clear();
    this.#bytes = 0;
    this.#arm();
  }

  /** Keeps one timer, for the message that expires next: an idle node must not hold on to them. */
  #arm(): void {
    this.#disarm?.();
    this.#disarm = null;
    const next = this.#kept[0];
    if (next === undefined) return;
    this.#disarm = this.#clock.setTimer(next.until - this.#clock.now(), () => {
      this.#disarm = null;
      this.#expire();
      this.#arm();
    });
  }

  #evict(): void {
    let heaviest: Identity | undefined;
    for (const [sender, load] of this.#loads) {
      if (heaviest === undefined || load.bytes > this.#loads.get(heaviest)!.bytes) {
        heaviest = sender;
      }
    }
    const at = this.#kept.findIndex((k) => k.sender === heaviest);
    const [gone] = this.#kept.splice(at, 1);
    this.#unload(gone!);
  }

  #expire(): void {
    const now = this.#clock.now();
    let stale = 0;
    while (stale < this.#kept.length && this.#kept[stale]!.until <= now) stale++;
    for (const k of this.#kept.splice(0, stale)) this.#unload(k);
  }

  #unload(k: Kept<T>): void {
    this.#bytes -= k.bytes;
    const load = this.#loads.get(k.sender)!;
    load.count--;
    load.bytes -= k.bytes;
    if (load.count === 0) this.#loads.delete(k.sender);
  }
}
