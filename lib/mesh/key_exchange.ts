/**
 * The cleartext key exchange that opens a connection, and the keys that follow from it
 * (specification: mesh sections 3.1 and 3.2).
 *
 * Only X25519 is offered and taken: a Go listener never offers another curve, and a Go dialler
 * follows the listener.
 *
 * @module
 */

import { BOX_KEY_BYTES, x25519 } from "../crypto/box.ts";
import { hkdfSha256 } from "../crypto/kdf.ts";
import { concat, equalBytes, fromBase64, fromUtf8, toBase64, utf8 } from "../encoding/bytes.ts";
import { type Json, parseJson } from "../encoding/json.ts";
import { WireError } from "./errors.ts";

/** Version of the transport. */
export const TRANSPORT_VERSION = 2;
/** Most bytes of a key-exchange line, its newline included. */
export const MAX_LINE_BYTES = 4096;

const SALT = utf8("continuum-hkdf-salt-v2");
const INFO_S2C = "continuum-s2c-v1";
const INFO_C2S = "continuum-c2s-v1";

/** The keys of a connection, 32 bytes each. */
export interface TransportKeys {
  /** What the listener encrypts with. */
  readonly s2c: Uint8Array<ArrayBuffer>;
  /** What the dialler encrypts with. */
  readonly c2s: Uint8Array<ArrayBuffer>;
}

/** Writes the line that offers an ephemeral public key, newline included. */
export function keyExchangeLine(publicKey: Uint8Array): Uint8Array<ArrayBuffer> {
  return utf8(`{"version":${TRANSPORT_VERSION},"publickey":"${toBase64(publicKey)}"}\n`);
}

/**
 * Reads the peer's line, without its newline.
 *
 * @returns the peer's ephemeral X25519 key, 32 bytes.
 * @throws {WireError} kind `key-exchange`.
 */
export function parseKeyExchangeLine(line: Uint8Array): Uint8Array<ArrayBuffer> {
  let json: Json;
  try {
    json = parseJson(fromUtf8(line), { depth: 4, digits: 20 });
  } catch {
    throw new WireError("key-exchange", "Cannot agree on keys: the peer's line is not JSON");
  }
  if (!(json instanceof Map)) {
    throw new WireError("key-exchange", "Cannot agree on keys: the peer's line is no object");
  }
  if (json.get("version") !== BigInt(TRANSPORT_VERSION)) {
    throw new WireError(
      "key-exchange",
      `Cannot agree on keys: the peer does not speak transport version ${TRANSPORT_VERSION}`,
    );
  }
  const text = json.get("publickey");
  let key: Uint8Array<ArrayBuffer> | undefined;
  try {
    if (typeof text === "string") key = fromBase64(text, true);
  } catch {
    // the check below says so
  }
  if (key === undefined || key.length !== BOX_KEY_BYTES) {
    throw new WireError("key-exchange", "Cannot agree on keys: the peer offers no X25519 key");
  }
  return key;
}

/** Derives both keys from the shared secret and the two public keys as they stood on the wire. */
export function deriveTransportKeys(
  shared: Uint8Array,
  serverPublic: Uint8Array,
  clientPublic: Uint8Array,
): TransportKeys {
  const salt = concat(SALT, serverPublic, clientPublic);
  return {
    s2c: hkdfSha256(shared, salt, INFO_S2C, BOX_KEY_BYTES),
    c2s: hkdfSha256(shared, salt, INFO_C2S, BOX_KEY_BYTES),
  };
}

/** One side's part of the agreement. */
export interface KeyAgreement {
  readonly role: "server" | "client";
  readonly ownPrivate: Uint8Array;
  readonly ownPublic: Uint8Array;
  readonly theirPublic: Uint8Array;
}

/**
 * Agrees on the keys of a connection.
 *
 * @throws {WireError} kind `key-exchange` if the peer sent our own key back or a key of low order.
 */
export function agree(input: KeyAgreement): TransportKeys {
  if (equalBytes(input.ownPublic, input.theirPublic)) {
    throw new WireError("key-exchange", "Cannot agree on keys: the peer sent our own key back");
  }
  const shared = x25519(input.ownPrivate, input.theirPublic);
  if (shared === null) {
    throw new WireError("key-exchange", "Cannot agree on keys: the peer's key is of low order");
  }
  try {
    return input.role === "server"
      ? deriveTransportKeys(shared, input.ownPublic, input.theirPublic)
      : deriveTransportKeys(shared, input.theirPublic, input.ownPublic);
  } finally {
    shared.fill(0);
  }
}
