/**
 * Holds requests to what the operator allows each key to be used for.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { KeyRules } from "../keystore/key_rules.ts";
import type { Clock } from "../mesh/clock.ts";
import { NodeError } from "./errors.ts";
import type { CeremonyRequest } from "./request.ts";

/** The time that {@link KeyRules.perHour} is about, ms. */
export const HOUR = 3_600_000;
/** Most uses of one key remembered: the highest limit. */
const MAX_USES = 1_000_000;
/** Most keys whose uses are remembered. */
const MAX_KEYS = 4_096;

/** What is needed to look rules up. */
export interface KeyUseOptions {
  readonly self: Identity;
  readonly clock: Clock;
  /** The rules of a key; null where this node has no such key. */
  readonly rules: (keyId: string) => Promise<KeyRules | null>;
}

/** The uses of all keys of a node within the last hour. */
export class KeyUse {
  readonly #o: KeyUseOptions;
  /** Times of signings, oldest first. */
  readonly #uses = new Map<string, number[]>();

  /** Nothing was used yet; {@link note} tells of what came before. */
  constructor(options: KeyUseOptions) {
    this.#o = options;
  }

  /**
   * Whether a request is within the key's rules.
   *
   * @param requester null for a request that nobody signed.
   * @throws {NodeError} TF-NOT-ALLOWED or TF-LIMIT; also if the rules cannot be read.
   */
  async check(request: CeremonyRequest, requester: Identity | null): Promise<void> {
    this.#judge(request, requester, await this.#rulesFor(request));
  }

  async #rulesFor(request: CeremonyRequest): Promise<KeyRules | null> {
    return request.kind === "keygen" ? null : await this.#o.rules(request.keyId);
  }

  #judge(request: CeremonyRequest, requester: Identity | null, rules: KeyRules | null): void {
    if (request.kind === "keygen" || rules === null) return;
    if (
      rules.requesters !== null && requester !== this.#o.self &&
      (requester === null || !rules.requesters.includes(requester))
    ) {
      throw new NodeError(
        "TF-NOT-ALLOWED",
        `${requester ?? "nobody"} may not ask this node to use key ${request.keyId}`,
        { exit: 3, hint: "its operator decides: `transfunctioner keys allow`" },
      );
    }
    if (request.kind !== "sign" || rules.perHour === null) return;
    const uses = this.#recent(request.keyId);
    if (uses.length < rules.perHour) return;
    const wait = Math.ceil(
      (uses[uses.length - rules.perHour]! + HOUR - this.#o.clock.now()) / 1000,
    );
    throw new NodeError(
      "TF-LIMIT",
      `key ${request.keyId} has signed ${rules.perHour} times within the hour here, its limit`,
      {
        exit: 3,
        hint: `ask again in ${wait} s, or raise the limit: \`transfunctioner keys limit\``,
      },
    );
  }

  /**
   * Counts a signing, if the rules still allow it.
   *
   * @throws {NodeError} as {@link check}.
   */
  async take(request: CeremonyRequest, requester: Identity | null): Promise<void> {
    const rules = await this.#rulesFor(request);
    // Nothing comes between these two: requests at the same time must not all be the last one.
    this.#judge(request, requester, rules);
    if (request.kind === "sign") this.note(request.keyId);
  }

  /** Notes that a key is used for a signing, now or at `at` (ms). */
  note(keyId: string, at: number = this.#o.clock.now()): void {
    const uses = this.#recent(keyId);
    uses.push(at);
    if (uses.length > MAX_USES) uses.shift();
    this.#uses.delete(keyId);
    if (this.#uses.size >= MAX_KEYS) this.#uses.delete(this.#uses.keys().next().value!);
    this.#uses.set(keyId, uses);
  }

  /** Signings with a key within the last hour. */
  count(keyId: string): number {
    return this.#recent(keyId).length;
  }

  #recent(keyId: string): number[] {
    const uses = this.#uses.get(keyId) ?? [];
    const oldest = this.#o.clock.now() - HOUR;
    let stale = 0;
    while (stale < uses.length && uses[stale]! <= oldest) stale++;
    uses.splice(0, stale);
    return uses;
  }
}
