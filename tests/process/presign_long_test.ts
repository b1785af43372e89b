import assert from "node:assert/strict";
import { verifyIndependently } from "../../cli/demo/verify.ts";
import { Cluster } from "./cluster.ts";

interface PresignView {
  readonly count: number | null;
  readonly ready: number;
  readonly stored: number;
}
interface Key {
  readonly key_id: string;
  readonly public_key: string;
  readonly presign: PresignView;
}
interface Signature {
  readonly r: string;
  readonly s: string;
  readonly presigned: boolean;
  readonly committee: readonly string[];
}

const README = new URL("../../README.md", import.meta.url).pathname;

Deno.test("daemons fill a stock of presignatures, sign from it, and never use one twice", async (t) => {
  await using cluster = await Cluster.create({ size: 3, searches: true });
  const { nodes, identities } = cluster;
  const data = await Deno.readFile(README);
  let key!: Key;
  const gone = new Set<string>();

  const idsOf = async (at: number): Promise<string[]> => {
    const folder = `${nodes[at]!.options.home}/${identities[at]}/presign`;
    try {
      const names = await Array.fromAsync(Deno.readDir(folder), (e) => e.name);
      return names.filter((n) => n.endsWith(".pre")).map((n) => n.slice(0, 64));
    } catch {
      return [];
    }
  };
  /** Runs `work`; what was on a disk before and is not after it must never come back. */
  const watching = async <T>(work: () => Promise<T>): Promise<T> => {
    const before = await Promise.all(nodes.map((_, i) => idsOf(i)));
    const result = await work();
    const after = await Promise.all(nodes.map((_, i) => idsOf(i)));
    for (const [i, ids] of after.entries()) {
      for (const id of ids) assert(!gone.has(`${i}/${id}`), `${id} is back on node ${i}`);
      for (const id of before[i]!) if (!ids.includes(id)) gone.add(`${i}/${id}`);
    }
    return result;
  };
  const sign = async (by: number) => {
    const signature = await nodes[by]!.ask<Signature>(
      ["sign", "--key", key.key_id, "--file", README],
      [README],
    );
    assert(verifyIndependently(data, key.public_key, signature.r, signature.s));
    return signature;
  };
  const view = async (at: number) =>
    (await nodes[at]!.ask<{ keys: Key[] }>(["keys"])).keys[0]!.presign;
  // More where another member is the nearest meanwhile: those of the quorum before are kept.
  const filled = (at: number, count: number) =>
    cluster.until(
      `${count} presignatures are ready`,
      async () => (await view(at)).ready >= count,
      120_000,
    );

  await t.step("off until asked for: nine rounds", async () => {
    await cluster.start();
    key = await nodes[0]!.ask<Key>(["keygen", "--members", identities.join(","), "-t", "1"]);
    assert.deepEqual(await view(0), { count: null, ready: 0, stored: 0 });
    assert.equal((await sign(0)).presigned, false);
  });

  await t.step("the stock fills once all members have them on", async () => {
    for (const [i, count] of ["3", "0", "0"].entries()) {
      await nodes[i]!.ask(["keys", "presign", key.key_id, "--count", count]);
    }
    await filled(0, 3);
  });

  await t.step("a signature takes one, on both signers' disks; it is replaced", async () => {
    const signature = await watching(() => sign(0));
    assert.equal(signature.presigned, true);
    const partner = identities.indexOf(
      signature.committee.find((m) => m !== identities[0])!,
    );
    const taken = [...gone].map((g) => g.split("/"));
    assert.deepEqual(taken.map(([i]) => Number(i)).sort(), [0, partner].sort());
    assert.equal(new Set(taken.map(([, id]) => id)).size, 1);
    await filled(0, 3);
  });

  await t.step("kill -9 in the middle of signing loses some and repeats none", async () => {
    for (const wait of [0, 30, 120]) {
      await watching(async () => {
        const signing = nodes[0]!.ask(
          ["sign", "--key", key.key_id, "--file", README],
          [README],
        ).then(() => {}, () => {});
        // A real process is killed at some moment of a real signing.
        await new Promise((resolve) => setTimeout(resolve, 250 + wait));
        await nodes[0]!.stop("SIGKILL");
        await signing;
        await cluster.start([nodes[0]!]);
        await cluster.until(
          "the key can sign again",
          async () =>
            (await nodes[0]!.ask<{ keys: { can_sign: boolean }[] }>(["keys"])).keys[0]!.can_sign,
        );
      });
      await watching(() => sign(0));
    }
  });

  await t.step("a member that wiped its parts: nine rounds, and a new stock", async () => {
    await filled(0, 3);
    for (const at of [1, 2]) {
      await nodes[at]!.ask(["keys", "presign", key.key_id, "--off"]);
      await nodes[at]!.ask(["keys", "presign", key.key_id, "--count", "0"]);
    }
    assert.equal((await sign(0)).presigned, false);
    // What the others lack is found out by asking for it, once; then there is a new stock.
    let last = false;
    for (let i = 0; i < 3 && !last; i++) {
      await filled(0, 3);
      last = (await watching(() => sign(0))).presigned;
    }
    assert(last);
  });
});
