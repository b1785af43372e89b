import assert from "node:assert/strict";
import { defaultArithmetic } from "../../../lib/arith/mod.ts";
import { ed25519, secp256k1 } from "../../../lib/crypto/curve.ts";
import { fromHex, utf8 } from "../../../lib/encoding/bytes.ts";
import { type Json, type JsonObject, stringifyJson } from "../../../lib/encoding/json.ts";
import { ContentError } from "../../../lib/tss/errors.ts";
import { PaillierPublic, parsePaillierPrivate } from "../../../lib/tss/paillier.ts";
import { parsePoint } from "../../../lib/tss/points.ts";
import {
  bobProofToJson,
  bobProofWcToJson,
  parseBobProof,
  parseBobProofWc,
  proveBob,
  proveBobWc,
  verifyBob,
  verifyBobWc,
} from "../../../lib/tss/proofs/mta_bob.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { big, casesOf, core, obj, patched, str, sub, testCases } from "../core_vectors.ts";
import { bumped, distorted, rawModulus, testKeys } from "./fixtures.ts";

const arith = defaultArithmetic();
const q = secp256k1.q;

function statement(inputs: JsonObject) {
  return {
    session: fromHex(str(inputs, "session")),
    publicKey: new PaillierPublic(big(inputs, "N")),
    own: {
      nTilde: rawModulus(big(inputs, "NTilde")),
      h1: big(inputs, "h1"),
      h2: big(inputs, "h2"),
    },
    c1: big(inputs, "c1"),
    c2: big(inputs, "c2"),
  };
}

testCases(
  "mta_bob",
  (inputs, json) => verifyBob(statement(inputs), parseBobProof(json, "ProofBob"), arith),
  { "T2 plus hidden group order": true },
);

testCases("mta_bob_wc", (inputs, json) =>
  verifyBobWc(
    { ...statement(inputs), X: parsePoint(inputs.get("X"), secp256k1, "X") },
    parseBobProofWc(json, "ProofBobWC"),
    arith,
  ));

Deno.test("mta_bob vectors: c2 decrypts to the shares told", () => {
  const key = parsePaillierPrivate(sub(core, "paillier").get("sk"), "sk");
  for (const vector of [...casesOf("mta_bob"), ...casesOf("mta_bob_wc")]) {
    const secrets = sub(vector, "secrets");
    const alpha = key.decrypt(big(sub(vector, "inputs"), "c2"), arith) % q;
    assert.equal(alpha, big(secrets, "alpha"));
    assert.equal((alpha + big(secrets, "beta")) % q, big(secrets, "a") * big(secrets, "b") % q);
    assert.equal((big(secrets, "beta") + big(secrets, "beta_prime")) % q, 0n);
  }
});

Deno.test("mta_bob vectors: the owner's factors change no verdict", () => {
  const key = parsePaillierPrivate(sub(core, "paillier").get("sk"), "sk");
  for (const vector of casesOf("mta_bob")) {
    const input = { ...statement(sub(vector, "inputs")), publicKey: key };
    assert(verifyBob(input, parseBobProof(vector.get("proof"), "p"), arith));
  }
});

const session = utf8("session");
const alice = testKeys(0);
const random = seededRandom("bob");
const key = alice.paillier;
const x = 123456789n;
const y = 2n ** 1279n + 7n;
const c1 = key.encrypt(42n, key.public.randomness(random), arith);
const r = key.public.randomness(random);
const c2 = key.public.add(
  key.public.multiply(x, c1, arith),
  key.public.encrypt(y, r, arith),
);
const X = secp256k1.base.multiply(x);
const secret = { x, y, r };
const proverSide = { session, publicKey: key.public, peer: alice.open, c1, c2 };
const input = { session, publicKey: key, own: alice.own, c1, c2 };
const proof = proveBob({ ...proverSide, ...secret }, arith, random);
const proofWc = proveBobWc({ ...proverSide, ...secret, X }, arith, random);

Deno.test("mta_bob: proveBob() and proveBobWc() verify for their statement only", () => {
  assert(verifyBob(input, proof, arith));
  assert(verifyBob({ ...input, publicKey: key.public, own: alice.open }, proof, arith));
  assert(verifyBobWc({ ...input, X }, proofWc, arith));
  assert(verifyBobWc({ ...input, publicKey: key.public, own: alice.open, X }, proofWc, arith));
  assert(!verifyBob({ ...input, session: utf8("other") }, proof, arith));
  assert(!verifyBob({ ...input, c1: c2, c2: c1 }, proof, arith));
  assert(!verifyBob({ ...input, own: testKeys(1).own }, proof, arith));
  assert(!verifyBob({ ...input, publicKey: testKeys(1).paillier }, proof, arith));
  assert(!verifyBobWc({ ...input, X: X.add(secp256k1.base) }, proofWc, arith));
  // Neither form passes for the other.
  assert(!verifyBob(input, proofWc, arith));
  assert(!verifyBobWc({ ...input, X }, { ...proof, u: proofWc.u }, arith));
});

Deno.test("mta_bob: a proof with check made with another secret than X's is refused", () => {
  const other = secp256k1.base.multiply(x + 1n);
  const unsound = proveBobWc({ ...proverSide, ...secret, X: other }, arith, random);
  assert(!verifyBobWc({ ...input, X: other }, unsound, arith));
  for (const p of [secp256k1.identity, ed25519.base]) {
    assert(!verifyBobWc({ ...input, X: p }, proofWc, arith));
    assert(!verifyBobWc({ ...input, X }, { ...proofWc, u: p }, arith));
  }
});

Deno.test("mta_bob: verifyBob() answers false to every changed number and every odd one", () => {
  for (const [what, changed] of [...bumped(proof), ...distorted(proof)]) {
    assert(!verifyBob(input, changed, arith), what);
  }
  for (const [what, changed] of [...bumped(proofWc), ...distorted(proofWc)]) {
    assert(!verifyBobWc({ ...input, X }, changed, arith), what);
  }
});

Deno.test("mta_bob: verifyBob() refuses bad bases, moduli and ciphertexts", () => {
  const { nTilde, h1, h2 } = alice.own;
  for (const own of [{ nTilde, h1: 1n, h2 }, { nTilde, h1, h2: 1n }]) {
    assert(!verifyBob({ ...input, own }, proof, arith));
  }
  for (const n of [0n, -5n, nTilde.n - 1n, nTilde.n >> 2n | 1n]) {
    assert(!verifyBob({ ...input, own: { nTilde: rawModulus(n), h1, h2 } }, proof, arith));
  }
  for (const odd of [0n, -c2, key.n, key.p, c2 + key.n2]) {
    for (const publicKey of [key, key.public]) {
      assert(!verifyBob({ ...input, publicKey, c2: odd }, proof, arith));
      assert(!verifyBob({ ...input, publicKey, c1: odd }, proof, arith));
    }
  }
});

Deno.test("mta_bob: secrets beyond the ranges are refused", () => {
  const prove = (far: { x: bigint; y: bigint; r: bigint }) => {
    const c = key.public.add(
      key.public.multiply(far.x, c1, arith),
      key.public.encrypt(far.y, far.r, arith),
    );
    return verifyBob(
      { ...input, c2: c },
      proveBob({ ...proverSide, ...far, c2: c }, arith, random),
      arith,
    );
  };
  assert(prove({ x: q - 1n, y: q ** 5n - 1n, r }));
  assert(!prove({ x: q ** 3n, y, r }));
  assert(!prove({ x, y: q ** 7n, r }));
});

Deno.test("mta_bob: the parsers bound every number by bits", () => {
  const bits = {
    ...{ Z: 2048n, ZPrm: 2048n, T: 2048n, V: 4096n, W: 2048n, S: 2048n },
    ...{ S1: 768n, S2: 2817n, T1: 1792n, T2: 2817n },
  };
  for (const vector of [...casesOf("mta_bob"), ...casesOf("mta_bob_wc")]) {
    const json = obj(vector.get("proof"));
    for (const [name, size] of Object.entries(bits)) {
      for (const value of [1n << size, -1n, null, "1"] as Json[]) {
        assert.throws(() => parseBobProof(patched(json, `/${name}`, value), "p"), ContentError);
      }
    }
  }
  for (const json of [null, undefined, new Map()]) {
    assert.throws(() => parseBobProof(json, "p"), ContentError);
    assert.throws(() => parseBobProofWc(json, "p"), ContentError);
  }
  for (const vector of casesOf("mta_bob")) {
    const json = vector.get("proof")!;
    assert.throws(() => parseBobProofWc(json, "p"), ContentError);
    assert.equal(stringifyJson(bobProofToJson(parseBobProof(json, "p"))), stringifyJson(json));
  }
  for (const vector of casesOf("mta_bob_wc")) {
    const json = vector.get("proof")!;
    assert.equal(stringifyJson(bobProofWcToJson(parseBobProofWc(json, "p"))), stringifyJson(json));
  }
});
