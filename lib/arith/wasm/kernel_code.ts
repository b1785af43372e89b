/**
 * Emits the Montgomery multiplication kernel: two independent numbers, one in each float64 lane.
 *
 * ## Numbers
 * Radix 2^50. A number has `limbs` limbs, each a float64 that holds an integer in [-2^49, 2^49),
 * the top one in [0, 2^49]. Values are in [0, 2M) for a working modulus M, and since R = 2^(50 rows)
 * is at least 4M, the product a b / R mod M is again below 2M: no final subtraction, no branch on
 * data.
 *
 * ## An exact product from two fused multiply-adds
 * With c1 = 1.5 * 2^102 a float64 has spacing 2^50, so `P = fma(a, b, c1)` is c1 plus a b rounded to
 * a multiple of 2^50, and `fma(a, b, c1 - P)` is exactly the rest, at most 2^49 in magnitude. Two or
 * three products of one column are chained: `P' = fma(x, y, P)`, rest += `fma(x, y, P - P')`. That is
 * exact while the sum stays within 2^101: a limb product is at most 2^98, a doubled one (squaring)
 * or one with a quotient digit (below 2^50) at most 2^99, so no chain reaches more than 2^100.
 * Longer chains would save a few additions, but a chain's steps wait for each other.
 * The rest starts from 3 * 2^51, so that it has spacing 1. Then the *bits* of P and of the rest,
 * read as integers, are constant biases plus the high and the low part: integer additions
 * accumulate columns, and the biases, counted while the code is emitted, are cancelled by the
 * values that the accumulator starts from.
 *
 * ## Registers
 * An operation works in place on one two-lane register X at a constant address: an access inside the
 * initial memory at a constant address needs no bounds check, any other is checked.
 *
 * ## Order of work
 * Two rows a_i, a_{i+1} a pass, all columns unrolled at constant addresses. A pass must first find its two quotient digits, a long
 * chain of dependent steps; therefore the first two columns of the *next* pass are computed in the
 * middle of the current one, as soon as their accumulators are final.
 *
 * The working modulus is not N but a multiple M = k N = -1 mod 2^50, k < 2^50, one limb longer: the
 * quotient digit is then the low part of the column itself, and its product with the lowest limb
 * (-1) needs no multiplication, it just clears that low part. The extra column costs less than the
 * two multiplications it saves, and the dependent chain becomes much shorter.
 *
 * @module
 */

import { assemble, floatBits, FunctionBuilder, type Local } from "./assembler.ts";

/** Bits of a limb. */
export const LIMB_BITS = 50;
/** Half of the radix: what is added to a signed limb to make it unsigned. */
export const HALF = 2 ** 49;

const MASK = (1n << 50n) - 1n;
const C1 = 1.5 * 2 ** 102;
const REST = 3 * 2 ** 51;
/** Bits of 2^52: or-ed to an integer below 2^52 they make the float64 2^52 + integer. */
const BITS_2_52 = floatBits(2 ** 52);
/** Keeps a column positive, so that its carry can be shifted out as an unsigned number. */
const OFFSET = 1n << 62n;
const OFFSET_CARRY = OFFSET >> 50n;

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

/** A module ready to compile, with what must be written to its memory first. */
export interface KernelCode {
  /** The module; exports `mul`, `square`, `powTwo`, `gather`, `scatter`, `memory`. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly layout: Layout;
  /** Content of `initMul`. */
  readonly mulTable: BigUint64Array;
  /** Content of `initSquare`. */
  readonly squareTable: BigUint64Array;
}

interface Addresses extends Layout {
  readonly accumulator: number;
  readonly operand0: number;
  readonly operand1: number;
}

function addresses(limbs: number): Addresses {
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
class BiasCount {
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

/** The products of one column, chained as the module comment explains. */
class Chain {
  length = 0;
  readonly #f: FunctionBuilder;
  readonly #high: Local;
  readonly #next: Local;
  readonly #rest: Local;
  constructor(f: FunctionBuilder, readonly c1: Local, readonly c2: Local) {
    this.#f = f;
    this.#high = f.vector();
    this.#next = f.vector();
    this.#rest = f.vector();
  }

  /** Adds the product of two locals. */
  add(x: Local, y: Local): void {
    const f = this.#f;
    if (this.length++ === 0) {
      f.get(x).get(y).get(this.c1).fusedMultiplyAdd().set(this.#high);
      f.get(x).get(y).get(this.c2).get(this.#high).floatSub().fusedMultiplyAdd().set(this.#rest);
    } else {
      f.get(x).get(y).get(this.#high).fusedMultiplyAdd().set(this.#next);
      f.get(x).get(y).get(this.#high).get(this.#next).floatSub().fusedMultiplyAdd();
      f.get(this.#rest).floatAdd().set(this.#rest).get(this.#next).set(this.#high);
    }
  }

  /** Adds the bits of the rest to the vector on the stack. */
  addRest(): void {
    if (this.length > 0) this.#f.get(this.#rest).add();
  }

  /** Pushes the bits of the high part; a chain must be open. */
  pushHigh(): void {
    this.#f.get(this.#high);
  }

  /** Adds the bits of the high part to the vector on the stack. */
  addHigh(): void {
    if (this.length > 0) this.#f.get(this.#high).add();
  }
}

/** A product of the first two columns: pushes nothing, leaves both factors in locals. */
type Factors = () => readonly [Local, Local];

/** Everything that multiplication and squaring have in common. */
class ProductEmitter {
  readonly f: FunctionBuilder;
  readonly #c1: Local;
  readonly #c2: Local;
  /** The products of a pass with the operand and those with the modulus. */
  readonly #chains: readonly [Chain, Chain];
  readonly #ahead: Chain;
  /** Byte offset of the current row pair. */
  readonly row: Local;
  readonly a0: Local;
  readonly a1: Local;
  readonly #q0: Local;
  readonly #q1: Local;
  readonly #carry: Local;
  /** Accumulators of the next pass' first two columns. */
  readonly #first: Local;
  readonly #second: Local;
  readonly #nextQ0: Local;
  readonly #nextQ1: Local;
  readonly #nextCarry: Local;
  readonly #t: Local;
  readonly #n1: Local;

  constructor(
    readonly shape: KernelShape,
    readonly at: Addresses,
    readonly init: number,
    readonly biases: BiasCount,
    parameters: number,
  ) {
    const f = this.f = new FunctionBuilder(parameters);
    const v = () => f.vector();
    this.#c1 = v();
    this.#c2 = v();
    this.#chains = [new Chain(f, this.#c1, this.#c2), new Chain(f, this.#c1, this.#c2)];
    this.#ahead = new Chain(f, this.#c1, this.#c2);
    this.row = f.integer();
    [this.a0, this.a1, this.#q0, this.#q1, this.#carry] = [v(), v(), v(), v(), v()];
    [this.#first, this.#second] = [v(), v()];
    [this.#nextQ0, this.#nextQ1, this.#nextCarry] = [v(), v(), v()];
    [this.#t, this.#n1] = [v(), v()];
  }

  /** Loads a vector from a constant address. */
  loadAt(address: number): FunctionBuilder {
    return this.f.i32(0).load(address);
  }

  /** Sets constants and the accumulator. */
  begin(): void {
    const { f, at, init, shape } = this;
    f.splat(floatBits(C1)).set(this.#c1).splat(floatBits(C1 + REST)).set(this.#c2);
    this.loadAt(init).set(this.#first);
    this.loadAt(init + 16).set(this.#second);
    for (let j = 2; j < shape.limbs; j++) {
      f.i32(0);
      this.loadAt(init + 16 * j).store(at.accumulator + 16 * j);
    }
    f.i32(0).set(this.row);
  }

  /** Turns the column in `t` into the quotient digit that clears its low 50 bits. */
  #quotient(t: Local, q: Local): void {
    const { f } = this;
    f.get(t).splat(MASK).and().splat(BITS_2_52).or().splat(BITS_2_52).floatSub().set(q);
  }

  /**
   * The first two columns of the pass whose first row is in [from, to), as steps that other code
   * may separate. Result: the next quotient digits and carry.
   */
  firstColumns(
    column0: readonly Factors[],
    column1: readonly Factors[],
    from: number,
    to: number,
  ): (() => void)[] {
    const { f, at } = this;
    const chain = this.#ahead;
    const products = (list: readonly Factors[]) => {
      chain.length = 0;
      for (const factors of list) chain.add(...factors());
    };
    const finish = (position: 0 | 1, total: () => void, q: Local) => {
      total();
      chain.addRest();
      f.set(this.#t);
      this.#quotient(this.#t, q);
      f.get(this.#t).shiftRight(LIMB_BITS);
      chain.addHigh();
      f.set(this.#nextCarry);
      if (chain.length > 0) this.biases.note(position, from, to);
    };
    return [
      () => products(column0),
      () => finish(0, () => f.get(this.#first), this.#nextQ0),
      () => {
        products(column1);
        this.loadAt(at.modulus + 16).set(this.#n1);
        chain.add(this.#nextQ0, this.#n1);
      },
      () => finish(1, () => f.get(this.#second).get(this.#nextCarry).add(), this.#nextQ1),
    ];
  }

  /** Makes what {@link firstColumns} found current. */
  #advance(): void {
    this.f.get(this.#nextQ0).set(this.#q0).get(this.#nextQ1).set(this.#q1)
      .get(this.#nextCarry).set(this.#carry);
  }

  /**
   * The other columns of a pass. `operand` gives the byte addresses of the factors of a0 in column j
   * and of a1 in column j (or undefined where that product is known to be zero); `ahead` are the
   * steps that start the next pass.
   */
  pass(
    operand: (j: number) => readonly [number | undefined, number | undefined],
    shared: boolean,
    ahead: (() => void)[],
    from: number,
    to: number,
  ): void {
    const { f, at, shape: { limbs }, init } = this;
    const [chain, quotients] = this.#chains;
    this.#advance();
    let [modulus, previousModulus] = [f.vector(), f.vector()];
    let [factor, previousFactor] = [f.vector(), f.vector()];
    this.loadAt(at.modulus + 16).set(previousModulus);
    let loaded: number | undefined;
    // Spread the steps of the next pass over the columns after the one that completes its input.
    const firstSlot = 5;
    const gap = Math.max(1, Math.floor((limbs - firstSlot) / (2 * ahead.length)));
    for (let j = 2; j <= limbs; j++) {
      const [x0, x1] = j < limbs ? operand(j) : [undefined, operand(j)[1]];
      chain.length = quotients.length = 0;
      if (x0 !== undefined) {
        this.loadAt(x0).set(factor);
        chain.add(this.a0, factor);
      }
      if (x1 !== undefined) {
        // In a multiplication the factor of a1 is what a0 met one column before.
        if (!shared || loaded !== x1) this.loadAt(x1).set(previousFactor);
        chain.add(this.a1, previousFactor);
      }
      if (j < limbs) {
        this.loadAt(at.modulus + 16 * j).set(modulus);
        quotients.add(this.#q0, modulus);
      }
      quotients.add(this.#q1, previousModulus);
      // Column j of this pass is column j - 2 of the next.
      if (j > 3) f.i32(0);
      if (j < limbs) this.loadAt(at.accumulator + 16 * j);
      else f.get(this.row).load(init + 16 * limbs);
      f.get(this.#carry).add();
      chain.addRest();
      quotients.addRest();
      if (j === 2) f.set(this.#first);
      else if (j === 3) f.set(this.#second);
      else f.store(at.accumulator + 16 * (j - 2));
      quotients.pushHigh();
      chain.addHigh();
      f.set(this.#carry);
      for (const c of [chain, quotients]) if (c.length > 0) this.biases.note(j, from, to);
      [modulus, previousModulus] = [previousModulus, modulus];
      [factor, previousFactor] = [previousFactor, factor];
      loaded = x0;
      if (j >= firstSlot && (j - firstSlot) % gap === 0 && j < limbs) ahead.shift()?.();
    }
    f.i32(0).get(this.row).load(init + 16 * limbs + 16).get(this.#carry).add()
      .store(at.accumulator + 16 * (limbs - 1));
    while (ahead.length > 0) ahead.shift()!();
  }

  /** Loads the two limbs of X that the pass multiplies by. */
  loadRows(): void {
    const { f, at, row } = this;
    f.get(row).load(at.register).set(this.a0).get(row).load(at.register + 16).set(this.a1);
  }

  /** Moves to the next row pair; leaves whether one is left before row `end`. */
  next(end: number): void {
    this.f.get(this.row).i32(32).i32Add().tee(this.row).i32(16 * end).i32NotEqual();
  }

  /** Carries, makes limbs signed floats, stores the result in X; doubles where asked. */
  end(doubling: boolean): void {
    const { f, at, shape: { limbs } } = this;
    const [mask, exponent, half, t, carry] = [this.#c1, this.#c2, this.a0, this.#t, this.#carry];
    f.splat(MASK).set(mask).splat(BITS_2_52).set(exponent);
    f.splat(floatBits(2 ** 52 + HALF)).set(half);
    if (doubling) this.loadAt(at.doubleMask).set(this.a1);
    for (let j = 0; j < limbs; j++) {
      f.i32(0);
      if (j === 0) f.get(this.#first);
      else if (j === 1) f.get(this.#second);
      else this.loadAt(at.accumulator + 16 * j);
      if (doubling) {
        const constant = OFFSET - (j === 0 ? 0n : OFFSET_CARRY) +
          (j < limbs - 1 ? 1n << 49n : 0n);
        f.tee(t).splat(constant).sub().get(this.a1).and().get(t).add();
      }
      if (j > 0) f.get(carry).add();
      f.tee(t).get(mask).and().get(exponent).or();
      f.get(j < limbs - 1 ? half : exponent).floatSub().store(at.register + 16 * j);
      if (j < limbs - 1) f.get(t).shiftRight(LIMB_BITS).set(carry);
    }
  }
}

/** `mul(b0, b1)`: multiplies X by the one-lane factors of the two lanes. */
function emitMul(shape: KernelShape, at: Addresses, biases: BiasCount): FunctionBuilder {
  const e = new ProductEmitter(shape, at, at.initMul, biases, 2);
  const { f } = e;
  const [b0, b1] = [f.parameter(0), f.parameter(1)];
  e.begin();
  for (let j = 0; j < shape.limbs; j++) {
    f.i32(0).get(b1).get(b0).loadLane0(8 * j).loadLane1(8 * j).store(at.operand0 + 16 * j);
  }
  const [x0, x1, y0, y1] = [f.vector(), f.vector(), f.vector(), f.vector()];
  const start = (offset: number, from: number, to: number) =>
    e.firstColumns(
      [() => {
        f.get(e.row).load(at.register + offset).set(x0);
        f.get(e.row).load(at.register + offset + 16).set(x1);
        e.loadAt(at.operand0).set(y0);
        return [x0, y0];
      }],
      [() => {
        e.loadAt(at.operand0 + 16).set(y1);
        return [x0, y1];
      }, () => [x1, y0]],
      from,
      to,
    );
  for (const step of start(0, 0, 2)) step();
  f.loopWhile(() => {
    e.loadRows();
    e.pass(
      (j) => [at.operand0 + 16 * j, at.operand0 + 16 * (j - 1)],
      true,
      start(32, 2, at.rows),
      0,
      at.rows,
    );
    e.next(at.rows);
  });
  e.end(false);
  return f;
}

/**
 * Blocks of row pairs of a squaring, each with its own code that leaves out columns known zero.
 * More blocks leave out more, but their code must be fetched: measured, four are best for few limbs,
 * two or three for many.
 */
function squareBlocks(limbs: number): number {
  return limbs <= 32 ? 4 : limbs <= 62 ? 2 : 3;
}

/**
 * `squareOnce()`: squares X. Row i multiplies a_i by a_i once and by the doubled a_j of all j > i,
 * so the operand arrays hold doubled limbs and zeros below the diagonal.
 */
function emitSquare(shape: KernelShape, at: Addresses, biases: BiasCount): FunctionBuilder {
  const e = new ProductEmitter(shape, at, at.initSquare, biases, 0);
  const { f } = e;
  const t = f.vector();
  e.begin();
  for (let j = 0; j < at.rows; j++) {
    e.loadAt(at.register + 16 * j).tee(t).get(t).floatAdd().set(t);
    f.i32(0).get(t).store(at.operand0 + 16 * j).i32(0).get(t).store(at.operand1 + 16 * j);
  }
  const [x0, y1] = [f.vector(), f.vector()];
  const start = e.firstColumns(
    [() => {
      e.loadAt(at.register).set(x0);
      return [x0, x0];
    }],
    [() => {
      e.loadAt(at.operand0 + 16).set(y1);
      return [x0, y1];
    }],
    0,
    2,
  );
  for (const step of start) step();
  const blocks = squareBlocks(shape.limbs);
  const bound = (block: number) => 2 * Math.round(at.rows / 2 * block / blocks);
  for (let block = 0; block < blocks; block++) {
    const [from, to] = [bound(block), bound(block + 1)];
    f.loopWhile(() => {
      e.loadRows();
      f.get(e.row).get(e.a0).store(at.operand0);
      f.get(e.row).splat(0n).store(at.operand1).get(e.row).get(e.a1).store(at.operand1 + 16);
      e.pass(
        (j) => [
          j >= from ? at.operand0 + 16 * j : undefined,
          j - 1 >= from ? at.operand1 + 16 * (j - 1) : undefined,
        ],
        false,
        // From the second pass on the first two columns are below the diagonal.
        e.firstColumns([], [], from + 2, to + 2),
        from,
        to,
      );
      f.get(e.row).splat(0n).store(at.operand0).get(e.row).splat(0n).store(at.operand0 + 16);
      f.get(e.row).splat(0n).store(at.operand1 + 16);
      e.next(to);
    });
  }
  e.end(shape.doubling);
  return f;
}

/** `square(count)`: squares X `count > 0` times. `self` is squareOnce's number. */
function emitRepeat(self: number): FunctionBuilder {
  const f = new FunctionBuilder(1);
  const count = f.parameter(0);
  f.loopWhile(() => f.call(self).get(count).i32(1).i32Sub().tee(count));
  return f;
}

/**
 * `powTwo(masks, count)`: squares X `count > 0` times, after each squaring doubling the lanes whose
 * 64 bits in the next vector of `masks` are all ones.
 */
function emitPowTwo(self: number, at: Addresses): FunctionBuilder {
  const f = new FunctionBuilder(2);
  const [masks, count] = [f.parameter(0), f.parameter(1)];
  f.loopWhile(() => {
    f.i32(0).get(masks).load().store(at.doubleMask).call(self);
    f.get(masks).i32(16).i32Add().set(masks);
    f.get(count).i32(1).i32Sub().tee(count);
  });
  f.i32(0).splat(0n).store(at.doubleMask);
  return f;
}

/** `gather(s0, s1)`: makes X of two one-lane numbers. */
function emitGather(limbs: number, at: Addresses): FunctionBuilder {
  const f = new FunctionBuilder(2);
  const [s0, s1] = [f.parameter(0), f.parameter(1)];
  for (let j = 0; j < limbs; j++) {
    f.i32(0).get(s1).get(s0).loadLane0(8 * j).loadLane1(8 * j).store(at.register + 16 * j);
  }
  return f;
}

/** `scatter(t0, t1)`: takes X apart. */
function emitScatter(limbs: number, at: Addresses): FunctionBuilder {
  const f = new FunctionBuilder(2);
  const [t0, t1] = [f.parameter(0), f.parameter(1)];
  const v = f.vector();
  for (let j = 0; j < limbs; j++) {
    f.get(t0).i32(0).load(at.register + 16 * j).tee(v).storeLane(0, 8 * j);
    f.get(t1).get(v).storeLane(1, 8 * j);
  }
  return f;
}

/** Emits the kernel of a shape. */
export function emitKernel(
  shape: KernelShape,
  initialPages: number,
  maximumPages: number,
): KernelCode {
  const at = addresses(shape.limbs);
  const mulBiases = new BiasCount(shape.limbs, at.rows);
  const squareBiases = new BiasCount(shape.limbs, at.rows);
  const bytes = assemble(
    {
      squareOnce: emitSquare(shape, at, squareBiases),
      mul: emitMul(shape, at, mulBiases),
      square: emitRepeat(0),
      ...(shape.doubling ? { powTwo: emitPowTwo(0, at) } : {}),
      gather: emitGather(shape.limbs, at),
      scatter: emitScatter(shape.limbs, at),
    },
    initialPages,
    maximumPages,
  );
  return { bytes, layout: at, mulTable: mulBiases.table(), squareTable: squareBiases.table() };
}
