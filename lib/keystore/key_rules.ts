/**
 * What an operator allows a key to be used for on this node: by whom, and how often.
 *
 * It stands in the key's metadata, sealed and replaced as a whole with it.
 *
 * @module
 */

import { type Identity, parseIdentity } from "../crypto/identity.ts";
import type { Json, JsonInput } from "../encoding/json.ts";

/** Most requesters that one key may list. */
export const MAX_REQUESTERS = 256;
/** Highest number of signings an hour that can be set. */
export const MAX_PER_HOUR = 1_000_000;

/** The rules of one key. */
export interface KeyRules {
  /** Whose requests count for this key, beside this node's own; null for all initiators. */
  readonly requesters: readonly Identity[] | null;
  /** Most signings within an hour, from 1; null for no limit. */
  readonly perHour: number | null;
}

/** A key that anything allowed to the node is allowed for. */
export const NO_RULES: KeyRules = { requesters: null, perHour: null };

/** Whether rules say anything. */
export function sayAnything({ requesters, perHour }: KeyRules): boolean {
  return requesters !== null || perHour !== null;
}

/** Writes rules as a part of metadata. */
export function encodeRules({ requesters, perHour }: KeyRules): JsonInput {
  return { requesters, per_hour: perHour };
}

/**
 * Reads what {@link encodeRules} wrote.
 *
 * @throws {SyntaxError} if it is anything else: a rule that cannot be read must not be ignored.
 */
export function decodeRules(json: Json): KeyRules {
  if (!(json instanceof Map) || json.size !== 2) throw new SyntaxError("must be an object");
  const requesters = json.get("requesters");
  const perHour = json.get("per_hour");
  const rules: KeyRules = {
    requesters: requesters === null
      ? null
      : Array.isArray(requesters)
      ? requesters.map((id) => parseIdentity(id as string))
      : undefined!,
    perHour: perHour === null ? null : typeof perHour === "bigint" ? Number(perHour) : NaN,
  };
  checkRules(rules);
  return rules;
}

/**
 * @throws {SyntaxError} if rules are out of range.
 */
export function checkRules({ requesters, perHour }: KeyRules): void {
  if (requesters === undefined) throw new SyntaxError("requesters must be a list");
  if (requesters !== null) {
    if (requesters.length < 1 || requesters.length > MAX_REQUESTERS) {
      throw new SyntaxError(`must list 1 to ${MAX_REQUESTERS} requesters`);
    }
    if (new Set(requesters).size !== requesters.length) {
      throw new SyntaxError("names a requester twice");
    }
  }
  if (perHour !== null && !(Number.isInteger(perHour) && perHour >= 1 && perHour <= MAX_PER_HOUR)) {
    throw new SyntaxError(`signings an hour must be from 1 to ${MAX_PER_HOUR}`);
  }
}
