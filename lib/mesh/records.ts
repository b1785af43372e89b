/**
 * Peer records and addresses: which ones may be believed (specification: mesh section 10).
 *
 * @module
 */

import { type Identity, ZERO_IDENTITY } from "../crypto/identity.ts";
import { utf8 } from "../encoding/bytes.ts";
import type { PeerRecord } from "./command_types.ts";

/** Protocol version of records and `hello`. */
export const PROTOCOL_VERSION = 1;
/** Most records taken from one `peer-list-response`. */
export const MAX_RECORDS = 256;
/** Longest address in bytes. */
const MAX_ADDRESS = 256;

/** A host and a port as they stand in an address. */
export interface HostPort {
  /** Without brackets; may hold a zone. */
  readonly host: string;
  /** Any text without a colon; Go allows service names. */
  readonly port: string;
}

/**
 * Splits `host:port` as Go's `net.SplitHostPort` does: an IPv6 host stands in brackets, and there
 * are no stray colons or brackets.
 *
 * @returns `null` if the text is not of that form.
 */
export function splitHostPort(address: string): HostPort | null {
  const colon = address.lastIndexOf(":");
  if (colon < 0) return null;
  let host: string, bracketFrom = 0, bracketTo = 0;
  if (address.startsWith("[")) {
    const end = address.indexOf("]");
    if (end < 0 || end + 1 !== colon) return null;
    host = address.slice(1, end);
    bracketFrom = 1;
    bracketTo = end + 1;
  } else {
    host = address.slice(0, colon);
    if (host.includes(":")) return null;
  }
  if (address.indexOf("[", bracketFrom) >= 0 || address.indexOf("]", bracketTo) >= 0) return null;
  return { host, port: address.slice(colon + 1) };
}

/** Joins host and port; a host with a colon gets brackets. */
export function joinHostPort(host: string, port: number | string): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Checks an address from gossip.
 *
 * @returns why it is refused, or `null` if it is fine. Not meant for the empty address, which
 * stands for "none known".
 */
export function checkPeerAddress(address: string): string | null {
  if (utf8(address).length > MAX_ADDRESS) return `the address is longer than ${MAX_ADDRESS} bytes`;
  for (let i = 0; i < address.length; i++) {
    if (address.charCodeAt(i) < 0x20) return "the address holds a control character";
  }
  const parts = splitHostPort(address);
  if (parts === null) return "the address is not of the form host:port";
  if (parts.host === "") return "the address has no host";
  if (parts.port === "" || parts.port === "0") return "the address has no port";
  return null;
}

/**
 * Checks a record before it enters the peer table.
 *
 * Stricter than a Go node in one point: the zero identity, which is the broadcast address, is
 * refused.
 *
 * @param own the own identity; records about oneself are refused.
 * @returns why it is refused, or `null` if it is fine.
 */
export function checkPeerRecord(record: PeerRecord, own: Identity): string | null {
  if (record.version !== PROTOCOL_VERSION) return `the version is ${record.version}`;
  if (record.address !== "") {
    const reason = checkPeerAddress(record.address);
    if (reason !== null) return reason;
  }
  if (!isUsableNaclKey(record.naclPub)) return "the encryption key is missing or zero";
  if (record.identity === own) return "the record is about this node";
  if (record.identity === ZERO_IDENTITY) return "the record is about the broadcast address";
  return null;
}

/** Tells whether `key` is 32 bytes and not all zero. */
export function isUsableNaclKey(key: Uint8Array): boolean {
  return key.length === 32 && key.some((byte) => byte !== 0);
}
