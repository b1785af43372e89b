/**
 * The two curves of the threshold protocols, secp256k1 and edwards25519, behind one point type
 * (specification: tss-core section 4, eddsa section 1).
 *
 * Points keep their projective form; affine coordinates are computed on first use. The identity
 * can be represented, so that every caller decides for itself: as `(0, 0)` on secp256k1 and
 * `(0, 1)` on edwards25519.
 *
 * @module
 */

import { ed25519 as nobleEd25519 } from "@noble/curves/ed25519.js";
import { secp256k1 as nobleSecp256k1 } from "@noble/curves/secp256k1.js";
import { intToBytes } from "../encoding/bytes.ts";
import { mod, modInverse } from "../arith/number.ts";

/** What both of the library's point classes offer and this file uses. */
interface RawPoint {
  add(other: RawPoint): RawPoint;
  negate(): RawPoint;
  multiply(k: bigint): RawPoint;
  multiplyUnsafe(k: bigint): RawPoint;
  clearCofactor(): RawPoint;
  equals(other: RawPoint): boolean;
  is0(): boolean;
  toAffine(): { x: bigint; y: bigint };
}

/** A curve group of prime order `q` (edwards25519: with cofactor 8) over the field of `p`. */
export interface Curve {
  /** The name in point JSON. */
  readonly name: "secp256k1" | "ed25519";
  /** The field prime. */
  readonly p: bigint;
  /** The order of the base point. */
  readonly q: bigint;
  /** The constant that session ids hash: 7, or 0 for edwards25519, which has none. */
  readonly b: bigint;
  /** The base point. */
  readonly base: CurvePoint;
  /** The neutral element. */
  readonly identity: CurvePoint;
  /**
   * Makes a point of affine coordinates.
   *
   * @throws {RangeError} unless `0 <= x, y < p` and the point is on the curve. On edwards25519 the
   * identity and points with a torsion part are let through, secp256k1 has no such points.
   */
  point(x: bigint, y: bigint): CurvePoint;
}

/** A point of one of the curves, possibly the identity. Immutable. */
export class CurvePoint {
  /** The curve it belongs to. */
  readonly curve: Curve;
  readonly #raw: RawPoint;
  #affine?: { readonly x: bigint; readonly y: bigint };

  /** Internal: wraps a point of the curve library. Use {@link Curve.point} instead. */
  constructor(curve: Curve, raw: unknown) {
    this.curve = curve;
    this.#raw = raw as RawPoint;
  }

  /** First affine coordinate, in `[0, p)`. */
  get x(): bigint {
    return (this.#affine ??= this.#raw.toAffine()).x;
  }

  /** Second affine coordinate, in `[0, p)`. */
  get y(): bigint {
    return (this.#affine ??= this.#raw.toAffine()).y;
  }

  /** Whether this is the neutral element. */
  get isIdentity(): boolean {
    return this.#raw.is0();
  }

  /**
   * Adds.
   *
   * @throws {RangeError} if the points belong to different curves.
   */
  add(other: CurvePoint): CurvePoint {
    if (other.curve !== this.curve) {
      throw new RangeError("Cannot add points: they belong to different curves");
    }
    return new CurvePoint(this.curve, this.#raw.add(other.#raw));
  }

  /** Returns the inverse. */
  negate(): CurvePoint {
    return new CurvePoint(this.curve, this.#raw.negate());
  }

  /**
   * Multiplies by a secret scalar, with the library's constant-time ladder. The scalar is reduced
   * modulo `q` first (any integer will do); 0 gives the identity.
   */
  multiply(k: bigint): CurvePoint {
    const scalar = mod(k, this.curve.q);
    if (scalar === 0n || this.isIdentity) return this.curve.identity;
    return new CurvePoint(this.curve, this.#raw.multiply(scalar));
  }

  /** Multiplies by a public scalar: the same result, two to three times faster, variable time. */
  multiplyPublic(k: bigint): CurvePoint {
    const scalar = mod(k, this.curve.q);
    if (scalar === 0n || this.isIdentity) return this.curve.identity;
    return new CurvePoint(this.curve, this.#raw.multiplyUnsafe(scalar));
  }

  /** Whether both are the same point of the same curve. */
  equals(other: CurvePoint): boolean {
    return other.curve === this.curve && this.#raw.equals(other.#raw);
  }

  /**
   * Adds up points of one curve.
   *
   * @throws {RangeError} for an empty list or mixed curves.
   */
  static sum(points: readonly CurvePoint[]): CurvePoint {
    const [first, ...rest] = points;
    if (first === undefined) throw new RangeError("Cannot add points: the list is empty");
    return rest.reduce((total, p) => total.add(p), first);
  }

  /** Internal: multiplies by the cofactor. */
  timesCofactor(): CurvePoint {
    return new CurvePoint(this.curve, this.#raw.clearCofactor());
  }
}

interface RawClass {
  readonly BASE: unknown;
  readonly ZERO: unknown;
  fromAffine(p: { x: bigint; y: bigint }): unknown;
}

function makeCurve(
  raw: RawClass,
  constants: Pick<Curve, "name" | "p" | "q" | "b">,
  onCurve: (x: bigint, y: bigint) => boolean,
): Curve {
  const { p } = constants;
  const points: { base?: CurvePoint; identity?: CurvePoint } = {};
  const curve: Curve = {
    ...constants,
    get base() {
      return points.base ??= new CurvePoint(curve, raw.BASE);
    },
    get identity() {
      return points.identity ??= new CurvePoint(curve, raw.ZERO);
    },
    point(x, y) {
      if (x < 0n || x >= p || y < 0n || y >= p) {
        throw new RangeError("Cannot make a point: a coordinate is not in [0, p)");
      }
      if (!onCurve(x, y)) throw new RangeError("Cannot make a point: it is not on the curve");
      return new CurvePoint(curve, raw.fromAffine({ x, y }));
    },
  };
  return Object.freeze(curve);
}

const SECP_P = nobleSecp256k1.Point.CURVE().p;

/** The curve of ECDSA: `y² = x³ + 7`. */
export const secp256k1: Curve = makeCurve(
  nobleSecp256k1.Point,
  { name: "secp256k1", p: SECP_P, q: nobleSecp256k1.Point.CURVE().n, b: 7n },
  (x, y) => (y * y - x * x * x - 7n) % SECP_P === 0n,
);

const { p: ED_P, n: ED_L, d: ED_D } = nobleEd25519.Point.CURVE();

/** The curve of EdDSA: `−x² + y² = 1 + d·x²·y²`; `q` is the prime `L`, the cofactor is 8. */
export const ed25519: Curve = makeCurve(
  nobleEd25519.Point,
  { name: "ed25519", p: ED_P, q: ED_L, b: 0n },
  (x, y) => (y * y - x * x - 1n - ED_D * x * x * y * y) % ED_P === 0n,
);

/** Window of the base points' tables in a thread that does a few dozen multiplications at most. */
const SMALL_WINDOW = 4;

/**
 * Makes the tables of both base points small from now on: a third of the library's additions to
 * build them (at first use), for half as many again in each multiplication. For short-lived threads.
 */
export function useSmallTables(): void {
  nobleSecp256k1.Point.BASE.precompute(SMALL_WINDOW);
  nobleEd25519.Point.BASE.precompute(SMALL_WINDOW);
}

/** Returns the curve of that exact name. */
export function curveByName(name: string): Curve | undefined {
  return [secp256k1, ed25519].find((curve) => curve.name === name);
}

/** Returns `[p, q, b, G.x, G.y]`, the order in which session ids hash a curve. */
export function curveConstants(curve: Curve): bigint[] {
  return [curve.p, curve.q, curve.b, curve.base.x, curve.base.y];
}

/** Lays points out as `x1, y1, x2, y2, …`. */
export function flattenPoints(points: readonly CurvePoint[]): bigint[] {
  return points.flatMap((p) => [p.x, p.y]);
}

/**
 * Reads points laid out by {@link flattenPoints}.
 *
 * @throws {RangeError} for an odd count, or a pair that {@link Curve.point} refuses.
 */
export function unflattenPoints(ns: readonly bigint[], curve: Curve): CurvePoint[] {
  if (ns.length % 2 !== 0) {
    throw new RangeError("Cannot read points: the number of coordinates is odd");
  }
  const out: CurvePoint[] = [];
  for (let i = 0; i < ns.length; i += 2) out.push(curve.point(ns[i]!, ns[i + 1]!));
  return out;
}

const EIGHT_INVERSE = modInverse(8n, ED_L);

/**
 * Projects onto the subgroup of prime order: `[8^-1 mod L]([8]P)`. A torsion part is dropped, a
 * point of small order becomes the identity. On secp256k1 nothing changes.
 */
export function clearCofactor(point: CurvePoint): CurvePoint {
  if (point.curve !== ed25519) return point;
  return point.timesCofactor().multiplyPublic(EIGHT_INVERSE);
}

/**
 * Returns the 32 bytes of an edwards25519 point: y little-endian, the top bit is the lowest bit of
 * x (RFC 8032 section 5.1.2).
 *
 * @throws {RangeError} for a point of another curve.
 */
export function encodeEd25519(point: CurvePoint): Uint8Array<ArrayBuffer> {
  if (point.curve !== ed25519) {
    throw new RangeError("Cannot encode the point: it is not on edwards25519");
  }
  const out = intToBytes(point.y, 32).reverse();
  out[31]! |= Number(point.x & 1n) << 7;
  return out;
}

/**
 * Returns the 33 bytes of a secp256k1 point: 2 or 3 by the parity of y, then x (SEC 1).
 *
 * @throws {RangeError} for a point of another curve or the identity.
 */
export function encodeCompressed(point: CurvePoint): Uint8Array<ArrayBuffer> {
  if (point.curve !== secp256k1 || point.isIdentity) {
    throw new RangeError("Cannot encode the point: it is no finite point of secp256k1");
  }
  const out = new Uint8Array(33);
  out[0] = 2 + Number(point.y & 1n);
  out.set(intToBytes(point.x, 32), 1);
  return out;
}
