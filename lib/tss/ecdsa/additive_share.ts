/**
 * From Shamir to additive: shares weighted so that those of the parties taking part add up to the
 * secret key (ecdsa-signing 4, steps 5 and 6).
 *
 * @module
 */

import { mod } from "../../arith/number.ts";
import { CurvePoint, secp256k1 } from "../../crypto/curve.ts";
import { lagrangeAtZero } from "../vss.ts";

/**
 * Returns the public images `W_j = w_j·G` of all additive shares.
 *
 * @throws {RangeError} if two keys are equal modulo q, or the images do not add up to the public
 * key: too few parties for the threshold the key was made with.
 */
export function additiveImages(
  keys: readonly bigint[],
  bigXj: readonly CurvePoint[],
  publicKey: CurvePoint,
): CurvePoint[] {
  if (keys.length !== bigXj.length) throw new RangeError("the lists of keys and points differ");
  const bigW = bigXj.map((x, j) => x.multiplyPublic(lagrangeAtZero(secp256k1, keys, j)));
  if (!CurvePoint.sum(bigW).equals(publicKey)) {
    throw new RangeError("the parties taking part do not reconstruct the key: too few of them");
  }
  return bigW;
}

/**
 * Returns the own additive share `w`, in [1, q − 1]. Secret.
 *
 * @throws {RangeError} if it is 0 or does not belong to its public image `bigW[own]`.
 */
export function additiveShare(
  keys: readonly bigint[],
  own: number,
  xi: bigint,
  bigW: readonly CurvePoint[],
): bigint {
  const w = mod(xi * lagrangeAtZero(secp256k1, keys, own), secp256k1.q);
  if (w === 0n) throw new RangeError("the additive share is zero");
  if (!secp256k1.base.multiply(w).equals(bigW[own]!)) {
    throw new RangeError("the secret share does not belong to its public image");
  }
  return w;
}
