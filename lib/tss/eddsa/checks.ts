/**
 * Checks that the three EdDSA protocols share: committees, opened commitments, prime order.
 *
 * @module
 */

import { clearCofactor, type CurvePoint, ed25519, unflattenPoints } from "../../crypto/curve.ts";
import { openCommitment } from "../commitment.ts";
import type { ProtocolError } from "../errors.ts";
import type { Party } from "../party.ts";

/** Makes the error of one round out of a reason; without culprits nobody can be blamed. */
export type Refuse = (reason: string, culprits?: readonly number[]) => ProtocolError;

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
 * Opens a commitment to `count` points, each of prime order (eddsa.md sections 1.1, 4, 5 and 6).
 *
 * @throws {ProtocolError} made by `refuse`, for the first rule that is broken.
 */
export function openPoints(
  commitment: bigint,
  opening: readonly bigint[],
  count: number,
  refuse: (reason: string) => ProtocolError,
): CurvePoint[] {
  const payload = openCommitment(commitment, opening);
  if (payload === null || payload.length !== 2 * count) {
    throw refuse("de-commitment verify failed");
  }
  let points: CurvePoint[];
  try {
    points = unflattenPoints(payload, ed25519);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw refuse("unflatten: a point is not on the curve");
  }
  points.forEach((point, c) => {
    if (point.isIdentity) throw refuse(`point ${c} is the identity point`);
    if (!hasPrimeOrder(point)) throw refuse(`point ${c} has a torsion part`);
  });
  return points;
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
