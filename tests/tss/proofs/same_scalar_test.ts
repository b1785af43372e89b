import assert from "node:assert/strict";
import { sha256 } from "@noble/hashes/sha2.js";
import { secp256k1 as noble } from "@noble/curves/secp256k1.js";
import { secp256k1 } from "../../../lib/crypto/curve.ts";
import { concat, toHex, u32be, utf8 } from "../../../lib/encoding/bytes.ts";
import { parseJson, stringifyJson } from "../../../lib/encoding/json.ts";
import {
  parseSameScalarProof,
  proveSameScalar,
  sameScalarProofToJson,
  secondBase,
  verifySameScalar,
} from "../../../lib/tss/proofs/same_scalar.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { bumped } from "./fixtures.ts";

const { q, base: G } = secp256k1;
const random = seededRandom("same scalar");
const session = utf8("session");
const R = G.multiply(0xabcdefn);
const [s, l] = [q - 7n, 0x1234n];
const S = R.multiply(s);
const T = G.multiply(s).add(secondBase().multiply(l));
const statement = { session, R, S, T };
const proof = proveSameScalar({ ...statement, s, l }, random);

Deno.test("secondBase() is the first point that its hashes give", () => {
  // Another decompressor, from the text of the definition.
  for (let i = 0;; i++) {
    const x = sha256(concat(utf8("transfunctioner-second-base-v1"), u32be(i)));
    try {
      const point = noble.Point.fromHex("02" + toHex(x)).toAffine();
      assert.deepEqual([secondBase().x, secondBase().y], [point.x, point.y]);
      return;
    } catch {
      assert(i < 20);
    }
  }
});

Deno.test("same_scalar: proveSameScalar() verifies for its statement only, also as JSON", () => {
  assert(verifySameScalar(statement, proof));
  const again = parseJson(stringifyJson(sameScalarProofToJson(proof)));
  assert(verifySameScalar(statement, parseSameScalarProof(again, "Proof")));
  for (
    const wrong of [
      { session: utf8("other") },
      { R: R.add(G) },
      { S: S.add(G) },
      { T: T.add(G) },
      { S: S.negate() },
      { R: secp256k1.identity },
      { S: secp256k1.identity },
      { T: secp256k1.identity },
    ]
  ) assert(!verifySameScalar({ ...statement, ...wrong }, proof), Object.keys(wrong).join());
});

Deno.test("same_scalar: verifySameScalar() answers false to every change and to other scalars", () => {
  for (const [what, changed] of bumped(proof)) assert(!verifySameScalar(statement, changed), what);
  for (const [name, x] of [["t", 0n], ["u", 0n], ["t", q], ["u", -1n]] as const) {
    assert(!verifySameScalar(statement, { ...proof, [name]: x }));
  }
  for (const name of ["alpha", "beta"] as const) {
    assert(!verifySameScalar(statement, { ...proof, [name]: proof[name].add(G) }));
    assert(!verifySameScalar(statement, { ...proof, [name]: secp256k1.identity }));
  }
  const other = { ...statement, S: R.multiply(s + 1n) };
  assert(!verifySameScalar(other, proveSameScalar({ ...other, s, l }, random)));
  assert(!verifySameScalar(other, proveSameScalar({ ...other, s: s + 1n, l }, random)));
});
