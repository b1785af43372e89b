/**
 * Poly1305 in WebAssembly: numbers modulo 2^130 - 5 in five limbs of 26 bits, products in 64-bit
 * integers. No branch and no address depends on data. Source: RFC 8439, section 2.5.
 *
 * @module
 */

import { FunctionBuilder, type Local } from "../arith/wasm/assembler.ts";

/** Where the functions find and leave their data, byte addresses. */
export interface PolyLayout {
  /** Five 64-bit limbs: the sum so far, zero at first. */
  readonly sum: number;
  /** Five 64-bit limbs: the clamped multiplier r. */
  readonly multiplier: number;
  /** 16 bytes: the number s added at the end. */
  readonly addend: number;
  /** 16 bytes: the result. */
  readonly tag: number;
}

const LIMB = 26;
const MASK = 2 ** LIMB - 1;
const limbs = [0, 1, 2, 3, 4] as const;

/**
 * Emits `absorb(at, blocks, top)`: takes in `blocks` times 16 bytes, at least one, from the address
 * `at` on. `top` is 2^24 for whole blocks, and 0 for the last one when its end is marked in its
 * bytes.
 */
export function emitAbsorb(layout: PolyLayout): FunctionBuilder {
  const f = new FunctionBuilder(3);
  const [at, blocks, top] = [f.parameter(0), f.parameter(1), f.parameter(2)];
  const h = limbs.map(() => f.long());
  const r = limbs.map(() => f.long());
  /** 5 r: what passes 2^130 comes back five times. */
  const folded = limbs.map(() => f.long());
  const d = limbs.map(() => f.long());
  for (const i of limbs) {
    f.i32(layout.sum).i64Load(8 * i).set(h[i]!);
    f.i32(layout.multiplier).i64Load(8 * i).tee(r[i]!).i64(5).i64Mul().set(folded[i]!);
  }
  f.loopWhile(() => {
    for (const i of limbs) {
      // Limb i begins at bit 26 i: in byte 3 i, 2 i bits up.
      f.get(h[i]!).get(at).i64Load32(3 * i).i64ShiftRight(2 * i);
      if (i < 4) f.i64(MASK).i64And();
      else f.get(top).i64Extend().i64Or();
      f.i64Add().set(h[i]!);
    }
    for (const k of limbs) {
      for (const i of limbs) {
        const j = (k - i + 5) % 5;
        f.get(h[i]!).get(i <= k ? r[j]! : folded[j]!).i64Mul();
        if (i > 0) f.i64Add();
      }
      f.set(d[k]!);
    }
    for (const k of limbs) {
      if (k > 0) f.get(d[k - 1]!).i64ShiftRight(LIMB).get(d[k]!).i64Add().set(d[k]!);
      f.get(d[k]!).i64(MASK).i64And().set(h[k]!);
    }
    f.get(d[4]!).i64ShiftRight(LIMB).i64(5).i64Mul().get(h[0]!).i64Add().set(h[0]!);
    carry(f, h, 0);
    f.get(at).i32(16).i32Add().set(at);
    f.get(blocks).i32(1).i32Sub().tee(blocks);
  });
  for (const i of limbs) f.i32(layout.sum).get(h[i]!).i64Store(8 * i);
  return f;
}

/** Brings limb i below 2^26 and hands the rest to the next one, or back to the first. */
function carry(f: FunctionBuilder, h: readonly Local[], i: number): void {
  const to = h[(i + 1) % 5]!;
  f.get(h[i]!).i64ShiftRight(LIMB);
  if (i === 4) f.i64(5).i64Mul();
  f.get(to).i64Add().set(to);
  f.get(h[i]!).i64(MASK).i64And().set(h[i]!);
}

/** Emits `finish()`: reduces the sum wholly, adds the addend, leaves the tag. */
export function emitFinish(layout: PolyLayout): FunctionBuilder {
  const f = new FunctionBuilder(0);
  const h = limbs.map(() => f.long());
  const g = limbs.map(() => f.long());
  const mask = f.long();
  const low = f.long();
  for (const i of limbs) f.i32(layout.sum).i64Load(8 * i).set(h[i]!);
  for (const i of [1, 2, 3, 4, 0]) carry(f, h, i);
  // g = h - (2^130 - 5), which is not negative exactly if h has to be reduced.
  f.get(h[0]!).i64(5).i64Add().set(g[0]!);
  for (const i of limbs.slice(1)) {
    f.get(g[i - 1]!).i64ShiftRight(LIMB).get(h[i]!).i64Add().set(g[i]!);
    f.get(g[i - 1]!).i64(MASK).i64And().set(g[i - 1]!);
  }
  f.get(g[4]!).i64(2 ** LIMB).i64Sub().tee(g[4]!).i64ShiftRight(63).i64(1).i64Sub().set(mask);
  for (const i of limbs) {
    // h or g without a branch: h ^ ((h ^ g) & mask).
    f.get(h[i]!).get(h[i]!).get(g[i]!).i64Xor().get(mask).i64And().i64Xor().set(h[i]!);
  }
  f.get(h[0]!).get(h[1]!).i64ShiftLeft(26).i64Or().get(h[2]!).i64ShiftLeft(52).i64Or();
  f.i32(layout.addend).i64Load().i64Add().set(low);
  f.i32(layout.tag).get(low).i64Store();
  f.i32(layout.tag);
  f.get(h[2]!).i64ShiftRight(12).get(h[3]!).i64ShiftLeft(14).i64Or();
  f.get(h[4]!).i64ShiftLeft(40).i64Or();
  f.i32(layout.addend).i64Load(8).i64Add();
  f.get(low).i32(layout.addend).i64Load().i64Less().i64Extend().i64Add();
  f.i64Store(8);
  return f;
}
