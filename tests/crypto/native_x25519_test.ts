import assert from "node:assert/strict";
import fc from "fast-check";
import nacl from "tweetnacl";
import { boxSharedKey, useNativeX25519, x25519, x25519Public } from "../../lib/crypto/box.ts";
import { loadNativeX25519 } from "../../lib/crypto/native_x25519.ts";
import { fromHex, toHex } from "../../lib/encoding/bytes.ts";

const P = 2n ** 255n - 19n;
const bytesOf = (n: bigint) =>
  fromHex(n.toString(16).padStart(64, "0")).reverse() as Uint8Array<ArrayBuffer>;
/** Points of order 1, 2, 4 and 8 of the curve and its twist, in every spelling (RFC 7748, 7). */
const LOW_ORDER = [
  0n,
  1n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
  P - 1n,
  P,
  P + 1n,
].flatMap((u) => [bytesOf(u), bytesOf(u + 2n ** 255n)]);
const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
/** Any point: small, not reduced, with the unused bit set. */
const point = fc.oneof(
  key,
  fc.bigInt({ min: 0n, max: 40n }).map((n) => bytesOf(P - 20n + n)),
  fc.bigInt({ min: 0n, max: 40n }).map((n) => bytesOf(2n ** 256n - 1n - n)),
);

Deno.test("loadNativeX25519() finds the runtime's own", async () => {
  assert(await loadNativeX25519() !== null);
});

Deno.test("x25519() is the same function by the runtime's own crypto and by tweetnacl", async () => {
  await useNativeX25519();
  fc.assert(
    fc.property(key, point, (k, u) => {
      const shared = nacl.scalarMult(k, u);
      assert.equal(toHex(x25519(k, u) ?? new Uint8Array(32)), toHex(shared));
      assert.equal(toHex(x25519Public(k)), toHex(nacl.scalarMult.base(k)));
    }),
    { numRuns: 200 },
  );
});

Deno.test("x25519() refuses points of low order by the runtime's own crypto, too", async () => {
  await useNativeX25519();
  for (const u of LOW_ORDER) {
    assert(nacl.scalarMult(new Uint8Array(32).fill(7), u).every((b) => b === 0), toHex(u));
    assert.equal(x25519(new Uint8Array(32).fill(7), u), null, toHex(u));
    assert.equal(boxSharedKey(new Uint8Array(32).fill(7), u), null);
  }
  for (const length of [0, 31, 33]) {
    assert.throws(() => x25519(new Uint8Array(length), new Uint8Array(32)), RangeError);
    assert.throws(() => x25519(new Uint8Array(32), new Uint8Array(length)), RangeError);
    assert.throws(() => x25519Public(new Uint8Array(length)), RangeError);
  }
});
