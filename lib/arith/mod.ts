/**
 * Modular arithmetic for the protocols: moduli, batches of exponentiations, two interchangeable
 * back-ends.
 *
 * @module
 */

import { BigIntArithmetic } from "./bigint_backend.ts";
import type { Arithmetic } from "./types.ts";

export type { Arithmetic, Modulus, PowJob } from "./types.ts";
export { factoredModulus, publicModulus } from "./modulus.ts";

const plain = new BigIntArithmetic();

/** Returns the back-end of plain bigints. */
export function bigintArithmetic(): Arithmetic {
  return plain;
}

/** Returns the fastest back-end that works on this machine. */
export function defaultArithmetic(): Arithmetic {
  return plain;
}
