import assert from "node:assert/strict";
import fc from "fast-check";
import { systemRandom } from "../../../lib/arith/random.ts";
import { secp256k1 } from "../../../lib/crypto/curve.ts";
import { commit } from "../../../lib/tss/commitment.ts";
import { flattenPoints } from "../../../lib/crypto/curve.ts";
import type { ResharingInput } from "../../../lib/tss/ecdsa/resharing.ts";
import { shareSecret } from "../../../lib/tss/vss.ts";
import { failureOf, Stalled, type Tamper } from "../local_run.ts";
import { changeAt, plusOne } from "./change.ts";
import {
  generate,
  type HeldKey,
  identityOf,
  reshared,
  reshareLocally,
  reshareSetup,
  signLocally,
} from "./parties.ts";

const nodes = (...numbers: number[]) => numbers.map(identityOf);
const publicKeyOf = (key: HeldKey) => [...key.shares.values()][0]!.publicKey;

async function signs(key: HeldKey, identities = [...key.shares.keys()]) {
  const { results } = await signLocally(
    key,
    identities.slice(0, key.threshold + 1),
    new Uint8Array(32),
  );
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

const start = generate(3, 1);

Deno.test("five resharings in a row keep the public key; committees grow, shrink, stay and part", async () => {
  let key = await start;
  const before = publicKeyOf(key);
  const steps: [old: number[], next: number[], threshold: number][] = [
    [[0, 1, 2], [0, 1, 2], 1], // the same nodes
    [[0, 2], [1, 2, 3, 4], 2], // grows, higher threshold, one node only leaves, one only stays
    [[1, 2, 3], [5, 6], 1], // disjoint, shrinks
    [[5, 6], [0, 5, 6], 2], // everybody must sign
    [[0, 5, 6], [0, 1, 5], 1],
  ];
  for (const [generation, [old, next, threshold]] of steps.entries()) {
    key = await reshared(key, nodes(...old), nodes(...next), threshold);
    assert.ok(publicKeyOf(key).equals(before));
    assert.equal(key.shares.size, next.length);
    for (const [identity, share] of key.shares) {
      // The form of the party keys toggles.
      assert.equal(share.shareId, BigInt("0x" + identity) ^ (generation % 2 === 0 ? 1n : 0n));
    }
    await signs(key);
  }
});

Deno.test("random committees and thresholds reshare", async () => {
  const key = await start;
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.constantFrom(0, 1, 2), { minLength: 2 }),
      fc.uniqueArray(fc.constantFrom(0, 1, 2, 3, 4), { minLength: 2, maxLength: 3 }),
      fc.nat(),
      async (old, next, pick) => {
        const threshold = 1 + pick % (next.length - 1);
        const after = await reshared(key, nodes(...old), nodes(...next), threshold);
        assert.ok(publicKeyOf(after).equals(publicKeyOf(key)));
        await signs(after);
      },
    ),
    { numRuns: 4 },
  );
});

Deno.test("shares of different generations do not sign together", async () => {
  const key = await start;
  const next = await reshared(key, nodes(0, 1), nodes(0, 1, 2), 1);
  const again = await reshared(next, nodes(0, 1), nodes(0, 1, 2), 1); // plain keys once more
  const mixed = {
    threshold: 1,
    shares: new Map(
      [...key.shares].map(([id, share], i) => [id, i === 0 ? again.shares.get(id)! : share]),
    ),
  };
  const outcome = await signLocally(mixed, nodes(0, 1), new Uint8Array(32));
  assert.ok(outcome.results.every((r) => r.status === "rejected"));
});

Deno.test("an old party that shares something else is named by holders of the old key", async () => {
  const key = await start;
  const setup = reshareSetup(key, nodes(0, 1), nodes(0, 3, 4));
  // Old party 1 deals a valid sharing of a number of its own.
  const newKeys = setup.newParties.map((p) => p.key);
  const dealt = shareSecret(secp256k1, 1, 12345n, newKeys, systemRandom);
  const commitment = commit(flattenPoints(dealt.commitments), systemRandom);
  const lie: Tamper = ({ from, index, type, content, toSeat }) => {
    if (from !== "old" || index !== 1) return content;
    const to = setup.seats[toSeat]!.new!;
    if (type.endsWith("DGRound1Message")) {
      return changeAt(content, ["VCommitment"], () => commitment.C);
    }
    if (type.endsWith("DGRound3Message2")) {
      return changeAt(content, ["VDeCommitment"], () => commitment.D);
    }
    if (type.endsWith("DGRound3Message1")) {
      return changeAt(content, ["Share"], () => dealt.shares[to]!);
    }
    return content;
  };
  const outcome = await reshareLocally(key, setup, 1, lie);
  const holder = failureOf(outcome, setup.nodes.indexOf(identityOf(0)));
  assert.deepEqual([holder.committee, holder.culprits, holder.round], ["old", [1], 4]);
  assert.equal(holder.reason, "V_0 is not the party's part of the old key");
  // A newcomer sees only that the parts do not give the key.
  const newcomer = failureOf(outcome, setup.nodes.indexOf(identityOf(3)));
  assert.deepEqual([newcomer.culprits, newcomer.round], [[], 4]);
  assert.equal(newcomer.reason, "assertion failed: V_0 != y");
});

Deno.test("a bad factor proof to one new party names its sender there", async () => {
  const key = await start;
  const setup = reshareSetup(key, nodes(0, 1), nodes(0, 1, 2));
  const outcome = await reshareLocally(
    key,
    setup,
    1,
    (f) =>
      f.type.endsWith("DGRound4Message1") && f.index === 2 && f.toSeat === 0
        ? changeAt(f.content, ["FacProof", "Z2"], plusOne)
        : f.content,
  );
  const failure = failureOf(outcome, 0);
  assert.deepEqual([failure.committee, failure.culprits, failure.round], ["new", [2], 5]);
  assert.equal(outcome.results[1]!.status, "fulfilled");
});

Deno.test("a member that falls silent in any round leaves the old key able to sign", async () => {
  const key = await start;
  const setup = reshareSetup(key, nodes(0, 1, 2), nodes(0, 1, 2));
  const types = [
    "Round1Message",
    "Round2Message2",
    "Round2Message1",
    "Round3Message1",
    "Round3Message2",
  ];
  for (const silent of types) {
    const outcome = await reshareLocally(
      key,
      setup,
      1,
      (f) => f.type.endsWith(silent) && f.index === 2 && f.fromSeat !== f.toSeat ? null : f.content,
    );
    for (const result of outcome.results) {
      assert.equal(result.status, "rejected");
      assert.ok((result as PromiseRejectedResult).reason instanceof Stalled, silent);
    }
  }
  await signs(key);
});

Deno.test("a new share is kept before it is acknowledged, and final only after all checks", async () => {
  const key = await start;
  const setup = reshareSetup(key, nodes(0, 1), nodes(0, 1, 2));
  const events: string[] = [];
  const outcome = await reshareLocally(
    key,
    setup,
    1,
    (f) => {
      if (f.type.endsWith("DGRound4Message2")) events.push(`seat ${f.fromSeat} acknowledges`);
      return f.type.endsWith("DGRound4Message1") && f.index === 2 && f.toSeat === 0
        ? changeAt(f.content, ["FacProof", "Z1"], plusOne)
        : f.content;
    },
    (seat) => ({
      onPendingShare: (share) => {
        events.push(`seat ${seat} keeps`);
        assert.ok(share.publicKey.equals(publicKeyOf(key)));
        return Promise.resolve();
      },
      onNewShare: () => {
        events.push(`seat ${seat} has it`);
        return Promise.resolve();
      },
    }),
  );
  for (const seat of [0, 1, 2]) {
    const kept = events.indexOf(`seat ${seat} keeps`);
    assert.ok(kept !== -1 && kept < events.indexOf(`seat ${seat} acknowledges`));
  }
  assert.ok(!events.includes("seat 0 has it")); // it saw a bad proof
  assert.ok(events.includes("seat 1 has it"));
  assert.equal(outcome.results[0]!.status, "rejected");
});

Deno.test("a wrong key id is refused, naming who stated the key", async () => {
  const key = await start;
  const setup = reshareSetup(key, nodes(0, 1), nodes(3, 4));
  const outcome = await reshareLocally(
    key,
    setup,
    1,
    undefined,
    () => ({ expectedKeyId: new Uint8Array(16) }),
  );
  for (const seat of [2, 3]) {
    const failure = failureOf(outcome, seat);
    assert.deepEqual([failure.committee, failure.culprits, failure.round], ["old", [0, 1], 2]);
  }
});

Deno.test("bad inputs of our own end a resharing before anything is sent", async () => {
  const key = await start;
  const setup = reshareSetup(key, nodes(0, 1), nodes(0, 1, 2));
  const { oldParties, newParties } = setup;
  const wrong: Partial<ResharingInput>[] = [
    { oldThreshold: 2 },
    { newThreshold: 0 },
    { newThreshold: 3 },
    { oldParties: [...oldParties].reverse() },
    { newParties: [...newParties].reverse() },
    { newParties: oldParties, newThreshold: 1 }, // the same keys in both committees
    { oldParties: [oldParties[0]!], oldThreshold: 0 }, // too few for the key
    { oldIndex: null, newIndex: null },
    { oldIndex: 1 - 2 },
    { newIndex: 3 },
    { share: null },
    { preParams: null },
  ];
  for (const change of wrong) {
    const outcome = await reshareLocally(key, setup, 1, undefined, () => change);
    const failure = failureOf(outcome, 0);
    assert.deepEqual([failure.round, failure.culprits], [1, []], failure.message);
    assert.equal(outcome.flights.length, 0);
  }
});
