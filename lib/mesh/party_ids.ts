/**
 * Committee members as requests name them (specification: mesh section 14.2).
 *
 * @module
 */

import { type Identity, identityToInt, parseIdentity, ZERO_IDENTITY } from "../crypto/identity.ts";
import { minimalBytes } from "../encoding/bytes.ts";
import type { PartyId } from "./command_types.ts";
import { WireError } from "./errors.ts";

/**
 * The party key of a node: its identity as an integer. In the new committee of a resharing it is
 * that XOR 1, so that a node in both committees appears as two parties.
 */
export function partyKeyOf(identity: Identity, newCommittee = false): bigint {
  const key = identityToInt(identity);
  return newCommittee ? key ^ 1n : key;
}

/** Builds the party id that requests carry; `index` is -1 until the committee is sorted. */
export function partyIdOf(identity: Identity, newCommittee = false): PartyId {
  return {
    id: identity,
    moniker: identity,
    key: minimalBytes(partyKeyOf(identity, newCommittee)),
    index: -1n,
  };
}

/**
 * Reads the members that a request names, in its order. Like the Go service it looks at `id`
 * alone; unlike it, it refuses what makes the Go engine panic.
 *
 * @throws {WireError} kind `command` for an empty committee, an `id` that is no identity, the zero
 * identity, or a member named twice.
 */
export function committeeIdentities(committee: readonly PartyId[]): Identity[] {
  if (committee.length === 0) {
    throw new WireError("command", "Cannot use committee: it is empty");
  }
  const seen = new Set<Identity>();
  committee.forEach((party, i) => {
    let identity: Identity;
    try {
      identity = parseIdentity(party.id);
    } catch {
      throw new WireError("command", `Cannot use committee: member ${i} has no valid identity`);
    }
    if (identity === ZERO_IDENTITY) {
      throw new WireError("command", `Cannot use committee: member ${i} is the zero identity`);
    }
    if (seen.has(identity)) {
      throw new WireError("command", `Cannot use committee: member ${i} is named twice`);
    }
    seen.add(identity);
  });
  return [...seen];
}
