import assert from "node:assert/strict";
import { defaultArithmetic } from "../../lib/arith/mod.ts";
import { secp256k1 } from "../../lib/crypto/curve.ts";
import { utf8 } from "../../lib/encoding/bytes.ts";
import {
  aliceEnd,
  aliceEndWc,
  aliceStart,
  bobMiddle,
  bobMiddlePair,
  bobMiddleWc,
} from "../../lib/tss/mta.ts";
import { verifyAlice } from "../../lib/tss/proofs/mta_alice.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { testKeys } from "./proofs/fixtures.ts";

const arith = defaultArithmetic();
const { q } = secp256k1;
const [alice, bob] = [testKeys(5), testKeys(6)];
const [aliceSession, bobSession] = [utf8("alice"), utf8("bob")];

Deno.test("the steps of MtA turn a product into a sum, with and without check", () => {
  const random = seededRandom("mta");
  for (const [a, b] of [[1n, 1n], [q - 1n, q - 1n], [2n ** 255n, 987654321n]] as const) {
    const start = aliceStart(
      { session: aliceSession, key: alice.paillier, peer: bob.open, secret: a },
      arith,
      random,
    );
    assert(verifyAlice(
      {
        session: aliceSession,
        publicKey: alice.paillier.public,
        own: bob.own,
        c: start.c,
      },
      start.proof,
      arith,
    ));
    const X = secp256k1.base.multiply(b);
    const bobInput = {
      session: bobSession,
      publicKey: alice.paillier.public,
      peer: alice.open,
      c1: start.c,
      secret: b,
    };
    const endInput = {
      session: bobSession,
      key: alice.paillier,
      own: alice.own,
      c1: start.c,
    };
    const plain = bobMiddle(bobInput, arith, random);
    const alpha = aliceEnd({ ...endInput, c2: plain.c2 }, plain.proof, arith);
    assert(alpha !== null);
    assert.equal((alpha + plain.beta) % q, a * b % q);

    const checked = bobMiddleWc({ ...bobInput, X }, arith, random);
    const alphaWc = aliceEndWc({ ...endInput, c2: checked.c2, X }, checked.proof, arith);
    assert(alphaWc !== null);
    assert.equal((alphaWc + checked.beta) % q, a * b % q);

    const pair = bobMiddlePair({ ...bobInput, secret: b, checkedSecret: b, X }, arith, random);
    const first = aliceEnd({ ...endInput, c2: pair.plain.c2 }, pair.plain.proof, arith);
    const second = aliceEndWc({ ...endInput, c2: pair.checked.c2, X }, pair.checked.proof, arith);
    assert(first !== null && second !== null);
    assert.equal((first + pair.plain.beta) % q, a * b % q);
    assert.equal((second + pair.checked.beta) % q, a * b % q);

    assert.equal(aliceEnd({ ...endInput, c2: checked.c2 }, plain.proof, arith), null);
    assert.equal(
      aliceEndWc({ ...endInput, c2: checked.c2, X: X.negate() }, checked.proof, arith),
      null,
    );
  }
});

Deno.test("bobMiddle() refuses what is no ciphertext", () => {
  for (const c1 of [0n, -1n, alice.paillier.n, alice.paillier.n2 + 1n]) {
    const input = {
      session: bobSession,
      publicKey: alice.paillier.public,
      peer: alice.open,
      c1,
      secret: 5n,
    };
    assert.throws(() => bobMiddle(input, arith, seededRandom("no")), RangeError);
  }
});
