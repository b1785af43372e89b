/**
 * Feldman's verifiable secret sharing and Lagrange interpolation at zero (specification: tss-core
 * section 6; Feldman, FOCS 1987).
 *
 * A threshold `t` means that `t + 1` shares give the secret.
 *
 * @module
 */

import { mod, modInverse } from "../arith/number.ts";
import { randomBelow, type RandomSource } from "../arith/random.ts";
import type { Curve, CurvePoint } from "../crypto/curve.ts";

/** A sharing: public commitments to the coefficients, and one secret share per id. */
export interface Sharing {
  /** `a_k·G` for the coefficients `a_0` (the secret) to `a_t`. */
  readonly commitments: CurvePoint[];
  /** `f(id) mod q` in the order of the ids. Secret. */
  readonly shares: bigint[];
}

/**
 * Refuses ids that are zero or equal modulo `q`.
 *
 * @throws {RangeError}
 */
function checkIds(ids: readonly bigint[], q: bigint): bigint[] {
  const reduced = ids.map((id) => mod(id, q));
  if (reduced.includes(0n)) throw new RangeError("Cannot share: an id is 0 mod the group order");
  if (new Set(reduced).size !== reduced.length) {
    throw new RangeError("Cannot share: two ids are equal mod the group order");
  }
  return reduced;
}

/**
 * Shares `secret` among `ids` with a random polynomial of degree `threshold`.
 *
 * @throws {RangeError} unless `1 <= threshold < ids.length`, the secret is not 0 modulo `q`, and
 * the ids are distinct and non-zero modulo `q`.
 */
export function shareSecret(
  curve: Curve,
  threshold: number,
  secret: bigint,
  ids: readonly bigint[],
  random: RandomSource,
): Sharing {
  const { q } = curve;
  if (!Number.isSafeInteger(threshold) || threshold < 1 || threshold >= ids.length) {
    throw new RangeError(
      "Cannot share: the threshold must be at least 1 and below the party count",
    );
  }
  if (mod(secret, q) === 0n) throw new RangeError("Cannot share: the secret is 0");
  const xs = checkIds(ids, q);
  const coefficients = [mod(secret, q)];
  for (let k = 1; k <= threshold; k++) coefficients.push(randomBelow(q, random));
  return {
    commitments: coefficients.map((a) => curve.base.multiply(a)),
    shares: xs.map((x) => coefficients.reduceRight((sum, a) => (sum * x + a) % q, 0n)),
  };
}

/**
 * Evaluates the committed polynomial at `id`: `Σ (id^k mod q)·V_k`.
 *
 * Returns null for an empty list, or when a running sum is the identity: the reference fails there
 * on secp256k1, and no honest sharing comes near it.
 */
export function evaluateCommitments(
  commitments: readonly CurvePoint[],
  id: bigint,
): CurvePoint | null {
  const [first, ...rest] = commitments;
  if (first === undefined) return null;
  const { q } = first.curve;
  const x = mod(id, q);
  let power = 1n;
  let sum = first;
  for (const v of rest) {
    power = power * x % q;
    sum = sum.add(v.multiplyPublic(power));
    if (sum.isIdentity) return null;
  }
  return sum;
}

/**
 * Says whether `share` belongs to `id` under the commitments: exactly `threshold + 1` of them, all
 * on `curve`, `1 <= share < q`, `id` not 0 modulo `q`, and `share·G` is the value at `id`.
 */
export function verifyShare(
  curve: Curve,
  threshold: number,
  share: bigint,
  id: bigint,
  commitments: readonly CurvePoint[],
): boolean {
  if (commitments.length !== threshold + 1) return false;
  if (commitments.some((v) => v.curve !== curve)) return false;
  if (share < 1n || share >= curve.q || mod(id, curve.q) === 0n) return false;
  const expected = evaluateCommitments(commitments, id);
  return expected !== null && curve.base.multiply(share).equals(expected);
}

/**
 * Returns the Lagrange coefficient at zero of `keys[index]`: `Π k_j / (k_j − k_index) mod q` over
 * all other keys.
 *
 * @throws {RangeError} if the index is outside the list, or two keys are equal modulo `q`.
 */
export function lagrangeAtZero(curve: Curve, keys: readonly bigint[], index: number): bigint {
  const { q } = curve;
  const own = keys[index];
  if (own === undefined) throw new RangeError("Cannot interpolate: no key has that index");
  let numerator = 1n;
  let denominator = 1n;
  keys.forEach((key, j) => {
    if (j === index) return;
    numerator = mod(numerator * key, q);
    denominator = mod(denominator * (key - own), q);
  });
  if (denominator === 0n) {
    throw new RangeError("Cannot interpolate: two keys are equal mod the group order");
  }
  return numerator * modInverse(denominator, q) % q;
}

/**
 * Returns the shared secret, interpolated over all the given shares.
 *
 * @throws {RangeError} for fewer than `threshold + 1` shares, or ids zero or equal modulo `q`.
 */
export function reconstruct(
  curve: Curve,
  threshold: number,
  shares: readonly { readonly id: bigint; readonly share: bigint }[],
): bigint {
  if (shares.length < threshold + 1) {
    throw new RangeError("Cannot reconstruct: fewer shares than the threshold asks for");
  }
  const ids = checkIds(shares.map((s) => s.id), curve.q);
  return mod(
    shares.reduce((sum, s, i) => sum + s.share * lagrangeAtZero(curve, ids, i), 0n),
    curve.q,
  );
}
