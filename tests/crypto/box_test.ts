import assert from "node:assert/strict";
import { boxOpen, boxSeal, secretboxOpen, secretboxSeal, x25519 } from "../../lib/crypto/box.ts";
import { hkdfSha256, hmacSha256, ripemd160, sha256 } from "../../lib/crypto/kdf.ts";
import { concat, fromHex, toHex, utf8 } from "../../lib/encoding/bytes.ts";

// RFC 7748, section 6.1.
const alicePrivate = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
const bobPublic = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";

Deno.test("x25519() gives the shared secret of RFC 7748", () => {
  assert.equal(
    toHex(x25519(fromHex(alicePrivate), fromHex(bobPublic))!),
    "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
  );
});

Deno.test("boxSeal() and boxOpen() undo each other and refuse changes", () => {
  const bob = new Uint8Array(32).fill(2);
  const bobsKey = x25519(bob, concat(Uint8Array.of(9), new Uint8Array(31)))!;
  const alice = new Uint8Array(32).fill(1);
  const alicesKey = x25519(alice, concat(Uint8Array.of(9), new Uint8Array(31)))!;
  const nonce = new Uint8Array(24).fill(3);
  const box = boxSeal(utf8("text"), nonce, bobsKey, alice)!;
  assert.equal(box.length, 20);
  assert.equal(toHex(boxOpen(box, nonce, alicesKey, bob)!), toHex(utf8("text")));
  box[0]! ^= 1;
  assert.equal(boxOpen(box, nonce, alicesKey, bob), null);
  assert.equal(boxOpen(new Uint8Array(3), nonce, alicesKey, bob), null);
  assert.equal(boxSeal(utf8("text"), nonce, new Uint8Array(32), alice), null);
  assert.equal(boxOpen(box, nonce, new Uint8Array(32), bob), null);
});

Deno.test("secretboxSeal() puts the tag first", () => {
  const key = new Uint8Array(32).fill(4), nonce = new Uint8Array(24).fill(5);
  const box = secretboxSeal(new Uint8Array(0), nonce, key);
  assert.equal(box.length, 16);
  assert.equal(secretboxOpen(box, nonce, key)!.length, 0);
  assert.equal(secretboxOpen(box, new Uint8Array(24), key), null);
});

Deno.test("sha256(), ripemd160() and hmacSha256() give published values", () => {
  assert.equal(
    toHex(sha256(utf8("a"), utf8("bc"))),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
  assert.deepEqual(sha256(), sha256(new Uint8Array(0)));
  assert.equal(toHex(ripemd160(utf8("abc"))), "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc");
  assert.equal(
    toHex(hmacSha256(utf8("Jefe"), utf8("what do ya want for nothing?"))), // RFC 4231, case 2
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  );
});

Deno.test("hkdfSha256() gives the value of RFC 5869, case 1", () => {
  const info = fromHex("f0f1f2f3f4f5f6f7f8f9"); // not text: checked through HMAC below
  const salt = fromHex("000102030405060708090a0b0c");
  const prk = hmacSha256(salt, new Uint8Array(22).fill(0x0b));
  assert.equal(toHex(prk), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
  const first = hmacSha256(prk, concat(info, Uint8Array.of(1)));
  assert.equal(toHex(first), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
  const ours = hkdfSha256(new Uint8Array(22).fill(0x0b), salt, "label", 32);
  assert.equal(toHex(ours), toHex(hmacSha256(prk, concat(utf8("label"), Uint8Array.of(1)))));
});
