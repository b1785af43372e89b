/**
 * Signing rounds 4 to 9 and the end: reveal Gamma, make R, check blinded signature shares against
 * each other before any is released (specification: ecdsa-signing 9 to 14; phase 5 of Gennaro and
 * Goldfeder, CCS 2018).
 *
 * @module
 */

import { secp256k1 as nobleSecp256k1 } from "@noble/curves/secp256k1.js";
import { mod, modInverse } from "../../arith/number.ts";
import { CurvePoint, encodeCompressed, secp256k1 } from "../../crypto/curve.ts";
import { concat, intToBytes } from "../../encoding/bytes.ts";
import { openCommitment } from "../commitment.ts";
import { verifySchnorr } from "../proofs/schnorr.ts";
import { verifyV } from "../proofs/vproof.ts";
import { unlessEquivocated, type Verdicts } from "../verdicts.ts";
import { pointsOrNull } from "./keygen_rounds.ts";
import {
  jointFailure,
  type SignersPublic,
  type SigningContext,
  signingError,
  type SigningPublic,
  signingVerdicts,
} from "./signing_context.ts";
import type {
  SignCommitment,
  SignRound4,
  SignRound6,
  SignRound8,
  SignRound9,
} from "./signing_messages.ts";

const { q, base: G } = secp256k1;

/** A signature in the form that goes out. */
export interface EcdsaSignature {
  /** 32 bytes, big-endian. */
  readonly r: Uint8Array<ArrayBuffer>;
  /** 32 bytes, big-endian, at most q / 2. */
  readonly s: Uint8Array<ArrayBuffer>;
  /** 0 to 3: bit 0 is the parity of R.y (for this s), bit 1 says that R.x is above q. */
  readonly recoveryId: number;
}

/**
 * Round 5, opening half: opens everybody's Gamma and checks the proof of knowing gamma.
 *
 * @throws {ProtocolError} of round 5 naming everybody who failed.
 */
export function openGammas(
  ctx: SignersPublic,
  round1: ReadonlyMap<number, SignCommitment>,
  round4: ReadonlyMap<number, SignRound4>,
): Map<number, CurvePoint> {
  const verdicts = signingVerdicts(ctx, 5);
  const out = new Map<number, CurvePoint>();
  for (const j of ctx.others) {
    const { deCommitment, zkProof } = round4.get(j)!;
    const words = { closed: "commitment verify failed", off: "bigGamma is not a point" };
    const points = openPoints(verdicts, j, round1.get(j)!, deCommitment, 1, words);
    if (points === null) continue;
    const [bigGamma] = points as [CurvePoint];
    if (!verifySchnorr({ session: ctx.contexts[j]!, point: bigGamma }, zkProof)) {
      verdicts.blame(j, "bigGamma proof verify failed");
      continue;
    }
    out.set(j, bigGamma);
  }
  verdicts.settle();
  return out;
}

/**
 * Round 4: the sum of all shares of theta, in [1, q).
 *
 * @throws {ProtocolError} of round 4 if it is zero, naming the other one of two signers.
 */
export function jointTheta(ctx: SignersPublic, thetas: Iterable<bigint>): bigint {
  let sum = 0n;
  for (const theta of thetas) sum += theta;
  const theta = mod(sum, q);
  if (theta === 0n) throw jointFailure(ctx, 4, "theta is zero");
  return theta;
}

/**
 * Round 5: `R = theta^-1 · (sum of all Gammas)`.
 *
 * @throws {ProtocolError} of round 5: naming j if adding its Gamma gave the identity; if R.x is 0
 * modulo q, naming the other one of two signers.
 */
export function jointNonce(
  ctx: SignersPublic,
  theta: bigint,
  ownGamma: CurvePoint,
  gammas: ReadonlyMap<number, CurvePoint>,
): CurvePoint {
  const verdicts = signingVerdicts(ctx, 5);
  let sum = ownGamma;
  for (const j of ctx.others) {
    sum = sum.add(gammas.get(j)!);
    if (sum.isIdentity) verdicts.blame(j, "the sum of Gammas is the identity");
    verdicts.settle();
  }
  const R = sum.multiplyPublic(modInverse(theta, q));
  if (R.x % q === 0n) throw jointFailure(ctx, 5, "r component is zero");
  return R;
}

/**
 * Round 5: the own share of the signature, `m·k + R.x·sigma mod q`. Secret until round 9.
 *
 * @throws {ProtocolError} of round 5 if it is zero.
 */
export function signatureShare(m: bigint, k: bigint, R: CurvePoint, sigma: bigint): bigint {
  const s = mod(m * k + R.x * sigma, q);
  if (s === 0n) throw signingError(5, "si is zero");
  return s;
}

/** The blinding points of one signer: `V = s·R + l·G` and `A = rho·G`. */
export interface Blinded {
  /** Hides the share of the signature. */
  readonly V: CurvePoint;
  /** Hides rho. */
  readonly A: CurvePoint;
}

/** Round 5: the own blinding points. */
export function blind(R: CurvePoint, s: bigint, l: bigint, rho: bigint): Blinded {
  const V = R.multiply(s).add(G.multiply(l));
  if (V.isIdentity) throw signingError(5, "Vi is the identity");
  return { V, A: G.multiply(rho) };
}

/**
 * Round 7, opening half: opens everybody's V and A and checks both proofs, with the own R.
 *
 * The V proof holds only for signers with the same R. If it fails for every other signer (two or
 * more) and nothing else does, the odd one out is this side: some signer told it another theta
 * than the rest. That cannot be pinned on anybody here, where the Go library blames the first.
 * If it fails for some of several, those are named as the protocol demands, but a third signer may
 * have told them another theta: the reason says so, only the signed messages of all can settle it.
 *
 * @throws {ProtocolError} of round 7 naming everybody who failed.
 */
export function openBlinded(
  ctx: SigningPublic,
  R: CurvePoint,
  round5: ReadonlyMap<number, SignCommitment>,
  round6: ReadonlyMap<number, SignRound6>,
): Map<number, Blinded> {
  const verdicts = signingVerdicts(ctx, 7);
  const out = new Map<number, Blinded>();
  const otherR = new Set<number>();
  for (const j of ctx.others) {
    const { deCommitment, zkProof, zkVProof } = round6.get(j)!;
    const session = ctx.contexts[j]!;
    const words = {
      closed: "de-commitment for bigVj and bigAj failed",
      off: "bigVj or bigAj is not a point",
    };
    const points = openPoints(verdicts, j, round5.get(j)!, deCommitment, 2, words);
    if (points === null) continue;
    const [V, A] = points as [CurvePoint, CurvePoint];
    if (!verifySchnorr({ session, point: A }, zkProof)) {
      verdicts.blame(j, "schnorr verify for Aj failed");
    } else if (!verifyV({ session, V, R }, zkVProof)) {
      verdicts.blame(j, unlessEquivocated(ctx.others, "vverify for Vj failed"));
      otherR.add(j);
    }
    out.set(j, { V, A });
  }
  if (otherR.size > 1 && otherR.size === ctx.others.length) {
    throw signingError(7, "vverify failed for every Vj: the signers do not hold the same theta");
  }
  verdicts.settle();
  return out;
}

/**
 * Round 7: `V = −m·G − R.x·publicKey + Σ V_j` and `A = Σ A_j`, own ones included. V is `Σ l_j·G`
 * exactly when the signature shares add up to a valid signature.
 */
export function sumBlinded(
  ctx: SigningPublic,
  R: CurvePoint,
  all: Iterable<Blinded>,
): Blinded {
  let V = G.multiplyPublic(-ctx.m).add(ctx.publicKey.multiplyPublic(-R.x));
  let A = secp256k1.identity;
  for (const one of all) {
    V = V.add(one.V);
    A = A.add(one.A);
  }
  return { V, A };
}

/** The test points of one signer: `U = rho·V` and `T = l·A`; all U and all T have the same sum. */
export interface TestPoints {
  /** `rho·V`. */
  readonly U: CurvePoint;
  /** `l·A`. */
  readonly T: CurvePoint;
}

/**
 * Round 7: the own test points.
 *
 * @throws {ProtocolError} of round 7 if one is the identity; nobody can be blamed.
 */
export function testPoints(sum: Blinded, l: bigint, rho: bigint): TestPoints {
  const points = { U: sum.V.multiply(rho), T: sum.A.multiply(l) };
  if (points.U.isIdentity || points.T.isIdentity) {
    throw signingError(7, "Ui or Ti is the identity");
  }
  return points;
}

/**
 * Round 9: opens everybody's test points and compares the sums. Only after this may a share of the
 * signature be released.
 *
 * @throws {ProtocolError} of round 9: naming everybody whose opening fails; when the sums differ,
 * naming the other one of two signers.
 */
export function checkTestPoints(
  ctx: SigningPublic,
  own: TestPoints,
  round7: ReadonlyMap<number, SignCommitment>,
  round8: ReadonlyMap<number, SignRound8>,
): void {
  const verdicts = signingVerdicts(ctx, 9);
  const words = { closed: "Uj/Tj decommit failed", off: "Uj or Tj is not a point" };
  let { U, T } = own;
  for (const j of ctx.others) {
    const { deCommitment } = round8.get(j)!;
    const points = openPoints(verdicts, j, round7.get(j)!, deCommitment, 2, words);
    if (points === null) continue;
    U = U.add(points[0]!);
    T = T.add(points[1]!);
  }
  verdicts.settle();
  if (!U.equals(T)) throw jointFailure(ctx, 9, "u != t: signature share inconsistency");
}

/**
 * The end: adds up the shares, takes the low form of s, and verifies with an independent
 * implementation before anything is returned.
 *
 * @throws {ProtocolError} of round 10 naming the other one of two signers, else nobody.
 */
export function finishSignature(
  ctx: SigningPublic,
  R: CurvePoint,
  ownShare: bigint,
  round9: ReadonlyMap<number, SignRound9>,
): EcdsaSignature {
  let sum = ownShare;
  for (const j of ctx.others) sum += round9.get(j)!.s;
  const s = mod(sum, q);
  if (s === 0n) throw jointFailure(ctx, 10, "s is zero");
  const signature = verifiedSignature(R, s, ctx);
  if (signature === null) throw jointFailure(ctx, 10, "signature verification failed");
  return signature;
}

/**
 * Takes the low form of `s` (in `[1, q)`) and verifies with an independent implementation; null if
 * it is no signature of the digest.
 */
export function verifiedSignature(
  R: CurvePoint,
  s: bigint,
  { digest, publicKey }: Pick<SigningContext, "digest" | "publicKey">,
): EcdsaSignature | null {
  const high = s > q / 2n;
  const recoveryId = ((R.x > q ? 2 : 0) | Number(R.y & 1n)) ^ Number(high);
  const signature = {
    r: intToBytes(R.x, 32),
    s: intToBytes(high ? q - s : s, 32),
    recoveryId,
  };
  const compact = concat(signature.r, signature.s);
  const key = encodeCompressed(publicKey);
  return nobleSecp256k1.verify(compact, digest, key, { prehash: false }) ? signature : null;
}

/** Opens a commitment to `count` points; a failure blames j and gives null. */
function openPoints(
  verdicts: Verdicts,
  j: number,
  { commitment }: SignCommitment,
  deCommitment: readonly bigint[],
  count: number,
  words: { readonly closed: string; readonly off: string },
): CurvePoint[] | null {
  const values = openCommitment(commitment, deCommitment);
  if (values === null || values.length !== 2 * count) {
    verdicts.blame(j, words.closed);
    return null;
  }
  const points = pointsOrNull(values);
  if (points === null) verdicts.blame(j, words.off);
  return points;
}
