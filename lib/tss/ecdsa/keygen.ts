/**
 * ECDSA key generation in four rounds (specification: ecdsa-keygen; Gennaro and Goldfeder, CCS
 * 2018, with the modulus, factor and discrete-logarithm proofs of Canetti et al., CCS 2020).
 *
 * @module
 */

import type { Arithmetic } from "../../arith/mod.ts";
import { mod } from "../../arith/number.ts";
import { randomBelow, type RandomSource } from "../../arith/random.ts";
import { flattenPoints, secp256k1 } from "../../crypto/curve.ts";
import { intToBytes } from "../../encoding/bytes.ts";
import type { Channel } from "../channel.ts";
import { commit } from "../commitment.ts";
import { ContentError } from "../errors.ts";
import { hedgedRandom } from "../hedged_random.ts";
import { say } from "../message_type.ts";
import { type Party, partyKeyBytes } from "../party.ts";
import { proveDlnPair } from "../proofs/dln.ts";
import { proveFac } from "../proofs/fac.ts";
import { proveMod } from "../proofs/mod.ts";
import { provePaillierKey } from "../proofs/paillier_key.ts";
import { shareSecret } from "../vss.ts";
import {
  type KeygenRound1,
  KGRound1Message,
  KGRound2Message1,
  KGRound2Message2,
  KGRound3Message,
} from "./keygen_messages.ts";
import {
  checkPaillierProofs,
  checkParameters,
  checkShares,
  jointKey,
  KEYGEN_TASK,
  keygenContext,
  keygenError,
} from "./keygen_rounds.ts";
import { publicParameters } from "./parameters.ts";
import type { PreParams } from "./preparams.ts";
import { type EcdsaShare, type EcdsaShareFields, rereadShare } from "./share.ts";

/** What one party brings to a key generation. */
export interface KeygenInput {
  /** All parties, sorted by key. */
  readonly parties: readonly Party[];
  /** The own index. */
  readonly self: number;
  /** `threshold + 1` parties will be able to sign; from 1 to the number of parties − 1. */
  readonly threshold: number;
  /** 32 bytes that no other ceremony has. */
  readonly ceremonyId: Uint8Array;
  /** Used for this key only. */
  readonly preParams: PreParams;
  /** The back-end for big exponentiations. */
  readonly arith: Arithmetic;
  /** Source of all secrets. */
  readonly random: RandomSource;
}

/**
 * Generates a key together with the other parties and returns the own share.
 *
 * @throws {ProtocolError} with task `ecdsa-keygen`, naming who broke which rule.
 */
export async function keygen(input: KeygenInput, channel: Channel): Promise<EcdsaShare> {
  const { preParams, arith, threshold, self } = input;
  const keys = input.parties.map((p) => p.key);
  const trapdoor = intToBytes(preParams.p, 128);
  const random = hedgedRandom(input.random, KEYGEN_TASK, [trapdoor, input.ceremonyId]);
  trapdoor.fill(0);
  const ctx = keygenContext({ ...input, keys, random });
  const { others, own } = ctx;
  const session = ctx.contexts[self]!;
  const toAll = [{ committee: "single", to: others }] as const;
  const breathe = () => channel.breathe();

  // Round 1: commit to a secret polynomial, show parameters of the right form.
  channel.progress("round 1: committing and proving the own parameters");
  const polynomial = shareSecret(
    secp256k1,
    threshold,
    randomBelow(secp256k1.q, random),
    keys,
    random,
  );
  try {
    const commitment = commit(flattenPoints(polynomial.commitments), random);
    const dln = proveDlnPair(
      {
        session,
        ...own.pedersen,
        alpha: preParams.alpha,
        beta: preParams.beta,
        p: preParams.p,
        q: preParams.q,
      },
      arith,
      random,
    );
    const ownRound1: KeygenRound1 = {
      commitment: commitment.C,
      ...publicParameters(preParams),
      dlnProof1: dln.proof1,
      dlnProof2: dln.proof2,
    };
    say(channel, KGRound1Message, ownRound1, toAll);

    // Round 2: check everybody's parameters; hand out shares with proofs made for their receivers.
    channel.progress("round 1: waiting for commitments");
    const round1 = await channel.collect(KGRound1Message, others);
    round1.set(self, ownRound1);
    channel.progress("round 2: checking parameters");
    const peers = await checkParameters(ctx, round1, breathe);
    channel.progress("round 2: making shares and proofs");
    for (const j of others) {
      const facProof = proveFac(
        { session, key: own.paillier, peer: peers[j]!.pedersen },
        arith,
        random,
      );
      const share = polynomial.shares[j]!;
      const receiverId = partyKeyBytes(keys[j]!);
      say(channel, KGRound2Message1, { share, facProof, receiverId }, [
        { committee: "single", to: [j] },
      ]);
      await breathe();
    }
    const modProof = proveMod({ session, key: own.paillier }, arith, random);
    say(channel, KGRound2Message2, { deCommitment: commitment.D, modProof }, toAll);

    // Round 3: check every share before adding it up; confirm the public key.
    channel.progress("round 2: waiting for shares");
    const shares = await channel.collect(KGRound2Message1, others);
    const openings = await channel.collect(KGRound2Message2, others);
    channel.progress("round 3: checking shares and proofs");
    const commitments = await checkShares(ctx, peers, round1, shares, openings, breathe);
    commitments.set(self, polynomial.commitments);
    const { publicKey, bigXj } = jointKey(ctx, commitments);
    const xi = mod(
      others.reduce((sum, j) => sum + shares.get(j)!.share, polynomial.shares[self]!),
      secp256k1.q,
    );
    if (xi === 0n) throw keygenError(3, "xi is zero");
    const paillierProof = provePaillierKey(
      { key: own.paillier, partyKey: keys[self]!, point: publicKey },
      arith,
    );
    say(channel, KGRound3Message, { paillierProof }, toAll);

    // Round 4: everybody proves the Paillier key under the same public key.
    channel.progress("round 3: waiting for confirmations");
    const round3 = await channel.collect(KGRound3Message, others);
    channel.progress("round 4: checking confirmations");
    await checkPaillierProofs(ctx, peers, publicKey, round3, breathe);
    const list = keys.map((_, j) => round1.get(j)!);
    return finishedShare({
      preParams,
      xi,
      shareId: keys[self]!,
      ks: keys,
      nTildej: list.map((p) => p.nTilde),
      h1j: list.map((p) => p.h1),
      h2j: list.map((p) => p.h2),
      bigXj,
      paillierPks: list.map((p) => p.paillierN),
      publicKey,
    });
  } finally {
    polynomial.shares.fill(0n);
  }
}

/** Checks the result as a loader would. */
function finishedShare(fields: EcdsaShareFields): EcdsaShare {
  try {
    return rereadShare(fields);
  } catch (error) {
    if (!(error instanceof ContentError)) throw error;
    throw keygenError(4, `the finished share is inconsistent: ${error.message}`);
  }
}
