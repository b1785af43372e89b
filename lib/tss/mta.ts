/**
 * Multiplicative to additive: Alice holds `a`, Bob holds `b`, and they end with `α + β = a·b mod q`
 * (specification: tss-core section 12). Each proof is made towards the other side's parameters and
 * tagged with its maker's context bytes.
 *
 * @module
 */

import { mod } from "../arith/number.ts";
import { randomBelow, type RandomSource } from "../arith/random.ts";
import type { Arithmetic, ProductJob } from "../arith/types.ts";
import type { CurvePoint } from "../crypto/curve.ts";
import type { PaillierPrivate, PaillierPublic } from "./paillier.ts";
import { Q, Q5 } from "./proofs/bounds.ts";
import { type AliceProof, proveAlice } from "./proofs/mta_alice.ts";
import {
  type BobOpening,
  type BobPreparation,
  type BobProof,
  type BobProofWc,
  openBob,
  openBobWc,
  verifyBob,
  verifyBobWc,
} from "./proofs/mta_bob.ts";
import type { Pedersen } from "./proofs/pedersen.ts";

/**
 * Alice's first step: encrypts her secret under her own key, with a range proof for Bob. The
 * encryption's randomness `r` is secret.
 */
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
): { c: bigint; proof: AliceProof; r: bigint } {
  const { key, secret: m } = input;
  const r = key.public.randomness(random);
  const c = key.encrypt(m, r, arith);
  return { c, proof: proveAlice({ ...input, c, m, r }, arith, random), r };
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

/** Bob's answer; `beta` is his share `−y mod q`, secret, the rest is for Alice. */
export interface BobAnswer<Proof> {
  readonly c2: bigint;
  readonly beta: bigint;
  readonly proof: Proof;
}

/** An answer between its two halves, so that two answers can share one batch. */
interface Begun<Opening> {
  readonly opening: Opening;
  readonly jobs: readonly ProductJob[];
  finish(products: readonly bigint[], arith: Arithmetic): BobAnswer<BobProof>;
}

function begin<Opening extends BobOpening>(
  input: BobInput,
  open: (preparation: BobPreparation) => Opening,
  random: RandomSource,
): Begun<Opening> {
  const { publicKey, c1, secret: x } = input;
  if (!publicKey.isCiphertext(c1)) {
    throw new RangeError("Cannot answer: the ciphertext must be in [0, N²) and coprime to N");
  }
  const { n, n2, modulusN2: modulus } = publicKey;
  const y = randomBelow(Q5, random);
  const r = publicKey.randomness(random);
  const opening = open({ ...input, x, y, r });
  const own = { modulus, terms: [{ base: c1, exponent: x }, { base: r, exponent: n }] };
  return {
    opening,
    jobs: [own, ...opening.jobs],
    finish([c1xrn, ...products], arith) {
      const c2 = c1xrn! * ((1n + y * n) % n2) % n2;
      return { c2, beta: mod(-y, Q), proof: opening.complete(products, c2, arith) };
    },
  };
}

function beginPlain(input: BobInput, random: RandomSource) {
  return begin(input, (preparation) => openBob(preparation, random), random);
}

function beginChecked(input: BobInput & { readonly X: CurvePoint }, random: RandomSource) {
  const { X } = input;
  return begin(input, (preparation) => openBobWc({ ...preparation, X }, random), random);
}

/**
 * Bob's step without check. It does not verify Alice's range proof: do that first, once, with
 * `verifyAlice`.
 *
 * @throws {RangeError} if `c1` is no ciphertext.
 */
export function bobMiddle(
  input: BobInput,
  arith: Arithmetic,
  random: RandomSource,
): BobAnswer<BobProof> {
  const { jobs, finish } = beginPlain(input, random);
  return finish(arith.productBatch(jobs), arith);
}

/** Bob's step with check against `X = secret·G`; see {@link bobMiddle}. */
export function bobMiddleWc(
  input: BobInput & { readonly X: CurvePoint },
  arith: Arithmetic,
  random: RandomSource,
): BobAnswer<BobProofWc> {
  const { jobs, finish, opening } = beginChecked(input, random);
  const answer = finish(arith.productBatch(jobs), arith);
  return { ...answer, proof: { ...answer.proof, u: opening.u } };
}

/**
 * Both of Bob's steps on one ciphertext, without check for `secret` and with check for
 * `checkedSecret`, in one batch: faster than one after the other.
 *
 * @throws {RangeError} if `c1` is no ciphertext.
 */
export function bobMiddlePair(
  input: BobInput & {
    /** The second multiplier, in `[0, q)`. */
    readonly checkedSecret: bigint;
    /** `checkedSecret·G`. */
    readonly X: CurvePoint;
  },
  arith: Arithmetic,
  random: RandomSource,
): { plain: BobAnswer<BobProof>; checked: BobAnswer<BobProofWc> } {
  const one = beginPlain(input, random);
  const two = beginChecked({ ...input, secret: input.checkedSecret }, random);
  const products = arith.productBatch([...one.jobs, ...two.jobs]);
  const plain = one.finish(products.slice(0, one.jobs.length), arith);
  const checked = two.finish(products.slice(one.jobs.length), arith);
  return { plain, checked: { ...checked, proof: { ...checked.proof, u: two.opening.u } } };
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
