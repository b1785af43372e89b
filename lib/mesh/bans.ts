/**
 * Whom an operator keeps out: identities, and addresses.
 *
 * A ban of an identity also ends its session, keeps it from being dialled, and closes envelopes
 * that it signed. Banned nodes still may lie on the way of routed messages of others: a ban is this
 * node's decision, not the mesh's.
 *
 * @module
 */

import { type Identity, parseIdentity } from "../crypto/identity.ts";
import { addressGroup } from "./acceptor.ts";
import type { Clock } from "./clock.ts";

/** One ban. */
export interface Ban {
  /** An identity (40 hex digits) or a textual IP address. */
  readonly subject: string;
  /** For people; may be empty. */
  readonly reason: string;
  /** When it was made, ms. */
  readonly since: number;
  /** When it ends, ms; `null` for never. */
  readonly until: number | null;
}

/** Looks bans up; both methods return why to refuse, or `null`. */
export interface BanView {
  /** About an identity. */
  identity(identity: Identity): string | null;
  /** About a textual IP address; also matches the rest of an IPv6 /64. */
  host(host: string): string | null;
}

/** Nobody is banned. */
export const noBans: BanView = { identity: () => null, host: () => null };

/** Most bans kept. */
export const MAX_BANS = 4_096;

/**
 * Reads what a ban is about.
 *
 * @returns the identity in lower case or the address; `null` if it is neither.
 */
export function parseBanSubject(text: string): string | null {
  try {
    return parseIdentity(text.toLowerCase());
  } catch {
    const v4 = /^\d{1,3}(\.\d{1,3}){3}$/.test(text) &&
      text.split(".").every((part) => Number(part) < 256);
    const v6 = text.includes(":") && URL.canParse(`http://[${text}]/`);
    return v4 || v6 ? text.toLowerCase() : null;
  }
}

/** The bans of a node, in memory. */
export class BanList implements BanView {
  readonly #clock: Clock;
  readonly #bans = new Map<string, Ban>();

  /** Starts with `bans`; expired ones are left out. */
  constructor(clock: Clock, bans: Iterable<Ban> = []) {
    this.#clock = clock;
    for (const ban of bans) this.#bans.set(keyOf(ban.subject), ban);
  }

  /** Bans that hold now, oldest first. */
  list(): Ban[] {
    const now = this.#clock.now();
    for (const [key, ban] of this.#bans) {
      if (ban.until !== null && ban.until <= now) this.#bans.delete(key);
    }
    return [...this.#bans.values()];
  }

  /**
   * Adds a ban, or changes that of the same subject.
   *
   * @throws {RangeError} if there are {@link MAX_BANS} already.
   */
  add(ban: Ban): void {
    const key = keyOf(ban.subject);
    if (!this.#bans.has(key) && this.list().length >= MAX_BANS) {
      throw new RangeError(`Cannot ban ${ban.subject}: there are ${MAX_BANS} bans; lift some`);
    }
    this.#bans.set(key, ban);
  }

  /** Lifts a ban; returns whether there was one. */
  remove(subject: string): boolean {
    return this.#bans.delete(keyOf(subject));
  }

  /** See {@link BanView.identity}. */
  identity(identity: Identity): string | null {
    return this.#why(identity);
  }

  /** See {@link BanView.host}. */
  host(host: string): string | null {
    return this.#why(addressKey(host));
  }

  #why(key: string): string | null {
    const ban = this.#bans.get(key);
    if (ban === undefined || (ban.until !== null && ban.until <= this.#clock.now())) return null;
    return `${ban.subject} is banned here${ban.reason === "" ? "" : `: ${ban.reason}`}`;
  }
}

function keyOf(subject: string): string {
  return /^[0-9a-f]{40}$/.test(subject) ? subject : addressKey(subject);
}

/** The operator's own machine is one address among others here: the group of loopback is too wide. */
function addressKey(host: string): string {
  const group = addressGroup(host);
  return group === "loopback" ? host.toLowerCase().replace(/^::ffff:/, "") : group;
}
