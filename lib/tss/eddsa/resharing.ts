/**
 * Hands an Ed25519 key from an old to a new committee without changing it (specification: eddsa.md
 * section 6).
 *
 * The Go library never ties what an old party deals to what it holds, so a wrong contribution
 * shows only in the sum. Here whoever sits in both committees compares each dealt constant term
 * with the dealer's public share; everybody compares the public key with the one expected, where
 * something is known of it, and blames only who differs from that. The protocol's messages are
 * bound to no session: the transport's ceremony id must keep ceremonies apart.
 *
 * @module
 */

import type { RandomSource } from "../../arith/random.ts";
import { type CurvePoint, ed25519, flattenPoints } from "../../crypto/curve.ts";
import { equalBytes, intToBytes } from "../../encoding/bytes.ts";
import type { Channel } from "../channel.ts";
import { commit } from "../commitment.ts";
import { ProtocolError } from "../errors.ts";
import { hedgedRandom } from "../hedged_random.ts";
import { say } from "../message_type.ts";
import { type Party, partyKeyBytes } from "../party.ts";
import { Verdicts } from "../verdicts.ts";
import { shareSecret, type Sharing, verifyShare } from "../vss.ts";
import { checkCommittee, checkedInput, hasPrimeOrder, openPoints, othersOf } from "./checks.ts";
import {
  resharingRound1,
  resharingRound2,
  resharingRound3Opening,
  resharingRound3Share,
  resharingRound4,
} from "./messages.ts";
import { publicShares, sumColumns } from "./polynomials.ts";
import { additiveImages, additiveShare, EddsaShare, keyIdOf } from "./share.ts";
import { resharingSsid, type Session } from "./ssid.ts";

/** The protocol's name in errors. */
export const RESHARING_TASK = "eddsa-resharing";

/** What a node brings to a resharing. */
export interface ResharingInput extends Session {
  /** The old parties that take part, at least `oldThreshold + 1`, keys as in the share. */
  readonly oldParties: readonly Party[];
  /** All new parties; a party that is in both committees has its old key XOR 1 here. */
  readonly newParties: readonly Party[];
  /** Own index among the old parties, `null` if not one of them. */
  readonly oldIndex: number | null;
  /** Own index among the new parties, `null` if not one of them. */
  readonly newIndex: number | null;
  /** The key's threshold so far. */
  readonly oldThreshold: number;
  /** The key's threshold afterwards; from 1 to the number of new parties - 1. */
  readonly newThreshold: number;
  /**
   * Own share: required of an old party. A new party that holds one but does not deal (it was left
   * out of the old parties) passes it too and can then check more; others pass `null`.
   */
  readonly share: EddsaShare | null;
  /** The id of the key that is expected, see {@link keyIdOf}: a newcomer's only anchor. */
  readonly expectedKeyId?: Uint8Array;
  /** Source of the new polynomials. */
  readonly random: RandomSource;
  /**
   * Called with the new share, fully verified, before this node tells anybody that it has it: make
   * it durable beside the old one. It is not the current one yet.
   */
  readonly onPendingShare?: (share: EddsaShare) => Promise<void>;
  /** Called with the new share once every new party has acknowledged, before the run returns. */
  readonly onNewShare?: (share: EddsaShare) => Promise<void>;
}

/** What an old party deals: its summand of the key, shared among the new parties. */
interface Deal {
  readonly sharing: Sharing;
  readonly opening: readonly bigint[];
}

/**
 * Runs one node's part, in one or both roles. Returns the new share once every new party has
 * acknowledged, or `null` to a node that is only in the old committee. The old share is the
 * caller's to destroy, and only after this returned.
 *
 * @throws {ProtocolError} if somebody breaks a rule: culprits count in the committee it names; of
 * round 1, blaming nobody, if the input itself is wrong.
 */
export async function reshare(input: ResharingInput, channel: Channel): Promise<EddsaShare | null> {
  const held = checkedInput(RESHARING_TASK, () => {
    checkInput(input);
    return holding(input);
  });
  const { oldParties, newParties, oldIndex, newIndex, newThreshold } = input;
  const oldKeys = oldParties.map((party) => party.key);
  const newKeys = newParties.map((party) => party.key);
  const everyOld = othersOf(oldKeys.length, null);
  const everyNew = othersOf(newKeys.length, null);
  const toOld = [{ committee: "old", to: everyOld }] as const;
  const toNew = [{ committee: "new", to: everyNew }] as const;

  // Round 1, old: share the own summand of the key among the new parties, commit to the polynomial.
  let deal: Deal | null = null;
  if (oldIndex !== null) {
    channel.progress("round 1: committing to a polynomial");
    const share = input.share!;
    const w = checkedInput(
      RESHARING_TASK,
      () => additiveShare(share, oldKeys, oldIndex, held!.images),
    );
    const ssid = resharingSsid({ ...input, oldKeys, newKeys }, input);
    const xi = intToBytes(share.xi, 32);
    const random = hedgedRandom(input.random, RESHARING_TASK, [xi, ssid]);
    xi.fill(0);
    const sharing = shareSecret(ed25519, newThreshold, w, newKeys, random);
    const { C, D } = commit(flattenPoints(sharing.commitments), random);
    deal = { sharing, opening: D };
    say(channel, resharingRound1, { publicKey: share.publicKey, commitment: C }, toNew);
  }

  // Round 2, new: agree on the key, say that the shares may come.
  let offered: { publicKey: CurvePoint; commitments: ReadonlyMap<number, bigint> } | null = null;
  if (newIndex !== null) {
    channel.progress("round 2: agreeing on the key");
    const offers = await channel.collect(resharingRound1, everyOld);
    const keys = everyOld.map((j) => offers.get(j)!.publicKey);
    const publicKey = agreedKey(keys, input, held?.publicKey);
    const commitments = new Map(everyOld.map((j) => [j, offers.get(j)!.commitment]));
    offered = { publicKey, commitments };
    say(channel, resharingRound2, {}, toOld);
  }

  // Round 3, old: every new party is ready; deal the shares, open the commitment.
  if (deal !== null) {
    channel.progress("round 3: dealing shares");
    await channel.collect(resharingRound2, everyNew);
    for (const j of everyNew) {
      say(channel, resharingRound3Share, {
        share: deal.sharing.shares[j]!,
        receiverId: partyKeyBytes(newKeys[j]!),
      }, [{ committee: "new", to: [j] }]);
    }
    say(channel, resharingRound3Opening, { opening: deal.opening }, toNew);
    deal.sharing.shares.fill(0n);
    deal = null;
  }

  // Round 4, new: verify everybody's share and points, add them up, keep the result.
  let result: EddsaShare | null = null;
  if (newIndex !== null && offered !== null) {
    const [shares, openings] = await Promise.all([
      channel.collect(resharingRound3Share, everyOld),
      channel.collect(resharingRound3Opening, everyOld),
    ]);
    const { publicKey, commitments } = offered;
    const ownKey = newKeys[newIndex]!;
    const verdicts = new Verdicts(RESHARING_TASK, 4, "old");
    const polynomials: CurvePoint[][] = [];
    let xi = 0n;
    for (const j of everyOld) {
      channel.progress(`round 4: verifying the share of old party ${j}`);
      const { share, receiverId } = shares.get(j)!;
      const { opening } = openings.get(j)!;
      const points = openPoints(verdicts, j, commitments.get(j)!, opening, newThreshold + 1);
      await channel.breathe();
      if (points === null) continue;
      if (!equalBytes(receiverId, partyKeyBytes(ownKey))) {
        verdicts.blame(j, "receiverId mismatch");
      } else if (!verifyShare(ed25519, newThreshold, share, ownKey, points)) {
        verdicts.blame(j, "share verify failed");
      } else if (held !== null && !points[0]!.equals(held.images[j]!)) {
        verdicts.blame(j, "V_0 does not belong to the old share");
      } else {
        polynomials.push(points);
        xi = (xi + share) % ed25519.q;
      }
    }
    verdicts.settle();
    if (xi === 0n) throw refused(4, "newXi is zero");
    const columns = sumColumns(polynomials);
    if (!columns[0]!.equals(publicKey)) throw refused(4, "V_0 != EdDSA pub key");
    const bigXj = publicShares(columns, newKeys);
    if (bigXj.some((X) => X.isIdentity)) throw refused(4, "BigXj is the identity point");
    if (!ed25519.base.multiply(xi).equals(bigXj[newIndex]!)) {
      throw refused(4, "Xi does not belong to BigXj");
    }
    result = new EddsaShare(xi, ownKey, newKeys, bigXj, publicKey);
    channel.progress("round 4: keeping the new share");
    await input.onPendingShare?.(result);
    const otherNew = { committee: "new", to: othersOf(newKeys.length, newIndex) } as const;
    say(channel, resharingRound4, {}, [...toOld, otherNew]);
  }

  // Round 5: nobody is done before every new party holds its share.
  channel.progress("round 5: waiting for every new party");
  await channel.collect(resharingRound4, othersOf(newKeys.length, newIndex));
  if (result !== null) await input.onNewShare?.(result);
  return result;
}

/** The caller's mistakes: committees, roles, keys that would collide or did not toggle. */
function checkInput(input: ResharingInput): void {
  const { oldParties, newParties, oldIndex, newIndex, share } = input;
  const fail = (what: string) => new RangeError(`Cannot reshare: ${what}`);
  checkCommittee("the old committee", oldParties, input.oldThreshold, oldIndex);
  checkCommittee("the new committee", newParties, input.newThreshold, newIndex);
  if (oldIndex === null && newIndex === null) throw fail("this node is in neither committee");
  if (oldIndex !== null && share === null) throw fail("an old party needs its share");
  const oldKeys = new Map(oldParties.map((party) => [party.identity, party.key]));
  for (const { identity, key } of newParties) {
    if (oldParties.some((party) => party.key === key)) {
      throw fail("a new party has the key of an old one; new keys are the old form XOR 1");
    }
    const oldKey = oldKeys.get(identity);
    if (oldKey !== undefined && key !== (oldKey ^ 1n)) {
      throw fail("a party in both committees must have its old key XOR 1 in the new one");
    }
  }
  const here = oldIndex === null ? undefined : oldParties[oldIndex]!.identity;
  const there = newIndex === null ? undefined : newParties[newIndex]!.identity;
  if (here !== undefined && there !== undefined && here !== there) {
    throw fail("the two own indices name different parties");
  }
}

/** What a holder of a share knows of the old key; `null` for a newcomer. */
function holding(
  input: ResharingInput,
): { publicKey: CurvePoint; images: readonly CurvePoint[] } | null {
  const { share, expectedKeyId } = input;
  if (share === null) return null;
  const { publicKey } = share;
  if (expectedKeyId !== undefined && !equalBytes(expectedKeyId, keyIdOf(publicKey))) {
    throw new RangeError("Cannot reshare: the share belongs to another key than the one expected");
  }
  const oldKeys = input.oldParties.map((party) => party.key);
  return { publicKey, images: additiveImages(share, oldKeys) };
}

/**
 * Returns the key that all old parties named. Where the right one is known, exactly those that
 * named another are to blame; a newcomer without any anchor blames those who depart from what more
 * parties state than can be corrupt, if there is such a value, else nobody (the Go library compares
 * with the first sender, so that its lie would fall on the second).
 */
function agreedKey(
  keys: readonly CurvePoint[],
  { expectedKeyId, oldThreshold }: ResharingInput,
  held: CurvePoint | undefined,
): CurvePoint {
  const everybody = keys.map((_, j) => j);
  const refuse = (reason: string, culprits: readonly number[]) =>
    new ProtocolError({ task: RESHARING_TASK, round: 2, reason, culprits, committee: "old" });
  const wrong = everybody.filter((j) =>
    (held !== undefined && !keys[j]!.equals(held)) ||
    (expectedKeyId !== undefined && !equalBytes(keyIdOf(keys[j]!), expectedKeyId))
  );
  if (wrong.length > 0) throw refuse("eddsa pub key is not the expected one", wrong);
  const supported = keys.filter((key) => keys.filter((k) => k.equals(key)).length > oldThreshold);
  if (keys.some((key) => !key.equals(keys[0]!))) {
    const [right] = supported;
    const clear = right !== undefined && supported.every((key) => key.equals(right));
    const liars = clear ? everybody.filter((j) => !keys[j]!.equals(right)) : [];
    throw refuse("eddsa pub key mismatch", liars);
  }
  if (!hasPrimeOrder(keys[0]!)) throw refuse("eddsa pub key is not of prime order", everybody);
  return keys[0]!;
}

/** A failure that nobody can be blamed for. */
function refused(round: number, reason: string): ProtocolError {
  return new ProtocolError({ task: RESHARING_TASK, round, reason, culprits: [], committee: "old" });
}
