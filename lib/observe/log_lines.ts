/**
 * Turns a log line into bytes: text for people, JSON for machines. Nothing secret gets through,
 * and nothing that a peer sent can fake a line or move the cursor.
 *
 * @module
 */

import { type LogFields, type LogLevel, Secret } from "./logger.ts";

/** A line before it is written. */
export interface LogLine {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** How loud. */
  readonly level: LogLevel;
  /** Dotted module name; empty at the top. */
  readonly module: string;
  /** The text. */
  readonly message: string;
  /** Properties. */
  readonly fields: LogFields;
}

/** Longest text of one value. */
const MAX_VALUE = 2000;
/** Deepest nesting of a value that is shown. */
const MAX_DEPTH = 4;
/** Most items of a list or an object that are shown. */
const MAX_ITEMS = 64;
/** Names of fields whose values never show, whatever a caller puts there. */
const SECRET_NAME =
  /pass(phrase|word)|secret|private_?key|store_?key|plaintext|preparams$|^share$/i;
const REDACTED = "[redacted]";

/** A value of which only printable parts are left. */
type Plain = null | boolean | string | number | Plain[] | { [key: string]: Plain };

/** Writes a line for people: time, level, module, message, then `key=value`. */
export function textLine(line: LogLine): string {
  const level = line.level.toUpperCase().padEnd(5);
  const head = `${new Date(line.time).toISOString()} ${level} ${line.module || "node"}: `;
  const fields = Object.entries(line.fields).filter(([, value]) => value !== undefined).map(
    ([name, value]) => `${oneLine(name)}=${textValue(plain(name, value, 0))}`,
  );
  return [head + oneLine(line.message), ...fields].join(" ");
}

/** Writes a line for machines: one JSON object with the fields beside the fixed names. */
export function jsonLine(line: LogLine): string {
  const out: Record<string, Plain> = {
    time: new Date(line.time).toISOString(),
    level: line.level,
    module: line.module || "node",
    message: line.message.slice(0, MAX_VALUE),
  };
  for (const [name, value] of Object.entries(line.fields)) {
    if (value === undefined) continue;
    // A field must not replace a fixed name.
    out[name in out ? `${name}_` : name] = plain(name, value, 0);
  }
  return jsonText(out);
}

function textValue(value: Plain): string {
  if (typeof value !== "string") return oneLine(jsonText(value));
  return /^[\w.:/@+\-[\]]+$/.test(value) ? value : oneLine(JSON.stringify(value));
}

/** JSON of plain values; numbers may be fractions here. */
function jsonText(value: Plain): string {
  return escapeUnseen(
    JSON.stringify(value, (_, v) => typeof v === "string" ? v.toWellFormed() : v),
  );
}

/** Cuts a text to a bearable length and escapes what cannot be seen. */
function oneLine(text: string): string {
  return escapeUnseen(text.length > 2 * MAX_VALUE ? text.slice(0, 2 * MAX_VALUE) + "…" : text);
}

/** Writes control, direction and line characters as JSON escapes. */
function escapeUnseen(text: string): string {
  return text.replace(
    // deno-lint-ignore no-control-regex
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"),
  );
}

function plain(name: string, value: unknown, depth: number): Plain {
  if (value === null || value === undefined) return null;
  if (SECRET_NAME.test(name) && typeof value !== "boolean" && typeof value !== "number") {
    return REDACTED;
  }
  switch (typeof value) {
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "bigint":
      // Bigints in log lines are counts and times; anything longer could be a key.
      return value > -(2n ** 64n) && value < 2n ** 64n ? value.toString() : REDACTED;
    case "string":
      return value.length > MAX_VALUE ? value.slice(0, MAX_VALUE) + "…" : value;
    case "object":
      return plainObject(value, depth);
    default:
      return `[${typeof value}]`;
  }
}

function plainObject(value: object, depth: number): Plain {
  if (value instanceof Secret) return REDACTED;
  // Bytes may be anything; whoever wants to see them writes hex.
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (value instanceof Error) return errorText(value);
  if (depth >= MAX_DEPTH) return "[…]";
  try {
    const toJson = (value as { toJSON?: unknown }).toJSON;
    if (typeof toJson === "function") {
      const json: unknown = toJson.call(value);
      return typeof json === "object" && json !== null && json !== value
        ? plain("", json, depth + 1)
        : plain("", typeof json === "object" ? null : json, depth);
    }
    if (Array.isArray(value)) {
      const items = value.slice(0, MAX_ITEMS).map((item) => plain("", item, depth + 1));
      if (value.length > MAX_ITEMS) items.push(`… ${value.length - MAX_ITEMS} more`);
      return items;
    }
    const entries = value instanceof Map ? [...value] : Object.entries(value);
    const out: { [key: string]: Plain } = {};
    for (const [key, item] of entries.slice(0, MAX_ITEMS)) {
      out[String(key)] = plain(String(key), item, depth + 1);
    }
    return out;
  } catch {
    return "[unprintable]";
  }
}

function errorText(error: Error): string {
  const code = (error as Error & { code?: unknown }).code;
  const text = typeof code === "string" ? `${code}: ${error.message}` : error.message;
  return text.slice(0, MAX_VALUE) || error.name;
}
