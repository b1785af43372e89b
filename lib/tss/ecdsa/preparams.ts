/**
 * Pre-parameters: what a party makes before its first key generation, because it takes four safe
 * primes (specification: tss-core sections 8 and 14.1).
 *
 * @module
 */

import { defaultArithmetic, factoredModulus } from "../../arith/mod.ts";
import { mod, modInverse } from "../../arith/number.ts";
import { type RandomSource, randomUnit } from "../../arith/random.ts";
import { generateSafePrime, type SafePrimeProgress } from "../../arith/safe_prime.ts";
import { bitLength } from "../../encoding/bytes.ts";
import type { Json, JsonInput } from "../../encoding/json.ts";
import { ContentError } from "../errors.ts";
import { int, object } from "../fields.ts";
import { PaillierPrivate, paillierPrivateToJson, parsePaillierPrivate } from "../paillier.ts";

/** Bits of both moduli. */
const MODULUS_BITS = 2048;
/** Bits of each safe prime. */
export const SAFE_PRIME_BITS = 1024;
/** Safe primes in a set: two of the Paillier key, two of the ring-Pedersen modulus. */
export const SAFE_PRIMES = 4;
/** The two primes of a Paillier key differ by a number of at least this many bits. */
const LEAST_DIFFERENCE_BITS = SAFE_PRIME_BITS - 3;
const REDACTED = "[redacted]";

/** A party's pre-parameters. Everything but `nTilde`, `h1`, `h2` and the Paillier `N` is secret. */
export interface PreParams {
  /** The Paillier key. */
  readonly paillier: PaillierPrivate;
  /** Ring-Pedersen modulus `(2p + 1)(2q + 1)`, 2048 bits. */
  readonly nTilde: bigint;
  /** A random square modulo `nTilde`. */
  readonly h1: bigint;
  /** `h1^alpha mod nTilde`. */
  readonly h2: bigint;
  /** A unit modulo `nTilde`. */
  readonly alpha: bigint;
  /** `alpha^-1 mod p q`: `h1 = h2^beta`. */
  readonly beta: bigint;
  /** The Germain prime of the first safe prime of `nTilde`. */
  readonly p: bigint;
  /** The Germain prime of the second. */
  readonly q: bigint;
}

/** Holds the secrets without showing them in JSON text or console output. */
class HeldPreParams implements PreParams {
  readonly #values: PreParams;
  constructor(values: PreParams) {
    this.#values = values;
  }
  get paillier(): PaillierPrivate {
    return this.#values.paillier;
  }
  get nTilde(): bigint {
    return this.#values.nTilde;
  }
  get h1(): bigint {
    return this.#values.h1;
  }
  get h2(): bigint {
    return this.#values.h2;
  }
  get alpha(): bigint {
    return this.#values.alpha;
  }
  get beta(): bigint {
    return this.#values.beta;
  }
  get p(): bigint {
    return this.#values.p;
  }
  get q(): bigint {
    return this.#values.q;
  }
  toJSON(): string {
    return REDACTED;
  }
  [Symbol.for("Deno.customInspect")](): string {
    return `PreParams ${REDACTED}`;
  }
}

/** What a search reports: safe primes found, of how many, and the current search's counters. */
export type PreParamsProgress = (done: number, total: number, detail: SafePrimeProgress) => void;

/**
 * Makes fresh pre-parameters. Takes about a second of one core; a worker's job.
 *
 * @param random Source of all secrets.
 * @param onProgress Called now and then, and after every prime.
 */
export function generatePreParams(random: RandomSource, onProgress?: PreParamsProgress): PreParams {
  const primes: bigint[] = [];
  let detail: SafePrimeProgress = { windows: 0, tested: 0 };
  onProgress?.(0, SAFE_PRIMES, detail);
  while (primes.length < SAFE_PRIMES) {
    const found = generateSafePrime(SAFE_PRIME_BITS, defaultArithmetic(), random, (d) => {
      detail = d;
      onProgress?.(primes.length, SAFE_PRIMES, d);
    });
    if (!fits(primes, found.p)) continue;
    primes.push(found.p);
    onProgress?.(primes.length, SAFE_PRIMES, detail);
  }
  return assemblePreParams(primes, random);
}

/** Whether a prime can join those found: none is used twice, Paillier's two are far apart. */
function fits(primes: readonly bigint[], candidate: bigint): boolean {
  if (primes.includes(candidate)) return false;
  return primes.length !== 1 || isFarApart(primes[0]!, candidate);
}

function isFarApart(p: bigint, q: bigint): boolean {
  return bitLength(p - q) >= LEAST_DIFFERENCE_BITS;
}

/**
 * Makes pre-parameters of four safe primes that were searched elsewhere, for example by two
 * workers. That they are safe primes is the caller's promise. The first two that are far enough
 * apart become the Paillier key.
 *
 * @throws {RangeError} unless they are four distinct numbers of 1024 bits, each 3 modulo 4 with the
 * top bits that make both products 2048 bits long, and some two are far enough apart: then search
 * one of them anew.
 */
export function assemblePreParams(
  safePrimes: readonly bigint[],
  random: RandomSource,
): PreParams {
  if (safePrimes.length !== SAFE_PRIMES || new Set(safePrimes).size !== SAFE_PRIMES) {
    throw new RangeError(`Cannot assemble pre-parameters: expected ${SAFE_PRIMES} distinct primes`);
  }
  for (const p of safePrimes) {
    // Both top bits of the Germain prime are set, so those of the safe prime are as well.
    if (p >> BigInt(SAFE_PRIME_BITS - 2) !== 3n || (p & 3n) !== 3n) {
      throw new RangeError("Cannot assemble pre-parameters: a number is no such safe prime");
    }
  }
  const [p1, p2, p3, p4] = arrange(safePrimes);
  const paillier = PaillierPrivate.fromPrimes(p1, p2);
  const modulus = factoredModulus(p3, p4);
  const nTilde = modulus.n;
  if (bitLength(paillier.n) !== MODULUS_BITS || bitLength(nTilde) !== MODULUS_BITS) {
    throw new RangeError("Cannot assemble pre-parameters: a modulus is too short");
  }
  const [p, q] = [p3 >> 1n, p4 >> 1n];
  for (;;) {
    const f = randomUnit(nTilde, random);
    const alpha = randomUnit(nTilde, random);
    const h1 = f * f % nTilde;
    const h2 = defaultArithmetic().pow(h1, alpha, modulus);
    // Excluded by the other parties' checks; for honest draws beyond any chance.
    if (alpha % p === 0n || alpha % q === 0n || h1 === 1n || h2 === 1n || h1 === h2) continue;
    const beta = modInverse(alpha, p * q);
    return new HeldPreParams({ paillier, nTilde, h1, h2, alpha, beta, p, q });
  }
}

/** Puts two numbers that are far apart first. */
function arrange(primes: readonly bigint[]): readonly [bigint, bigint, bigint, bigint] {
  for (const [i, p] of primes.entries()) {
    for (const [j, q] of primes.entries()) {
      if (i < j && isFarApart(p, q)) {
        const rest = primes.filter((_, k) => k !== i && k !== j) as [bigint, bigint];
        return [p, q, ...rest];
      }
    }
  }
  throw new RangeError("Cannot assemble pre-parameters: the primes are too close to each other");
}

/**
 * Reads pre-parameters as Go stores them (also from a key share, which contains their fields) and
 * checks them fully: everything present and in range, `NTildei = (2P+1)(2Q+1)` of 2048 bits with
 * distinct factors, `H2i = H1i^Alpha` and `H1i = H2i^Beta`, `Beta = Alpha^-1 mod PQ`, the Paillier
 * key consistent. Primality is not tested; the text comes from this node's own sealed store.
 *
 * @throws {ContentError} naming the field; no value appears in it.
 */
export function parsePreParams(json: Json): PreParams {
  const o = object(json, "");
  const paillier = parsePaillierPrivate(o.values.get("PaillierSK"), "PaillierSK");
  const nTilde = int(o, "NTildei", { min: 3n, bits: MODULUS_BITS });
  const unit = { min: 2n, max: nTilde - 1n };
  const h1 = int(o, "H1i", unit);
  const h2 = int(o, "H2i", unit);
  const alpha = int(o, "Alpha", { min: 1n, max: nTilde - 1n });
  const beta = int(o, "Beta", { min: 1n, max: nTilde - 1n });
  const p = int(o, "P", { min: 3n, bits: SAFE_PRIME_BITS });
  const q = int(o, "Q", { min: 3n, bits: SAFE_PRIME_BITS });
  if (bitLength(nTilde) !== MODULUS_BITS) {
    throw new ContentError("NTildei", `must have ${MODULUS_BITS} bits`);
  }
  if (nTilde === paillier.n) throw new ContentError("NTildei", "must not be the Paillier modulus");
  if (p === q) throw new ContentError("P", "must not be Q");
  if ((2n * p + 1n) * (2n * q + 1n) !== nTilde) {
    throw new ContentError("NTildei", "must be (2P+1)(2Q+1)");
  }
  if (h1 === h2) throw new ContentError("H2i", "must not be H1i");
  if (mod(alpha * beta, p * q) !== 1n) {
    throw new ContentError("Beta", "must be the inverse of Alpha modulo P·Q");
  }
  const modulus = factoredModulus(2n * p + 1n, 2n * q + 1n);
  const [power, root] = defaultArithmetic().powBatch([
    { base: h1, exponent: alpha, modulus },
    { base: h2, exponent: beta, modulus },
  ]);
  if (power !== h2) throw new ContentError("H2i", "must be H1i^Alpha");
  if (root !== h1) throw new ContentError("H1i", "must be H2i^Beta");
  return new HeldPreParams({ paillier, nTilde, h1, h2, alpha, beta, p, q });
}

/** Writes pre-parameters as Go does, in its field order. The result is secret. */
export function preParamsToJson(p: PreParams): { [key: string]: JsonInput } {
  return {
    PaillierSK: paillierPrivateToJson(p.paillier),
    NTildei: p.nTilde,
    H1i: p.h1,
    H2i: p.h2,
    Alpha: p.alpha,
    Beta: p.beta,
    P: p.p,
    Q: p.q,
  };
}
