import assert from "node:assert/strict";
import { ed25519 as reference } from "@noble/curves/ed25519.js";
import { secp256k1 as secpReference } from "@noble/curves/secp256k1.js";
import fc from "fast-check";
import {
  clearCofactor,
  type Curve,
  curveByName,
  curveConstants,
  CurvePoint,
  ed25519,
  encodeCompressed,
  encodeEd25519,
  flattenPoints,
  secp256k1,
  unflattenPoints,
} from "../../lib/crypto/curve.ts";
import { toHex } from "../../lib/encoding/bytes.ts";

const curves: Curve[] = [secp256k1, ed25519];

// 2G of both curves, from specification section 4.
const DOUBLES = {
  secp256k1: [
    89565891926547004231252920425935692360644145829622209833684329913297188986597n,
    12158399299693830322967808612713398636155367887041628176798871954788371653930n,
  ],
  ed25519: [
    24727413235106541002554574571675588834622768167397638456726423682521233608206n,
    15549675580280190176352668710449542251549572066445060580507079593062643049417n,
  ],
} as const;

/** A point of order 8 of edwards25519 (RFC 7748's curve, listed in many low-order blocklists). */
const TORSION = reference.Point.fromHex(
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
);

for (const curve of curves) {
  Deno.test(`${curve.name}: all ways to double the base give the specification's point`, () => {
    const [x, y] = DOUBLES[curve.name];
    const G = curve.base;
    for (const d of [G.add(G), G.multiply(2n), G.multiplyPublic(2n), curve.point(x, y)]) {
      assert.deepEqual([d.x, d.y], [x, y]);
    }
    assert(CurvePoint.sum([G, G, G]).equals(G.multiply(3n)));
  });

  Deno.test(`${curve.name}: multiply() and multiplyPublic() agree and respect the group`, () => {
    const scalar = fc.bigInt({ min: -(2n ** 300n), max: 2n ** 300n });
    fc.assert(
      fc.property(scalar, scalar, (a, b) => {
        const A = curve.base.multiply(a);
        assert(A.equals(curve.base.multiplyPublic(a)));
        assert(A.multiply(b).equals(A.multiplyPublic(b)));
        assert(A.add(curve.base.multiplyPublic(b)).equals(curve.base.multiplyPublic(a + b)));
      }),
      { numRuns: 20 },
    );
  });

  Deno.test(`${curve.name}: scalars that are 0 mod q give the identity`, () => {
    for (const k of [0n, curve.q, -curve.q]) {
      assert(curve.base.multiply(k).isIdentity);
      assert(curve.base.multiplyPublic(k).isIdentity);
    }
    assert(curve.identity.multiply(5n).isIdentity);
    assert(curve.identity.multiplyPublic(5n).isIdentity);
    assert(curve.base.add(curve.base.negate()).isIdentity);
    assert(!curve.base.isIdentity);
    assert(curve.base.add(curve.identity).equals(curve.base));
    assert(curve.base.multiply(curve.q + 1n).equals(curve.base));
  });

  Deno.test(`${curve.name}: point() refuses what is not canonical or not on the curve`, () => {
    const { x, y } = curve.base;
    for (
      const [a, b] of [
        [x, y + 1n],
        [y, x],
        [x + curve.p, y],
        [x, y + curve.p],
        [-x, y],
        [x, -y],
        [x - curve.p, y],
        [curve.p, y],
      ] as const
    ) {
      assert.throws(() => curve.point(a, b), RangeError);
    }
  });

  Deno.test(`${curve.name}: flattenPoints() and unflattenPoints() are inverse`, () => {
    const points = [1n, 2n, 7n].map((k) => curve.base.multiplyPublic(k));
    const flat = flattenPoints(points);
    assert.equal(flat.length, 6);
    unflattenPoints(flat, curve).forEach((p, i) => assert(p.equals(points[i]!)));
    assert.deepEqual(unflattenPoints([], curve), []);
    assert.throws(() => unflattenPoints(flat.slice(1), curve), RangeError);
    assert.throws(() => unflattenPoints(flat.slice(0, 3), curve), RangeError);
    assert.throws(() => unflattenPoints([...flat.slice(0, 5), flat[4]!], curve), RangeError);
  });

  Deno.test(`${curve.name}: curveByName() finds it`, () => {
    assert.equal(curveByName(curve.name), curve);
  });
}

Deno.test("curveByName() knows no other name", () => {
  for (const name of ["", "Secp256k1", "p256"]) assert.equal(curveByName(name), undefined);
});

Deno.test("the identity has the specification's coordinates", () => {
  assert.deepEqual([secp256k1.identity.x, secp256k1.identity.y], [0n, 0n]);
  assert.deepEqual([ed25519.identity.x, ed25519.identity.y], [0n, 1n]);
  assert.throws(() => secp256k1.point(0n, 0n), RangeError);
  assert(ed25519.point(0n, 1n).isIdentity);
});

Deno.test("points of different curves do not mix", () => {
  assert.throws(() => secp256k1.base.add(ed25519.base), RangeError);
  assert.equal(secp256k1.base.equals(ed25519.base), false);
  assert.throws(() => CurvePoint.sum([]), RangeError);
});

Deno.test("curveConstants() lists what session ids hash", () => {
  assert.deepEqual(curveConstants(secp256k1).slice(0, 3), [
    2n ** 256n - 2n ** 32n - 977n,
    0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n,
    7n,
  ]);
  assert.deepEqual(curveConstants(ed25519), [
    2n ** 255n - 19n,
    2n ** 252n + 27742317777372353535851937790883648493n,
    0n,
    15112221349535400772501151409588531511454012693041857206046113283949847762202n,
    46316835694926478169428394003475163141307993866256225615783033603165251855960n,
  ]);
});

Deno.test("clearCofactor() drops the torsion part and nothing else", () => {
  const T = ed25519.point(TORSION.x, TORSION.y);
  assert(!T.isIdentity);
  assert(clearCofactor(T).isIdentity);
  const P = ed25519.base.multiplyPublic(123456789n);
  assert(!P.add(T).equals(P));
  assert(clearCofactor(P.add(T)).equals(P));
  assert(clearCofactor(P).equals(P));
  assert(clearCofactor(ed25519.identity).isIdentity);
  assert(clearCofactor(secp256k1.base).equals(secp256k1.base));
});

Deno.test("multiply() of a point with torsion takes the scalar as reduced, not blinded", () => {
  const mixed = ed25519.base.add(ed25519.point(TORSION.x, TORSION.y));
  for (const k of [2n, 8n, 12345n, ed25519.q - 1n]) {
    assert(mixed.multiply(k).equals(mixed.multiplyPublic(k)));
  }
});

Deno.test("encodeEd25519() matches the curve library, also for the identity", () => {
  for (const k of [1n, 2n, 3n, 4n, 5n, 987654321n]) {
    const expected = reference.Point.BASE.multiply(k).toHex();
    assert.equal(toHex(encodeEd25519(ed25519.base.multiply(k))), expected);
  }
  assert.equal(toHex(encodeEd25519(ed25519.identity)), "01" + "00".repeat(31));
  assert.throws(() => encodeEd25519(secp256k1.base), RangeError);
});

Deno.test("encodeCompressed() matches the curve library", () => {
  for (const k of [1n, 2n, 3n, 4n, 5n, 987654321n]) {
    const expected = secpReference.Point.BASE.multiply(k).toHex(true);
    assert.equal(toHex(encodeCompressed(secp256k1.base.multiply(k))), expected);
  }
  assert.throws(() => encodeCompressed(ed25519.base), RangeError);
  assert.throws(() => encodeCompressed(secp256k1.identity), RangeError);
});
