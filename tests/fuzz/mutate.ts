/**
 * Mutates bytes the way attackers and broken peers do: flipped bits, doubled and missing pieces,
 * splices of two inputs, numbers at the edges, tokens of the formats at hand.
 *
 * @module
 */

import { concat, utf8 } from "../../lib/encoding/bytes.ts";

/** Deterministic numbers: a run can be repeated from its seed. */
export class Dice {
  #state: number;

  /** Starts from a seed. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number in [0, n). */
  below(n: number): number {
    // Mulberry32.
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * n);
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}

const TOKENS = [
  ...['"', "{", "}", "[", "]", ",", ":", "\\", "null", "true", "0", "-", "-0", "1.5", "1e400"],
  ...["{}", "[]", '""', '{"":', '"__proto__":', '"constructor":{"prototype":1}', "\\u0000"],
  ...["\\ud800", "\u2028", "\ufeff", "\\/", "9007199254740993", "-1", "256", "4294967296"],
  ...[
    "18446744073709551616",
    "9".repeat(200),
    "[".repeat(50),
    '{"a":'.repeat(50),
    "=",
    "====",
    "AA==",
  ],
  ...[" ", "\n", "\t", "\0", "; ", "v=", "%00", "::", "[::1]:0", "127.0.0.1", "..", "/", "~"],
].map(utf8).concat([
  Uint8Array.of(0xff),
  Uint8Array.of(0xc0, 0x80),
  Uint8Array.of(0xed, 0xa0, 0x80),
  Uint8Array.of(0xf4, 0x90, 0x80, 0x80),
  new Uint8Array(64),
]);

type Change = (input: Uint8Array, dice: Dice, corpus: readonly Uint8Array[]) => Uint8Array;

const span = (input: Uint8Array, dice: Dice): [number, number] => {
  const a = dice.below(input.length + 1);
  const length = dice.below(dice.pick([2, 8, 64, input.length + 1]));
  return [a, Math.min(input.length, a + length)];
};
const replace = (input: Uint8Array, from: number, to: number, by: Uint8Array) =>
  concat(input.subarray(0, from), by, input.subarray(to));

const changes: readonly Change[] = [
  function flipBit(input, dice) {
    const out = input.slice();
    if (out.length > 0) out[dice.below(out.length)]! ^= 1 << dice.below(8);
    return out;
  },
  function setByte(input, dice) {
    const out = input.slice();
    if (out.length > 0) out[dice.below(out.length)] = dice.below(256);
    return out;
  },
  function remove(input, dice) {
    return replace(input, ...span(input, dice), new Uint8Array(0));
  },
  function repeat(input, dice) {
    const [a, b] = span(input, dice);
    const piece = input.subarray(a, b);
    return replace(input, b, b, concat(...Array(1 + dice.below(4)).fill(piece)));
  },
  function insertToken(input, dice) {
    const at = dice.below(input.length + 1);
    return replace(input, at, at, dice.pick(TOKENS));
  },
  function replaceByToken(input, dice) {
    return replace(input, ...span(input, dice), dice.pick(TOKENS));
  },
  function splice(input, dice, corpus) {
    const other = dice.pick(corpus);
    return replace(input, ...span(input, dice), other.subarray(...span(other, dice)));
  },
  function truncate(input, dice) {
    return input.slice(0, dice.below(input.length + 1));
  },
  function changeNumber(input, dice) {
    const text = new TextDecoder("latin1").decode(input);
    const numbers = [...text.matchAll(/-?\d+/g)];
    if (numbers.length === 0) return input;
    const { 0: number, index } = dice.pick(numbers);
    const by = dice.pick([
      "0",
      "-1",
      "1",
      `-${number}`,
      `${number}0`,
      `0${number}`,
      `${number}.0`,
      "null",
    ]);
    return replace(input, index, index + number.length, utf8(by));
  },
  function swapWords(input, dice) {
    const text = new TextDecoder("latin1").decode(input);
    const words = [...text.matchAll(/"[^"]{0,80}"/g)];
    if (words.length < 2) return input;
    const [one, two] = [dice.pick(words), dice.pick(words)];
    return replace(input, one.index, one.index + one[0].length, latin1(two[0]));
  },
];

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

/** An input of the corpus with one to five changes. */
export function mutant(corpus: readonly Uint8Array[], dice: Dice): Uint8Array {
  let out = dice.pick(corpus);
  for (let i = 1 + dice.below(5); i > 0; i--) out = dice.pick(changes)(out, dice, corpus);
  return out.subarray(0, 1 << 20);
}
