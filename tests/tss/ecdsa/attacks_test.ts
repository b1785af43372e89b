import assert from "node:assert/strict";
import { defaultArithmetic } from "../../../lib/arith/mod.ts";
import { systemRandom } from "../../../lib/arith/random.ts";
import type { JsonObject } from "../../../lib/encoding/json.ts";
import { keygen } from "../../../lib/tss/ecdsa/keygen.ts";
import { publicParameters } from "../../../lib/tss/ecdsa/parameters.ts";
import type { PreParams } from "../../../lib/tss/ecdsa/preparams.ts";
import { PaillierPrivate } from "../../../lib/tss/paillier.ts";
import { failureOf, localRun, Stalled, type Tamper } from "../local_run.ts";
import { changeAt, plusOne } from "./change.ts";
import {
  ceremonyId,
  committee,
  generate,
  PRE_PARAMS,
  recordedKey,
  signLocally,
} from "./parties.ts";

const arith = defaultArithmetic();

/** Three parties make a key; `liar` may bring other pre-parameters or bend messages. */
function attack(
  { preParams, tamper }: { preParams?: ReadonlyMap<number, PreParams>; tamper?: Tamper },
  ceremonies: readonly Uint8Array[] = [],
) {
  const parties = committee([0, 1, 2]);
  const id = ceremonyId();
  return localRun(
    "ecdsa-keygen",
    parties.map((_, single) => ({ single })),
    (self, channel) =>
      keygen({
        parties,
        self,
        threshold: 1,
        ceremonyId: ceremonies[self] ?? id,
        preParams: preParams?.get(self) ?? PRE_PARAMS[self]!,
        arith,
        random: systemRandom,
      }, channel),
    tamper,
  );
}

const SMALL_PRIME = BigInt(
  "0x" +
    "f993c4a146253167147050ac2b890800ddf37690344807e2bd0730e966c2c9fb",
);
const LARGE_PRIME = BigInt(
  "0x" +
    "ff69eecc27c759a1437233ef7ac5f614110dd03ca1c4223f784a35b40675272e7a7c7400244453ec9daa" +
    "26e493bee3175cc40f64c17ff8ee05377a5640931b327041e2b70431107bce2c0d7cd85f7f13398f53c3" +
    "81ce6028604104b5f94f77de2e13c7b0f3a78e71912cd83e510719717f8506440640d65032dad9bebe29" +
    "508b346969d3919c7de845361fd9a66993c84e6573b68bb2881838a5af3675b2e527fa86db85fea3f4e5" +
    "f5c0240aaf0fae21c309a387b158438e83d2c0005849d2ecc69d2d9de50e4f63425bf0e360d930eaa6c4" +
    "7bdd11cd407b1461ef4e59f6679f",
);

Deno.test("a Paillier modulus with a small factor is refused, naming its owner (BitForge)", async () => {
  // 256 and 1,792 bits, both 3 mod 4: right in size, passes the modulus proof.
  const paillier = PaillierPrivate.fromPrimes(SMALL_PRIME, LARGE_PRIME);
  const { nTilde, h1, h2, alpha, beta, p, q } = PRE_PARAMS[1]!;
  const preParams = { paillier, nTilde, h1, h2, alpha, beta, p, q };
  const outcome = await attack({ preParams: new Map([[1, preParams]]) });
  for (const honest of [0, 2]) {
    const failure = failureOf(outcome, honest);
    assert.deepEqual(failure.culprits, [1]);
    // The response for the large factor breaks its bound, which is a bound on its size.
    assert.match(failure.reason, /FacProof\.Z2: must have at most 1792 bits/);
  }
});

Deno.test("two liars are both named, their faults told apart, an honest party is not", async () => {
  // Both lie to party 0 in the same way, parties 0 and 2 to party 1 in different ways.
  const outcome = await attack({
    tamper: (f) => {
      if (f.type.endsWith("KGRound2Message1") && f.toSeat === 0) {
        return changeAt(f.content, ["Share"], plusOne);
      }
      if (f.toSeat !== 1) return f.content;
      if (f.type.endsWith("KGRound2Message1") && f.index === 0) {
        return changeAt(f.content, ["FacProof", "W1"], plusOne);
      }
      if (f.type.endsWith("KGRound2Message2") && f.index === 2) {
        return changeAt(f.content, ["ModProof", "Z", 3], plusOne);
      }
      return f.content;
    },
  });
  const same = failureOf(outcome, 0);
  assert.deepEqual([same.culprits, same.round, same.reason], [[1, 2], 3, "vss verify failed"]);
  const different = failureOf(outcome, 1);
  assert.deepEqual(different.culprits, [0, 2]);
  assert.equal(
    different.reason,
    "party 0: facProof verify failed; party 2: modProof verify failed",
  );
  assert.ok(failureOfKind(outcome.results[2]!, Stalled));
});

Deno.test("a rushing party that copies another's parameters is named, not the one copied", async () => {
  // Party 0 sends to party 2 what party 1 sends; the rule alone would blame party 1.
  const theirs = publicParameters(PRE_PARAMS[1]!);
  const copy = await attack({
    tamper: (f) => {
      if (!f.type.endsWith("KGRound1Message") || f.toSeat !== 2 || f.index !== 0) return f.content;
      const mine = f.content as JsonObject;
      mine.set("NTilde", theirs.nTilde).set("H1", theirs.h1).set("H2", theirs.h2);
      return changeAt(mine, ["PaillierPK", "N"], () => theirs.paillierN);
    },
  });
  const failure = failureOf(copy, 2);
  assert.deepEqual([failure.culprits, failure.round], [[0], 2]);
  assert.match(failure.reason, /duplicate/);
});

Deno.test("a party that copies our own modulus is named by us", async () => {
  const outcome = await attack({
    tamper: (f) =>
      f.type.endsWith("KGRound1Message") && f.toSeat === 2 && f.index === 0
        ? changeAt(f.content, ["PaillierPK", "N"], () => PRE_PARAMS[2]!.paillier.n)
        : f.content,
  });
  const failure = failureOf(outcome, 2);
  assert.deepEqual([failure.culprits, failure.round], [[0], 2]);
  assert.equal(failure.reason, "duplicate modulus (paillier N)");
});

Deno.test("proofs of another ceremony are refused", async () => {
  const one = ceremonyId();
  const outcome = await attack({}, [one, one, ceremonyId()]);
  for (const honest of [0, 1]) {
    const failure = failureOf(outcome, honest);
    assert.deepEqual(failure.culprits, [2]);
    assert.equal(failure.reason, "dln proof verification failed");
  }
});

Deno.test("only the failing party is blamed for its Paillier proof", async () => {
  const outcome = await attack({
    tamper: (f) =>
      f.type.endsWith("KGRound3Message") && f.index === 2
        ? changeAt(f.content, ["PaillierProof", 0], plusOne)
        : f.content,
  });
  for (const honest of [0, 1]) {
    const failure = failureOf(outcome, honest);
    assert.deepEqual([failure.culprits, failure.round], [[2], 4]);
  }
});

Deno.test("bad inputs of our own end a key generation before anything is sent", async () => {
  const parties = committee([0, 1, 2]);
  const input = {
    parties,
    self: 0,
    ceremonyId: ceremonyId(),
    preParams: PRE_PARAMS[0]!,
    arith,
    random: systemRandom,
  };
  const wrong = [
    { threshold: 0 },
    { threshold: 3 },
    { threshold: 1.5 },
    { threshold: 1, self: 3 },
    { threshold: 1, parties: [...parties].reverse() },
    { threshold: 1, parties: [parties[0]!, parties[0]!] },
  ];
  for (const change of wrong) {
    const outcome = await localRun(
      "ecdsa-keygen",
      [{ single: 0 }],
      (_, channel) => keygen({ ...input, ...change }, channel),
    );
    const failure = failureOf(outcome, 0);
    assert.deepEqual([failure.round, failure.culprits], [1, []]);
    assert.equal(outcome.flights.length, 0);
  }
});

const held = recordedKey("ecdsa-keygen-3-1.json");

for (const [commitments, openings] of [[5, 6], [7, 8]]) {
  Deno.test(`nobody opens in round ${openings} before all have committed in round ${commitments}`, async () => {
    const outcome = await signLocally(
      held,
      [...held.shares.keys()],
      new Uint8Array(32),
      (f) =>
        f.type.endsWith(`SignRound${commitments}Message`) && f.index === 2 && f.toSeat === 0
          ? null
          : f.content,
    );
    const opened = outcome.flights.filter((f) => f.type.endsWith(`SignRound${openings}Message`));
    assert.deepEqual(new Set(opened.map((f) => f.index)), new Set([1, 2]));
    assert.ok(outcome.results.every((r) => failureOfKind(r, Stalled)));
  });
}

Deno.test("no signature share leaves when the shares do not fit together", async () => {
  // Signer 2 tells everybody the same wrong theta: R is wrong for all, the test points differ.
  const outcome = await signLocally(
    held,
    [...held.shares.keys()],
    new Uint8Array(32),
    (f) =>
      f.type.endsWith("SignRound3Message") && f.index === 2
        ? changeAt(f.content, ["Theta"], (v) => (v as bigint) === 1n ? 2n : (v as bigint) - 1n)
        : f.content,
  );
  assert.ok(outcome.results.every((r) => r.status === "rejected"));
  assert.equal(outcome.flights.filter((f) => f.type.endsWith("SignRound9Message")).length, 0);
});

Deno.test("whoever was told another theta than the rest blames nobody", async () => {
  const outcome = await signLocally(
    held,
    [...held.shares.keys()],
    new Uint8Array(32),
    (f) =>
      f.type.endsWith("SignRound3Message") && f.index === 2 && f.toSeat === 0
        ? changeAt(f.content, ["Theta"], (v) => (v as bigint) === 1n ? 2n : (v as bigint) - 1n)
        : f.content,
  );
  const failure = failureOf(outcome, 0);
  assert.deepEqual([failure.round, failure.culprits], [7, []]);
  assert.match(failure.reason, /do not hold the same theta/);
});

Deno.test("a signer with the share of another key is refused", async () => {
  const [one, two] = [await generate(2, 1), await generate(2, 1)];
  const mixed = {
    threshold: 1,
    shares: new Map([...one.shares].map(([id, s], i) => [id, i === 1 ? two.shares.get(id)! : s])),
  };
  const outcome = await signLocally(mixed, [...one.shares.keys()], new Uint8Array(32));
  for (const [self, other] of [[0, 1], [1, 0]] as const) {
    assert.deepEqual(failureOf(outcome, self).culprits, [other]);
    assert.equal(failureOf(outcome, self).round, 2);
  }
});

function failureOfKind(
  result: PromiseSettledResult<unknown>,
  kind: new (...args: never[]) => Error,
): boolean {
  return result.status === "rejected" && result.reason instanceof kind;
}
