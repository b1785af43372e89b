/** The mesh over real TCP on loopback. */

import assert from "node:assert/strict";
import { systemRandom } from "../../lib/arith/random.ts";
import type { NodeIdentity } from "../../lib/crypto/identity.ts";
import { utf8 } from "../../lib/encoding/bytes.ts";
import { AdminClient } from "../../lib/mesh/admin_client.ts";
import { AdminListener } from "../../lib/mesh/admin_listener.ts";
import { systemClock } from "../../lib/mesh/clock.ts";
import { type Incoming, Mesh } from "../../lib/mesh/mesh.ts";
import { signTss } from "../../lib/mesh/tss_command.ts";
import { denoNet } from "../../lib/node/deno_net.ts";
import { silentLogger } from "../../lib/observe/logger.ts";
import { keyOf } from "../mesh/node_kit.ts";

function meshOf(key: NodeIdentity, connect: string[]): Mesh {
  return new Mesh({
    identity: key,
    net: denoNet,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    config: {
      listen: { host: "127.0.0.1", port: 0 },
      advertise: null,
      connect,
      peersWanted: 8,
      software: "test",
    },
  });
}

Deno.test({
  name: "denoNet carries a mesh over TCP on loopback",
  permissions: { net: ["127.0.0.1"] },
  async fn() {
    const [a, b] = [keyOf("a"), keyOf("b")];
    const server = meshOf(b, []);
    await server.start();
    const client = meshOf(a, [`127.0.0.1:${server.listening!.port}`]);
    try {
      const connected = Promise.all(
        [client, server].map((mesh) =>
          new Promise<void>((resolve) => mesh.onSession(() => resolve()))
        ),
      );
      await client.start();
      await connected;
      const command = signTss(a, new Uint8Array(32), 1, 1, utf8("d".repeat(500_000)));
      const heard = new Promise<Incoming>((resolve) => server.onCommand(resolve));
      assert.equal(await client.sendDirectOrSealed(b.identity, command), "direct");
      const incoming = await heard;
      assert.equal(incoming.sender, a.identity);
      assert.deepEqual(incoming.command, command);
      const sealed = new Promise<Incoming>((resolve) => server.onCommand(resolve));
      await client.sendSealed(b.identity, {
        type: "keygen-response",
        ceremonyId: new Uint8Array(32),
        success: true,
        error: "",
      });
      assert.equal((await sealed).via, "sealed");
    } finally {
      await client.stop();
      await server.stop();
    }
  },
});

Deno.test({
  name: "denoNet carries admin requests, and a dial to a closed port fails",
  permissions: { net: ["127.0.0.1"] },
  async fn() {
    const admin = keyOf("admin");
    const listener = new AdminListener({
      identity: keyOf("node"),
      net: denoNet,
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
      listen: { host: "127.0.0.1", port: 0 },
      allowed: (client) => client === admin.identity,
      handler: { call: ({ method }) => Promise.resolve({ method }) },
    });
    await listener.start();
    const address = listener.address!;
    const options = {
      ...address,
      key: admin,
      net: denoNet,
      clock: systemClock,
      random: systemRandom,
    };
    const client = await AdminClient.connect(options);
    assert.deepEqual(await client.call("status", {}), new Map([["method", "status"]]));
    client.close();
    listener.stop();
    await assert.rejects(AdminClient.connect(options), { code: "TF-ADMIN-CONNECT" });
  },
});

Deno.test({
  name: "denoNet rejects to listen where it may not or cannot",
  permissions: { net: ["127.0.0.1"] },
  async fn() {
    const first = await denoNet.listen("127.0.0.1", 0);
    await assert.rejects(denoNet.listen("127.0.0.1", first.address.port));
    await assert.rejects(denoNet.listen("0.0.0.0", 0));
    const pending = first.accept();
    first.close();
    assert.equal(await pending, null);
    assert.equal(await first.accept(), null);
  },
});

Deno.test({
  name: "denoNet tells where it may dial",
  permissions: { net: ["127.0.0.1:4567", "[::1]:4567"] },
  fn() {
    assert(denoNet.mayDial!("127.0.0.1", 4567) && denoNet.mayDial!("::1", 4567));
    assert(!denoNet.mayDial!("127.0.0.1", 4568));
    assert(!denoNet.mayDial!("node.example.com", 4567));
  },
});
