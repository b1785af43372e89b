/**
 * Ring-Pedersen parameters: what one party made so that others can commit to integers towards it.
 *
 * @module
 */

import type { Modulus } from "../../arith/types.ts";

/** One party's parameters; `h1` and `h2` generate the same group of squares modulo `nTilde`. */
export interface Pedersen {
  /** `NTilde`; the own one with its factors, which makes verifying faster. */
  readonly nTilde: Modulus;
  /** `h1` (`s` in the factor proof). */
  readonly h1: bigint;
  /** `h2` (`t` in the factor proof). */
  readonly h2: bigint;
}
