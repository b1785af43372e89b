/**
 * Products of powers in the two lanes of a kernel by interleaved windows (Straus 1964, Möller
 * 2001): the factors of a product share their squarings, which are most of the work. Time depends on
 * the exponents' lengths only.
 *
 * @module
 */

import { bitLength } from "../../encoding/bytes.ts";
import type { Address } from "./kernel.ts";
import { digitsOf, type LaneResult, type LaneSpace } from "./lanes.ts";

/** One factor of a product. */
export interface LaneTerm {
  /** In `[0, n)`. */
  readonly base: bigint;
  /** At least 1. */
  readonly exponent: bigint;
}

/** One product of one lane. */
export interface LaneProduct extends LaneResult {
  /** At least one. */
  readonly terms: readonly LaneTerm[];
}

/** Returns the window size that costs the fewest multiplications beside the squarings. */
function windowBeside(bits: number): number {
  const cost = (w: number) => Math.ceil(bits / w) + (1 << w);
  let best = 1;
  for (let w = 2; w <= 7; w++) if (cost(w) < cost(best)) best = w;
  return best;
}

const longest = (product: LaneProduct) => bitLength(product.terms[0]!.exponent);

/** Computes all products: those with exponents of similar length share operations. */
export function powProducts(space: LaneSpace, products: readonly LaneProduct[]): void {
  const sorted = products
    .map((product) => ({
      ...product,
      done: (x: bigint) => product.done(x),
      terms: [...product.terms].sort((s, t) => bitLength(t.exponent) - bitLength(s.exponent)),
    }))
    .sort((p, q) => longest(q) - longest(p) || q.terms.length - p.terms.length);
  for (let i = 0; i < sorted.length; i += 2) {
    productPair(space, sorted[i]!, sorted[i + 1] ?? sorted[i]!);
  }
}

/** One multiplication of both lanes: where in the exponents, and by what. */
interface Step {
  /** Squarings that follow until the end. */
  readonly position: number;
  readonly entries: readonly [Address, Address];
}

/** Computes two products in lockstep; the same one twice is allowed. */
function productPair(space: LaneSpace, p0: LaneProduct, p1: LaneProduct): void {
  const { kernel } = space;
  const [m0, m1] = [p0.modulus, p1.modulus];
  const count = Math.max(p0.terms.length, p1.terms.length);
  const ones = [space.constants(m0).one, space.constants(m1).one] as const;
  const steps: Step[] = [];
  let used = 0;
  for (let t = 0; t < count; t++) {
    // A lane with fewer factors multiplies by 1.
    const [e0, e1] = [p0.terms[t]?.exponent ?? 1n, p1.terms[t]?.exponent ?? 1n];
    const bits = Math.max(bitLength(e0), bitLength(e1));
    const w = windowBeside(bits);
    const length = Math.ceil(bits / w);
    const entries = space.windows(used + (1 << w)).slice(used, used + (1 << w));
    used += 1 << w;
    const table = [ones, ...entries.slice(1)];
    space.enter(m0, m1, p0.terms[t]?.base ?? 1n, p1.terms[t]?.base ?? 1n);
    kernel.scatter(...table[1]!);
    for (let i = 2; i < 1 << w; i++) {
      kernel.mul(...table[1]!);
      kernel.scatter(...table[i]!);
    }
    const [d0, d1] = [digitsOf(e0, w, length), digitsOf(e1, w, length)];
    for (let k = 0; k < length; k++) {
      steps.push({ position: k * w, entries: [table[d0[k]!]![0], table[d1[k]!]![1]] });
    }
  }
  steps.sort((s, t) => t.position - s.position);
  steps.forEach(({ position, entries }, i) => {
    if (i === 0) {
      kernel.gather(...entries);
      return;
    }
    const squarings = steps[i - 1]!.position - position;
    if (squarings > 0) kernel.square(squarings);
    kernel.mul(...entries);
  });
  space.leave(p0, p1);
}
