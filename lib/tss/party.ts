/**
 * The parties of a ceremony and their order (specification: tss-core section 3).
 *
 * @module
 */

import { mod } from "../arith/number.ts";
import { ed25519, secp256k1 } from "../crypto/curve.ts";
import type { Identity } from "../crypto/identity.ts";
import { minimalBytes } from "../encoding/bytes.ts";

/** One seat of a committee. Its index is its position in the sorted list. */
export interface Party {
  /** The node that holds the seat. */
  readonly identity: Identity;
  /** Its positive number in the protocol: the identity as integer, in a new committee XOR 1. */
  readonly key: bigint;
}

/**
 * Returns the parties in ascending order of their keys, compared as integers.
 *
 * @throws {RangeError} if a key is not positive or two are equal; zero and equal modulo the order
 * of either curve count as well, as sharing would fail on them later.
 */
export function sortParties(parties: readonly Party[]): Party[] {
  if (parties.some((p) => p.key <= 0n)) {
    throw new RangeError("Cannot order the parties: a key is not positive");
  }
  for (const { q } of [secp256k1, ed25519]) {
    const residues = new Set(parties.map((p) => mod(p.key, q)));
    if (residues.has(0n)) {
      throw new RangeError("Cannot order the parties: a key is 0 mod the group order");
    }
    if (residues.size !== parties.length) {
      throw new RangeError("Cannot order the parties: two keys are equal");
    }
  }
  return [...parties].sort((a, b) => a.key < b.key ? -1 : 1);
}

/** Returns a key's minimal bytes, the `ReceiverID` of messages: no leading zero byte. */
export function partyKeyBytes(key: bigint): Uint8Array<ArrayBuffer> {
  return minimalBytes(key);
}
