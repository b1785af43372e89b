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

import { assemble, FunctionBuilder } from "./assembler.ts";
import { type Addresses, addresses, BiasCount, type KernelShape, type Layout } from "./layout.ts";
import { ProductEmitter } from "./product_emitter.ts";

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
