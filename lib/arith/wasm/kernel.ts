/**
 * A compiled multiplication kernel with its memory: conversion of numbers, moduli, allocation.
 *
 * Numbers in memory are *one-lane*: `limbs` float64 in a row. Operations work in place on the
 * register X, which is *two-lane*: limb j of both lanes is adjacent. {@link Kernel.gather} and
 * {@link Kernel.scatter} go from one form to the other, so any two numbers can share an operation.
 *
 * @module
 */

import { bitLength } from "../../encoding/bytes.ts";
import { emitKernel } from "./kernel_code.ts";
import { HALF, type KernelShape, type Layout, LIMB_BITS } from "./layout.ts";

const WIDTH = BigInt(LIMB_BITS);
const PAGE = 65536;
const INITIAL_PAGES = 16;
const MAXIMUM_PAGES = 2048;

/** A byte address in a kernel's memory. */
export type Address = number;

/** A modulus in the form a kernel works with; made by {@link Kernel.prepare}. */
export interface PreparedModulus {
  /** The modulus proper. */
  readonly n: bigint;
  /** Limbs of the working modulus M, the multiple of `n` that is -1 modulo the radix. */
  readonly limbs: Float64Array;
  /** Limbs of `R mod n`: 1 in Montgomery form. */
  readonly one: Float64Array;
  /** Limbs of `R^2 mod n`: multiplying by it goes to Montgomery form. */
  readonly square: Float64Array;
}

/** Computes the constants that an operation may never need at their first use. */
class LazyModulus implements PreparedModulus {
  readonly limbs: Float64Array;
  readonly #kernel: Kernel;
  #one: Float64Array | undefined;
  #square: Float64Array | undefined;

  constructor(readonly n: bigint, kernel: Kernel) {
    this.#kernel = kernel;
    this.limbs = kernel.limbsOf(n * negativeInverse(n));
  }

  get one(): Float64Array {
    return this.#one ??= this.#kernel.limbsOf(this.#kernel.r % this.n);
  }

  get square(): Float64Array {
    const { r } = this.#kernel;
    return this.#square ??= this.#kernel.limbsOf(r * r % this.n);
  }
}

interface KernelExports {
  readonly memory: WebAssembly.Memory;
  mul(b0: Address, b1: Address): void;
  square(count: number): void;
  powTwo?(masks: Address, count: number): void;
  gather(s0: Address, s1: Address): void;
  scatter(t0: Address, t1: Address): void;
}

/** Limb counts that get a kernel: a bounded number of modules, whatever sizes a peer sends. */
const LIMB_COUNTS: readonly number[] = [12, 22, 32, 42, 52, 62, 72, 84, 88];
/** Kernels up to this many limbs can double: that is what the search for primes needs. */
const MOST_DOUBLING_LIMBS = 22;

/** Returns `-n^-1 mod 2^50` for odd `n`. */
function negativeInverse(n: bigint): bigint {
  const low = BigInt.asUintN(50, n);
  let inverse = 1n;
  // Newton's step doubles the number of right bits.
  for (let i = 0; i < 6; i++) inverse = BigInt.asUintN(50, inverse * (2n - low * inverse));
  return BigInt.asUintN(50, -inverse);
}

/** The shape of the smallest kernel for moduli of `bits` bits, or `undefined` if there is none. */
export function shapeFor(bits: number): KernelShape | undefined {
  for (const limbs of LIMB_COUNTS) {
    const doubling = limbs <= MOST_DOUBLING_LIMBS;
    // The working modulus is a limb longer; R >= 4M, and R >= 64M where results are doubled.
    if (bits + LIMB_BITS + (doubling ? 6 : 2) <= LIMB_BITS * limbs) return { limbs, doubling };
  }
  return undefined;
}

/** One kernel. Not to be used by two operations at once: it has one set of moduli. */
export class Kernel {
  readonly shape: KernelShape;
  readonly #layout: Layout;
  readonly #exports: KernelExports;
  /** The integer whose limbs are all `HALF` but the top one: makes limbs unsigned. */
  readonly #bias: bigint;
  #floats!: Float64Array;
  #top: Address;
  #moduli: readonly [PreparedModulus | undefined, PreparedModulus | undefined] = [
    undefined,
    undefined,
  ];
  /** Bytes of a one-lane number. */
  readonly single: number;
  /** R as a bigint. */
  readonly r: bigint;

  /** Emits, compiles and instantiates a kernel; some ten milliseconds. */
  constructor(shape: KernelShape) {
    this.shape = shape;
    const code = emitKernel(shape, INITIAL_PAGES, MAXIMUM_PAGES);
    const module = new WebAssembly.Module(code.bytes);
    this.#exports = new WebAssembly.Instance(module).exports as unknown as KernelExports;
    this.#layout = code.layout;
    this.#top = code.layout.heap;
    const buffer = this.#exports.memory.buffer;
    this.#floats = new Float64Array(buffer);
    new BigUint64Array(buffer).set(code.mulTable, code.layout.initMul / 8);
    new BigUint64Array(buffer).set(code.squareTable, code.layout.initSquare / 8);
    const { rows } = code.layout;
    this.single = 8 * rows;
    this.r = 1n << BigInt(LIMB_BITS * rows);
    let bias = 0n;
    for (let j = 0; j < shape.limbs - 1; j++) bias += BigInt(HALF) << (WIDTH * BigInt(j));
    this.#bias = bias;
  }

  /** Reserves zeroed-at-reset memory until {@link Kernel.reset}; grows the memory if it must. */
  allocate(bytes: number): Address {
    const at = this.#top;
    this.#top += (bytes + 63) & ~63;
    const missing = this.#top - this.#floats.byteLength;
    if (missing > 0) {
      this.#exports.memory.grow(Math.ceil(missing / PAGE));
      this.#floats = new Float64Array(this.#exports.memory.buffer);
    }
    return at;
  }

  /** Frees everything allocated and overwrites it, the moduli and the work space with zeros. */
  reset(): void {
    const { initSquare, heap, rows } = this.#layout;
    const work = initSquare + (this.shape.limbs + rows + 2) * 16;
    this.#floats.fill(0, work / 8, this.#top / 8);
    this.#top = heap;
    this.#moduli = [undefined, undefined];
  }

  /** Converts an integer in `[0, 2M)` to limbs. */
  #toLimbs(value: bigint, out: Float64Array, at: number): void {
    const { limbs } = this.shape;
    let rest = value + this.#bias;
    let excess = 0n;
    // Eight limbs at a time: shifting the whole number once per limb would be quadratic.
    for (let i = 0; i < limbs; i += 8) {
      let part = BigInt.asUintN(400, rest);
      rest >>= 400n;
      const end = Math.min(i + 8, limbs);
      for (let j = i; j < end; j++) {
        out[at + j] = Number(BigInt.asUintN(50, part)) - (j < limbs - 1 ? HALF : 0);
        part >>= WIDTH;
      }
      excess = part;
    }
    if (rest !== 0n || excess !== 0n) {
      throw new RangeError("Cannot convert: the number is too large for the kernel");
    }
  }

  /** Returns the limbs of an integer in `[0, 2M)`. */
  limbsOf(value: bigint): Float64Array {
    const out = new Float64Array(this.shape.limbs);
    this.#toLimbs(value, out, 0);
    return out;
  }

  /** Writes an integer in `[0, 2M)` as a one-lane number. */
  put(at: Address, value: bigint): void {
    this.#toLimbs(value, this.#floats, at / 8);
  }

  /** Writes limbs as a one-lane number. */
  putLimbs(at: Address, limbs: Float64Array): void {
    this.#floats.set(limbs, at / 8);
  }

  /** Reads one lane of X: an integer in `[0, 2M)`. */
  read(lane: 0 | 1): bigint {
    const { limbs } = this.shape;
    const floats = this.#floats;
    let index = this.#layout.register / 8 + lane + 2 * (limbs - 1);
    let value = 0n;
    for (let i = limbs; i > 0;) {
      let part = 0n;
      const count = i % 8 || 8;
      for (let k = 0; k < count; k++) {
        part = (part << WIDTH) | BigInt(floats[index]! + (i - k < limbs ? HALF : 0));
        index -= 2;
      }
      value = (value << (WIDTH * BigInt(count))) | part;
      i -= count;
    }
    return value - this.#bias;
  }

  /** Copies memory out, for a table that is kept. */
  copyOut(at: Address, bytes: number): Float64Array {
    return this.#floats.slice(at / 8, (at + bytes) / 8);
  }

  /**
   * Makes an odd modulus ready.
   *
   * @throws {RangeError} if it is of another kernel's size.
   */
  prepare(n: bigint): PreparedModulus {
    if (shapeFor(bitLength(n))?.limbs !== this.shape.limbs) {
      throw new RangeError("Cannot prepare: the modulus is not of the kernel's size");
    }
    return new LazyModulus(n, this);
  }

  /** Sets the moduli of the two lanes. */
  setModuli(m0: PreparedModulus, m1: PreparedModulus): void {
    if (this.#moduli[0] === m0 && this.#moduli[1] === m1) return;
    const { modulus } = this.#layout;
    const floats = this.#floats;
    const [l0, l1] = [m0.limbs, m1.limbs];
    for (let j = 0, at = modulus / 8; j < l0.length; j++) {
      floats[at++] = l0[j]!;
      floats[at++] = l1[j]!;
    }
    this.#moduli = [m0, m1];
  }

  /** `X = X b / R` in both lanes, `b0` and `b1` the one-lane factors. */
  mul(b0: Address, b1: Address): void {
    this.#exports.mul(b0, b1);
  }
  /** `X = X^2 / R` in both lanes, `count > 0` times. */
  square(count: number): void {
    this.#exports.square(count);
  }
  /** Makes X of two one-lane numbers. */
  gather(s0: Address, s1: Address): void {
    this.#exports.gather(s0, s1);
  }
  /** Writes the lanes of X as one-lane numbers. */
  scatter(t0: Address, t1: Address): void {
    this.#exports.scatter(t0, t1);
  }

  /**
   * Squares X once per bit and doubles lane l after it where bit i of `bits[l]`, a text of
   * zeros and ones from index `from` on, is 1.
   *
   * @throws {RangeError} if the kernel was not made for doubling.
   */
  powTwo(masks: Address, bits: readonly [string, string], from: number): void {
    const { powTwo } = this.#exports;
    if (powTwo === undefined) throw new RangeError("This kernel does not double");
    const [t0, t1] = bits;
    const count = t0.length - from;
    const words = new Int32Array(this.#floats.buffer, masks, 4 * count);
    for (let i = 0; i < count; i++) {
      words[4 * i] = words[4 * i + 1] = -(t0.charCodeAt(from + i) & 1);
      words[4 * i + 2] = words[4 * i + 3] = -(t1.charCodeAt(from + i) & 1);
    }
    powTwo(masks, count);
  }
}
