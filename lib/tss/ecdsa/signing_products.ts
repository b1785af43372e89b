/**
 * Signing rounds 1 to 3: pairwise multiplication to addition, until everybody holds additive
 * shares of `k·gamma` (theta) and of `k·x` (sigma) (specification: ecdsa-signing 6 to 8).
 *
 * @module
 */

import { mod } from "../../arith/number.ts";
import { secp256k1 } from "../../crypto/curve.ts";
import { partyKeyBytes } from "../party.ts";
import { aliceEnd, aliceEndWc, aliceStart, bobMiddlePair } from "../mta.ts";
import { verifyAlices } from "../proofs/mta_alice.ts";
import { checkReceivers, type SignersContext, signingVerdicts } from "./signing_context.ts";
import type { SignRound1Mta, SignRound2Mta } from "./signing_messages.ts";
import type { Breathe } from "./keygen_rounds.ts";

/**
 * Round 1: `k` under the own Paillier key, freshly encrypted for signer `j`, and its range proof;
 * beside the message the encryption's randomness `r`, which is secret.
 */
export function encryptFor(
  ctx: SignersContext,
  j: number,
  k: bigint,
): { readonly message: SignRound1Mta; readonly r: bigint } {
  const { c, proof, r } = aliceStart(
    {
      session: ctx.contexts[ctx.self]!,
      key: ctx.own.paillier,
      peer: ctx.peers[j]!.pedersen,
      secret: k,
    },
    ctx.arith,
    ctx.random,
  );
  return { message: { c, rangeProof: proof, receiverId: partyKeyBytes(ctx.keys[j]!) }, r };
}

/**
 * Round 2, checking half: receiver ids of all first, then everybody's ciphertext and range proof.
 *
 * @throws {ProtocolError} of round 2 naming everybody who failed.
 */
export async function checkEncryptions(
  ctx: SignersContext,
  round1: ReadonlyMap<number, SignRound1Mta>,
  breathe: Breathe,
): Promise<void> {
  checkReceivers(ctx, 2, round1);
  const verdicts = signingVerdicts(ctx, 2);
  // Two at a time: the longest exponentiation of each then shares its steps with the other's.
  for (let i = 0; i < ctx.others.length; i += 2) {
    const pair = ctx.others.slice(i, i + 2).map((j) => {
      const { c, rangeProof: proof } = round1.get(j)!;
      const publicKey = ctx.peers[j]!.paillier;
      return { j, session: ctx.contexts[j]!, publicKey, own: ctx.own.pedersen, c, proof };
    });
    const claims = pair.filter(({ publicKey, c }) => publicKey.isCiphertext(c));
    const good = verifyAlices(claims, ctx.arith);
    for (const claim of pair) {
      if (good[claims.indexOf(claim)] !== true) {
        verdicts.blame(claim.j, "RangeProofAlice.Verify() returned false");
      }
    }
    await breathe();
  }
  verdicts.settle();
}

/** The answer to one signer, and the shares of both products that stay here. Secret. */
export interface Products {
  /** What the other signer gets. */
  readonly message: SignRound2Mta;
  /** Own share of `k_j·gamma`. */
  readonly beta: bigint;
  /** Own share of `k_j·w`. */
  readonly nu: bigint;
}

/** Round 2, answering half: multiplies signer `j`'s encrypted k with gamma and with w. */
export function multiplyInto(
  ctx: SignersContext,
  j: number,
  c: bigint,
  gamma: bigint,
  w: bigint,
): Products {
  const { plain, checked } = bobMiddlePair(
    {
      session: ctx.contexts[ctx.self]!,
      publicKey: ctx.peers[j]!.paillier,
      peer: ctx.peers[j]!.pedersen,
      c1: c,
      secret: gamma,
      checkedSecret: w,
      X: ctx.bigW[ctx.self]!,
    },
    ctx.arith,
    ctx.random,
  );
  return {
    message: {
      c1: plain.c2,
      c2: checked.c2,
      proofBob: plain.proof,
      proofBobWc: checked.proof,
      receiverId: partyKeyBytes(ctx.keys[j]!),
    },
    beta: plain.beta,
    nu: checked.beta,
  };
}

/** The decrypted shares of the products with one signer. Secret. */
export interface Decrypted {
  /** Own share of `k·gamma_j`. */
  readonly alpha: bigint;
  /** Own share of `k·w_j`. */
  readonly mu: bigint;
}

/**
 * Round 3, checking half: receiver ids of all first, then both proofs of everybody against the
 * ciphertext `sent` to that signer, then decryption.
 *
 * @throws {ProtocolError} of round 3 naming everybody who failed.
 */
export async function decryptProducts(
  ctx: SignersContext,
  sent: ReadonlyMap<number, bigint>,
  round2: ReadonlyMap<number, SignRound2Mta>,
  breathe: Breathe,
): Promise<Map<number, Decrypted>> {
  checkReceivers(ctx, 3, round2);
  const verdicts = signingVerdicts(ctx, 3);
  const out = new Map<number, Decrypted>();
  for (const j of ctx.others) {
    const { c1, c2, proofBob, proofBobWc } = round2.get(j)!;
    const statement = {
      session: ctx.contexts[j]!,
      key: ctx.own.paillier,
      own: ctx.own.pedersen,
      c1: sent.get(j)!,
    };
    const isCiphertext = (c: bigint) => ctx.own.paillier.public.isCiphertext(c);
    const alpha = isCiphertext(c1) ? aliceEnd({ ...statement, c2: c1 }, proofBob, ctx.arith) : null;
    if (alpha === null) {
      verdicts.blame(j, "ProofBob.Verify() returned false");
      continue;
    }
    await breathe();
    const mu = isCiphertext(c2)
      ? aliceEndWc({ ...statement, c2, X: ctx.bigW[j]! }, proofBobWc, ctx.arith)
      : null;
    if (mu === null) {
      verdicts.blame(j, "ProofBobWC.Verify() returned false");
      continue;
    }
    out.set(j, { alpha, mu });
    await breathe();
  }
  verdicts.settle();
  return out;
}

/**
 * Adds up one own product and the shares of all mixed ones: theta from `k·gamma` with alphas and
 * betas, sigma from `k·w` with mus and nus; in [0, q).
 */
export function productShare(product: bigint, shares: Iterable<bigint>): bigint {
  let sum = product;
  for (const share of shares) sum += share;
  return mod(sum, secp256k1.q);
}
