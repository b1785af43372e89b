/**
 * Committee election: everybody draws the same committee from the same seed (specification: mesh
 * section 13).
 *
 * @module
 */

import { type Identity, parseIdentity } from "../crypto/identity.ts";
import { sha256 } from "../crypto/kdf.ts";

/**
 * Draws `size` members out of `candidates`; the first one is the coordinator. Duplicates among the
 * candidates are not removed.
 *
 * @param seed bytes of any length that nobody could choose after seeing the candidates.
 * @throws {RangeError} if `size` is below 1, above 256 or above the number of candidates.
 */
export function electCommittee(
  seed: Uint8Array,
  candidates: readonly Identity[],
  size: number,
): Identity[] {
  const n = candidates.length;
  if (!Number.isInteger(size) || size < 1 || size > 256 || size > n) {
    throw new RangeError(
      `Cannot elect ${size} of ${n}: the size must lie between 1 and ${Math.min(n, 256)}`,
    );
  }
  // Fixed-length lower-case hex sorts like the bytes.
  const pool = candidates.map(parseIdentity).sort((a, b) => a < b ? -1 : a > b ? 1 : 0);
  for (let i = 0; i < size; i++) {
    const digest = sha256(seed, Uint8Array.of(i));
    const draw = new DataView(digest.buffer).getBigUint64(0);
    const j = i + Number(draw % BigInt(n - i));
    [pool[i], pool[j]] = [pool[j]!, pool[i]!];
  }
  return pool.slice(0, size);
}
