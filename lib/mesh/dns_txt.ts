/**
 * The DNS TXT records that tie host names to identities (specification: mesh section 11). Only the
 * text is handled here; lookups are the caller's.
 *
 * @module
 */

import { type Identity, parseIdentity } from "../crypto/identity.ts";

/** What the `v` pair of a record must say. */
const VERSION = "transfunctioner";

/** Trims Unicode white space, the set of Go's `strings.TrimSpace`. */
function trim(text: string): string {
  return text.replace(/^\p{White_Space}+|\p{White_Space}+$/gu, "");
}

/**
 * Splits a TXT record into its pairs: parts are separated by `"; "`, key and value by the first
 * `=`, both are trimmed; keys are case-sensitive and the last duplicate wins.
 *
 * @returns `null` if a part holds no `=`.
 */
export function parseTxtRecord(txt: string): Map<string, string> | null {
  const pairs = new Map<string, string>();
  for (const part of txt.split("; ")) {
    const at = part.indexOf("=");
    if (at < 0) return null;
    pairs.set(trim(part.slice(0, at)), trim(part.slice(at + 1)));
  }
  return pairs;
}

/** The identity that one TXT record announces, or `null` if it announces none. */
export function txtIdentity(txt: string): Identity | null {
  const pairs = parseTxtRecord(txt);
  if (pairs === null || pairs.get("v") !== VERSION) return null;
  try {
    return parseIdentity(pairs.get("identity") ?? "");
  } catch {
    return null;
  }
}

/**
 * The forward check: among the TXT records of a host name the first that announces an identity
 * decides.
 */
export function forwardCheck(records: readonly string[], expected: Identity): boolean {
  for (const txt of records) {
    const identity = txtIdentity(txt);
    if (identity !== null) return identity === expected;
  }
  return false;
}

/** The reverse check: the TXT records of the PTR name must be exactly one, and it must match. */
export function reverseCheck(records: readonly string[], expected: Identity): boolean {
  return records.length === 1 && txtIdentity(records[0]!) === expected;
}

/** Writes the TXT record that announces `identity`. */
export function formatTxtRecord(identity: Identity): string {
  return `v=${VERSION}; identity=${identity}`;
}
