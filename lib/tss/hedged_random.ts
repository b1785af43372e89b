/**
 * Randomness that stays unpredictable when the system's generator fails.
 *
 * A Schnorr-type nonce that repeats or can be guessed gives the key away. Here every draw is the
 * system's output XOR a pseudo-random pad keyed by the secret share and the session: with a sound
 * system generator the result is as uniform as before, with a broken one it still looks random to
 * anybody who does not hold the share. Nonces stay fresh per session, never a function of key and
 * message alone: a purely derived nonce is unsafe when several parties contribute to the challenge
 * (compare draft-irtf-cfrg-det-sigs-with-noise and RFC 9591 section 4.1).
 *
 * @module
 */

import { sha512 } from "@noble/hashes/sha2.js";
import { concat, u32be, u64be, utf8 } from "../encoding/bytes.ts";
import type { RandomSource } from "../arith/random.ts";

const BLOCK = 64;

/**
 * Wraps `random`: draw number i of `length` bytes is `random(length)` XOR
 * SHA-512(seed ‖ i ‖ 0) ‖ SHA-512(seed ‖ i ‖ 1) ‖ …, where `seed` is the hash of `label` and
 * `context` (each framed by its length). Applying it twice with the same inputs gives `random`
 * back.
 *
 * @param label Separates uses, for example the protocol's name.
 * @param context Secret share first, then what identifies the session and what is signed.
 */
export function hedgedRandom(
  random: RandomSource,
  label: string,
  context: readonly Uint8Array[],
): RandomSource {
  const parts = [utf8(`transfunctioner-hedged-random-v1/${label}`), ...context];
  const framed = concat(...parts.flatMap((part) => [u32be(part.length), part]));
  const seed = sha512(framed);
  framed.fill(0);
  let draw = 0n;
  return (length) => {
    const out = random(length);
    for (let at = 0; at < length; at += BLOCK) {
      const pad = sha512(concat(seed, u64be(draw), u32be(at / BLOCK)));
      for (let i = 0; i < BLOCK && at + i < length; i++) out[at + i]! ^= pad[i]!;
      pad.fill(0);
    }
    draw++;
    return out;
  };
}
