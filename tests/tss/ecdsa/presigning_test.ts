import assert from "node:assert/strict";
import { secp256k1 as noble } from "@noble/curves/secp256k1.js";
import { defaultArithmetic } from "../../../lib/arith/mod.ts";
import { systemRandom } from "../../../lib/arith/random.ts";
import { CurvePoint, encodeCompressed, secp256k1 } from "../../../lib/crypto/curve.ts";
import { bytesToInt, concat, intToBytes } from "../../../lib/encoding/bytes.ts";
import { type Json, parseJson, stringifyJson } from "../../../lib/encoding/json.ts";
import {
  parsePresignature,
  Presignature,
  presignatureToJson,
} from "../../../lib/tss/ecdsa/presignature.ts";
import { randomise, signPresigned } from "../../../lib/tss/ecdsa/presigned.ts";
import { presign } from "../../../lib/tss/ecdsa/presigning.ts";
import type { EcdsaSignature } from "../../../lib/tss/ecdsa/signing.ts";
import type { Party } from "../../../lib/tss/party.ts";
import { ContentError } from "../../../lib/tss/errors.ts";
import { failureOf, type LocalOutcome, localRun, type Tamper } from "../local_run.ts";
import { ceremonyId, type HeldKey, recordedKey, signers } from "./parties.ts";

const { q, base: G } = secp256k1;
const arith = defaultArithmetic();
const key = recordedKey("ecdsa-keygen-3-1.json");
const nodes = [...key.shares.keys()];
const publicKey = [...key.shares.values()][0]!.publicKey;

function makes(
  identities: readonly Party["identity"][],
  tamper?: Tamper,
  generation: (self: number) => number = () => 0,
  held: HeldKey = key,
): Promise<LocalOutcome<Presignature>> {
  const parties = signers(held, identities);
  const id = ceremonyId();
  return localRun(
    "ecdsa-presigning",
    parties.map((_, j) => ({ single: j })),
    (self, channel) =>
      presign({
        parties,
        self,
        threshold: held.threshold,
        generation: generation(self),
        ceremonyId: id,
        share: held.shares.get(parties[self]!.identity)!,
        arith,
        random: systemRandom,
      }, channel),
    tamper,
  );
}

function valuesOf<T>(outcome: LocalOutcome<T>): T[] {
  return outcome.results.map((r) => {
    if (r.status === "rejected") throw r.reason;
    return r.value;
  });
}

/** Copies as stored and read again: a presignature can be used once. */
function copies(made: readonly Presignature[]): Presignature[] {
  return made.map((p) => parsePresignature(parseJson(stringifyJson(presignatureToJson(p)))));
}

function uses(
  made: readonly Presignature[],
  identities: readonly Party["identity"][],
  digest: (self: number) => Uint8Array,
  tamper?: Tamper,
  asked: (self: number) => boolean = () => false,
): Promise<LocalOutcome<EcdsaSignature>> {
  const parties = signers(key, identities);
  const id = ceremonyId();
  return localRun(
    "ecdsa-presigned",
    parties.map((_, j) => ({ single: j })),
    (self, channel) =>
      signPresigned({
        parties,
        presignature: made[self]!,
        ceremonyId: id,
        digest: digest(self),
        asked: asked(self),
      }, channel),
    tamper,
  );
}

let pair: Promise<Presignature[]> | undefined;
let three: Promise<Presignature[]> | undefined;
const madeByPair = async () => copies(await (pair ??= makes(nodes.slice(0, 2)).then(valuesOf)));
const madeByThree = async () => copies(await (three ??= makes(nodes).then(valuesOf)));

function verifies(digest: Uint8Array, { r, s, recoveryId }: EcdsaSignature): void {
  const compressed = encodeCompressed(publicKey);
  const compact = concat(r, s);
  assert(noble.verify(compact, digest, compressed, { prehash: false, lowS: true }));
  const recovered = noble.Signature
    .fromBytes(concat(Uint8Array.of(recoveryId), compact), "recovered")
    .recoverPublicKey(digest);
  assert.deepEqual(recovered.toBytes(true), new Uint8Array(compressed));
}

Deno.test("presign() makes what the definition says, and signPresigned() signs with it", async () => {
  for (const made of [await madeByPair(), await madeByThree()]) {
    const k = made.reduce((sum, p) => sum + p.k, 0n) % q;
    const kx = made.reduce((sum, p) => sum + p.sigma, 0n) % q;
    for (const p of made) {
      assert(p.R.equals(made[0]!.R));
      // R = k^-1·G, and the shares of k·x belong to the key.
      assert(p.R.multiply(k).equals(G));
      assert(p.R.multiply(kx).equals(publicKey));
      made.forEach((other, j) => {
        assert(p.bigK[j]!.equals(p.R.multiply(other.k)));
        assert(p.bigS[j]!.equals(p.R.multiply(other.sigma)));
      });
    }
    const digest = systemRandom(32);
    digest[0] = 0;
    const signatures = valuesOf(
      await uses(copies(made), nodes.slice(0, made.length), () => digest),
    );
    for (const signature of signatures) {
      verifies(digest, signature);
      assert.deepEqual(signature, signatures[0]);
    }
  }
});

Deno.test("signPresigned() gives low s and the right recovery id, whatever comes out", async () => {
  const seen = new Set<string>();
  for (let i = 0; i < 24; i++) {
    const digest = intToBytes(BigInt(i) * 7919n, 32);
    // Each on a fresh copy: the test alone may use one more than once.
    const [first] = valuesOf(await uses(await madeByPair(), nodes.slice(0, 2), () => digest));
    verifies(digest, first!);
    seen.add(String(first!.recoveryId));
  }
  assert.deepEqual([...seen].sort(), ["0", "1"]);
});

Deno.test("signPresigned() names whoever sends a wrong share, and nobody else", async () => {
  const digest = systemRandom(32);
  digest[0] = 0;
  for (const cheat of [0, 1, 2]) {
    const outcome = await uses(await madeByThree(), nodes, () => digest, (flight) => {
      if (flight.index !== cheat || !(flight.content instanceof Map)) return flight.content;
      const s = flight.content.get("S") as bigint;
      return new Map([...flight.content, ["S", (s + 1n) % q]]);
    });
    for (const seat of [0, 1, 2].filter((j) => j !== cheat)) {
      const failure = failureOf(outcome, seat);
      assert.deepEqual([failure.culprits, failure.reason], [
        [cheat],
        "wrong share of the signature",
      ]);
    }
  }
});

Deno.test("signPresigned() tells a request for two digests from a wrong share", async () => {
  const digests = [systemRandom(32), systemRandom(32), systemRandom(32)];
  for (const d of digests) d[0] = 0;
  const outcome = await uses(
    await madeByThree(),
    nodes,
    (self) => digests[self === 2 ? 1 : 0]!,
    undefined,
    (self) => self === 0,
  );
  // Seat 0 asked itself, so it knows who lies; seat 1 cannot tell.
  assert.deepEqual(failureOf(outcome, 0).culprits, [2]);
  assert.deepEqual(failureOf(outcome, 1).culprits, []);
  assert.match(failureOf(outcome, 1).reason, /not asked for the same/);
});

Deno.test("a presignature cannot be used twice", async () => {
  const [mine] = await madeByPair();
  const digest = new Uint8Array(32);
  const parties = signers(key, nodes.slice(0, 2));
  const channel = {
    send: () => {},
    collect: () => new Promise<never>(() => {}),
    progress: () => {},
    breathe: () => Promise.resolve(),
  };
  const input = { parties, presignature: mine!, ceremonyId: ceremonyId(), digest, asked: true };
  void signPresigned(input, channel);
  await assert.rejects(
    signPresigned({ ...input, digest: new Uint8Array(32).fill(1) }, channel),
    /Cannot use a presignature twice/,
  );
});

Deno.test("signPresigned() refuses other signers and digests that are none", async () => {
  const digest = new Uint8Array(32);
  const others = await uses(await madeByPair(), nodes.slice(1), () => digest);
  assert.match(failureOf(others, 0).reason, /made by other signers/);
  const bad = await uses(await madeByPair(), nodes.slice(0, 2), () => intToBytes(q, 32));
  assert.equal(failureOf(bad, 0).reason, "hashed message is not valid");
  assert.equal(bad.flights.length, 0);
});

Deno.test("randomise() depends on everything that is signed", async () => {
  const [p] = await madeByPair();
  const base = { ...p!, keys: p!.keys, publicKey: p!.publicKey, R: p!.R };
  const id = new Uint8Array(32).fill(3);
  const first = randomise(base, id, 5n);
  assert(first.R.equals(p!.R.multiply(first.delta)));
  const others = [
    randomise(base, id, 6n),
    randomise(base, new Uint8Array(32).fill(4), 5n),
    randomise({ ...base, generation: 1 }, id, 5n),
    randomise({ ...base, id: new Uint8Array(32) }, id, 5n),
    randomise({ ...base, keys: base.keys.slice(1) }, id, 5n),
    randomise({ ...base, publicKey: G }, id, 5n),
    randomise({ ...base, R: G }, id, 5n),
  ];
  for (const other of others) {
    assert.notEqual(other.delta, first.delta);
    assert.notDeepEqual(other.statement, first.statement);
  }
});

Deno.test("what leaves a presigning are no secrets, and a presignature hides its own", async () => {
  const outcome = await makes(nodes.slice(0, 2));
  const made = valuesOf(outcome);
  const said = outcome.flights.map((f) => stringifyJson(f.content)).join("\n");
  for (const p of made) {
    for (const secret of [p.k, p.sigma]) assert(!said.includes(String(secret)));
    assert.equal(JSON.stringify(p), '"[redacted]"');
    assert.equal(Deno.inspect(p), "[redacted]");
  }
});

/** Adds 1 to a number, or G to a point, of each message of `type` from seat `from`. */
function bump(from: number, type: string, field: string): Tamper {
  return (flight) => {
    if (flight.index !== from || !flight.type.endsWith(type)) return flight.content;
    const content = flight.content as Map<string, Json>;
    const old = content.get(field)!;
    if (typeof old === "bigint") return new Map([...content, [field, old + 1n]]);
    const [x, y] = (old as Map<string, Json>).get("Coords") as bigint[];
    const moved = secp256k1.point(x!, y!).add(G);
    const point = new Map<string, Json>([["Curve", "secp256k1"], ["Coords", [moved.x, moved.y]]]);
    return new Map<string, Json>([...content, [field, point]]);
  };
}

for (
  const [type, field, reason, culprits] of [
    ["PreRound1Message1", "C", /RangeProofAlice/, [1]],
    ["PreRound2Message", "C2", /ProofBobWC/, [1]],
    ["PreRound3Message", "T", /commitment to sigma is not proven/, [1]],
    ["PreRound5Message", "K", /image of k is not proven/, [1]],
    ["PreRound6Message", "S", /image of sigma is not proven/, [1]],
    ["PreRound7Message", "Transcript", /must be|heard the same/, [1]],
  ] as const
) {
  Deno.test(`presign() names the sender of a wrong ${field} in ${type}`, async () => {
    const tamper: Tamper = field === "Transcript"
      ? (flight) =>
        flight.index === 1 && flight.type.endsWith(type)
          ? { Transcript: "A".repeat(43) + "=" }
          : flight.content
      : bump(1, type, field);
    const failure = failureOf(await makes(nodes.slice(0, 2), tamper), 0);
    assert.match(failure.reason, reason);
    assert.deepEqual([failure.task, failure.culprits], ["ecdsa-presigning", culprits]);
  });
}

Deno.test("presign() gives nothing when theta was wrong, and with three signers blames nobody", async () => {
  // Signer 2 lies about its theta and goes on with the lie: everybody has the same wrong R.
  const lie = bump(2, "PreRound3Message", "Theta");
  const ownLie = bump(0, "PreRound3Message", "Theta");
  const outcome = await makes(nodes, (f) => f.toSeat === 2 ? ownLie(f) : lie(f));
  for (const seat of [0, 1, 2]) {
    const failure = failureOf(outcome, seat);
    assert.match(failure.reason, /images of k do not add up/);
    assert.deepEqual([failure.round, failure.culprits], [6, []]);
  }
});

Deno.test("presign() gives nothing when members were told different thetas", async () => {
  const outcome = await makes(
    nodes,
    (f) => f.toSeat === 1 ? bump(2, "PreRound3Message", "Theta")(f) : f.content,
  );
  assert.match(failureOf(outcome, 1).reason, /do not hold the same theta/);
  assert.deepEqual(failureOf(outcome, 1).culprits, []);
  assert.match(failureOf(outcome, 0).reason, /blame not proven/);
});

Deno.test("presign() gives nothing when members do not agree on the generation", async () => {
  const outcome = await makes(nodes.slice(0, 2), undefined, (self) => self);
  assert.equal(failureOf(outcome, 0).round, 2);
});

Deno.test("parsePresignature() refuses what does not fit together", async () => {
  const [p] = await madeByPair();
  const json = parseJson(stringifyJson(presignatureToJson(p!))) as Map<string, Json>;
  const refuses = (field: string, value: Json) =>
    assert.throws(() => parsePresignature(new Map([...json, [field, value]])), ContentError, field);
  refuses("Id", "00");
  refuses("K", q);
  refuses("Sigma", -1n);
  refuses("Self", 2n);
  refuses("Keys", [2n, 1n]);
  refuses("BigK", (json.get("BigK") as Json[]).slice(1));
  refuses("BigK", json.get("BigS")!);
  refuses("BigS", json.get("BigK")!);
  refuses("ECDSAPub", json.get("R")!);
  refuses("R", null);
  assert(CurvePoint.sum(p!.bigK).equals(G));
  assert.equal(bytesToInt(p!.id), bytesToInt(parsePresignature(json).id));
});
