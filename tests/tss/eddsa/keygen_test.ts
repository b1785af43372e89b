import assert from "node:assert/strict";
import { ed25519 } from "../../../lib/crypto/curve.ts";
import { keygen } from "../../../lib/tss/eddsa/keygen.ts";
import {
  keygenRound1,
  keygenRound2Opening,
  keygenRound2Share,
} from "../../../lib/tss/eddsa/messages.ts";
import { parseShare, shareToJson } from "../../../lib/tss/eddsa/share.ts";
import { parseJson, stringifyJson } from "../../../lib/encoding/json.ts";
import { reconstruct } from "../../../lib/tss/vss.ts";
import { failureOf, Stalled, type Tamper } from "../local_run.ts";
import { at } from "../replay.ts";
import { addTorsion, bend, both, type Committed, openTo, putPoint, silence } from "./attacks.ts";
import { committee, everyResult, L, runKeygen, seeded } from "./support.ts";

const parties = committee(["a", "b", "c"]);
const LIAR = { from: "single", index: 1 } as const;
const HONEST = [0, 2];
const committed: Committed = {
  commitment: keygenRound1,
  opening: keygenRound2Opening,
  fields: ["Commitment", "DeCommitment"],
};

Deno.test("keygen() gives shares of one key that nobody holds", async () => {
  const shares = everyResult(await runKeygen(parties, 1));
  const [first] = shares;
  for (const [i, share] of shares.entries()) {
    assert.ok(share.publicKey.equals(first!.publicKey));
    assert.equal(share.shareId, parties[i]!.key);
    // Reads back under the full consistency check.
    assert.ok(parseShare(parseJson(stringifyJson(shareToJson(share)))).xi === share.xi);
  }
  for (const [i, j] of [[0, 1], [0, 2], [1, 2]] as const) {
    const secret = reconstruct(
      ed25519,
      1,
      [i, j].map((k) => ({ id: parties[k]!.key, share: shares[k]!.xi })),
    );
    assert.ok(ed25519.base.multiply(secret).equals(first!.publicKey));
  }
});

Deno.test("keygen() refuses a wrong input before it says anything", async () => {
  const silent = {
    send: () => assert.fail("said something"),
    collect: () => assert.fail("listened"),
    progress() {},
    breathe: () => Promise.resolve(),
  };
  const good = { parties, self: 0, threshold: 1, ceremonyId: new Uint8Array(32) };
  const bad = [
    { ...good, threshold: 0 },
    { ...good, threshold: 3 },
    { ...good, threshold: 1.5 },
    { ...good, self: 3 },
    { ...good, self: -1 },
    { ...good, parties: parties.toReversed() },
    { ...good, parties: [] },
    { ...good, parties: [...parties.slice(0, 2), parties[1]!] },
    { ...good, parties: [...parties, { ...parties[0]!, key: L }] },
    { ...good, parties: [...parties, { ...parties[0]!, key: parties[0]!.key + L }] },
    { ...good, parties: [...parties, { ...parties[0]!, key: 1n << 256n }] },
    { ...good, parties: [{ ...parties[0]!, key: 0n }, ...parties] },
  ];
  for (const input of bad) {
    const run = () => keygen({ ...input, random: seeded("x") }, silent);
    await assert.rejects(run, { name: "ProtocolError", round: 1, culprits: [] });
  }
});

Deno.test("keygen() makes other secrets from other randomness", async () => {
  const [one] = everyResult(await runKeygen(parties, 1, undefined, "one"));
  const [two] = everyResult(await runKeygen(parties, 1, undefined, "two"));
  assert.ok(!one!.publicKey.equals(two!.publicKey));
});

const honest = await runKeygen(parties, 1);
const G2 = ed25519.base.add(ed25519.base);
const lies: [string, Tamper, number, RegExp][] = [
  [
    "a commitment of 0",
    bend(LIAR, keygenRound1, "Commitment", () => 0n),
    1,
    /Commitment: must be positive/,
  ],
  [
    "a commitment to something else",
    bend(LIAR, keygenRound1, "Commitment", (v) => v as bigint ^ 1n),
    3,
    /de-commitment verify failed/,
  ],
  [
    "an opening with a coefficient too many",
    openTo(LIAR, committed, honest, (D) => [...D, ...D.slice(1, 3)]),
    3,
    /de-commitment verify failed/,
  ],
  [
    "an opening with a coefficient too few",
    openTo(LIAR, committed, honest, (D) => D.slice(0, 3)),
    2,
    /DeCommitment: must have at least 5/,
  ],
  [
    "a point off the curve",
    openTo(LIAR, committed, honest, (D) => putPoint(D, 1, 1n, 1n)),
    3,
    /unflatten/,
  ],
  [
    "the identity as contribution",
    openTo(LIAR, committed, honest, (D) => putPoint(D, 0, 0n, 1n)),
    3,
    /point 0 is the identity/,
  ],
  [
    "the identity as highest coefficient",
    openTo(LIAR, committed, honest, (D) => putPoint(D, 1, 0n, 1n)),
    3,
    /point 1 is the identity/,
  ],
  [
    "a torsion part in the contribution",
    openTo(LIAR, committed, honest, (D) => addTorsion(D, 0)),
    3,
    /point 0 has a torsion part/,
  ],
  [
    "a torsion part in a coefficient, which Go repairs silently",
    openTo(LIAR, committed, honest, (D) => addTorsion(D, 1)),
    3,
    /point 1 has a torsion part/,
  ],
  [
    "a point of small order",
    openTo(LIAR, committed, honest, (D) => putPoint(D, 0, 0n, ed25519.p - 1n)),
    3,
    /point 0 has a torsion part/,
  ],
  [
    "a contribution whose logarithm it does not know",
    openTo(LIAR, committed, honest, (D) => putPoint(D, 0, G2.x, G2.y)),
    3,
    /schnorr proof verify failed/,
  ],
  [
    "a proof with another answer",
    bend(LIAR, keygenRound2Opening, "ZKProof", (proof) => {
      const map = new Map(proof as Map<string, bigint>);
      return map.set("T", map.get("T")! % (L - 1n) + 1n);
    }),
    3,
    /schnorr proof verify failed/,
  ],
  [
    "a null proof",
    bend(LIAR, keygenRound2Opening, "ZKProof", () => null),
    2,
    /ZKProof: is missing/,
  ],
  [
    "a wrong share",
    bend(LIAR, keygenRound2Share, "Share", (v) => v as bigint % (L - 1n) + 1n),
    3,
    /vss share verify failed/,
  ],
  [
    "a share of 0",
    bend(LIAR, keygenRound2Share, "Share", () => 0n),
    2,
    /Share: must be positive/,
  ],
  [
    "a null share, which crashes Go",
    bend(LIAR, keygenRound2Share, "Share", () => null),
    2,
    /Share: is missing/,
  ],
  [
    "a share shifted by the group order",
    bend(LIAR, keygenRound2Share, "Share", (v) => v as bigint + L),
    2,
    /Share: is too large/,
  ],
  [
    "a negative share",
    bend(LIAR, keygenRound2Share, "Share", (v) => v as bigint - L),
    2,
    /Share: must be positive/,
  ],
  [
    "a share for somebody else",
    bend(LIAR, keygenRound2Share, "ReceiverID", () => "AQ=="),
    3,
    /receiverId mismatch/,
  ],
];

for (const [what, tamper, round, reason] of lies) {
  Deno.test(`keygen() refuses ${what} and blames its sender`, async () => {
    const outcome = await runKeygen(parties, 1, tamper);
    for (const seat of HONEST) {
      const failure = failureOf(outcome, seat);
      assert.deepEqual(failure.culprits, [LIAR.index]);
      assert.equal(failure.round, round);
      assert.match(failure.reason, reason);
    }
  });
}

Deno.test("keygen() refuses a party that copies another's commitment, opening and proof", async () => {
  const of = (index: number, type: string) =>
    honest.flights.find((f) => f.index === index && f.type === type)!.content;
  const copy = (spec: typeof keygenRound1 | typeof keygenRound2Opening, field: string) =>
    bend(LIAR, spec, field, () => at(of(0, spec.type), field));
  const outcome = await runKeygen(
    parties,
    1,
    both(
      copy(keygenRound1, "Commitment"),
      copy(keygenRound2Opening, "DeCommitment"),
      copy(keygenRound2Opening, "ZKProof"),
    ),
  );
  for (const seat of HONEST) {
    const failure = failureOf(outcome, seat);
    assert.deepEqual(failure.culprits, [1]);
    assert.match(failure.reason, /schnorr proof verify failed/);
  }
});

Deno.test("keygen() waits for ever rather than go on without a message", async () => {
  for (const spec of [keygenRound1, keygenRound2Share, keygenRound2Opening]) {
    const outcome = await runKeygen(parties, 1, silence(LIAR, spec));
    for (const seat of HONEST) {
      const result = outcome.results[seat]!;
      assert.ok(result.status === "rejected" && result.reason instanceof Stalled);
      assert.equal(result.reason.waitingFor, `${spec.type} of single 1`);
    }
  }
});

Deno.test("keygen() blames only the liar when a lie reaches one party alone", async () => {
  const wrong = bend(
    LIAR,
    keygenRound2Share,
    "Share",
    (v, { toSeat }) => toSeat === 2 ? (v as bigint) % (L - 1n) + 1n : v,
  );
  const outcome = await runKeygen(parties, 1, wrong);
  assert.deepEqual(failureOf(outcome, 2).culprits, [1]);
  assert.equal(outcome.results[0]!.status, "fulfilled");
});
