/**
 * Session identifiers of the three EdDSA protocols (specification: eddsa.md section 2).
 *
 * An SSID is a framed hash of what the parties must agree on before they start. It loses leading
 * zero bytes, so about one in 256 is shorter than 32 bytes.
 *
 * @module
 */

import { curveConstants, ed25519 } from "../../crypto/curve.ts";
import { ssidOf, textToInt } from "../../crypto/framed_hash.ts";
import { bytesToInt } from "../../encoding/bytes.ts";

/** What tells apart two sessions of the same parties. */
export interface Session {
  /** The ceremony id; without bytes it is left out of the hash, an id of zeros is not. */
  readonly ceremonyId: Uint8Array;
  /** Unsigned session nonce; the service always uses the default, 0. */
  readonly ssidNonce?: bigint;
}

/** Round number in the hash: always that of the first round. */
const ROUND = 1n;

const nonceOf = (session: Session): bigint => session.ssidNonce ?? 0n;
const idOf = ({ ceremonyId }: Session): bigint[] =>
  ceremonyId.length === 0 ? [] : [bytesToInt(ceremonyId)];

/**
 * Returns the SSID of a key generation by the parties `keys` (in index order).
 *
 * It names neither the protocol nor the curve: that is the Go library's form.
 */
export function keygenSsid(
  keys: readonly bigint[],
  threshold: number,
  session: Session,
): Uint8Array {
  const counts = [BigInt(keys.length), BigInt(threshold)];
  return ssidOf([nonceOf(session), ROUND, ...counts, ...keys, ...idOf(session)]);
}

/** Returns the SSID of a signing by the parties `keys` (the signers only, in index order). */
export function signingSsid(
  keys: readonly bigint[],
  threshold: number,
  session: Session,
): Uint8Array {
  return ssidOf([
    textToInt("eddsa-signing"),
    ...curveConstants(ed25519),
    ...keys,
    BigInt(keys.length),
    BigInt(threshold),
    ROUND,
    nonceOf(session),
    ...idOf(session),
  ]);
}

/** The committees of a resharing: keys in index order, thresholds as in "t+1 sign". */
export interface ResharingCommittees {
  /** Keys of the old parties that take part. */
  readonly oldKeys: readonly bigint[];
  /** Keys of all new parties. */
  readonly newKeys: readonly bigint[];
  /** Threshold of the key as it is. */
  readonly oldThreshold: number;
  /** Threshold of the key afterwards. */
  readonly newThreshold: number;
}

/**
 * Returns the SSID of a resharing. No message and no proof carries it, so it binds nothing; it
 * serves to compare sessions.
 */
export function resharingSsid(committees: ResharingCommittees, session: Session): Uint8Array {
  return ssidOf([
    textToInt("eddsa-resharing"),
    ...curveConstants(ed25519),
    ...committees.oldKeys,
    ...committees.newKeys,
    BigInt(committees.oldKeys.length),
    BigInt(committees.oldThreshold),
    BigInt(committees.newThreshold),
    nonceOf(session),
    ...idOf(session),
  ]);
}
