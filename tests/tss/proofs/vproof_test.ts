import assert from "node:assert/strict";
import { ed25519, secp256k1 } from "../../../lib/crypto/curve.ts";
import { fromHex, utf8 } from "../../../lib/encoding/bytes.ts";
import { stringifyJson } from "../../../lib/encoding/json.ts";
import { parsePoint } from "../../../lib/tss/points.ts";
import { parseVProof, proveV, verifyV, vProofToJson } from "../../../lib/tss/proofs/vproof.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { big, casesOf, str, sub, testCases, type Verdict } from "../core_vectors.ts";

const verdict: Verdict = (inputs, json) =>
  verifyV(
    {
      session: fromHex(str(inputs, "session")),
      V: parsePoint(inputs.get("V"), secp256k1, "V"),
      R: parsePoint(inputs.get("R"), secp256k1, "R"),
    },
    parseVProof(json, "ZKVProof"),
  );

testCases("vproof", verdict);

Deno.test("vproof: proveV() with the vector's secrets verifies, for its statement only", () => {
  for (const vector of casesOf("vproof")) {
    const inputs = sub(vector, "inputs");
    const session = fromHex(str(inputs, "session"));
    const V = parsePoint(inputs.get("V"), secp256k1, "V");
    const R = parsePoint(inputs.get("R"), secp256k1, "R");
    const [s, l] = [big(sub(vector, "secrets"), "s"), big(sub(vector, "secrets"), "l")];
    const proof = proveV({ session, V, R, s, l }, seededRandom("v"));
    assert(verifyV({ session, V, R }, proof));
    assert(!verifyV({ session: utf8("other"), V, R }, proof));
    assert(!verifyV({ session, V: V.add(R), R }, proof));
    assert(!verifyV({ session, V, R: R.add(V) }, proof));
    for (const p of [secp256k1.identity, ed25519.base]) {
      assert(!verifyV({ session, V, R }, { ...proof, alpha: p }));
      assert(!verifyV({ session, V, R: p }, proof));
      assert(!verifyV({ session, V: p, R }, proof));
    }
    for (const step of [secp256k1.q, -secp256k1.q]) {
      assert(!verifyV({ session, V, R }, { ...proof, t: proof.t + step }));
      assert(!verifyV({ session, V, R }, { ...proof, u: proof.u + step }));
    }
  }
});

Deno.test("vproof: the vector's proof is written as it was read", () => {
  for (const vector of casesOf("vproof")) {
    const json = vector.get("proof")!;
    assert.equal(stringifyJson(vProofToJson(parseVProof(json, "p"))), stringifyJson(json));
  }
});
