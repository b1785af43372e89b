/** The WebAssembly Poly1305 against RFC 8439 and against arithmetic on whole integers. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { assemble } from "../../lib/arith/wasm/assembler.ts";
import { emitAbsorb, emitFinish } from "../../lib/crypto/poly1305_code.ts";
import { concat, fromHex, toHex } from "../../lib/encoding/bytes.ts";

const LAYOUT = { sum: 0, multiplier: 40, addend: 80, tag: 96 };
const DATA = 128;
const P = 2n ** 130n - 5n;

const { exports } = new WebAssembly.Instance(
  new WebAssembly.Module(
    assemble({ absorb: emitAbsorb(LAYOUT), finish: emitFinish(LAYOUT) }, 1, 1),
  ),
);
const wasm = exports as unknown as {
  memory: WebAssembly.Memory;
  absorb(at: number, blocks: number, top: number): void;
  finish(): void;
};

function number(bytes: Uint8Array): bigint {
  return [...bytes].reduceRight((sum, byte) => sum << 8n | BigInt(byte), 0n);
}

/** The tag of whole blocks, with a multiplier that need not be clamped. */
function tag(r: Uint8Array, s: Uint8Array, data: Uint8Array): string {
  const bytes = new Uint8Array(wasm.memory.buffer);
  const longs = new BigUint64Array(wasm.memory.buffer);
  bytes.fill(0);
  for (let i = 0; i < 5; i++) {
    longs[LAYOUT.multiplier / 8 + i] = number(r) >> BigInt(26 * i) & 0x3ffffffn;
  }
  bytes.set(s, LAYOUT.addend);
  bytes.set(data, DATA);
  wasm.absorb(DATA, data.length / 16, 1 << 24);
  wasm.finish();
  return toHex(bytes.slice(LAYOUT.tag, LAYOUT.tag + 16));
}

function expected(r: Uint8Array, s: Uint8Array, data: Uint8Array): string {
  let sum = 0n;
  for (let at = 0; at < data.length; at += 16) {
    sum = (sum + number(data.subarray(at, at + 16)) + 2n ** 128n) * number(r) % P;
  }
  const out = (sum + number(s)) % 2n ** 128n;
  return toHex(Uint8Array.from({ length: 16 }, (_, i) => Number(out >> BigInt(8 * i) & 255n)));
}

const block = (hex: string) => fromHex(hex.padEnd(32, "0"));
const ff = "ff".repeat(16);

Deno.test("Poly1305 gives the tags of RFC 8439, appendix A.3, where carries and reductions meet", () => {
  const zero = block("");
  const cases: [string, Uint8Array, Uint8Array, Uint8Array, string][] = [
    ["7", block("02"), zero, fromHex(ff), "03"],
    ["8", block("02"), fromHex(ff), block("02"), "03"],
    [
      "9",
      block("01"),
      zero,
      concat(fromHex(ff), fromHex("f0" + "ff".repeat(15)), block("11")),
      "05",
    ],
    [
      "10",
      block("01"),
      zero,
      concat(fromHex(ff), fromHex("fb" + "fe".repeat(15)), fromHex("01".repeat(16))),
      "00",
    ],
    ["11", block("02"), zero, fromHex("fd" + "ff".repeat(15)), "fa" + "ff".repeat(15)],
    [
      "12",
      block("0100000000000000" + "04"),
      zero,
      concat(block("e33594d7505e43b9"), block("3394d7505e4379cd01"), block(""), block("01")),
      "1400000000000000" + "55",
    ],
    [
      "13",
      block("0100000000000000" + "04"),
      zero,
      concat(block("e33594d7505e43b9"), block("3394d7505e4379cd01"), block("")),
      "13",
    ],
  ];
  for (const [name, r, s, data, want] of cases) {
    assert.equal(tag(r, s, data), want.padEnd(32, "0"), `vector ${name}`);
    assert.equal(tag(r, s, data), expected(r, s, data), `vector ${name} on whole integers`);
  }
});

Deno.test("Poly1305 agrees with whole integers on blocks that drive carries to their limits", () => {
  const byte = fc.oneof(
    fc.constantFrom(0, 1, 0xfa, 0xfb, 0xfe, 0xff),
    fc.integer({ max: 255, min: 0 }),
  );
  const bytes = (length: number) =>
    fc.oneof(
      fc.array(byte, { minLength: length, maxLength: length }).map((b) => Uint8Array.from(b)),
      byte.map((b) => new Uint8Array(length).fill(b)),
    );
  const data = fc.integer({ min: 1, max: 12 }).chain((blocks) => bytes(16 * blocks));
  // The clamped bits of r are part of what keeps the products small.
  const clamp = fromHex("ffffff0ffcffff0ffcffff0ffcffff0f");
  fc.assert(
    fc.property(bytes(16), bytes(16), data, (r, s, message) => {
      const clamped = r.map((b, i) => b & clamp[i]!);
      assert.equal(tag(clamped, s, message), expected(clamped, s, message));
    }),
    { numRuns: 2_000 },
  );
});
