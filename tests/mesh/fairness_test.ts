/** A flood through one session, and what others notice of it. */

import assert from "node:assert/strict";
import { concat, u32be, utf8 } from "../../lib/encoding/bytes.ts";
import { encodeMessage } from "../../lib/mesh/envelope.ts";
import { signTss } from "../../lib/mesh/tss_command.ts";
import { inWorld, keyOf } from "./node_kit.ts";

const MALLORY = keyOf("mallory");

Deno.test("Mesh relays a ceremony's messages at once while a neighbour floods the same addressee", () =>
  inWorld(async (world) => {
    const relay = world.node("relay");
    const a = world.node("a", { connect: [relay.address], peersWanted: 1 });
    const c = world.node("c", { connect: [relay.address], peersWanted: 1 });
    await world.start();
    await world.clock.advance(5_000);
    const mallory = await world.raw("mallory", relay);
    await a.mesh.sendDirectOrSealed(
      c.key.identity,
      signTss(a.key, new Uint8Array(32).fill(99), 3, 1, utf8("earlier")),
    );
    // A slow line: a few of the large messages at a time.
    world.net.latency = 20;
    const [to, self] = [c.key.identity, MALLORY.identity];
    let n = 0;
    const junk = () =>
      encodeMessage({
        type: "encrypted",
        ephemeralPub: new Uint8Array(32).fill(1),
        nonce: new Uint8Array(24),
        ciphertext: concat(u32be(n++), new Uint8Array(40_000)),
        signature: new Uint8Array(65).fill(1),
        sender: self,
        innerType: "tss",
      }, { origin: self, destination: to, ttl: 8 });
    const delays: number[] = [];
    for (let i = 0; i < 20; i++) {
      for (let j = 0; j < 40; j++) void mallory.transport.send(junk()).catch(() => {});
      const before = c.heard.length;
      const begun = world.clock.now();
      await a.mesh.sendDirectOrSealed(
        to,
        signTss(a.key, new Uint8Array(32).fill(i), 3, 1, utf8("round")),
      );
      await world.clock.until(() => c.heard.length > before, 5_000, 20);
      delays.push(world.clock.now() - begun);
    }
    assert.equal(c.heard.length, 21);
    // The relay lets it pass at once; the addressee pauses when it has opened too many forgeries.
    assert(delays.sort((x, y) => x - y)[10]! <= 40, `delays of ${delays} ms`);
    assert(Math.max(...delays) <= 1_500, `delays of ${delays} ms`);
    assert(relay.mesh.stats().messages_forwarded_total > 500, "the flood itself gets through");
    assert.equal(c.mesh.sessions().length, 1, "nobody lost a session");
    assert.equal(a.mesh.sessions().length, 1);
  }));

Deno.test("Mesh serves a neighbour's ceremony while another one floods this node", () =>
  inWorld(async (world) => {
    const node = world.node("node");
    const a = world.node("a", { connect: [node.address] });
    await world.start();
    await world.clock.advance(5_000);
    const mallory = await world.raw("mallory", node);
    const forged = signTss(MALLORY, new Uint8Array(32), 1, 1, new Uint8Array(2_000));
    for (let i = 0; i < 20; i++) {
      for (let j = 0; j < 200; j++) void mallory.send({ ...forged, flags: j & 15 }).catch(() => {});
      const before = node.heard.filter((h) => h.sender === a.key.identity).length;
      await a.mesh.sendDirectOrSealed(
        node.key.identity,
        signTss(a.key, new Uint8Array(32).fill(i), 3, 1, utf8("round")),
      );
      await world.clock.advance(100);
      const now = node.heard.filter((h) => h.sender === a.key.identity).length;
      assert.equal(now, before + 1, `message ${i} is there within 100 ms`);
    }
  }));
