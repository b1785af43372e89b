/** Whole ECDSA runs of more shapes than the everyday tests take time for. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { generate, nodesOf, recordedKey, reshared, signsWith } from "./parties.ts";

for (const [n, t] of [[3, 1], [4, 2], [5, 2]] as const) {
  Deno.test(`keygen() makes a ${t + 1}-of-${n} key that subsets sign with`, async () => {
    const key = await generate(n, t);
    const nodes = [...key.shares.keys()];
    await signsWith(key, nodes.slice(0, t + 1));
    await signsWith(key, nodes.slice(-(t + 1)));
    await signsWith(key, nodes);
  });
}

Deno.test("ten resharings in a row keep the public key; committees grow, shrink, stay and part", async () => {
  let key = await generate(3, 1);
  const { publicKey } = [...key.shares.values()][0]!;
  const steps: [next: number[], threshold: number][] = [
    [[0, 1, 2], 1], // the same nodes
    [[1, 2, 3, 4], 2], // grows, higher threshold
    [[5, 6], 1], // disjoint, shrinks
    [[0, 5, 6], 2], // everybody must sign
    [[0, 1, 5], 1],
  ];
  for (const [generation, [next, threshold]] of [...steps, ...steps].entries()) {
    const old = [...key.shares.keys()].slice(0, key.threshold + 1);
    key = await reshared(
      key,
      old,
      nodesOf({ threshold: 0, shares: new Map() }, ...next),
      threshold,
    );
    assert.equal(key.shares.size, next.length);
    for (const [identity, share] of key.shares) {
      assert.ok(share.publicKey.equals(publicKey));
      // The form of the party keys toggles.
      assert.equal(share.shareId, BigInt("0x" + identity) ^ (generation % 2 === 0 ? 1n : 0n));
    }
    await signsWith(key, [...key.shares.keys()].slice(0, threshold + 1));
  }
});

Deno.test("random committees and thresholds reshare", async () => {
  const key = recordedKey("ecdsa-reshare-2of3-to-4.json", "newParties");
  const { publicKey } = [...key.shares.values()][0]!;
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.constantFrom(0, 1, 2, 3), { minLength: 3 }),
      fc.uniqueArray(fc.constantFrom(0, 1, 2, 3, 4, 5), { minLength: 2, maxLength: 4 }),
      fc.nat(),
      async (old, next, pick) => {
        const threshold = 1 + pick % (next.length - 1);
        const after = await reshared(key, nodesOf(key, ...old), nodesOf(key, ...next), threshold);
        for (const share of after.shares.values()) assert.ok(share.publicKey.equals(publicKey));
        await signsWith(after, [...after.shares.keys()].slice(-(threshold + 1)));
      },
    ),
    { numRuns: 10 },
  );
});
