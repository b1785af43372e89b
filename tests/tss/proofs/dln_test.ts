import assert from "node:assert/strict";
import { defaultArithmetic, factoredModulus } from "../../../lib/arith/mod.ts";
import { fromHex, utf8 } from "../../../lib/encoding/bytes.ts";
import { type Json, stringifyJson } from "../../../lib/encoding/json.ts";
import { ContentError } from "../../../lib/tss/errors.ts";
import {
  dlnProofToJson,
  parseDlnProof,
  proveDln,
  proveDlnPair,
  verifyDln,
  verifyDlnPair,
} from "../../../lib/tss/proofs/dln.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { big, casesOf, obj, patched, str, sub, testCases } from "../core_vectors.ts";
import { bumped, distorted, rawModulus, testKeys } from "./fixtures.ts";

const arith = defaultArithmetic();

testCases("dln", (inputs, json) =>
  verifyDln(
    {
      session: fromHex(str(inputs, "session")),
      nTilde: rawModulus(big(inputs, "N")),
      h1: big(inputs, "h1"),
      h2: big(inputs, "h2"),
    },
    parseDlnProof(json, "DLNProof1"),
    arith,
  ), {
  // A response moved by the hidden group order still is below NTilde and satisfies the equation.
  "response plus group order": true,
});

Deno.test("dln: proveDln() with the vector's secrets verifies, with and without the factors", () => {
  for (const vector of casesOf("dln")) {
    const inputs = sub(vector, "inputs");
    const secrets = sub(vector, "secrets");
    const [p, q] = [big(secrets, "p"), big(secrets, "q")];
    const own = factoredModulus(2n * p + 1n, 2n * q + 1n);
    const statement = {
      session: fromHex(str(inputs, "session")),
      nTilde: rawModulus(big(inputs, "N")),
      h1: big(inputs, "h1"),
      h2: big(inputs, "h2"),
    };
    const secret = { x: big(secrets, "x"), p, q };
    const random = seededRandom("dln");
    const proof = proveDln({ ...statement, nTilde: own, ...secret }, arith, random);
    assert(proof.t.every((t) => t < p * q));
    assert(verifyDln(statement, proof, arith));
    assert(verifyDln({ ...statement, nTilde: own }, proof, arith));
    assert(!verifyDln({ ...statement, session: utf8("other") }, proof, arith));
  }
});

Deno.test("dln: verifyDlnPair() judges each proof by itself", () => {
  const keys = testKeys(1);
  const session = utf8("session");
  const { h1, h2 } = keys.own;
  const made = proveDlnPair(
    { session, ...keys.own, ...keys.dln },
    arith,
    seededRandom("pair"),
  );
  const statement = { session, ...keys.open };
  const { proof1, proof2 } = made;
  const verify = (a: typeof proof1, b: typeof proof1) => verifyDlnPair(statement, a, b, arith);
  assert.deepEqual(verify(proof1, proof2), { proof1: true, proof2: true });
  assert.deepEqual(verify(proof2, proof1), { proof1: false, proof2: false });
  assert.deepEqual(verify(proof1, proof1), { proof1: true, proof2: false });
  const wrong = { ...proof1, t: proof1.t.with(5, proof1.t[5]! + 1n) };
  assert.deepEqual(verify(wrong, proof2), { proof1: false, proof2: true });
  const malformed = { ...proof2, alpha: proof2.alpha.slice(1) };
  assert.deepEqual(verify(proof1, malformed), { proof1: true, proof2: false });
  assert(verifyDln(statement, proof1, arith));
  assert(verifyDln({ ...statement, h1: h2, h2: h1 }, proof2, arith));
  assert(!verifyDln({ ...statement, h1: h2, h2: h1 }, proof1, arith));
});

Deno.test("dln: verifyDln() answers false to every changed number and every odd one", () => {
  const keys = testKeys(2);
  const session = utf8("session");
  const proof = proveDln(
    { session, ...keys.own, x: keys.dln.alpha, p: keys.dln.p, q: keys.dln.q },
    arith,
    seededRandom("changed"),
  );
  const statement = { session, ...keys.own };
  assert(verifyDln(statement, proof, arith));
  for (const [what, changed] of [...bumped(proof), ...distorted(proof)]) {
    assert(!verifyDln(statement, changed, arith), what);
  }
});

Deno.test("dln: statements that are true but worthless are refused", () => {
  const keys = testKeys(2);
  const session = utf8("session");
  const { nTilde, h1 } = keys.own;
  const { p, q } = keys.dln;
  const verdict = (h2: bigint, x: bigint) => {
    const statement = { session, nTilde, h1, h2 };
    return verifyDln(statement, proveDln({ ...statement, x, p, q }, arith, random), arith);
  };
  const random = seededRandom("worthless");
  assert(verdict(h1 * h1 % nTilde.n, 2n));
  assert(!verdict(h1, 1n));
  assert(!verdict(h1 + nTilde.n, 1n));
  assert(!verdict(1n, 0n));
  assert(!verdict(nTilde.n + 1n, 0n));
  assert(!verifyDln({ session, ...keys.own }, { alpha: [], t: [] }, arith));
});

Deno.test("dln: verifyDln() refuses bad bases and moduli", () => {
  const keys = testKeys(2);
  const session = utf8("session");
  const { h1, h2, nTilde } = keys.open;
  const proof = { alpha: Array(128).fill(2n), t: Array(128).fill(2n) };
  const n = nTilde.n;
  for (
    const [a, b, m] of [
      [0n, h2, n],
      [1n, h2, n],
      [h1, 0n, n],
      [h1, 1n, n],
      [n + 1n, h2, n],
      [h1, h1, n],
      [h1, h1 + n, n],
      [h1, h2, n - 1n],
      [h1, h2, 0n],
      [h1, h2, -n],
      [h1, h2, n >> 2n | 1n],
    ] as const
  ) {
    assert(!verifyDln({ session, nTilde: rawModulus(m), h1: a, h2: b }, proof, arith));
  }
});

Deno.test("dln: parseDlnProof() wants exactly 128 residues in both lists", () => {
  for (const vector of casesOf("dln")) {
    const proof = obj(vector.get("proof"));
    const changes: [string, Json][] = [
      ["/Alpha", null],
      ["/T", []],
      ["/T", [...(proof.get("T") as Json[]), 5n]],
      ["/Alpha", (proof.get("Alpha") as Json[]).slice(1)],
      ["/T/0", 1n << 2048n],
      ["/T/0", 1n],
      ["/Alpha/127", -5n],
      ["/Alpha/127", "5"],
    ];
    for (const [path, value] of changes) {
      assert.throws(() => parseDlnProof(patched(proof, path, value), "p"), ContentError);
    }
    assert.throws(() => parseDlnProof(undefined, "p"), ContentError);
    assert.equal(stringifyJson(dlnProofToJson(parseDlnProof(proof, "p"))), stringifyJson(proof));
  }
});
