/**
 * Huge exponents in proofs: however large the numbers that a peer sends, checking its proof takes
 * no more squarings than twice an honest one. Counted, not timed (weaknesses about numbers without
 * bounds; the floods over real sockets are in daemon_flood_test.ts).
 */
import assert from "node:assert/strict";
import { bitLength, utf8 } from "../../lib/encoding/bytes.ts";
import { defaultArithmetic } from "../../lib/arith/mod.ts";
import type { Arithmetic } from "../../lib/arith/types.ts";
import { secp256k1 } from "../../lib/crypto/curve.ts";
import { proveFac, verifyFac } from "../../lib/tss/proofs/fac.ts";
import { proveAlice, verifyAlice } from "../../lib/tss/proofs/mta_alice.ts";
import { proveBob, proveBobWc, verifyBob, verifyBobWc } from "../../lib/tss/proofs/mta_bob.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { testKeys } from "../tss/proofs/fixtures.ts";

const arith = defaultArithmetic();
const random = seededRandom("exponents");

/** An arithmetic that adds up the bits of all exponents. */
function counting(): { arith: Arithmetic; bits: () => number } {
  let bits = 0;
  const add = (exponent: bigint) => {
    bits += bitLength(exponent < 0n ? -exponent : exponent);
  };
  return {
    bits: () => bits,
    arith: {
      name: arith.name,
      keep: () => {},
      pow: (base, exponent, modulus) => {
        add(exponent);
        return arith.pow(base, exponent, modulus);
      },
      powBatch: (jobs) => {
        jobs.forEach((job) => add(job.exponent));
        return arith.powBatch(jobs);
      },
      productBatch: (jobs) => {
        jobs.forEach((job) => job.terms.forEach((term) => add(term.exponent)));
        return arith.productBatch(jobs);
      },
    },
  };
}

const SIZES = [256, 768, 1024, 1792, 2048, 2817, 3072, 4096, 6000, 16_384, 1_000_000];

/** Replaces every number of a proof by large ones, in turn and all at once. */
function* inflated<T extends object>(proof: T): Generator<[string, T]> {
  for (const size of SIZES) {
    const huge = (1n << BigInt(size)) - 1n;
    const numbers = Object.entries(proof).filter(([, v]) => typeof v === "bigint");
    for (const [name] of numbers) {
      yield [`${name} of ${size} bits`, { ...proof, [name]: huge }];
      yield [`${name} of -${size} bits`, { ...proof, [name]: -huge }];
    }
    const all = Object.fromEntries(numbers.map(([name]) => [name, huge]));
    yield [`all of ${size} bits`, { ...proof, ...all }];
  }
}

const alice = testKeys(0);
const bob = testKeys(1);
const session = utf8("session");
const key = alice.paillier;
const r = key.public.randomness(random);
const c1 = key.public.encrypt(42n, r, arith);
const [x, y] = [123456789n, 2n ** 1279n + 7n];
const c2 = key.public.add(key.public.multiply(x, c1, arith), key.public.encrypt(y, r, arith));
const X = secp256k1.base.multiply(x);
const bobSide = { session, publicKey: key.public, peer: alice.open, c1, c2, x, y, r };
const checks: Record<string, [object, (proof: never, arith: Arithmetic) => boolean]> = {
  fac: [
    proveFac({ session, key, peer: bob.open }, arith, random),
    (proof, a) => verifyFac({ session, n0: key.n, own: bob.open }, proof, a),
  ],
  alice: [
    proveAlice({ session, key, peer: bob.open, c: c1, m: 42n, r }, arith, random),
    (proof, a) => verifyAlice({ session, publicKey: key.public, own: bob.open, c: c1 }, proof, a),
  ],
  bob: [
    proveBob(bobSide, arith, random),
    (proof, a) => verifyBob({ session, publicKey: key.public, own: alice.open, c1, c2 }, proof, a),
  ],
  "bob with check": [
    proveBobWc({ ...bobSide, X }, arith, random),
    (proof, a) =>
      verifyBobWc({ session, publicKey: key.public, own: alice.open, c1, c2, X }, proof, a),
  ],
};

for (const [name, [proof, verify]] of Object.entries(checks)) {
  Deno.test(`${name}: no number in a proof makes its check cost more than twice an honest one`, () => {
    const honest = counting();
    assert.equal(verify(proof as never, honest.arith), true);
    assert.ok(honest.bits() > 2_000, `${honest.bits()}`);
    let tried = 0;
    for (const [what, bent] of inflated(proof)) {
      const { arith: counted, bits } = counting();
      assert.equal(verify(bent as never, counted), false, what);
      assert.ok(bits() <= 2 * honest.bits(), `${what}: ${bits()} bits, honest ${honest.bits()}`);
      tried++;
    }
    assert.ok(tried > 100);
  });
}
