import assert from "node:assert/strict";
import { ed25519 as standard } from "@noble/curves/ed25519.js";
import fc from "fast-check";
import { ed25519, encodeEd25519 } from "../../../lib/crypto/curve.ts";
import type { EddsaShare } from "../../../lib/tss/eddsa/share.ts";
import { reconstruct } from "../../../lib/tss/vss.ts";
import {
  committee,
  everyResult,
  newShares,
  runKeygen,
  runResharing,
  runSigning,
} from "./support.ts";

const names = ["a", "b", "c", "d", "e", "f", "g"];

/** A committee, its threshold, and a selection of at least threshold + 1 of its positions. */
const committees = fc.integer({ min: 2, max: 5 }).chain((n) =>
  fc.integer({ min: 1, max: n - 1 }).chain((threshold) =>
    fc.record({
      names: fc.subarray(names, { minLength: n, maxLength: n }),
      threshold: fc.constant(threshold),
      acting: fc.subarray([...Array(n).keys()], { minLength: threshold + 1 }),
    })
  )
);

const runs = fc.record({
  seed: fc.string({ minLength: 1, maxLength: 8 }),
  old: committees,
  fresh: committees,
  message: fc.uint8Array({ maxLength: 70 }),
});

function holdsKey(
  shares: readonly EddsaShare[],
  threshold: number,
  publicKey: typeof ed25519.base,
) {
  const points = shares.map((s) => ({ id: s.shareId, share: s.xi }));
  return ed25519.base.multiply(reconstruct(ed25519, threshold, points)).equals(publicKey);
}

Deno.test("any committee makes a key, any quorum signs and hands it to any committee", async () => {
  await fc.assert(
    fc.asyncProperty(runs, async ({ seed, old, fresh, message }) => {
      const oldParties = committee(old.names);
      const shares = everyResult(
        await runKeygen(oldParties, old.threshold, undefined, seed),
      );
      const { publicKey } = shares[0]!;
      const encoded = encodeEd25519(publicKey);
      const acting = old.acting.map((i) => shares[i]!);
      assert.ok(holdsKey(acting, old.threshold, publicKey));
      const [before] = everyResult(
        await runSigning(acting, old.threshold, message, undefined, seed),
      );
      assert.ok(standard.verify(before!.signature, message, encoded, { zip215: false }));

      const given = newShares(
        await runResharing(
          {
            oldParties: old.acting.map((i) => oldParties[i]!),
            newParties: committee(fresh.names, 1),
            oldThreshold: old.threshold,
            newThreshold: fresh.threshold,
            shares: acting,
          },
          undefined,
          seed,
        ),
      );
      assert.equal(given.length, fresh.names.length);
      const signers = fresh.acting.map((i) => given[i]!);
      assert.ok(signers.every((s) => s.publicKey.equals(publicKey)));
      assert.ok(holdsKey(signers, fresh.threshold, publicKey));
      const [after] = everyResult(
        await runSigning(signers, fresh.threshold, message, undefined, seed),
      );
      assert.ok(standard.verify(after!.signature, message, encoded, { zip215: false }));
    }),
    { numRuns: 25 },
  );
});

Deno.test("no threshold of shares, one too few, reaches the key", async () => {
  await fc.assert(
    fc.asyncProperty(committees, fc.string({ maxLength: 8 }), async (shape, seed) => {
      const parties = committee(shape.names);
      const shares = everyResult(await runKeygen(parties, shape.threshold, undefined, seed));
      const few = shares.slice(0, shape.threshold);
      assert.ok(!holdsKey(few, few.length - 1, shares[0]!.publicKey));
    }),
    { numRuns: 10 },
  );
});
