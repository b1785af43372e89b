/**
 * Ed25519 committees in which one member tells others different things, breaks a rule, or keeps
 * what it owes from one of them: every honest member reaches the same verdict, and nothing comes
 * out of it (attack table C12, D1, E4, mesh-25, eddsa-3).
 */

import assert from "node:assert/strict";
import type { Ceremony } from "../../../lib/ceremony/ceremony.ts";
import type { CeremonySpec } from "../../../lib/ceremony/spec.ts";
import { toHex } from "../../../lib/encoding/bytes.ts";
import { identityToInt } from "../../../lib/crypto/identity.ts";
import { verifyTss } from "../../../lib/mesh/tss_command.ts";
import { type Cluster, failureOf, freshId } from "../../ceremony/cluster.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";
import { keygen, shifted, sign, toldOtherwise, verdicts, withCluster } from "./kit.ts";

const CURVE = "ed25519";

Deno.test("two commitments in an Ed25519 key generation convict their sender, no key is saved", () =>
  withCluster(4, async (cluster) => {
    cluster.tamper = toldOtherwise(1, 0, "KGRound1Message", () => ({ Commitment: 5n }));
    const ceremonies = cluster.start([0, 1, 2, 3], keygen(cluster, CURVE, 0, 1, 2, 3));
    const { blame, all } = await verdicts(ceremonies, [0, 2, 3]);
    assert.equal(blame.kind, "equivocating");
    assert.deepEqual(blame.culprits, cluster.ids(1));
    for (const { proof } of all) {
      const [a, b] = proof!.messages;
      assert.ok(verifyTss(a) && verifyTss(b));
      assert.equal(a.from, b.from);
      assert.notEqual(toHex(a.data), toHex(b.data));
    }
  }));

Deno.test("two openings in an Ed25519 key generation convict their sender", () =>
  withCluster(3, async (cluster) => {
    cluster.tamper = toldOtherwise(1, 0, "KGRound2Message2", shifted("DeCommitment"));
    const ceremonies = cluster.start([0, 1, 2], keygen(cluster, CURVE, 0, 1, 2));
    const { blame } = await verdicts(ceremonies, [0, 2]);
    assert.equal(blame.kind, "equivocating");
    assert.deepEqual(blame.culprits, cluster.ids(1));
  }));

Deno.test("honest members compare without noticing, also beside one that knows nothing of it", () =>
  withCluster(4, async (cluster) => {
    cluster.comparing = new Set([0, 1, 2]);
    const all = [0, 1, 2, 3];
    const made = await cluster.complete("keygen", all, keygen(cluster, CURVE, ...all));
    assert.equal(cluster.witnessed, 6);
    await cluster.complete("sign", [0, 2, 3], sign(cluster, CURVE, made, 0, 2, 3));
    assert.equal(cluster.witnessed, 8);
    // Between two there is nobody who could tell them different things.
    await cluster.complete("sign", [0, 1], sign(cluster, CURVE, made, 0, 1));
    assert.equal(cluster.witnessed, 8);
  }));

Deno.test("members that compare are found by who hears them, though only one knew of the other", () =>
  withCluster(3, async (cluster) => {
    cluster.announced = (by, of) => by < of;
    await cluster.complete("keygen", [0, 1, 2], keygen(cluster, CURVE, 0, 1, 2));
    assert.ok(cluster.witnessed >= 6);
  }));

Deno.test("two nonce commitments convict their signer before anybody releases its part", () =>
  withCluster(3, async (cluster) => {
    const made = await cluster.complete("keygen", [0, 1, 2], keygen(cluster, CURVE, 0, 1, 2));
    const released = new Set<number>();
    const bend = toldOtherwise(1, 0, "SignRound1Message", () => ({ Commitment: 5n }));
    cluster.tamper = (passing) => {
      if (passing.type === "SignRound3Message") released.add(passing.from);
      return bend(passing);
    };
    const ceremonies = cluster.start([0, 1, 2], sign(cluster, CURVE, made, 0, 1, 2));
    const { blame } = await verdicts(ceremonies, [0, 2]);
    assert.equal(blame.kind, "equivocating");
    assert.deepEqual(blame.culprits, cluster.ids(1));
    assert.deepEqual([...released].filter((i) => i !== 1), []);
  }));

Deno.test("a wrong partial signature to all is named by all", () =>
  withCluster(3, async (cluster) => {
    const made = await cluster.complete("keygen", [0, 1, 2], keygen(cluster, CURVE, 0, 1, 2));
    cluster.tamper = ({ from, type }) =>
      from === 1 && type === "SignRound3Message" ? [{ S: 5n }] : undefined;
    const ceremonies = cluster.start([0, 1, 2], sign(cluster, CURVE, made, 0, 1, 2));
    const { blame } = await verdicts(ceremonies, [0, 2]);
    assert.deepEqual([blame.kind, blame.culprits], ["invalid", cluster.ids(1)]);
    // Not "unless the broadcasts differ": they were compared.
    assert.equal(blame.reason, "partial signature verify failed");
  }));

Deno.test("a bad share to one member: it knows, the others say that they cannot", () =>
  withCluster(3, async (cluster) => {
    cluster.tamper = toldOtherwise(1, 0, "KGRound2Message1", shifted("Share"));
    const ceremonies = cluster.start([0, 1, 2], keygen(cluster, CURVE, 0, 1, 2));
    const victim = await verdicts(ceremonies, [0]);
    assert.deepEqual([victim.blame.kind, victim.blame.culprits], ["invalid", cluster.ids(1)]);
    // Nobody keeps a key that one member has no share of.
    const other = await verdicts(ceremonies, [2]);
    assert.deepEqual([other.blame.kind, other.blame.culprits], ["unknown", []]);
    assert.deepEqual(other.blame.suspects, cluster.ids(0, 1).sort());
  }));

Deno.test("a false accusation convicts nobody", () =>
  withCluster(4, async (cluster) => {
    // Member 1 says at once that member 2 cheated, and sends nothing more.
    cluster.tamper = ({ from, type }) =>
      from === 1 && type !== "KGRound1Message" ? null : undefined;
    const ceremonies = cluster.start([0, 1, 2, 3], keygen(cluster, CURVE, 0, 1, 2, 3));
    for (const to of [0, 2, 3]) {
      cluster.say(1, to, ceremonies[0]!.id, {
        part: "finding",
        kind: "invalid",
        round: 2,
        reason: "schnorr proof verify failed",
        culprits: cluster.ids(2),
      });
    }
    const { blame } = await verdicts(ceremonies, [0, 3]);
    assert.deepEqual([blame.kind, blame.culprits], ["unknown", []]);
    assert.deepEqual(blame.suspects, cluster.ids(1, 2).sort());
    assert.match(blame.reason, /could not tell/);
  }));

Deno.test("a message of another ceremony, shown as proof, proves nothing", () =>
  withCluster(3, async (cluster) => {
    const first = keygen(cluster, CURVE, 0, 1, 2);
    const kept: Uint8Array[][] = [];
    cluster.onCommand = (from, _, command) => {
      if (from === 2) kept.push([command.data, command.signature]);
    };
    await cluster.complete("keygen", [0, 1, 2], first);
    cluster.onCommand = () => {};
    const second = cluster.start([0, 1, 2], keygen(cluster, CURVE, 0, 1, 2));
    for (const [data, signature] of kept) {
      const messages = [
        {
          from: cluster.nodes[2]!.id,
          ceremonyType: 1,
          flags: 1,
          data: data!,
          signature: signature!,
        },
      ];
      cluster.say(1, 0, second[0]!.id, { part: "exhibit", messages });
    }
    for (const ceremony of second) assert.equal((await ceremony.result).state, "complete");
  }));

Deno.test("a slow member is late, one that is away offline; nobody calls either a cheat", async () => {
  for (const gone of [false, true]) {
    const clock = new VirtualClock();
    await withCluster(4, async (cluster) => {
      if (gone) cluster.gone = new Set([2]);
      cluster.tamper = ({ from, type }) =>
        from === 2 && type === "KGRound2Message2" ? null : undefined;
      cluster.tamperWitness = (from, to, c) => from === 2 || to === 2 ? null : c;
      const ceremonies = cluster.start([0, 1, 2, 3], keygen(cluster, CURVE, 0, 1, 2, 3));
      await untilWaiting(cluster, ceremonies, [0, 1, 3], 2);
      await pass(clock, ceremonies, [0, 1, 3]);
      const { blame, all } = await verdicts(ceremonies, [0, 1, 3]);
      assert.deepEqual([blame.kind, blame.culprits], [gone ? "offline" : "late", cluster.ids(2)]);
      for (const { code } of all) assert.equal(code, "TF-TIMEOUT");
    }, clock);
  }
});

Deno.test("a broadcast kept from one member reaches it through the others", async () => {
  const clock = new VirtualClock();
  await withCluster(3, async (cluster) => {
    cluster.tamper = ({ from, to, type }) =>
      from === 1 && to === 0 && type === "KGRound2Message2" ? null : undefined;
    const ceremonies = cluster.start([0, 1, 2], keygen(cluster, CURVE, 0, 1, 2));
    await untilWaiting(cluster, ceremonies, [0], 1);
    await pass(clock, ceremonies, [0, 1, 2]);
    for (const ceremony of ceremonies) assert.equal((await ceremony.result).state, "complete");
  }, clock);
});

Deno.test("a share kept from one member: nobody can tell who, and all say so", async () => {
  const clock = new VirtualClock();
  await withCluster(3, async (cluster) => {
    const made = await cluster.complete("keygen", [0, 1, 2], keygen(cluster, CURVE, 0, 1, 2));
    const spec = reshare(cluster, made);
    cluster.tamper = ({ from, to, type }) =>
      from === 1 && to === 0 && type === "DGRound3Message1" ? null : undefined;
    const ceremonies = cluster.start([0, 1, 2], spec);
    await untilWaiting(cluster, ceremonies, [0], 1);
    await untilWaiting(cluster, ceremonies, [2], 0);
    await pass(clock, ceremonies, [0, 2]);
    const { blame } = await verdicts(ceremonies, [0, 2]);
    assert.deepEqual([blame.kind, blame.culprits], ["unknown", []]);
    assert.deepEqual(blame.suspects, cluster.ids(0, 1).sort());
  }, clock);
});

Deno.test("two dealings in an Ed25519 resharing convict the dealer before anybody keeps a share", () =>
  withCluster(4, async (cluster) => {
    const made = await cluster.complete("keygen", [0, 1, 2], keygen(cluster, CURVE, 0, 1, 2));
    let kept = 0;
    cluster.tamper = toldOtherwise(1, 3, "DGRound1Message", shifted("VCommitment"));
    const ceremonies = cluster.start([0, 1, 2, 3], reshare(cluster, made, () => kept++));
    const { blame } = await verdicts(ceremonies, [0, 2, 3]);
    assert.deepEqual([blame.kind, blame.culprits], ["equivocating", cluster.ids(1)]);
    assert.equal(kept, 0);
  }));

function reshare(
  cluster: Cluster,
  made: readonly { keyId: Uint8Array; publicKey: Uint8Array; shareCiphertext: Uint8Array }[],
  onKeep: () => void = () => {},
) {
  const id = freshId();
  const places = [...cluster.nodes.keys()];
  return (i: number): CeremonySpec => ({
    kind: "reshare",
    curve: CURVE,
    id,
    keyId: made[0]!.keyId,
    publicKey: made[0]!.publicKey,
    oldCommittee: cluster.ids(0, 1),
    newCommittee: cluster.ids(...places),
    oldThreshold: 1,
    newThreshold: 1,
    newKeys: cluster.ids(...places).map((id) => identityToInt(id) ^ 1n),
    ...(i < 3 ? { share: made[i]!.shareCiphertext } : {}),
    onNewShare: () => {
      onKeep();
      return Promise.resolve();
    },
  });
}

/** Resolves when each of `places` waits for `awaited`, on a clock that stands still. */
async function untilWaiting(c: Cluster, ceremonies: Ceremony[], places: number[], awaited: number) {
  const [who] = c.ids(awaited);
  while (!places.every((i) => ceremonies[i]!.waitingFor.includes(who!))) {
    await turn();
  }
}

/** Lets the clock run until all of `places` are over, and everybody compute in between. */
async function pass(clock: VirtualClock, ceremonies: Ceremony[], places: number[]) {
  for (let i = 0; i < 400 && places.some((p) => ceremonies[p]!.state === "running"); i++) {
    await clock.advance(500);
    for (let j = 0; j < 50; j++) await turn();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

Deno.test("members whom a requester asked for different things hold nothing against each other", () =>
  withCluster(3, async (cluster) => {
    const request = keygen(cluster, CURVE, 0, 1, 2);
    const all = [0, 1, 2];
    const ceremonies = cluster.start(all, (i, node) => {
      const spec = request(i, node) as Extract<CeremonySpec, { kind: "keygen" }>;
      return { ...spec, threshold: i === 1 ? 2 : 1 };
    });
    for (const outcome of await Promise.all(ceremonies.map((c) => c.result))) {
      const { blame, culprits } = failureOf(outcome);
      assert.deepEqual([blame?.kind, culprits], ["unknown", []]);
      assert.deepEqual(blame?.suspects, cluster.ids(...all).sort());
    }
  }));

Deno.test("the member that asked everybody for the same knows who says otherwise", () =>
  withCluster(3, async (cluster) => {
    const request = keygen(cluster, CURVE, 0, 1, 2);
    const ceremonies = cluster.start([0, 1, 2], (i, node) => {
      const spec = request(i, node) as Extract<CeremonySpec, { kind: "keygen" }>;
      return { ...spec, asked: i === 0, threshold: i === 1 ? 2 : 1 };
    });
    const [first, , third] = await Promise.all(ceremonies.map((c) => c.result));
    assert.deepEqual(failureOf(first!).culprits, cluster.ids(1));
    assert.deepEqual(failureOf(third!).culprits, []);
  }));
