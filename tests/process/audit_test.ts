import assert from "node:assert/strict";
import { Cluster } from "./cluster.ts";

/** What `peers` says of a node. */
interface Peer {
  readonly identity: string;
  readonly version?: string;
  readonly answered_ms_ago?: number;
}

Deno.test("daemons keep transcripts, and `audit` finds nothing wrong in them", async () => {
  await using cluster = await Cluster.create({
    size: 3,
    preParams: 0,
    env: () => ({ TRF_TRANSCRIPTS: "transcripts" }),
  });
  await cluster.start();
  const [first] = cluster.nodes;
  await cluster.until("the nodes answer each other", async () => {
    const all = await Promise.all(
      cluster.nodes.map((n) => n.ask<{ peers: Peer[] }>(["peers"])),
    );
    return all.every(({ peers }) =>
      peers.filter((p) => p.answered_ms_ago !== undefined).length >= 2
    );
  });
  const members = cluster.identities.join(",");
  const { key_id } = await first!.ask<{ key_id: string }>([
    "keygen",
    "--curve",
    "ed25519",
    "--members",
    members,
    "--threshold",
    "1",
  ]);
  await first!.ask(["sign", "--key", key_id, "--members", members, "--digest", "5a".repeat(32)]);
  for (const node of cluster.nodes) {
    const folder = `${node.options.home}/transcripts`;
    await cluster.until("both transcripts are there", async () => {
      const names = [];
      try {
        for await (const entry of Deno.readDir(folder)) names.push(entry.name);
      } catch {
        return false;
      }
      return names.filter((name) => name.endsWith(".jsonl")).length === 2;
    });
    for await (const { name } of Deno.readDir(folder)) {
      const report = await node.ask<{ state: string; faults: unknown[]; incomplete: boolean }>([
        "audit",
        `${folder}/${name}`,
      ]);
      assert.deepEqual([report.state, report.faults, report.incomplete], ["complete", [], false]);
    }
  }
});
