/**
 * Salsa20 in WebAssembly: four blocks at once, one in each 32-bit lane of sixteen vectors. Source:
 * Bernstein, "The Salsa20 family of stream ciphers" (2008), sections 3 and 4.
 *
 * @module
 */

import { FunctionBuilder, type Local } from "../arith/wasm/assembler.ts";

/** Blocks worked on at once. */
export const SALSA_LANES = 4;
/** Bytes of a block. */
export const SALSA_BLOCK = 64;

/** Where the functions find and leave their data, byte addresses. */
export interface SalsaLayout {
  /** Sixteen 32-bit words: constants, key, nonce, counter. */
  readonly input: number;
  /** Sixteen vectors: the words, each in all lanes; the counter's differ. */
  readonly state: number;
  /** Sixteen vectors: the words after twenty rounds, nothing added. */
  readonly mixed: number;
}

/** The word of the state that counts blocks; the one above it stays zero, below 256 GiB. */
const COUNTER = 8;
const COLUMNS = [[0, 4, 8, 12], [5, 9, 13, 1], [10, 14, 2, 6], [15, 3, 7, 11]] as const;
const ROWS = [[0, 1, 2, 3], [5, 6, 7, 4], [10, 11, 8, 9], [15, 12, 13, 14]] as const;
/** For each step of a quarter round: the word that changes, the two that change it, the rotation. */
const STEPS = [[1, 0, 3, 7], [2, 1, 0, 9], [3, 2, 1, 13], [0, 3, 2, 18]] as const;

const words = Array.from({ length: 16 }, (_, i) => i);

/** Emits `mix()`: twenty rounds of what stands at `state`, into `mixed`. */
export function emitMix(layout: SalsaLayout): FunctionBuilder {
  const f = new FunctionBuilder(0);
  const x = words.map(() => f.vector());
  const sum = f.vector();
  const left = f.integer();
  for (const i of words) f.i32(layout.state).load(16 * i).set(x[i]!);
  f.i32(10).set(left);
  f.loopWhile(() => {
    for (const quarters of [COLUMNS, ROWS]) {
      // The four quarter rounds are independent of each other, so their steps alternate.
      for (const [target, a, b, bits] of STEPS) {
        for (const quarter of quarters) {
          rotateInto(f, x[quarter[target]]!, x[quarter[a]]!, x[quarter[b]]!, bits, sum);
        }
      }
    }
    f.get(left).i32(1).i32Sub().tee(left);
  });
  for (const i of words) f.i32(layout.mixed).get(x[i]!).store(16 * i);
  return f;
}

/** `target ^= (a + b) <<< bits`, in all lanes. */
function rotateInto(
  f: FunctionBuilder,
  target: Local,
  a: Local,
  b: Local,
  bits: number,
  sum: Local,
): void {
  f.get(a).get(b).add32().tee(sum).shiftLeft32(bits).get(target).xor();
  f.get(sum).shiftRight32(32 - bits).xor().set(target);
}

/** Emits `spread()`: takes the words at `input` into all lanes of `state`. */
export function emitSpread(layout: SalsaLayout): FunctionBuilder {
  const f = new FunctionBuilder(0);
  for (const i of words) {
    f.i32(layout.state).i32(layout.input).loadSplat32(4 * i).store(16 * i);
  }
  return f;
}

/**
 * Emits `stream(at, groups)`: adds the key stream to `groups` times four blocks of data from the
 * address `at` on. The counter begins as it stands in `state`, to be spread just before.
 *
 * @param mix the index of the function of {@link emitMix}.
 */
export function emitStream(layout: SalsaLayout, mix: number): FunctionBuilder {
  const f = new FunctionBuilder(2);
  const [at, groups] = [f.parameter(0), f.parameter(1)];
  const pairs = [f.vector(), f.vector(), f.vector(), f.vector()] as const;
  const quad = [f.vector(), f.vector(), f.vector(), f.vector()] as const;
  const count = (by: readonly [number, number, number, number]) =>
    f.i32(layout.state).i32(layout.state).load(16 * COUNTER).lanes32(by).add32()
      .store(16 * COUNTER);
  count([0, 1, 2, 3]);
  f.loopWhile(() => {
    f.call(mix);
    for (let i = 0; i < 16; i += 4) {
      for (const [k, word] of quad.entries()) {
        f.i32(layout.mixed).load(16 * (i + k)).i32(layout.state).load(16 * (i + k)).add32();
        f.set(word);
      }
      // Four words of four blocks: from a word in a row to a block in a row.
      const [a, b, c, d] = quad;
      f.get(a).get(b).shuffle32([0, 4, 1, 5]).set(pairs[0]);
      f.get(c).get(d).shuffle32([0, 4, 1, 5]).set(pairs[1]);
      f.get(a).get(b).shuffle32([2, 6, 3, 7]).set(pairs[2]);
      f.get(c).get(d).shuffle32([2, 6, 3, 7]).set(pairs[3]);
      for (let block = 0; block < SALSA_LANES; block++) {
        const half = block < 2 ? 0 : 2;
        const offset = SALSA_BLOCK * block + 4 * i;
        f.get(at).get(at).load(offset).get(pairs[half]!).get(pairs[half + 1]!);
        f.shuffle32(block % 2 === 0 ? [0, 1, 4, 5] : [2, 3, 6, 7]).xor().store(offset);
      }
    }
    count([SALSA_LANES, SALSA_LANES, SALSA_LANES, SALSA_LANES]);
    f.get(at).i32(SALSA_LANES * SALSA_BLOCK).i32Add().set(at);
    f.get(groups).i32(1).i32Sub().tee(groups);
  });
  return f;
}
