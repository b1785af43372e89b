import assert from "node:assert/strict";
import { defaultArithmetic } from "../../../lib/arith/mod.ts";
import { secp256k1 } from "../../../lib/crypto/curve.ts";
import { stringifyJson } from "../../../lib/encoding/json.ts";
import { parsePaillierPrivate } from "../../../lib/tss/paillier.ts";
import { parsePoint } from "../../../lib/tss/points.ts";
import {
  paillierKeyChallenges,
  paillierKeyProofToJson,
  parsePaillierKeyProof,
  provePaillierKey,
  verifyPaillierKey,
} from "../../../lib/tss/proofs/paillier_key.ts";
import { big, casesOf, core, list, sub, testCases } from "../core_vectors.ts";
import { ODDITIES, rawModulus, testKeys } from "./fixtures.ts";

const arith = defaultArithmetic();

testCases("paillier_key_proof", (inputs, json) =>
  verifyPaillierKey(
    {
      modulus: rawModulus(big(inputs, "N")),
      partyKey: big(inputs, "k"),
      point: parsePoint(inputs.get("point"), secp256k1, "point"),
    },
    parsePaillierKeyProof(json, "PaillierProof"),
    arith,
  ));

Deno.test("paillierKeyChallenges() gives the vector's challenges", () => {
  for (const vector of casesOf("paillier_key_proof")) {
    const inputs = sub(vector, "inputs");
    const point = parsePoint(inputs.get("point"), secp256k1, "point");
    assert.deepEqual(
      paillierKeyChallenges(big(inputs, "N"), { partyKey: big(inputs, "k"), point }),
      list(vector, "challenges"),
    );
  }
});

Deno.test("paillierKeyChallenges() gives the specification's toy value", () => {
  const binding = { partyKey: 5n, point: secp256k1.base.multiply(2n) };
  assert.deepEqual(paillierKeyChallenges(2n ** 256n - 159n, binding, 1), [
    54149884599939072681795630676097856055969363802431799024660741994677190970878n,
  ]);
});

Deno.test("paillierKeyChallenges() gives up on a modulus without units to find", () => {
  assert.equal(paillierKeyChallenges(1n, { partyKey: 5n, point: secp256k1.base }), null);
});

Deno.test("provePaillierKey() with the vector's key makes the vector's proof: nothing is random", () => {
  const key = parsePaillierPrivate(sub(core, "paillier").get("sk"), "sk");
  for (const vector of casesOf("paillier_key_proof")) {
    const inputs = sub(vector, "inputs");
    assert.equal(key.n, big(inputs, "N"));
    const point = parsePoint(inputs.get("point"), secp256k1, "point");
    const proof = provePaillierKey({ key, partyKey: big(inputs, "k"), point }, arith);
    assert.deepEqual(proof, vector.get("proof"));
  }
});

Deno.test("verifyPaillierKey() refuses another binding, another length, numbers out of range", () => {
  const binding = { partyKey: 77n, point: secp256k1.base.multiply(9n) };
  const { paillier: key } = testKeys(0);
  const proof = provePaillierKey({ key, ...binding }, arith);
  const input = { modulus: rawModulus(key.n), ...binding };
  assert(verifyPaillierKey(input, proof, arith));
  assert(verifyPaillierKey({ ...input, modulus: key.modulus }, proof, arith));
  assert(!verifyPaillierKey({ ...input, partyKey: 78n }, proof, arith));
  assert(!verifyPaillierKey({ ...input, point: secp256k1.base }, proof, arith));
  for (const length of [0, 1, 12]) {
    assert(!verifyPaillierKey(input, proof.slice(0, length), arith));
  }
  assert(!verifyPaillierKey(input, [...proof, 1n], arith));
  for (const odd of [...ODDITIES, proof[0]! + key.n, proof[0]! - key.n]) {
    assert(!verifyPaillierKey(input, [odd, ...proof.slice(1)], arith));
  }
});

Deno.test("verifyPaillierKey() refuses moduli that no arithmetic works with", () => {
  const binding = { partyKey: 77n, point: secp256k1.base };
  const proof = Array.from({ length: 13 }, () => 1n);
  for (const n of [-5n, 0n, 1n, 2n, 3n, 1n << 2047n]) {
    assert(!verifyPaillierKey({ modulus: rawModulus(n), ...binding }, proof, arith));
  }
});

Deno.test("the vector's key proof is written as it was read", () => {
  for (const vector of casesOf("paillier_key_proof")) {
    const json = vector.get("proof")!;
    const text = stringifyJson(paillierKeyProofToJson(parsePaillierKeyProof(json, "p")));
    assert.equal(text, stringifyJson(json));
  }
});
