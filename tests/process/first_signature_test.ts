import assert from "node:assert/strict";
import { verifyIndependently } from "../../cli/demo/verify.ts";
import { ProcessFailure } from "../../cli/demo/processes.ts";
import { quickest, timed } from "../support/quickest.ts";
import { Cluster, type Status } from "./cluster.ts";

interface Key {
  readonly key_id: string;
  readonly public_key: string;
  readonly committee: readonly string[];
  readonly confirmed_by: readonly string[];
}
interface Peer {
  readonly identity: string;
  readonly ready?: boolean;
}
interface Signature {
  readonly digest: string;
  readonly r: string;
  readonly s: string;
  readonly recovery_id: number;
  readonly committee: readonly string[];
}

const README = new URL("../../README.md", import.meta.url).pathname;

Deno.test("three daemons make a key and sign, also after a restart and with one dead", async (t) => {
  await using cluster = await Cluster.create({ size: 3 });
  const { nodes, identities } = cluster;
  const data = await Deno.readFile(README);
  let key!: Key;

  const sign = async (by: number) => {
    const signature = await nodes[by]!.ask<Signature>(
      ["sign", "--key", key.key_id, "--file", README],
      [README],
    );
    assert.equal(signature.committee.length, 2);
    assert(verifyIndependently(data, key.public_key, signature.r, signature.s));
    return signature;
  };

  await t.step("key generation: all three confirm the same key", async () => {
    await cluster.start();
    key = await nodes[0]!.ask<Key>(["keygen", "--members", identities.join(","), "-t", "1"]);
    assert.match(key.key_id, /^[0-9a-f]{32}$/);
    assert.deepEqual(key.committee, identities);
    assert.deepEqual([...key.confirmed_by].sort(), [...identities].sort());
    for (const node of nodes) {
      const { keys } = await node.ask<{ keys: { key_id: string; public_key: string }[] }>(["keys"]);
      assert.deepEqual(keys.map((k) => [k.key_id, k.public_key]), [[key.key_id, key.public_key]]);
    }
  });

  await t.step("a first signature, asked of the first node", async () => {
    await sign(0);
  });

  await t.step("a second one after a restart of all three, asked of another node", async () => {
    for (const code of await Promise.all(nodes.map((n) => n.stop()))) assert.equal(code, 0);
    await cluster.start();
    await sign(1);
  });

  await t.step("a third one after one node was killed; status says 2 of 3", async () => {
    await nodes[2]!.stop("SIGKILL");
    await cluster.until("the dead node is noticed, and the other one is there", async () => {
      const { peers } = await nodes[0]!.ask<{ peers: Peer[] }>(["peers"]);
      const [living, dead] = [1, 2].map((i) => peers.find((p) => p.identity === identities[i]));
      const [row] = (await nodes[0]!.ask<Status>(["status"])).keys;
      return living?.ready === true && dead?.ready !== true &&
        row!.live === 2 && row!.can_sign && row!.needed === 2;
    });
    const signature = await sign(0);
    assert(!signature.committee.includes(identities[2]!));
  });

  await t.step("with two dead the command refuses at once and names them", async () => {
    await nodes[1]!.stop("SIGKILL");
    await cluster.until(
      "the second dead node is noticed",
      async () => (await nodes[0]!.ask<Status>(["status"])).keys[0]!.live === 1,
    );
    const failure = await nodes[0]!.ask(["sign", "--key", key.key_id, "--file", README], [README])
      .then(() => null, (error: unknown) => error);
    assert(failure instanceof ProcessFailure);
    assert.equal(failure.exit, 3);
    assert.match(failure.said, /1 of 3 members live, 2 needed/);
    assert(failure.said.includes(identities[1]!) && failure.said.includes(identities[2]!));
  });

  await t.step("SIGINT stops the last one within two seconds", async () => {
    const took = await quickest(2_000, async () => {
      if (!nodes[0]!.running) await cluster.start([nodes[0]!]);
      return await timed(async () => assert.equal(await nodes[0]!.stop("SIGINT"), 0));
    });
    assert(took < 2_000, `${took} ms`);
  });
});
