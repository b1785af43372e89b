/**
 * A party's share of an Ed25519 key, in the Go library's save format (specification: eddsa.md
 * section 7).
 *
 * @module
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { CurvePoint, ed25519, encodeEd25519 } from "../../crypto/curve.ts";
import type { Json, JsonInput } from "../../encoding/json.ts";
import { ContentError } from "../errors.ts";
import { int, intList, object, pathOf, point, value } from "../fields.ts";
import { parsePoint, pointToJson } from "../points.ts";
import { lagrangeAtZero } from "../vss.ts";
import { hasPrimeOrder } from "./checks.ts";

/** Bits of a party key. */
const KEY_BITS = 256;
/** Most parties of one key. */
const MAX_PARTIES = 1024;

/** A share: one party's secret and everybody's public counterparts. SECRET; prints as redacted. */
export class EddsaShare {
  /** Takes the parts as they are; use {@link parseShare} for anything from outside. */
  constructor(
    /** Secret share, from 1 to L - 1. */
    readonly xi: bigint,
    /** Own party key: one of `ks`. */
    readonly shareId: bigint,
    /** All party keys, ascending. */
    readonly ks: readonly bigint[],
    /** Public counterparts of everybody's share, in the order of `ks`. */
    readonly bigXj: readonly CurvePoint[],
    /** The public key A. */
    readonly publicKey: CurvePoint,
  ) {}

  /** Own position in {@link ks}. */
  get ownIndex(): number {
    return this.ks.indexOf(this.shareId);
  }

  /** Never prints the secret. */
  toJSON(): string {
    return "[redacted]";
  }

  /** Never prints the secret. */
  [Symbol.for("Deno.customInspect")](): string {
    return "[redacted]";
  }
}

/**
 * Reads save data and checks that it is consistent: beyond the Go library's own validation
 * (`Xi·G` is the own entry of `BigXj`, own key among `Ks`) the keys must be ascending, the points
 * of prime order, and all of `BigXj` together must interpolate to the public key.
 *
 * @throws {ContentError} naming the field and the rule, never a value.
 */
export function parseShare(json: Json): EddsaShare {
  const fields = object(json, "share");
  const secret = { min: 1n, max: ed25519.q - 1n };
  const key = { min: 1n, bits: KEY_BITS };
  const xi = int(fields, "Xi", secret);
  const shareId = int(fields, "ShareID", key);
  const ks = intList(fields, "Ks", { ...key, minLength: 2, maxLength: MAX_PARTIES });
  ks.forEach((k, i) => {
    if (i > 0 && k <= ks[i - 1]!) throw new ContentError(pathOf(fields, "Ks"), "must be ascending");
    if (k % ed25519.q === 0n) {
      throw new ContentError(pathOf(fields, "Ks"), "must not hold a multiple of the group order");
    }
  });
  const points = value(fields, "BigXj");
  if (!Array.isArray(points) || points.length !== ks.length) {
    throw new ContentError(pathOf(fields, "BigXj"), "must be a list as long as Ks");
  }
  const bigXj = points.map((p, j) => parsePoint(p, ed25519, `${pathOf(fields, "BigXj")}[${j}]`));
  const publicKey = point(fields, "EDDSAPub", ed25519);
  const own = ks.indexOf(shareId);
  if (own === -1) throw new ContentError(pathOf(fields, "ShareID"), "must be one of Ks");
  bigXj.forEach((X, j) => {
    if (!hasPrimeOrder(X)) {
      throw new ContentError(`${pathOf(fields, "BigXj")}[${j}]`, "must be a point of prime order");
    }
  });
  if (!ed25519.base.multiply(xi).equals(bigXj[own]!)) {
    throw new ContentError(pathOf(fields, "Xi"), "must belong to the own entry of BigXj");
  }
  const share = new EddsaShare(xi, shareId, ks, bigXj, publicKey);
  if (!sumsToKey(weighted(ks, bigXj), publicKey)) {
    throw new ContentError(pathOf(fields, "EDDSAPub"), "must be the key that BigXj interpolate to");
  }
  return share;
}

/** Writes save data exactly as the Go library does. SECRET. */
export function shareToJson(share: EddsaShare): JsonInput {
  return {
    Xi: share.xi,
    ShareID: share.shareId,
    Ks: share.ks,
    BigXj: share.bigXj.map(pointToJson),
    EDDSAPub: pointToJson(share.publicKey),
  };
}

/**
 * Returns the key id: the first 16 bytes of SHA-256 of the 32-byte encoded public key.
 *
 * The Go service keeps no EdDSA keys and so defines none; its ECDSA rule hashes the minimal
 * x coordinate, which for Edwards points would not name the key uniquely (two keys share each x).
 */
export function keyIdOf(publicKey: CurvePoint): Uint8Array<ArrayBuffer> {
  return sha256(encodeEd25519(publicKey)).slice(0, 16);
}

/**
 * Returns `W_j`, the public counterparts of the summands into which the parties `keys` turn their
 * shares: they add up to the public key.
 *
 * @throws {RangeError} if `keys` is not an ascending selection of `ks`, or these parties are fewer
 * than the key needs. (The Go library finds that out from a failed signature only.)
 */
export function additiveImages(
  share: Pick<EddsaShare, "ks" | "bigXj" | "publicKey">,
  keys: readonly bigint[],
): CurvePoint[] {
  const { ks, bigXj, publicKey } = share;
  const places = keys.map((key) => ks.indexOf(key));
  if (places.some((place, i) => place === -1 || (i > 0 && place <= places[i - 1]!))) {
    throw new RangeError("Cannot use the share: the keys are not an ascending part of its own");
  }
  const images = weighted(keys, places.map((place) => bigXj[place]!));
  if (!sumsToKey(images, publicKey)) {
    throw new RangeError("Cannot use the share: these parties are fewer than the key needs");
  }
  return images;
}

/**
 * Returns `w`, the own summand of the private key when the parties `keys` act. SECRET.
 *
 * @param images What {@link additiveImages} returns for the same keys.
 * @throws {RangeError} if the share is not that of party `index`, or its secret is not the one
 * behind its public counterpart.
 */
export function additiveShare(
  share: EddsaShare,
  keys: readonly bigint[],
  index: number,
  images: readonly CurvePoint[],
): bigint {
  if (keys[index] !== share.shareId) {
    throw new RangeError("Cannot use the share: it belongs to another party");
  }
  const w = (share.xi * lagrangeAtZero(ed25519, keys, index)) % ed25519.q;
  if (w === 0n || !ed25519.base.multiply(w).equals(images[index]!)) {
    throw new RangeError("Cannot use the share: its secret does not belong to its public part");
  }
  return w;
}

function weighted(keys: readonly bigint[], points: readonly CurvePoint[]): CurvePoint[] {
  return points.map((X, j) => X.multiplyPublic(lagrangeAtZero(ed25519, keys, j)));
}

function sumsToKey(parts: readonly CurvePoint[], publicKey: CurvePoint): boolean {
  return !publicKey.isIdentity && CurvePoint.sum(parts).equals(publicKey);
}
