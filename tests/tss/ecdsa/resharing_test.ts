import assert from "node:assert/strict";
import { systemRandom } from "../../../lib/arith/random.ts";
import { flattenPoints, secp256k1 } from "../../../lib/crypto/curve.ts";
import { commit } from "../../../lib/tss/commitment.ts";
import type { ResharingInput } from "../../../lib/tss/ecdsa/resharing.ts";
import type { EcdsaShare } from "../../../lib/tss/ecdsa/share.ts";
import { shareSecret } from "../../../lib/tss/vss.ts";
import { failureOf, Stalled, type Tamper } from "../local_run.ts";
import { type Fall, runWithFall } from "../reshare_crash.ts";
import { changeAt, plusOne } from "./change.ts";
import {
  type HeldKey,
  nodesOf,
  recordedKey,
  reshared,
  reshareLocally,
  reshareSetup,
  signLocally,
  signsWith,
} from "./parties.ts";

const key = recordedKey("ecdsa-keygen-3-1.json");
const nodes = (...numbers: number[]) => nodesOf(key, ...numbers);
const publicKeyOf = (held: HeldKey) => [...held.shares.values()][0]!.publicKey;

// More of these are in run_long_test.ts, with the Go library's shares in run_test.ts.
Deno.test("resharings in a row keep the public key; committees grow, shrink, stay and part", async () => {
  let held = key;
  const steps: [old: number[], next: number[], threshold: number][] = [
    [[0, 2], [1, 2, 3], 2], // grows in threshold; one node only leaves, one only joins
    [[1, 2, 3], [4, 5], 1], // disjoint, shrinks
    [[4, 5], [4, 5], 1], // the same nodes
  ];
  for (const [generation, [old, next, threshold]] of steps.entries()) {
    held = await reshared(held, nodes(...old), nodes(...next), threshold);
    assert.ok(publicKeyOf(held).equals(publicKeyOf(key)));
    assert.equal(held.shares.size, next.length);
    for (const [identity, share] of held.shares) {
      // The form of the party keys toggles.
      assert.equal(share.shareId, BigInt("0x" + identity) ^ (generation % 2 === 0 ? 1n : 0n));
    }
    await signsWith(held, nodes(...next.slice(0, threshold + 1)));
  }
});

Deno.test("shares of different generations do not sign together", async () => {
  const next = await reshared(key, nodes(0, 1), nodes(0, 1), 1);
  const two = { threshold: 1, shares: new Map(next.shares) };
  const again = await reshared(two, nodes(0, 1), nodes(0, 1), 1); // plain keys once more
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
  const holder = failureOf(outcome, setup.nodes.indexOf(nodes(0)[0]!));
  assert.deepEqual([holder.committee, holder.culprits, holder.round], ["old", [1], 4]);
  assert.equal(holder.reason, "V_0 is not the party's part of the old key");
  // A newcomer sees only that the parts do not give the key.
  const newcomer = failureOf(outcome, setup.nodes.indexOf(nodes(3)[0]!));
  assert.deepEqual([newcomer.culprits, newcomer.round], [[], 4]);
  assert.equal(newcomer.reason, "assertion failed: V_0 != y");
});

Deno.test("a member that dies or falls silent in any round leaves one committee able to sign", async () => {
  // Node 0 leaves, node 1 stays, node 2 joins.
  const setup = reshareSetup(key, nodes(0, 1), nodes(1, 2));
  const [LEAVER, STAYER, JOINER] = [0, 1, 2];
  const falls: [seat: number, type: string, reach: number, how: Fall["how"], done: number[]][] = [
    [LEAVER, "Round1Message", 1, "dead", []],
    [STAYER, "Round2Message2", 0, "dead", []],
    [JOINER, "Round2Message1", 0, "silent", []],
    [LEAVER, "Round3Message1", 1, "dead", []],
    [STAYER, "Round3Message2", 0, "silent", []],
    [JOINER, "Round4Message1", 0, "dead", []],
    [JOINER, "Round4Message1", 0, "silent", []], // whose acknowledgement is heard all the same
    [STAYER, "Round4Message2", 0, "dead", []],
    // The last word reaches the one that leaves, who is done, but not the one that stays.
    [JOINER, "Round4Message2", 1, "dead", [LEAVER]],
  ];
  for (const [seat, type, reach, how, done] of falls) {
    const remains = await runWithFall<EcdsaShare>(
      { seat, type, reach, how },
      setup.seats,
      (tamper, keep) =>
        reshareLocally(key, setup, 1, tamper, (seat) => ({
          onPendingShare: (share) => keep(seat, share),
        })),
    );
    assert.deepEqual(remains.done, done, type);
    if (done.length === 0) continue; // nobody gave up an old share
    const shares = new Map([...remains.kept].map(([seat, s]) => [setup.nodes[seat]!, s]));
    await signsWith({ threshold: 1, shares }, nodes(1, 2));
  }
  await signsWith(key, nodes(0, 1)); // the old shares are as they were
});

/** Reshares from nodes 0 and 1 to 0, 1 and 2, and tells who did what when. */
async function chronicle(bend: Tamper = (f) => f.content) {
  const setup = reshareSetup(key, nodes(0, 1), nodes(0, 1, 2));
  const events: string[] = [];
  const outcome = await reshareLocally(
    key,
    setup,
    1,
    (f) => {
      if (f.type.endsWith("DGRound4Message2")) events.push(`seat ${f.fromSeat} acknowledges`);
      if (f.type.endsWith("DGRound4Message1")) events.push(`seat ${f.toSeat} hears a proof`);
      return bend(f);
    },
    (seat) => ({
      onPendingShare: async (share) => {
        assert.ok(share.publicKey.equals(publicKeyOf(key)));
        await Promise.resolve();
        events.push(`seat ${seat} keeps`);
      },
      onNewShare: async () => {
        await Promise.resolve();
        events.push(`seat ${seat} has it`);
      },
    }),
  );
  return { outcome, events };
}

Deno.test("a new share is kept after all proofs, acknowledged after that, final after all of that", async () => {
  const { outcome, events } = await chronicle();
  assert.ok(outcome.results.every((r) => r.status === "fulfilled"));
  for (const seat of [0, 1, 2]) {
    const kept = events.indexOf(`seat ${seat} keeps`);
    assert.ok(events.lastIndexOf(`seat ${seat} hears a proof`) < kept);
    assert.ok(kept < events.indexOf(`seat ${seat} acknowledges`));
    const final = events.indexOf(`seat ${seat} has it`);
    for (const other of [0, 1, 2]) {
      if (other !== seat) assert.ok(events.indexOf(`seat ${other} acknowledges`) < final);
    }
  }
});

Deno.test("a bad factor proof names its sender, is not acknowledged, and lets nobody finish", async () => {
  const { outcome, events } = await chronicle((f) =>
    f.type.endsWith("DGRound4Message1") && f.index === 2 && f.toSeat === 0
      ? changeAt(f.content, ["FacProof", "Z1"], plusOne)
      : f.content
  );
  const failure = failureOf(outcome, 0);
  assert.deepEqual([failure.committee, failure.culprits, failure.round], ["new", [2], 5]);
  assert.ok(!events.includes("seat 0 keeps") && !events.includes("seat 0 acknowledges"));
  for (const seat of [1, 2]) {
    // Their own view is clean: they keep their new shares, and their old ones too.
    assert.ok(events.includes(`seat ${seat} keeps`) && !events.includes(`seat ${seat} has it`));
    const result = outcome.results[seat]!;
    assert.ok(result.status === "rejected" && result.reason instanceof Stalled);
  }
});

Deno.test("a share that cannot be kept is not acknowledged, and nobody finishes", async () => {
  const setup = reshareSetup(key, nodes(0, 1), nodes(1, 2));
  const outcome = await reshareLocally(key, setup, 1, undefined, (seat) => ({
    onPendingShare: () => seat === 2 ? Promise.reject(new Error("disk full")) : Promise.resolve(),
  }));
  const failed = outcome.results[2]!;
  assert.ok(failed.status === "rejected" && /disk full/.test(String(failed.reason)));
  for (const seat of [0, 1]) {
    const result = outcome.results[seat]!;
    assert.ok(result.status === "rejected" && result.reason instanceof Stalled);
  }
  const acks = outcome.flights.filter((f) => f.type.endsWith("DGRound4Message2"));
  assert.ok(acks.every((f) => f.fromSeat === 1));
});

Deno.test("a wrong key id is refused, naming who stated the key", async () => {
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
