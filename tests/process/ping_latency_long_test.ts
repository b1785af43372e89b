/**
 * A daemon that computes a key generation of five answers pings within a second all the while: the
 * Go node drops a peer after 7 s at the start and 13 s later.
 */

import assert from "node:assert/strict";
import { attackerKey, pingDuring, pingText, TcpPeer } from "../attacks/tcp_peer.ts";
import { Cluster } from "./cluster.ts";

Deno.test("five daemons answer pings within a second during an ECDSA key generation", async () => {
  await using cluster = await Cluster.create({
    size: 5,
    searches: true,
    // Five nodes share this machine's processors, and perhaps with other tests.
    env: () => ({ TRF_ROUND_TIMEOUT: "5m" }),
  });
  const { nodes, identities } = cluster;
  await cluster.start();
  const peers = await Promise.all(nodes.map((node, i) => {
    const [host, port] = node.options.listen.split(":");
    return TcpPeer.reach({ host: host!, port: Number(port) }, attackerKey(`pinger ${i}`));
  }));
  try {
    let over = false;
    const watched = Promise.all(
      peers.map((peer, i) => pingDuring(peer, nodes[i]!.pid!, () => over, 50)),
    );
    const { key_id } = await nodes[0]!.ask<{ key_id: string }>(
      ["keygen", "--members", identities.join(","), "-t", "2"],
    ).finally(() => over = true);
    for (const [i, pinged] of (await watched).entries()) {
      const figures = `node ${i}: ${pingText(pinged)}`;
      assert.ok(pinged.pings > 20, figures);
      assert.ok(pinged.busiest < 1_000 && pinged.slowest < 1_000, figures);
      assert.equal(peers[i]!.ended, false, figures);
    }
    await cluster.haveKey(key_id);
  } finally {
    for (const peer of peers) peer.close();
  }
});
