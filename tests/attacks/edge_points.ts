/**
 * Points and encodings at the edges of X25519 and Ed25519, from the curves' definitions (RFC 7748
 * sections 4.1, 5 and 7; RFC 8032 section 5.1.3).
 *
 * @module
 */

import { fromHex } from "../../lib/encoding/bytes.ts";

/** `p = 2^255 − 19`. */
export const P25519 = 2n ** 255n - 19n;

/** 32 bytes, little endian. */
export function littleEndian(n: bigint): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(32);
  for (let i = 0; i < 32; i++) out[i] = Number((n >> BigInt(8 * i)) & 0xffn);
  return out;
}

/** One of the two u-coordinates of order 8; the other is {@link ORDER_8_B}. */
const ORDER_8_A = fromHex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800");
const ORDER_8_B = fromHex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157");

/** Every encoding that X25519 maps to a point of order 1, 2, 4 or 8. */
export const LOW_ORDER_X25519: readonly [name: string, point: Uint8Array<ArrayBuffer>][] = [
  ["the X25519 point 0", littleEndian(0n)],
  ["the X25519 point 1", littleEndian(1n)],
  ["an X25519 point of order 8", ORDER_8_A],
  ["the other X25519 point of order 8", ORDER_8_B],
  ["the X25519 point p - 1", littleEndian(P25519 - 1n)],
  ["the X25519 point p", littleEndian(P25519)],
  ["the X25519 point p + 1", littleEndian(P25519 + 1n)],
  ["the X25519 point 0 with the unused bit", littleEndian(2n ** 255n)],
  ["the X25519 point p - 1 with the unused bit", littleEndian(P25519 - 1n + 2n ** 255n)],
];
