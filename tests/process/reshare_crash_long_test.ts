import assert from "node:assert/strict";
import { ProcessFailure } from "../../cli/demo/processes.ts";
import { Cluster } from "./cluster.ts";
import { filesOf, type Key, keysOf, type Reshared, signs } from "./keys_kit.ts";

/** Rounds end soon after somebody died; a loaded test machine still gets through one. */
const env = (): Record<string, string> => ({ TRF_ROUND_TIMEOUT: "15s" });

async function edKey(cluster: Cluster, members: readonly number[]): Promise<Key> {
  const ids = members.map((i) => cluster.identities[i]).join(",");
  const args = ["keygen", "--curve", "ed25519", "--members", ids, "-t", "1"];
  return await cluster.nodes[members[0]!]!.ask<Key>(args);
}

function reshare(cluster: Cluster, by: number, key: Key, to: readonly number[]) {
  const ids = to.map((i) => cluster.identities[i]).join(",");
  const args = ["reshare", "--key", key.key_id, "--members", ids, "-t", "1", "--timeout", "60"];
  return cluster.nodes[by]!.ask<Reshared>(args).then(
    (result): Reshared | ProcessFailure => result,
    (error) => {
      if (error instanceof ProcessFailure) return error;
      throw error;
    },
  );
}

/**
 * Kills a node once a staged share of the key lies on the disk of one of `watched`, or when all is
 * over because this process slept through that moment.
 */
async function killWhenStaged(
  cluster: Cluster,
  victim: number,
  watched: readonly number[],
  key: Key,
  attempt: Promise<unknown>,
): Promise<void> {
  let over = false;
  void attempt.finally(() => over = true);
  const paths = watched.map((i) =>
    `${cluster.nodes[i]!.options.home}/${cluster.identities[i]}/tss/${key.key_id}.key.next`
  );
  for (;;) {
    for (const path of paths) {
      if (await Deno.stat(path).then(() => true, () => false)) {
        return void await cluster.nodes[victim]!.stop("SIGKILL");
      }
    }
    if (over) return void await cluster.nodes[victim]!.stop("SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Waits until no node of `at` has anything undecided, and returns what each has of the key. */
async function settled(cluster: Cluster, at: readonly number[], key: Key): Promise<string[]> {
  let found: string[] = [];
  await cluster.until("the resharing is settled everywhere", async () => {
    const states = at.map(async (i) => {
      const files = await filesOf(cluster, i, key.key_id);
      const { warnings } = await cluster.nodes[i]!.ask<{ warnings: string[] }>(["status"]);
      const open = files.some((f) => f.includes("next")) ||
        warnings.some((w) => w.includes("waits"));
      const [row] = await keysOf(cluster.nodes[i]!);
      return open ? "open" : row === undefined ? "none" : `${row.status} ${row.generation}`;
    });
    found = await Promise.all(states);
    return !found.includes("open");
  }, 300_000);
  return found;
}

Deno.test("a member killed before it deals: the resharing fails and the old committee signs", async () => {
  await using cluster = await Cluster.create({
    size: 4,
    env: (i) => ({ ...env(), ...(i === 3 ? { TRF_CONSENT: "manual" } : {}) }),
  });
  await cluster.start();
  const key = await edKey(cluster, [0, 1, 2]);
  const attempt = reshare(cluster, 0, key, [1, 2, 3]);
  await cluster.until("the newcomer waits for its operator", async () => {
    const { ceremonies } = await cluster.nodes[3]!.ask<{ ceremonies: { state: string }[] }>([
      "ceremonies",
    ]);
    return ceremonies.some((c) => c.state === "waiting");
  });
  await cluster.nodes[3]!.stop("SIGKILL");
  const failure = await attempt;
  assert(failure instanceof ProcessFailure);
  assert.match(failure.said, new RegExp(cluster.identities[3]!));
  assert.deepEqual(await settled(cluster, [0, 1, 2], key), Array(3).fill("active 0"));
  await signs(cluster.nodes[0]!, key, { message: Uint8Array.of(1) });

  // The same again with the newcomer left out: nothing is in the way.
  const result = await reshare(cluster, 0, key, [1, 2]);
  assert(!(result instanceof ProcessFailure), String(result));
  await signs(cluster.nodes[1]!, key, { message: Uint8Array.of(2) });
});

for (
  const [who, victim, watched] of [
    ["a new member killed as its share is staged", 3, [3]],
    ["a leaving member killed as the others stage theirs", 1, [0, 2, 3]],
    ["the requester killed as its share is staged", 0, [0]],
  ] as const
) {
  Deno.test(`${who}: all agree after its restart, and one whole committee signs`, async () => {
    await using cluster = await Cluster.create({ size: 4, env });
    await cluster.start();
    const { nodes } = cluster;
    const key = await edKey(cluster, [0, 1, 2]);
    const attempt = reshare(cluster, 0, key, [0, 2, 3]);
    await killWhenStaged(cluster, victim, watched, key, attempt);
    // Whatever the survivors come to, they must come to it while the victim is down or later.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await cluster.start([nodes[victim]!]);
    await attempt;
    const [a, leaving, b, joined] = await settled(cluster, [0, 1, 2, 3], key);
    if (a === "active 1") {
      assert.deepEqual([b, joined, leaving], ["active 1", "active 1", "reshared away 0"]);
      await signs(nodes[3]!, key, { message: Uint8Array.of(1) });
      // What is left of the old committee cannot sign: its shares are of different polynomials.
      const ids = [cluster.identities[1]!, cluster.identities[0]!];
      const old = await nodes[0]!.ask([
        "sign",
        "--key",
        key.key_id,
        "--digest",
        "11".repeat(32),
        "--members",
        ids.join(","),
      ]).then(() => null, (error: unknown) => error);
      assert(old instanceof ProcessFailure);
    } else {
      assert.deepEqual([a, leaving, b, joined], ["active 0", "active 0", "active 0", "none"]);
      await signs(nodes[1]!, key, { message: Uint8Array.of(1) });
    }
  });
}
