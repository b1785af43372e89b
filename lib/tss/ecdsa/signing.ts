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
  checkEncryptions,
  decryptProducts,
  encryptFor,
  multiplyInto,
  productShare,
} from "./signing_products.ts";
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
  const { q, base: G } = secp256k1;
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
  const to = (j: number) => [{ committee: "single", to: [j] }] as const;
  const breathe = () => channel.breathe();
  // What gives the key away together with the signature; dropped as soon as it has been used.
  const secret = { w, k: randomBelow(q, random), gamma: randomBelow(q, random), sigma: 0n };
  try {
    // Round 1: commit to Gamma, send k encrypted.
    channel.progress("round 1: encrypting k");
    const bigGamma = G.multiply(secret.gamma);
    const gammaCommitment = commit(flattenPoints([bigGamma]), random);
    const sent = new Map<number, bigint>();
    for (const j of others) {
      const message = encryptFor(ctx, j, secret.k);
      sent.set(j, message.c);
      say(channel, SignRound1Message1, message, to(j));
      await breathe();
    }
    say(channel, SignRound1Message2, { commitment: gammaCommitment.C }, toAll);

    // Round 2: multiply everybody's k with the own gamma and w.
    channel.progress("round 1: waiting for encryptions");
    const round1 = await channel.collect(SignRound1Message1, others);
    const gammaCommitments = await channel.collect(SignRound1Message2, others);
    channel.progress("round 2: checking encryptions");
    await checkEncryptions(ctx, round1, breathe);
    channel.progress("round 2: multiplying");
    const kept: { beta: bigint; nu: bigint }[] = [];
    for (const j of others) {
      const { message, ...shares } = multiplyInto(ctx, j, round1.get(j)!.c, secret.gamma, secret.w);
      kept.push(shares);
      say(channel, SignRound2Message, message, to(j));
      await breathe();
    }

    // Round 3: shares of theta = k·gamma and sigma = k·x.
    channel.progress("round 2: waiting for products");
    const round2 = await channel.collect(SignRound2Message, others);
    channel.progress("round 3: checking products");
    const decrypted = [...(await decryptProducts(ctx, sent, round2, breathe)).values()];
    const theta = productShare(
      secret.k * secret.gamma,
      [...decrypted.map((d) => d.alpha), ...kept.map((p) => p.beta)],
    );
    secret.sigma = productShare(
      secret.k * secret.w,
      [...decrypted.map((d) => d.mu), ...kept.map((p) => p.nu)],
    );
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
    secret.w =
      secret.k =
      secret.gamma =
      secret.sigma =
        0n;
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
    secret.w =
      secret.k =
      secret.gamma =
      secret.sigma =
        0n;
  }
}
