/**
 * The check that the kernel for secretboxes computes what it should on this machine.
 *
 * @module
 */

import { equalBytes } from "../encoding/bytes.ts";
import type { BoxKernel } from "./box_kernel.ts";

/** The part of tweetnacl that is compared with. */
export interface Reference {
  /** Encrypts; tag first. */
  secretbox(cleartext: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array;
}

/** Lengths around every border: of a word, a block of each cipher, a group of four. */
const LENGTHS = [0, 1, 15, 16, 17, 31, 32, 33, 223, 224, 225, 479, 480, 481];

/**
 * Seals and opens messages whose bytes drive limbs and carries to their limits, and compares with
 * the reference. Returns whether everything agreed and no altered box was opened.
 */
export function agreesWith(kernel: BoxKernel, reference: Reference): boolean {
  return LENGTHS.every((length, i) => {
    const filled = (size: number, from: number) =>
      Uint8Array.from({ length: size }, (_, k) => i % 3 === 0 ? 0xff : from + 7 * k + i);
    const message = filled(length, 1);
    const nonce = filled(24, 40);
    const key = filled(32, 90);
    const expected = reference.secretbox(message, nonce, key);
    const box = new Uint8Array(expected.length);
    kernel.seal(box, 0, message, nonce, key);
    const opened = kernel.open(box, nonce, key);
    if (!equalBytes(box, expected) || opened === null || !equalBytes(opened, message)) return false;
    box[(5 * i) % box.length]! ^= 1 << (i % 8);
    return kernel.open(box, nonce, key) === null;
  });
}
