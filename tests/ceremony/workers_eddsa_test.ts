import assert from "node:assert/strict";
import type { KeygenResult } from "../../lib/ceremony/verdict.ts";
import type { CeremonySpec, NewShare } from "../../lib/ceremony/spec.ts";
import { loadWorkers } from "../../lib/ceremony/worker_host.ts";
import { toHex, utf8 } from "../../lib/encoding/bytes.ts";
import { identityToInt } from "../../lib/crypto/identity.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { Cluster, failureOf, freshId } from "./cluster.ts";

const workers = await loadWorkers();

function keygen(cluster: Cluster, id = freshId()) {
  return (): CeremonySpec => ({
    kind: "keygen",
    curve: "ed25519",
    id,
    committee: cluster.ids(0, 1, 2),
    threshold: 1,
  });
}

function sign(
  cluster: Cluster,
  shares: { keyId: Uint8Array; publicKey: Uint8Array; shareCiphertext: Uint8Array }[],
  positions: number[],
  message: Uint8Array,
) {
  const id = freshId();
  return (i: number): CeremonySpec => ({
    kind: "sign",
    curve: "ed25519",
    id,
    keyId: shares[i]!.keyId,
    committee: cluster.ids(...positions),
    threshold: 1,
    message,
    publicKey: shares[i]!.publicKey,
    share: shares[i]!.shareCiphertext,
  });
}

async function webCryptoVerify(key: Uint8Array, message: Uint8Array, signature: Uint8Array) {
  const imported = await crypto.subtle.importKey("raw", key.slice(), "Ed25519", false, ["verify"]);
  return await crypto.subtle.verify("Ed25519", imported, signature.slice(), message.slice());
}

Deno.test("permissionless workers make an Ed25519 key, sign with it, and hand it on", async () => {
  const cluster = new Cluster(4, workers);
  try {
    const keys = await cluster.complete("keygen", [0, 1, 2], keygen(cluster));
    assert.equal(new Set(keys.map((k) => toHex(k.publicKey))).size, 1);
    for (const [pair, message] of [[[0, 1], "hello"], [[1, 2], ""], [[0, 2], "\0\0x"]] as const) {
      const bytes = utf8(message);
      const spec = sign(cluster, keys, [...pair], bytes);
      for (const result of await cluster.complete("sign", [...pair], spec)) {
        assert.ok(result.curve === "ed25519");
        assert.ok(await webCryptoVerify(keys[0]!.publicKey, bytes, result.signature));
      }
    }
    await reshareTwice(cluster, keys);
  } finally {
    cluster.stop();
  }
});

/** Node 0 leaves, node 3 joins; then node 0 returns: the party keys flip twice. */
async function reshareTwice(cluster: Cluster, keys: KeygenResult[]): Promise<void> {
  const { keyId, publicKey } = keys[0]!;
  const shares = new Map<number, NewShare>(keys.map((k, i) => [i, k]));
  const plain = (i: number) => identityToInt(cluster.nodes[i]!.id);
  const hops = [
    { old: [0, 1], fresh: [1, 2, 3], keyOf: (i: number) => plain(i) ^ 1n },
    { old: [2, 3], fresh: [0, 1, 3], keyOf: plain },
  ];
  for (const { old, fresh, keyOf } of hops) {
    const id = freshId();
    const stored = new Map<number, NewShare>();
    const everybody = [...new Set([...old, ...fresh])];
    const results = await cluster.complete("reshare", everybody, (i) => ({
      kind: "reshare",
      curve: "ed25519",
      id,
      keyId,
      oldCommittee: cluster.ids(...old),
      newCommittee: cluster.ids(...fresh),
      oldThreshold: 1,
      newThreshold: 1,
      newKeys: fresh.map(keyOf),
      publicKey,
      ...(old.includes(i) ? { share: shares.get(i)!.shareCiphertext } : {}),
      onNewShare: (share) => Promise.resolve(void stored.set(i, share)),
    }));
    assert.deepEqual([...stored.keys()].sort(), fresh);
    everybody.forEach((i, at) => {
      const result = results[at]!;
      if (!fresh.includes(i)) return assert.equal(result.shareCiphertext, null);
      assert.deepEqual(result.shareCiphertext, stored.get(i)!.shareCiphertext);
      shares.set(i, { ...stored.get(i)! });
    });
    const message = utf8("after");
    const byPosition = [0, 1, 2, 3].map((i) => shares.get(i) ?? keys[0]!);
    const pair = [fresh[0]!, fresh[2]!];
    const [result] = await cluster.complete("sign", pair, sign(cluster, byPosition, pair, message));
    assert.ok(result!.curve === "ed25519");
    assert.ok(await webCryptoVerify(publicKey, message, result!.signature));
  }
}

Deno.test("a tampered Ed25519 share names its sender at the receiver", async () => {
  const cluster = new Cluster(3, workers);
  cluster.tamper = ({ from, to, type, content }) => {
    if (from !== 2 || to !== 0 || type !== "KGRound2Message1") return undefined;
    return [new Map([...content, ["Share", (content.get("Share") as bigint) - 1n]])];
  };
  try {
    const [victim] = cluster.start([0, 1, 2], keygen(cluster));
    const outcome = failureOf(await victim!.result);
    assert.equal(outcome.code, "TF-PROTOCOL");
    assert.deepEqual(outcome.culprits, cluster.ids(2));
    assert.match(outcome.reason, /share/);
  } finally {
    cluster.stop();
  }
});

Deno.test("a malformed message names its sender, an unexpected field harms nobody", async () => {
  const cluster = new Cluster(3, workers);
  cluster.tamper = ({ from, to, type, content }) => {
    if (type !== "KGRound1Message") return undefined;
    return from === 1 && to === 0 ? [{}] : [new Map([...content, ["Extra", 1n]])];
  };
  try {
    const [victim] = cluster.start([0, 1, 2], keygen(cluster));
    const outcome = failureOf(await victim!.result);
    assert.deepEqual([outcome.round, outcome.culprits], [1, cluster.ids(1)]);
    assert.match(outcome.reason, /malformed KGRound1Message: .*Commitment/);
  } finally {
    cluster.stop();
  }
});

Deno.test("repeated messages are nothing, contradicting broadcasts convict their sender", async () => {
  const cluster = new Cluster(3, workers);
  cluster.tamper = ({ from, type, content }) => {
    if (type !== "KGRound1Message") return undefined;
    return from === 1 ? [content, { Commitment: 5n }] : [content, content];
  };
  try {
    const ceremonies = cluster.start([0, 1, 2], keygen(cluster));
    for (const i of [0, 2]) {
      const failure = failureOf(await ceremonies[i]!.result);
      assert.equal(failure.blame?.kind, "equivocating");
      assert.deepEqual(failure.culprits, cluster.ids(1));
      assert.equal(failure.proof?.messages.length, 2);
      const lines = cluster.nodes[i]!.log.lines.filter((l) => l.message.includes("two different"));
      assert.deepEqual(lines.map((l) => l.fields.member), cluster.ids(1));
    }
  } finally {
    cluster.stop();
  }
});

Deno.test("a silent member is named when the round's time is over", async () => {
  const clock = new VirtualClock();
  const cluster = new Cluster(3, workers, clock, { roundTimeoutMs: 5_000 });
  cluster.tamper = ({ from, type }) => from === 2 && type === "KGRound2Message2" ? null : undefined;
  try {
    const ceremonies = cluster.start([0, 1, 2], keygen(cluster)).slice(0, 2);
    // Virtual time moves only once both wait for nobody but the silent one.
    await Promise.all(ceremonies.map((c) =>
      new Promise<void>((resolve) =>
        c.onChange(() => {
          if (c.round === 2 && c.waitingFor.length === 1 && c.waitingFor[0] === cluster.ids(2)[0]) {
            resolve();
          }
        })
      )
    ));
    await clock.advance(5_000);
    for (const ceremony of ceremonies) {
      const outcome = failureOf(await ceremony.result);
      assert.equal(outcome.code, "TF-TIMEOUT");
      assert.deepEqual(outcome.culprits, cluster.ids(2));
      assert.match(outcome.reason, /timed out in round 2 waiting for .*KGRound2Message2/);
    }
  } finally {
    cluster.stop();
  }
});

Deno.test("a member that starts late still finds the others' messages", async () => {
  const cluster = new Cluster(3, workers);
  try {
    const spec = keygen(cluster);
    const early = cluster.start([0, 1], spec);
    const heard = Promise.withResolvers<void>();
    // Both are in round 1, so what they sent to node 2 is on its way or already there.
    early[1]!.onChange((c) => {
      if (c.waitingFor.length === 1) heard.resolve();
    });
    await heard.promise;
    const late = cluster.start([2], spec);
    for (const c of [...early, ...late]) assert.equal((await c.result).state, "complete");
  } finally {
    cluster.stop();
  }
});

Deno.test("a damaged, a swapped and a foreign share file are told apart from a member's fault", async () => {
  const cluster = new Cluster(3, workers);
  try {
    const keys = await cluster.complete("keygen", [0, 1, 2], keygen(cluster));
    const damaged = keys[0]!.shareCiphertext.slice();
    damaged[50]! ^= 1;
    for (const share of [damaged, keys[1]!.shareCiphertext, new Uint8Array(3)]) {
      const spec = sign(cluster, [{ ...keys[0]!, shareCiphertext: share }], [0, 1], utf8("m"))(0);
      const outcome = failureOf(await cluster.nodes[0]!.engine.start(spec).result);
      assert.equal(outcome.code, "TF-SHARE");
      assert.deepEqual(outcome.culprits, []);
    }
  } finally {
    cluster.stop();
  }
});

Deno.test("a share that cannot be stored fails the resharing before anybody is told", async () => {
  const cluster = new Cluster(3, workers);
  try {
    const keys = await cluster.complete("keygen", [0, 1, 2], keygen(cluster));
    const id = freshId();
    const confirmed: number[] = [];
    cluster.tamper = ({ from, type }) => {
      if (type === "DGRound4Message") confirmed.push(from);
      return undefined;
    };
    const [broken] = cluster.start([0, 1, 2], (i) => ({
      kind: "reshare",
      curve: "ed25519",
      id,
      keyId: keys[0]!.keyId,
      oldCommittee: cluster.ids(0, 1, 2),
      newCommittee: cluster.ids(0, 1, 2),
      oldThreshold: 1,
      newThreshold: 1,
      publicKey: keys[0]!.publicKey,
      share: keys[i]!.shareCiphertext,
      onNewShare: () => i === 0 ? Promise.reject(new Error("disk full")) : Promise.resolve(),
    }));
    assert.equal(failureOf(await broken!.result).code, "TF-STORE");
    assert.ok(!confirmed.includes(0));
  } finally {
    cluster.stop();
  }
});
