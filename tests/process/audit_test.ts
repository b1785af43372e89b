import assert from "node:assert/strict";
import { Cluster } from "./cluster.ts";

Deno.test("daemons keep transcripts, and `audit` finds nothing wrong in them", async () => {
  await using cluster = await Cluster.create({
    size: 3,
    preParams: 0,
    env: () => ({ TRF_TRANSCRIPTS: "transcripts" }),
  });
  await cluster.start();
  const [first] = cluster.nodes;
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
  await cluster.haveKey(key_id);
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
      let report!: { state: string; faults: unknown[]; incomplete: boolean };
      // A member may come to its end a little after the one that was asked.
      await cluster.until(`${name} is whole`, async () => {
        report = await node.ask(["audit", `${folder}/${name}`]);
        return report.state === "complete" && !report.incomplete;
      });
      assert.deepEqual(report.faults, []);
    }
  }
});
