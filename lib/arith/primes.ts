/**
 * Primality: Miller-Rabin with random bases and base 2, then a Lucas test, which together are the
 * Baillie-PSW test that Go's `ProbablyPrime` makes.
 *
 * @module
 */

import { bitLength } from "../encoding/bytes.ts";
import { isPerfectSquare, jacobi, mod } from "./number.ts";
import { publicModulus } from "./modulus.ts";
import { randomBelow, type RandomSource } from "./random.ts";
import type { Arithmetic } from "./types.ts";

/** Every odd prime below 1000, for trial division. */
export const SMALL_PRIMES: readonly number[] = smallPrimes(1000);

function smallPrimes(limit: number): number[] {
  const out: number[] = [];
  for (let n = 3; n < limit; n += 2) {
    if (out.every((p) => n % p !== 0)) out.push(n);
  }
  return out;
}

/** Groups of small primes whose products fit in a machine word: one big division serves a group. */
const GROUPS: readonly { readonly product: bigint; readonly primes: readonly number[] }[] = (() => {
  const groups: { product: bigint; primes: number[] }[] = [];
  let primes: number[] = [];
  let product = 1;
  for (const p of SMALL_PRIMES) {
    if (product * p > Number.MAX_SAFE_INTEGER) {
      groups.push({ product: BigInt(product), primes });
      primes = [];
      product = 1;
    }
    primes.push(p);
    product *= p;
  }
  groups.push({ product: BigInt(product), primes });
  return groups;
})();

/** Returns the smallest prime below 1000 that divides `n > 0`, or `undefined`. */
export function smallFactor(n: bigint): number | undefined {
  if ((n & 1n) === 0n) return 2;
  for (const { product, primes } of GROUPS) {
    const rest = Number(n % product);
    for (const p of primes) if (rest % p === 0) return p;
  }
  return undefined;
}

/**
 * Says whether `n` is prime: trial division, base 2, `rounds` random bases, Lucas. A prime is never
 * refused; a composite passes with probability at most `4^-rounds` whatever its maker did (the
 * bases are random), and no composite is known that passes the Lucas test together with base 2.
 * A composite is nearly always found out by its first pair of bases.
 */
export function isProbablePrime(
  n: bigint,
  arith: Arithmetic,
  random: RandomSource,
  rounds = 20,
): boolean {
  if (n < 2n) return false;
  if (n === 2n) return true;
  const factor = smallFactor(n);
  if (factor !== undefined) return n === BigInt(factor);
  if (n < 1_000_000n) return true;
  return millerRabin(n, arith, random, rounds) && isLucasProbablePrime(n);
}

/** Base 2 and `rounds` random bases, two at a time so that both lanes of a kernel work. */
function millerRabin(n: bigint, arith: Arithmetic, random: RandomSource, rounds: number): boolean {
  const modulus = publicModulus(n);
  let odd = n - 1n;
  let twos = 0;
  while ((odd & 1n) === 0n) {
    odd >>= 1n;
    twos++;
  }
  for (let done = 0; done < rounds + 1; done += 2) {
    // Random bases are uniform in [2, n - 2].
    const first = done === 0 ? 2n : randomBelow(n - 2n, random) + 1n;
    const bases = done + 1 < rounds + 1 ? [first, randomBelow(n - 2n, random) + 1n] : [first];
    const powers = arith.powBatch(bases.map((base) => ({ base, exponent: odd, modulus })));
    if (!powers.every((x) => isStrongWitness(x, twos, n))) return false;
  }
  return true;
}

/** Whether `x = a^odd` or one of its `twos - 1` successive squares is what a prime `n` demands. */
function isStrongWitness(x: bigint, twos: number, n: bigint): boolean {
  if (x === 1n || x === n - 1n) return true;
  for (let i = 1; i < twos; i++) {
    x = x * x % n;
    if (x === n - 1n) return true;
    if (x === 1n) return false;
  }
  return false;
}

/**
 * The extra strong Lucas test (Grantham 2000; Baillie, Fiori, Wagstaff 2021) with `Q = 1`
 * and the smallest `P >= 3` for which `P^2 - 4` is a non-residue, for odd `n > 3`.
 */
export function isLucasProbablePrime(n: bigint): boolean {
  const p = lucasParameter(n);
  if (p === undefined) return false;
  // n + 1 = 2^r * s; compute V_s and V_(s+1) by the ladder V_2k = V_k^2 - 2.
  let s = n + 1n;
  let r = 0;
  while ((s & 1n) === 0n) {
    s >>= 1n;
    r++;
  }
  let v = 2n;
  let next = p;
  for (let i = bitLength(s) - 1; i >= 0; i--) {
    const cross = mod(v * next - p, n);
    if ((s >> BigInt(i)) & 1n) {
      v = cross;
      next = mod(next * next - 2n, n);
    } else {
      next = cross;
      v = mod(v * v - 2n, n);
    }
  }
  // V_s = +-2 together with U_s = 0; U_s = 0 is 2 V_(s+1) = P V_s.
  if ((v === 2n || v === n - 2n) && mod(2n * next - p * v, n) === 0n) return true;
  for (let t = 0; t < r - 1; t++) {
    if (v === 0n) return true;
    if (v === 2n) return false;
    v = mod(v * v - 2n, n);
  }
  return false;
}

/** The Lucas parameter, or `undefined` when the search shows that `n` is composite. */
function lucasParameter(n: bigint): bigint | undefined {
  for (let p = 3n;; p++) {
    const symbol = jacobi(p * p - 4n, n);
    if (symbol === -1) return p;
    // A common factor with P^2 - 4 = (P - 2)(P + 2); below n it is a proper one.
    if (symbol === 0 && p + 2n !== n) return undefined;
    // For a square the search would never end; nothing else needs so many trials.
    if (p === 40n && isPerfectSquare(n)) return undefined;
  }
}
