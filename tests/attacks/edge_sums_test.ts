/**
 * More edges in the manner of Wycheproof: sums that meet themselves, their opposite or the
 * overflow of the group order in ECDSA verification, and X25519 on the twist, compared with another
 * implementation (attacks B6, C7, C9, F1).
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createPrivateKey, createPublicKey, diffieHellman } from "node:crypto";
import { secp256k1 as nobleK1 } from "@noble/curves/secp256k1.js";
import { modInverse } from "../../lib/arith/number.ts";
import { verifyEcdsa } from "../../lib/ceremony/verify.ts";
import { x25519 } from "../../lib/crypto/box.ts";
import { secp256k1 } from "../../lib/crypto/curve.ts";
import { sha256 } from "../../lib/crypto/kdf.ts";
import { concat, fromHex, intToBytes, toHex, utf8 } from "../../lib/encoding/bytes.ts";
import { littleEndian, P25519 } from "./edge_points.ts";

const { q: N, p: P } = secp256k1;
const { Point } = nobleK1;
type K1Point = typeof Point.BASE;
const be = (n: bigint) => intToBytes(n, 32);
const keyOf = (point: K1Point) => {
  const { x, y } = point.toAffine();
  return concat(be(x), be(y));
};
const mod = (n: bigint) => ((n % N) + N) % N;

/** A signature with a low s. */
function lowS(r: bigint, s: bigint, recoveryId: number) {
  return s > N / 2n
    ? { r: be(r), s: be(N - s), recoveryId: recoveryId ^ 1 }
    : { r: be(r), s: be(s), recoveryId };
}

Deno.test("verifyEcdsa() adds a point to itself: digest r under the key G", () => {
  // u1·G and u2·Q are the same point, which ordinary addition formulas cannot add.
  for (let k = 2n; k < 12n; k++) {
    const { x, y } = Point.BASE.multiply(k).toAffine();
    const r = mod(x);
    const s = mod(2n * r * modInverse(k, N));
    const signature = lowS(r, s, Number(y & 1n));
    assert.ok(verifyEcdsa(keyOf(Point.BASE), be(r), signature), `k = ${k}`);
    assert.ok(!verifyEcdsa(keyOf(Point.BASE), be(mod(r + 1n)), signature), `k = ${k}`);
  }
});

Deno.test("verifyEcdsa() refuses what sums to infinity, whatever s is", () => {
  for (let k = 2n; k < 12n; k++) {
    const r = mod(Point.BASE.multiply(k).toAffine().x);
    // Under the key G the digest -r makes u1·G = -u2·Q.
    for (const s of [1n, 2n, r, N / 2n]) {
      for (const recoveryId of [0, 1, 2, 3]) {
        const signature = { r: be(r), s: be(s > N / 2n ? N - s : s), recoveryId };
        assert.ok(!verifyEcdsa(keyOf(Point.BASE), be(mod(-r)), signature), `k = ${k}, s = ${s}`);
      }
    }
  }
});

Deno.test("verifyEcdsa() knows points whose x lies beyond the group order", () => {
  const digest = sha256(utf8("overflow"));
  const z = mod(BigInt("0x" + toHex(digest)));
  let found = 0;
  for (let x = N; x < P && found < 3; x++) {
    let R: K1Point;
    try {
      R = Point.fromHex("02" + toHex(be(x)));
    } catch {
      continue; // no point has this x
    }
    const r = x - N;
    if (r === 0n) continue;
    found++;
    const s = 12345n + x % 1000n;
    // The key for which (r, s) is a signature of z with this R.
    const key = keyOf(
      R.multiply(mod(s)).subtract(Point.BASE.multiply(z)).multiply(modInverse(r, N)),
    );
    const signature = { r: be(r), s: be(s), recoveryId: 2 };
    assert.ok(verifyEcdsa(key, digest, signature));
    for (const recoveryId of [0, 1, 3]) {
      assert.ok(!verifyEcdsa(key, digest, { ...signature, recoveryId }), `${recoveryId}`);
    }
    // r itself, not reduced, is no r.
    assert.ok(!verifyEcdsa(key, digest, { ...signature, r: be(x) }));
  }
  assert.equal(found, 3);
});

Deno.test("verifyEcdsa() takes the smallest r and s that there are, and keys next to G", () => {
  const digest = sha256(utf8("small"));
  const z = mod(BigInt("0x" + toHex(digest)));
  let found = 0;
  for (let r = 1n; r < 60n && found < 8; r++) {
    let R: K1Point;
    try {
      R = Point.fromHex("02" + toHex(be(r)));
    } catch {
      continue;
    }
    for (const s of [1n, 2n, N / 2n]) {
      const key = keyOf(R.multiply(s).subtract(Point.BASE.multiply(z)).multiply(modInverse(r, N)));
      assert.ok(verifyEcdsa(key, digest, { r: be(r), s: be(s), recoveryId: 0 }), `${r} ${s}`);
      assert.ok(!verifyEcdsa(key, digest, { r: be(r), s: be(s + 1n), recoveryId: 0 }));
      found++;
    }
  }
  assert.ok(found >= 8);
});

/** X25519 by the runtime. */
function independent(privateKey: Uint8Array, publicKey: Uint8Array): string {
  const der = { format: "der" as const };
  return toHex(diffieHellman({
    privateKey: createPrivateKey({
      ...der,
      type: "pkcs8",
      key: Buffer.from(concat(fromHex("302e020100300506032b656e04220420"), privateKey)),
    }),
    publicKey: createPublicKey({
      ...der,
      type: "spki",
      key: Buffer.from(concat(fromHex("302a300506032b656e032100"), publicKey)),
    }),
  }));
}

Deno.test("x25519() agrees with the runtime on the curve, on its twist and near p", () => {
  const points: Uint8Array[] = [];
  for (let u = 2n; u < 40n; u++) points.push(littleEndian(u), littleEndian(P25519 - u));
  for (let i = 0; i < 60; i++) {
    const point = sha256(utf8(`point ${i}`));
    point[31]! &= 0x7f;
    points.push(point);
  }
  let onTwist = 0;
  for (const [i, point] of points.entries()) {
    const scalar = sha256(utf8(`scalar ${i}`));
    assert.equal(toHex(x25519(scalar, point)!), independent(scalar, point), toHex(point));
    // v² = u³ + 486662u² + u has no root on the twist.
    const u = BigInt("0x" + toHex(point.slice().reverse()));
    const square = (u ** 3n + 486662n * u ** 2n + u) % P25519;
    let power = 1n;
    for (let e = (P25519 - 1n) / 2n, b = square; e > 0n; e >>= 1n, b = b * b % P25519) {
      if (e & 1n) power = power * b % P25519;
    }
    if (power !== 1n) onTwist++;
  }
  assert.ok(onTwist > 30 && onTwist < points.length - 30, `${onTwist} of ${points.length}`);
});
