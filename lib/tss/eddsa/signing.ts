/**
 * Threshold signing with Ed25519 (specification: eddsa.md section 5). The result is an ordinary
 * Ed25519 signature (RFC 8032, no context, no prehash).
 *
 * Each session uses a fresh random nonce, hedged with the share, the session and the message, and
 * committed to before anybody else's is seen. Every partial signature is verified against its
 * sender's public share before it is added, so a wrong one names its sender; the Go library sees
 * only that the sum fails. This presumes that everybody heard the same in rounds 1 and 2: a party
 * that tells two others different nonce points makes each of them answer another challenge. Whoever
 * finds that several parts are wrong and none is right therefore blames nobody; beyond that the
 * wire, which has no echo, leaves no means to tell, and the reason says so: the signed messages of
 * all, laid side by side, show who did it.
 *
 * @module
 */

import { ed25519 as standard } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { randomBelow, type RandomSource } from "../../arith/random.ts";
import { CurvePoint, ed25519, encodeEd25519, flattenPoints } from "../../crypto/curve.ts";
import { partyContext } from "../../crypto/framed_hash.ts";
import { bytesToInt, concat, intToBytes } from "../../encoding/bytes.ts";
import type { Channel } from "../channel.ts";
import { commit } from "../commitment.ts";
import { ProtocolError } from "../errors.ts";
import { hedgedRandom } from "../hedged_random.ts";
import { say } from "../message_type.ts";
import type { Party } from "../party.ts";
import { proveSchnorr, verifySchnorr } from "../proofs/schnorr.ts";
import { unlessEquivocated, Verdicts } from "../verdicts.ts";
import { checkCommittee, checkedInput, openPoints, othersOf } from "./checks.ts";
import { signingRound1, signingRound2, signingRound3 } from "./messages.ts";
import { additiveImages, additiveShare, type EddsaShare } from "./share.ts";
import { type Session, signingSsid } from "./ssid.ts";

/** The protocol's name in errors. */
export const SIGNING_TASK = "eddsa-signing";

/** What a party brings to a signing. */
export interface SigningInput extends Session {
  /** The signers, ascending by key; keys as in the share. At least `threshold + 1`. */
  readonly parties: readonly Party[];
  /** Own index among the signers. */
  readonly self: number;
  /** The key's threshold. */
  readonly threshold: number;
  /** Own share, with the keys of all its holders. */
  readonly share: EddsaShare;
  /** The message, of any length; every byte counts, leading zeros included. */
  readonly message: Uint8Array;
  /** Source of the nonce. */
  readonly random: RandomSource;
}

/** An Ed25519 signature. */
export interface EddsaSignature {
  /** 64 bytes: `r ‖ s`. */
  readonly signature: Uint8Array<ArrayBuffer>;
  /** The encoded nonce point, 32 bytes. */
  readonly r: Uint8Array<ArrayBuffer>;
  /** The scalar, 32 bytes, little-endian. */
  readonly s: Uint8Array<ArrayBuffer>;
  /** The encoded public key under which the signature verifies, 32 bytes. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
}

/**
 * Runs one signer and returns the signature, verified.
 *
 * @throws {ProtocolError} if somebody breaks a rule: names round, reason and culprits; of round 1,
 * blaming nobody, if the input itself is wrong: share, signers and threshold do not fit.
 */
export async function sign(input: SigningInput, channel: Channel): Promise<EddsaSignature> {
  const { parties, self, threshold } = input;
  const message = input.message.slice(); // nobody may change it between challenge and check
  const keys = parties.map((party) => party.key);
  const { w, W } = checkedInput(SIGNING_TASK, () => {
    checkCommittee("these signers", parties, threshold, self);
    const W = additiveImages(input.share, keys);
    return { w: additiveShare(input.share, keys, self, W), W };
  });
  const others = othersOf(parties.length, self);
  const everybody = [{ committee: "single", to: others }] as const;
  const ssid = signingSsid(keys, threshold, input);
  const xi = intToBytes(input.share.xi, 32);
  const random = hedgedRandom(input.random, SIGNING_TASK, [xi, ssid, message]);
  xi.fill(0);

  // Round 1: choose a nonce and commit to its point.
  channel.progress("round 1: committing to a nonce");
  const nonce = randomBelow(ed25519.q, random);
  const noncePoint = ed25519.base.multiply(nonce);
  const { C, D } = commit(flattenPoints([noncePoint]), random);
  say(channel, signingRound1, { commitment: C }, everybody);
  const commitments = await channel.collect(signingRound1, others);

  // Round 2: everybody is committed; open and prove knowledge of the nonce.
  channel.progress("round 2: opening the nonce point");
  const proof = proveSchnorr(
    { session: partyContext(ssid, self), point: noncePoint, secret: nonce },
    random,
  );
  say(channel, signingRound2, { opening: D, proof }, everybody);
  const openings = await channel.collect(signingRound2, others);

  // Round 3: verify everybody's nonce point, then answer the challenge of their sum.
  const verdicts3 = new Verdicts(SIGNING_TASK, 3);
  const noncePoints = new Map([[self, noncePoint]]);
  for (const j of others) {
    channel.progress(`round 3: verifying the nonce point of party ${j}`);
    const { opening, proof } = openings.get(j)!;
    const opened = openPoints(verdicts3, j, commitments.get(j)!.commitment, opening, 1);
    await channel.breathe();
    if (opened === null) continue;
    const point = opened[0]!;
    if (!verifySchnorr({ session: partyContext(ssid, j), point }, proof)) {
      verdicts3.blame(j, "schnorr proof verify failed");
    }
    noncePoints.set(j, point);
  }
  verdicts3.settle();
  const R = CurvePoint.sum([...noncePoints.values()]);
  if (R.isIdentity) throw refused(3, "r is the identity point", others);
  const publicKey = Uint8Array.from(encodeEd25519(input.share.publicKey));
  const r = Uint8Array.from(encodeEd25519(R));
  const challenge = littleEndian(sha512(concat(r, publicKey, message))) % ed25519.q;
  const partial = (challenge * w + nonce) % ed25519.q;
  say(channel, signingRound3, { s: partial }, everybody);
  const partials = await channel.collect(signingRound3, others);

  // Round 4: verify everybody's part, add up, and trust only what verifies as a whole.
  const verdicts4 = new Verdicts(SIGNING_TASK, 4);
  let wrong = 0;
  let sum = partial;
  for (const j of others) {
    channel.progress(`round 4: verifying the partial signature of party ${j}`);
    const { s } = partials.get(j)!;
    const expected = noncePoints.get(j)!.add(W[j]!.multiplyPublic(challenge));
    if (!ed25519.base.multiplyPublic(s).equals(expected)) {
      verdicts4.blame(j, unlessEquivocated(others, "partial signature verify failed"));
      wrong++;
    }
    sum = (sum + s) % ed25519.q;
    await channel.breathe();
  }
  if (wrong > 1 && wrong === others.length) {
    throw refused(4, "every partial signature is wrong: not all answer the same challenge", others);
  }
  verdicts4.settle();
  if (sum === 0n) throw refused(4, "S is zero", others);
  const s = intToBytes(sum, 32).reverse();
  const signature = concat(r, s);
  if (!standard.verify(signature, message, publicKey, { zip215: false })) {
    throw refused(4, "signature verification failed", others);
  }
  return { signature, r, s, publicKey };
}

/** A failure over values that all made together: of two signers it is the other's, else nobody's. */
function refused(round: number, reason: string, others: readonly number[]): ProtocolError {
  const culprits = others.length === 1 ? others : [];
  return new ProtocolError({ task: SIGNING_TASK, round, reason, culprits });
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytesToInt(Uint8Array.from(bytes).reverse());
}
