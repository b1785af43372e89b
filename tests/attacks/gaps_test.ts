/**
 * Attacks of the table that no other test tries: ambiguous hash inputs, sharings of another degree,
 * lists larger than a frame, made-up announcements (attacks A10, B3, B12; weaknesses mesh 15, 19).
 */

import assert from "node:assert/strict";
import { systemRandom } from "../../lib/arith/random.ts";
import { ed25519, secp256k1 } from "../../lib/crypto/curve.ts";
import { framedHash, hashInts, hashIntsTagged } from "../../lib/crypto/framed_hash.ts";
import { sha256 } from "../../lib/crypto/kdf.ts";
import { concat, equalBytes, toHex, u32be, utf8 } from "../../lib/encoding/bytes.ts";
import type { Identity } from "../../lib/crypto/identity.ts";
import { MAX_CLEARTEXT_BYTES } from "../../lib/mesh/frames.ts";
import { GoAdmin } from "../../lib/node/go_admin.ts";
import type { Desk } from "../../lib/node/desk.ts";
import { reconstruct, shareSecret, verifyShare } from "../../lib/tss/vss.ts";
import { inWorld } from "../mesh/node_kit.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

Deno.test("framedHash() separates its parts: no other split of the same bytes has the same hash", () => {
  // The delimiter that the hash itself puts between parts, inside the parts (TSSHOCK's α-shuffle).
  const bytes = concat(utf8("ab$"), u32be(0), utf8("$"), u32be(3), utf8("$c$$"));
  const seen = new Set<string>();
  for (let i = 0; i <= bytes.length; i++) {
    for (let j = i; j <= bytes.length; j++) {
      const parts = [bytes.subarray(0, i), bytes.subarray(i, j), bytes.subarray(j)];
      seen.add(toHex(framedHash(...parts)));
    }
  }
  assert.equal(seen.size, ((bytes.length + 1) * (bytes.length + 2)) / 2);
  assert.notEqual(toHex(framedHash(bytes)), toHex(framedHash(bytes, new Uint8Array(0))));
});

Deno.test("hashInts() and hashIntsTagged() tell lists apart that read the same", () => {
  assert.notEqual(hashInts([0x0102n, 0x03n]), hashInts([0x01n, 0x0203n]));
  assert.notEqual(hashInts([1n, 2n]), hashInts([2n, 1n]));
  assert.notEqual(hashInts([1n]), hashInts([1n, 0n]));
  const [a, b] = [utf8("tag"), utf8("ta")];
  assert.notEqual(hashIntsTagged(a, [1n]), hashIntsTagged(b, [1n]));
  assert.notEqual(hashIntsTagged(a, [1n]), hashInts([1n]));
});

for (const curve of [secp256k1, ed25519]) {
  Deno.test(`${curve.name}: verifyShare() refuses a polynomial of another degree though its share fits`, () => {
    const ids = [3n, 7n, 11n, 19n];
    for (const degree of [1, 3]) {
      const { commitments, shares } = shareSecret(curve, degree, 42n, ids, systemRandom);
      assert.ok(verifyShare(curve, degree, shares[0]!, ids[0]!, commitments));
      // The ceremony's threshold is 2: one commitment too few, or one too many.
      assert.ok(!verifyShare(curve, 2, shares[0]!, ids[0]!, commitments));
    }
  });

  Deno.test(`${curve.name}: reconstruct() throws rather than give a wrong secret from too few shares`, () => {
    const ids = [3n, 7n, 11n, 19n];
    const { shares } = shareSecret(curve, 2, 42n, ids, systemRandom);
    const held = ids.map((id, i) => ({ id, share: shares[i]! }));
    assert.equal(reconstruct(curve, 2, held.slice(1)), 42n);
    assert.throws(() => reconstruct(curve, 2, held.slice(2)), RangeError);
    assert.throws(() => reconstruct(curve, 2, []), RangeError);
    assert.throws(() => reconstruct(curve, 2, [held[0]!, held[0]!, held[1]!]), RangeError);
  });
}

Deno.test("Mesh answers with a list that fits a frame, whatever it was told about others", () =>
  inWorld(async (world) => {
    const node = world.node("target", { peersWanted: 32 });
    await world.start();
    const invented = (i: number) => toHex(sha256(utf8(`peer ${i}`)).subarray(0, 20)) as Identity;
    for (let informant = 0; informant < 6; informant++) {
      const raw = await world.raw(`informant ${informant}`, node, `10.9.${informant}.1`);
      await world.clock.settle();
      for (let list = 0; list < 5; list++) {
        const first = (5 * informant + list) * 80;
        await raw.send({
          type: "peer-list-response",
          peers: Array.from({ length: 80 }, (_, i) => ({
            identity: invented(first + i),
            address: `${"a".repeat(240)}:1`,
            naclPub: sha256(utf8(`nacl ${first + i}`)),
            version: 1,
            lastSeen: BigInt(Math.floor(world.clock.now() / 1000)),
            sessions: Array.from({ length: 250 }, (_, j) => invented(j)),
          })),
        });
        await world.clock.settle();
      }
    }
    const asker = await world.raw("asker", node, "10.9.99.1");
    await world.clock.settle();
    assert.ok(node.mesh.stats().peers_known > 500, `${node.mesh.stats().peers_known}`);
    asker.cleartexts.length = 0;
    asker.received.length = 0;
    await asker.send({ type: "peer-list-request" });
    await world.clock.advance(1_000);
    const [answer] = asker.of("peer-list-response");
    assert.ok(answer !== undefined && answer.peers.length > 20 && answer.peers.length <= 256);
    assert.equal(answer.peers[0]!.identity, node.key.identity);
    for (const cleartext of asker.cleartexts) assert.ok(cleartext.length <= MAX_CLEARTEXT_BYTES);
    assert.equal(asker.ended, false);
  }));

Deno.test("GoAdmin keeps announced outcomes apart from own ceremonies, and few of them", () => {
  const own = sha256(utf8("own ceremony"));
  const ledger = new Map([[toHex(own), {}]]);
  const admin = new GoAdmin({
    mesh: { peers: () => [], addPeer: () => Promise.resolve() },
    desk: { ledger: { get: (id: string) => ledger.get(id), all: () => [] } } as unknown as Desk,
    clock: new VirtualClock(),
  });
  const announce = (ceremonyId: Uint8Array) =>
    admin.heard({ type: "ceremony-result", ceremonyId, success: true, error: "" });
  announce(own);
  const listed = () => {
    const answer = admin.answer({ type: "ceremony-list" });
    assert.ok(answer?.type === "ceremony-list-response");
    return answer.ceremonies;
  };
  assert.equal(listed().length, 0, "an own ceremony ends by nobody's announcement");
  for (let i = 0; i < 10_000; i++) announce(sha256(u32be(i)));
  assert.equal(listed().length, 256);
  assert.ok(!listed().some((c) => equalBytes(c.ceremonyId, own)));
});
