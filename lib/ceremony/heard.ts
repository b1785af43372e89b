/**
 * What the members of one ceremony have sent: tells fresh messages from repeats and bounds both.
 *
 * @module
 */

import { sha256 } from "@noble/hashes/sha2.js";
import type { Identity } from "../crypto/identity.ts";
import { toHex } from "../encoding/bytes.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Committee } from "../tss/errors.ts";
import { type CeremonyLimits, TWIN_MS } from "./limits.ts";

/**
 * What a message is: `fresh`; a `repeat` of one heard before; the `twin` of one that came a moment
 * ago, as members of both committees get some messages twice; or beyond the sender's `quota`.
 */
export type Novelty = "fresh" | "repeat" | "twin" | "quota";

interface Load {
  bytes: number;
  /** Times of first arrival by digest. */
  readonly seen: Map<string, number>;
}

/** The messages of one ceremony, by member and role. */
export class Heard {
  readonly #clock: Clock;
  readonly #limits: CeremonyLimits;
  readonly #loads = new Map<string, Load>();

  /** Nothing is heard yet. Of `limits` the two per member count. */
  constructor(clock: Clock, limits: CeremonyLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** What a message would be, without recording it. */
  judge(sender: Identity, committee: Committee, data: Uint8Array): Novelty {
    const load = this.#loads.get(`${committee}/${sender}`);
    const first = load?.seen.get(toHex(sha256(data)));
    if (first !== undefined) return this.#clock.now() - first < TWIN_MS ? "twin" : "repeat";
    const { maxMessagesPerMember, maxBytesPerMember } = this.#limits;
    const full = (load?.seen.size ?? 0) >= maxMessagesPerMember ||
      (load?.bytes ?? 0) + data.length > maxBytesPerMember;
    return full ? "quota" : "fresh";
  }

  /** Records a fresh message; to be called after its signature was verified. */
  note(sender: Identity, committee: Committee, data: Uint8Array): void {
    const key = `${committee}/${sender}`;
    let load = this.#loads.get(key);
    if (load === undefined) this.#loads.set(key, load = { bytes: 0, seen: new Map() });
    load.bytes += data.length;
    load.seen.set(toHex(sha256(data)), this.#clock.now());
  }

  /** Lets go of everything. */
  clear(): void {
    this.#loads.clear();
  }
}
