/**
 * Outbound connections: configured peers for ever, others once.
 *
 * A Go node dies when a configured peer cannot be reached (specification: mesh weakness 6). Here
 * each configured peer is dialled until it has a session, with growing, jittered waits, and again
 * whenever that session ends.
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import type { Identity } from "../crypto/identity.ts";
import type { Logger } from "../observe/logger.ts";
import type { Clock } from "./clock.ts";
import {
  BACKOFF_FIRST,
  BACKOFF_MOST,
  BACKOFF_RESET,
  BUSY_COOLDOWN,
  DIALS_TOTAL,
  SELF_RETRY,
} from "./limits.ts";

/** How a dial ended. */
export type DialOutcome =
  /** There is a session with this peer now, by this connection or another one. */
  | { readonly kind: "session"; readonly peer: Identity }
  /** We met ourselves. */
  | { readonly kind: "self" }
  /** No session, for a reason to be logged. */
  | { readonly kind: "failed"; readonly reason: string };

/** What the dialler needs of its surroundings. */
export interface DialerOptions {
  /** Time and timers. */
  readonly clock: Clock;
  /** Draws keys, nonces and jitter. */
  readonly random: RandomSource;
  /** Takes the log lines. */
  readonly log: Logger;
  /**
   * Connects to an address, up to the admitted session; with `at`, to that IP address in place of
   * the address's host. Never rejects.
   */
  readonly dial: (address: string, at?: string) => Promise<DialOutcome>;
  /** Whether there is a session with this peer. */
  readonly connected: (peer: Identity) => boolean;
  /** Whether the address is our own. */
  readonly own: (address: string) => boolean;
}

/** How a session ended, for the back-off. */
export interface SessionEnd {
  /** The peer's name. */
  readonly peer: Identity;
  /** How long the session lived, ms. */
  readonly life: number;
  /** Whether the peer said `busy`. */
  readonly busy: boolean;
}

interface Target {
  readonly address: string;
  /** Who was found there last. */
  peer: Identity | null;
  failures: number;
  notBefore: number;
  dialling: boolean;
  cancel: (() => void) | null;
}

/** One configured address and how it fares. */
export interface TargetView {
  /** The `host:port` it is about. */
  readonly address: string;
  /** The peer's name. */
  readonly peer: Identity | null;
  /** Dials failed in a row. */
  readonly failures: number;
  /** When the next dial is due, ms; `null` while connected or dialling. */
  readonly nextDial: number | null;
}

/** Keeps configured peers connected and runs other dials, a bounded number at once. */
export class Dialer {
  readonly #o: DialerOptions;
  readonly #targets = new Map<string, Target>();
  readonly #coolDown = new Map<string, number>();
  readonly #inFlight = new Set<string>();
  readonly #queue: (() => void)[] = [];
  #running = 0;
  #stopped = false;

  /** A dialler without targets. */
  constructor(options: DialerOptions) {
    this.#o = options;
  }

  /** Keeps a session with whoever is at `address` from now on. Our own address is left out. */
  keep(address: string): void {
    if (this.#stopped || this.#targets.has(address)) return;
    if (this.#o.own(address)) {
      this.#o.log.info("own address left out of the connect list", { address });
      return;
    }
    const target: Target = {
      address,
      peer: null,
      failures: 0,
      notBefore: 0,
      dialling: false,
      cancel: null,
    };
    this.#targets.set(address, target);
    this.#schedule(target, 0);
  }

  /** Stops keeping `address`; an existing session stays. Returns whether it was kept. */
  drop(address: string): boolean {
    const target = this.#targets.get(address);
    target?.cancel?.();
    return this.#targets.delete(address);
  }

  /**
   * Dials `address` once, unless it is our own, being dialled already, or failed a moment ago
   * (which `force` overrides). Resolves with how that ended.
   *
   * @param at the IP address to connect to, where the address's host is a name looked up before.
   */
  async once(address: string, force = false, at?: string): Promise<DialOutcome> {
    if (this.#o.own(address)) return { kind: "self" };
    const key = at === undefined ? address : `${address} at ${at}`;
    if (!force && this.resting(key)) {
      return { kind: "failed", reason: "the peer was busy or unreachable a moment ago" };
    }
    if (this.#inFlight.has(key)) {
      return { kind: "failed", reason: "the address is being dialled already" };
    }
    const outcome = await this.#dial(address, key, at);
    if (outcome.kind !== "session") this.#cool(key, BUSY_COOLDOWN);
    return outcome;
  }

  /** Whether `address` was busy or unreachable a moment ago, so that {@link once} leaves it alone. */
  resting(address: string): boolean {
    return (this.#coolDown.get(address) ?? 0) > this.#o.clock.now();
  }

  /** To be called when a peer has no session any more. */
  sessionEnded(end: SessionEnd, dialled: string | null): void {
    if (end.busy && dialled !== null) this.#cool(dialled, BUSY_COOLDOWN);
    for (const target of this.#targets.values()) {
      if (target.peer !== end.peer) continue;
      if (end.life >= BACKOFF_RESET) target.failures = 0;
      // The peer refuses our address for that long; coming back earlier only wastes the dial.
      if (end.busy) target.notBefore = this.#o.clock.now() + BUSY_COOLDOWN;
      this.#retry(target);
    }
  }

  /** The configured addresses and how they fare. */
  targets(): TargetView[] {
    return [...this.#targets.values()].map((t) => ({
      address: t.address,
      peer: t.peer,
      failures: t.failures,
      nextDial: t.cancel === null ? null : t.notBefore,
    }));
  }

  /** Ends all waiting dials; running ones end with their connections. */
  stop(): void {
    this.#stopped = true;
    for (const target of this.#targets.values()) target.cancel?.();
    for (const go of this.#queue.splice(0)) go();
  }

  #retry(target: Target): void {
    const most = Math.min(BACKOFF_MOST, BACKOFF_FIRST * 2 ** Math.min(target.failures, 10));
    target.failures++;
    // Half fixed, half random: two nodes that lost each other do not dial in step for ever.
    this.#schedule(target, most / 2 + (most / 2) * this.#fraction());
  }

  #schedule(target: Target, wait: number): void {
    if (this.#stopped || !this.#targets.has(target.address)) return;
    target.cancel?.();
    const now = this.#o.clock.now();
    target.notBefore = Math.max(now + wait, target.notBefore);
    target.cancel = this.#o.clock.setTimer(target.notBefore - now, () => {
      target.cancel = null;
      void this.#attempt(target);
    });
  }

  async #attempt(target: Target): Promise<void> {
    if (this.#stopped || target.dialling) return;
    // Its session may have come from the other side meanwhile; its end wakes this target again.
    if (target.peer !== null && this.#o.connected(target.peer)) return;
    target.dialling = true;
    const outcome = await this.#dial(target.address, target.address);
    target.dialling = false;
    if (this.#stopped || !this.#targets.has(target.address)) return;
    switch (outcome.kind) {
      case "session":
        target.peer = outcome.peer;
        // It may have ended while the dial was being reported.
        if (!this.#o.connected(outcome.peer)) this.#retry(target);
        return;
      case "self":
        this.#o.log.warn("configured peer is this node itself", { address: target.address });
        this.#schedule(target, SELF_RETRY);
        return;
      case "failed":
        this.#o.log.warn("configured peer not reached", {
          address: target.address,
          reason: outcome.reason,
          attempt: target.failures + 1,
        });
        this.#retry(target);
    }
  }

  async #dial(address: string, key: string, at?: string): Promise<DialOutcome> {
    if (this.#running >= DIALS_TOTAL) await new Promise<void>((go) => this.#queue.push(go));
    if (this.#stopped) return { kind: "failed", reason: "the node stops" };
    this.#running++;
    this.#inFlight.add(key);
    try {
      return await this.#o.dial(address, at);
    } finally {
      this.#running--;
      this.#inFlight.delete(key);
      this.#queue.shift()?.();
    }
  }

  #cool(address: string, ms: number): void {
    this.#coolDown.delete(address);
    this.#coolDown.set(address, this.#o.clock.now() + ms);
    for (const [old, ends] of this.#coolDown) {
      if (ends > this.#o.clock.now() && this.#coolDown.size <= 1_024) break;
      this.#coolDown.delete(old);
    }
  }

  #fraction(): number {
    const bytes = this.#o.random(4);
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) / 2 ** 32;
  }
}
