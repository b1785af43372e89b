/**
 * Puts this implementation in the place of one signer of a recorded signing, and checks everything
 * that signer heard, with its recorded secrets.
 *
 * @module
 */

import { defaultArithmetic } from "../../../lib/arith/mod.ts";
import { systemRandom } from "../../../lib/arith/random.ts";
import { type CurvePoint, secp256k1 } from "../../../lib/crypto/curve.ts";
import type { Json } from "../../../lib/encoding/json.ts";
import type { MessageSpec } from "../../../lib/tss/channel.ts";
import * as m from "../../../lib/tss/ecdsa/signing_messages.ts";
import { SIGNING_TASK, signingContext } from "../../../lib/tss/ecdsa/signing_context.ts";
import {
  checkEncryptions,
  decryptProducts,
  productShare,
} from "../../../lib/tss/ecdsa/signing_products.ts";
import {
  blind,
  type Blinded,
  checkTestPoints,
  type EcdsaSignature,
  finishSignature,
  jointNonce,
  jointTheta,
  openBlinded,
  openGammas,
  signatureShare,
  sumBlinded,
  type TestPoints,
  testPoints,
} from "../../../lib/tss/ecdsa/signing_reveal.ts";
import type { EcdsaShare } from "../../../lib/tss/ecdsa/share.ts";
import { at, heard, said, type Transcript } from "../replay.ts";
import { rush } from "./replay_keygen.ts";

/** What a replayed signing arrives at. */
export interface ReplayedSigning {
  readonly ssid: Uint8Array;
  readonly w: bigint;
  readonly theta: bigint;
  readonly sigma: bigint;
  readonly R: CurvePoint;
  readonly s: bigint;
  readonly blinded: Blinded;
  readonly points: TestPoints;
  readonly signature: EcdsaSignature;
}

/** Runs all checks of signer `self`; throws what the first failing one throws. */
export async function replaySigning(
  t: Transcript,
  self: number,
  share: EcdsaShare,
): Promise<ReplayedSigning> {
  const { ctx, w } = signingContext({
    keys: t.parties.map((p) => p.key),
    self,
    threshold: t.threshold,
    ceremonyId: t.ceremonyId,
    share,
    digest: t.signed,
    arith: defaultArithmetic(),
    random: systemRandom,
  });
  const own = (name: string) => at(t.secrets, "internal", self, name) as bigint;
  const list = (name: string) => {
    const all = at(t.secrets, "internal", self, name) as Json[];
    return ctx.others.map((j) => all[j] as bigint);
  };
  const hear = <T>(spec: MessageSpec<T>) => heard(t, spec, self, "single", SIGNING_TASK);
  const [k, gamma] = [own("k"), own("gamma")];

  await checkEncryptions(ctx, hear(m.SignRound1Message1), rush);
  const sent = new Map(ctx.others.map((j) => [j, said(t, m.SignRound1Message1, self, j).c]));
  const decrypted = await decryptProducts(ctx, sent, hear(m.SignRound2Message), rush);
  const parts = [...decrypted.values()];
  const theta = productShare(k * gamma, [...parts.map((d) => d.alpha), ...list("beta")]);
  const sigma = productShare(k * w, [...parts.map((d) => d.mu), ...list("nu")]);

  const thetas = [theta, ...[...hear(m.SignRound3Message).values()].map((x) => x.theta)];
  const gammas = openGammas(ctx, hear(m.SignRound1Message2), hear(m.SignRound4Message));
  const R = jointNonce(ctx, jointTheta(ctx, thetas), secp256k1.base.multiply(gamma), gammas);
  const s = signatureShare(ctx.m, k, R, sigma);
  const blinded = blind(R, s, own("l"), own("rho"));
  const theirs = openBlinded(ctx, R, hear(m.SignRound5Message), hear(m.SignRound6Message));
  const points = testPoints(
    sumBlinded(ctx, R, [blinded, ...theirs.values()]),
    own("l"),
    own("rho"),
  );
  checkTestPoints(ctx, points, hear(m.SignRound7Message), hear(m.SignRound8Message));
  const signature = finishSignature(ctx, R, s, hear(m.SignRound9Message));
  return { ssid: ctx.ssid, w, theta, sigma, R, s, blinded, points, signature };
}
