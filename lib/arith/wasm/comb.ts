/**
 * Fixed-base exponentiation by Lim-Lee combs (Lim and Lee, CRYPTO '94).
 *
 * An exponent of at most `bits` bits is written as a matrix of `teeth` rows of `a = bits / teeth`
 * bits, each row cut into `blocks` of `b = a / blocks` bits. For every block a table holds the
 * products of all subsets of the row powers; an exponentiation is then `b - 1` squarings and at
 * most `a` multiplications, however long the exponent.
 *
 * @module
 */

import type { Address, PreparedModulus } from "./kernel.ts";
import { type LaneJob, type LaneSpace, windowCost, windowFor } from "./lanes.ts";

/** The form of a comb. */
export interface CombShape {
  /** Longest exponent, in bits. */
  readonly bits: number;
  readonly teeth: number;
  readonly blocks: number;
  /** Bits of a row. */
  readonly a: number;
  /** Bits of a block. */
  readonly b: number;
}

/** Most entries of one table: 2,048 of 42 limbs are 0.7 MB, what stays in a second-level cache. */
const MOST_ENTRIES = 2048;

/** Returns the comb of the given form. */
export function combShape(bits: number, teeth: number, blocks: number): CombShape {
  const a = Math.ceil(bits / teeth);
  return { bits, teeth, blocks, a, b: Math.ceil(a / blocks) };
}

/** Lane operations of building a table; a lone table wastes a lane in its squarings. */
export function buildCost(shape: CombShape, paired: boolean): number {
  const { teeth, blocks, a, b } = shape;
  const chain = (teeth - 1) * a + (blocks - 1) * b;
  return (paired ? 1 : 2) * chain + blocks * ((1 << teeth) - teeth - 1);
}

/** Lane operations of one exponentiation with a comb. */
export function combCost(shape: CombShape): number {
  return shape.a + shape.b;
}

/**
 * Returns the comb that is cheapest for `count` exponents of at most `bits` bits, or `undefined` if
 * windows are cheaper. `windowTotal` is what all of them cost by windows.
 */
export function chooseComb(
  bits: number,
  count: number,
  windowTotal: number,
  paired: boolean,
): CombShape | undefined {
  let best: CombShape | undefined;
  // Moving tables in and out of the cache is not free: demand a clear gain.
  let lowest = 0.9 * windowTotal;
  for (const blocks of [1, 2, 4, 8, 16]) {
    for (let teeth = 2; blocks << teeth <= MOST_ENTRIES; teeth++) {
      const shape = combShape(bits, teeth, blocks);
      const cost = buildCost(shape, paired) + count * combCost(shape);
      if (cost < lowest) [best, lowest] = [shape, cost];
    }
  }
  return best;
}

/** Returns what an exponent of `bits` bits costs by windows, in lane operations. */
export function plainCost(bits: number): number {
  return windowCost(bits, windowFor(bits));
}

/** A table in kernel memory. */
export interface Comb {
  readonly shape: CombShape;
  readonly modulus: PreparedModulus;
  /** Entry `u` of block `j` is one-lane number `j * 2^teeth + u`. */
  readonly at: Address;
}

/** What a table is built from. */
export interface CombBase {
  readonly modulus: PreparedModulus;
  /** In `[0, n)`. */
  readonly base: bigint;
}

/** Bytes of a table. */
export function combBytes(space: LaneSpace, shape: CombShape): number {
  return (shape.blocks << shape.teeth) * space.kernel.single;
}

/** Builds the tables of one base or of two bases (one a lane) of the same form. */
export function buildCombs(space: LaneSpace, shape: CombShape, bases: readonly CombBase[]): Comb[] {
  const { kernel } = space;
  const { teeth, blocks, a, b } = shape;
  const combs = bases.map(({ modulus }) => ({
    shape,
    modulus,
    at: kernel.allocate(combBytes(space, shape)),
  }));
  const [c0, c1] = [combs[0]!, combs[1] ?? combs[0]!];
  const [m0, m1] = [c0.modulus, c1.modulus];
  const entry = (comb: Comb, block: number, u: number) =>
    comb.at + ((block << teeth) + u) * kernel.single;
  // The powers base^(2^i) that stand alone in an entry, by rising i.
  const stops: { i: number; block: number; u: number }[] = [];
  for (let row = 0; row < teeth; row++) {
    for (let block = 0; block < blocks; block++) {
      stops.push({ i: row * a + block * b, block, u: 1 << row });
    }
  }
  stops.sort((s, t) => s.i - t.i);
  space.enter(m0, m1, bases[0]!.base, (bases[1] ?? bases[0]!).base);
  let i = 0;
  for (const stop of stops) {
    if (stop.i > i) kernel.square(stop.i - i);
    i = stop.i;
    kernel.scatter(entry(c0, stop.block, stop.u), entry(c1, stop.block, stop.u));
  }
  for (const comb of combs) {
    for (let block = 0; block < blocks; block++) {
      kernel.putLimbs(entry(comb, block, 0), comb.modulus.one);
    }
  }
  // All other entries: a smaller one times the power of its highest tooth; any two share an
  // operation as long as the lanes keep their moduli.
  const sides: readonly (readonly [Comb, number])[][] = combs.length === 2
    ? [all(c0, 0, blocks, 1), all(c1, 0, blocks, 1)]
    : [all(c0, 0, blocks, 2), all(c0, blocks === 1 ? 0 : 1, blocks, 2)];
  kernel.setModuli(m0, m1);
  for (let u = 3; u < 1 << teeth; u++) {
    const top = 1 << (31 - Math.clz32(u));
    if (u === top) continue;
    for (let k = 0; k < sides[0]!.length; k++) {
      const [l0, b0] = sides[0]![k]!;
      const [l1, b1] = sides[1]![k] ?? sides[1]![0]!;
      kernel.gather(entry(l0, b0, u - top), entry(l1, b1, u - top));
      kernel.mul(entry(l0, b0, top), entry(l1, b1, top));
      kernel.scatter(entry(l0, b0, u), entry(l1, b1, u));
    }
  }
  return combs;
}

function all(comb: Comb, from: number, to: number, step: number): (readonly [Comb, number])[] {
  const out: (readonly [Comb, number])[] = [];
  for (let block = from; block < to; block += step) out.push([comb, block]);
  return out;
}

/** A job with its table. */
export interface CombJob {
  readonly comb: Comb;
  readonly job: LaneJob;
}

/** Returns the table index of every column of an exponent, in the order of use. */
function columnsOf(e: bigint, shape: CombShape): Uint16Array {
  const { teeth, blocks, a, b } = shape;
  const text = e.toString(2);
  const out = new Uint16Array(a);
  let at = 0;
  for (let k = b - 1; k >= 0; k--) {
    for (let block = 0; block < blocks; block++) {
      const column = block * b + k;
      if (column >= a) continue;
      let u = 0;
      for (let row = 0; row < teeth; row++) {
        const bit = text.length - 1 - (row * a + column);
        if (bit >= 0 && text.charCodeAt(bit) === 49) u |= 1 << row;
      }
      out[at++] = u;
    }
  }
  return out;
}

/** Computes jobs by their tables; neighbours of the same form share operations. */
export function powCombs(space: LaneSpace, jobs: readonly CombJob[]): void {
  const byShape = new Map<string, CombJob[]>();
  for (const job of jobs) {
    const { bits, teeth, blocks } = job.comb.shape;
    const key = `${bits}/${teeth}/${blocks}`;
    const list = byShape.get(key);
    if (list === undefined) byShape.set(key, [job]);
    else list.push(job);
  }
  for (const list of byShape.values()) {
    for (let i = 0; i < list.length; i += 2) combPair(space, list[i]!, list[i + 1] ?? list[i]!);
  }
}

function combPair(space: LaneSpace, p0: CombJob, p1: CombJob): void {
  const { kernel } = space;
  const { shape } = p0.comb;
  const { teeth, blocks, a, b } = shape;
  const [u0, u1] = [columnsOf(p0.job.exponent, shape), columnsOf(p1.job.exponent, shape)];
  const address = (comb: Comb, block: number, u: number) =>
    comb.at + ((block << teeth) + u) * kernel.single;
  kernel.setModuli(p0.comb.modulus, p1.comb.modulus);
  let at = 0;
  for (let k = b - 1; k >= 0; k--) {
    if (at > 0) kernel.square(1);
    for (let block = 0; block < blocks; block++) {
      if (block * b + k >= a) continue;
      const [e0, e1] = [address(p0.comb, block, u0[at]!), address(p1.comb, block, u1[at]!)];
      if (at === 0) kernel.gather(e0, e1);
      else kernel.mul(e0, e1);
      at++;
    }
  }
  space.leave(p0.job, p1.job);
}
