/**
 * Keeps up the number of sessions: every 67 s as many known peers are dialled as are missing
 * (specification: mesh section 6.5).
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import type { Logger } from "../observe/logger.ts";
import type { Clock } from "./clock.ts";
import type { DialOutcome } from "./dialer.ts";
import { ALONE_FIRST, ALONE_INTERVAL, MAINTENANCE_INTERVAL } from "./limits.ts";
import type { KnownPeer } from "./peer_table.ts";

/** What maintenance needs of its surroundings. */
export interface MaintenanceOptions {
  /** Time and timers. */
  readonly clock: Clock;
  /** Draws keys, nonces and jitter. */
  readonly random: RandomSource;
  /** Takes the log lines. */
  readonly log: Logger;
  /** How many sessions are missing; zero or less for none. */
  readonly missing: () => number;
  /** Whether there is no session at all. */
  readonly alone: () => boolean;
  /** Known peers with an address and without a session. */
  readonly candidates: () => KnownPeer[];
  /** Dials an address. */
  readonly dial: (address: string) => Promise<DialOutcome>;
}

/** Dials known peers at intervals. */
export class Maintenance {
  readonly #o: MaintenanceOptions;
  #cancel: (() => void) | null = null;
  #cancelAlone: (() => void) | null = null;
  #stopped = false;

  /** Maintenance that is not running yet. */
  constructor(options: MaintenanceOptions) {
    this.#o = options;
  }

  /** Runs now and then. */
  start(): void {
    this.#later();
    this.#watch();
  }

  #later(): void {
    this.#cancel = this.#o.clock.setTimer(MAINTENANCE_INTERVAL, () => {
      this.run();
      this.#later();
    });
  }

  /** A node that found only full ones knows others from them, and need not wait its turn. */
  #watch(): void {
    this.#cancelAlone = this.#o.clock.setTimer(ALONE_INTERVAL, () => {
      if (this.#o.alone()) this.run();
      this.#watch();
    });
  }

  /** The last session ended: looks around in a moment instead of with the next round. */
  hurry(): void {
    if (this.#stopped) return;
    this.#cancelAlone?.();
    // Jitter: a node that dies leaves many alone at once.
    const wait = ALONE_FIRST * (1 + this.#o.random(1)[0]! / 128);
    this.#cancelAlone = this.#o.clock.setTimer(wait, () => {
      if (this.#o.alone()) this.run();
      this.#watch();
    });
  }

  /** Stops running. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#cancelAlone?.();
  }

  /** Dials as many random candidates as sessions are missing. */
  run(): void {
    const missing = this.#o.missing();
    if (missing <= 0) return;
    for (const peer of this.#shuffled(this.#o.candidates()).slice(0, missing)) {
      void this.#o.dial(peer.address).then((outcome) => {
        if (outcome.kind !== "failed") return;
        this.#o.log.debug("known peer not reached", {
          peer: peer.identity,
          address: peer.address,
          reason: outcome.reason,
        });
      });
    }
  }

  /** Fisher-Yates. */
  #shuffled<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const bytes = this.#o.random(8);
      const r = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
      const j = Number(r % BigInt(i + 1));
      [items[i], items[j]] = [items[j]!, items[i]!];
    }
    return items;
  }
}
