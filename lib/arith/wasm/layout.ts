/**
 * Shape, constants and memory layout of a multiplication kernel (explained in `kernel_code.ts`), and
 * the start values of its accumulator.
 *
 * @module
 */

import { floatBits } from "./assembler.ts";

/** Bits of a limb. */
export const LIMB_BITS = 50;
/** Half of the radix: what is added to a signed limb to make it unsigned. */
export const HALF = 2 ** 49;

/** The low bits that make a limb. */
export const MASK = (1n << 50n) - 1n;
/** Where high parts start: 1.5 * 2^102. */
export const C1 = 1.5 * 2 ** 102;
/** Where rests start: 3 * 2^51. */
export const REST = 3 * 2 ** 51;
/** Bits of 2^52: or-ed to an integer below 2^52 they make the float64 2^52 + integer. */
export const BITS_2_52 = floatBits(2 ** 52);
/** Keeps a column positive, so that its carry can be shifted out as an unsigned number. */
export const OFFSET = 1n << 62n;
/** What the offset leaves in the next column. */
export const OFFSET_CARRY = OFFSET >> 50n;

/** What a kernel is made for. */
export interface KernelShape {
  /** Limbs of a number, at least 8. */
  readonly limbs: number;
  /** Whether a squaring can double its result by lane; needs R >= 64 M. */
  readonly doubling: boolean;
}

/** Where things are in the kernel's memory (byte addresses). */
export interface Layout {
  /** Rows of a multiplication: limbs rounded up to even. */
  readonly rows: number;
  /** Start values of the accumulator for a multiplication. */
  readonly initMul: number;
  /** Start values of the accumulator for a squaring. */
  readonly initSquare: number;
  /** The register X, two-lane. */
  readonly register: number;
  /** Both working moduli, two-lane. */
  readonly modulus: number;
  /** All ones in a lane whose squaring is doubled. */
  readonly doubleMask: number;
  /** First free address, a multiple of 64. */
  readonly heap: number;
}

/** The layout with the parts that only emitted code uses. */
export interface Addresses extends Layout {
  readonly accumulator: number;
  readonly operand0: number;
  readonly operand1: number;
}

/** Lays out the memory of a kernel. */
export function addresses(limbs: number): Addresses {
  const rows = limbs + (limbs & 1);
  const columns = limbs + rows + 2;
  // Below 1024 nothing is kept: a null address shows in the results.
  const initMul = 1024;
  const initSquare = initMul + columns * 16;
  const register = initSquare + columns * 16;
  // A pass looks two rows ahead, after the last one past the end.
  const accumulator = register + (rows + 2) * 16;
  const operand0 = accumulator + (limbs + 2) * 16;
  const operand1 = operand0 + (rows + 2) * 16;
  const modulus = operand1 + (rows + 2) * 16;
  const doubleMask = modulus + limbs * 16;
  const heap = (doubleMask + 16 + 63) & ~63;
  return {
    ...{ rows, initMul, initSquare, register, accumulator, operand0, operand1 },
    ...{ modulus, doubleMask, heap },
  };
}

/** Counts how often the biases of rest and high part were added to each column. */
export class BiasCount {
  readonly #rest: number[];
  readonly #high: number[];
  constructor(readonly limbs: number, readonly rows: number) {
    this.#rest = new Array<number>(limbs + rows + 2).fill(0);
    this.#high = [...this.#rest];
  }

  /** Notes one chain in column `position` of every pass whose first row is in [from, to). */
  note(position: number, from: number, to: number): void {
    for (let row = from; row < Math.min(to, this.rows); row += 2) {
      this.#rest[row + position]!++;
      this.#high[row + position + 1]!++;
    }
  }

  /** Returns the start values that cancel all biases, both lanes. */
  table(): BigUint64Array {
    const { limbs, rows } = this;
    const restBias = floatBits(REST);
    const highBias = floatBits(C1);
    return BigUint64Array.from({ length: 2 * (limbs + rows + 2) }, (_, k) => {
      const c = k >> 1;
      const biases = BigInt(this.#rest[c]!) * restBias + BigInt(this.#high[c]!) * highBias;
      // Result limbs but the top one are made signed: half a radix is added here, taken off last.
      const half = c >= rows && c < rows + limbs - 1 ? 1n << 49n : 0n;
      return BigInt.asUintN(64, OFFSET - (c === 0 ? 0n : OFFSET_CARRY) - biases + half);
    });
  }
}
