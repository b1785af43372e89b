import assert from "node:assert/strict";
import { secp256k1 as noble } from "@noble/curves/secp256k1.js";
import { intToBytes } from "../../../lib/encoding/bytes.ts";
import { failureOf } from "../local_run.ts";
import { generate, recordedKey, reshared, signLocally, signsWith } from "./parties.ts";

// Larger ones are in run_long_test.ts; recorded keys below have other shapes.
for (const [n, t] of [[2, 1], [3, 2]] as const) {
  Deno.test(`keygen() makes a ${t + 1}-of-${n} key that signs`, async () => {
    const key = await generate(n, t);
    const shares = [...key.shares.values()];
    for (const share of shares) {
      assert.ok(share.publicKey.equals(shares[0]!.publicKey));
      assert.deepEqual(share.ks, shares[0]!.ks);
    }
    const nodes = [...key.shares.keys()];
    await signsWith(key, nodes);
    if (t > 1) {
      // One signer fewer than needed: refused before anything secret is used.
      const few = { ...key, threshold: t - 1 };
      const outcome = await signLocally(few, nodes.slice(0, t), new Uint8Array(32));
      assert.match(String(failureOf(outcome, 0)), /too few of them/);
      assert.equal(outcome.flights.length, 0);
    }
  });
}

const RECORDED = [
  ["ecdsa-keygen-3-1.json", "parties"],
  ["ecdsa-reshare-3to3.json", "newParties"],
  ["ecdsa-reshare-2of3-to-4.json", "newParties"],
] as const;

for (const [file, field] of RECORDED) {
  Deno.test(`sign() works with the shares the Go library made in ${file}`, async () => {
    const key = recordedKey(file, field);
    const nodes = [...key.shares.keys()];
    await signsWith(key, nodes.slice(0, key.threshold + 1));
    await signsWith(key, nodes.slice(-(key.threshold + 1)));
    await signsWith(key, nodes);
  });
}

for (const [file, field] of RECORDED.slice(0, 2)) {
  Deno.test(`reshare() works with the shares the Go library made in ${file}`, async () => {
    const key = recordedKey(file, field);
    const nodes = [...key.shares.keys()];
    const next = await reshared(key, nodes.slice(0, key.threshold + 1), nodes.slice(0, 2), 1);
    const [before, after] = [key, next].map((k) => [...k.shares.values()][0]!.publicKey);
    assert.ok(before!.equals(after!));
    await signsWith(next, nodes.slice(0, 2));
  });
}

Deno.test("the digest is used as it is", async () => {
  const key = recordedKey("ecdsa-keygen-3-1.json", "parties");
  const nodes = [...key.shares.keys()].slice(0, 2);
  // Zero is a message like any other.
  const zero = await signLocally(key, nodes, new Uint8Array(32));
  for (const result of zero.results) assert.equal(result.status, "fulfilled");
  const order = intToBytes(noble.Point.Fn.ORDER, 32);
  for (const bad of [order, new Uint8Array(32).fill(255), new Uint8Array(31), new Uint8Array(33)]) {
    const outcome = await signLocally(key, nodes, bad);
    const failure = failureOf(outcome, 0);
    assert.equal(failure.reason, "hashed message is not valid");
    assert.deepEqual([failure.round, failure.culprits, failure.task], [1, [], "ecdsa-signing"]);
    assert.equal(outcome.flights.length, 0);
  }
});
