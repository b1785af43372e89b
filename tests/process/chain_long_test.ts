/**
 * Ten daemons in a line, each told of one neighbour only, make keys, sign, hand the keys on and sign
 * again across it. A long test: run by `deno task test:long`.
 */

import assert from "node:assert/strict";
import { Cluster } from "./cluster.ts";

const SIZE = 10;
/** That far nodes answer each other, and have new pre-parameters, comes with time. */
const WAIT = ["--wait", "900"];
const README = new URL("../../README.md", import.meta.url).pathname;

interface Peers {
  readonly peers: readonly { readonly identity: string; readonly connected: boolean }[];
}
interface Key {
  readonly key_id: string;
  readonly public_key: string;
  readonly committee: readonly string[];
  readonly confirmed_by: readonly string[];
}
interface Signature {
  readonly committee: readonly string[];
}
interface Reshared {
  readonly public_key: string;
  readonly generation: number;
  readonly leaving: readonly string[];
  readonly old_shares_kept: readonly string[];
  readonly unconfirmed: readonly string[];
}

/** Links between two daemons over the sessions they report. */
function distances(peers: ReadonlyMap<string, readonly string[]>, from: string) {
  const found = new Map([[from, 0]]);
  for (let level = [from], links = 1; level.length > 0; links++) {
    const next: string[] = [];
    for (const node of level) {
      for (const other of peers.get(node) ?? []) {
        if (found.has(other)) continue;
        found.set(other, links);
        next.push(other);
      }
    }
    level = next;
  }
  return found;
}

Deno.test("ten daemons in a sparse chain make keys, sign, reshare and sign over several hops", async (t) => {
  await using cluster = await Cluster.create({
    size: SIZE,
    searches: true,
    env: () => ({ TRF_PEERS_WANTED: "3" }),
    connect: (i) => i === 0 ? [] : [i - 1],
  });
  const { nodes, identities } = cluster;
  const [first, middle, last] = [identities[0]!, identities[4]!, identities[9]!];
  const other = identities[6]!;
  const committee = [first, middle, last].join(",");
  let links = new Map<string, number>();

  await t.step(
    "everybody knows everybody, though nobody has more than a few sessions",
    async () => {
      // One after the other: ten runtimes starting at once outlast each other's dial timeouts.
      for (const node of nodes) await node.start();
      await cluster.until("every daemon knows all others", async () => {
        const all = await Promise.all(nodes.map((n) => n.ask<Peers>(["peers"])));
        const adjacency = new Map(all.map(({ peers }, i) => [
          identities[i]!,
          peers.filter((p) => p.connected).map((p) => p.identity),
        ]));
        links = distances(adjacency, first);
        return all.every(({ peers }) =>
          identities.every((id) => peers.some((p) => p.identity === id))
        );
      }, 600_000);
      assert(links.get(last)! >= 2, `the ends are ${links.get(last)} links apart`);
    },
  );

  for (const curve of ["ed25519", "secp256k1"]) {
    let key!: Key;
    await t.step(`${curve}: a key among the two ends and the middle`, async () => {
      key = await nodes[0]!.ask<Key>(
        ["keygen", "--members", committee, "-t", "1", "--curve", curve, ...WAIT],
      );
      assert.deepEqual([...key.confirmed_by].sort(), [first, middle, last].sort());
    });
    const what = curve === "ed25519" ? ["--message-file", README] : ["--file", README];
    const sign = async (node: number, members: readonly string[]) => {
      const signature = await nodes[node]!.ask<Signature>(
        ["sign", "--key", key.key_id, "--members", members.join(","), ...what, ...WAIT],
        [README],
      );
      assert.deepEqual([...signature.committee].sort(), [...members].sort());
    };
    await t.step(`${curve}: signatures by the two ends, asked of either`, async () => {
      for (const node of [0, 9]) await sign(node, [first, last]);
    });
    await t.step(`${curve}: the middle hands its share on to a node that had none`, async () => {
      const next = [first, other, last].join(",");
      const result = await nodes[9]!.ask<Reshared>(
        ["reshare", "--key", key.key_id, "--members", next, "-t", "1", ...WAIT],
      );
      assert.deepEqual([result.public_key, result.generation], [key.public_key, 1]);
      assert.deepEqual(result.leaving, [middle]);
      assert.deepEqual([result.old_shares_kept, result.unconfirmed], [[], []]);
    });
    await t.step(`${curve}: signatures by the new member and either end`, async () => {
      await sign(6, [first, other]);
      await sign(9, [other, last]);
    });
  }
});
