/**
 * Finding the first peers: seeds are asked for while a node has no session (specification: mesh
 * section 11).
 *
 * A Go node asks once at its start and stays alone when that fails. Here it asks again, at growing
 * distances, until somebody is there.
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import type { Logger } from "../observe/logger.ts";
import type { Clock } from "./clock.ts";
import type { DialOutcome } from "./dialer.ts";
import { SEED_ADDRESSES, SEED_LOOKUPS, SEED_RETRY_FIRST, SEED_RETRY_MOST } from "./limits.ts";
import { joinHostPort, splitHostPort } from "./records.ts";
import { isIpAddress, type Resolver } from "./resolver.ts";
import { messageOf } from "./session.ts";

/** What the seeds need of their surroundings. */
export interface SeedsOptions {
  /** The seeds, `host:port` each. */
  readonly seeds: readonly string[];
  /** Whether peers are checked by the seed's own name (DNS modes `forward` and `all`). */
  readonly byName: boolean;
  /** Finds the addresses of the names. */
  readonly resolver: Resolver;
  /** Time and timers. */
  readonly clock: Clock;
  /** Draws the jitter. */
  readonly random: RandomSource;
  /** Takes the log lines. */
  readonly log: Logger;
  /** Number of sessions. */
  readonly sessions: () => number;
  /** Dials `address`, at the IP address `at` if one is given. */
  readonly dial: (address: string, at: string | null) => Promise<DialOutcome>;
}

/** One dial: what the peer is known as, and where it is. */
interface Target {
  readonly address: string;
  readonly at: string | null;
}

/** Asks seeds for peers. */
export class Seeds {
  readonly #o: SeedsOptions;
  #cancel: (() => void) | null = null;
  #wait = SEED_RETRY_FIRST;
  #stopped = false;

  /** Nothing is asked before {@link start}. */
  constructor(options: SeedsOptions) {
    this.#o = options;
  }

  /** Asks now, and again for as long as there is no session. */
  start(): void {
    if (this.#o.seeds.length > 0) void this.#run();
  }

  /** Asks no more. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  async #run(): Promise<void> {
    if (this.#o.sessions() > 0) this.#wait = SEED_RETRY_FIRST;
    else {
      const targets = await this.#targets();
      if (this.#stopped) return;
      await Promise.all(targets.map(async ({ address, at }) => {
        const outcome = await this.#o.dial(address, at);
        if (outcome.kind !== "failed") return;
        this.#o.log.warn("seed not reached", { address, at: at ?? "", reason: outcome.reason });
      }));
    }
    if (this.#stopped) return;
    const part = this.#o.random(1)[0]! / 256;
    this.#cancel = this.#o.clock.setTimer(this.#wait * (0.5 + part / 2), () => void this.#run());
    this.#wait = Math.min(this.#wait * 2, SEED_RETRY_MOST);
  }

  /** Looks all seeds up, within one budget of time for all of them together. */
  async #targets(): Promise<Target[]> {
    const found: Target[] = [];
    const work = this.#o.seeds.map(async (seed) => {
      for (const target of await this.#lookUp(seed)) found.push(target);
    });
    await new Promise<void>((resolve) => {
      const cancel = this.#o.clock.setTimer(SEED_LOOKUPS, () => {
        this.#o.log.warn("not all seeds were found in the DNS in time", { ms: SEED_LOOKUPS });
        resolve();
      });
      void Promise.all(work).then(() => {
        cancel();
        resolve();
      });
    });
    return found.slice();
  }

  async #lookUp(seed: string): Promise<Target[]> {
    const parts = splitHostPort(seed);
    if (parts === null) {
      this.#o.log.warn("seed ignored: it is not of the form host:port", { seed });
      return [];
    }
    if (isIpAddress(parts.host)) return [{ address: seed, at: null }];
    try {
      const ips = (await this.#o.resolver.addresses(parts.host)).slice(0, SEED_ADDRESSES);
      if (ips.length === 0) {
        this.#o.log.warn("seed has no address in the DNS; dialling it by name", { seed });
        return [{ address: seed, at: null }];
      }
      return ips.map((ip) =>
        this.#o.byName
          ? { address: seed, at: ip }
          : { address: joinHostPort(ip, parts.port), at: null }
      );
    } catch (error) {
      this.#o.log.warn("seed not found in the DNS", { seed, reason: messageOf(error) });
      return [];
    }
  }
}
