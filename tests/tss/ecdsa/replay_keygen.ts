/**
 * Puts this implementation in the place of one party of a recorded key generation, and
 * checks everything that party heard, with that party's recorded secrets.
 *
 * @module
 */

import { defaultArithmetic } from "../../../lib/arith/mod.ts";
import { mod } from "../../../lib/arith/number.ts";
import { systemRandom } from "../../../lib/arith/random.ts";
import { type CurvePoint, secp256k1 } from "../../../lib/crypto/curve.ts";
import {
  KGRound1Message,
  KGRound2Message1,
  KGRound2Message2,
  KGRound3Message,
} from "../../../lib/tss/ecdsa/messages.ts";
import {
  checkPaillierProofs,
  checkParameters,
  checkShares,
  jointKey,
  KEYGEN_TASK,
  keygenContext,
} from "../../../lib/tss/ecdsa/keygen_rounds.ts";
import { peerKeys } from "../../../lib/tss/ecdsa/parameters.ts";
import { type EcdsaShare, parseShare } from "../../../lib/tss/ecdsa/share.ts";
import { at, heard, said, type Transcript } from "../replay.ts";
import type { Json } from "../../../lib/encoding/json.ts";

/** Gives way to nobody. */
export const rush = () => Promise.resolve();

/** The recorded result shares (or, for a signing, inputs), parsed once per file. */
export function recordedShares(t: Transcript, name = "save_data"): EcdsaShare[] {
  return (at(t.secrets, name) as Json[]).map(parseShare);
}

/** What a replayed key generation arrives at. */
export interface ReplayedKeygen {
  readonly ssid: Uint8Array;
  readonly xi: bigint;
  readonly publicKey: CurvePoint;
  readonly bigXj: readonly CurvePoint[];
}

/**
 * Runs the checks of party `self`, those of round `from` and later ones; throws what the first
 * failing one throws.
 */
export async function replayKeygen(
  t: Transcript,
  self: number,
  share: EcdsaShare,
  from = 2,
): Promise<ReplayedKeygen> {
  const { q, base: G } = secp256k1;
  const keys = t.parties.map((p) => p.key);
  const ctx = keygenContext({
    keys,
    self,
    threshold: t.threshold,
    ceremonyId: t.ceremonyId,
    preParams: share.preParams,
    arith: defaultArithmetic(),
    random: systemRandom,
  });
  const hear = <T>(spec: Parameters<typeof heard<T>>[1]) =>
    heard(t, spec, self, "single", KEYGEN_TASK);
  const round1 = hear(KGRound1Message);
  round1.set(self, said(t, KGRound1Message, self));
  const peers = from > 2
    ? keys.map((_, j) => peerKeys(round1.get(j)!))
    : await checkParameters(ctx, round1, rush);
  const shares = hear(KGRound2Message1);
  const openings = hear(KGRound2Message2);
  if (from > 3) {
    await checkPaillierProofs(ctx, peers, share.publicKey, hear(KGRound3Message), rush);
  }
  const commitments = await checkShares(ctx, peers, round1, shares, openings, rush);
  const poly = at(t.secrets, "internal", self, "poly") as bigint[];
  commitments.set(self, poly.map((a) => G.multiply(a)));
  const key = jointKey(ctx, commitments);
  const own = poly.reduceRight((sum, a) => mod(sum * keys[self]! + a, q), 0n);
  const xi = mod(ctx.others.reduce((sum, j) => sum + shares.get(j)!.share, own), q);
  await checkPaillierProofs(ctx, peers, key.publicKey, hear(KGRound3Message), rush);
  return { ssid: ctx.ssid, xi, ...key };
}
