/**
 * Sums of committed polynomials: what key generation and resharing end with.
 *
 * @module
 */

import { CurvePoint, ed25519 } from "../../crypto/curve.ts";

/** Returns the points of the sum of polynomials given by their public points, all equally long. */
export function sumColumns(polynomials: readonly (readonly CurvePoint[])[]): CurvePoint[] {
  return polynomials[0]!.map((_, c) => CurvePoint.sum(polynomials.map((points) => points[c]!)));
}

/**
 * Returns each party's public share `X_j = Σ (k_j^c mod L)·V_c`; some may be the identity.
 *
 * Unlike verification this accepts the identity as an intermediate sum: on this curve it is an
 * ordinary point (eddsa.md section 4, step 3).
 */
export function publicShares(
  columns: readonly CurvePoint[],
  keys: readonly bigint[],
): CurvePoint[] {
  return keys.map((key) => {
    let power = 1n;
    const terms = columns.map((V, c) => {
      if (c === 0) return V;
      power = (power * key) % ed25519.q;
      return V.multiplyPublic(power);
    });
    return CurvePoint.sum(terms);
  });
}
