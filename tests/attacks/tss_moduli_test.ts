/**
 * Bent Paillier and ring-Pedersen parameters, made with consistent proofs wherever the attacker can
 * make them (attack table A1, A2, A4, A6, A7, A12, A16).
 */

import assert from "node:assert/strict";
import { defaultArithmetic } from "../../lib/arith/mod.ts";
import { mod, modInverse } from "../../lib/arith/number.ts";
import { systemRandom } from "../../lib/arith/random.ts";
import { randomBelow } from "../../lib/arith/random.ts";
import { hashIntsTagged } from "../../lib/crypto/framed_hash.ts";
import type { KeygenRound1 } from "../../lib/tss/ecdsa/keygen_messages.ts";
import { checkParameters, keygenContext } from "../../lib/tss/ecdsa/keygen_rounds.ts";
import { ownKeys, publicParameters } from "../../lib/tss/ecdsa/parameters.ts";
import { ProtocolError } from "../../lib/tss/errors.ts";
import { PaillierPrivate } from "../../lib/tss/paillier.ts";
import { type DlnProof, proveDlnPair, verifyDlnPair } from "../../lib/tss/proofs/dln.ts";
import { proveFac, verifyFac } from "../../lib/tss/proofs/fac.ts";
import { proveMod, verifyMod } from "../../lib/tss/proofs/mod.ts";
import { bitLength, utf8 } from "../../lib/encoding/bytes.ts";
import { committee, PRE_PARAMS } from "../tss/ecdsa/parties.ts";
import { testKeys } from "../tss/proofs/fixtures.ts";

const arith = defaultArithmetic();
const random = systemRandom;
const session = utf8("session");

// Primes that are 3 mod 4, so that the mod proof can be made: only the factor proof stands between
// such a key and its users.
const LOPSIDED: [string, bigint, bigint][] = [
  ["128", 2n ** 128n - 173n, 2n ** 1920n - 3965n],
  ["256", 2n ** 256n - 189n, 2n ** 1792n - 1685n],
  ["320", 2n ** 320n - 197n, 2n ** 1728n - 6485n],
];

for (const [bits, small, large] of LOPSIDED) {
  Deno.test(`a Paillier modulus with a factor of ${bits} bits fails the factor proof`, () => {
    const verifier = testKeys(1);
    for (const [p, q] of [[small, large], [large, small]] as const) {
      const key = PaillierPrivate.fromPrimes(p, q);
      assert.equal(bitLength(key.n), 2048);
      const modProof = proveMod({ session, key }, arith, random);
      const modulus = key.public.modulus;
      assert.ok(verifyMod({ session, modulus }, modProof, arith, random), "test setup");
      const proof = proveFac({ session, key, peer: verifier.open }, arith, random);
      assert.ok(!verifyFac({ session, n0: key.n, own: verifier.own }, proof, arith));
    }
  });
}

Deno.test("an honest modulus passes the same factor proof", () => {
  const [prover, verifier] = [testKeys(0), testKeys(1)];
  const { paillier: key } = prover;
  const proof = proveFac({ session, key, peer: verifier.open }, arith, random);
  assert.ok(verifyFac({ session, n0: key.n, own: verifier.own }, proof, arith));
  // Not for another modulus, session or verifier.
  const n0 = testKeys(2).paillier.n;
  assert.ok(!verifyFac({ session, n0, own: verifier.own }, proof, arith));
  assert.ok(!verifyFac({ session: utf8("x"), n0: key.n, own: verifier.own }, proof, arith));
  assert.ok(!verifyFac({ session, n0: key.n, own: testKeys(3).own }, proof, arith));
});

/**
 * DLN proofs for `h2 = h1^-1`, which need no trapdoor of the modulus: the response `a - 1` or `a`
 * is known without the group order.
 */
function untrapped(context: Uint8Array, n: bigint, h1: bigint) {
  const h2 = modInverse(h1, n);
  const make = (base: bigint, target: bigint): DlnProof => {
    const a = Array.from({ length: 128 }, () => 2n + randomBelow(n >> 1n, random));
    const modulus = { n };
    const alpha = arith.powBatch(a.map((exponent) => ({ base, exponent, modulus })));
    const c = hashIntsTagged(context, [base, target, n, ...alpha]);
    return { alpha, t: a.map((ai, i) => (c >> BigInt(i)) & 1n ? ai - 1n : ai) };
  };
  return { nTilde: n, h1, h2, dlnProof1: make(h1, h2), dlnProof2: make(h2, h1) };
}

/** A 3-party key generation seen by party 2: honest round 1 messages of all, made once. */
const honestRound = (() => {
  const keys = committee([0, 1, 2]).map((p) => p.key);
  const ctx = keygenContext({
    keys,
    self: 2,
    threshold: 1,
    ceremonyId: random(32),
    preParams: PRE_PARAMS[2]!,
    arith,
    random,
  });
  const messages = new Map<number, KeygenRound1>(keys.map((_, j) => {
    const { alpha, beta, p, q } = PRE_PARAMS[j]!;
    const { pedersen } = ownKeys(PRE_PARAMS[j]!);
    const statement = { session: ctx.contexts[j]!, ...pedersen, alpha, beta, p, q };
    const { proof1, proof2 } = proveDlnPair(statement, arith, random);
    const parameters = publicParameters(PRE_PARAMS[j]!);
    return [j, { commitment: 1n, ...parameters, dlnProof1: proof1, dlnProof2: proof2 }];
  }));
  return { ctx, messages };
})();

function roundOne() {
  return { ctx: honestRound.ctx, messages: new Map(honestRound.messages) };
}

async function blamed(
  change: (honest: KeygenRound1, context: Uint8Array) => Partial<KeygenRound1>,
) {
  const { ctx, messages } = roundOne();
  const honest = messages.get(0)!;
  messages.set(1, { ...messages.get(1)!, ...change(honest, ctx.contexts[1]!) });
  const failure = await checkParameters(ctx, messages, () => Promise.resolve()).then(
    () => assert.fail("accepted"),
    (error) => error,
  );
  assert.ok(failure instanceof ProtocolError, String(failure));
  return failure;
}

Deno.test("checkParameters() accepts honest parties", async () => {
  const { ctx, messages } = roundOne();
  const peers = await checkParameters(ctx, messages, () => Promise.resolve());
  assert.equal(peers.length, 3);
});

Deno.test("a party that copies another's whole parameters and proofs is blamed alone", async () => {
  const failure = await blamed((honest) => honest);
  assert.deepEqual(failure.culprits, [1]);
});

Deno.test("a party that copies another's h1 and h2 under its own modulus is blamed alone", async () => {
  const failure = await blamed(({ h1, h2 }) => ({ h1, h2 }));
  assert.deepEqual(failure.culprits, [1]);
});

Deno.test("a party that copies another's Paillier modulus does not get that other blamed", async () => {
  const failure = await blamed(({ paillierN }) => ({ paillierN }));
  assert.ok(!failure.culprits.includes(0), `blames ${failure.culprits}: ${failure.reason}`);
  assert.match(failure.reason, /duplicate modulus \(paillier N\): parties 0 and 1/);
});

Deno.test("a party that copies our own Paillier modulus is blamed by us", async () => {
  const failure = await blamed(() => ({ paillierN: PRE_PARAMS[2]!.paillier.n }));
  assert.deepEqual(failure.culprits, [1]);
});

Deno.test("DLN proofs for h2 = 1/h1 need no trapdoor, so they prove no ownership", () => {
  const n = PRE_PARAMS[0]!.nTilde;
  const { h1, h2, dlnProof1, dlnProof2 } = untrapped(session, n, mod(9n, n));
  const verdict = verifyDlnPair({ session, nTilde: { n }, h1, h2 }, dlnProof1, dlnProof2, arith);
  assert.deepEqual(verdict, { proof1: true, proof2: true });
});

Deno.test("a party that copies another's NTilde with trapdoor-free proofs does not get it blamed", async () => {
  const failure = await blamed(({ nTilde }, context) => untrapped(context, nTilde, 9n));
  assert.ok(!failure.culprits.includes(0), `blames ${failure.culprits}: ${failure.reason}`);
});

Deno.test("a party that takes another's Paillier modulus as NTilde does not get it blamed", async () => {
  const failure = await blamed(({ paillierN }, context) => untrapped(context, paillierN, 9n));
  assert.ok(!failure.culprits.includes(0), `blames ${failure.culprits}: ${failure.reason}`);
});

Deno.test("moduli of the wrong form are refused, naming their owner", async () => {
  const { p } = testKeys(3).paillier;
  const odd = 2n ** 2047n + 1n;
  const bad: [Partial<KeygenRound1>, RegExp][] = [
    [{ paillierN: p * p }, /perfect-square paillier|insufficient bits/],
    [{ paillierN: 2n ** 2047n }, /even paillier/],
    [{ paillierN: 2n ** 2046n + 1n }, /insufficient bits/],
    [{ paillierN: 2n ** 2203n - 1n }, /insufficient bits/],
    [{ nTilde: 2n ** 2047n }, /even NTilde/],
    [{ nTilde: 3n }, /insufficient bits/],
    [{ nTilde: odd, h1: odd }, /not below|not coprime/],
    [{ h1: 1n }, /is 1/],
    [{ h1: 5n, h2: 5n }, /h1j == h2j/],
    [{ h1: 5n, h2: 7n }, /dln proof/],
  ];
  for (const [change, reason] of bad) {
    const failure = await blamed(() => change);
    assert.deepEqual(failure.culprits, [1]);
    assert.match(failure.reason, reason);
    assert.equal(failure.round, 2);
  }
});
