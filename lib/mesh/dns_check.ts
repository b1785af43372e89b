/**
 * Whether the DNS vouches for a peer (specification: mesh section 11).
 *
 * A Go node refuses a second check of an IP address within 59 s, which also refuses a peer that
 * merely reconnects, and the second of two peers behind one address. Here the records are looked up
 * once in that time, and every check within it is made against them: as few questions, and no
 * honest peer is turned away.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import { isLoopback } from "./acceptor.ts";
import type { Clock } from "./clock.ts";
import { forwardCheck, reverseCheck } from "./dns_txt.ts";
import { DNS_CHECK_LIFE, DNS_ENTRIES, DNS_TIMEOUT } from "./limits.ts";
import type { NameCheck } from "./name_check.ts";
import { splitHostPort } from "./records.ts";
import { isIpAddress, type Resolver } from "./resolver.ts";
import { messageOf } from "./session.ts";

/** What is checked: nothing, dialled host names, addresses of callers, or both. */
export type DnsMode = "off" | "forward" | "reverse" | "all";

/** What the DNS said, or why it said nothing. */
type Answer = { readonly records: readonly string[] } | { readonly fault: string };

interface Entry {
  readonly ends: number;
  readonly answer: Promise<Answer>;
}

/** Checks identities against TXT records. */
export class DnsCheck implements NameCheck {
  readonly #mode: DnsMode;
  readonly #resolver: Resolver;
  readonly #clock: Clock;
  readonly #answers = new Map<string, Entry>();
  /** Look-ups made so far. */
  lookups = 0;

  /** Checks in `mode`; no look-up is made before a peer comes. */
  constructor(mode: DnsMode, resolver: Resolver, clock: Clock) {
    this.#mode = mode;
    this.#resolver = resolver;
    this.#clock = clock;
  }

  /** See {@link NameCheck.inbound}: the reverse check, except for this machine itself. */
  async inbound(remoteHost: string, identity: Identity): Promise<string | null> {
    if (this.#mode === "off" || this.#mode === "forward" || isLoopback(remoteHost)) return null;
    return await this.#reverse(remoteHost, identity);
  }

  /** See {@link NameCheck.outbound}: by name or by address, whichever was dialled. */
  async outbound(target: string, remoteHost: string, identity: Identity): Promise<string | null> {
    if (this.#mode === "off") return null;
    const host = splitHostPort(target)?.host ?? target;
    if (!isIpAddress(host)) {
      return this.#mode === "reverse" ? null : await this.#forward(host, identity);
    }
    return this.refusesTarget(target) ?? await this.#reverse(remoteHost, identity);
  }

  /** See {@link NameCheck.refusesTarget}. */
  refusesTarget(target: string): string | null {
    const host = splitHostPort(target)?.host ?? target;
    if (this.#mode !== "forward" || !isIpAddress(host)) return null;
    return "DNS mode forward takes peers by host name only";
  }

  async #forward(name: string, identity: Identity): Promise<string | null> {
    const answer = await this.#ask(`name ${name.toLowerCase()}`, () => this.#resolver.txt(name));
    if ("fault" in answer) return answer.fault;
    return forwardCheck(answer.records, identity)
      ? null
      : `the TXT records of ${name} do not name ${identity}`;
  }

  async #reverse(ip: string, identity: Identity): Promise<string | null> {
    const answer = await this.#ask(`address ${ip}`, async () => {
      const name = (await this.#resolver.names(ip))[0];
      if (name === undefined) throw new Error(`no name belongs to ${ip}`);
      return await this.#resolver.txt(name);
    });
    if ("fault" in answer) return answer.fault;
    return reverseCheck(answer.records, identity)
      ? null
      : `the name of ${ip} has no TXT record that is the only one and names ${identity}`;
  }

  /** Asks once in 59 s, success or not. */
  #ask(key: string, lookup: () => Promise<string[]>): Promise<Answer> {
    const now = this.#clock.now();
    const held = this.#answers.get(key);
    if (held !== undefined && held.ends > now) return held.answer;
    this.lookups++;
    const answer = withTimeout(this.#clock, lookup()).then(
      (records): Answer => ({ records }),
      (error): Answer => ({ fault: `the look-up failed: ${messageOf(error)}` }),
    );
    this.#answers.delete(key);
    this.#answers.set(key, { ends: now + DNS_CHECK_LIFE, answer });
    for (const [old, { ends }] of this.#answers) {
      if (ends > now && this.#answers.size <= DNS_ENTRIES) break;
      this.#answers.delete(old);
    }
    return answer;
  }
}

function withTimeout<T>(clock: Clock, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimer(
      DNS_TIMEOUT,
      () => reject(new Error(`no answer within ${DNS_TIMEOUT} ms`)),
    );
    work.finally(cancel).then(resolve, reject);
  });
}
