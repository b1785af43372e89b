/**
 * Edge cases of X25519, Ed25519 and ECDSA in the form that Wycheproof made a habit of: low order,
 * non-canonical encodings, values at and beyond the group order (attacks B5, B6, C7, C9, E11, F1).
 * Known answers are those of RFC 7748 and RFC 8032; the rest follows from the curves' equations.
 */

import assert from "node:assert/strict";
import { ed25519 as nobleEd } from "@noble/curves/ed25519.js";
import { secp256k1 as nobleK1 } from "@noble/curves/secp256k1.js";
import { isKey, keyIdOfPublicKey, verifyEcdsa, verifyEddsa } from "../../lib/ceremony/verify.ts";
import { boxOpen, boxSeal, x25519, x25519Public } from "../../lib/crypto/box.ts";
import { ed25519, secp256k1 } from "../../lib/crypto/curve.ts";
import { NodeIdentity, verifySignature } from "../../lib/crypto/identity.ts";
import { sha256 } from "../../lib/crypto/kdf.ts";
import {
  bytesToInt,
  concat,
  equalBytes,
  fromHex,
  intToBytes,
  toHex,
  utf8,
} from "../../lib/encoding/bytes.ts";
import { littleEndian, LOW_ORDER_X25519, P25519 } from "./edge_points.ts";

const SCALAR = sha256(utf8("a private key"));

Deno.test("x25519() gives RFC 7748's second vector, whose point has the unused bit set", () => {
  const shared = x25519(
    fromHex("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d"),
    fromHex("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493"),
  );
  assert.equal(
    toHex(shared!),
    "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
  );
});

Deno.test("x25519() gives RFC 7748's iterated values", () => {
  let k = littleEndian(9n);
  let u = littleEndian(9n);
  for (let i = 1; i <= 1000; i++) {
    [k, u] = [x25519(k, u)!, k];
    if (i === 1) {
      assert.equal(
        toHex(k),
        "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
      );
    }
  }
  assert.equal(toHex(k), "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
});

for (const [name, point] of LOW_ORDER_X25519) {
  Deno.test(`x25519(), boxSeal() and boxOpen() refuse ${name}`, () => {
    assert.equal(x25519(SCALAR, point), null);
    assert.equal(boxSeal(utf8("x"), new Uint8Array(24), point, SCALAR), null);
    assert.equal(boxOpen(new Uint8Array(17), new Uint8Array(24), point, SCALAR), null);
  });
}

Deno.test("x25519() takes a non-canonical coordinate for what it is modulo p", () => {
  // 2^255 - 19 + u for u below 19 fits 255 bits; RFC 7748 section 5 wants it reduced.
  for (let u = 2n; u < 19n; u++) {
    const plain = x25519(SCALAR, littleEndian(u))!;
    assert.ok(equalBytes(plain, x25519(SCALAR, littleEndian(P25519 + u))!), `u = ${u}`);
    assert.ok(equalBytes(plain, x25519(SCALAR, littleEndian(u + 2n ** 255n))!), `u = ${u}`);
  }
});

Deno.test("x25519() clamps: bits that clamping sets or clears change nothing", () => {
  const other = SCALAR.slice();
  other[0]! ^= 7;
  other[31]! ^= 0x80;
  other[31]! |= 0x40;
  const clamped = SCALAR.slice();
  clamped[31]! |= 0x40;
  const point = x25519Public(sha256(utf8("peer")));
  assert.ok(equalBytes(x25519(clamped, point)!, x25519(other, point)!));
});

const L = ed25519.q;
const secret = sha256(utf8("ed25519 key"));
const edKey = nobleEd.getPublicKey(secret);
const message = utf8("message");
const good = nobleEd.sign(message, secret);
const bent = (change: (r: Uint8Array, s: Uint8Array) => [Uint8Array, Uint8Array]) =>
  concat(...change(good.slice(0, 32), good.slice(32)));
const sOf = (bytes: Uint8Array) => bytesToInt(bytes.slice().reverse());

Deno.test("verifyEddsa() accepts RFC 8032's first two vectors and nothing near them", () => {
  const vectors: [string, string, string][] = [
    [
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
      "",
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
      "72",
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
  ];
  for (const [key, text, signature] of vectors) {
    assert.ok(verifyEddsa(fromHex(key), fromHex(text), fromHex(signature)));
    for (let bit = 0; bit < 512; bit += 5) {
      const changed = fromHex(signature);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      assert.ok(!verifyEddsa(fromHex(key), fromHex(text), changed), `bit ${bit}`);
    }
  }
});

const ED_SIGNATURES: readonly [string, Uint8Array][] = [
  ["S + L", bent((r, s) => [r, littleEndian(sOf(s) + L)])],
  ["S = L", bent((r) => [r, littleEndian(L)])],
  ["S with its top bit", bent((r, s) => [r, littleEndian(sOf(s) + 2n ** 255n)])],
  ["R = identity", bent((_, s) => [littleEndian(1n), s])],
  ["R = p + 1, the identity again", bent((_, s) => [littleEndian(P25519 + 1n), s])],
  ["R = -0", bent((_, s) => [littleEndian(1n + 2n ** 255n), s])],
  ["R not on the curve", bent((_, s) => [littleEndian(2n), s])],
  ["all zero", new Uint8Array(64)],
  ["a byte less", good.slice(0, 63)],
  ["a byte more", concat(good, Uint8Array.of(0))],
  ["nothing", new Uint8Array(0)],
];
for (const [name, signature] of ED_SIGNATURES) {
  Deno.test(`verifyEddsa() refuses a signature with ${name}`, () => {
    assert.ok(verifyEddsa(edKey, message, good));
    assert.ok(!verifyEddsa(edKey, message, signature));
  });
}

/** Encodings of points of order 1, 2, 4 and 8, canonical and not. */
const ED_SMALL: readonly [string, Uint8Array][] = [
  ["the identity", littleEndian(1n)],
  ["the point of order 2", littleEndian(P25519 - 1n)],
  ["a point of order 4", littleEndian(0n)],
  ["the other point of order 4", littleEndian(2n ** 255n)],
  [
    "a point of order 8",
    fromHex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
  ],
  [
    "another point of order 8",
    fromHex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
  ],
  ["p, a non-canonical zero", littleEndian(P25519)],
  ["p + 1, a non-canonical identity", littleEndian(P25519 + 1n)],
  ["no point", littleEndian(2n)],
];
for (const [name, key] of ED_SMALL) {
  Deno.test(`isKey() and verifyEddsa() refuse the Ed25519 key ${name}`, () => {
    assert.ok(!isKey("ed25519", key, keyIdOfPublicKey("ed25519", key)));
    // The forgery that works for keys of small order where nobody looks: R of the same kind, S = 0.
    for (const r of ED_SMALL) {
      assert.ok(!verifyEddsa(key, message, concat(r[1], new Uint8Array(32))));
    }
  });
}

Deno.test("isKey() refuses an Ed25519 key with a torsion part", () => {
  assert.ok(isKey("ed25519", edKey, keyIdOfPublicKey("ed25519", edKey)));
  const torsion = nobleEd.Point.fromBytes(ED_SMALL[4]![1]);
  const mixed = nobleEd.Point.fromBytes(edKey).add(torsion).toBytes();
  assert.ok(!isKey("ed25519", mixed, keyIdOfPublicKey("ed25519", mixed)));
});

const N = secp256k1.q;
const k1Secret = sha256(utf8("secp256k1 key"));
const k1Key = nobleK1.getPublicKey(k1Secret, false).slice(1);
const digest = sha256(message);
const recovered = nobleK1.sign(digest, k1Secret, { prehash: false, format: "recovered" });
const ecdsa = {
  recoveryId: recovered[0]!,
  r: recovered.slice(1, 33),
  s: recovered.slice(33),
};
const be = (n: bigint) => intToBytes(n, 32);

const K1_SIGNATURES: readonly [string, Partial<typeof ecdsa>][] = [
  ["r = 0", { r: be(0n) }],
  ["s = 0", { s: be(0n) }],
  ["r = s = 0", { r: be(0n), s: be(0n) }],
  ["r = n", { r: be(N) }],
  ["s = n", { s: be(N) }],
  ["r = p", { r: be(secp256k1.p) }],
  ["r = 2^256 - 1", { r: be(2n ** 256n - 1n) }],
  ["s = 2^256 - 1", { s: be(2n ** 256n - 1n) }],
  ["a high s", { s: be(N - bytesToInt(ecdsa.s)), recoveryId: ecdsa.recoveryId ^ 1 }],
  ["a high s and the old recovery id", { s: be(N - bytesToInt(ecdsa.s)) }],
  ["the wrong recovery id", { recoveryId: ecdsa.recoveryId ^ 1 }],
  ["a recovery id whose x does not exist", { recoveryId: ecdsa.recoveryId | 2 }],
  ["a recovery id of 4", { recoveryId: 4 }],
  ["a recovery id that is no integer", { recoveryId: 0.5 }],
  ["a short r", { r: ecdsa.r.slice(1) }],
  ["a long s", { s: concat(Uint8Array.of(0), ecdsa.s) }],
  ["r and s exchanged", { r: ecdsa.s, s: ecdsa.r }],
  ["r = 1 and s = 1", { r: be(1n), s: be(1n) }],
];
for (const [name, change] of K1_SIGNATURES) {
  Deno.test(`verifyEcdsa() refuses a signature with ${name}`, () => {
    assert.ok(verifyEcdsa(k1Key, digest, ecdsa));
    assert.ok(!verifyEcdsa(k1Key, digest, { ...ecdsa, ...change }));
  });
}

Deno.test("verifyEcdsa() and isKey() refuse points off the curve and other forms", () => {
  const [x, y] = [k1Key.slice(0, 32), k1Key.slice(32)];
  const keys = [
    new Uint8Array(64),
    concat(y, x),
    concat(x, be(secp256k1.p - bytesToInt(y) - 1n)),
    concat(be(secp256k1.p), y),
    concat(be(5n), be(1n)),
    concat(Uint8Array.of(4), k1Key),
    k1Key.slice(0, 63),
    nobleK1.getPublicKey(k1Secret, true),
    new Uint8Array(0),
  ];
  for (const key of keys) {
    assert.ok(!verifyEcdsa(key, digest, ecdsa));
    assert.ok(!isKey("secp256k1", key, keyIdOfPublicKey("secp256k1", key)));
  }
  // The negated key signs something else.
  assert.ok(!verifyEcdsa(concat(x, be(secp256k1.p - bytesToInt(y))), digest, ecdsa));
});

Deno.test("verifyEcdsa() reads a digest as a number modulo the order, as every verifier does", () => {
  // Digest 0: r = x(kG), s = r·d/k. A signature of the zero digest is one of the digest n as well.
  const d = bytesToInt(k1Secret) % N;
  const point = nobleK1.Point.BASE.toAffine();
  const r = point.x % N;
  let s = (r * d) % N;
  let recoveryId = Number(point.y & 1n);
  if (s > N / 2n) {
    s = N - s;
    recoveryId ^= 1;
  }
  const signature = { r: be(r), s: be(s), recoveryId };
  assert.ok(verifyEcdsa(k1Key, be(0n), signature));
  assert.ok(verifyEcdsa(k1Key, be(N), signature));
  assert.ok(!verifyEcdsa(k1Key, be(1n), signature));
  for (const length of [0, 31, 33, 64]) {
    assert.ok(!verifyEcdsa(k1Key, new Uint8Array(length), signature));
  }
});

Deno.test("verifySignature() refuses what recovers to no key or to infinity", () => {
  const node = NodeIdentity.fromPrivateKey(k1Secret);
  const own = node.sign(digest);
  assert.ok(verifySignature(digest, own, node.identity));
  for (let header = 0; header < 256; header++) {
    if (header === own[0]) continue;
    const changed = own.slice();
    changed[0] = header;
    assert.ok(!verifySignature(digest, changed, node.identity), `header ${header}`);
  }
  // R = x(G), s = z: the recovered key is (s·G - z·G)/r, the point at infinity.
  const g = nobleK1.Point.BASE.toAffine();
  const infinity = concat(Uint8Array.of(31 + Number(g.y & 1n)), be(g.x), digest);
  assert.ok(!verifySignature(digest, infinity, node.identity));
});

Deno.test("an identity key at the edges of the group order is refused", () => {
  for (const n of [0n, N, N + 1n, 2n ** 256n - 1n]) {
    assert.throws(() => NodeIdentity.fromPrivateKey(be(n)), RangeError);
  }
  for (const n of [1n, N - 1n]) NodeIdentity.fromPrivateKey(be(n));
});
