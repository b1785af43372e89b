/**
 * What signing in nine rounds and presigning begin with: rounds 1 and 2, and the shares of the two
 * products that come of them (specification: ecdsa-signing, rounds 1 to 3).
 *
 * @module
 */

import { randomBelow } from "../../arith/random.ts";
import { type CurvePoint, flattenPoints, secp256k1 } from "../../crypto/curve.ts";
import type { Channel } from "../channel.ts";
import { commit, type Commitment } from "../commitment.ts";
import { type MessageType, say } from "../message_type.ts";
import type { SignersContext } from "./signing_context.ts";
import type { SignCommitment, SignRound1Mta, SignRound2Mta } from "./signing_messages.ts";
import {
  checkEncryptions,
  decryptProducts,
  encryptFor,
  multiplyInto,
  productShare,
} from "./signing_products.ts";

/** What gives the key away together with the signature; {@link forget} it as soon as it was used. */
export interface SigningSecrets {
  /** The own share of the key among these signers. */
  w: bigint;
  /** The own share of the inverted nonce. */
  k: bigint;
  /** What hides it. */
  gamma: bigint;
  /** The own share of k·x; 0 before {@link shareProducts}. */
  sigma: bigint;
}

/** The types that the messages of rounds 1 and 2 are sent as. */
export interface StartMessages {
  readonly encryption: MessageType<SignRound1Mta>;
  readonly commitment: MessageType<SignCommitment>;
  readonly product: MessageType<SignRound2Mta>;
}

/** Where a signer stands before it tells its share of theta. */
export interface Started {
  /** `gamma·G`, and the commitment to it. */
  readonly bigGamma: CurvePoint;
  readonly gammaCommitment: Commitment;
  /** The others' commitments, by party. */
  readonly gammaCommitments: ReadonlyMap<number, SignCommitment>;
  /** The others' encryptions of their k, by party. */
  readonly round1: ReadonlyMap<number, SignRound1Mta>;
  /** The own encryptions of k, by receiver. */
  readonly sent: ReadonlyMap<number, bigint>;
  /** Their randomness. Secret. */
  readonly randomness: ReadonlyMap<number, bigint>;
  /** The own share of k·gamma, in [0, q). */
  readonly theta: bigint;
}

/** Draws k and gamma. */
export function signingSecrets(ctx: SignersContext, w: bigint): SigningSecrets {
  const { q } = secp256k1;
  return { w, k: randomBelow(q, ctx.random), gamma: randomBelow(q, ctx.random), sigma: 0n };
}

/** Overwrites what was drawn and made; the language keeps no promise about copies. */
export function forget(secret: SigningSecrets): void {
  secret.w =
    secret.k =
    secret.gamma =
    secret.sigma =
      0n;
}

/**
 * Rounds 1 and 2, and the checking half of round 3; sets `secret.sigma`.
 *
 * @throws {ProtocolError} naming who sent an encryption or a product that does not prove itself.
 */
export async function shareProducts(
  ctx: SignersContext,
  secret: SigningSecrets,
  channel: Channel,
  types: StartMessages,
): Promise<Started> {
  const { others } = ctx;
  const to = (j: number) => [{ committee: "single", to: [j] }] as const;
  const breathe = () => channel.breathe();

  // Round 1: commit to Gamma, send k encrypted.
  channel.progress("round 1: encrypting k");
  const bigGamma = secp256k1.base.multiply(secret.gamma);
  const gammaCommitment = commit(flattenPoints([bigGamma]), ctx.random);
  const sent = new Map<number, bigint>();
  const randomness = new Map<number, bigint>();
  for (const j of others) {
    const { message, r } = encryptFor(ctx, j, secret.k);
    sent.set(j, message.c);
    randomness.set(j, r);
    say(channel, types.encryption, message, to(j));
    await breathe();
  }
  const toAll = [{ committee: "single", to: others }] as const;
  say(channel, types.commitment, { commitment: gammaCommitment.C }, toAll);

  // Round 2: multiply everybody's k with the own gamma and w.
  channel.progress("round 1: waiting for encryptions");
  const round1 = await channel.collect(types.encryption, others);
  const gammaCommitments = await channel.collect(types.commitment, others);
  channel.progress("round 2: checking encryptions");
  await checkEncryptions(ctx, round1, breathe);
  channel.progress("round 2: multiplying");
  const kept: { beta: bigint; nu: bigint }[] = [];
  for (const j of others) {
    const { message, ...shares } = multiplyInto(ctx, j, round1.get(j)!.c, secret.gamma, secret.w);
    kept.push(shares);
    say(channel, types.product, message, to(j));
    await breathe();
  }

  // Round 3: shares of theta = k·gamma and sigma = k·x.
  channel.progress("round 2: waiting for products");
  const round2 = await channel.collect(types.product, others);
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
  return { bigGamma, gammaCommitment, gammaCommitments, round1, sent, randomness, theta };
}
