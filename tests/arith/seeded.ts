/** A reproducible random source for tests: SHA-512/256 in counter mode. */

import { sha512_256 } from "@noble/hashes/sha2.js";
import { concat, u64be, utf8 } from "../../lib/encoding/bytes.ts";
import { bytesToInt } from "../../lib/encoding/bytes.ts";
import type { RandomSource } from "../../lib/arith/random.ts";

/** Returns a source whose bytes depend on `seed` only. */
export function seeded(seed: string): RandomSource {
  let counter = 0n;
  let pool = new Uint8Array(0);
  return (length) => {
    while (pool.length < length) {
      pool = concat(pool, sha512_256(concat(utf8(seed), u64be(counter++))));
    }
    const out = pool.slice(0, length);
    pool = pool.slice(length);
    return out;
  };
}

/** Returns an integer uniform in `[0, 2^bits)`. */
export function bitsOf(bits: number, random: RandomSource): bigint {
  return BigInt.asUintN(bits, bytesToInt(random((bits + 7) >> 3)));
}

/** Returns an odd integer of exactly `bits` bits. */
export function oddOf(bits: number, random: RandomSource): bigint {
  return bitsOf(bits, random) | 1n | 1n << BigInt(bits - 1);
}

/**
 * How many cases a long comparison runs: `TRF_TEST_CASES` if the process may read it, else
 * `standard`. A long run: `TRF_TEST_CASES=100000 deno test -A tests/arith`.
 */
export function cases(standard: number): number {
  const state = Deno.permissions.querySync({ name: "env", variable: "TRF_TEST_CASES" }).state;
  const text = state === "granted" ? Deno.env.get("TRF_TEST_CASES") : undefined;
  return text === undefined ? standard : Number(text);
}
