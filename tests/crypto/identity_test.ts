import assert from "node:assert/strict";
import {
  identityBytes,
  identityFromPublicKey,
  identityToInt,
  NodeIdentity,
  parseIdentity,
  verifySignature,
} from "../../lib/crypto/identity.ts";
import { sha256 } from "../../lib/crypto/kdf.ts";
import { systemRandom } from "../../lib/arith/random.ts";
import { fromHex, toHex, utf8 } from "../../lib/encoding/bytes.ts";
import { vectorNode, vectors } from "../wire/vectors.ts";

Deno.test("NodeIdentity.fromPrivateKey() derives the vectors' keys and names", () => {
  for (const name of ["A", "B", "C", "key_one"] as const) {
    const v = vectors.identities[name];
    const node = NodeIdentity.fromPrivateKey(fromHex(v.private_key));
    assert.equal(toHex(node.publicKey), v.public_compressed);
    assert.equal(node.identity, v.identity);
    assert.equal(identityFromPublicKey(fromHex(v.public_compressed)), v.identity);
    assert.equal(toHex(node.naclPublic), v.nacl_public);
    assert.equal(toHex(sha256(utf8("continuum-x25519-v1"), fromHex(v.private_key))), v.nacl_seed);
    assert.equal(toHex(node.exportPrivateKey()), v.private_key);
  }
});

Deno.test("NodeIdentity.fromPrivateKey() refuses zero, the order and above, and other lengths", () => {
  const order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
  for (const bad of ["00".repeat(32), order, "ff".repeat(32), "01", "01".repeat(33), ""]) {
    assert.throws(() => NodeIdentity.fromPrivateKey(fromHex(bad)), RangeError);
  }
  const largest = NodeIdentity.fromPrivateKey(fromHex(order.slice(0, 63) + "0"));
  assert.match(largest.identity, /^[0-9a-f]{40}$/);
});

Deno.test("NodeIdentity.generate() makes distinct keys and skips unusable draws", () => {
  const a = NodeIdentity.generate(systemRandom), b = NodeIdentity.generate(systemRandom);
  assert.notEqual(a.identity, b.identity);
  const draws = [new Uint8Array(32), new Uint8Array(32).fill(0xff), new Uint8Array(32).fill(7)];
  const made = NodeIdentity.generate(() => draws.shift()!);
  assert.equal(toHex(made.exportPrivateKey()), "07".repeat(32));
});

Deno.test("NodeIdentity never shows its key", () => {
  const node = vectorNode("A");
  assert.equal(JSON.stringify({ node }), '{"node":"[redacted]"}');
  assert.equal(Deno.inspect(node), "[redacted]");
  assert.ok(!`${node}`.includes(vectors.identities.A.private_key));
});

Deno.test("NodeIdentity.storeKey() derives the vector's store key", () => {
  assert.equal(vectors.store.node_private_key, vectors.identities.A.private_key);
  assert.equal(toHex(vectorNode("A").storeKey()), vectors.store.store_key);
});

Deno.test("NodeIdentity.sign() makes the Go service's signatures", () => {
  const c = vectors.challenge;
  assert.equal(toHex(vectorNode("A").sign(fromHex(c.hash_signed_by_A))), c.signature_by_A);
  assert.equal(toHex(vectorNode("B").sign(fromHex(c.hash_signed_by_B))), c.signature_by_B);
  assert.throws(() => vectorNode("A").sign(new Uint8Array(31)), RangeError);
});

Deno.test("verifySignature() gives the Go verifier's verdicts (group signature_acceptance)", () => {
  const group = vectors.signature_acceptance;
  const A = vectorNode("A").identity;
  assert.equal(group.vectors.length, 10);
  for (const v of group.vectors) {
    assert.equal(
      verifySignature(fromHex(group.hash), fromHex(v.signature), A),
      v.accepted,
      v.case,
    );
  }
});

Deno.test("verifySignature() refuses the high-S twin when told to", () => {
  const group = vectors.signature_acceptance;
  const A = vectorNode("A").identity;
  const [low, high] = group.vectors;
  const hash = fromHex(group.hash);
  assert.ok(verifySignature(hash, fromHex(low!.signature), A, { lowSOnly: true }));
  assert.ok(!verifySignature(hash, fromHex(high!.signature), A, { lowSOnly: true }));
});

Deno.test("verifySignature() refuses out-of-range R and S, other hashes, other names", () => {
  const node = vectorNode("B");
  const hash = sha256(utf8("message"));
  const good = node.sign(hash);
  assert.ok(verifySignature(hash, good, node.identity));
  assert.ok(!verifySignature(sha256(utf8("other")), good, node.identity));
  assert.ok(!verifySignature(hash, good, vectorNode("A").identity));
  assert.ok(!verifySignature(hash.subarray(1), good, node.identity));
  const order = fromHex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
  for (const at of [1, 33]) {
    for (const value of [new Uint8Array(32), order, new Uint8Array(32).fill(0xff)]) {
      const bad = good.slice();
      bad.set(value, at);
      assert.ok(!verifySignature(hash, bad, node.identity));
    }
  }
  for (let id = 0; id < 256; id++) {
    const changed = good.slice();
    changed[0] = id;
    assert.equal(verifySignature(hash, changed, node.identity), id === good[0]);
  }
});

Deno.test("parseIdentity() takes 40 hex digits of either case and nothing else", () => {
  const id = parseIdentity("ABCDEF0000000000000000000000000000000000");
  assert.equal(id, "abcdef0000000000000000000000000000000000");
  assert.equal(toHex(identityBytes(id)), id);
  assert.equal(identityToInt(id), 0xabcdefn << 136n);
  for (const bad of ["", "0".repeat(39), "0".repeat(41), "g".repeat(40), " " + "0".repeat(39)]) {
    assert.throws(() => parseIdentity(bad), SyntaxError);
  }
  assert.throws(() => parseIdentity("0".repeat(39) + "\u212a"), SyntaxError);
  assert.throws(() => parseIdentity("0".repeat(40) + "\n"), SyntaxError);
});
