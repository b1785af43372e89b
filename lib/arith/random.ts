/**
 * Random integers in exactly the ranges of the protocols (specification: tss-core section 13).
 *
 * Every draw rejects instead of reducing, so the distributions are uniform.
 *
 * @module
 */

import { bitLength, bytesToInt } from "../encoding/bytes.ts";
import { gcd, jacobi } from "./number.ts";

/** Gives `length` fresh unpredictable bytes. Tests pass a seeded one. */
export type RandomSource = (length: number) => Uint8Array;

/** The platform refuses more than this in one call. */
const QUOTA = 65536;

/** The operating system's generator, any length. */
export const systemRandom: RandomSource = (length: number): Uint8Array => {
  const out = new Uint8Array(length);
  for (let at = 0; at < length; at += QUOTA) crypto.getRandomValues(out.subarray(at, at + QUOTA));
  return out;
};

/** Returns an integer uniform in `[0, 2^bits)`. */
function uniformBits(bits: number, random: RandomSource): bigint {
  const bytes = random((bits + 7) >> 3);
  if (bytes.length !== (bits + 7) >> 3) throw new RangeError("The random source came up short");
  const value = BigInt.asUintN(bits, bytesToInt(bytes));
  bytes.fill(0);
  return value;
}

/**
 * Returns an integer uniform in `[0, 2^bits - 2]`: the top value is never drawn, as in the Go
 * library.
 *
 * @throws {RangeError} unless `bits` is an integer from 1 to 5000.
 */
export function randomBits(bits: number, random: RandomSource): bigint {
  if (!Number.isInteger(bits) || bits < 1 || bits > 5000) {
    throw new RangeError("Cannot draw a random integer: the size must be 1 to 5000 bits");
  }
  const top = (1n << BigInt(bits)) - 1n;
  for (;;) {
    const value = uniformBits(bits, random);
    if (value !== top) return value;
  }
}

/**
 * Returns an integer uniform in `[1, m - 1]`.
 *
 * @throws {RangeError} if `m < 2` or `m` has more than 5000 bits.
 */
export function randomBelow(m: bigint, random: RandomSource): bigint {
  if (m < 2n) throw new RangeError("Cannot draw below a bound: the bound must be at least 2");
  const bits = bitLength(m);
  for (;;) {
    const value = randomBits(bits, random);
    if (value > 0n && value < m) return value;
  }
}

/**
 * Returns a unit modulo `n`, uniform among the integers in `[1, n)` that are coprime to `n`.
 *
 * @throws {RangeError} if `n < 2` or `n` has more than 5000 bits.
 */
export function randomUnit(n: bigint, random: RandomSource): bigint {
  for (;;) {
    const value = randomBelow(n, random);
    if (gcd(value, n) === 1n) return value;
  }
}

/**
 * Returns an integer uniform among those in `[1, n)` whose Jacobi symbol over `n` is -1.
 *
 * @throws {RangeError} unless `n` is odd, at least 3 and not a square (a square has no such number).
 */
export function randomNonResidue(n: bigint, random: RandomSource): bigint {
  // A square would make the loop endless; 200 misses in a row happen with probability 2^-200.
  for (let tries = 0; tries < 200; tries++) {
    const value = randomBelow(n, random);
    if (jacobi(value, n) === -1) return value;
  }
  throw new RangeError("Cannot find a non-residue: the modulus seems to be a square");
}
