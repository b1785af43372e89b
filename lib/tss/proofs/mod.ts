/**
 * Proof that `N` is a Paillier-Blum modulus: a product of two primes that are 3 mod 4, coprime to
 * `φ(N)` (specification: tss-core section 10; Canetti et al., CCS 2020, figure 16).
 *
 * The challenges have 256 bits only, as in the reference; the wire format leaves no choice.
 *
 * @module
 */

import { gcd, jacobi, mod, modInverse } from "../../arith/number.ts";
import { isProbablePrime } from "../../arith/primes.ts";
import { randomNonResidue, type RandomSource } from "../../arith/random.ts";
import type { Arithmetic, Modulus } from "../../arith/types.ts";
import { hashIntsTagged } from "../../crypto/framed_hash.ts";
import { bitLength } from "../../encoding/bytes.ts";
import type { Json, JsonInput } from "../../encoding/json.ts";
import { int, intList, object } from "../fields.ts";
import type { PaillierPrivate } from "../paillier.ts";
import { inRange, isProofModulus, MODULUS_BITS } from "./bounds.ts";

const ITERATIONS = 80;
/** `a` and `b` carry one mark above their 80 bits, so that their length is fixed. */
const FLAG_BITS = ITERATIONS + 1;
const MARK = 1n << BigInt(ITERATIONS);
const PRIME_ROUNDS = 30;

/** The proof. */
export interface ModProof {
  /** A number whose Jacobi symbol over `N` is -1. */
  readonly w: bigint;
  /** Fourth roots of the adjusted challenges, in `[1, N)`. */
  readonly x: readonly bigint[];
  /** Bit i: challenge i was negated. 81 bits. */
  readonly a: bigint;
  /** Bit i: challenge i was multiplied by `w`. 81 bits. */
  readonly b: bigint;
  /** `N`-th roots of the challenges, in `[1, N)`. */
  readonly z: readonly bigint[];
}

/**
 * Reads a proof: lists of exactly 80 positive numbers, flags of exactly 81 bits.
 *
 * @throws {ContentError} naming the field.
 */
export function parseModProof(json: Json | undefined, field: string): ModProof {
  const o = object(json, field);
  const residue = { min: 1n, bits: MODULUS_BITS };
  const flags = { min: MARK, bits: FLAG_BITS };
  return {
    w: int(o, "W", residue),
    x: intList(o, "X", { ...residue, length: ITERATIONS }),
    a: int(o, "A", flags),
    b: int(o, "B", flags),
    z: intList(o, "Z", { ...residue, length: ITERATIONS }),
  };
}

/** Writes a proof. */
export function modProofToJson(proof: ModProof): JsonInput {
  return { W: proof.w, X: [...proof.x], A: proof.a, B: proof.b, Z: [...proof.z] };
}

/** Returns the challenges; each hashes all before it. */
function challenges(session: Uint8Array, n: bigint, w: bigint): bigint[] {
  const ys: bigint[] = [];
  for (let i = 0; i < ITERATIONS; i++) ys.push(hashIntsTagged(session, [w, n, ...ys]) % n);
  return ys;
}

/** `(−1)^a · w^b · y mod n`. */
function adjust(y: bigint, negated: boolean, multiplied: boolean, w: bigint, n: bigint): bigint {
  const v = multiplied ? y * w % n : y;
  return negated ? mod(-v, n) : v;
}

/**
 * Makes the proof for the own modulus.
 *
 * @throws {RangeError} unless both primes are 3 mod 4.
 */
export function proveMod(
  input: { readonly session: Uint8Array; readonly key: PaillierPrivate },
  arith: Arithmetic,
  random: RandomSource,
): ModProof {
  const { session, key } = input;
  const { n, p, q, phi, modulus } = key;
  if (p % 4n !== 3n || q % 4n !== 3n) {
    throw new RangeError("Cannot prove the modulus: its primes must be 3 mod 4");
  }
  const w = randomNonResidue(n, random);
  const ys = challenges(session, n, w);
  // Jacobi symbols are multiplicative, and that of −1 is −1 for both primes.
  const wp = jacobi(w, p);
  const wq = jacobi(w, q);
  let a = MARK;
  let b = MARK;
  const squares = ys.map((y, i) => {
    const yp = jacobi(y, p);
    const yq = jacobi(y, q);
    // The symbols of y differ exactly when it needs w, whose symbols differ; then the sign decides.
    const multiplied = yp !== yq;
    const negated = (multiplied ? yp * wp : yp) === -1;
    if ((multiplied ? yq * wq : yq) !== (negated ? -1 : 1)) {
      throw new RangeError("Cannot prove the modulus: a challenge shares a factor with it");
    }
    if (negated) a |= 1n << BigInt(i);
    if (multiplied) b |= 1n << BigInt(i);
    return adjust(y, negated, multiplied, w, n);
  });
  const fourthRoot = ((phi + 4n) / 8n) ** 2n % phi;
  const nthRoot = modInverse(n, phi);
  const roots = arith.powBatch([
    ...squares.map((base) => ({ base, exponent: fourthRoot, modulus })),
    ...ys.map((base) => ({ base, exponent: nthRoot, modulus })),
  ]);
  return { w, x: roots.slice(0, ITERATIONS), a, b, z: roots.slice(ITERATIONS) };
}

/**
 * Verifies in the specification's order: size and oddness of the modulus (oddness early, Jacobi
 * symbols need it), `w`, ranges, flags, then that `N` is composite and all 160 equations hold.
 *
 * @param random Bases of the primality test, needed only when `N` looks prime.
 */
export function verifyMod(
  input: { readonly session: Uint8Array; readonly modulus: Modulus },
  proof: ModProof,
  arith: Arithmetic,
  random: RandomSource,
): boolean {
  const { session, modulus } = input;
  const { n } = modulus;
  const { w, x, a, b, z } = proof;
  if (x.length !== ITERATIONS || z.length !== ITERATIONS) return false;
  if (!isProofModulus(modulus)) return false;
  if (!inRange(w, 1n, n) || jacobi(w, n) !== -1 || gcd(w, n) !== 1n) return false;
  if (![...z, ...x].every((v) => inRange(v, 1n, n))) return false;
  if ([a, b].some((flags) => flags < 0n || bitLength(flags) !== FLAG_BITS)) return false;
  const ys = challenges(session, n, w);
  // 2^N = 2 is what a prime N would give (Fermat); it rides along in the batch and saves the slow
  // test for the moduli that need it.
  const [fermat, ...powers] = arith.powBatch(
    [2n, ...z].map((base) => ({ base, exponent: n, modulus })),
  );
  if (fermat === 2n && isProbablePrime(n, arith, random, PRIME_ROUNDS)) return false;
  return ys.every((y, i) => {
    if (powers[i] !== y) return false;
    const bit = 1n << BigInt(i);
    const square = x[i]! * x[i]! % n;
    return square * square % n === adjust(y, (a & bit) !== 0n, (b & bit) !== 0n, w, n);
  });
}
