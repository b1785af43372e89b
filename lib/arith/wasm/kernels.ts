/**
 * This thread's kernels: one per size, made and tested at first use.
 *
 * @module
 */

import { Kernel, shapeFor } from "./kernel.ts";
import { selfTest } from "./self_test.ts";

const kernels = new Map<number, Kernel | undefined>();

/**
 * Returns the kernel for moduli of `bits` bits, or `undefined` if the size has none or the kernel
 * does not compute correctly on this machine.
 */
export function kernelFor(bits: number): Kernel | undefined {
  const shape = shapeFor(bits);
  if (shape === undefined) return undefined;
  if (kernels.has(shape.limbs)) return kernels.get(shape.limbs);
  let kernel: Kernel | undefined;
  try {
    const candidate = new Kernel(shape);
    if (selfTest(candidate, bits)) kernel = candidate;
  } catch (error) {
    // An engine without relaxed SIMD refuses the module.
    if (!(error instanceof WebAssembly.CompileError)) throw error;
  }
  kernels.set(shape.limbs, kernel);
  return kernel;
}
