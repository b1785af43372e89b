/**
 * Proof that `h2 = h1^x mod NTilde` for a known `x`, with 128 binary challenges (specification:
 * tss-core section 9). Two of them, one in each direction, show that both numbers generate the same
 * group.
 *
 * @module
 */

import { mod } from "../../arith/number.ts";
import { randomBelow, type RandomSource } from "../../arith/random.ts";
import type { Arithmetic, Modulus, PowJob } from "../../arith/types.ts";
import { hashIntsTagged } from "../../crypto/framed_hash.ts";
import type { Json, JsonInput } from "../../encoding/json.ts";
import { intList, object } from "../fields.ts";
import { isProofModulus, MODULUS_BITS } from "./bounds.ts";

const ITERATIONS = 128;

/** The proof: 128 first moves and responses. */
export interface DlnProof {
  /** `h1^a_i mod NTilde`, each in `[2, NTilde)`. */
  readonly alpha: readonly bigint[];
  /** `a_i + c_i·x mod p'q'`, each in `[2, NTilde)`. */
  readonly t: readonly bigint[];
}

/** What is proven, and for whom. */
export interface DlnStatement {
  /** The prover's context bytes. */
  readonly session: Uint8Array;
  /** `NTilde`; the prover passes its own with the factors. */
  readonly nTilde: Modulus;
  /** The base. */
  readonly h1: bigint;
  /** The power. */
  readonly h2: bigint;
}

/** The secret: `h2 = h1^x`, and the primes of the group order `p·q`. */
export interface DlnSecret {
  /** The discrete logarithm. */
  readonly x: bigint;
  /** Half of the first prime of `NTilde` less one: `NTilde = (2p + 1)(2q + 1)`. */
  readonly p: bigint;
  /** Half of the second prime of `NTilde` less one. */
  readonly q: bigint;
}

/**
 * Reads a proof: two lists of exactly 128 numbers above 1 with at most 2048 bits. The reference
 * also takes negative ones and ones a little longer; an honest prover sends residues.
 *
 * @throws {ContentError} naming the field.
 */
export function parseDlnProof(json: Json | undefined, field: string): DlnProof {
  const o = object(json, field);
  const rules = { length: ITERATIONS, min: 2n, bits: MODULUS_BITS };
  return { alpha: intList(o, "Alpha", rules), t: intList(o, "T", rules) };
}

/** Writes a proof. */
export function dlnProofToJson(proof: DlnProof): JsonInput {
  return { Alpha: [...proof.alpha], T: [...proof.t] };
}

/** Returns the 128 challenge bits, least significant first. */
function challengeBits(statement: DlnStatement, alpha: readonly bigint[]): boolean[] {
  const { session, nTilde, h1, h2 } = statement;
  const c = hashIntsTagged(session, [h1, h2, nTilde.n, ...alpha]);
  return Array.from({ length: ITERATIONS }, (_, i) => (c >> BigInt(i) & 1n) === 1n);
}

function firstMoves(order: bigint, random: RandomSource): bigint[] {
  return Array.from({ length: ITERATIONS }, () => randomBelow(order, random));
}

function powers(base: bigint, exponents: readonly bigint[], modulus: Modulus): PowJob[] {
  return exponents.map((exponent) => ({ base, exponent, modulus }));
}

function respond(
  statement: DlnStatement,
  secret: { readonly x: bigint; readonly order: bigint },
  a: readonly bigint[],
  alpha: readonly bigint[],
): DlnProof {
  const bits = challengeBits(statement, alpha);
  return { alpha, t: a.map((ai, i) => mod(bits[i]! ? ai + secret.x : ai, secret.order)) };
}

/** Makes a proof. */
export function proveDln(
  input: DlnStatement & DlnSecret,
  arith: Arithmetic,
  random: RandomSource,
): DlnProof {
  const order = input.p * input.q;
  const a = firstMoves(order, random);
  const alpha = arith.powBatch(powers(input.h1, a, input.nTilde));
  return respond(input, { x: input.x, order }, a, alpha);
}

/**
 * Makes both proofs of a party in one batch: the first that `h2 = h1^alpha`, the second that
 * `h1 = h2^beta`.
 */
export function proveDlnPair(
  input: DlnStatement & {
    readonly alpha: bigint;
    readonly beta: bigint;
    readonly p: bigint;
    readonly q: bigint;
  },
  arith: Arithmetic,
  random: RandomSource,
): { proof1: DlnProof; proof2: DlnProof } {
  const { h1, h2, nTilde } = input;
  const order = input.p * input.q;
  const a1 = firstMoves(order, random);
  const a2 = firstMoves(order, random);
  const alpha = arith.powBatch([...powers(h1, a1, nTilde), ...powers(h2, a2, nTilde)]);
  return {
    proof1: respond(input, { x: input.alpha, order }, a1, alpha.slice(0, ITERATIONS)),
    proof2: respond(
      { ...input, h1: h2, h2: h1 },
      { x: input.beta, order },
      a2,
      alpha.slice(ITERATIONS),
    ),
  };
}

/** Everything that is checked before the exponentiations. */
function isWellFormed({ nTilde, h1, h2 }: DlnStatement, proof: DlnProof): boolean {
  if (!isProofModulus(nTilde)) return false;
  const { n } = nTilde;
  const base = mod(h1, n);
  const power = mod(h2, n);
  if (base <= 1n || power <= 1n || base === power) return false;
  if (proof.alpha.length !== ITERATIONS || proof.t.length !== ITERATIONS) return false;
  return [...proof.t, ...proof.alpha].every((v) => v > 1n && v < n);
}

/** Whether `h1^t_i = alpha_i·h2^c_i` everywhere, given the left sides. */
function holds(statement: DlnStatement, proof: DlnProof, left: readonly bigint[]): boolean {
  const { nTilde: { n }, h2 } = statement;
  const bits = challengeBits(statement, proof.alpha);
  return proof.alpha.every((alpha, i) => left[i] === (bits[i]! ? mod(alpha * h2, n) : alpha));
}

/**
 * Verifies one proof: the modulus is odd with at least 2048 bits, `h1` and `h2` are neither 0 nor 1
 * nor equal modulo it, all responses and first moves are in `[2, NTilde)`, all 128 equations hold.
 */
export function verifyDln(statement: DlnStatement, proof: DlnProof, arith: Arithmetic): boolean {
  if (!isWellFormed(statement, proof)) return false;
  return holds(
    statement,
    proof,
    arith.powBatch(powers(statement.h1, proof.t, statement.nTilde)),
  );
}

/**
 * Verifies both proofs of a party in one batch: `proof1` for `(h1, h2)`, `proof2` for `(h2, h1)`.
 */
export function verifyDlnPair(
  statement: DlnStatement,
  proof1: DlnProof,
  proof2: DlnProof,
  arith: Arithmetic,
): { proof1: boolean; proof2: boolean } {
  const { h1, h2, nTilde } = statement;
  const reversed = { ...statement, h1: h2, h2: h1 };
  const good1 = isWellFormed(statement, proof1);
  const good2 = isWellFormed(reversed, proof2);
  const left1 = good1 ? powers(h1, proof1.t, nTilde) : [];
  const left2 = good2 ? powers(h2, proof2.t, nTilde) : [];
  const left = arith.powBatch([...left1, ...left2]);
  return {
    proof1: good1 && holds(statement, proof1, left.slice(0, left1.length)),
    proof2: good2 && holds(reversed, proof2, left.slice(left1.length)),
  };
}
