/**
 * Small questions about records that gossip asks.
 *
 * @module
 */

import type { PeerRecord } from "./commands.ts";
import type { KnownPeer } from "./peer_table.ts";

/** Bytes of a record without its address and sessions, generously. */
const RECORD_BASE = 256;
/** Bytes of one identity in a list, quotes and comma included. */
const RECORD_SESSION = 43;
/** An address byte can become six in JSON. */
const ADDRESS_BYTE = 6;

/** The links of a record as a text to compare. */
export function linksOf(record: Pick<KnownPeer, "sessions">): string {
  return [...record.sessions].sort().join();
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
