import assert from "node:assert/strict";
import { Cluster } from "./cluster.ts";
import { filesOf, type Key, keysOf, type Reshared, signs } from "./keys_kit.ts";

const README = new URL("../../README.md", import.meta.url).pathname;

Deno.test("a 2-of-3 ECDSA key goes to another committee and back, with fresh pre-parameters each time", async () => {
  await using cluster = await Cluster.create({ size: 4, searches: true });
  const { nodes, identities } = cluster;
  const ids = (at: readonly number[]) => at.map((i) => identities[i]!).join(",");
  await cluster.start();
  const key = await nodes[0]!.ask<Key>(["keygen", "--members", ids([0, 1, 2]), "-t", "1"]);
  await signs(nodes[0]!, key, { file: README });
  const hops = [
    { by: 0, to: [1, 2, 3], threshold: 1, left: 0 },
    { by: 3, to: [0, 1, 3], threshold: 2, left: 2 },
  ];
  for (const [n, { by, to, threshold, left }] of hops.entries()) {
    const result = await nodes[by]!.ask<Reshared>([
      "reshare",
      "--key",
      key.key_id,
      "--members",
      ids(to),
      "-t",
      String(threshold),
      "--wait",
      "900",
    ]);
    assert.deepEqual([result.public_key, result.generation], [key.public_key, n + 1]);
    assert.deepEqual([result.old_shares_kept, result.unconfirmed], [[], []]);
    const signature = await signs(nodes[to[0]!]!, key, { file: README });
    assert.equal(signature.committee.length, threshold + 1);
    assert.deepEqual(await filesOf(cluster, left, key.key_id), ["meta"]);
    const [row] = await keysOf(nodes[left]!);
    assert.equal(row!.status, "reshared away");
  }
  // A restart changes nothing.
  for (const code of await Promise.all(nodes.map((node) => node.stop()))) assert.equal(code, 0);
  await cluster.start();
  await signs(nodes[0]!, key, { file: README });
});
