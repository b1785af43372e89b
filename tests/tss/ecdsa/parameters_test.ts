import assert from "node:assert/strict";
import { defaultArithmetic } from "../../../lib/arith/mod.ts";
import { systemRandom } from "../../../lib/arith/random.ts";
import { bitLength } from "../../../lib/encoding/bytes.ts";
import type { PublicParameters } from "../../../lib/tss/ecdsa/limits.ts";
import {
  brokenRule,
  collisions,
  copiers,
  publicParameters,
  unresolved,
} from "../../../lib/tss/ecdsa/parameters.ts";
import { PRE_PARAMS } from "./parties.ts";

const [good, other, third] = PRE_PARAMS.map(publicParameters) as [
  PublicParameters,
  PublicParameters,
  PublicParameters,
];
const safePrime = PRE_PARAMS[0]!.paillier.p;

/** The 2,048-bit prime of RFC 3526 (group 14). */
const PRIME_2048 = BigInt(
  "0x" +
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A0879" +
    "8E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B" +
    "0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA4836" +
    "1C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804" +
    "F1746C08CA18217C32905E462E36CE3BE39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6" +
    "955817183995497CEA956AE515D2261898FA051015728E5A8AACAA68FFFFFFFFFFFFFFFF",
);

const rule = (
  protocol: "keygen" | "resharing",
  changed: Partial<PublicParameters>,
) => brokenRule(protocol, { ...good, ...changed }, defaultArithmetic(), systemRandom);

Deno.test("brokenRule() finds nothing against what the Go library generated", () => {
  for (const p of PRE_PARAMS) {
    for (const protocol of ["keygen", "resharing"] as const) {
      const arith = defaultArithmetic();
      assert.equal(brokenRule(protocol, publicParameters(p), arith, systemRandom), null);
    }
  }
});

Deno.test("brokenRule() names each rule", () => {
  const square = safePrime * safePrime;
  assert.equal(bitLength(square), 2048);
  const cases: [Partial<PublicParameters>, string][] = [
    [{ paillierN: good.paillierN >> 1n | 1n }, "paillier modulus insufficient bits"],
    [{ paillierN: good.paillierN * 2n + 1n }, "paillier modulus insufficient bits"],
    [{ paillierN: 1n }, "paillier modulus insufficient bits"],
    [{ paillierN: 0n }, "paillier modulus insufficient bits"],
    [{ paillierN: good.paillierN - 1n }, "even paillier modulus"],
    [{ paillierN: PRIME_2048 }, "prime paillier modulus"],
    [{ paillierN: square }, "perfect-square paillier modulus"],
    [{ h1: good.h2 }, "h1j == h2j"],
    [{ h1: 1n }, "h1j or h2j is 1"],
    [{ h2: 1n }, "h1j or h2j is 1"],
    [{ nTilde: good.nTilde >> 1024n | 1n }, "NTildej insufficient bits"],
    [{ nTilde: good.nTilde - 1n }, "even NTildej"],
    [{ nTilde: PRIME_2048 }, "prime NTildej"],
    [{ nTilde: square }, "perfect-square NTildej"],
    [{ nTilde: good.paillierN }, "paillier N == NTilde"],
    [{ h1: good.h1 + good.nTilde }, "h1j or h2j is not below NTildej"],
    [{ h2: good.nTilde }, "h1j or h2j is not below NTildej"],
    [{ h1: 2n * PRE_PARAMS[0]!.p + 1n }, "h1j and NTildej are not coprime"],
    [{ h2: 0n }, "h2j and NTildej are not coprime"],
  ];
  for (const [changed, reason] of cases) {
    assert.equal(rule("keygen", changed), reason);
    assert.equal(rule("resharing", changed), reason);
  }
});

Deno.test("brokenRule() follows the order of each protocol", () => {
  const both = { h1: good.h2, paillierN: 1n };
  assert.equal(rule("keygen", both), "paillier modulus insufficient bits");
  assert.equal(rule("resharing", both), "h1j == h2j");
});

Deno.test("collisions() and copiers() find what two parties share, and who copied", () => {
  assert.deepEqual(collisions([good, other, third]), []);
  const found = (changed: Partial<PublicParameters>) =>
    collisions([good, other, { ...third, ...changed }]).map((c) => [c.reason, ...c.parties]);
  assert.deepEqual(found({ h1: other.h1 }), [["duplicate h1j", 1, 2]]);
  assert.deepEqual(found({ h2: other.h1 }), [["duplicate h2j", 1, 2]]);
  assert.deepEqual(found({ paillierN: good.nTilde }), [["duplicate modulus (paillier N)", 0, 2]]);
  assert.deepEqual(found({ nTilde: good.nTilde }), [["duplicate modulus (NTilde)", 0, 2]]);

  const collision = collisions([good, other, { ...third, h1: other.h1 }])[0]!;
  assert.deepEqual(copiers(collision, 0, (j) => j !== 1), [1]); // its proofs fail
  assert.deepEqual(copiers(collision, 1, () => true), [2]); // the value is ours
  assert.deepEqual(copiers(collision, 1, () => false), [2]); // we know what we did
  // No telling: an innocent owner must not be accused, the words name the pair.
  assert.deepEqual(copiers(collision, 0, () => true), []);
  assert.match(unresolved(collision), /^duplicate h1j: parties 1 and 2 claim it/);
});
