/**
 * Lossless JSON values as ordinary JavaScript data, for code that deals with small numbers only.
 *
 * @module
 */

import { type Json, type JsonInput, NonInteger } from "./json.ts";

/**
 * Turns maps into objects without a prototype and integers into numbers; an integer beyond 2^53
 * becomes its decimal text rather than a wrong number.
 */
export function toPlain(value: Json): unknown {
  if (typeof value === "bigint") {
    const n = Number(value);
    return Number.isSafeInteger(n) ? n : value.toString();
  }
  if (value instanceof NonInteger) return Number(value.text);
  if (Array.isArray(value)) return value.map(toPlain);
  if (value instanceof Map) {
    const out: Record<string, unknown> = Object.create(null);
    for (const [key, member] of value) out[key] = toPlain(member);
    return out;
  }
  return value;
}

/**
 * Turns ordinary data into what the JSON writer takes. Fractions are rounded to whole numbers;
 * `undefined` members disappear.
 *
 * @throws {TypeError} for a function, a symbol or a class instance.
 */
export function fromPlain(value: unknown): JsonInput {
  if (value === null || value === undefined) return null;
  switch (typeof value) {
    case "string":
    case "boolean":
    case "bigint":
      return value;
    case "number":
      return Number.isSafeInteger(value) ? value : Math.round(value);
    case "object":
      break;
    default:
      throw new TypeError(`Cannot write a ${typeof value} as JSON`);
  }
  if (Array.isArray(value)) return value.map(fromPlain);
  const out: Record<string, JsonInput> = {};
  for (const [key, member] of Object.entries(value)) {
    if (member !== undefined) out[key] = fromPlain(member);
  }
  return out;
}
