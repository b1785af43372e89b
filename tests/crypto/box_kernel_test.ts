/** The WebAssembly secretbox against tweetnacl. */

import assert from "node:assert/strict";
import fc from "fast-check";
import nacl from "tweetnacl";
import { systemRandom } from "../../lib/arith/random.ts";
import { secretboxOpen, secretboxSeal, secretboxSealInto } from "../../lib/crypto/box.ts";
import { BoxKernel } from "../../lib/crypto/box_kernel.ts";
import { agreesWith } from "../../lib/crypto/box_self_test.ts";
import { fromHex, toHex } from "../../lib/encoding/bytes.ts";

const kernel = new BoxKernel();

function seal(message: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array {
  const box = new Uint8Array(16 + message.length);
  kernel.seal(box, 0, message, nonce, key);
  return box;
}

Deno.test("BoxKernel seals the example of the paper that introduced secretbox", () => {
  // "Cryptography in NaCl" (2009), section 10.
  const key = fromHex("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389");
  const nonce = fromHex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37");
  const message = fromHex(
    "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c6" +
      "1296cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21" +
      "af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705",
  );
  const box = seal(message, nonce, key);
  assert.equal(
    toHex(box.subarray(0, 32)),
    "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce",
  );
  assert.deepEqual(kernel.open(box, nonce, key), message);
});

Deno.test("BoxKernel makes tweetnacl's boxes of every length up to 1,100 bytes, and opens them", () => {
  for (let length = 0; length <= 1_100; length++) {
    const message = systemRandom(length);
    const nonce = systemRandom(24);
    const key = systemRandom(32);
    const box = seal(message, nonce, key);
    assert.equal(toHex(box), toHex(nacl.secretbox(message, nonce, key)), `${length} bytes`);
    assert.deepEqual(kernel.open(box, nonce, key), message);
  }
});

Deno.test("BoxKernel agrees with tweetnacl on large messages, its memory growing", () => {
  for (const length of [65_536, 131_071, 1 << 20, 3_000_001, 70_000]) {
    const message = systemRandom(65_536);
    const whole = Uint8Array.from({ length }, (_, i) => message[i & 65_535]!);
    const nonce = systemRandom(24);
    const key = systemRandom(32);
    const box = seal(whole, nonce, key);
    assert(nacl.secretbox.open(box, nonce, key) !== null, `${length} bytes`);
    assert.deepEqual(kernel.open(box, nonce, key), whole);
  }
});

Deno.test("BoxKernel.open() refuses a box with any bit changed, cut or lengthened", () => {
  const bytes = (size: number) => fc.uint8Array({ minLength: size, maxLength: size });
  fc.assert(fc.property(
    fc.uint8Array({ maxLength: 200 }),
    bytes(24),
    bytes(32),
    fc.nat(),
    fc.integer({ min: 0, max: 7 }),
    (message, nonce, key, at, bit) => {
      const box = seal(message, nonce, key);
      const bad = box.slice();
      bad[at % bad.length]! ^= 1 << bit;
      assert.equal(kernel.open(bad, nonce, key), null);
      assert.equal(kernel.open(box.subarray(0, box.length - 1), nonce, key), null);
      assert.equal(kernel.open(Uint8Array.of(...box, 0), nonce, key), null);
      assert.deepEqual(kernel.open(box, nonce, key), message);
    },
  ));
  assert.equal(kernel.open(new Uint8Array(15), new Uint8Array(24), new Uint8Array(32)), null);
});

Deno.test("agreesWith() finds a kernel that computes something else", () => {
  assert.equal(agreesWith(kernel, nacl), true);
  const wrong = {
    secretbox: (message: Uint8Array, nonce: Uint8Array, key: Uint8Array) => {
      const box = nacl.secretbox(message, nonce, key);
      if (message.length === 225) box[240]! ^= 1;
      return box;
    },
  };
  assert.equal(agreesWith(kernel, wrong), false);
});

Deno.test("secretboxSealInto() writes at its place only; keys and nonces have their lengths", () => {
  const key = systemRandom(32);
  const nonce = systemRandom(24);
  const message = systemRandom(50);
  const out = new Uint8Array(100).fill(7);
  secretboxSealInto(out, 10, message, nonce, key);
  assert.deepEqual(out.subarray(10, 76), secretboxSeal(message, nonce, key));
  assert(out.subarray(0, 10).every((b) => b === 7) && out.subarray(76).every((b) => b === 7));
  for (const [n, k] of [[23, 32], [24, 31], [25, 32], [24, 0]] as const) {
    assert.throws(() => secretboxSeal(message, new Uint8Array(n), new Uint8Array(k)), RangeError);
    assert.throws(() => secretboxOpen(out, new Uint8Array(n), new Uint8Array(k)), RangeError);
  }
});
