/** Members of a resharing that die or fall silent: one committee must always be able to sign. */

import assert from "node:assert/strict";
import { ed25519 as standard } from "@noble/curves/ed25519.js";
import { encodeEd25519 } from "../../../lib/crypto/curve.ts";
import { resharingMessages, resharingRound4 } from "../../../lib/tss/eddsa/messages.ts";
import type { EddsaShare } from "../../../lib/tss/eddsa/share.ts";
import { type Fall, runWithFall } from "../reshare_crash.ts";
import {
  committee,
  everyResult,
  resharingSeats,
  runKeygen,
  runResharing,
  runSigning,
} from "./support.ts";

// Party a leaves, b and c stay, d joins.
const oldParties = committee(["a", "b", "c"]);
const newParties = committee(["b", "c", "d"], 1);
const shares = everyResult(await runKeygen(oldParties, 1));
const run = { oldParties, newParties, oldThreshold: 1, newThreshold: 1, shares };
const seats = resharingSeats(run);
const message = new TextEncoder().encode("still here");

async function assertSigns(holders: readonly EddsaShare[]) {
  const ordered = holders.toSorted((a, b) => a.shareId < b.shareId ? -1 : 1);
  const [result] = everyResult(await runSigning(ordered, 1, message));
  const key = encodeEd25519(shares[0]!.publicKey);
  assert.ok(standard.verify(result!.signature, message, key, { zip215: false }));
}

const falls: Fall[] = resharingMessages.flatMap((spec) => {
  const last = spec === resharingRound4;
  return [...seats.keys()].filter((seat) => seats[seat]![spec.from as "old" | "new"] !== undefined)
    .flatMap((seat) =>
      (last ? [0, 1, 2, 3] : [0, 1]).flatMap((reach) =>
        (["dead", "silent"] as const).map((how) => ({ seat, type: spec.type, reach, how }))
      )
    );
});

Deno.test("reshare() with a member falling at any message leaves one committee able to sign", async () => {
  const ends = new Set<number>();
  for (const fall of falls) {
    const { kept, done } = await runWithFall<EddsaShare>(
      fall,
      seats,
      (tamper, keep) => runResharing({ ...run, onPendingShare: keep }, tamper),
    );
    ends.add(done.length);
    const what = JSON.stringify(fall);
    if (fall.type !== resharingRound4.type) assert.deepEqual(done, [], what);
    // Whoever is done has given up its old share: then the new ones must do, whoever is gone.
    if (done.length > 0) await assertSigns([...kept.values()].slice(0, 2));
  }
  // Some falls leave nobody done, some one or two: both sides of the line were seen.
  assert.ok(ends.has(0) && ends.has(1) && ends.size > 2, `${[...ends]}`);
  await assertSigns(shares.slice(0, 2));
  await assertSigns(shares.slice(1));
});
