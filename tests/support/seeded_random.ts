/**
 * A random source that repeats: for tests that must not depend on luck.
 *
 * @module
 */

import { sha512 } from "@noble/hashes/sha2.js";
import type { RandomSource } from "../../lib/arith/random.ts";
import { concat, intToBytes, u32be, utf8 } from "../../lib/encoding/bytes.ts";

/** Returns a source whose output is a function of `seed` and the number of bytes drawn before. */
export function seededRandom(seed: string): RandomSource {
  let block = 0;
  let rest: Uint8Array = new Uint8Array(0);
  return (length) => {
    const out = new Uint8Array(length);
    for (let at = 0; at < length;) {
      if (rest.length === 0) rest = sha512(concat(utf8(seed), u32be(block++)));
      const part = rest.subarray(0, length - at);
      out.set(part, at);
      at += part.length;
      rest = rest.subarray(part.length);
    }
    return out;
  };
}

/**
 * Returns a source that gives exactly these numbers, one per draw, and then fails: to put a prover
 * into a corner that honest randomness never reaches. Each must fit the draw it is meant for.
 */
export function scriptedRandom(values: readonly bigint[]): RandomSource {
  const rest = [...values];
  return (length) => {
    const next = rest.shift();
    if (next === undefined) throw new Error("The scripted random source has no number left");
    return intToBytes(next, length);
  };
}
