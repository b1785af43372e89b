/**
 * Checks that the three EdDSA protocols share: committees, opened commitments, prime order.
 *
 * @module
 */

import { clearCofactor, type CurvePoint, ed25519, unflattenPoints } from "../../crypto/curve.ts";
import { openCommitment } from "../commitment.ts";
import { ProtocolError } from "../errors.ts";
import type { Party } from "../party.ts";
import type { Verdicts } from "../verdicts.ts";

/**
 * Returns whether `point` lies in the subgroup of order L and is not the identity.
 *
 * The Go library replaces a point by its prime-order part instead. No honest party, Go or ours,
 * ever sends another kind of point, so refusing it is a tightening that stays compatible: it only
 * turns a silent repair of a lie into a named one.
 */
export function hasPrimeOrder(point: CurvePoint): boolean {
  return !point.isIdentity && clearCofactor(point).equals(point);
}

/**
 * Opens party `j`'s commitment to `count` points, each of prime order (eddsa.md sections 1.1, 4, 5
 * and 6). Returns null, with `j` blamed for the first rule that is broken, if it does not.
 */
export function openPoints(
  verdicts: Verdicts,
  j: number,
  commitment: bigint,
  opening: readonly bigint[],
  count: number,
): CurvePoint[] | null {
  const points = openedPoints(commitment, opening, count);
  if (typeof points !== "string") return points;
  verdicts.blame(j, points);
  return null;
}

/** The points, or the reason why there are none. */
function openedPoints(
  commitment: bigint,
  opening: readonly bigint[],
  count: number,
): CurvePoint[] | string {
  const payload = openCommitment(commitment, opening);
  if (payload === null || payload.length !== 2 * count) return "de-commitment verify failed";
  let points: CurvePoint[];
  try {
    points = unflattenPoints(payload, ed25519);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return "unflatten: a point is not on the curve";
  }
  for (const [c, point] of points.entries()) {
    if (point.isIdentity) return `point ${c} is the identity point`;
    if (!hasPrimeOrder(point)) return `point ${c} has a torsion part`;
  }
  return points;
}

/**
 * Runs the checks of a party's own input.
 *
 * @throws {ProtocolError} of round 1 that blames nobody, for the RangeError of a check.
 */
export function checkedInput<T>(task: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ProtocolError({ task, round: 1, reason: error.message, culprits: [] });
  }
}

/**
 * Checks one committee before a run: sorted by key, threshold from 1 to n - 1, own seat in it.
 *
 * @param index Own position, or `null` for somebody outside.
 * @throws {RangeError} naming the rule; a mistake of this node, nobody else's.
 */
export function checkCommittee(
  name: string,
  parties: readonly Party[],
  threshold: number,
  index: number | null,
): void {
  const fail = (what: string) => new RangeError(`Cannot run with ${name}: ${what}`);
  if (!Number.isInteger(threshold) || threshold < 1 || threshold >= parties.length) {
    throw fail(`threshold ${threshold} is not from 1 to ${parties.length - 1}`);
  }
  if (index !== null && parties[index] === undefined) {
    throw fail(`index ${index} is not from 0 to ${parties.length - 1}`);
  }
  const reduced = new Set<bigint>();
  parties.forEach(({ key }, i) => {
    if (key <= 0n || key >= 1n << 256n) throw fail(`the key of party ${i} is out of range`);
    if (i > 0 && key <= parties[i - 1]!.key) throw fail("parties are not in order of their keys");
    if (key % ed25519.q === 0n) {
      throw fail(`the key of party ${i} is a multiple of the group order`);
    }
    if (reduced.has(key % ed25519.q)) throw fail("two keys are equal modulo the group order");
    reduced.add(key % ed25519.q);
  });
}

/** Returns every index below `n` except `self`. */
export function othersOf(n: number, self: number | null): number[] {
  return Array.from({ length: n }, (_, i) => i).filter((i) => i !== self);
}
