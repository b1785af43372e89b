import assert from "node:assert/strict";
import { defaultArithmetic } from "../../../lib/arith/mod.ts";
import { fromHex, utf8 } from "../../../lib/encoding/bytes.ts";
import { type Json, stringifyJson } from "../../../lib/encoding/json.ts";
import { ContentError } from "../../../lib/tss/errors.ts";
import { PaillierPublic } from "../../../lib/tss/paillier.ts";
import {
  aliceProofToJson,
  parseAliceProof,
  proveAlice,
  verifyAlice,
} from "../../../lib/tss/proofs/mta_alice.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { big, casesOf, obj, patched, str, sub, testCases } from "../core_vectors.ts";
import { bumped, distorted, rawModulus, testKeys } from "./fixtures.ts";

const arith = defaultArithmetic();

testCases("mta_alice", (inputs, json) =>
  verifyAlice(
    {
      session: fromHex(str(inputs, "session")),
      publicKey: new PaillierPublic(big(inputs, "N")),
      own: {
        nTilde: rawModulus(big(inputs, "NTilde")),
        h1: big(inputs, "h1"),
        h2: big(inputs, "h2"),
      },
      c: big(inputs, "c"),
    },
    parseAliceProof(json, "RangeProofAlice"),
    arith,
  ), {
  "S2 plus hidden group order": true,
});

const session = utf8("session");
const alice = testKeys(0).paillier;
const bob = testKeys(1);
const random = seededRandom("alice");
// The secret of the vector, so that a share of ordinary size is proven.
const m = big(sub(casesOf("mta_alice")[0]!, "secrets"), "a");
const r = alice.public.randomness(random);
const c = alice.encrypt(m, r, arith);
const proof = proveAlice({ session, key: alice, peer: bob.open, c, m, r }, arith, random);
const input = { session, publicKey: alice.public, own: bob.own, c };

Deno.test("mta_alice: proveAlice() verifies for its statement only", () => {
  assert(verifyAlice(input, proof, arith));
  assert(verifyAlice({ ...input, own: bob.open }, proof, arith));
  assert(!verifyAlice({ ...input, session: utf8("other") }, proof, arith));
  assert(!verifyAlice({ ...input, c: c * c % alice.n2 }, proof, arith));
  assert(!verifyAlice({ ...input, own: testKeys(2).own }, proof, arith));
  assert(!verifyAlice({ ...input, publicKey: testKeys(2).paillier.public }, proof, arith));
});

Deno.test("mta_alice: verifyAlice() answers false to every changed number and every odd one", () => {
  for (const [what, changed] of [...bumped(proof), ...distorted(proof)]) {
    assert(!verifyAlice(input, changed, arith), what);
  }
});

Deno.test("mta_alice: a plaintext far above q³ is refused", () => {
  const q = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const large = q ** 3n + 5n;
  const cLarge = alice.encrypt(large, r, arith);
  const unsound = proveAlice(
    { session, key: alice, peer: bob.open, c: cLarge, m: large, r },
    arith,
    random,
  );
  assert(!verifyAlice({ ...input, c: cLarge }, unsound, arith));
});

Deno.test("mta_alice: verifyAlice() refuses bad bases, moduli and ciphertexts", () => {
  const { nTilde, h1, h2 } = bob.own;
  for (const own of [{ nTilde, h1: 1n, h2 }, { nTilde, h1, h2: 1n }]) {
    assert(!verifyAlice({ ...input, own }, proof, arith));
  }
  for (const n of [0n, -5n, nTilde.n - 1n, nTilde.n >> 2n | 1n]) {
    assert(!verifyAlice({ ...input, own: { nTilde: rawModulus(n), h1, h2 } }, proof, arith));
  }
  for (const odd of [0n, -c, alice.n, alice.p, c + alice.n2]) {
    assert(!verifyAlice({ ...input, c: odd }, proof, arith));
  }
  const small = new PaillierPublic(alice.n >> 2n | 1n);
  assert(!verifyAlice({ ...input, publicKey: small }, proof, arith));
});

Deno.test("mta_alice: parseAliceProof() bounds every number by bits", () => {
  for (const vector of casesOf("mta_alice")) {
    const json = obj(vector.get("proof"));
    const bits = { Z: 2048n, U: 4096n, W: 2048n, S: 2048n, S1: 768n, S2: 2817n };
    for (const [name, size] of Object.entries(bits)) {
      for (const value of [1n << size, -1n, null, "1"] as Json[]) {
        assert.throws(() => parseAliceProof(patched(json, `/${name}`, value), "p"), ContentError);
      }
    }
    assert.throws(() => parseAliceProof(null, "p"), ContentError);
    assert.equal(stringifyJson(aliceProofToJson(parseAliceProof(json, "p"))), stringifyJson(json));
  }
});
