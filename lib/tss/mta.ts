/**
 * Multiplicative to additive: Alice holds `a`, Bob holds `b`, and they end with `α + β = a·b mod q`
 * (specification: tss-core section 12). Each proof is made towards the other side's parameters and
 * tagged with its maker's context bytes.
 *
 * @module
 */

import { mod } from "../arith/number.ts";
import { randomBelow, type RandomSource } from "../arith/random.ts";
import type { Arithmetic } from "../arith/types.ts";
import type { CurvePoint } from "../crypto/curve.ts";
import type { PaillierPrivate, PaillierPublic } from "./paillier.ts";
import { Q, Q5 } from "./proofs/bounds.ts";
import { type AliceProof, proveAlice } from "./proofs/mta_alice.ts";
import {
  type BobProof,
  type BobProofWc,
  proveBob,
  proveBobWc,
  verifyBob,
  verifyBobWc,
} from "./proofs/mta_bob.ts";
import type { Pedersen } from "./proofs/pedersen.ts";

/** Alice's first step: encrypts her secret under her own key, with a range proof for Bob. */
export function aliceStart(
  input: {
    /** Alice's context bytes. */
    readonly session: Uint8Array;
    readonly key: PaillierPrivate;
    /** Bob's parameters. */
    readonly peer: Pedersen;
    /** `a`, in `[0, q)`. */
    readonly secret: bigint;
  },
  arith: Arithmetic,
  random: RandomSource,
): { c: bigint; proof: AliceProof } {
  const { key, secret: m } = input;
  const r = key.public.randomness(random);
  const c = key.encrypt(m, r, arith);
  return { c, proof: proveAlice({ ...input, c, m, r }, arith, random) };
}

/** What Bob answers with. */
export interface BobInput {
  /** Bob's context bytes. */
  readonly session: Uint8Array;
  /** Alice's key. */
  readonly publicKey: PaillierPublic;
  /** Alice's parameters. */
  readonly peer: Pedersen;
  /** Alice's ciphertext, whose range proof was verified. */
  readonly c1: bigint;
  /** `b`, in `[0, q)`. */
  readonly secret: bigint;
}

function answer(
  { publicKey, c1, secret }: BobInput,
  arith: Arithmetic,
  random: RandomSource,
): { c2: bigint; beta: bigint; y: bigint; r: bigint } {
  if (!publicKey.isCiphertext(c1)) {
    throw new RangeError("Cannot answer: the ciphertext must be in [0, N²) and coprime to N");
  }
  const { n, n2, modulusN2 } = publicKey;
  const y = randomBelow(Q5, random);
  const r = publicKey.randomness(random);
  const [cx, rn] = arith.powBatch([
    { base: c1, exponent: secret, modulus: modulusN2 },
    { base: r, exponent: n, modulus: modulusN2 },
  ]) as [bigint, bigint];
  return { c2: cx * rn % n2 * ((1n + y * n) % n2) % n2, beta: mod(-y, Q), y, r };
}

/**
 * Bob's step without check. It does not verify Alice's range proof: do that first, once, with
 * `verifyAlice`.
 *
 * @returns `c2` and `proof` for Alice; `beta` is Bob's share `−y mod q`, secret.
 * @throws {RangeError} if `c1` is no ciphertext.
 */
export function bobMiddle(
  input: BobInput,
  arith: Arithmetic,
  random: RandomSource,
): { c2: bigint; beta: bigint; proof: BobProof } {
  const { c2, beta, y, r } = answer(input, arith, random);
  return { c2, beta, proof: proveBob({ ...input, c2, x: input.secret, y, r }, arith, random) };
}

/** Bob's step with check against `X = secret·G`; see {@link bobMiddle}. */
export function bobMiddleWc(
  input: BobInput & { readonly X: CurvePoint },
  arith: Arithmetic,
  random: RandomSource,
): { c2: bigint; beta: bigint; proof: BobProofWc } {
  const { c2, beta, y, r } = answer(input, arith, random);
  return { c2, beta, proof: proveBobWc({ ...input, c2, x: input.secret, y, r }, arith, random) };
}

/** What Alice ends with. */
export interface AliceEndInput {
  /** Bob's context bytes. */
  readonly session: Uint8Array;
  readonly key: PaillierPrivate;
  /** Alice's own parameters. */
  readonly own: Pedersen;
  /** What Alice sent to this Bob. */
  readonly c1: bigint;
  /** What Bob answered. */
  readonly c2: bigint;
}

/**
 * Alice's last step without check.
 *
 * @returns `α = Dec(c2) mod q`, secret, or null when the proof is refused (blame Bob).
 */
export function aliceEnd(
  input: AliceEndInput,
  proof: BobProof,
  arith: Arithmetic,
): bigint | null {
  const { key, c2 } = input;
  if (!verifyBob({ ...input, publicKey: key }, proof, arith)) return null;
  return key.decrypt(c2, arith) % Q;
}

/** Alice's last step with check against Bob's public `X`; see {@link aliceEnd}. */
export function aliceEndWc(
  input: AliceEndInput & { readonly X: CurvePoint },
  proof: BobProofWc,
  arith: Arithmetic,
): bigint | null {
  const { key, c2 } = input;
  if (!verifyBobWc({ ...input, publicKey: key }, proof, arith)) return null;
  return key.decrypt(c2, arith) % Q;
}
