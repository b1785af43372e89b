/**
 * Go's `encoding/json` as a set of field types: what it accepts, what it makes of it, and the
 * exact text it writes (specification: mesh section 2).
 *
 * Accepted like Go: unknown fields, names in another case, the last duplicate of a field, missing
 * fields (zero value), `null` for a scalar or struct (no change). Stricter than Go, which matters
 * for no text that Go itself writes: text must be valid UTF-8, a byte string must be a string and
 * not a list of numbers, values nest at most 32 deep and integers have at most 40 digits even in
 * unknown fields, lists hold at most {@link MAX_LIST} values.
 *
 * @module
 */

import { compareBytes, fromBase64, fromHex, toBase64, toHex, utf8 } from "../encoding/bytes.ts";
import { type Json, stringifyString } from "../encoding/json.ts";
import { type Identity, parseIdentity, ZERO_IDENTITY } from "../crypto/identity.ts";
import { WireError } from "./errors.ts";

/** Most values in one list. A frame ends before Go could write as many. */
export const MAX_LIST = 100_000;

/**
 * Go's nil byte string, `null` on the wire. A decoded `null` or missing field is this very object,
 * so that re-encoding writes what Go would; other empty byte strings are written as `""`.
 */
export const NIL_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(0);

const NIL: readonly never[] = Object.freeze([]);

/** Go's nil list, `null` on the wire; other empty lists are written as `[]`. */
export function nilList<T>(): readonly T[] {
  return NIL;
}

/** How one Go type is read and written. */
export interface GoType<T> {
  /** Makes the value of a missing field. */
  zero(): T;
  /** What `null` does: nothing, set the zero value, or make the text invalid. */
  readonly onNull: "keep" | "zero" | "refuse";
  /**
   * Reads a value that is not `null`. `where` names the field for the error.
   *
   * @throws {WireError} kind `command`.
   */
  decode(json: Json, where: string): T;
  /**
   * Writes the JSON text.
   *
   * @throws {RangeError} if the value does not fit the type.
   */
  encode(value: T): string;
  /** Whether an "omit if empty" field with this value disappears. */
  isEmpty(value: T): boolean;
}

function refuse(where: string, rule: string): never {
  throw new WireError("command", `Cannot read ${where}: ${rule}`);
}

/** Go `string`. Lone surrogates become U+FFFD, as in Go. */
export const goString: GoType<string> = {
  zero: () => "",
  onNull: "keep",
  decode: (json, where) =>
    typeof json === "string" ? json.toWellFormed() : refuse(where, "expected a string"),
  encode: stringifyString,
  isEmpty: (value) => value === "",
};

/** Go `bool`. */
export const goBool: GoType<boolean> = {
  zero: () => false,
  onNull: "keep",
  decode: (json, where) =>
    typeof json === "boolean" ? json : refuse(where, "expected true or false"),
  encode: (value) => value ? "true" : "false",
  isEmpty: (value) => !value,
};

/** An unsigned integer of at most 32 bits, as a number. */
function goUint(max: number): GoType<number> {
  return {
    zero: () => 0,
    onNull: "keep",
    decode(json, where) {
      if (typeof json !== "bigint" || json < 0n || json > BigInt(max)) {
        refuse(where, `expected an integer from 0 to ${max}`);
      }
      return Number(json);
    },
    encode(value) {
      if (!Number.isInteger(value) || value < 0 || value > max) {
        throw new RangeError(`Cannot write ${value}: expected an integer from 0 to ${max}`);
      }
      return value.toString();
    },
    isEmpty: (value) => value === 0,
  };
}

/** Go `uint8`, 0 to 255. */
export const goUint8: GoType<number> = goUint(255);
/** Go `uint32`, 0 to 4,294,967,295. */
export const goUint32: GoType<number> = goUint(0xffff_ffff);

/** Go `int64` and `int`: may exceed what a number holds, hence bigint. */
export const goInt64: GoType<bigint> = {
  zero: () => 0n,
  onNull: "keep",
  decode: (json, where) =>
    typeof json === "bigint" && BigInt.asIntN(64, json) === json
      ? json
      : refuse(where, "expected a signed 64-bit integer"),
  encode(value) {
    if (BigInt.asIntN(64, value) !== value) {
      throw new RangeError("Cannot write integer: it does not fit 64 bits");
    }
    return value.toString();
  },
  isEmpty: (value) => value === 0n,
};

/** A byte string of any length: standard base64 with padding, `null` for nil. */
export const goBytes: GoType<Uint8Array> = {
  zero: () => NIL_BYTES,
  onNull: "zero",
  decode(json, where) {
    if (typeof json !== "string") refuse(where, "expected a base64 string");
    try {
      return fromBase64(json);
    } catch {
      refuse(where, "expected standard base64 with padding");
    }
  },
  encode: (value) => value === NIL_BYTES ? "null" : `"${toBase64(value)}"`,
  isEmpty: (value) => value.length === 0,
};

/** A ceremony id or payload hash: 32 bytes as 64 hex digits. */
export const goHash: GoType<Uint8Array> = {
  zero: () => new Uint8Array(32),
  onNull: "refuse",
  decode(json, where) {
    if (typeof json !== "string" || json.length !== 64 || !/^[0-9a-fA-F]*$/.test(json)) {
      refuse(where, "expected 64 hexadecimal digits");
    }
    return fromHex(json);
  },
  encode(value) {
    if (value.length !== 32) throw new RangeError("Cannot write hash: expected 32 bytes");
    return `"${toHex(value)}"`;
  },
  isEmpty: () => false, // Go never counts an array as empty
};

/** An identity: 40 hex digits. */
export const goIdentity: GoType<Identity> = {
  zero: () => ZERO_IDENTITY,
  onNull: "refuse",
  decode(json, where) {
    try {
      if (typeof json === "string") return parseIdentity(json);
    } catch {
      // the refusal below says the same
    }
    refuse(where, "expected 40 hexadecimal digits");
  },
  encode: (value) => `"${value}"`,
  isEmpty: () => false,
};

/** A fixed byte array, which Go writes as a list of numbers: short lists are padded with zeros. */
export function goByteArray(length: number): GoType<Uint8Array> {
  return {
    zero: () => new Uint8Array(length),
    onNull: "keep",
    decode(json, where) {
      if (!Array.isArray(json)) refuse(where, "expected a list of numbers");
      const out = new Uint8Array(length);
      for (let i = 0; i < length && i < json.length; i++) {
        const item = json[i]!;
        if (item !== null) out[i] = goUint8.decode(item, `${where}[${i}]`);
      }
      return out;
    },
    encode(value) {
      if (value.length !== length) throw new RangeError(`Cannot write: expected ${length} bytes`);
      return `[${value.join(",")}]`;
    },
    isEmpty: () => false,
  };
}

/** A list. */
export function goList<T>(item: GoType<T>): GoType<readonly T[]> {
  return {
    zero: nilList,
    onNull: "zero",
    decode(json, where) {
      if (!Array.isArray(json)) refuse(where, "expected a list");
      if (json.length > MAX_LIST) refuse(where, `the list holds more than ${MAX_LIST} values`);
      return json.map((value, i) => {
        if (value !== null) return item.decode(value, `${where}[${i}]`);
        return item.onNull === "refuse" ? refuse(`${where}[${i}]`, "is null") : item.zero();
      });
    },
    encode: (values) => values === NIL ? "null" : `[${values.map(item.encode).join(",")}]`,
    isEmpty: (values) => values.length === 0,
  };
}

/** A map from string to string; Go writes the keys sorted bytewise. */
export const goStringMap: GoType<ReadonlyMap<string, string>> = {
  zero: () => new Map(),
  onNull: "zero",
  decode(json, where) {
    if (!(json instanceof Map)) refuse(where, "expected an object");
    const out = new Map<string, string>();
    for (const [key, value] of json) {
      out.set(key.toWellFormed(), value === null ? "" : goString.decode(value, `${where} value`));
    }
    return out;
  },
  encode(map) {
    const sorted = [...map].map(([key, value]) => ({ key, value, order: utf8(key) }))
      .sort((a, b) => compareBytes(a.order, b.order));
    return `{${
      sorted.map((e) => `${stringifyString(e.key)}:${stringifyString(e.value)}`).join(",")
    }}`;
  },
  isEmpty: (map) => map.size === 0,
};

/** One field of a struct. */
export interface GoField<T> {
  /** The field's name on the wire. */
  readonly name: string;
  readonly type: GoType<T>;
  /** Whether the field disappears when empty. */
  readonly omitEmpty: boolean;
}

/** A field that is always written. */
export function field<T>(name: string, type: GoType<T>): GoField<T> {
  return { name, type, omitEmpty: false };
}

/** A field that is written unless empty. */
export function optional<T>(name: string, type: GoType<T>): GoField<T> {
  return { name, type, omitEmpty: true };
}

/** The fields of a struct by property name, in wire order. */
export type GoFields<T> = { readonly [K in keyof T]-?: GoField<T[K]> };

/** Folds a field name as Go does: ASCII case, and the two letters that fold into ASCII. */
function foldName(name: string): string {
  return name.replace(/\u017f/g, "s").replace(/\u212a/g, "k")
    .replace(/[A-Z]/g, (c) => c.toLowerCase());
}

/** A struct; written in the order of `fields`. */
export function goStruct<T extends object>(fields: GoFields<T>): GoType<T> {
  const list = Object.entries(fields as Record<string, GoField<unknown>>)
    .map(([property, f]) => ({ property, ...f, prefix: `${stringifyString(f.name)}:` }));
  const byName = new Map(list.map((f) => [f.name, f]));
  const byFold = new Map(list.map((f) => [foldName(f.name), f]));
  return {
    zero() {
      const out: Record<string, unknown> = {};
      for (const f of list) out[f.property] = f.type.zero();
      return out as T;
    },
    onNull: "keep",
    decode(json, where) {
      if (!(json instanceof Map)) refuse(where, "expected an object");
      const out = this.zero() as Record<string, unknown>;
      for (const [key, value] of json) {
        const f = byName.get(key) ?? byFold.get(foldName(key));
        if (f === undefined) continue;
        if (value !== null) out[f.property] = f.type.decode(value, `${where}.${f.name}`);
        else if (f.type.onNull === "zero") out[f.property] = f.type.zero();
        else if (f.type.onNull === "refuse") refuse(`${where}.${f.name}`, "is null");
      }
      return out as T;
    },
    encode(value) {
      let out = "{";
      for (const f of list) {
        const item = (value as Record<string, unknown>)[f.property];
        if (f.omitEmpty && f.type.isEmpty(item)) continue;
        out += (out.length > 1 ? "," : "") + f.prefix + f.type.encode(item);
      }
      return out + "}";
    },
    isEmpty: () => false,
  };
}
