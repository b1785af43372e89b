/**
 * Distributed generation of an Ed25519 key (specification: eddsa.md section 4): Pedersen's
 * protocol with committed Feldman polynomials and proofs of knowledge.
 *
 * Stricter than the Go library, without any change on the wire: contents are checked as they are
 * parsed, shares are verified before they are added, points outside the prime-order subgroup and
 * the identity are refused instead of repaired. Two reasons of the Go library blame the party
 * whose sum came out as the identity; it cannot have caused that alone, so here nobody is blamed.
 *
 * @module
 */

import { randomBelow, type RandomSource } from "../../arith/random.ts";
import { ed25519, flattenPoints } from "../../crypto/curve.ts";
import { partyContext } from "../../crypto/framed_hash.ts";
import { equalBytes } from "../../encoding/bytes.ts";
import type { Channel } from "../channel.ts";
import { commit } from "../commitment.ts";
import { ProtocolError } from "../errors.ts";
import { say } from "../message_type.ts";
import { type Party, partyKeyBytes } from "../party.ts";
import { proveSchnorr, verifySchnorr } from "../proofs/schnorr.ts";
import { Verdicts } from "../verdicts.ts";
import { shareSecret, verifyShare } from "../vss.ts";
import { checkCommittee, checkedInput, openPoints, othersOf } from "./checks.ts";
import { keygenRound1, keygenRound2Opening, keygenRound2Share } from "./messages.ts";
import { publicShares, sumColumns } from "./polynomials.ts";
import { EddsaShare } from "./share.ts";
import { keygenSsid, type Session } from "./ssid.ts";

/** The protocol's name in errors. */
export const KEYGEN_TASK = "eddsa-keygen";

/** What a party brings to a key generation. */
export interface KeygenInput extends Session {
  /** Everybody, ascending by key. */
  readonly parties: readonly Party[];
  /** Own index. */
  readonly self: number;
  /** `threshold + 1` parties will be needed to sign; from 1 to n - 1. */
  readonly threshold: number;
  /** Source of all secrets. */
  readonly random: RandomSource;
}

/**
 * Runs one party of a key generation and returns its share.
 *
 * @throws {ProtocolError} if somebody breaks a rule: names round, reason and culprits; of round 1,
 * blaming nobody, if the input itself is wrong.
 */
export async function keygen(input: KeygenInput, channel: Channel): Promise<EddsaShare> {
  const { parties, self, threshold, random } = input;
  checkedInput(KEYGEN_TASK, () => checkCommittee("this committee", parties, threshold, self));
  const keys = parties.map((party) => party.key);
  const others = othersOf(parties.length, self);
  const everybody = [{ committee: "single", to: others }] as const;
  const ssid = keygenSsid(keys, threshold, input);

  // Round 1: choose a polynomial and commit to its public points.
  channel.progress("round 1: committing to a polynomial");
  const secret = randomBelow(ed25519.q, random);
  const own = shareSecret(ed25519, threshold, secret, keys, random);
  const { C, D } = commit(flattenPoints(own.commitments), random);
  say(channel, keygenRound1, { commitment: C }, everybody);
  const commitments = await channel.collect(keygenRound1, others);

  // Round 2: everybody is committed; deal the shares, open, prove knowledge of the secret.
  channel.progress("round 2: dealing shares");
  for (const j of others) {
    say(channel, keygenRound2Share, {
      share: own.shares[j]!,
      receiverId: partyKeyBytes(keys[j]!),
    }, [{ committee: "single", to: [j] }]);
  }
  const proof = proveSchnorr(
    { session: partyContext(ssid, self), point: own.commitments[0]!, secret },
    random,
  );
  say(channel, keygenRound2Opening, { opening: D, proof }, everybody);
  const [shares, openings] = await Promise.all([
    channel.collect(keygenRound2Share, others),
    channel.collect(keygenRound2Opening, others),
  ]);

  // Round 3: verify everybody's share and points, then add them up.
  const verdicts = new Verdicts(KEYGEN_TASK, 3);
  const polynomials = [own.commitments];
  let xi = own.shares[self]!;
  for (const j of others) {
    channel.progress(`round 3: verifying the share of party ${j}`);
    const { share, receiverId } = shares.get(j)!;
    const { opening, proof } = openings.get(j)!;
    const session = partyContext(ssid, j);
    const { commitment } = commitments.get(j)!;
    const points = openPoints(verdicts, j, commitment, opening, threshold + 1);
    await channel.breathe();
    if (points === null) continue;
    if (!verifySchnorr({ session, point: points[0]! }, proof)) {
      verdicts.blame(j, "schnorr proof verify failed");
    } else if (!equalBytes(receiverId, partyKeyBytes(keys[self]!))) {
      verdicts.blame(j, "receiverId mismatch");
    } else if (!verifyShare(ed25519, threshold, share, keys[self]!, points)) {
      verdicts.blame(j, "vss share verify failed");
    } else {
      polynomials.push(points);
      xi = (xi + share) % ed25519.q;
    }
  }
  verdicts.settle();
  const refuse = (reason: string) =>
    new ProtocolError({ task: KEYGEN_TASK, round: 3, reason, culprits: [] });
  if (xi === 0n) throw refuse("xi is zero");

  const columns = sumColumns(polynomials);
  const bigXj = publicShares(columns, keys);
  if (bigXj.some((X) => X.isIdentity)) throw refuse("BigXj is the identity point");
  const publicKey = columns[0]!;
  if (publicKey.isIdentity) throw refuse("public key is the identity point");
  if (!ed25519.base.multiply(xi).equals(bigXj[self]!)) throw refuse("Xi does not belong to BigXj");
  return new EddsaShare(xi, keys[self]!, keys, bigXj, publicKey);
}
