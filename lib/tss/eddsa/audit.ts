/**
 * Checks the broadcasts of an Ed25519 run as a third party: everything that needs no secret.
 *
 * @module
 */

import { ed25519 as standard } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { CurvePoint, ed25519, encodeEd25519 } from "../../crypto/curve.ts";
import { partyContext } from "../../crypto/framed_hash.ts";
import { bytesToInt, concat, equalBytes, intToBytes } from "../../encoding/bytes.ts";
import type { Audited, Docket } from "../docket.ts";
import { ProtocolError } from "../errors.ts";
import { verifySchnorr } from "../proofs/schnorr.ts";
import { Verdicts } from "../verdicts.ts";
import { lagrangeAtZero } from "../vss.ts";
import { checkedInput, openPoints } from "./checks.ts";
import { KEYGEN_TASK } from "./keygen.ts";
import * as messages from "./messages.ts";
import { RESHARING_TASK } from "./resharing.ts";
import { additiveImages, keyIdOf } from "./share.ts";
import { SIGNING_TASK } from "./signing.ts";
import { keygenSsid, signingSsid } from "./ssid.ts";

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
export function auditKeygen(about: KeygenCase, docket: Docket): Audited<CurvePoint> {
  const { keys, threshold } = about;
  const ssid = keygenSsid(keys, threshold, about);
  const checked: string[] = [];
  const commitments = docket.take(messages.keygenRound1);
  const openings = docket.take(messages.keygenRound2Opening);
  if (commitments === null || openings === null) return { checked, result: null };
  const verdicts = new Verdicts(KEYGEN_TASK, 3);
  const constants: CurvePoint[] = [];
  for (const j of keys.keys()) {
    const { opening, proof } = openings.get(j)!;
    const points = openPoints(verdicts, j, commitments.get(j)!.commitment, opening, threshold + 1);
    if (points === null) continue;
    constants.push(points[0]!);
    if (!verifySchnorr({ session: partyContext(ssid, j), point: points[0]! }, proof)) {
      verdicts.blame(j, "schnorr proof verify failed");
    }
  }
  verdicts.settle();
  checked.push("openings of the commitments and their Schnorr proofs");
  const publicKey = CurvePoint.sum(constants);
  checked.push("the public key is the sum of what was committed to");
  return { checked, result: publicKey };
}

/** What a signing was about. */
export interface SigningCase extends KeygenCase {
  /** The message that was signed. */
  readonly message: Uint8Array;
  readonly publicKey: CurvePoint;
  /** Keys of all holders, ascending, and their public shares. */
  readonly ks: readonly bigint[];
  readonly bigXj: readonly CurvePoint[];
}

/**
 * The public key that the public shares of the holders `keys` give together; `null` if these are
 * not holders.
 */
export function keyOfShares(
  keys: readonly bigint[],
  ks: readonly bigint[],
  bigXj: readonly CurvePoint[],
): CurvePoint | null {
  const places = keys.map((key) => ks.indexOf(key));
  if (places.includes(-1)) return null;
  return CurvePoint.sum(
    places.map((place, j) => bigXj[place]!.multiplyPublic(lagrangeAtZero(ed25519, keys, j))),
  );
}

/**
 * Checks a signing; the result is the signature, 64 bytes.
 *
 * @throws {ProtocolError} naming who broke which rule.
 */
export function auditSigning(about: SigningCase, docket: Docket): Audited<Uint8Array> {
  const { keys, threshold, message, publicKey } = about;
  const ssid = signingSsid(keys, threshold, about);
  const checked: string[] = [];
  const W = checkedInput(SIGNING_TASK, () => additiveImages(about, keys));
  checked.push("the signers' public shares give the public key");
  const commitments = docket.take(messages.signingRound1);
  const openings = docket.take(messages.signingRound2);
  if (commitments === null || openings === null) return { checked, result: null };
  const verdicts3 = new Verdicts(SIGNING_TASK, 3);
  const nonces: CurvePoint[] = [];
  for (const j of keys.keys()) {
    const { opening, proof } = openings.get(j)!;
    const points = openPoints(verdicts3, j, commitments.get(j)!.commitment, opening, 1);
    if (points === null) continue;
    nonces[j] = points[0]!;
    if (!verifySchnorr({ session: partyContext(ssid, j), point: points[0]! }, proof)) {
      verdicts3.blame(j, "schnorr proof verify failed");
    }
  }
  verdicts3.settle();
  checked.push("openings of the nonce points and their Schnorr proofs");
  const partials = docket.take(messages.signingRound3);
  if (partials === null) return { checked, result: null };
  const r = encodeEd25519(CurvePoint.sum(nonces));
  const key = encodeEd25519(publicKey);
  const hash = Uint8Array.from(sha512(concat(r, key, message))).reverse();
  const challenge = bytesToInt(hash) % ed25519.q;
  const verdicts4 = new Verdicts(SIGNING_TASK, 4);
  let sum = 0n;
  for (const j of keys.keys()) {
    const { s } = partials.get(j)!;
    const expected = nonces[j]!.add(W[j]!.multiplyPublic(challenge));
    if (!ed25519.base.multiplyPublic(s).equals(expected)) {
      // Nobody but the recorder says what the public shares are.
      verdicts4.blame(j, "partial signature verify failed with the public shares as recorded");
    }
    sum = (sum + s) % ed25519.q;
  }
  verdicts4.settle();
  checked.push("every partial signature against its signer's public share");
  const signature = concat(r, intToBytes(sum, 32).reverse());
  if (!standard.verify(signature, message, key, { zip215: false })) {
    throw refused(SIGNING_TASK, 4, "signature verification failed");
  }
  checked.push("the parts add up to a signature that verifies");
  return { checked, result: signature };
}

/** What a resharing was about. */
export interface ResharingCase {
  /** Number of old parties that take part. */
  readonly oldParties: number;
  readonly newThreshold: number;
  /** 16 bytes. */
  readonly keyId: Uint8Array;
}

/**
 * Checks a resharing; the result is the public key.
 *
 * @throws {ProtocolError} naming who broke which rule, counting in the old committee.
 */
export function auditResharing(about: ResharingCase, docket: Docket): Audited<CurvePoint> {
  const { oldParties, newThreshold, keyId } = about;
  const checked: string[] = [];
  const offers = docket.take(messages.resharingRound1);
  if (offers === null) return { checked, result: null };
  const verdicts2 = new Verdicts(RESHARING_TASK, 2, "old");
  const all = Array.from({ length: oldParties }, (_, j) => j);
  for (const j of all) {
    if (!equalBytes(keyIdOf(offers.get(j)!.publicKey), keyId)) {
      verdicts2.blame(j, "eddsa pub key is not the expected one");
    }
  }
  verdicts2.settle();
  const { publicKey } = offers.get(0)!;
  checked.push("the old parties name the key that was asked for");
  const openings = docket.take(messages.resharingRound3Opening);
  if (openings === null) return { checked, result: null };
  const verdicts4 = new Verdicts(RESHARING_TASK, 4, "old");
  const constants: CurvePoint[] = [];
  for (const j of all) {
    const { commitment } = offers.get(j)!;
    const { opening } = openings.get(j)!;
    const points = openPoints(verdicts4, j, commitment, opening, newThreshold + 1);
    if (points !== null) constants.push(points[0]!);
  }
  verdicts4.settle();
  checked.push("openings of the old parties' commitments");
  if (!CurvePoint.sum(constants).equals(publicKey)) {
    throw refused(RESHARING_TASK, 4, "V_0 != EdDSA pub key");
  }
  checked.push("what was dealt adds up to the public key");
  return { checked, result: publicKey };
}

function refused(task: string, round: number, reason: string): ProtocolError {
  const committee = task === RESHARING_TASK ? "old" : "single";
  return new ProtocolError({ task, round, reason, culprits: [], committee });
}
