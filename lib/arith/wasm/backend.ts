/**
 * The fast back-end: splits by known factors, groups by size, pairs lanes, uses tables where they
 * pay.
 *
 * @module
 */

import { bitLength } from "../../encoding/bytes.ts";
import { modPow } from "../bigint_backend.ts";
import { checkModulus, noInverse, type PrimePart, reduceJob, splitOf } from "../modulus.ts";
import { mod, modInverse } from "../number.ts";
import type { Arithmetic, Modulus, PowJob, ProductJob } from "../types.ts";
import {
  buildCombs,
  chooseComb,
  type Comb,
  combBytes,
  type CombJob,
  type CombShape,
  plainCost,
  powCombs,
} from "./comb.ts";
import type { Kernel, PreparedModulus } from "./kernel.ts";
import { kernelFor } from "./kernels.ts";
import { type LaneJob, LaneSpace, powWindows } from "./lanes.ts";
import { type PartProduct, splitProduct } from "./product_parts.ts";
import { type LaneTerm, powProducts } from "./products.ts";
import { type KeptTable, KeptTables } from "./tables.ts";

/** Below this a kernel's conversions cost more than they save. */
const LEAST_BITS = 384;
/** An exponent this short costs bigint less than the way into and out of a kernel. */
const LEAST_EXPONENT = 16n;
/** Powers of one base within a batch of products that make a table pay. */
const REPEATS_FOR_TABLE = 5;
/** Prepared moduli remembered per kernel. */
const MOST_MODULI = 64;
/** Bytes of kept tables. */
const KEPT_BYTES = 48 << 20;

/** A power to compute modulo one plain modulus, `exponent >= 0`. */
interface Task {
  readonly modulus: bigint;
  readonly base: bigint;
  readonly exponent: bigint;
  done(result: bigint): void;
}

/** The WebAssembly back-end. */
export class WasmArithmetic implements Arithmetic {
  readonly name = "wasm";
  readonly #moduli = new Map<Kernel, Map<bigint, PreparedModulus>>();
  readonly #kept = new KeptTables(KEPT_BYTES);

  pow(base: bigint, exponent: bigint, modulus: Modulus): bigint {
    return this.powBatch([{ base, exponent, modulus }])[0]!;
  }

  powBatch(jobs: readonly PowJob[]): bigint[] {
    const results = new Array<bigint>(jobs.length);
    const inversions = new Map<bigint, number[]>();
    let queue: Task[] = [];
    const push = (task: Task) => void queue.push(task);
    jobs.forEach(({ base, exponent, modulus }, index) => {
      checkModulus(modulus.n);
      const split = splitOf(modulus);
      if (split === undefined) {
        const { n } = modulus;
        const magnitude = exponent < 0n ? -exponent : exponent;
        push({
          modulus: n,
          base: mod(base, n),
          exponent: magnitude,
          done: (x) => void (results[index] = x),
        });
        if (exponent < 0n) {
          const list = inversions.get(n);
          if (list === undefined) inversions.set(n, [index]);
          else list.push(index);
        }
        return;
      }
      let first: bigint | undefined;
      let second: bigint | undefined;
      const joined = () => {
        if (first !== undefined && second !== undefined) {
          results[index] = split.join(first, second);
        }
      };
      partTask(base, exponent, split.p, split.q, push, (x) => {
        first = x;
        joined();
      });
      partTask(base, exponent, split.q, split.p, push, (x) => {
        second = x;
        joined();
      });
    });
    while (queue.length > 0) {
      // Tasks may leave a second step; those wait for the next turn.
      const turn = queue;
      queue = [];
      this.#run(turn);
    }
    for (const [n, list] of inversions) invertAll(results, list, n);
    return results;
  }

  productBatch(jobs: readonly ProductJob[]): bigint[] {
    const split = jobs.map(splitProduct);
    const parts = split.flatMap((product) => product?.parts ?? []);
    this.#runProducts(parts);
    const rest = jobs.filter((_, i) => split[i] === undefined);
    const powers = this.powBatch(
      rest.flatMap(({ modulus, terms }) => terms.map((term) => ({ ...term, modulus }))),
    );
    let next = 0;
    return jobs.map(({ modulus, terms }, i) =>
      split[i]?.finish() ??
        terms.reduce((product) => product * powers[next++]! % modulus.n, 1n)
    );
  }

  keep(base: bigint, modulus: Modulus, maxExponentBits: number): void {
    const split = splitOf(modulus);
    for (const part of split === undefined ? [undefined] : [split.p, split.q]) {
      const n = part?.modulus ?? modulus.n;
      const bits = Math.min(maxExponentBits, part === undefined ? Infinity : bitLength(part.order));
      const b = mod(base, n);
      if (b > 1n && bits > 0 && bitLength(n) >= LEAST_BITS && kernelFor(bitLength(n))) {
        this.#kept.keep(b, n, bits);
      }
    }
  }

  /** Runs tasks, each on the kernel of its size, small and odd ones on bigint. */
  #run(tasks: readonly Task[]): void {
    const byKernel = new Map<Kernel, Task[]>();
    for (const task of tasks) {
      const bits = bitLength(task.modulus);
      const kernel = task.exponent < LEAST_EXPONENT || task.base < 2n || bits < LEAST_BITS
        ? undefined
        : kernelFor(bits);
      if (kernel === undefined) {
        task.done(modPow(task.base, task.exponent, task.modulus));
        continue;
      }
      const list = byKernel.get(kernel);
      if (list === undefined) byKernel.set(kernel, [task]);
      else list.push(task);
    }
    for (const [kernel, list] of byKernel) {
      try {
        this.#runKernel(kernel, list);
      } finally {
        kernel.reset();
      }
    }
  }

  /** Multiplies the terms of all parts into their values. */
  #runProducts(parts: readonly PartProduct[]): void {
    const repeats = new Map<bigint, Map<bigint, number>>();
    for (const { n, terms } of parts) {
      const bases = repeats.get(n) ?? new Map<bigint, number>();
      repeats.set(n, bases);
      for (const { base } of terms) bases.set(base, (bases.get(base) ?? 0) + 1);
    }
    const tasks: Task[] = [];
    const byKernel = new Map<Kernel, { part: PartProduct; terms: LaneTerm[] }[]>();
    for (const part of parts) {
      const { n } = part;
      const times = (x: bigint) => void (part.value = part.value * x % n);
      const kernel = bitLength(n) < LEAST_BITS ? undefined : kernelFor(bitLength(n));
      const loose: LaneTerm[] = [];
      for (const term of part.terms) {
        const alone = kernel === undefined || term.exponent < LEAST_EXPONENT || term.base < 2n ||
          repeats.get(n)!.get(term.base)! >= REPEATS_FOR_TABLE ||
          this.#kept.find(term.base, n) !== undefined;
        if (alone) tasks.push({ modulus: n, ...term, done: times });
        else loose.push(term);
      }
      if (loose.length === 1) tasks.push({ modulus: n, ...loose[0]!, done: times });
      else if (loose.length > 1) {
        const list = byKernel.get(kernel!) ?? [];
        byKernel.set(kernel!, [...list, { part, terms: loose }]);
      }
    }
    this.#run(tasks);
    for (const [kernel, list] of byKernel) {
      try {
        powProducts(
          new LaneSpace(kernel),
          list.map(({ part, terms }) => ({
            modulus: this.#prepare(kernel, part.n),
            terms,
            done: (x) => void (part.value = part.value * x % part.n),
          })),
        );
      } finally {
        kernel.reset();
      }
    }
  }

  #prepare(kernel: Kernel, n: bigint): PreparedModulus {
    let moduli = this.#moduli.get(kernel);
    if (moduli === undefined) this.#moduli.set(kernel, moduli = new Map());
    let prepared = moduli.get(n);
    if (prepared !== undefined) {
      moduli.delete(n);
    } else {
      prepared = kernel.prepare(n);
      for (const oldest of moduli.keys()) {
        if (moduli.size < MOST_MODULI) break;
        moduli.delete(oldest);
      }
    }
    moduli.set(n, prepared);
    return prepared;
  }

  #runKernel(kernel: Kernel, tasks: readonly Task[]): void {
    const space = new LaneSpace(kernel);
    const groups = new Map<PreparedModulus, Map<bigint, LaneJob[]>>();
    const prepared = new Map<bigint, PreparedModulus>();
    for (const task of tasks) {
      let modulus = prepared.get(task.modulus);
      if (modulus === undefined) {
        prepared.set(task.modulus, modulus = this.#prepare(kernel, task.modulus));
        groups.set(modulus, new Map());
      }
      const job: LaneJob = { ...task, modulus, done: (x) => task.done(x) };
      const bases = groups.get(modulus)!;
      const list = bases.get(task.base);
      if (list === undefined) bases.set(task.base, [job]);
      else list.push(job);
    }
    const plain: LaneJob[] = [];
    const plan: CombPlan[] = [];
    for (const [modulus, bases] of groups) {
      for (const [base, jobs] of bases) {
        const kept = this.#kept.find(base, modulus.n);
        const short = kept === undefined
          ? []
          : jobs.filter((j) => bitLength(j.exponent) <= kept.shape.bits);
        if (kept !== undefined && short.length > 0) {
          plan.push({ modulus, base, jobs: short, shape: kept.shape, kept });
        }
        const rest = jobs.filter((j) => !short.includes(j));
        if (rest.length > 0) plan.push({ modulus, base, jobs: rest });
      }
    }
    const repeated = plan.filter((p) => p.kept === undefined && p.jobs.length > 2).length;
    for (const p of plan) if (p.kept === undefined) p.shape = shapeOf(p.jobs, repeated > 1);
    for (const p of plan) if (p.shape === undefined) plain.push(...p.jobs);
    this.#runCombs(space, plan.filter((p) => p.shape !== undefined));
    powWindows(space, plain);
  }

  #runCombs(space: LaneSpace, plan: readonly CombPlan[]): void {
    const { kernel } = space;
    const combs = new Map<CombPlan, Comb>();
    const missing = new Map<string, CombPlan[]>();
    for (const p of plan) {
      const shape = p.shape!;
      if (p.kept?.content !== undefined) {
        const at = kernel.allocate(combBytes(space, shape));
        kernel.putLimbs(at, p.kept.content);
        combs.set(p, { shape, modulus: p.modulus, at });
        continue;
      }
      const key = `${shape.bits}/${shape.teeth}/${shape.blocks}`;
      const list = missing.get(key);
      if (list === undefined) missing.set(key, [p]);
      else list.push(p);
    }
    for (const list of missing.values()) {
      for (let i = 0; i < list.length; i += 2) {
        const pair = list.slice(i, i + 2);
        const built = buildCombs(space, pair[0]!.shape!, pair);
        pair.forEach((p, k) => {
          const comb = built[k]!;
          combs.set(p, comb);
          if (p.kept !== undefined) {
            this.#kept.fill(p.kept, kernel.copyOut(comb.at, combBytes(space, comb.shape)));
          }
        });
      }
    }
    const jobs: CombJob[] = [];
    for (const p of plan) for (const job of p.jobs) jobs.push({ comb: combs.get(p)!, job });
    powCombs(space, jobs);
  }
}

/** The jobs of one base, with the comb they get (none: windows). */
interface CombPlan {
  readonly modulus: PreparedModulus;
  readonly base: bigint;
  readonly jobs: readonly LaneJob[];
  readonly kept?: KeptTable;
  shape?: CombShape;
}

/** The comb that pays for these exponents of one base, if any. */
function shapeOf(jobs: readonly LaneJob[], paired: boolean): CombShape | undefined {
  if (jobs.length < 3) return undefined;
  const lengths = jobs.map((job) => bitLength(job.exponent));
  const total = lengths.reduce((sum, bits) => sum + plainCost(bits), 0);
  // Rounded up, so that tables of like bases have one form and can be built and used in pairs.
  const bits = Math.ceil(Math.max(...lengths) / 64) * 64;
  return chooseComb(bits, jobs.length, total, paired);
}

/**
 * The work modulo one prime part. Three cases of a squared prime p^2 in a modulus N^2, N = p q, need
 * less than the general one:
 *
 * - exponent N (Paillier's r^N): x^p mod p^2 depends on x mod p only, so r^q is taken modulo p;
 * - an exponent that p - 1 divides (Paillier's decryption): x^(p-1) = 1 + p l mod p^2, and its k-th
 *   power is 1 + p (k l mod p);
 * - any other exponent is reduced modulo p (p - 1).
 */
function partTask(
  base: bigint,
  exponent: bigint,
  part: PrimePart,
  other: PrimePart,
  push: (task: Task) => void,
  done: (x: bigint) => void,
): void {
  const { prime, modulus } = part;
  if (part.exponent === 2 && exponent === prime * other.prime) {
    push({
      modulus: prime,
      base: mod(base, prime),
      // 0 only if p - 1 divides q; the power of 0 must stay 0 then.
      exponent: other.prime % (prime - 1n) || prime - 1n,
      done: (x) => push({ modulus, base: x, exponent: prime, done }),
    });
    return;
  }
  const job = reduceJob(base, exponent, part);
  if ("done" in job) {
    done(job.done);
    return;
  }
  if (part.exponent === 2 && job.exponent !== 0n && job.exponent % (prime - 1n) === 0n) {
    const times = job.exponent / (prime - 1n);
    push({
      modulus,
      base: job.base,
      exponent: prime - 1n,
      done: (x) => done(1n + prime * ((x - 1n) / prime * times % prime)),
    });
    return;
  }
  push({ modulus, base: job.base, exponent: job.exponent, done });
}

/**
 * Inverts the listed results modulo `n`, by Montgomery's trick with a single true inversion.
 *
 * @throws {RangeError} if one has no inverse.
 */
function invertAll(results: bigint[], list: readonly number[], n: bigint): void {
  const prefix: bigint[] = [];
  let product = 1n;
  for (const index of list) {
    prefix.push(product);
    product = product * results[index]! % n;
  }
  let inverse: bigint;
  try {
    inverse = modInverse(product, n);
  } catch {
    throw noInverse();
  }
  for (let i = list.length - 1; i >= 0; i--) {
    const value = results[list[i]!]!;
    results[list[i]!] = inverse * prefix[i]! % n;
    inverse = inverse * value % n;
  }
}
