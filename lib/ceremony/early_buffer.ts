/**
 * Messages of ceremonies that this node has not heard of yet.
 *
 * Members learn of a ceremony one after the other, so first-round messages overtake the request.
 * They are kept for a while, bounded per sender and in total. When the total is full, the oldest
 * message of the sender that occupies most makes room: a flooder pushes out its own messages.
 *
 * A ceremony that is known but still has to be approved is held: what its members send for it is
 * kept until the request's own end, in the same bounds per sender and ceremony.
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
  until: number;
  /** Counts for the held ceremony, not for the sender's share of unknown ones. */
  held: boolean;
  readonly message: T;
}

interface Hold {
  readonly members: ReadonlySet<Identity>;
  readonly until: number;
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
  readonly #same: (a: T, b: T) => boolean;
  readonly #holds = new Map<string, Hold>();
  // In order of arrival.
  #kept: Kept<T>[] = [];
  readonly #loads = new Map<string, Load>();
  #bytes = 0;
  #disarm: (() => void) | null = null;

  /**
   * Makes an empty buffer; of `limits` only the `early…` ones count.
   *
   * @param same tells repeats of one message, which are not kept twice.
   */
  constructor(
    clock: Clock,
    limits: CeremonyLimits,
    same: (a: T, b: T) => boolean = () => false,
  ) {
    this.#same = same;
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

  /**
   * Holds a ceremony: messages of `members` are kept until `until` (ms), those included that came
   * before.
   */
  hold(id: string, members: readonly Identity[], until: number): void {
    this.#expire();
    const hold: Hold = { members: new Set(members), until };
    this.#holds.set(id, hold);
    for (const kept of this.#kept) {
      if (kept.ceremony !== id || kept.held || !hold.members.has(kept.sender)) continue;
      this.#unload(kept);
      kept.held = true;
      kept.until = until;
      this.#load(kept);
    }
    this.#arm();
  }

  /** Ends a hold and drops what it kept. */
  release(id: string): void {
    if (this.#holds.delete(id)) this.take(id);
  }

  /** Keeps `message` of `bytes` bytes from the authenticated `sender` for the ceremony `id`. */
  put(id: string, sender: Identity, bytes: number, message: T): EarlyVerdict {
    this.#expire();
    const hold = this.#holds.get(id);
    const held = hold?.members.has(sender) ?? false;
    const kept = {
      ceremony: id,
      sender,
      bytes,
      held,
      until: held ? hold!.until : this.#clock.now() + this.#limits.earlyMs,
      message,
    };
    const known = this.#kept.some((k) =>
      k.sender === sender && k.ceremony === id && this.#same(k.message, message)
    );
    if (known) return "kept";
    const load = this.#loads.get(loadKey(kept)) ?? { count: 0, bytes: 0 };
    if (
      load.count >= this.#limits.earlyMessagesPerSender ||
      load.bytes + bytes > this.#limits.earlyBytesPerSender
    ) return "sender full";
    this.#load(kept);
    this.#kept.push(kept);
    while (
      this.#kept.length > this.#limits.earlyMessages || this.#bytes > this.#limits.earlyBytes
    ) this.#evict();
    this.#arm();
    return "kept";
  }

  /** Takes out everything kept for the ceremony `id`, in order of arrival. */
  take(id: string): T[] {
    this.#expire();
    this.#holds.delete(id);
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
    this.#holds.clear();
    this.#loads.clear();
    this.#bytes = 0;
    this.#arm();
  }

  /** Keeps one timer, for the message that expires next: an idle node must not hold on to them. */
  #arm(): void {
    this.#disarm?.();
    this.#disarm = null;
    if (this.#kept.length === 0) return;
    const next = this.#kept.reduce((least, { until }) => Math.min(least, until), Infinity);
    this.#disarm = this.#clock.setTimer(next - this.#clock.now(), () => {
      this.#disarm = null;
      this.#expire();
      this.#arm();
    });
  }

  #evict(): void {
    // By sender, whatever it is for.
    const bytes = new Map<Identity, number>();
    for (const { sender, bytes: b } of this.#kept) bytes.set(sender, (bytes.get(sender) ?? 0) + b);
    let heaviest: Identity | undefined;
    for (const [sender, b] of bytes) {
      if (heaviest === undefined || b > bytes.get(heaviest)!) heaviest = sender;
    }
    const at = this.#kept.findIndex((k) => k.sender === heaviest);
    const [gone] = this.#kept.splice(at, 1);
    this.#unload(gone!);
  }

  #expire(): void {
    const now = this.#clock.now();
    for (const [id, { until }] of this.#holds) if (until <= now) this.#holds.delete(id);
    if (!this.#kept.some((k) => k.until <= now)) return;
    for (const k of this.#kept) if (k.until <= now) this.#unload(k);
    this.#kept = this.#kept.filter((k) => k.until > now);
  }

  #load(k: Kept<T>): void {
    this.#bytes += k.bytes;
    const key = loadKey(k);
    const load = this.#loads.get(key) ?? { count: 0, bytes: 0 };
    load.count++;
    load.bytes += k.bytes;
    this.#loads.set(key, load);
  }

  #unload(k: Kept<T>): void {
    this.#bytes -= k.bytes;
    const key = loadKey(k);
    const load = this.#loads.get(key)!;
    load.count--;
    load.bytes -= k.bytes;
    if (load.count === 0) this.#loads.delete(key);
  }
}

/** A sender's share of unknown ceremonies, or of one that is held. */
function loadKey<T>({ held, ceremony, sender }: Kept<T>): string {
  return held ? `${ceremony}/${sender}` : sender;
}
