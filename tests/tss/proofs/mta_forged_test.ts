/**
 * MtA proofs whose equations hold and which break one rule only: each shows that the rule is looked
 * at. They are made with the real provers and randomness that no honest party draws.
 *
 * @module
 */

import assert from "node:assert/strict";
import { defaultArithmetic } from "../../../lib/arith/mod.ts";
import { secp256k1 } from "../../../lib/crypto/curve.ts";
import { hashIntsTagged } from "../../../lib/crypto/framed_hash.ts";
import { utf8 } from "../../../lib/encoding/bytes.ts";
import { PaillierPrivate } from "../../../lib/tss/paillier.ts";
import { proveAlice, verifyAlice } from "../../../lib/tss/proofs/mta_alice.ts";
import { proveBob, proveBobWc, verifyBob, verifyBobWc } from "../../../lib/tss/proofs/mta_bob.ts";
import type { Pedersen } from "../../../lib/tss/proofs/pedersen.ts";
import { scriptedRandom, seededRandom } from "../../support/seeded_random.ts";
import { rawModulus, testKeys } from "./fixtures.ts";

const arith = defaultArithmetic();
const session = utf8("session");
const { q } = secp256k1;
const prover = testKeys(0);
const verifier = testKeys(1);
const key = prover.paillier;
const order = verifier.dln.p * verifier.dln.q;
/** A Paillier key and a modulus of 1128 bits, of Mersenne primes. */
const small = PaillierPrivate.fromPrimes(2n ** 521n - 1n, 2n ** 607n - 1n);
const overSmall: Pedersen = { ...verifier.open, nTilde: rawModulus(small.n) };

/** Draws of ordinary size. */
const BIG = {
  q3: q ** 2n * 12345n + 1n,
  unit: 2n ** 2000n + 1n,
  q3Modulus: q ** 2n * 2n ** 2000n,
  qModulus: q * 2n ** 2000n,
  q7: q ** 6n * 777n,
};

interface AliceDraws {
  alpha: bigint;
  beta: bigint;
  gamma: bigint;
  rho: bigint;
}

const ALICE: AliceDraws = {
  alpha: BIG.q3,
  beta: BIG.unit,
  gamma: BIG.q3Modulus,
  rho: BIG.qModulus,
};

/** Makes Alice's proof with chosen draws and gives the verdict on it. */
function alice(
  draws: Partial<AliceDraws>,
  change: { m?: bigint; r?: bigint; own?: Pedersen; key?: PaillierPrivate; shift?: bigint } = {},
): boolean {
  const { m = 2n ** 255n, r = 3n, own = verifier.open, key: k = key, shift = 0n } = change;
  const { alpha, beta, gamma, rho } = { ...ALICE, ...draws };
  const c = k.encrypt(m, r, arith) + shift;
  const random = scriptedRandom([alpha, beta, gamma, rho]);
  const proof = proveAlice({ session, key: k, peer: own, c, m, r }, arith, random);
  return verifyAlice({ session, publicKey: k.public, own, c }, proof, arith);
}

Deno.test("mta_alice: draws of ordinary size convince", () => {
  assert(alice({}));
  assert(alice({}, { own: verifier.own }));
});

Deno.test("mta_alice: bases 1, small moduli and an unreduced ciphertext are refused", () => {
  assert(!alice({}, { own: { ...verifier.open, h1: 1n } }));
  assert(!alice({}, { own: { ...verifier.open, h2: 1n } }));
  assert(!alice({ gamma: q ** 3n, rho: q }, { own: overSmall }));
  assert(!alice({ beta: 5n }, { key: small }));
  assert(!alice({}, { shift: key.n2 }));
});

Deno.test("mta_alice: responses below q, S = 1, Z = 1 and S1 = S2 are refused", () => {
  assert(!alice({ alpha: 1n }, { m: 0n }));
  assert(!alice({ gamma: 1n, rho: 1n }));
  assert(!alice({ beta: 1n }, { r: 1n }));
  assert(!alice({ rho: order }, { m: 0n }));
  assert(!alice({ alpha: BIG.q3, gamma: BIG.q3, rho: 2n ** 255n }));
  // One step beside each of them is fine.
  assert(alice({ alpha: q }, { m: 0n }));
  assert(alice({ gamma: q, rho: 1n }));
  assert(alice({ beta: 2n }, { r: 1n }));
  assert(alice({ rho: order + 1n }, { m: 0n }));
});

Deno.test("mta_alice: other spellings of the same residues are refused", () => {
  const random = seededRandom("spellings");
  const input = { session, publicKey: key.public, own: verifier.own };
  for (let i = 0; i < 6; i++) {
    const r = key.public.randomness(random);
    const c = key.encrypt(7n, r, arith);
    const proof = proveAlice({ session, key, peer: verifier.open, c, m: 7n, r }, arith, random);
    const verdict = (changed: typeof proof) => verifyAlice({ ...input, c }, changed, arith);
    assert(verdict(proof));
    assert(!verdict({ ...proof, s: proof.s + key.n }));
    assert(!verdict({ ...proof, s: proof.s - key.n }));
    // With an even challenge, which half of the tries have, −Z has the power of Z, and the hash is
    // blind to signs.
    assert(!verdict({ ...proof, z: -proof.z }));
    assert(!verdict({ ...proof, s1: proof.s1 + order }));
    assert(!verdict({ ...proof, s2: proof.s2 + (2n * q ** 3n * 4n + 1n) * order }));
  }
});

Deno.test("mta_alice: zeros in the ciphertext group are refused, they would prove anything", () => {
  // 0 = U·c^e holds with S = 0 and U = 0 whatever c hides; the other equation is honest.
  const { nTilde: { n: nt }, h1, h2 } = verifier.open;
  const c = key.encrypt(key.n - 1n, 3n, arith);
  const pow = (base: bigint, exponent: bigint) => arith.pow(base, exponent, verifier.open.nTilde);
  const { alpha, gamma, rho } = ALICE;
  const z = pow(h1, 1n) * pow(h2, rho) % nt;
  const w = pow(h1, alpha) * pow(h2, gamma) % nt;
  const e = hashIntsTagged(session, [key.n, key.n + 1n, c, z, 0n, w]) % q;
  const forged = { z, u: 0n, w, s: 0n, s1: e + alpha, s2: e * rho + gamma };
  const input = { session, publicKey: key.public, own: verifier.own, c };
  assert(!verifyAlice(input, forged, arith));
});

interface BobDraws {
  alpha: bigint;
  rho: bigint;
  sigma: bigint;
  tau: bigint;
  rhoPrm: bigint;
  beta: bigint;
  gamma: bigint;
}

const BOB: BobDraws = {
  alpha: BIG.q3,
  rho: BIG.qModulus,
  sigma: BIG.qModulus + 1n,
  tau: BIG.q3Modulus,
  rhoPrm: BIG.q3Modulus + 1n,
  beta: BIG.unit,
  gamma: BIG.q7,
};

interface BobChange {
  x?: bigint;
  y?: bigint;
  own?: Pedersen;
  key?: PaillierPrivate;
  shift1?: bigint;
  shift2?: bigint;
}

/** Makes Bob's proof about his answer to the *verifier's* key and gives the verdict on it. */
function bob(draws: Partial<BobDraws>, change: BobChange = {}, withCheck = false): boolean {
  const { x = 2n ** 254n, y = 2n ** 1270n, own = verifier.open, key: k = verifier.paillier } =
    change;
  const r = 5n;
  const ciphertext = k.encrypt(42n, 3n, arith);
  const c1 = ciphertext + (change.shift1 ?? 0n);
  const c2 = k.public.add(
    k.public.multiply(x, ciphertext, arith),
    k.public.encrypt(y % k.n, r, arith),
  ) + (change.shift2 ?? 0n);
  const d = { ...BOB, ...draws };
  const random = scriptedRandom(
    [d.alpha, d.rho, d.sigma, d.tau, d.rhoPrm, d.beta, d.gamma],
  );
  const statement = { session, publicKey: k.public, c1, c2 };
  if (withCheck) {
    const X = secp256k1.base.multiply(x);
    const proof = proveBobWc({ ...statement, peer: own, x, y, r, X }, arith, random);
    return verifyBobWc({ ...statement, own, X }, proof, arith);
  }
  const proof = proveBob({ ...statement, peer: own, x, y, r }, arith, random);
  return verifyBob({ ...statement, own }, proof, arith);
}

Deno.test("mta_bob: draws of ordinary size convince", () => {
  assert(bob({}));
  assert(bob({}, {}, true));
});

Deno.test("mta_bob: bases 1, small moduli and unreduced ciphertexts are refused", () => {
  const { n2 } = verifier.paillier;
  assert(!bob({}, { own: { ...verifier.open, h1: 1n } }));
  assert(!bob({}, { own: { ...verifier.open, h2: 1n } }));
  const smaller = { rho: q, sigma: q, tau: q ** 3n, rhoPrm: q ** 3n };
  assert(!bob(smaller, { own: overSmall }));
  assert(!bob({ beta: 7n }, { key: small, y: 2n ** 1000n }));
  assert(!bob({}, { shift1: n2 }));
  assert(!bob({}, { shift2: n2 }));
});

Deno.test("mta_bob: responses below q are refused", () => {
  assert(!bob({ alpha: 1n }, { x: 0n }));
  assert(!bob({ rho: 1n, rhoPrm: 1n }));
  assert(!bob({ gamma: 1n }, { y: 0n }));
  assert(!bob({ sigma: 1n, tau: 1n }));
  // One step beside each of them is fine.
  assert(bob({ alpha: q }, { x: 0n }));
  assert(bob({ rho: 1n, rhoPrm: q }));
  assert(bob({ gamma: q }, { y: 0n }));
  assert(bob({ sigma: 1n, tau: q }));
});

Deno.test("mta_bob: with check, a zero secret and a first move of zero are refused", () => {
  assert(!bob({}, { x: 0n }, true));
  assert(!bob({ alpha: q }, {}, true));
  assert(bob({ alpha: q + 1n }, {}, true));
});

Deno.test("mta_bob: other spellings of the same residues are refused", () => {
  const random = seededRandom("bob's spellings");
  const alicesKey = verifier.paillier;
  const c1 = alicesKey.encrypt(42n, 3n, arith);
  const [x, y] = [9n, 11n];
  const beyond = (2n * q ** 3n * 4n + 1n) * order;
  for (let i = 0; i < 6; i++) {
    const r = alicesKey.public.randomness(random);
    const c2 = alicesKey.public.add(
      alicesKey.public.multiply(x, c1, arith),
      alicesKey.public.encrypt(y, r, arith),
    );
    const statement = { session, publicKey: alicesKey, c1, c2 };
    const proof = proveBob({ ...statement, peer: verifier.open, x, y, r }, arith, random);
    const verdict = (changed: typeof proof) =>
      verifyBob({ ...statement, own: verifier.own }, changed, arith);
    assert(verdict(proof));
    assert(!verdict({ ...proof, s: proof.s + alicesKey.n }));
    assert(!verdict({ ...proof, s: proof.s - alicesKey.n }));
    assert(!verdict({ ...proof, z: -proof.z }));
    assert(!verdict({ ...proof, t: -proof.t }));
    assert(!verdict({ ...proof, s2: proof.s2 + beyond }));
    assert(!verdict({ ...proof, t2: proof.t2 + beyond }));
  }
});

Deno.test("mta_bob: zeros in the ciphertext group are refused, they would prove anything", () => {
  const { nTilde: { n: nt }, h1, h2 } = verifier.open;
  const alicesKey = verifier.paillier;
  const n = alicesKey.n;
  const [c1, c2] = [42n, 43n].map((m) => alicesKey.encrypt(m, 3n, arith)) as [bigint, bigint];
  const pow = (base: bigint, exponent: bigint) => arith.pow(base, exponent, verifier.open.nTilde);
  const d = BOB;
  const z = pow(h1, 9n) * pow(h2, d.rho) % nt;
  const zPrm = pow(h1, d.alpha) * pow(h2, d.rhoPrm) % nt;
  const t = pow(h1, 11n) * pow(h2, d.sigma) % nt;
  const w = pow(h1, d.gamma) * pow(h2, d.tau) % nt;
  const e = hashIntsTagged(session, [n, n + 1n, c1, c2, z, zPrm, t, 0n, w]) % q;
  const forged = {
    ...{ z, zPrm, t, w, v: 0n, s: 0n },
    ...{ s1: e * 9n + d.alpha, s2: e * d.rho + d.rhoPrm },
    ...{ t1: e * 11n + d.gamma, t2: e * d.sigma + d.tau },
  };
  for (const publicKey of [alicesKey, alicesKey.public]) {
    const input = { session, publicKey, own: verifier.own, c1, c2 };
    assert(!verifyBob(input, forged, arith));
  }
});
