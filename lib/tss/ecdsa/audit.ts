/**
 * Checks the broadcasts of an ECDSA run as a third party: everything that needs no secret.
 *
 * Shares, factor proofs and the products of signing go to one party each and stay out; what they
 * must fit to (commitments, public shares, the signature) is checked.
 *
 * @module
 */

import { type Arithmetic, defaultArithmetic } from "../../arith/mod.ts";
import { type RandomSource, systemRandom } from "../../arith/random.ts";
import { CurvePoint, secp256k1 } from "../../crypto/curve.ts";
import { partyContext } from "../../crypto/framed_hash.ts";
import { bytesToInt } from "../../encoding/bytes.ts";
import { openCommitment } from "../commitment.ts";
import type { Audited, Docket } from "../docket.ts";
import { verifyMod } from "../proofs/mod.ts";
import { Verdicts } from "../verdicts.ts";
import { additiveImages } from "./additive_share.ts";
import {
  checkPaillierProofs,
  checkParameters,
  jointKey,
  KEYGEN_TASK,
  type KeygenPublic,
  pointsOrNull,
} from "./keygen_rounds.ts";
import * as messages from "./messages.ts";
import { indices, resharingError, resharingVerdicts } from "./resharing_context.ts";
import { checkAgreement, checkNewParameters } from "./resharing_rounds.ts";
import { SIGNING_TASK, signingError, type SigningPublic } from "./signing_context.ts";
import {
  checkTestPoints,
  type EcdsaSignature,
  finishSignature,
  jointNonce,
  jointTheta,
  openBlinded,
  openGammas,
} from "./signing_reveal.ts";
import { keygenSsid, type PublicLists, signingSsid } from "./ssid.ts";

/** Nobody's index: the auditor sits in no committee. */
const NOBODY = -1;
const arith: Arithmetic = defaultArithmetic();
const random: RandomSource = systemRandom;
const breathe = () => Promise.resolve();

/** What a key generation was about. */
export interface KeygenCase {
  /** Party keys, ascending. */
  readonly keys: readonly bigint[];
  readonly threshold: number;
  /** 32 bytes. */
  readonly ceremonyId: Uint8Array;
}

/**
 * Checks a key generation; the result is the public key.
 *
 * @throws {ProtocolError} naming who broke which rule.
 */
export async function auditKeygen(about: KeygenCase, docket: Docket): Promise<Audited<CurvePoint>> {
  const { keys, threshold } = about;
  const ssid = keygenSsid(about);
  const ctx: KeygenPublic = {
    keys,
    self: NOBODY,
    others: indices(keys),
    threshold,
    ssid,
    contexts: keys.map((_, j) => partyContext(ssid, j)),
    arith,
    random,
  };
  const checked: string[] = [];
  const done = (result: CurvePoint | null) => ({ checked, result });
  const round1 = docket.take(messages.KGRound1Message);
  if (round1 === null) return done(null);
  const peers = await checkParameters(ctx, round1, breathe);
  checked.push("Paillier moduli, ring-Pedersen parameters and their proofs (DLN)");

  const openings = docket.take(messages.KGRound2Message2);
  if (openings === null) return done(null);
  const verdicts = new Verdicts(KEYGEN_TASK, 3);
  const commitments = new Map<number, CurvePoint[]>();
  for (const j of ctx.others) {
    const { deCommitment, modProof } = openings.get(j)!;
    const opened = openCommitment(round1.get(j)!.commitment, deCommitment);
    const points = opened === null ? null : pointsOrNull(opened);
    if (points === null || points.length !== threshold + 1) {
      verdicts.blame(j, "de-commitment verify failed");
      continue;
    }
    const modulus = peers[j]!.paillier.modulus;
    if (!verifyMod({ session: ctx.contexts[j]!, modulus }, modProof, arith, random)) {
      verdicts.blame(j, "modProof verify failed");
    }
    commitments.set(j, points);
  }
  verdicts.settle();
  checked.push("openings of the commitments, modulus proofs");

  const zero = Array.from({ length: threshold + 1 }, () => secp256k1.identity);
  const { publicKey } = jointKey(ctx, new Map([...commitments, [NOBODY, zero]]));
  checked.push("the public key is the sum of what was committed to");
  const round3 = docket.take(messages.KGRound3Message);
  if (round3 !== null) {
    await checkPaillierProofs(ctx, peers, publicKey, round3, breathe);
    checked.push("Paillier key proofs under that public key");
  }
  return done(publicKey);
}

/** What a signing was about. */
export interface SigningCase extends KeygenCase {
  /** 32 bytes. */
  readonly digest: Uint8Array;
  readonly publicKey: CurvePoint;
  /** The signers' part of the key's public lists. */
  readonly lists: PublicLists;
}

/**
 * Checks a signing; the result is the signature.
 *
 * @throws {ProtocolError} naming who broke which rule.
 */
export function auditSigning(about: SigningCase, docket: Docket): Audited<EcdsaSignature> {
  const { keys, publicKey, digest, lists } = about;
  const m = bytesToInt(digest);
  const ssid = signingSsid({ ...about, m });
  const ctx: SigningPublic = {
    task: SIGNING_TASK,
    others: indices(keys),
    contexts: keys.map((_, j) => partyContext(ssid, j)),
    m,
    publicKey,
    digest,
  };
  const checked: string[] = [];
  const done = (result: EcdsaSignature | null) => ({ checked, result });
  try {
    additiveImages(keys, lists.bigXj, publicKey);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw signingError(1, error.message);
  }
  checked.push("the signers' public shares give the public key");
  const round1 = docket.take(messages.SignRound1Message2);
  const round3 = docket.take(messages.SignRound3Message);
  if (round1 === null || round3 === null) return done(null);
  const theta = jointTheta(ctx, [...round3.values()].map((message) => message.theta));
  const round4 = docket.take(messages.SignRound4Message);
  if (round4 === null) return done(null);
  const gammas = openGammas(ctx, round1, round4);
  const R = jointNonce(ctx, theta, secp256k1.identity, gammas);
  checked.push("openings of Gamma and their Schnorr proofs");
  const round5 = docket.take(messages.SignRound5Message);
  const round6 = docket.take(messages.SignRound6Message);
  if (round5 === null || round6 === null) return done(null);
  openBlinded(ctx, R, round5, round6);
  checked.push("openings of V and A and their proofs");
  const round7 = docket.take(messages.SignRound7Message);
  const round8 = docket.take(messages.SignRound8Message);
  if (round7 === null || round8 === null) return done(null);
  checkTestPoints(ctx, { U: secp256k1.identity, T: secp256k1.identity }, round7, round8);
  checked.push("openings of U and T, and that their sums are equal");
  const round9 = docket.take(messages.SignRound9Message);
  if (round9 === null) return done(null);
  const signature = finishSignature(ctx, R, 0n, round9);
  checked.push("the parts add up to a signature that verifies");
  return done(signature);
}

/** What a resharing was about. */
export interface ResharingCase {
  /** Keys of the old parties that take part, ascending. */
  readonly oldKeys: readonly bigint[];
  /** Keys of all new parties, ascending. */
  readonly newKeys: readonly bigint[];
  readonly oldThreshold: number;
  readonly newThreshold: number;
  /** 16 bytes. */
  readonly keyId: Uint8Array;
}

/**
 * Checks a resharing; the result is the public key.
 *
 * @throws {ProtocolError} naming who broke which rule, counting in the committee that it names.
 */
export async function auditResharing(
  about: ResharingCase,
  docket: Docket,
): Promise<Audited<CurvePoint>> {
  const { oldKeys, newKeys, oldThreshold, newThreshold, keyId } = about;
  const checked: string[] = [];
  const done = (result: CurvePoint | null) => ({ checked, result });
  const round1 = docket.take(messages.DGRound1Message);
  if (round1 === null) return done(null);
  const agreed = checkAgreement(
    { oldKeys, oldThreshold, old: null, expectedKeyId: keyId },
    round1,
  );
  checked.push("the old parties name one session and the key that was asked for");
  const round2 = docket.take(messages.DGRound2Message1);
  if (round2 !== null) {
    await checkNewParameters(
      { newIndex: NOBODY, newKeys, arith, random },
      agreed.ssid,
      round2,
      breathe,
    );
    checked.push("the new parties' parameters and their proofs (modulus, DLN)");
  }
  const openings = docket.take(messages.DGRound3Message2);
  if (openings === null) return done(null);
  const verdicts = resharingVerdicts(4, "old");
  const constants: CurvePoint[] = [];
  for (const j of indices(oldKeys)) {
    const opened = openCommitment(round1.get(j)!.commitment, openings.get(j)!.deCommitment);
    const points = opened?.length === 2 * (newThreshold + 1) ? pointsOrNull(opened) : null;
    if (points === null) verdicts.blame(j, "v decommit failed");
    else constants.push(points[0]!);
  }
  verdicts.settle();
  checked.push("openings of the old parties' commitments");
  if (!CurvePoint.sum(constants).equals(agreed.publicKey)) {
    throw resharingError(4, "assertion failed: V_0 != y");
  }
  checked.push("what was dealt adds up to the public key");
  return done(agreed.publicKey);
}
