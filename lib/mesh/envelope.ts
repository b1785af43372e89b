/**
 * The cleartext of a frame: a header and a command, back to back (specification: mesh section 4).
 *
 * @module
 */

import { equalBytes, fromHex, fromUtf8, toHex, utf8 } from "../encoding/bytes.ts";
import { type Identity, ZERO_IDENTITY } from "../crypto/identity.ts";
import { sha256 } from "../crypto/kdf.ts";
import {
  type Command,
  decodeCommand,
  encodeCommand,
  isFixedPoint,
  SEALED_ONLY,
} from "./commands.ts";
import { WireError } from "./errors.ts";

/** Hop budget of originated routed and broadcast messages. */
export const DEFAULT_TTL = 8;

/** What stands in front of every command. */
export interface Header {
  /** The command's type. */
  readonly payloadType: string;
  /** SHA-256 of the command bytes, 32 bytes. */
  readonly payloadHash: Uint8Array;
  /** Claimed originator; unauthenticated. */
  readonly origin: Identity;
  /** Absent: for the next node only. {@link ZERO_IDENTITY}: broadcast. Else the addressee. */
  readonly destination?: Identity;
  /** Hop budget, 0 to 255. */
  readonly ttl: number;
}

/** What {@link encodeEnvelope} needs: the hash may be left out, forwarders pass it on. */
export type HeaderFields = Omit<Header, "payloadHash"> & { readonly payloadHash?: Uint8Array };

/** A received cleartext, taken apart and checked. */
export interface Envelope {
  readonly header: Header;
  readonly command: Command;
  /** The bytes after the header, as received; a view of the cleartext. */
  readonly commandBytes: Uint8Array;
  /**
   * Whether forwarding is safe: a Go node would write these very command bytes. Worked out on
   * first use, because one-hop messages never need it.
   */
  readonly canonical: boolean;
}

/**
 * Longest header: type of 64 characters, hash, origin, destination, ttl. Nothing that follows the
 * header is decoded before its hash is checked.
 */
const MAX_HEADER = 384;

// A type may hold any printable ASCII that Go writes without an escape; names outside the catalogue
// are reported as such, not as syntax.
const HEADER =
  /^\{"payloadtype":"([ !#-%'-;=?-[\]-~]{0,64})","payloadhash":"([0-9a-f]{64})","origin":"([0-9a-f]{40})"(?:,"destination":"([0-9a-f]{40})")?,"ttl":(0|[1-9][0-9]{0,2})\}/;

const latin1 = new TextDecoder("latin1");

/**
 * Writes header and command. The command bytes go in verbatim: a forwarder passes on those it
 * received together with `payloadHash`, and changes only `ttl`.
 *
 * @throws {RangeError} for a ttl outside 0 to 255, or a type that only travels sealed.
 */
export function encodeEnvelope(
  fields: HeaderFields,
  commandBytes: Uint8Array,
): Uint8Array<ArrayBuffer> {
  if (SEALED_ONLY.has(fields.payloadType)) {
    throw new RangeError(`Cannot write header: ${fields.payloadType} travels sealed only`);
  }
  if (!Number.isInteger(fields.ttl) || fields.ttl < 0 || fields.ttl > 255) {
    throw new RangeError("Cannot write header: the ttl must lie between 0 and 255");
  }
  const hash = fields.payloadHash ?? sha256(commandBytes);
  const destination = fields.destination === undefined
    ? ""
    : `,"destination":"${fields.destination}"`;
  const header = utf8(
    `{"payloadtype":"${fields.payloadType}","payloadhash":"${toHex(hash)}",` +
      `"origin":"${fields.origin}"${destination},"ttl":${fields.ttl}}`,
  );
  const out = new Uint8Array(header.length + commandBytes.length);
  out.set(header);
  out.set(commandBytes, header.length);
  return out;
}

/** Writes a command with its header. */
export function encodeMessage(
  command: Command,
  fields: Pick<Header, "origin" | "destination" | "ttl">,
): Uint8Array<ArrayBuffer> {
  return encodeEnvelope({ ...fields, payloadType: command.type }, encodeCommand(command));
}

/** Writes a command for the next node only: no destination, ttl 1. */
export function encodeOneHop(command: Command, origin: Identity): Uint8Array<ArrayBuffer> {
  return encodeMessage(command, { origin, ttl: 1 });
}

/** Tells whether a header addresses everybody. */
export function isBroadcast(header: Header): boolean {
  return header.destination === ZERO_IDENTITY;
}

/**
 * Takes a cleartext apart. Checked in this order: the header is exactly what Go writes; a command
 * follows; its hash matches (in constant time); its type is known; it decodes.
 *
 * Stricter than a Go node, which accepts reordered fields and upper-case letters of equal length
 * and headers whose length it misjudges: nothing but Go's own text passes here, so the header's
 * end and the start of the hashed bytes cannot disagree.
 *
 * @throws {WireError} kind `envelope`, `unknown-type` or `command`.
 */
export function decodeEnvelope(cleartext: Uint8Array): Envelope {
  const match = HEADER.exec(latin1.decode(cleartext.subarray(0, MAX_HEADER)));
  if (match === null) {
    throw new WireError("envelope", "Cannot read message: its header is not in canonical form");
  }
  const ttl = Number(match[5]);
  if (ttl > 255) {
    throw new WireError("envelope", "Cannot read message: its ttl exceeds 255");
  }
  const commandBytes = cleartext.subarray(match[0].length);
  if (commandBytes.length === 0) {
    throw new WireError("envelope", "Cannot read message: no command follows the header");
  }
  const payloadHash = fromHex(match[2]!);
  if (!equalBytes(sha256(commandBytes), payloadHash)) {
    throw new WireError("envelope", "Cannot read message: the command does not match its hash");
  }
  const header: Header = {
    payloadType: match[1]!,
    payloadHash,
    origin: match[3] as Identity,
    ...(match[4] === undefined ? {} : { destination: match[4] as Identity }),
    ttl,
  };
  // Passed on, it would end our link to the next Go node.
  if (SEALED_ONLY.has(header.payloadType)) {
    throw new WireError("unknown-type", "Cannot read message: its type travels sealed only");
  }
  const command = decodeCommand(header.payloadType, commandBytes);
  let canonical: boolean | undefined;
  return {
    header,
    command,
    commandBytes,
    get canonical() {
      return canonical ??= isFixedPoint(command, fromUtf8(commandBytes));
    },
  };
}
