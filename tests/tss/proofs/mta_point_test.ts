import assert from "node:assert/strict";
import { defaultArithmetic } from "../../../lib/arith/mod.ts";
import { secp256k1 } from "../../../lib/crypto/curve.ts";
import { utf8 } from "../../../lib/encoding/bytes.ts";
import { parseJson, stringifyJson } from "../../../lib/encoding/json.ts";
import { ContentError } from "../../../lib/tss/errors.ts";
import {
  parsePointProof,
  pointProofToJson,
  provePoint,
  verifyPoint,
} from "../../../lib/tss/proofs/mta_point.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { bumped, distorted, testKeys } from "./fixtures.ts";

const { q, base: G } = secp256k1;
const arith = defaultArithmetic();
const random = seededRandom("point");
const session = utf8("session");
const alice = testKeys(0).paillier;
const bob = testKeys(1);
const B = G.multiply(0x1234567890abcdefn);
const m = q - 12345n;
const r = alice.public.randomness(random);
const c = alice.encrypt(m, r, arith);
const X = B.multiply(m);
const made = { session, key: alice, peer: bob.open, c, m, r, B, X };
const proof = provePoint(made, arith, random);
const input = { session, publicKey: alice.public, own: bob.own, c, B, X };

Deno.test("mta_point: provePoint() verifies for its statement only, also as JSON", () => {
  assert(verifyPoint(input, proof, arith));
  const again = parsePointProof(parseJson(stringifyJson(pointProofToJson(proof))), "Proof");
  assert(verifyPoint(input, again, arith));
  for (
    const wrong of [
      { session: utf8("other") },
      { c: c * c % alice.n2 },
      { own: testKeys(2).own },
      { publicKey: testKeys(2).paillier.public },
      { X: X.add(G) },
      { B: B.add(G) },
      { X: secp256k1.identity },
      { B: secp256k1.identity },
    ]
  ) assert(!verifyPoint({ ...input, ...wrong }, proof, arith), Object.keys(wrong).join());
});

Deno.test("mta_point: verifyPoint() answers false to every changed number and every odd one", () => {
  for (const [what, changed] of [...bumped(proof), ...distorted(proof)]) {
    assert(!verifyPoint(input, changed, arith), what);
  }
  for (const y of [proof.y.add(G), proof.y.negate(), secp256k1.identity]) {
    assert(!verifyPoint(input, { ...proof, y }, arith));
  }
});

Deno.test("mta_point: a point of another scalar, or another plaintext, cannot be proven", () => {
  const other = B.multiply(m + 1n);
  const forged = provePoint({ ...made, X: other }, arith, random);
  assert(!verifyPoint({ ...input, X: other }, forged, arith));
  // The right point, with a plaintext that is only congruent modulo q and too large.
  const large = q ** 3n * 2n + m - (q ** 3n * 2n) % q;
  const cLarge = alice.encrypt(large, r, arith);
  const unsound = provePoint({ ...made, c: cLarge, m: large }, arith, random);
  assert(!verifyPoint({ ...input, c: cLarge }, unsound, arith));
});

Deno.test("mta_point: the identity and points off the curve do not parse", () => {
  const json = (y: unknown) =>
    parseJson(stringifyJson({ ...pointProofToJson(proof) as object, Y: y as never }));
  for (const coords of [[0n, 0n], [1n, 1n], [proof.y.x, proof.y.y + 1n]]) {
    assert.throws(
      () => parsePointProof(json({ Curve: "secp256k1", Coords: coords }), "Proof"),
      ContentError,
    );
  }
});
