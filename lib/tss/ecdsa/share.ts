/**
 * The ECDSA key share: Go's save data, byte for byte (specification: tss-core 14.2), checked for
 * consistency whenever one is read or made.
 *
 * @module
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { mod } from "../../arith/number.ts";
import { CurvePoint, secp256k1 } from "../../crypto/curve.ts";
import { type Identity, identityToInt } from "../../crypto/identity.ts";
import { bitLength, minimalBytes } from "../../encoding/bytes.ts";
import { type Json, type JsonInput, parseJson, stringifyJson } from "../../encoding/json.ts";
import { ContentError } from "../errors.ts";
import { checkInt, int, intList, object, pathOf, point, value } from "../fields.ts";
import { paillierModulusToJson, parsePaillierModulus } from "../paillier.ts";
import { parsePoint, pointToJson } from "../points.ts";
import { lagrangeAtZero } from "../vss.ts";
import { MODULUS_BITS } from "./limits.ts";
import { parsePreParams, type PreParams, preParamsToJson } from "./preparams.ts";

/** Most parties one key can have; a bound on what a share file may claim. */
export const MAX_PARTIES = 1024;

/** Length of a key id in bytes. */
export const KEY_ID_BYTES = 16;

/** The fields of a key share; all lists are in party order. */
export interface EcdsaShareFields {
  /** This party's Paillier key and ring-Pedersen parameters with their trapdoors. Secret. */
  readonly preParams: PreParams;
  /** The secret share, in [1, q − 1]. */
  readonly xi: bigint;
  /** This party's key, one of `ks`. */
  readonly shareId: bigint;
  /** The party keys, ascending. */
  readonly ks: readonly bigint[];
  /** Everybody's ring-Pedersen modulus. */
  readonly nTildej: readonly bigint[];
  /** Everybody's first ring-Pedersen base. */
  readonly h1j: readonly bigint[];
  /** Everybody's second ring-Pedersen base. */
  readonly h2j: readonly bigint[];
  /** The public images of all secret shares. */
  readonly bigXj: readonly CurvePoint[];
  /** Everybody's Paillier modulus. */
  readonly paillierPks: readonly bigint[];
  /** The public key that signatures verify under. */
  readonly publicKey: CurvePoint;
}

/** The public lists of a share, cut to some of its parties. */
export type SignerLists = Pick<
  EcdsaShareFields,
  "ks" | "nTildej" | "h1j" | "h2j" | "bigXj" | "paillierPks"
>;

/** One party's share of a key. Holds secrets: prints as `[redacted]`, leaves by {@link shareToJson} only. */
export class EcdsaShare implements EcdsaShareFields {
  /** This party's Paillier key and ring-Pedersen parameters. Secret. */
  readonly preParams: PreParams;
  /** The secret share. */
  readonly xi: bigint;
  /** This party's key. */
  readonly shareId: bigint;
  /** The party keys. */
  readonly ks: readonly bigint[];
  /** Everybody's ring-Pedersen modulus. */
  readonly nTildej: readonly bigint[];
  /** Everybody's first ring-Pedersen base. */
  readonly h1j: readonly bigint[];
  /** Everybody's second ring-Pedersen base. */
  readonly h2j: readonly bigint[];
  /** The public images of all secret shares. */
  readonly bigXj: readonly CurvePoint[];
  /** Everybody's Paillier modulus. */
  readonly paillierPks: readonly bigint[];
  /** The public key. */
  readonly publicKey: CurvePoint;

  /**
   * Takes over fields that belong together.
   *
   * @throws {ContentError} naming the first field that does not fit the others.
   */
  constructor(fields: EcdsaShareFields) {
    this.preParams = fields.preParams;
    this.xi = fields.xi;
    this.shareId = fields.shareId;
    this.ks = fields.ks;
    this.nTildej = fields.nTildej;
    this.h1j = fields.h1j;
    this.h2j = fields.h2j;
    this.bigXj = fields.bigXj;
    this.paillierPks = fields.paillierPks;
    this.publicKey = fields.publicKey;
    checkConsistency(this);
  }

  /** This party's index in the lists. */
  get ownIndex(): number {
    return this.ks.indexOf(this.shareId);
  }

  /** Keeps secrets out of JSON. */
  toJSON(): string {
    return "[redacted]";
  }

  /** Keeps secrets out of console output. */
  [Symbol.for("Deno.customInspect")](): string {
    return "[redacted]";
  }
}

/**
 * Reads a key share as Go stores it.
 *
 * Checked: every field present and in range; the pre-parameters valid with their trapdoors; party
 * keys ascending and distinct modulo q; moduli of exactly 2,048 bits, pairwise distinct; own list
 * entries equal to the own parameters; `xi·G` equal to the own `BigXj`; and all `BigXj` together
 * interpolating to the public key.
 *
 * @throws {ContentError} naming the field.
 */
export function parseShare(json: Json): EcdsaShare {
  const o = object(json, "");
  const keys = intList(o, "Ks", { min: 1n, bits: 256, minLength: 2, maxLength: MAX_PARTIES });
  const each = { min: 1n, bits: MODULUS_BITS, length: keys.length };
  const members = (name: string): Json[] => {
    const list = value(o, name);
    if (!Array.isArray(list) || list.length !== keys.length) {
      throw new ContentError(pathOf(o, name), `must have ${keys.length} elements`);
    }
    return list;
  };
  return new EcdsaShare({
    preParams: parsePreParams(json),
    xi: int(o, "Xi", { min: 1n, max: secp256k1.q - 1n }),
    shareId: int(o, "ShareID", { min: 1n, bits: 256 }),
    ks: keys,
    nTildej: intList(o, "NTildej", each),
    h1j: intList(o, "H1j", each),
    h2j: intList(o, "H2j", each),
    bigXj: members("BigXj").map((p, j) => parsePoint(p, secp256k1, `BigXj[${j}]`)),
    paillierPks: members("PaillierPKs").map((p, j) => parsePaillierModulus(p, `PaillierPKs[${j}]`)),
    publicKey: point(o, "ECDSAPub", secp256k1),
  });
}

/** Writes a key share as Go stores it: one flat object. The result is as secret as the share. */
export function shareToJson(share: EcdsaShareFields): JsonInput {
  return {
    ...preParamsToJson(share.preParams),
    Xi: share.xi,
    ShareID: share.shareId,
    Ks: share.ks,
    NTildej: share.nTildej,
    H1j: share.h1j,
    H2j: share.h2j,
    BigXj: share.bigXj.map(pointToJson),
    PaillierPKs: share.paillierPks.map(paillierModulusToJson),
    ECDSAPub: pointToJson(share.publicKey),
  };
}

/**
 * Makes a share of fresh fields by writing and reading them: whatever a later loader would refuse
 * is refused now.
 *
 * @throws {ContentError} naming the field.
 */
export function rereadShare(fields: EcdsaShareFields): EcdsaShare {
  return parseShare(parseJson(stringifyJson(shareToJson(fields))));
}

/**
 * Returns the 16-byte id of a key: the start of SHA-256 over x in minimal bytes (mesh 14.4). A
 * resharing keeps it.
 */
export function keyIdOf(publicKey: CurvePoint): Uint8Array<ArrayBuffer> {
  return sha256(minimalBytes(publicKey.x)).slice(0, KEY_ID_BYTES);
}

/**
 * Returns the party key under which `identity` holds its part of this key: the identity as
 * integer, or that XOR 1 after an odd number of resharings (ecdsa-signing 1).
 *
 * @throws {RangeError} if the share knows neither.
 */
export function signerKey(share: Pick<EcdsaShareFields, "ks">, identity: Identity): bigint {
  const plain = identityToInt(identity);
  for (const key of [plain, nextKey(plain)]) if (share.ks.includes(key)) return key;
  throw new RangeError(`Signer ${identity} not found in key share Ks`);
}

/** Returns the other of a party's two key forms, the one it gets in the next resharing. */
export function nextKey(key: bigint): bigint {
  return key ^ 1n;
}

/**
 * Cuts the public lists down to the parties with the given keys, in that order.
 *
 * @throws {RangeError} if a key is not among the share's.
 */
export function selectSigners(share: EcdsaShareFields, keys: readonly bigint[]): SignerLists {
  const positions = keys.map((key) => {
    const at = share.ks.indexOf(key);
    if (at === -1) throw new RangeError("signer not found in key share Ks");
    return at;
  });
  const cut = <T>(list: readonly T[]): T[] => positions.map((at) => list[at]!);
  return {
    ks: cut(share.ks),
    nTildej: cut(share.nTildej),
    h1j: cut(share.h1j),
    h2j: cut(share.h2j),
    bigXj: cut(share.bigXj),
    paillierPks: cut(share.paillierPks),
  };
}

function checkConsistency(s: EcdsaShare): void {
  const n = s.ks.length;
  const refuse = (field: string, rule: string): never => {
    throw new ContentError(field, rule);
  };
  if (n < 2) refuse("Ks", "must have at least 2 elements");
  for (const name of ["nTildej", "h1j", "h2j", "bigXj", "paillierPks"] as const) {
    if (s[name].length !== n) refuse(name, `must have ${n} elements`);
  }
  if (s.ks.some((key, j) => j > 0 && key <= s.ks[j - 1]!)) refuse("Ks", "must be ascending");
  const residues = new Set(s.ks.map((key) => mod(key, secp256k1.q)));
  if (residues.size !== n || residues.has(0n)) {
    refuse("Ks", "must be distinct and not 0 modulo the group order");
  }
  const own = s.ownIndex;
  if (own === -1) refuse("ShareID", "must be one of Ks");

  const moduli = [...s.paillierPks, ...s.nTildej];
  if (moduli.some((m) => bitLength(m) !== MODULUS_BITS || (m & 1n) === 0n)) {
    refuse("PaillierPKs and NTildej", `must be odd and have exactly ${MODULUS_BITS} bits`);
  }
  if (new Set(moduli).size !== moduli.length) {
    refuse("PaillierPKs and NTildej", "must be pairwise distinct");
  }
  for (let j = 0; j < n; j++) {
    for (const name of ["h1j", "h2j"] as const) {
      checkInt(s[name][j]!, `${name}[${j}]`, { min: 2n, max: s.nTildej[j]! - 1n });
    }
  }
  if (s.paillierPks[own] !== s.preParams.paillier.n) refuse("PaillierPKs", "must hold the own key");
  if (s.nTildej[own] !== s.preParams.nTilde) refuse("NTildej", "must hold the own NTildei");
  if (s.h1j[own] !== s.preParams.h1) refuse("H1j", "must hold the own H1i");
  if (s.h2j[own] !== s.preParams.h2) refuse("H2j", "must hold the own H2i");

  checkInt(s.xi, "Xi", { min: 1n, max: secp256k1.q - 1n });
  if ([s.publicKey, ...s.bigXj].some((p) => p.curve !== secp256k1 || p.isIdentity)) {
    refuse("BigXj and ECDSAPub", "must be finite points of secp256k1");
  }
  if (!secp256k1.base.multiply(s.xi).equals(s.bigXj[own]!)) {
    refuse("Xi", "does not belong to the own BigXj");
  }
  const sum = CurvePoint.sum(
    s.bigXj.map((p, j) => p.multiplyPublic(lagrangeAtZero(secp256k1, s.ks, j))),
  );
  if (!sum.equals(s.publicKey)) refuse("ECDSAPub", "does not belong to BigXj");
}
