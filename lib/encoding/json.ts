/**
 * Lossless JSON: integers of any size stay exact, objects keep their order and cannot touch a
 * prototype, and the text written is byte for byte what Go's `encoding/json` writes
 * (specification: mesh section 2, tss-core section 1).
 *
 * @module
 */

import { fromUtf8, utf8 } from "./bytes.ts";

/** A number that is not a plain integer (`1.0`, `1e3`), kept as its text. No field accepts one. */
export class NonInteger {
  /** The number's characters as received. */
  readonly text: string;
  /** Keeps `text` unread. */
  constructor(text: string) {
    this.text = text;
  }
}

/** An object as read: keys in order of first appearance. */
export type JsonObject = Map<string, Json>;
/** A value as read. Integers are bigint. */
export type Json = null | boolean | string | bigint | NonInteger | Json[] | JsonObject;
/** A value to write: plain objects write their keys in insertion order, `undefined` ones not at all. */
export type JsonInput =
  | null
  | boolean
  | string
  | bigint
  | number
  | readonly JsonInput[]
  | ReadonlyMap<string, JsonInput>
  | { readonly [key: string]: JsonInput | undefined };

/** Options of {@link parseJson} and {@link parseJsonPrefix}. */
export interface JsonLimits {
  /** Deepest nesting accepted; default 32. */
  readonly depth?: number;
  /** Most digits of one integer; default 4,932 (a 16,384-bit number). */
  readonly digits?: number;
  /**
   * Most values in the whole text, nested ones included; default 65,536. A megabyte of `{},{},…`
   * would otherwise cost a hundred times its size in memory and a tenth of a second.
   */
  readonly values?: number;
  /** What a repeated key does: Go lets the last one win, the default refuses it. */
  readonly duplicates?: "last" | "refuse";
}

const DEFAULT_DEPTH = 32;
const DEFAULT_DIGITS = 4932;
const DEFAULT_VALUES = 65_536;

class Reader {
  at = 0;
  constructor(
    readonly text: string,
    readonly depth: number,
    readonly digits: number,
    public left: number,
    readonly lastWins: boolean,
  ) {}

  fail(what: string): never {
    throw new SyntaxError(`Cannot read JSON at character ${this.at}: ${what}`);
  }

  space(): void {
    for (;;) {
      const c = this.text.charCodeAt(this.at);
      if (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) this.at++;
      else return;
    }
  }

  value(depth: number): Json {
    if (this.left-- <= 0) this.fail("it holds too many values");
    this.space();
    const c = this.text[this.at];
    if (c === "{") return this.object(depth);
    if (c === "[") return this.array(depth);
    if (c === '"') return this.string();
    if (c === "t") return this.word("true", true);
    if (c === "f") return this.word("false", false);
    if (c === "n") return this.word("null", null);
    if (c === "-" || (c !== undefined && c >= "0" && c <= "9")) return this.number();
    this.fail(c === undefined ? "the text ends early" : "a value was expected");
  }

  word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) this.fail("a value was expected");
    this.at += word.length;
    return value;
  }

  number(): bigint | NonInteger {
    const pattern = /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (match === null) this.fail("a digit was expected");
    if (match[1]!.length > this.digits) this.fail(`a number has more than ${this.digits} digits`);
    this.at = pattern.lastIndex;
    const integer = match[2] === undefined && match[3] === undefined;
    return integer ? BigInt(match[0]) : new NonInteger(match[0]);
  }

  string(): string {
    const start = this.at;
    let simple = true;
    for (let i = start + 1;; i++) {
      const c = this.text.charCodeAt(i);
      if (Number.isNaN(c)) this.fail("a string does not end");
      if (c < 0x20) this.fail("a control character stands in a string");
      if (c === 0x5c) {
        simple = false;
        i++;
      } else if (c === 0x22) {
        this.at = i + 1;
        const raw = this.text.slice(start, i + 1);
        if (simple) return raw.slice(1, -1);
        try {
          return JSON.parse(raw) as string;
        } catch {
          this.fail("a string has a bad escape");
        }
      }
    }
  }

  array(depth: number): Json[] {
    if (depth >= this.depth) this.fail(`values nest deeper than ${this.depth}`);
    const out: Json[] = [];
    this.at++;
    this.space();
    if (this.text[this.at] === "]") {
      this.at++;
      return out;
    }
    for (;;) {
      out.push(this.value(depth + 1));
      this.space();
      const c = this.text[this.at++];
      if (c === "]") return out;
      if (c !== ",") {
        this.at--;
        this.fail("a comma or a closing bracket was expected");
      }
    }
  }

  object(depth: number): JsonObject {
    if (depth >= this.depth) this.fail(`values nest deeper than ${this.depth}`);
    const out: JsonObject = new Map();
    this.at++;
    this.space();
    if (this.text[this.at] === "}") {
      this.at++;
      return out;
    }
    for (;;) {
      this.space();
      if (this.text[this.at] !== '"') this.fail("a key was expected");
      const key = this.string();
      if (!this.lastWins && out.has(key)) this.fail("a key appears twice");
      this.space();
      if (this.text[this.at] !== ":") this.fail("a colon was expected");
      this.at++;
      out.set(key, this.value(depth + 1));
      this.space();
      const c = this.text[this.at++];
      if (c === "}") return out;
      if (c !== ",") {
        this.at--;
        this.fail("a comma or a closing brace was expected");
      }
    }
  }
}

function reader(text: string, limits: JsonLimits): Reader {
  return new Reader(
    text,
    limits.depth ?? DEFAULT_DEPTH,
    limits.digits ?? DEFAULT_DIGITS,
    limits.values ?? DEFAULT_VALUES,
    limits.duplicates === "last",
  );
}

/**
 * Reads one JSON value that fills `input` (white space around it allowed).
 *
 * @throws {SyntaxError} if the text is not JSON or breaks a limit.
 * @throws {TypeError} if the bytes are not valid UTF-8.
 */
export function parseJson(input: string | Uint8Array, limits: JsonLimits = {}): Json {
  const r = reader(typeof input === "string" ? input : fromUtf8(input), limits);
  const value = r.value(0);
  r.space();
  if (r.at !== r.text.length) r.fail("text follows the value");
  return value;
}

/** Reads the JSON value at the start of `text`; `end` is the index just after it. */
export function parseJsonPrefix(
  text: string,
  limits: JsonLimits = {},
): { value: Json; end: number } {
  const r = reader(text, limits);
  const value = r.value(0);
  return { value, end: r.at };
}

// The five characters that Go escapes and JSON.stringify does not.
const GO_ESCAPES: Record<string, string> = {
  "<": "\\u003c",
  ">": "\\u003e",
  "&": "\\u0026",
  "\u2028": "\\u2028",
  "\u2029": "\\u2029",
};

/** Writes a string as Go does. Lone surrogates become U+FFFD, which Go would write as well. */
export function stringifyString(text: string): string {
  return JSON.stringify(text.toWellFormed()).replace(
    /[<>&\u2028\u2029]/g,
    (c) => GO_ESCAPES[c]!,
  );
}

/**
 * Writes compact JSON exactly as Go would.
 *
 * @throws {RangeError} for a `number` that is not a safe integer.
 */
export function stringifyJson(value: JsonInput | Json): string {
  if (value === null) return "null";
  switch (typeof value) {
    case "boolean":
      return value ? "true" : "false";
    case "bigint":
      return value.toString();
    case "string":
      return stringifyString(value);
    case "number":
      if (!Number.isSafeInteger(value)) throw new RangeError(`Cannot write ${value} as an integer`);
      return value.toString();
  }
  if (Array.isArray(value)) return "[" + value.map(stringifyJson).join(",") + "]";
  if (value instanceof NonInteger) return value.text;
  const entries = value instanceof Map ? [...value] : Object.entries(value as object);
  return "{" +
    entries.filter(([, v]) => v !== undefined)
      .map(([k, v]) => stringifyString(k) + ":" + stringifyJson(v)).join(",") +
    "}";
}

/** Writes compact JSON as UTF-8 bytes. */
export function encodeJson(value: JsonInput | Json): Uint8Array<ArrayBuffer> {
  return utf8(stringifyJson(value));
}
