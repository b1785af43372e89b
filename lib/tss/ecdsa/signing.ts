/**
 * ECDSA signing in nine rounds (specification: ecdsa-signing; Gennaro and Goldfeder, CCS 2018).
 *
 * @module
 */

import { randomBelow } from "../../arith/random.ts";
import { flattenPoints, secp256k1 } from "../../crypto/curve.ts";
import { intToBytes } from "../../encoding/bytes.ts";
import type { Channel } from "../channel.ts";
import { commit } from "../commitment.ts";
import { hedgedRandom } from "../hedged_random.ts";
import { say } from "../message_type.ts";
import type { Party } from "../party.ts";
import { proveSchnorr } from "../proofs/schnorr.ts";
import { proveV } from "../proofs/vproof.ts";
import { SIGNING_TASK, signingContext, type SigningSetup } from "./signing_context.ts";
import {
  SignRound1Message1,
  SignRound1Message2,
  SignRound2Message,
  SignRound3Message,
  SignRound4Message,
  SignRound5Message,
  SignRound6Message,
  SignRound7Message,
  SignRound8Message,
  SignRound9Message,
} from "./signing_messages.ts";
import {
  blind,
  checkTestPoints,
  type EcdsaSignature,
  finishSignature,
  jointNonce,
  jointTheta,
  openBlinded,
  openGammas,
  signatureShare,
  sumBlinded,
  testPoints,
} from "./signing_reveal.ts";
import { forget, shareProducts, signingSecrets } from "./signing_start.ts";

export type { EcdsaSignature } from "./signing_reveal.ts";

/** What one party brings to a signing. */
export interface SigningInput extends Omit<SigningSetup, "keys"> {
  /** The signers, sorted by the keys they have in the share. */
  readonly parties: readonly Party[];
}

/**
 * Signs `digest` together with the other signers.
 *
 * Every signer waits for all commitments of rounds 5 and 7 before it opens its own: the Go library
 * does not, and lets a rushing signer adapt its values to the others'.
 *
 * @throws {ProtocolError} with task `ecdsa-signing`, naming who broke which rule. A failed run must never
 * be continued or repeated under the same ceremony id.
 */
export async function sign(input: SigningInput, channel: Channel): Promise<EcdsaSignature> {
  const { q } = secp256k1;
  const xi = intToBytes(input.share.xi, 32);
  const random = hedgedRandom(input.random, SIGNING_TASK, [
    xi,
    input.ceremonyId,
    input.digest,
  ]);
  xi.fill(0);
  const { ctx, w } = signingContext({
    ...input,
    keys: input.parties.map((p) => p.key),
    random,
  });
  const { others, self } = ctx;
  const session = ctx.contexts[self]!;
  const toAll = [{ committee: "single", to: others }] as const;
  const secret = signingSecrets(ctx, w);
  try {
    // Rounds 1 and 2, and the shares of theta = k·gamma and sigma = k·x.
    const { bigGamma, gammaCommitment, gammaCommitments, theta } = await shareProducts(
      ctx,
      secret,
      channel,
      {
        encryption: SignRound1Message1,
        commitment: SignRound1Message2,
        product: SignRound2Message,
      },
    );

    // Round 3: tell theta.
    say(channel, SignRound3Message, { theta }, toAll);

    // Round 4: open Gamma.
    channel.progress("round 3: waiting for theta");
    const round3 = await channel.collect(SignRound3Message, others);
    const thetaSum = jointTheta(ctx, [theta, ...[...round3.values()].map((m) => m.theta)]);
    say(channel, SignRound4Message, {
      deCommitment: gammaCommitment.D,
      zkProof: proveSchnorr({ session, point: bigGamma, secret: secret.gamma }, random),
    }, toAll);

    // Round 5: R, and the own share of s behind blinding points.
    channel.progress("round 4: waiting for Gamma");
    const round4 = await channel.collect(SignRound4Message, others);
    channel.progress("round 5: making R");
    const gammas = openGammas(ctx, gammaCommitments, round4);
    const R = jointNonce(ctx, thetaSum, bigGamma, gammas);
    const s = signatureShare(ctx.m, secret.k, R, secret.sigma);
    forget(secret);
    const l = randomBelow(q, random);
    const rho = randomBelow(q, random);
    const blinded = blind(R, s, l, rho);
    const blindedCommitment = commit(flattenPoints([blinded.V, blinded.A]), random);
    say(channel, SignRound5Message, { commitment: blindedCommitment.C }, toAll);

    // Round 6: open them, only after everybody has committed.
    channel.progress("round 5: waiting for commitments");
    const round5 = await channel.collect(SignRound5Message, others);
    say(channel, SignRound6Message, {
      deCommitment: blindedCommitment.D,
      zkProof: proveSchnorr({ session, point: blinded.A, secret: rho }, random),
      zkVProof: proveV({ session, V: blinded.V, R, s, l }, random),
    }, toAll);

    // Round 7: test points that only fit together if the shares of s do.
    channel.progress("round 6: waiting for openings");
    const round6 = await channel.collect(SignRound6Message, others);
    channel.progress("round 7: checking openings");
    const theirs = openBlinded(ctx, R, round5, round6);
    const points = testPoints(sumBlinded(ctx, R, [blinded, ...theirs.values()]), l, rho);
    const pointsCommitment = commit(flattenPoints([points.U, points.T]), random);
    say(channel, SignRound7Message, { commitment: pointsCommitment.C }, toAll);

    // Round 8: open them, only after everybody has committed.
    channel.progress("round 7: waiting for commitments");
    const round7 = await channel.collect(SignRound7Message, others);
    say(channel, SignRound8Message, { deCommitment: pointsCommitment.D }, toAll);

    // Round 9: release the share of s only if the test passes.
    channel.progress("round 8: waiting for openings");
    const round8 = await channel.collect(SignRound8Message, others);
    checkTestPoints(ctx, points, round7, round8);
    say(channel, SignRound9Message, { s }, toAll);

    // The end.
    channel.progress("round 9: waiting for signature shares");
    const round9 = await channel.collect(SignRound9Message, others);
    return finishSignature(ctx, R, s, round9);
  } finally {
    forget(secret);
  }
}
