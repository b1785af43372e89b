import assert from "node:assert/strict";
import { defaultArithmetic } from "../../../lib/arith/mod.ts";
import { fromHex, utf8 } from "../../../lib/encoding/bytes.ts";
import { type Json, stringifyJson } from "../../../lib/encoding/json.ts";
import { ContentError } from "../../../lib/tss/errors.ts";
import { PaillierPrivate } from "../../../lib/tss/paillier.ts";
import { facProofToJson, parseFacProof, proveFac, verifyFac } from "../../../lib/tss/proofs/fac.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { big, casesOf, obj, patched, str, sub, testCases } from "../core_vectors.ts";
import { bumped, distorted, rawModulus, testKeys } from "./fixtures.ts";

const arith = defaultArithmetic();

testCases("fac", (inputs, json) =>
  verifyFac(
    {
      session: fromHex(str(inputs, "session")),
      n0: big(inputs, "N0"),
      own: {
        nTilde: rawModulus(big(inputs, "NCap")),
        h1: big(inputs, "s"),
        h2: big(inputs, "t"),
      },
    },
    parseFacProof(json, "FacProof"),
    arith,
  ), {
  "V congruent and negative": true,
  "W1 reduced by the hidden group order": true,
});

const vector = casesOf("fac")[0]!;
const session = fromHex(str(sub(vector, "inputs"), "session"));
const key = PaillierPrivate.fromPrimes(
  big(sub(vector, "secrets"), "N0p"),
  big(sub(vector, "secrets"), "N0q"),
);
const verifier = testKeys(3);
const proof = proveFac(
  { session, key, peer: verifier.open },
  arith,
  seededRandom("fac"),
);

Deno.test("fac: proveFac() with the vector's primes verifies, with and without the factors", () => {
  assert.equal(key.n, big(sub(vector, "inputs"), "N0"));
  const input = { session, n0: key.n };
  assert(verifyFac({ ...input, own: verifier.open }, proof, arith));
  assert(verifyFac({ ...input, own: verifier.own }, proof, arith));
  assert(!verifyFac({ ...input, session: utf8("other"), own: verifier.own }, proof, arith));
  assert(!verifyFac({ ...input, own: testKeys(4).own }, proof, arith));
  assert(!verifyFac({ session, n0: key.n + 2n, own: verifier.own }, proof, arith));
});

Deno.test("fac: verifyFac() answers false to every changed number and every odd one", () => {
  for (const own of [verifier.own, verifier.open]) {
    for (const [what, changed] of [...bumped(proof), ...distorted(proof)]) {
      assert(!verifyFac({ session, n0: key.n, own }, changed, arith), what);
    }
  }
});

Deno.test("fac: verifyFac() keeps to the honest prover's bounds", () => {
  const q = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const hat = verifier.own.nTilde.n;
  const order = verifier.dln.p * verifier.dln.q;
  const moved = (name: "w1" | "w2" | "v" | "z1" | "z2", steps: bigint) => ({
    ...proof,
    [name]: proof[name] + steps * order,
  });
  const verdict = (changed: typeof proof) =>
    verifyFac({ session, n0: key.n, own: verifier.own }, changed, arith);
  const beyondW = 2n * q ** 3n * hat / order + 1n;
  const beyondV = 2n * q ** 3n * key.n * hat / order + 1n;
  // Congruent, so only the bounds can refuse them.
  assert.equal(verdict(moved("w1", 1n)), true);
  assert.equal(verdict(moved("w1", beyondW)), false);
  assert.equal(verdict(moved("w2", beyondW)), false);
  assert.equal(verdict(moved("w1", -(proof.w1 / order) - 1n)), false);
  assert.equal(verdict(moved("v", -(proof.v / order) - 1n)), true);
  assert.equal(verdict(moved("v", beyondV)), false);
  assert.equal(verdict(moved("v", -2n * beyondV)), false);
  for (const steps of [1n, -1n]) {
    assert.equal(verdict(moved("z1", steps)), false);
    assert.equal(verdict(moved("z2", steps)), false);
  }
});

Deno.test("fac: a negated commitment is refused by verifyFac() itself when the hash cannot tell", () => {
  const inputs = sub(vector, "inputs");
  const own = {
    nTilde: rawModulus(big(inputs, "NCap")),
    h1: big(inputs, "s"),
    h2: big(inputs, "t"),
  };
  const original = parseFacProof(vector.get("proof"), "p");
  assert(verifyFac({ session, n0: key.n, own }, original, arith));
  // The vector's challenge is even, so P and −P have the same power.
  assert(!verifyFac({ session, n0: key.n, own }, { ...original, p: -original.p }, arith));
});

Deno.test("fac: proofs about or over moduli below 2048 bits are refused though they hold", () => {
  const random = seededRandom("small");
  const small = PaillierPrivate.fromPrimes(2n ** 521n - 1n, 2n ** 607n - 1n);
  const about = proveFac({ session, key: small, peer: verifier.open }, arith, random);
  assert(!verifyFac({ session, n0: small.n, own: verifier.own }, about, arith));
  const own = { ...verifier.open, nTilde: rawModulus(small.n) };
  const over = proveFac({ session, key, peer: own }, arith, random);
  assert(!verifyFac({ session, n0: key.n, own }, over, arith));
});

Deno.test("fac: verifyFac() answers false to moduli that no arithmetic works with", () => {
  const { h1, h2 } = verifier.own;
  for (const n of [0n, 1n, -5n, 1n << 2047n, verifier.own.nTilde.n >> 2n | 1n]) {
    const own = { nTilde: rawModulus(n), h1, h2 };
    assert(!verifyFac({ session, n0: key.n, own }, proof, arith));
  }
  for (const n0 of [0n, -key.n, key.n >> 1n]) {
    assert(!verifyFac({ session, n0, own: verifier.own }, proof, arith));
  }
  // A negative exponent of a base that has no inverse.
  const own = { ...verifier.open, h2: 2n * verifier.dln.p + 1n };
  assert(!verifyFac({ session, n0: key.n, own }, { ...proof, v: -1n }, arith));
});

Deno.test("fac: parseFacProof() bounds every number by bits", () => {
  const json = obj(vector.get("proof"));
  const changes: [string, Json][] = [
    ["P", 0n],
    ["P", 1n << 2048n],
    ["Q", -1n],
    ["A", null],
    ["B", 1n << 2048n],
    ["T", "1"],
    ["Sigma", 1n << 4352n],
    ["Sigma", 0n],
    ["Z1", 1n << 1792n],
    ["Z2", -1n],
    ["W1", 1n << 2817n],
    ["W2", -1n],
    ["V", 1n << 4865n],
    ["V", -(1n << 4865n)],
    ["V", null],
  ];
  for (const [name, value] of changes) {
    assert.throws(() => parseFacProof(patched(json, `/${name}`, value), "p"), ContentError);
  }
  assert.equal(parseFacProof(patched(json, "/V", -7n), "p").v, -7n);
  assert.equal(stringifyJson(facProofToJson(parseFacProof(json, "p"))), stringifyJson(json));
});
