/**
 * Which party key each member has, and with it the order of the parties (specification: mesh
 * section 14.2, ecdsa-resharing section 10).
 *
 * A key is the identity as integer. Each resharing flips its lowest bit, so a share holds either
 * all plain or all flipped ones.
 *
 * @module
 */

import { type Identity, identityToInt } from "../crypto/identity.ts";
import { nextKey, signerKey } from "../tss/ecdsa/share.ts";
import { type Party, sortParties } from "../tss/party.ts";
import type { JsonInput } from "../encoding/json.ts";
import type { Committee } from "../tss/errors.ts";
import { JobError, type Seats } from "./session.ts";

/** What of a share matters here; both curves have it. */
export interface SharedKeys {
  /** Party keys of all holders. */
  readonly ks: readonly bigint[];
  /** Own party key. */
  readonly shareId: bigint;
}

/** Seats the members of a key generation. */
export function seatKeygen(committee: readonly Identity[]): Party[] {
  return sort(committee.map((identity) => ({ identity, key: identityToInt(identity) })));
}

/** Seats signers, or the old committee of a resharing, by the keys that `share` knows them by. */
export function seatHolders(
  committee: readonly Identity[],
  share: SharedKeys,
  self: Identity,
): Party[] {
  const parties = committee.map((identity) => {
    try {
      return { identity, key: signerKey(share, identity) };
    } catch {
      throw new JobError("TF-SHARE", `${identity} is not among the holders of this key`);
    }
  });
  const own = parties.find((party) => party.identity === self);
  if (own !== undefined && own.key !== share.shareId) {
    throw new JobError("TF-SHARE", "the stored share belongs to another node");
  }
  return sort(parties);
}

/** What a resharing's seating follows from. */
export interface ReshareSeating {
  /** This node. */
  readonly self: Identity;
  /** Old members in request order. */
  readonly oldCommittee: readonly Identity[];
  /** New members in request order. */
  readonly newCommittee: readonly Identity[];
  /** In the order of `newCommittee`; see `ReshareSpec.newKeys`. */
  readonly newKeys?: readonly bigint[];
}

/**
 * Seats both committees. Whoever holds a share derives the keys from it, a newcomer takes the form
 * of the new keys from the request and flips it for the old ones.
 *
 * @throws {JobError} if request and share disagree, or the request's keys are of no form.
 */
export function seatReshare(
  request: ReshareSeating,
  share: SharedKeys | null,
): { oldParties: Party[]; newParties: Party[] } {
  const { oldCommittee, newCommittee, newKeys } = request;
  const keysOf = (committee: readonly Identity[], flipped: boolean): Party[] =>
    committee.map((identity) => {
      const plain = identityToInt(identity);
      return { identity, key: flipped ? nextKey(plain) : plain };
    });
  if (share === null) {
    const flipped = newKeys === undefined || formOf(newCommittee, newKeys);
    return {
      oldParties: sort(keysOf(oldCommittee, !flipped)),
      newParties: sort(keysOf(newCommittee, flipped)),
    };
  }
  const oldParties = seatHolders(oldCommittee, share, request.self);
  const wasFlipped = formOf(oldParties.map((p) => p.identity), oldParties.map((p) => p.key));
  if (newKeys !== undefined && formOf(newCommittee, newKeys) === wasFlipped) {
    throw new JobError(
      "TF-SHARE",
      "the request gives the new committee the party keys that the old one has",
    );
  }
  return { oldParties, newParties: sort(keysOf(newCommittee, !wasFlipped)) };
}

/** Returns identities per committee in party order. */
export function seatsOf(committees: Partial<Record<Committee, readonly Party[]>>): Seats {
  return new Map(
    Object.entries(committees).map(([committee, parties]) => [
      committee as Committee,
      parties.map((party) => party.identity),
    ]),
  );
}

/** Returns identities and keys per committee in party order, as a transcript has them. */
export function seatsToJson(
  committees: Partial<Record<Committee, readonly Party[]>>,
): Record<string, JsonInput> {
  return Object.fromEntries(
    Object.entries(committees).map(([committee, parties]) => [
      committee,
      parties.map(({ identity, key }) => ({ identity, key })),
    ]),
  );
}

/** Returns the own index among `parties`, or `null`. */
export function indexOf(parties: readonly Party[], self: Identity): number | null {
  const index = parties.findIndex((party) => party.identity === self);
  return index === -1 ? null : index;
}

/** Tells whether all keys are flipped (true) or all plain (false). */
function formOf(committee: readonly Identity[], keys: readonly bigint[]): boolean {
  const plain = committee.map(identityToInt);
  if (keys.length === plain.length) {
    if (keys.every((key, i) => key === plain[i])) return false;
    if (keys.every((key, i) => key === nextKey(plain[i]!))) return true;
  }
  throw new JobError("TF-SHARE", "the party keys are not all of one form of their identities");
}

function sort(parties: readonly Party[]): Party[] {
  try {
    return sortParties(parties);
  } catch {
    throw new JobError("TF-SHARE", "two members have the same party key, or one has none");
  }
}
