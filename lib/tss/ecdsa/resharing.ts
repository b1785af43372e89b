/**
 * ECDSA resharing in five rounds: an old committee hands a key to a new one without ever putting
 * it together (specification: ecdsa-resharing; proactive secret sharing after Herzberg et al.,
 * CRYPTO 1995).
 *
 * @module
 */

import { flattenPoints, secp256k1 } from "../../crypto/curve.ts";
import { partyContext } from "../../crypto/framed_hash.ts";
import { intToBytes } from "../../encoding/bytes.ts";
import type { Channel } from "../channel.ts";
import { commit, type Commitment } from "../commitment.ts";
import { ContentError } from "../errors.ts";
import { hedgedRandom } from "../hedged_random.ts";
import { say } from "../message_type.ts";
import { type Party, partyKeyBytes } from "../party.ts";
import { proveDlnPair } from "../proofs/dln.ts";
import { proveFac } from "../proofs/fac.ts";
import { proveMod } from "../proofs/mod.ts";
import { shareSecret, type Sharing } from "../vss.ts";
import { type PeerKeys, publicParameters } from "./parameters.ts";
import {
  indices,
  RESHARING_TASK,
  resharingContext,
  resharingError,
  type ResharingSetup,
} from "./resharing_context.ts";
import {
  DGRound1Message,
  DGRound2Message1,
  DGRound2Message2,
  DGRound3Message1,
  DGRound3Message2,
  DGRound4Message1,
  DGRound4Message2,
  type ReshareRound1,
  type ReshareRound2,
} from "./resharing_messages.ts";
import {
  type Agreed,
  checkAgreement,
  checkFactors,
  checkNewParameters,
  receiveShares,
} from "./resharing_rounds.ts";
import { type EcdsaShare, type EcdsaShareFields, rereadShare } from "./share.ts";

/** What one node brings to a resharing. */
export interface ResharingInput extends Omit<ResharingSetup, "oldKeys" | "newKeys"> {
  /** The old parties taking part, sorted by the keys they have in the share. */
  readonly oldParties: readonly Party[];
  /** The new parties, sorted by their new keys (the other form of the old ones: `nextKey`). */
  readonly newParties: readonly Party[];
  /**
   * Makes the new share durable beside the old one, after every check has passed and before this
   * node tells anybody that it has it. It is not the current one yet: keep both shares.
   */
  readonly onPendingShare?: (share: EcdsaShare) => Promise<void>;
  /** Makes the new share the current one: every new party has said that it keeps its own. */
  readonly onNewShare?: (share: EcdsaShare) => Promise<void>;
}

/**
 * Takes part in a resharing, in the old committee, the new one, or both.
 *
 * Returns the new share of a member of the new committee, else null. Either means that every new
 * party has checked everything, keeps its share and has acknowledged it: the old one has done its
 * duty. Until then the old shares must be kept.
 *
 * @throws {ProtocolError} with task `ecdsa-resharing`; culprits count in the committee it names.
 */
export async function reshare(
  input: ResharingInput,
  channel: Channel,
): Promise<EcdsaShare | null> {
  const { arith, preParams } = input;
  const secret = intToBytes(input.share?.xi ?? preParams?.p ?? 0n, 128);
  const random = hedgedRandom(input.random, RESHARING_TASK, [secret, input.ceremonyId]);
  secret.fill(0);
  const { ctx, w } = resharingContext({
    ...input,
    random,
    oldKeys: input.oldParties.map((p) => p.key),
    newKeys: input.newParties.map((p) => p.key),
  });
  const { oldIndex, newIndex, newKeys } = ctx;
  const allOld = indices(ctx.oldKeys);
  const allNew = indices(newKeys);
  const otherNew = indices(newKeys, newIndex);
  const breathe = () => channel.breathe();

  // Round 1, old: share the own additive share among the new parties; commit to the polynomial.
  let dealt: { polynomial: Sharing; commitment: Commitment } | null = null;
  if (oldIndex !== null) {
    channel.progress("round 1: committing");
    const polynomial = shareSecret(secp256k1, ctx.newThreshold, w, newKeys, random);
    const commitment = commit(flattenPoints(polynomial.commitments), random);
    dealt = { polynomial, commitment };
    const { ssid, publicKey } = ctx.old!;
    say(channel, DGRound1Message, { publicKey, commitment: commitment.C, ssid }, [
      { committee: "new", to: allNew },
    ]);
  }

  // Round 2, new: agree on what is reshared, say so, and show parameters of the right form.
  let joining: (Agreed & { round1: Map<number, ReshareRound1>; ownRound2: ReshareRound2 }) | null =
    null;
  if (newIndex !== null) {
    channel.progress("round 1: waiting for commitments");
    const round1 = await channel.collect(DGRound1Message, allOld);
    const agreed = checkAgreement(ctx, round1);
    say(channel, DGRound2Message2, {}, [{ committee: "old", to: allOld }]);
    channel.progress("round 2: proving the own parameters");
    const session = partyContext(agreed.ssid, newIndex);
    const { alpha, beta, p, q } = preParams!;
    const statement = { session, ...ctx.own!.pedersen, alpha, beta, p, q };
    const dln = proveDlnPair(statement, arith, random);
    const ownRound2 = {
      ...publicParameters(preParams!),
      modProof: proveMod({ session, key: ctx.own!.paillier }, arith, random),
      dlnProof1: dln.proof1,
      dlnProof2: dln.proof2,
    };
    joining = { ...agreed, round1, ownRound2 };
    say(channel, DGRound2Message1, ownRound2, [{ committee: "new", to: otherNew }]);
  }

  // Round 3, old: every new party is bound to the session; hand out the shares.
  if (dealt !== null) {
    channel.progress("round 2: waiting for acknowledgements");
    await channel.collect(DGRound2Message2, allNew);
    for (const j of allNew) {
      const share = dealt.polynomial.shares[j]!;
      const receiverId = partyKeyBytes(newKeys[j]!);
      say(channel, DGRound3Message1, { share, receiverId }, [{ committee: "new", to: [j] }]);
    }
    say(channel, DGRound3Message2, { deCommitment: dealt.commitment.D }, [
      { committee: "new", to: allNew },
    ]);
    dealt.polynomial.shares.fill(0n);
    dealt = null;
  }

  // Round 4, new: check everybody's parameters and every share; prove the factors to each other.
  let made: { share: EcdsaShare; peers: PeerKeys[] } | null = null;
  if (joining !== null) {
    channel.progress("round 2: waiting for parameters");
    const round2 = await channel.collect(DGRound2Message1, otherNew);
    round2.set(newIndex!, joining.ownRound2);
    channel.progress("round 3: waiting for shares");
    const shares = await channel.collect(DGRound3Message1, allOld);
    const openings = await channel.collect(DGRound3Message2, allOld);
    channel.progress("round 4: checking parameters");
    const peers = await checkNewParameters(ctx, joining.ssid, round2, breathe);
    channel.progress("round 4: checking shares");
    const key = receiveShares(ctx, joining.publicKey, joining.round1, shares, openings);
    const list = allNew.map((j) => round2.get(j)!);
    const share = finishedShare({
      preParams: preParams!,
      shareId: newKeys[newIndex!]!,
      ks: newKeys,
      nTildej: list.map((p) => p.nTilde),
      h1j: list.map((p) => p.h1),
      h2j: list.map((p) => p.h2),
      paillierPks: list.map((p) => p.paillierN),
      ...key,
    });
    made = { share, peers };
    channel.progress("round 4: proving factors");
    for (const j of otherNew) {
      // The tag is the receiver's context here, unlike in key generation.
      const session = partyContext(joining.ssid, j);
      const peer = peers[j]!.pedersen;
      const facProof = proveFac({ session, key: ctx.own!.paillier, peer }, arith, random);
      say(channel, DGRound4Message1, { facProof, receiverId: partyKeyBytes(newKeys[j]!) }, [
        { committee: "new", to: [j] },
      ]);
      await breathe();
    }
  }

  // Round 5, new: check the factor proofs, keep the share, and only then acknowledge to all. The Go
  // library acknowledges unseen, so that some may finish and drop old shares while others refuse.
  // Waiting is safe among Go nodes: a factor proof leaves as soon as rounds 2 and 3 are heard, so
  // nobody's proof waits for anybody's acknowledgement.
  if (made !== null) {
    channel.progress("round 4: waiting for factor proofs");
    const round4 = await channel.collect(DGRound4Message1, otherNew);
    channel.progress("round 5: checking factor proofs");
    await checkFactors(ctx, joining!.ssid, made.peers, round4, breathe);
    channel.progress("round 5: keeping the new share");
    await input.onPendingShare?.(made.share);
    say(channel, DGRound4Message2, {}, [
      { committee: "old", to: allOld },
      { committee: "new", to: otherNew },
    ]);
  }

  // The end: nobody is done before every new party holds its share.
  channel.progress("round 5: waiting for acknowledgements");
  await channel.collect(DGRound4Message2, otherNew);
  if (made === null) return null;
  await input.onNewShare?.(made.share);
  return made.share;
}

/** Checks the result as a loader would. */
function finishedShare(fields: EcdsaShareFields): EcdsaShare {
  try {
    return rereadShare(fields);
  } catch (error) {
    if (!(error instanceof ContentError)) throw error;
    throw resharingError(4, `the new share is inconsistent: ${error.message}`);
  }
}
