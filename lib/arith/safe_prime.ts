/**
 * Search for safe primes `p = 2q + 1`.
 *
 * From a random start, a window of candidates `q = 5 mod 6` is sieved for small factors of `q` and
 * of `p` at once; what is left is tried in random order by base-2 Fermat tests, two numbers at a
 * time. When both pass, `q` gets random strong tests and a Lucas test; `p` is then proven by
 * Pocklington's criterion: `q` is prime, `2^(p-1) = 1` and `2^2 - 1` is coprime to `p`.
 *
 * @module
 */

import { bitLength } from "../encoding/bytes.ts";
import { modPow } from "./bigint_backend.ts";
import { publicModulus } from "./modulus.ts";
import { gcd } from "./number.ts";
import { isProbablePrime } from "./primes.ts";
import type { RandomSource } from "./random.ts";
import { randomBits } from "./random.ts";
import type { Arithmetic } from "./types.ts";
import { FermatSpace } from "./wasm/fermat.ts";
import { kernelFor } from "./wasm/kernels.ts";

/** Primes below this sieve. */
const SIEVE_LIMIT = 1 << 21;
/** Candidates of a window; neighbours differ by 6. */
const WINDOW = 1 << 17;
/** Random strong tests of the Germain prime, after base 2. */
const ROUNDS = 20;
/** Fermat tests between two progress reports. */
const REPORT_EVERY = 16;

/** Where a search stands. */
export interface SafePrimeProgress {
  /** Windows sieved. */
  readonly windows: number;
  /** Numbers put to a Fermat test. */
  readonly tested: number;
}

/** A safe prime with what its search took. */
export interface SafePrime extends SafePrimeProgress {
  /** The safe prime. Secret. */
  readonly p: bigint;
  /** The Germain prime `(p - 1) / 2`. Secret. */
  readonly q: bigint;
}

/** Odd primes from 5 on with what the sieve needs of each. */
interface SievePrimes {
  readonly primes: Int32Array;
  /** Inverse of 6 modulo each prime. */
  readonly inverse6: Int32Array;
  /** Inverse of 12 modulo each prime. */
  readonly inverse12: Int32Array;
  /** Products of neighbouring primes: one big division serves two primes. */
  readonly products: readonly bigint[];
}

let sievePrimes: SievePrimes | undefined;

function primesOfSieve(): SievePrimes {
  if (sievePrimes !== undefined) return sievePrimes;
  // Odd numbers only: entry i stands for 2i + 1.
  const composite = new Uint8Array(SIEVE_LIMIT >> 1);
  const list: number[] = [];
  for (let i = 1; i < composite.length; i++) {
    if (composite[i] === 1) continue;
    const s = 2 * i + 1;
    if (s > 3) list.push(s);
    for (let j = (s * s - 1) / 2; j < composite.length; j += s) composite[j] = 1;
  }
  if (list.length % 2 === 1) list.pop();
  // 6 * inverse6 = 1: one of 5s + 1 and s + 1 is a multiple of 6.
  const inverse6 = Int32Array.from(list, (s) => s % 6 === 1 ? (5 * s + 1) / 6 : (s + 1) / 6);
  const inverse12 = inverse6.map((k, i) => k % 2 === 1 ? (k + list[i]!) / 2 : k / 2);
  const products: bigint[] = [];
  for (let i = 0; i < list.length; i += 2) products.push(BigInt(list[i]! * list[i + 1]!));
  return sievePrimes = { primes: Int32Array.from(list), inverse6, inverse12, products };
}

/** Returns the `k` below the window size for which neither `start + 6k` nor twice it plus 1 has a small factor. */
function survivors(start: bigint): Int32Array {
  const { primes, inverse6, inverse12, products } = primesOfSieve();
  const marked = new Uint8Array(WINDOW);
  for (let i = 0; i < primes.length; i += 2) {
    const both = Number(start % products[i >> 1]!);
    for (let k = i; k < i + 2; k++) {
      const s = primes[k]!;
      const r = both % s;
      // start + 6k = 0 and 2 (start + 6k) + 1 = 0 modulo s. All products stay below 2^42.
      const first = (s - r) * inverse6[k]! % s;
      const second = (3 * s - 2 * r - 1) % s * inverse12[k]! % s;
      for (let j = first; j < WINDOW; j += s) marked[j] = 1;
      for (let j = second; j < WINDOW; j += s) marked[j] = 1;
    }
  }
  const out = new Int32Array(WINDOW);
  let count = 0;
  for (let k = 0; k < WINDOW; k++) if (marked[k] === 0) out[count++] = k;
  marked.fill(0);
  return out.subarray(0, count);
}

/** Draws integers uniform in `[0, m)`, `m < 2^32`, many bytes at a time. */
class SmallDraws {
  readonly #random: RandomSource;
  #words = new Uint32Array(0);
  #at = 0;
  constructor(random: RandomSource) {
    this.#random = random;
  }
  below(m: number): number {
    const limit = 2 ** 32 - 2 ** 32 % m;
    for (;;) {
      if (this.#at === this.#words.length) {
        this.#words = new Uint32Array(Uint8Array.from(this.#random(1024)).buffer);
        this.#at = 0;
      }
      const word = this.#words[this.#at]!;
      this.#words[this.#at++] = 0;
      if (word < limit) return word % m;
    }
  }
}

type FermatTest = (n0: bigint, n1: bigint) => readonly [boolean, boolean];

/** Runs `body` with the fastest Fermat test for this size. */
function withFermat<T>(bits: number, arith: Arithmetic, body: (test: FermatTest) => T): T {
  // Germain and safe prime differ by a bit: both must fit the same kernel.
  const kernel = arith.name === "wasm" && bits >= 128 ? kernelFor(bits) : undefined;
  if (kernel === undefined || !kernel.shape.doubling || kernel !== kernelFor(bits - 1)) {
    const single = (n: bigint) => modPow(2n, n - 1n, n) === 1n;
    return body((n0, n1) => [single(n0), single(n1)]);
  }
  try {
    const space = new FermatSpace(kernel, bits);
    return body((n0, n1) => space.test(n0, n1));
  } finally {
    kernel.reset();
  }
}

/**
 * Finds one safe prime of exactly `bits` bits whose two top bits are set, so that the product of two
 * has exactly twice as many. For 1024 bits a few tenths of a second of one core, and sometimes a
 * second: the number of candidates is geometrically distributed.
 *
 * @param bits Size of the safe prime, 64 to 4096.
 * @param arith Back-end of the tests.
 * @param random Source of start and order.
 * @param onProgress Called every 16 tests, some 5 ms; must not use the arithmetic itself.
 * @throws {RangeError} for another size.
 */
export function generateSafePrime(
  bits: number,
  arith: Arithmetic,
  random: RandomSource,
  onProgress?: (progress: SafePrimeProgress) => void,
): SafePrime {
  if (!Number.isInteger(bits) || bits < 64 || bits > 4096) {
    throw new RangeError("Cannot search a safe prime: the size must be 64 to 4096 bits");
  }
  const progress = { windows: 0, tested: 0 };
  for (;;) {
    progress.windows++;
    const found = searchWindow(bits, arith, random, () => {
      progress.tested += 2;
      if (progress.tested % REPORT_EVERY === 0) onProgress?.({ ...progress });
    });
    if (found !== undefined) return { p: 2n * found + 1n, q: found, ...progress };
  }
}

/** Returns a start `q0 = 5 mod 6` of `bits` bits with both top bits set. */
function windowStart(bits: number, random: RandomSource): bigint {
  const q0 = randomBits(bits - 2, random) | 3n << BigInt(bits - 2);
  return q0 - q0 % 6n + 5n;
}

/** Searches one window for a Germain prime of `bits - 1` bits. */
function searchWindow(
  bits: number,
  arith: Arithmetic,
  random: RandomSource,
  onPair: () => void,
): bigint | undefined {
  const start = windowStart(bits - 1, random);
  const left = survivors(start);
  const draws = new SmallDraws(random);
  let next = 0;
  // Random order without repetition: the prime after a long gap is no likelier than others.
  const draw = (): bigint | undefined => {
    while (next < left.length) {
      const j = next + draws.below(left.length - next);
      const k = left[j]!;
      left[j] = left[next]!;
      left[next++] = 0;
      const q = start + 6n * BigInt(k);
      // Rounding to 5 mod 6 and the width of the window can leave the range at its ends.
      if (q >> BigInt(bits - 3) === 3n) return q;
    }
    return undefined;
  };
  const candidate = withFermat(bits, arith, (fermat) => {
    // Germain candidates that passed; their safe primes are tested before anything else.
    const passed: bigint[] = [];
    type Test = { readonly n: bigint; readonly q: bigint };
    const take = (): Test | undefined => {
      const q = passed.pop();
      if (q !== undefined) return { n: 2n * q + 1n, q };
      const fresh = draw();
      return fresh === undefined ? undefined : { n: fresh, q: fresh };
    };
    for (;;) {
      const first = take();
      if (first === undefined) return undefined;
      const second = take() ?? first;
      const results = fermat(first.n, second.n);
      onPair();
      for (const [i, { n, q }] of [first, second].entries()) {
        if (!results[i] || (i === 1 && second === first)) continue;
        if (n === q) passed.push(q);
        else return q;
      }
    }
  });
  if (candidate === undefined) return undefined;
  const p = 2n * candidate + 1n;
  const proven = bitLength(p) === bits && isProbablePrime(candidate, arith, random, ROUNDS) &&
    // The criterion once more, by another way of computing than the search's.
    gcd(3n, p) === 1n && arith.pow(2n, p - 1n, publicModulus(p)) === 1n;
  // A base-2 pseudoprime: never seen at these sizes; the window is given up.
  return proven ? candidate : undefined;
}
