import assert from "node:assert/strict";
import { ed25519 as standard } from "@noble/curves/ed25519.js";
import { ed25519, encodeEd25519 } from "../../../lib/crypto/curve.ts";
import type { Json } from "../../../lib/encoding/json.ts";
import { signingRound1, signingRound2, signingRound3 } from "../../../lib/tss/eddsa/messages.ts";
import { EddsaShare, parseShare } from "../../../lib/tss/eddsa/share.ts";
import { sign } from "../../../lib/tss/eddsa/signing.ts";
import { failureOf, localRun, Stalled, type Tamper } from "../local_run.ts";
import { at, testdata } from "../replay.ts";
import { addTorsion, bend, both, type Committed, openTo, putPoint, silence } from "./attacks.ts";
import { everyResult, L, partiesOf, runSigning, seeded } from "./support.ts";

// Shares that the Go library made.
const goShares = (file: string) =>
  (at(testdata(file), "secrets", "save_data") as Json[]).map(parseShare);
const twoOfThree = goShares("eddsa-keygen-3-1.json");
const threeOfFour = goShares("eddsa-reshare-3to4.json");
const message = new TextEncoder().encode("pay 5 to nobody");

async function assertValid(
  signature: Uint8Array<ArrayBuffer>,
  message: Uint8Array<ArrayBuffer>,
  share: EddsaShare,
) {
  const publicKey = encodeEd25519(share.publicKey);
  assert.equal(signature.length, 64);
  assert.ok(standard.verify(signature, message, publicKey, { zip215: false }));
  const key = await crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
  assert.ok(await crypto.subtle.verify("Ed25519", key, signature, message), "WebCrypto refuses");
}

Deno.test("sign() with the Go library's shares verifies under noble and WebCrypto", async () => {
  const cases: [EddsaShare[], number[], number][] = [
    [twoOfThree, [0, 1], 1],
    [twoOfThree, [0, 2], 1],
    [twoOfThree, [1, 2], 1],
    [twoOfThree, [0, 1, 2], 1],
    [threeOfFour, [0, 1, 2], 2],
    [threeOfFour, [1, 2, 3], 2],
    [threeOfFour, [0, 1, 2, 3], 2],
  ];
  for (const [shares, signers, threshold] of cases) {
    const used = signers.map((i) => shares[i]!);
    const results = everyResult(await runSigning(used, threshold, message));
    for (const { signature } of results) {
      assert.deepEqual(signature, results[0]!.signature);
      await assertValid(signature, message, used[0]!);
    }
  }
});

Deno.test("sign() keeps every byte of the message: empty, leading zeros, long", async () => {
  const messages = [
    new Uint8Array(0),
    new Uint8Array(1),
    new Uint8Array(32),
    Uint8Array.of(0, 0, 1),
    Uint8Array.of(1),
    new Uint8Array(100_000).fill(7),
  ];
  const seen = new Set<string>();
  for (const m of messages) {
    const [result] = everyResult(await runSigning(twoOfThree.slice(0, 2), 1, m));
    await assertValid(result!.signature, m, twoOfThree[0]!);
    seen.add(result!.s.toString());
    assert.deepEqual([...result!.r, ...result!.s], [...result!.signature]);
    assert.deepEqual(result!.publicKey, encodeEd25519(twoOfThree[0]!.publicKey));
  }
  assert.equal(seen.size, messages.length);
});

Deno.test("sign() uses another nonce for another message even if the generator repeats", async () => {
  const two = twoOfThree.slice(0, 2);
  const nonceOf = async (m: Uint8Array) => {
    const { flights } = await runSigning(two, 1, m, undefined, "same seed");
    return at(flights.find((f) => f.type === signingRound2.type)!.content, "DeCommitment", 1);
  };
  assert.notEqual(await nonceOf(Uint8Array.of(1)), await nonceOf(Uint8Array.of(2)));
  assert.equal(await nonceOf(Uint8Array.of(1)), await nonceOf(Uint8Array.of(1)));
});

Deno.test("sign() is not confused by a caller that changes the message meanwhile", async () => {
  const m = message.slice();
  const tamper: Tamper = (flight) => {
    if (flight.type === signingRound2.type) m.fill(0); // both signers have begun
    return flight.content;
  };
  const [result] = everyResult(await runSigning(twoOfThree.slice(0, 2), 1, m, tamper));
  await assertValid(result!.signature, message, twoOfThree[0]!);
});

Deno.test("sign() refuses a wrong input before it says anything", async () => {
  const silent = {
    send: () => assert.fail("said something"),
    collect: () => assert.fail("listened"),
    progress() {},
    breathe: () => Promise.resolve(),
  };
  const parties = (keys: readonly bigint[]) => partiesOf(keys, "p");
  const [a, b, c, d] = threeOfFour[0]!.ks as [bigint, bigint, bigint, bigint];
  const share = threeOfFour[0]!;
  const { xi, shareId, ks, bigXj, publicKey } = share;
  const good = { parties: parties([a, b, c]), self: 0, threshold: 2, share };
  const bad = [
    { ...good, parties: parties([a, b]) }, // fewer than threshold + 1
    { ...good, parties: parties([a, b]), threshold: 1 }, // a lie about the threshold
    { ...good, parties: parties([a]), threshold: 0 },
    { ...good, parties: parties([a, b, c, d + 1n]) }, // a stranger
    { ...good, parties: parties([b, c, d]) }, // without this node
    { ...good, self: 1 }, // another one's seat
    { ...good, self: 3 },
    { ...good, parties: parties([a, c, b]) },
    { ...good, parties: parties([a, b, b]) },
    { ...good, share: new EddsaShare(xi + 1n, shareId, ks, bigXj, publicKey) },
    { ...good, share: new EddsaShare(xi, shareId, ks, bigXj, publicKey.negate()) },
    { ...good, share: new EddsaShare(0n, shareId, ks, bigXj, publicKey) },
  ];
  for (const input of bad) {
    const more = { message, ceremonyId: new Uint8Array(32), random: seeded("x") };
    const run = () => sign({ ...input, ...more }, silent);
    await assert.rejects(run, { name: "ProtocolError", round: 1, culprits: [] });
  }
});

const LIAR = { from: "single", index: 1 } as const;
const committed: Committed = {
  commitment: signingRound1,
  opening: signingRound2,
  fields: ["Commitment", "DeCommitment"],
};
const honest = await runSigning(twoOfThree, 1, message);
const other = await runSigning(twoOfThree, 1, Uint8Array.of(1));
const G2 = ed25519.base.add(ed25519.base);
const contentOf = (run: typeof honest, index: number, type: string) =>
  run.flights.find((f) => f.index === index && f.type === type)!.content;

const lies: [string, Tamper, number, RegExp][] = [
  [
    "a commitment to something else",
    bend(LIAR, signingRound1, "Commitment", (v) => v as bigint ^ 1n),
    3,
    /de-commitment verify failed/,
  ],
  [
    "a nonce point off the curve",
    openTo(LIAR, committed, honest, (D) => putPoint(D, 0, 1n, 1n)),
    3,
    /unflatten/,
  ],
  [
    "the identity as nonce point",
    openTo(LIAR, committed, honest, (D) => putPoint(D, 0, 0n, 1n)),
    3,
    /identity/,
  ],
  [
    "a torsion part in the nonce point",
    openTo(LIAR, committed, honest, (D) => addTorsion(D, 0)),
    3,
    /torsion/,
  ],
  [
    "a nonce point whose logarithm it does not know",
    openTo(LIAR, committed, honest, (D) => putPoint(D, 0, G2.x, G2.y)),
    3,
    /schnorr proof verify failed/,
  ],
  [
    "two nonce points",
    openTo(LIAR, committed, honest, (D) => [...D, ...D.slice(1)]),
    2,
    /DeCommitment: must have at most 3/,
  ],
  [
    "a proof from another party",
    both(
      bend(
        LIAR,
        signingRound1,
        "Commitment",
        () => at(contentOf(honest, 0, signingRound1.type), "Commitment"),
      ),
      bend(
        LIAR,
        signingRound2,
        "DeCommitment",
        () => at(contentOf(honest, 0, signingRound2.type), "DeCommitment"),
      ),
      bend(
        LIAR,
        signingRound2,
        "ZKProof",
        () => at(contentOf(honest, 0, signingRound2.type), "ZKProof"),
      ),
    ),
    3,
    /schnorr proof verify failed/,
  ],
  [
    "a wrong partial signature",
    bend(LIAR, signingRound3, "S", (v) => (v as bigint + 1n) % L),
    4,
    /partial signature verify failed/,
  ],
  [
    "a partial signature of 0",
    bend(LIAR, signingRound3, "S", () => 0n),
    4,
    /partial signature verify failed/,
  ],
  [
    "a negated partial signature",
    bend(LIAR, signingRound3, "S", (v) => L - (v as bigint)),
    4,
    /partial signature verify failed/,
  ],
  [
    "a partial signature for another message",
    bend(LIAR, signingRound3, "S", () => at(contentOf(other, 1, signingRound3.type), "S")),
    4,
    /partial signature verify failed/,
  ],
  [
    "an unreduced partial signature",
    bend(LIAR, signingRound3, "S", (v) => v as bigint + L),
    3,
    /S: is too large/,
  ],
  [
    "a null partial signature, which crashes Go",
    bend(LIAR, signingRound3, "S", () => null),
    3,
    /S: is missing/,
  ],
];

for (const [what, tamper, round, reason] of lies) {
  Deno.test(`sign() refuses ${what} and blames its sender`, async () => {
    const outcome = await runSigning(twoOfThree, 1, message, tamper);
    for (const seat of [0, 2]) {
      const failure = failureOf(outcome, seat);
      assert.deepEqual(failure.culprits, [LIAR.index]);
      assert.equal(failure.round, round);
      assert.match(failure.reason, reason);
    }
  });
}

Deno.test("sign() does not add two wrong parts that cancel out, and names both", async () => {
  // Four signers: one right part shows that the challenge is the common one.
  const shift = (index: number, by: bigint) =>
    bend({ from: "single", index }, signingRound3, "S", (v) => (v as bigint + by) % L);
  const tamper = both(shift(1, 5n), shift(2, L - 5n));
  const outcome = await runSigning(threeOfFour, 2, message, tamper);
  assert.deepEqual(failureOf(outcome, 0).culprits, [1, 2]);
});

Deno.test("sign() blames nobody when all others answer another challenge", async () => {
  const shift = (index: number) =>
    bend({ from: "single", index }, signingRound3, "S", (v) => (v as bigint + 1n) % L);
  const outcome = await runSigning(twoOfThree, 1, message, both(shift(1), shift(2)));
  const failure = failureOf(outcome, 0);
  assert.deepEqual([failure.round, failure.culprits], [4, []]);
  assert.match(failure.reason, /not all answer the same challenge/);
});

Deno.test("sign() with signers that disagree on the message fails and gives no signature", async () => {
  const parties = partiesOf(twoOfThree.slice(0, 2).map((s) => s.shareId), "p");
  const outcome = await localRun(
    "eddsa-signing",
    [{ single: 0 }, { single: 1 }],
    (self, channel) =>
      sign({
        parties,
        self,
        threshold: 1,
        share: twoOfThree[self]!,
        message: Uint8Array.of(self),
        ceremonyId: new Uint8Array(32),
        random: seeded(`disagree/${self}`),
      }, channel),
  );
  assert.deepEqual(failureOf(outcome, 0).culprits, [1]);
  assert.deepEqual(failureOf(outcome, 1).culprits, [0]);
});

Deno.test("sign() waits for ever rather than go on without a message", async () => {
  for (const spec of [signingRound1, signingRound2, signingRound3]) {
    const outcome = await runSigning(twoOfThree, 1, message, silence(LIAR, spec));
    for (const seat of [0, 2]) {
      const result = outcome.results[seat]!;
      assert.ok(result.status === "rejected" && result.reason instanceof Stalled);
      assert.equal(result.reason.waitingFor, `${spec.type} of single 1`);
    }
  }
});
