/**
 * Random and adversarial jobs that both back-ends must agree on, made from a seed.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  bigintArithmetic,
  factoredModulus,
  publicModulus,
  wasmArithmetic,
} from "../../lib/arith/mod.ts";
import type { Modulus, PowJob, ProductJob } from "../../lib/arith/types.ts";
import type { RandomSource } from "../../lib/arith/random.ts";
import { LIMB_PATTERNS, patternNumber } from "../../lib/arith/wasm/self_test.ts";
import { bitsOf, oddOf, seeded } from "./seeded.ts";

/** Sizes at which kernels begin and end, those of the protocols, and some without a kernel. */
const SIZES = [64, 383, 384, 538, 545, 1023, 1024, 1044, 1045, 1600, 2048, 2049, 3072, 4096, 4350];
/** Known primes of 521, 607, 1023 and 1024 bits. */
const PRIMES = [2n ** 521n - 1n, 2n ** 607n - 1n, 2n ** 1023n - 361n, 2n ** 1024n - 105n];
/** Jobs in one batch, so that lanes are shared by unlike neighbours. */
const BATCH = 25;

const small = (below: number, random: RandomSource) => Number(bitsOf(32, random) % BigInt(below));
const pick = <T>(list: readonly T[], random: RandomSource): T => list[small(list.length, random)]!;

/** An odd number of about `bits` bits: random, or with limbs at the limits of the format. */
function modulusOf(bits: number, random: RandomSource): bigint {
  const top = 1n << BigInt(bits - 1);
  switch (small(5, random)) {
    case 0:
      return 2n * top - 1n - 2n * bitsOf(3, random);
    case 1:
      return top + 1n + 2n * bitsOf(3, random);
    case 2:
      return patternNumber(pick(LIMB_PATTERNS, random), 84, top) | top | 1n;
    default:
      return oddOf(bits, random);
  }
}

function anyModulus(random: RandomSource): Modulus {
  if (small(5, random) > 0) return publicModulus(modulusOf(pick(SIZES, random), random));
  const i = small(PRIMES.length - 1, random);
  return factoredModulus(PRIMES[i]!, PRIMES[i + 1]!, small(2, random) === 0 ? 1 : 2);
}

function anyBase(n: bigint, random: RandomSource): bigint {
  switch (small(8, random)) {
    case 0:
      return pick([0n, 1n, 2n, -1n, n - 1n, n, n + 1n, -n, (n - 1n) / 2n, 3n * n + 2n], random);
    case 1:
      return patternNumber(pick(LIMB_PATTERNS, random), 88, n);
    case 2:
      return -bitsOf(200, random);
    default:
      return bitsOf(n.toString(2).length + 2, random);
  }
}

/** Short ones mostly: the plain back-end is slow, and what can go wrong does so in any step. */
function anyExponent(random: RandomSource): bigint {
  switch (small(12, random)) {
    case 0:
      return pick([0n, 1n, 2n, 3n, 15n, 16n, 17n, 31n, 32n, 33n], random);
    case 1:
      return (1n << BigInt(small(200, random))) - BigInt(small(2, random));
    case 2:
      return bitsOf(1 + small(700, random), random);
    case 3:
      return -bitsOf(1 + small(40, random), random);
    default:
      return bitsOf(1 + small(80, random), random);
  }
}

/** Whether the plain back-end can compute a job: negative powers need an inverse. */
function computable(job: PowJob): boolean {
  try {
    bigintArithmetic().pow(job.base, job.exponent < 0n ? -1n : 1n, job.modulus);
    return true;
  } catch {
    return false;
  }
}

function anyJob(modulus: Modulus, bases: bigint[], random: RandomSource): PowJob {
  for (;;) {
    const repeated = bases.length > 0 && small(3, random) === 0;
    const base = repeated ? pick(bases, random) : anyBase(modulus.n, random);
    bases.push(base);
    const job = { base, exponent: anyExponent(random), modulus };
    if (computable(job)) return job;
  }
}

/**
 * Compares powers and products of both back-ends over `count` cases; a case is one power, or one
 * product.
 */
export function compareBackends(seed: string, count: number): void {
  const random = seeded(seed);
  for (let done = 0; done < count; done += 2 * BATCH) {
    const powers: PowJob[] = [];
    const products: ProductJob[] = [];
    let modulus = anyModulus(random);
    let bases: bigint[] = [];
    for (let i = 0; i < BATCH; i++) {
      // Some neighbours share a modulus and bases, so that tables and equal lanes happen.
      if (small(3, random) === 0) {
        modulus = anyModulus(random);
        bases = [];
      }
      const current = modulus;
      powers.push(anyJob(current, bases, random));
      const terms = Array.from({ length: small(5, random) }, () => anyJob(current, bases, random));
      products.push({ modulus: current, terms });
    }
    const note = `${seed}, case ${done}`;
    assert.deepEqual(wasmArithmetic().powBatch(powers), bigintArithmetic().powBatch(powers), note);
    assert.deepEqual(
      wasmArithmetic().productBatch(products),
      bigintArithmetic().productBatch(products),
      note,
    );
  }
}
