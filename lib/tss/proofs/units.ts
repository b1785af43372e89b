/**
 * Tests for units of a modulus.
 *
 * @module
 */

import { gcd, mod } from "../../arith/number.ts";
import type { Modulus } from "../../arith/types.ts";

/**
 * Whether every value is coprime to the modulus: one greatest common divisor of their product, or
 * divisions by the factors where they are known.
 */
export function areUnits(values: readonly bigint[], modulus: Modulus): boolean {
  const { n, factors } = modulus;
  if (factors !== undefined) {
    return values.every((v) => v % factors.p !== 0n && v % factors.q !== 0n);
  }
  return gcd(values.reduce((product, v) => mod(product * v, n), 1n), n) === 1n;
}
