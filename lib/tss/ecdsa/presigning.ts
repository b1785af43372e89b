/**
 * Presigning: everything of an ECDSA signature that does not depend on the message.
 *
 * Rounds 1 to 4 are those of the signing in nine rounds, under a session of their own. Where that
 * goes on with a test that involves the message, this follows the one-round signing of Gennaro and
 * Goldfeder 2020 (eprint 2020/540, phases 3 to 6): everybody shows `k_i·R` and `sigma_i·R` with
 * proofs that they are the numbers used before. They add up to G and to the public key exactly if
 * theta was right and the presignature is sound; and each signer's share of a signature can be
 * checked against them by itself, so a wrong one names its sender.
 *
 * Round 7 is an echo: a presignature counts only where all signers have heard the same.
 *
 * @module
 */

import { randomBelow } from "../../arith/random.ts";
import { CurvePoint, flattenPoints, secp256k1 } from "../../crypto/curve.ts";
import { hashIntsTagged } from "../../crypto/framed_hash.ts";
import { equalBytes, intToBytes } from "../../encoding/bytes.ts";
import type { Channel } from "../channel.ts";
import { hedgedRandom } from "../hedged_random.ts";
import { say } from "../message_type.ts";
import type { Party } from "../party.ts";
import { provePoint, verifyPoint } from "../proofs/mta_point.ts";
import { proveSameScalar, secondBase, verifySameScalar } from "../proofs/same_scalar.ts";
import { proveSchnorr } from "../proofs/schnorr.ts";
import { proveV, verifyV } from "../proofs/vproof.ts";
import { unlessEquivocated } from "../verdicts.ts";
import type { Breathe } from "./keygen_rounds.ts";
import { Presignature } from "./presignature.ts";
import {
  PreRound1Message1,
  PreRound1Message2,
  PreRound2Message,
  type PreRound3,
  PreRound3Message,
  PreRound4Message,
  type PreRound5,
  PreRound5Message,
  type PreRound6,
  PreRound6Message,
  type PreRound7,
  PreRound7Message,
} from "./presigning_messages.ts";
import {
  jointFailure,
  type SignersContext,
  signersContext,
  type SignersSetup,
  signingVerdicts,
} from "./signing_context.ts";
import { jointNonce, jointTheta, openGammas } from "./signing_reveal.ts";
import { forget, shareProducts, signingSecrets } from "./signing_start.ts";
import { presigningSsid } from "./ssid.ts";

const { q, base: G } = secp256k1;

/** The protocol's name in errors. */
export const PRESIGNING_TASK = "ecdsa-presigning";

/** What one party brings to a presigning. The ceremony id is the presignature's id. */
export interface PresigningInput extends Omit<SignersSetup, "keys"> {
  /** The signers, sorted by the keys they have in the share. */
  readonly parties: readonly Party[];
  /** How often the key was reshared; all signers must agree. */
  readonly generation: number;
}

/**
 * Makes a presignature together with the other signers.
 *
 * @throws {ProtocolError} with task `ecdsa-presigning`, naming who broke which rule. A failed run
 * must never be continued or repeated under the same id; nothing of it may be kept.
 */
export async function presign(input: PresigningInput, channel: Channel): Promise<Presignature> {
  const { share, threshold, ceremonyId: presignatureId, generation } = input;
  const xi = intToBytes(share.xi, 32);
  const random = hedgedRandom(input.random, PRESIGNING_TASK, [xi, presignatureId]);
  xi.fill(0);
  const keys = input.parties.map((p) => p.key);
  const { ctx, w } = signersContext(
    { ...input, keys, random },
    PRESIGNING_TASK,
    (lists) => presigningSsid({ keys, lists, threshold, presignatureId, generation }),
  );
  const { others, self } = ctx;
  const session = ctx.contexts[self]!;
  const toAll = [{ committee: "single", to: others }] as const;
  const to = (j: number) => [{ committee: "single", to: [j] }] as const;
  const breathe = () => channel.breathe();
  const secret = signingSecrets(ctx, w);
  try {
    // Rounds 1 and 2, and the shares of theta = k·gamma and sigma = k·x.
    const { bigGamma, gammaCommitment, gammaCommitments, round1, sent, randomness, theta } =
      await shareProducts(ctx, secret, channel, {
        encryption: PreRound1Message1,
        commitment: PreRound1Message2,
        product: PreRound2Message,
      });

    // Round 3: tell theta, commit to sigma.
    const H = secondBase();
    const l = randomBelow(q, random);
    const T = G.multiply(secret.sigma).add(H.multiply(l));
    const knows = proveV({ session, V: T, R: H, s: l, l: secret.sigma }, random);
    say(channel, PreRound3Message, { theta, T, proof: knows }, toAll);

    // Round 4: open Gamma.
    channel.progress("round 3: waiting for theta");
    const round3 = await channel.collect(PreRound3Message, others);
    checkCommitments(ctx, round3);
    const thetaSum = jointTheta(ctx, [theta, ...[...round3.values()].map((m) => m.theta)]);
    say(channel, PreRound4Message, {
      deCommitment: gammaCommitment.D,
      zkProof: proveSchnorr({ session, point: bigGamma, secret: secret.gamma }, random),
    }, toAll);

    // Round 5: R, and the image of k under it.
    channel.progress("round 4: waiting for Gamma");
    const round4 = await channel.collect(PreRound4Message, others);
    channel.progress("round 5: making R");
    const R = jointNonce(ctx, thetaSum, bigGamma, openGammas(ctx, gammaCommitments, round4));
    const ownK = R.multiply(secret.k);
    for (const j of others) {
      const proof = provePoint(
        {
          session,
          key: ctx.own.paillier,
          peer: ctx.peers[j]!.pedersen,
          c: sent.get(j)!,
          m: secret.k,
          r: randomness.get(j)!,
          B: R,
          X: ownK,
        },
        ctx.arith,
        random,
      );
      say(channel, PreRound5Message, { K: ownK, proof }, to(j));
      await breathe();
    }

    // Round 6: the image of sigma, only if those of k say that R is what it should be.
    channel.progress("round 5: waiting for images of k");
    const round5 = await channel.collect(PreRound5Message, others);
    channel.progress("round 6: checking images of k");
    await checkImages(ctx, R, round1, round5, breathe);
    const bigK = inOrder(ctx, ownK, round5, (m) => m.K);
    if (!CurvePoint.sum(bigK).equals(G)) {
      throw jointFailure(ctx, 6, "the images of k do not add up to the base point");
    }
    const ownS = R.multiply(secret.sigma);
    if (ownS.isIdentity) throw jointFailure(ctx, 6, "the own share of sigma is zero");
    const same = proveSameScalar({ session, R, S: ownS, T, s: secret.sigma, l }, random);
    say(channel, PreRound6Message, { S: ownS, proof: same }, toAll);

    // Round 7: everybody tells what it heard.
    channel.progress("round 6: waiting for images of sigma");
    const round6 = await channel.collect(PreRound6Message, others);
    checkSigmas(ctx, R, round3, round6);
    const bigS = inOrder(ctx, ownS, round6, (m) => m.S);
    if (!CurvePoint.sum(bigS).equals(ctx.publicKey)) {
      throw jointFailure(ctx, 7, "the images of sigma do not add up to the public key");
    }
    const transcript = intToBytes(
      hashIntsTagged(ctx.ssid, flattenPoints([R, ctx.publicKey, ...bigK, ...bigS])),
      32,
    );
    say(channel, PreRound7Message, { transcript }, toAll);

    // The end.
    channel.progress("round 7: waiting for echoes");
    checkEchoes(ctx, transcript, await channel.collect(PreRound7Message, others));
    return new Presignature({
      id: presignatureId,
      generation,
      keys,
      self,
      publicKey: ctx.publicKey,
      R,
      k: secret.k,
      sigma: secret.sigma,
      bigK,
      bigS,
    });
  } finally {
    forget(secret);
  }
}

/** Lays what everybody told out in party order, the own value included. */
function inOrder<T>(
  ctx: SignersContext,
  own: CurvePoint,
  heard: ReadonlyMap<number, T>,
  of: (message: T) => CurvePoint,
): CurvePoint[] {
  return ctx.keys.map((_, j) => j === ctx.self ? own : of(heard.get(j)!));
}

/** Round 4, checking half: everybody knows what its commitment holds. */
function checkCommitments(ctx: SignersContext, round3: ReadonlyMap<number, PreRound3>): void {
  const verdicts = signingVerdicts(ctx, 4);
  for (const j of ctx.others) {
    const { T, proof } = round3.get(j)!;
    if (!verifyV({ session: ctx.contexts[j]!, V: T, R: secondBase() }, proof)) {
      verdicts.blame(j, "the commitment to sigma is not proven");
    }
  }
  verdicts.settle();
}

/**
 * Round 6, checking half: everybody's image is that of the k it encrypted for this signer. Like the
 * test of V in nine rounds this depends on R: if it fails for all of several others, this side is
 * the odd one out, and nobody can be named.
 */
async function checkImages(
  ctx: SignersContext,
  R: CurvePoint,
  round1: ReadonlyMap<number, { readonly c: bigint }>,
  round5: ReadonlyMap<number, PreRound5>,
  breathe: Breathe,
): Promise<void> {
  const verdicts = signingVerdicts(ctx, 6);
  let refused = 0;
  for (const j of ctx.others) {
    const { K, proof } = round5.get(j)!;
    const statement = {
      session: ctx.contexts[j]!,
      publicKey: ctx.peers[j]!.paillier,
      own: ctx.own.pedersen,
      c: round1.get(j)!.c,
      B: R,
      X: K,
    };
    if (!verifyPoint(statement, proof, ctx.arith)) {
      refused++;
      verdicts.blame(j, unlessEquivocated(ctx.others, "the image of k is not proven"));
    }
    await breathe();
  }
  if (refused > 1 && refused === ctx.others.length) {
    throw jointFailure(ctx, 6, "no image of k is proven: the signers do not hold the same theta");
  }
  verdicts.settle();
}

/** Round 7, checking half: everybody's image is that of the sigma it committed to. */
function checkSigmas(
  ctx: SignersContext,
  R: CurvePoint,
  round3: ReadonlyMap<number, PreRound3>,
  round6: ReadonlyMap<number, PreRound6>,
): void {
  const verdicts = signingVerdicts(ctx, 7);
  for (const j of ctx.others) {
    const { S, proof } = round6.get(j)!;
    if (!verifySameScalar({ session: ctx.contexts[j]!, R, S, T: round3.get(j)!.T }, proof)) {
      verdicts.blame(j, "the image of sigma is not proven");
    }
  }
  verdicts.settle();
}

/** The end, checking half: everybody heard what this signer heard. */
function checkEchoes(
  ctx: SignersContext,
  transcript: Uint8Array,
  round7: ReadonlyMap<number, PreRound7>,
): void {
  for (const j of ctx.others) {
    if (equalBytes(round7.get(j)!.transcript, transcript)) continue;
    throw jointFailure(ctx, 8, "the signers have not heard the same");
  }
}
