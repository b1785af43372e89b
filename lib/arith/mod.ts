/**
 * Modular arithmetic for the protocols: moduli, batches of exponentiations, two interchangeable
 * back-ends.
 *
 * @module
 */

import { BigIntArithmetic } from "./bigint_backend.ts";
import type { Arithmetic } from "./types.ts";
import { WasmArithmetic } from "./wasm/backend.ts";
import { kernelFor } from "./wasm/kernels.ts";

export type { Arithmetic, Modulus, PowJob, ProductJob } from "./types.ts";
export { factoredModulus, publicModulus } from "./modulus.ts";

const plain = new BigIntArithmetic();

/** Returns the back-end of plain bigints. */
export function bigintArithmetic(): Arithmetic {
  return plain;
}

let fast: Arithmetic | undefined;

/** Returns this thread's WebAssembly back-end, or `undefined` if it fails its self-test. */
function testedWasm(): Arithmetic | undefined {
  // Fusing is a property of the machine: one size speaks for all, though each is tested again.
  if (fast === undefined && kernelFor(1024) !== undefined) fast = new WasmArithmetic();
  return fast;
}

/**
 * Returns the back-end of the two-lane WebAssembly kernel.
 *
 * @throws {Error} if the kernel does not work on this machine.
 */
export function wasmArithmetic(): Arithmetic {
  const arith = testedWasm();
  if (arith === undefined) {
    throw new Error("Cannot use the WebAssembly arithmetic: its self-test failed on this machine");
  }
  return arith;
}

/** Returns the fastest back-end that works on this machine, always the same one on a thread. */
export function defaultArithmetic(): Arithmetic {
  return testedWasm() ?? plain;
}
