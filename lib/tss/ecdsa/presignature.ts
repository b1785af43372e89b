/**
 * One signer's part of a presignature: what a signature needs and no message has touched.
 *
 * @module
 */

import { CurvePoint, secp256k1 } from "../../crypto/curve.ts";
import { fromHex, toHex } from "../../encoding/bytes.ts";
import type { Json, JsonInput } from "../../encoding/json.ts";
import { ContentError } from "../errors.ts";
import { checkInt, int, intList, object, pathOf, point, value } from "../fields.ts";
import { parsePoint, pointToJson } from "../points.ts";
import { MAX_PARTIES } from "./share.ts";

/** The fields of a presignature; all lists are in the order of {@link keys}. */
export interface PresignatureFields {
  /** 32 bytes: the id of the presigning that made it. */
  readonly id: Uint8Array;
  /** How often the key had been reshared. */
  readonly generation: number;
  /** The signers' party keys, ascending; only all of them together can use it. */
  readonly keys: readonly bigint[];
  /** Own index among them. */
  readonly self: number;
  /** What the signature will verify under. */
  readonly publicKey: CurvePoint;
  /** `k^-1·G`, where k is the sum of everybody's `k`. */
  readonly R: CurvePoint;
  /** Own share of k. Secret: with a signature made of it, it gives away {@link sigma}. */
  readonly k: bigint;
  /** Own share of `k·x`. Secret. */
  readonly sigma: bigint;
  /** Everybody's `k_j·R`; they add up to G. */
  readonly bigK: readonly CurvePoint[];
  /** Everybody's `sigma_j·R`; they add up to the public key. */
  readonly bigS: readonly CurvePoint[];
}

/** Holds secrets: prints as `[redacted]`, leaves by {@link presignatureToJson} only. */
export class Presignature implements PresignatureFields {
  readonly id: Uint8Array;
  readonly generation: number;
  readonly keys: readonly bigint[];
  readonly self: number;
  readonly publicKey: CurvePoint;
  readonly R: CurvePoint;
  readonly bigK: readonly CurvePoint[];
  readonly bigS: readonly CurvePoint[];
  #secret: { readonly k: bigint; readonly sigma: bigint } | null;

  /**
   * Takes over fields that belong together.
   *
   * @throws {ContentError} naming the first field that does not fit the others.
   */
  constructor(fields: PresignatureFields) {
    this.id = fields.id;
    this.generation = fields.generation;
    this.keys = fields.keys;
    this.self = fields.self;
    this.publicKey = fields.publicKey;
    this.R = fields.R;
    this.bigK = fields.bigK;
    this.bigS = fields.bigS;
    this.#secret = { k: fields.k, sigma: fields.sigma };
    check(this);
  }

  /** Own share of k. Secret. */
  get k(): bigint {
    return this.#kept().k;
  }

  /** Own share of `k·x`. Secret. */
  get sigma(): bigint {
    return this.#kept().sigma;
  }

  /**
   * Hands the secrets out for the one use they have, and forgets them.
   *
   * @throws {RangeError} the second time.
   */
  take(): { readonly k: bigint; readonly sigma: bigint } {
    const secret = this.#kept();
    this.#secret = null;
    return secret;
  }

  #kept(): { readonly k: bigint; readonly sigma: bigint } {
    if (this.#secret === null) throw new RangeError("Cannot use a presignature twice");
    return this.#secret;
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

const { q, base: G } = secp256k1;
const SCALAR = { max: q - 1n };

/** Writes a presignature for the sealed file. The result is as secret as the presignature. */
export function presignatureToJson(p: PresignatureFields): JsonInput {
  return {
    Id: toHex(p.id),
    Generation: BigInt(p.generation),
    Keys: p.keys,
    Self: BigInt(p.self),
    ECDSAPub: pointToJson(p.publicKey),
    R: pointToJson(p.R),
    K: p.k,
    Sigma: p.sigma,
    BigK: p.bigK.map(pointToJson),
    BigS: p.bigS.map(pointToJson),
  };
}

/**
 * Reads what {@link presignatureToJson} wrote.
 *
 * @throws {ContentError} naming the field that breaks a rule.
 */
export function parsePresignature(json: Json): Presignature {
  const o = object(json, "");
  const keys = intList(o, "Keys", { min: 1n, bits: 256, minLength: 2, maxLength: MAX_PARTIES });
  const points = (name: string): CurvePoint[] => {
    const list = value(o, name);
    if (!Array.isArray(list)) throw new ContentError(pathOf(o, name), "must be a list");
    return list.map((p, j) => parsePoint(p, secp256k1, `${pathOf(o, name)}[${j}]`));
  };
  const id = value(o, "Id");
  if (typeof id !== "string" || !/^[0-9a-f]{64}$/.test(id)) {
    throw new ContentError("Id", "must be 64 hex digits");
  }
  return new Presignature({
    id: fromHex(id),
    generation: Number(int(o, "Generation", { bits: 32 })),
    keys,
    self: Number(int(o, "Self", { bits: 16 })),
    publicKey: point(o, "ECDSAPub", secp256k1),
    R: point(o, "R", secp256k1),
    k: int(o, "K", SCALAR),
    sigma: int(o, "Sigma", SCALAR),
    bigK: points("BigK"),
    bigS: points("BigS"),
  });
}

function check(p: Presignature): void {
  const n = p.keys.length;
  const refuse = (field: string, rule: string): never => {
    throw new ContentError(field, rule);
  };
  if (p.id.length !== 32) refuse("Id", "must have 32 bytes");
  if (n < 2) refuse("Keys", "must have at least 2 elements");
  if (p.keys.some((key, j) => j > 0 && key <= p.keys[j - 1]!)) refuse("Keys", "must be ascending");
  if (!Number.isSafeInteger(p.self) || p.self < 0 || p.self >= n) {
    refuse("Self", "must be the index of a signer");
  }
  if (!Number.isSafeInteger(p.generation) || p.generation < 0) {
    refuse("Generation", "must be a count");
  }
  checkInt(p.k, "K", SCALAR);
  checkInt(p.sigma, "Sigma", SCALAR);
  for (const [name, list] of [["BigK", p.bigK], ["BigS", p.bigS]] as const) {
    if (list.length !== n) refuse(name, `must have ${n} elements`);
  }
  const all = [p.publicKey, p.R, ...p.bigK, ...p.bigS];
  if (all.some((point) => point.curve !== secp256k1 || point.isIdentity)) {
    refuse("R", "all points must be finite points of secp256k1");
  }
  if (!CurvePoint.sum(p.bigK).equals(G)) refuse("BigK", "must add up to the base point");
  if (!CurvePoint.sum(p.bigS).equals(p.publicKey)) {
    refuse("BigS", "must add up to the public key");
  }
}
