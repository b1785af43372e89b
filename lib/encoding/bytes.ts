/**
 * Byte-string helpers that everything else stands on: hex, base64, integers, comparison.
 *
 * @module
 */

/** Returns the lower-case hexadecimal text of `bytes`. */
export function toHex(bytes: Uint8Array): string {
  return bytes.toHex();
}

/**
 * Reads hexadecimal text of either case.
 *
 * @throws {SyntaxError} if the length is odd or a character is not a hexadecimal digit.
 */
export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) {
    throw new SyntaxError("Cannot read hex: expected an even number of hexadecimal digits");
  }
  return Uint8Array.fromHex(text) as Uint8Array<ArrayBuffer>;
}

/** Returns the standard base64 text of `bytes`, with padding. */
export function toBase64(bytes: Uint8Array): string {
  return bytes.toBase64();
}

/**
 * Reads standard base64 with mandatory padding. Like Go's decoder it skips CR and LF and nothing
 * else, unless `strict` is set: then every byte string has exactly one accepted spelling.
 *
 * @throws {SyntaxError} if the text is not base64.
 */
export function fromBase64(text: string, strict = false): Uint8Array<ArrayBuffer> {
  const body = strict ? text : text.replace(/[\r\n]/g, "");
  if (body.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(body)) {
    throw new SyntaxError("Cannot read base64: expected the standard alphabet with padding");
  }
  return Uint8Array.fromBase64(body, {
    lastChunkHandling: strict ? "strict" : "loose",
  }) as Uint8Array<ArrayBuffer>;
}

/** Joins byte strings. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const p of parts) length += p.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Returns the UTF-8 bytes of `text`. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/**
 * Decodes UTF-8.
 *
 * @throws {TypeError} if the bytes are not valid UTF-8.
 */
export function fromUtf8(bytes: Uint8Array): string {
  return strictDecoder.decode(bytes);
}

/** Returns `n` as 4 bytes, big-endian. */
export function u32be(n: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(4);
  new DataView(out.buffer).setUint32(0, n);
  return out;
}

/** Returns `n` as 8 bytes, big-endian. */
export function u64be(n: bigint): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, n);
  return out;
}

/** Compares in time that depends on the lengths only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let diff = 0;
  for (let i = 0; i < a.length; i++) diff |= a[i]! ^ b[i]!;
  return diff === 0;
}

/** Orders byte strings bytewise, as Go's `bytes.Compare`: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return a.length - b.length;
}

/** Reads bytes as an unsigned big-endian integer; the empty string is 0. */
export function bytesToInt(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt("0x" + toHex(bytes));
}

/**
 * Returns the big-endian magnitude of `n` without leading zero bytes (`mb` in the specification):
 * the sign is dropped and zero gives the empty string.
 */
export function minimalBytes(n: bigint): Uint8Array<ArrayBuffer> {
  if (n < 0n) n = -n;
  if (n === 0n) return new Uint8Array(0);
  const hex = n.toString(16);
  return fromHex(hex.length % 2 === 0 ? hex : "0" + hex);
}

/**
 * Returns `n` as exactly `length` big-endian bytes.
 *
 * @throws {RangeError} if `n` is negative or does not fit.
 */
export function intToBytes(n: bigint, length: number): Uint8Array<ArrayBuffer> {
  if (n < 0n) throw new RangeError("Cannot encode a negative integer");
  const hex = n.toString(16);
  if (hex.length > 2 * length) throw new RangeError(`Cannot encode integer in ${length} bytes`);
  return fromHex(hex.padStart(2 * length, "0"));
}

/** Returns the number of bits of the magnitude of `n`; 0 for 0. */
export function bitLength(n: bigint): number {
  if (n < 0n) n = -n;
  // Hexadecimal is a quarter of the text that binary would be, and as cheap to make.
  const hex = n.toString(16);
  return 4 * hex.length - 4 + 32 - Math.clz32(parseInt(hex[0]!, 16));
}
