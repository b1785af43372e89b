/**
 * Exponentiations in the two lanes of a kernel: each lane has its own base, exponent and modulus.
 * Time depends on the exponents' lengths, and on the exponent itself where both lanes have the same.
 *
 * @module
 */

import { bitLength } from "../../encoding/bytes.ts";
import type { Address, Kernel, PreparedModulus } from "./kernel.ts";

/** Who gets the result of a lane. */
export interface LaneResult {
  readonly modulus: PreparedModulus;
  /** Receives it, in `[0, n)`. */
  done(result: bigint): void;
}

/** One exponentiation of one lane. */
export interface LaneJob extends LaneResult {
  /** In `[0, n)`. */
  readonly base: bigint;
  /** At least 1. */
  readonly exponent: bigint;
}

/** Returns the window size that costs the fewest multiplications for an exponent of `bits` bits. */
export function windowFor(bits: number): number {
  let best = 1;
  for (let w = 2; w <= 7; w++) if (windowCost(bits, w) < windowCost(bits, best)) best = w;
  return best;
}

/** Multiplications and squarings of one exponentiation by windows of `w` bits. */
export function windowCost(bits: number, w: number): number {
  return bits + Math.ceil(bits / w) + (1 << w) - 2;
}

/** Returns the base-2^w digits of `e > 0`, lowest first, at least `length` of them. */
export function digitsOf(e: bigint, w: number, length: number): Uint8Array {
  const bits = e.toString(2);
  const out = new Uint8Array(Math.max(length, Math.ceil(bits.length / w)));
  for (let i = 0; i < bits.length; i++) {
    if (bits.charCodeAt(bits.length - 1 - i) === 49) out[Math.floor(i / w)]! |= 1 << (i % w);
  }
  return out;
}

/** Work space and constants for operations of one kernel; lives until the kernel is reset. */
export class LaneSpace {
  readonly kernel: Kernel;
  readonly #temporary: readonly [Address, Address];
  readonly #unit: Address;
  readonly #constants = new Map<PreparedModulus, { one: Address; square: Address }>();
  readonly #windows: (readonly [Address, Address])[] = [];

  /** Allocates. */
  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.#temporary = [kernel.allocate(kernel.single), kernel.allocate(kernel.single)];
    this.#unit = kernel.allocate(kernel.single);
    kernel.put(this.#unit, 1n);
  }

  /** Returns the addresses of 1 and of R^2 for a modulus. */
  constants(modulus: PreparedModulus): { one: Address; square: Address } {
    let c = this.#constants.get(modulus);
    if (c === undefined) {
      const { kernel } = this;
      c = { one: kernel.allocate(kernel.single), square: kernel.allocate(kernel.single) };
      kernel.putLimbs(c.one, modulus.one);
      kernel.putLimbs(c.square, modulus.square);
      this.#constants.set(modulus, c);
    }
    return c;
  }

  /** Sets the moduli and loads X with two numbers in Montgomery form. */
  enter(m0: PreparedModulus, m1: PreparedModulus, b0: bigint, b1: bigint): void {
    const { kernel } = this;
    const [t0, t1] = this.#temporary;
    const [c0, c1] = [this.constants(m0), this.constants(m1)];
    kernel.setModuli(m0, m1);
    kernel.put(t0, b0);
    kernel.put(t1, b1);
    kernel.gather(t0, t1);
    kernel.mul(c0.square, c1.square);
  }

  /** Takes X out of Montgomery form and hands its lanes to the jobs; the same one twice gets lane 0. */
  leave(j0: LaneResult, j1: LaneResult): void {
    const { kernel } = this;
    kernel.mul(this.#unit, this.#unit);
    j0.done(kernel.read(0) % j0.modulus.n);
    if (j1 !== j0) j1.done(kernel.read(1) % j1.modulus.n);
  }

  /** Returns window tables of `size` entries for both lanes. */
  windows(size: number): readonly (readonly [Address, Address])[] {
    const { kernel } = this;
    while (this.#windows.length < size) {
      this.#windows.push([kernel.allocate(kernel.single), kernel.allocate(kernel.single)]);
    }
    return this.#windows;
  }
}

/**
 * Computes all jobs by fixed windows: exponents of similar length share an operation. With an odd
 * number the last job fills both lanes.
 */
export function powWindows(space: LaneSpace, jobs: readonly LaneJob[]): void {
  const sorted = [...jobs].sort((a, b) => {
    // Equal moduli next to each other among equal lengths: moduli then need no change.
    const bits = bitLength(a.exponent) - bitLength(b.exponent);
    return bits !== 0 ? bits : a.modulus.n < b.modulus.n ? -1 : a.modulus.n > b.modulus.n ? 1 : 0;
  });
  for (let i = sorted.length - 1; i >= 0; i -= 2) {
    powPair(space, sorted[i]!, sorted[i - 1] ?? sorted[i]!);
  }
}

/** Computes two jobs in lockstep; the same job twice is allowed. */
function powPair(space: LaneSpace, j0: LaneJob, j1: LaneJob): void {
  if (j0.exponent === j1.exponent) powSame(space, j0, j1);
  else powFixed(space, j0, j1);
  space.leave(j0, j1);
}

/** Two exponents: windows of fixed size, since the lanes must square and multiply together. */
function powFixed(space: LaneSpace, j0: LaneJob, j1: LaneJob): void {
  const { kernel } = space;
  const bits = Math.max(bitLength(j0.exponent), bitLength(j1.exponent));
  const w = windowFor(bits);
  const length = Math.ceil(bits / w);
  const [d0, d1] = [digitsOf(j0.exponent, w, length), digitsOf(j1.exponent, w, length)];
  const table = space.windows(1 << w).map((entry) => [...entry] as [Address, Address]);
  table[0] = [space.constants(j0.modulus).one, space.constants(j1.modulus).one];
  space.enter(j0.modulus, j1.modulus, j0.base, j1.base);
  const [first0, first1] = table[1]!;
  kernel.scatter(first0, first1);
  for (let i = 2; i < 1 << w; i++) {
    kernel.mul(first0, first1);
    kernel.scatter(...table[i]!);
  }
  kernel.gather(table[d0[length - 1]!]![0], table[d1[length - 1]!]![1]);
  for (let i = length - 2; i >= 0; i--) {
    kernel.square(w);
    kernel.mul(table[d0[i]!]![0], table[d1[i]!]![1]);
  }
}

/** One exponent for both lanes: sliding windows, so the table holds odd powers only. */
function powSame(space: LaneSpace, j0: LaneJob, j1: LaneJob): void {
  const { kernel } = space;
  const bits = j0.exponent.toString(2);
  let w = 1;
  const cost = (size: number) => bits.length / (size + 1) + (1 << (size - 1));
  while (cost(w + 1) < cost(w)) w++;
  // Entry k is base^(2k + 1); one more place holds the square.
  const table = space.windows((1 << (w - 1)) + 1);
  const square = table[1 << (w - 1)]!;
  space.enter(j0.modulus, j1.modulus, j0.base, j1.base);
  kernel.scatter(...table[0]!);
  if (w > 1) {
    kernel.square(1);
    kernel.scatter(...square);
    kernel.gather(...table[0]!);
  }
  for (let k = 1; k < 1 << (w - 1); k++) {
    kernel.mul(...square);
    kernel.scatter(...table[k]!);
  }
  let started = false;
  let squarings = 0;
  for (let i = 0; i < bits.length;) {
    if (bits[i] === "0") {
      squarings++;
      i++;
      continue;
    }
    let end = Math.min(i + w, bits.length);
    while (bits[end - 1] === "0") end--;
    const entry = table[parseInt(bits.slice(i, end), 2) >> 1]!;
    squarings += end - i;
    if (started) {
      kernel.square(squarings);
      kernel.mul(...entry);
    } else {
      kernel.gather(...entry);
      started = true;
    }
    squarings = 0;
    i = end;
  }
  if (squarings > 0) kernel.square(squarings);
}
