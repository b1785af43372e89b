/**
 * Small questions about records that gossip asks.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { PeerRecord } from "./commands.ts";
import type { KnownPeer } from "./peer_table.ts";

/** Bytes of a record without its address and sessions, generously. */
const RECORD_BASE = 256;
/** Bytes of one identity in a list, quotes and comma included. */
const RECORD_SESSION = 43;
/** An address byte can become six in JSON. */
const ADDRESS_BYTE = 6;

/** Texts of lists of sessions: a list is never changed, only replaced. */
const texts = new WeakMap<readonly Identity[], string>();

/** The links of a record as a text to compare; made once for each list. */
export function linksOf({ sessions }: Pick<KnownPeer, "sessions">): string {
  let text = texts.get(sessions);
  if (text === undefined) {
    text = [...sessions].sort().join();
    texts.set(sessions, text);
  }
  return text;
}

/** Whether two lists name the same sessions in the same order. */
export function isSameList(a: readonly Identity[], b: readonly Identity[]): boolean {
  return a === b || (a.length === b.length && a.every((identity, i) => identity === b[i]));
}

/** Whether two records tell of the same links, in whatever order. */
export function hasSameLinks(
  a: Pick<KnownPeer, "sessions">,
  b: Pick<KnownPeer, "sessions">,
): boolean {
  if (a.sessions.length !== b.sessions.length) return false;
  return isSameList(a.sessions, b.sessions) || linksOf(a) === linksOf(b);
}

/** Sorts peers, those last seen most recently first. */
export function freshest(peers: KnownPeer[]): KnownPeer[] {
  return peers.sort((a, b) => b.lastSeen - a.lastSeen);
}

/** Bytes that a record takes in a list, at the most. */
export function recordBytes(record: PeerRecord): number {
  return RECORD_BASE + ADDRESS_BYTE * record.address.length +
    RECORD_SESSION * record.sessions.length;
}
