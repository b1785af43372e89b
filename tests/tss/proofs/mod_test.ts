import assert from "node:assert/strict";
import { defaultArithmetic } from "../../../lib/arith/mod.ts";
import { jacobi, mod, modInverse } from "../../../lib/arith/number.ts";
import { hashIntsTagged } from "../../../lib/crypto/framed_hash.ts";
import { fromHex, utf8 } from "../../../lib/encoding/bytes.ts";
import { type Json, stringifyJson } from "../../../lib/encoding/json.ts";
import { ContentError } from "../../../lib/tss/errors.ts";
import { PaillierPrivate } from "../../../lib/tss/paillier.ts";
import { modProofToJson, parseModProof, proveMod, verifyMod } from "../../../lib/tss/proofs/mod.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { big, casesOf, obj, patched, str, sub, testCases } from "../core_vectors.ts";
import { bumped, distorted, rawModulus } from "./fixtures.ts";

const arith = defaultArithmetic();
const random = seededRandom("verify mod");

testCases("mod", (inputs, json) =>
  verifyMod(
    { session: fromHex(str(inputs, "session")), modulus: rawModulus(big(inputs, "N")) },
    parseModProof(json, "ModProof"),
    arith,
    random,
  ), {
  // Both roots have the same fourth power.
  "X replaced by N - X": true,
});

const vector = casesOf("mod")[0]!;
const session = fromHex(str(sub(vector, "inputs"), "session"));
const key = PaillierPrivate.fromPrimes(
  big(sub(vector, "secrets"), "P"),
  big(sub(vector, "secrets"), "Q"),
);
const proof = proveMod({ session, key }, arith, seededRandom("prove mod"));

Deno.test("mod: proveMod() with the vector's primes verifies, with and without the factors", () => {
  const open = rawModulus(big(sub(vector, "inputs"), "N"));
  assert(verifyMod({ session, modulus: open }, proof, arith, random));
  assert(verifyMod({ session, modulus: key.modulus }, proof, arith, random));
  assert(!verifyMod({ session: utf8("other"), modulus: key.modulus }, proof, arith, random));
});

Deno.test("mod: verifyMod() answers false to every changed number and every odd one", () => {
  for (const [what, changed] of [...bumped(proof), ...distorted(proof)]) {
    assert(!verifyMod({ session, modulus: key.modulus }, changed, arith, random), what);
  }
});

Deno.test("mod: verifyMod() answers false to moduli that no arithmetic works with", () => {
  for (const n of [0n, 1n, -key.n, key.n - 1n, key.n >> 2n | 1n]) {
    assert(!verifyMod({ session, modulus: rawModulus(n) }, proof, arith, random));
  }
});

Deno.test("mod: proveMod() refuses primes that are 1 mod 4", () => {
  const unfit = PaillierPrivate.fromPrimes(13n, 11n);
  assert.throws(() => proveMod({ session, key: unfit }, arith, random), RangeError);
});

Deno.test("mod: flags of another length are refused although their 80 bits are right", () => {
  const flags: ((bits: bigint) => bigint)[] = [
    (bits) => bits ^ (1n << 80n),
    (bits) => bits | (1n << 81n),
    (bits) => bits | (1n << 5000n),
    (bits) => bits - (1n << 81n),
  ];
  for (const change of flags) {
    const { a, b } = proof;
    const verdict = (changed: typeof proof) =>
      verifyMod({ session, modulus: key.modulus }, changed, arith, random);
    assert(!verdict({ ...proof, a: change(a) }));
    assert(!verdict({ ...proof, b: change(b) }));
  }
});

Deno.test("mod: roots and W outside [1, N) are refused although the equations hold", () => {
  const verdict = (changed: typeof proof) =>
    verifyMod({ session, modulus: key.modulus }, changed, arith, random);
  for (const step of [key.n, -key.n]) {
    assert(!verdict({ ...proof, z: proof.z.with(7, proof.z[7]! + step) }));
    assert(!verdict({ ...proof, x: proof.x.with(7, proof.x[7]! + step) }));
  }
  for (const w of [proof.w + key.n, proof.w - key.n]) {
    const forged = forge(w);
    assert(!verdict(forged));
    // The same maker convinces with an honest W.
    assert(verdict(forge(proof.w)));
  }
});

/** Makes a proof by the book for any W, searching signs by trial. */
function forge(w: bigint): typeof proof {
  const { n, p, q, phi, modulus } = key;
  const ys: bigint[] = [];
  while (ys.length < 80) ys.push(hashIntsTagged(session, [w, n, ...ys]) % n);
  let [a, b] = [1n << 80n, 1n << 80n];
  const squares = ys.map((y, i) => {
    for (const [sign, power] of [[0n, 0n], [1n, 0n], [0n, 1n], [1n, 1n]] as const) {
      const v = mod((-1n) ** sign * w ** power * y, n);
      if (jacobi(v, p) !== 1 || jacobi(v, q) !== 1) continue;
      a |= sign << BigInt(i);
      b |= power << BigInt(i);
      return v;
    }
    throw new Error("no combination is a square");
  });
  const root = ((phi + 4n) / 8n) ** 2n % phi;
  const inverse = modInverse(n, phi);
  const x = arith.powBatch(squares.map((base) => ({ base, exponent: root, modulus })));
  const z = arith.powBatch(ys.map((base) => ({ base, exponent: inverse, modulus })));
  return { w, x, a, b, z };
}

Deno.test("mod: a prime modulus is refused although every equation holds", () => {
  // A Mersenne prime, 3 mod 4. There y^n = y, and one of y and −y is a square whose roots by
  // (n + 1)/4 are squares again, so a proof is easy to make.
  const n = 2n ** 2203n - 1n;
  const modulus = rawModulus(n);
  const w = n - 1n;
  const ys: bigint[] = [];
  while (ys.length < 80) ys.push(hashIntsTagged(session, [w, n, ...ys]) % n);
  const signs = ys.map((y) => jacobi(y, n));
  const squares = ys.map((y, i) => signs[i] === 1 ? y : n - y);
  const x = arith.powBatch(
    squares.map((base) => ({ base, exponent: ((n + 1n) / 4n) ** 2n % (n - 1n), modulus })),
  );
  x.forEach((root, i) => assert.equal(arith.pow(root, 4n, modulus), squares[i]));
  const a = signs.reduce((bits, sign, i) => sign === 1 ? bits : bits | 1n << BigInt(i), 1n << 80n);
  const forged = { w, x, a, b: 1n << 80n, z: ys };
  assert(!verifyMod({ session, modulus }, forged, arith, random));
});

Deno.test("mod: parseModProof() wants 80 residues in both lists and flags of 81 bits", () => {
  const json = obj(vector.get("proof"));
  const changes: [string, Json][] = [
    ["/X", null],
    ["/Z", []],
    ["/X", [...(json.get("X") as Json[]), 5n]],
    ["/Z", (json.get("Z") as Json[]).slice(1)],
    ["/X/0", 0n],
    ["/Z/79", 1n << 2048n],
    ["/W", 0n],
    ["/A", 1n << 81n],
    ["/B", (1n << 80n) - 1n],
    ["/A", -(1n << 80n)],
    ["/B", null],
  ];
  for (const [path, value] of changes) {
    assert.throws(() => parseModProof(patched(json, path, value), "p"), ContentError);
  }
  assert.equal(stringifyJson(modProofToJson(parseModProof(json, "p"))), stringifyJson(json));
});
