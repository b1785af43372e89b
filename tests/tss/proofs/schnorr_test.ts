import assert from "node:assert/strict";
import { type Curve, ed25519, secp256k1 } from "../../../lib/crypto/curve.ts";
import { hashIntsTagged } from "../../../lib/crypto/framed_hash.ts";
import { fromHex, utf8 } from "../../../lib/encoding/bytes.ts";
import { parseJson, stringifyJson } from "../../../lib/encoding/json.ts";
import { parsePoint } from "../../../lib/tss/points.ts";
import {
  parseSchnorrProof,
  proveSchnorr,
  schnorrProofToJson,
  verifySchnorr,
} from "../../../lib/tss/proofs/schnorr.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { big, casesOf, str, sub, testCases } from "../core_vectors.ts";

const kinds: [string, Curve][] = [["schnorr", secp256k1], ["schnorr_ed25519", ed25519]];

for (const [kind, curve] of kinds) {
  testCases(kind, (inputs, json) =>
    verifySchnorr(
      {
        session: fromHex(str(inputs, "session")),
        point: parsePoint(inputs.get("X"), curve, "X"),
      },
      parseSchnorrProof(json, "ZKProof", curve),
    ));

  Deno.test(`${kind}: proveSchnorr() with the vector's secret verifies, for its session only`, () => {
    for (const vector of casesOf(kind)) {
      const session = fromHex(str(sub(vector, "inputs"), "session"));
      const point = parsePoint(sub(vector, "inputs").get("X"), curve, "X");
      const secret = big(sub(vector, "secrets"), "x");
      const proof = proveSchnorr({ session, point, secret }, seededRandom(kind));
      assert(verifySchnorr({ session, point }, proof));
      assert(!verifySchnorr({ session: utf8("other"), point }, proof));
      assert(!verifySchnorr({ session, point: point.add(curve.base) }, proof));
      const read = parseSchnorrProof(
        parseJson(stringifyJson(schnorrProofToJson(proof))),
        "ZKProof",
        curve,
      );
      assert(verifySchnorr({ session, point }, read));
    }
  });

  Deno.test(`${kind}: the vector's proof is written as it was read`, () => {
    for (const vector of casesOf(kind)) {
      const json = vector.get("proof")!;
      const proof = parseSchnorrProof(json, "ZKProof", curve);
      assert.equal(stringifyJson(schnorrProofToJson(proof)), stringifyJson(json));
    }
  });

  Deno.test(`${kind}: verifySchnorr() refuses the identity and the other curve`, () => {
    const session = utf8("s");
    const point = curve.base.multiply(5n);
    const proof = proveSchnorr({ session, point, secret: 5n }, seededRandom(kind));
    const other = curve === secp256k1 ? ed25519 : secp256k1;
    assert(!verifySchnorr({ session, point: curve.identity }, proof));
    assert(!verifySchnorr({ session, point }, { ...proof, alpha: curve.identity }));
    assert(!verifySchnorr({ session, point }, { ...proof, alpha: other.base }));
    for (const t of [0n, curve.q, proof.t + curve.q, proof.t - curve.q]) {
      assert(!verifySchnorr({ session, point }, { ...proof, t }));
    }
  });
}

for (const [kind, curve] of kinds) {
  Deno.test(`${kind}: proofs made with zeros are refused although their equation holds`, () => {
    const session = utf8("s");
    const { base: G, identity: O, q } = curve;
    // Statement 0·G: the challenge drops out.
    const zero = proveSchnorr({ session, point: O, secret: 0n }, seededRandom("zero"));
    assert(G.multiply(zero.t).equals(zero.alpha));
    assert(!verifySchnorr({ session, point: O }, zero));
    // First move 0·G: the response is c·x.
    const X = G.multiply(5n);
    const c = hashIntsTagged(session, [X.x, X.y, G.x, G.y, O.x, O.y]) % q;
    assert(!verifySchnorr({ session, point: X }, { alpha: O, t: c * 5n % q }));
  });
}

Deno.test("verifySchnorr() refuses a first move with a torsion part", () => {
  // (0, −1) has order 2.
  const torsion = ed25519.point(0n, ed25519.p - 1n);
  const session = utf8("s");
  const point = ed25519.base.multiply(5n);
  const proof = proveSchnorr({ session, point, secret: 5n }, seededRandom("torsion"));
  assert(!verifySchnorr({ session, point }, { ...proof, alpha: proof.alpha.add(torsion) }));
});
