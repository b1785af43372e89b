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
  readonly #x: Address;
  readonly #singles: readonly [Address, Address];
  readonly #masks: Address;

  /** Allocates for numbers of at most `bits` bits; the caller resets the kernel at the end. */
  constructor(kernel: Kernel, bits: number) {
    this.#kernel = kernel;
    this.#x = kernel.allocate(kernel.double);
    this.#singles = [kernel.allocate(kernel.single), kernel.allocate(kernel.single)];
    this.#masks = kernel.allocate(16 * bits);
  }

  /** Says for two odd numbers of the kernel's size whether `2^(n-1) = 1 mod n`. */
  test(n0: bigint, n1: bigint): readonly [boolean, boolean] {
    const kernel = this.#kernel;
    const prepared = [kernel.prepare(n0), kernel.prepare(n1)] as const;
    kernel.setModuli(...prepared);
    const texts = [(n0 - 1n).toString(2), (n1 - 1n).toString(2)] as const;
    const length = Math.max(texts[0].length, texts[1].length);
    const exponents = texts.map((t) => t.padStart(length, "0"));
    const steps = exponents.map((t, lane) => {
      const n = prepared[lane]!.n;
      const head = BigInt("0b" + t.slice(0, HEAD_BITS));
      kernel.put(this.#singles[lane]!, (kernel.r << head) % n);
      return Uint8Array.from(
        { length: length - HEAD_BITS },
        (_, i) => t.charCodeAt(HEAD_BITS + i) & 1,
      );
    }) as [Uint8Array, Uint8Array];
    kernel.gather(this.#x, ...this.#singles);
    kernel.powTwo(this.#x, this.#masks, steps);
    return [
      kernel.read(this.#x, 0) % n0 === kernel.r % n0,
      kernel.read(this.#x, 1) % n1 === kernel.r % n1,
    ];
  }
}
