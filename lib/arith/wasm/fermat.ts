/**
 * Base-2 Fermat tests, two numbers at once: squarings with conditional doubling, no table, no
 * multiplication.
 *
 * @module
 */

import type { Address, Kernel } from "./kernel.ts";

/** Leading exponent bits that are done by a shift before the kernel starts. */
const HEAD_BITS = 10;

/** Work space of one kernel that can double. */
export class FermatSpace {
  readonly #kernel: Kernel;
  readonly #singles: readonly [Address, Address];
  readonly #masks: Address;

  /** Allocates for numbers of at most `bits` bits; the caller resets the kernel at the end. */
  constructor(kernel: Kernel, bits: number) {
    this.#kernel = kernel;
    this.#singles = [kernel.allocate(kernel.single), kernel.allocate(kernel.single)];
    this.#masks = kernel.allocate(16 * bits);
  }

  /** Says for two odd numbers of the kernel's size whether `2^(n-1) = 1 mod n`. */
  test(n0: bigint, n1: bigint): readonly [boolean, boolean] {
    const kernel = this.#kernel;
    kernel.setModuli(kernel.prepare(n0), kernel.prepare(n1));
    const [e0, e1] = [(n0 - 1n).toString(2), (n1 - 1n).toString(2)];
    const length = Math.max(e0.length, e1.length);
    const bits = [e0.padStart(length, "0"), e1.padStart(length, "0")] as const;
    const head = (lane: 0 | 1, n: bigint) =>
      kernel.put(
        this.#singles[lane],
        (kernel.r << BigInt("0b" + bits[lane].slice(0, HEAD_BITS))) % n,
      );
    head(0, n0);
    head(1, n1);
    kernel.gather(...this.#singles);
    kernel.powTwo(this.#masks, bits, HEAD_BITS);
    return [
      kernel.read(0) % n0 === kernel.r % n0,
      kernel.read(1) % n1 === kernel.r % n1,
    ];
  }
}
