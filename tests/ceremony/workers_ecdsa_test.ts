import assert from "node:assert/strict";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { systemRandom } from "../../lib/arith/random.ts";
import type { FromWorker, ToWorker } from "../../lib/ceremony/protocol.ts";
import type { CeremonySpec } from "../../lib/ceremony/spec.ts";
import type { KeygenResult } from "../../lib/ceremony/verdict.ts";
import { loadWorkers, type WorkerFactory } from "../../lib/ceremony/worker_host.ts";
import { concat, toHex } from "../../lib/encoding/bytes.ts";
import type { Json } from "../../lib/encoding/json.ts";
import { presignStoreId } from "../../lib/keystore/presign_stock.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { Cluster, failureOf, fixturePreParams, freshId, type Node } from "./cluster.ts";

const workers = await loadWorkers();

function keygen(cluster: Cluster) {
  const id = freshId();
  return (i: number, node: Node): CeremonySpec => ({
    kind: "keygen",
    curve: "secp256k1",
    id,
    committee: cluster.ids(0, 1, 2),
    threshold: 1,
    preParams: fixturePreParams(i, node.storeKey),
  });
}

function sign(cluster: Cluster, keys: KeygenResult[], positions: number[], message: Uint8Array) {
  const id = freshId();
  return (i: number): CeremonySpec => ({
    kind: "sign",
    curve: "secp256k1",
    id,
    keyId: keys[i]!.keyId,
    committee: cluster.ids(...positions),
    threshold: 1,
    message,
    publicKey: keys[i]!.publicKey,
    share: keys[i]!.shareCiphertext,
  });
}

/** Records all that crosses between a worker and the network thread. */
function recording(log: (ToWorker | FromWorker)[]): WorkerFactory {
  return (events) => {
    const worker = workers({
      ...events,
      onMessage: (message) => {
        log.push(message);
        events.onMessage(message);
      },
    });
    return {
      ...worker,
      post: (message, transfer) => {
        if (message.do !== "run") log.push(message);
        worker.post(message, transfer);
      },
    };
  };
}

/** Every secret integer of a share, as the decimal text it would have in any message. */
function secretsOf(share: Map<string, Json>): [name: string, digits: string][] {
  const paillier = share.get("PaillierSK") as Map<string, Json>;
  return [
    ...["Xi", "Alpha", "Beta", "P", "Q"].map((n) => [n, String(share.get(n))] as const),
    ...["LambdaN", "PhiN", "P", "Q"].map((n) =>
      [`Paillier ${n}`, String(paillier.get(n))] as const
    ),
  ].map(([name, digits]) => [name, digits]);
}

/** All text and bytes in a message, bytes as text. */
function textOf(value: unknown): string {
  if (value instanceof Uint8Array) {
    return [...value].map((b) => String.fromCharCode(b)).join("");
  }
  if (Array.isArray(value)) return value.map(textOf).join("\n");
  if (value !== null && typeof value === "object") {
    return Object.values(value).map(textOf).join("\n");
  }
  return String(value);
}

const crossed: (ToWorker | FromWorker)[] = [];
let made: Promise<KeygenResult[]> | undefined;

/** A key made once, by nodes 0 to 2 of a cluster; every cluster has the same nodes. */
function sharedKey(): Promise<KeygenResult[]> {
  made ??= (async () => {
    const cluster = new Cluster(3, recording(crossed));
    try {
      return await cluster.complete("keygen", [0, 1, 2], keygen(cluster));
    } finally {
      cluster.stop();
    }
  })();
  return made;
}

Deno.test("permissionless workers make an ECDSA key and sign with every pair of members", async () => {
  const cluster = new Cluster(3, recording(crossed));
  try {
    const keys = await sharedKey();
    assert.equal(new Set(keys.map((k) => toHex(k.publicKey))).size, 1);
    assert.deepEqual(
      keys.map((k) => [k.threshold, k.committee]),
      [0, 1, 2].map(() => [
        1,
        cluster.ids(0, 1, 2),
      ]),
    );
    for (const pair of [[0, 1], [1, 2], [0, 2]]) {
      const digest = systemRandom(32);
      const results = await cluster.complete("sign", pair, sign(cluster, keys, pair, digest));
      for (const result of results) {
        assert.ok(result.curve === "secp256k1");
        const key = concat(Uint8Array.of(4), keys[0]!.publicKey);
        const options = { prehash: false, lowS: true } as const;
        assert.ok(secp256k1.verify(concat(result.r, result.s), digest, key, options));
      }
    }
    // What the network threads saw holds no secret of any share.
    const seen = crossed.map(textOf).join("\n");
    assert.ok(seen.length > 1_000_000);
    keys.forEach((key, i) => {
      const share = cluster.open(i, key.keyId, key.shareCiphertext);
      assert.ok(seen.includes(String((share.get("H1j") as Json[])[i])), "public values do cross");
      for (const [name, digits] of secretsOf(share)) {
        assert.ok(digits.length > 70 && !seen.includes(digits), `${name} of node ${i} crossed`);
      }
    });
  } finally {
    cluster.stop();
  }
});

// Other lies are in tests/tss; here it matters that a worker's verdict reaches the engine.
Deno.test("a member with a wrong share in a key generation is named", async () => {
  const cluster = new Cluster(3, workers);
  cluster.tamper = (m) => {
    if (m.from !== 2 || m.to !== 0 || m.type !== "KGRound2Message1") return undefined;
    return [new Map([...m.content, ["Share", (m.content.get("Share") as bigint) + 1n]])];
  };
  try {
    const [victim] = cluster.start([0, 1, 2], keygen(cluster));
    const outcome = failureOf(await victim!.result);
    assert.equal(outcome.code, "TF-PROTOCOL");
    assert.deepEqual(outcome.culprits, cluster.ids(2));
    assert.match(outcome.reason, /vss verify failed/);
    assert.equal(cluster.nodes[0]!.engine.running, 0);
  } finally {
    cluster.stop();
  }
});

Deno.test("a member that falls silent in a key generation is named by the deadline", async () => {
  const clock = new VirtualClock();
  const cluster = new Cluster(3, workers, clock, { roundTimeoutMs: 30_000 });
  cluster.tamper = ({ from, type }) => from === 1 && type === "KGRound3Message" ? null : undefined;
  try {
    const waiters = cluster.start([0, 1, 2], keygen(cluster)).filter((_, i) => i !== 1);
    await Promise.all(waiters.map((c) =>
      new Promise<void>((resolve) =>
        c.onChange(() => {
          if (c.round === 3 && c.waitingFor.join() === cluster.ids(1).join()) resolve();
        })
      )
    ));
    await clock.advance(30_000);
    for (const ceremony of waiters) {
      const outcome = failureOf(await ceremony.result);
      assert.deepEqual([outcome.code, outcome.round], ["TF-TIMEOUT", 3]);
      assert.deepEqual(outcome.culprits, cluster.ids(1));
    }
  } finally {
    cluster.stop();
  }
});

Deno.test("an ECDSA key is handed to other members without changing", async () => {
  const cluster = new Cluster(4, workers);
  try {
    const keys = await sharedKey();
    const { keyId, publicKey } = keys[0]!;
    const id = freshId();
    const results = await cluster.complete("reshare", [0, 1, 2, 3], (i, node) => ({
      kind: "reshare",
      curve: "secp256k1",
      id,
      keyId,
      oldCommittee: cluster.ids(0, 1),
      newCommittee: cluster.ids(1, 2, 3),
      oldThreshold: 1,
      newThreshold: 1,
      publicKey,
      ...(i < 2 ? { share: keys[i]!.shareCiphertext } : {}),
      ...(i > 0 ? { preParams: fixturePreParams(i + 3, node.storeKey) } : {}),
    }));
    assert.equal(results[0]!.shareCiphertext, null);
    const fresh = results.map((r) => ({ ...keys[0]!, shareCiphertext: r.shareCiphertext! }));
    const digest = systemRandom(32);
    await cluster.complete("sign", [2, 3], sign(cluster, fresh, [2, 3], digest));
  } finally {
    cluster.stop();
  }
});

Deno.test("pre-parameters of another node are refused before anything is sent", async () => {
  const cluster = new Cluster(3, workers);
  let sent = 0;
  cluster.tamper = () => (sent++, undefined);
  try {
    const [ceremony] = cluster.start([0], (i) => ({
      ...keygen(cluster)(i, cluster.nodes[0]!),
      preParams: fixturePreParams(0, cluster.nodes[1]!.storeKey),
    } as CeremonySpec));
    const outcome = failureOf(await ceremony!.result);
    assert.equal(outcome.code, "TF-SHARE");
    assert.match(outcome.reason, /pre-parameters cannot be used/);
    assert.equal(sent, 0);
  } finally {
    cluster.stop();
  }
});

/** Makes a presignature among `positions`; the parts in their order. */
async function presigned(cluster: Cluster, keys: KeygenResult[], positions: number[]) {
  const id = freshId();
  const made = await cluster.complete("presign", positions, (i) => ({
    kind: "presign",
    curve: "secp256k1",
    id,
    keyId: keys[i]!.keyId,
    committee: cluster.ids(...positions),
    threshold: 1,
    generation: 0,
    publicKey: keys[i]!.publicKey,
    share: keys[i]!.shareCiphertext,
  }));
  return { id, parts: new Map(positions.map((i, at) => [i, made[at]!.part])) };
}

function signPresigned(
  cluster: Cluster,
  keys: KeygenResult[],
  positions: number[],
  message: Uint8Array,
  { id: presignature, parts }: Awaited<ReturnType<typeof presigned>>,
  generation = 0,
) {
  const id = freshId();
  return (i: number): CeremonySpec => ({
    ...sign(cluster, keys, positions, message)(i) as CeremonySpec & { kind: "sign" },
    id,
    share: new Uint8Array(0),
    presigned: { id: presignature, generation, part: parts.get(i)!, asked: i === positions[0] },
  });
}

Deno.test("permissionless workers make presignatures and sign from them, in one message each", async () => {
  let started = 0;
  const log: (ToWorker | FromWorker)[] = [];
  const cluster = new Cluster(3, (events) => (started++, recording(log)(events)));
  let messages = 0;
  try {
    const keys = await sharedKey();
    const made = [];
    for (let i = 0; i < 2; i++) made.push(await presigned(cluster, keys, [0, 1, 2]));
    assert.equal(started, 6);
    cluster.tamper = () => (messages++, undefined);
    for (const one of made) {
      const digest = systemRandom(32);
      digest[0] = 0;
      const spec = signPresigned(cluster, keys, [0, 1, 2], digest, one);
      const results = await cluster.complete("sign", [0, 1, 2], spec);
      for (const result of results) {
        assert.ok(result.curve === "secp256k1");
        const key = concat(Uint8Array.of(4), keys[0]!.publicKey);
        const options = { prehash: false, lowS: true } as const;
        assert.ok(secp256k1.verify(concat(result.r, result.s), digest, key, options));
      }
    }
    assert.equal(messages, 2 * 3 * 2);
    assert.equal(started, 9, "each node's worker stays for the second signing");
    // The parts are as secret as shares: nothing of them was seen on the network threads.
    const seen = log.map(textOf).join("\n");
    for (const { id, parts } of made) {
      for (const [i, part] of parts) {
        const open = cluster.open(i, presignStoreId(id), part);
        for (const name of ["K", "Sigma"]) {
          const digits = String(open.get(name));
          assert.ok(digits.length > 60 && !seen.includes(digits), `${name} of node ${i} crossed`);
        }
      }
    }
  } finally {
    cluster.stop();
  }
});

Deno.test("a member with a wrong share of a presigned signature is named, its thread ends", async () => {
  const cluster = new Cluster(3, workers);
  try {
    const keys = await sharedKey();
    const made = await presigned(cluster, keys, [0, 1, 2]);
    cluster.tamper = ({ from, type, content }) =>
      from === 2 && type === "PartialMessage"
        ? [new Map([...content, ["S", (content.get("S") as bigint) ^ 1n]])]
        : undefined;
    const spec = signPresigned(cluster, keys, [0, 1, 2], new Uint8Array(32), made);
    const [first, second] = cluster.start([0, 1, 2], spec);
    for (const ceremony of [first!, second!]) {
      const outcome = failureOf(await ceremony.result);
      assert.deepEqual([outcome.code, outcome.culprits], ["TF-PROTOCOL", cluster.ids(2)]);
      assert.match(outcome.reason, /wrong share of the signature/);
    }
  } finally {
    cluster.stop();
  }
});

Deno.test("a presignature of another generation, key, node or quorum is refused in silence", async () => {
  const cluster = new Cluster(3, workers);
  try {
    const keys = await sharedKey();
    const made = await presigned(cluster, keys, [0, 1]);
    let sent = 0;
    cluster.tamper = () => (sent++, undefined);
    const digest = new Uint8Array(32);
    const good = signPresigned(cluster, keys, [0, 1], digest, made);
    const theirs = { ...made, parts: new Map([[0, made.parts.get(1)!]]) };
    const other = { ...made, id: freshId() };
    for (
      const [spec, reason] of [
        [signPresigned(cluster, keys, [0, 1], digest, made, 1), /another key or generation/],
        [signPresigned(cluster, keys, [0, 1], digest, theirs), /cannot be used/],
        [signPresigned(cluster, keys, [0, 1], digest, other), /cannot be used/],
        [signPresigned(cluster, keys, [0, 2], digest, made), /not among the holders/],
      ] as const
    ) {
      const outcome = failureOf(await cluster.start([0], spec)[0]!.result);
      assert.equal(outcome.code, "TF-SHARE");
      assert.match(outcome.reason, reason);
    }
    assert.equal(sent, 0);
    await cluster.complete("sign", [0, 1], good);
  } finally {
    cluster.stop();
  }
});
