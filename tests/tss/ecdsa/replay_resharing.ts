/**
 * Puts this implementation in the place of one new party of a recorded resharing, and checks
 * everything that party heard.
 *
 * @module
 */

import { defaultArithmetic } from "../../../lib/arith/mod.ts";
import { systemRandom } from "../../../lib/arith/random.ts";
import { secp256k1 } from "../../../lib/crypto/curve.ts";
import type { MessageSpec } from "../../../lib/tss/channel.ts";
import {
  RESHARING_TASK,
  type ResharingContext,
  resharingContext,
} from "../../../lib/tss/ecdsa/resharing_context.ts";
import * as m from "../../../lib/tss/ecdsa/resharing_messages.ts";
import {
  type Agreed,
  checkAgreement,
  checkFactors,
  checkNewParameters,
  type NewKey,
  receiveShares,
} from "../../../lib/tss/ecdsa/resharing_rounds.ts";
import { peerKeys } from "../../../lib/tss/ecdsa/parameters.ts";
import { type EcdsaShare, keyIdOf } from "../../../lib/tss/ecdsa/share.ts";
import { heard, said, type Transcript } from "../replay.ts";
import { rush } from "./replay_keygen.ts";

/** The context of a recorded party; `known` is a share of the old key, if it has one. */
export function recordedContext(
  t: Transcript,
  roles: { readonly oldIndex: number | null; readonly newIndex: number | null },
  share: EcdsaShare,
  known: EcdsaShare | null,
): { ctx: ResharingContext; w: bigint } {
  return resharingContext({
    oldKeys: t.oldParties.map((p) => p.key),
    newKeys: t.newParties.map((p) => p.key),
    ...roles,
    oldThreshold: t.oldThreshold,
    newThreshold: t.newThreshold,
    ceremonyId: t.ceremonyId,
    share: known,
    preParams: share.preParams,
    expectedKeyId: keyIdOf(share.publicKey),
    arith: defaultArithmetic(),
    random: systemRandom,
  });
}

/**
 * Runs the checks of new party `self`, unless told otherwise also those of the others' parameters;
 * throws what the first failing one throws.
 */
export async function replayResharing(
  t: Transcript,
  self: number,
  share: EcdsaShare,
  known: EcdsaShare | null,
  parameters = true,
): Promise<Agreed & NewKey> {
  const { ctx } = recordedContext(t, { oldIndex: null, newIndex: self }, share, known);
  const hear = <T>(spec: MessageSpec<T>) => heard(t, spec, self, "new", RESHARING_TASK);
  const round1 = hear(m.DGRound1Message);
  const agreed = checkAgreement(ctx, round1);
  const round2 = hear(m.DGRound2Message1);
  round2.set(self, said(t, m.DGRound2Message1, self));
  const peers = parameters
    ? await checkNewParameters(ctx, agreed.ssid, round2, rush)
    : t.newParties.map((_, j) => peerKeys(round2.get(j)!));
  const shares = hear(m.DGRound3Message1);
  const openings = hear(m.DGRound3Message2);
  const key = receiveShares(ctx, agreed.publicKey, round1, shares, openings);
  await checkFactors(ctx, agreed.ssid, peers, hear(m.DGRound4Message1), rush);
  hear(m.DGRound4Message2);
  return { ...agreed, ...key };
}

/** The points a recorded old party committed to, from its recorded polynomial. */
export function imagesOf(poly: readonly bigint[]): { x: bigint; y: bigint }[] {
  return poly.map((a) => secp256k1.base.multiply(a)).map(({ x, y }) => ({ x, y }));
}
