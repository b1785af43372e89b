/**
 * Emits what multiplication and squaring share: passes over two rows, normalisation of the result.
 * How the arithmetic works stands in `kernel_code.ts`.
 *
 * @module
 */

import { floatBits, FunctionBuilder, type Local } from "./assembler.ts";
import {
  type Addresses,
  type BiasCount,
  BITS_2_52,
  C1,
  HALF,
  type KernelShape,
  LIMB_BITS,
  MASK,
  OFFSET,
  OFFSET_CARRY,
  REST,
} from "./layout.ts";

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
export class ProductEmitter {
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
