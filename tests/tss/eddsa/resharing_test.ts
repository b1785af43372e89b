import assert from "node:assert/strict";
import { ed25519 as standard } from "@noble/curves/ed25519.js";
import { ed25519, encodeEd25519 } from "../../../lib/crypto/curve.ts";
import type { Json } from "../../../lib/encoding/json.ts";
import {
  resharingMessages,
  resharingRound1,
  resharingRound2,
  resharingRound3Opening,
  resharingRound3Share,
  resharingRound4,
} from "../../../lib/tss/eddsa/messages.ts";
import { reshare } from "../../../lib/tss/eddsa/resharing.ts";
import { type EddsaShare, keyIdOf, parseShare } from "../../../lib/tss/eddsa/share.ts";
import { ProtocolError } from "../../../lib/tss/errors.ts";
import type { Party } from "../../../lib/tss/party.ts";
import { failureOf, Stalled, type Tamper } from "../local_run.ts";
import { at, testdata } from "../replay.ts";
import {
  addTorsion,
  bend,
  both,
  type Committed,
  dealOther,
  openTo,
  putPoint,
  silence,
} from "./attacks.ts";
import {
  coefficients,
  committee,
  everyResult,
  L,
  newShares,
  partiesOf,
  resharingSeats,
  runKeygen,
  runResharing,
  runSigning,
  seeded,
} from "./support.ts";

const message = new TextEncoder().encode("handed over");

/** Signs with these holders and checks the signature under `publicKey`. */
async function assertSigns(
  shares: readonly EddsaShare[],
  threshold: number,
  publicKey: EddsaShare["publicKey"],
) {
  const [result] = everyResult(await runSigning(shares, threshold, message));
  assert.ok(standard.verify(result!.signature, message, encodeEd25519(publicKey)));
}

interface Committees {
  readonly what: string;
  readonly old: string[];
  readonly t: number;
  readonly dealing?: number[];
  readonly new: string[];
  readonly t2: number;
}

const shapes: Committees[] = [
  { what: "an identical", old: ["a", "b", "c"], t: 1, new: ["a", "b", "c"], t2: 1 },
  { what: "a disjoint", old: ["a", "b", "c"], t: 1, new: ["d", "e", "f"], t2: 1 },
  { what: "a growing", old: ["a", "b"], t: 1, new: ["a", "b", "c", "d", "e"], t2: 3 },
  { what: "a shrinking", old: ["a", "b", "c", "d"], t: 2, new: ["b", "d"], t2: 1 },
  {
    what: "an overlapping, dealt by a part of the old,",
    old: ["a", "b", "c", "d"],
    t: 1,
    dealing: [0, 2],
    new: ["c", "d", "e"],
    t2: 2,
  },
];

for (const shape of shapes) {
  Deno.test(`reshare() hands the key to ${shape.what} committee`, async () => {
    const parties = committee(shape.old);
    const all = everyResult(await runKeygen(parties, shape.t));
    const dealing = shape.dealing ?? [...parties.keys()];
    const outcome = await runResharing({
      oldParties: dealing.map((i) => parties[i]!),
      newParties: committee(shape.new, 1),
      oldThreshold: shape.t,
      newThreshold: shape.t2,
      shares: dealing.map((i) => all[i]!),
      expectedKeyId: keyIdOf(all[0]!.publicKey),
    });
    const fresh = newShares(outcome);
    assert.equal(fresh.length, shape.new.length);
    for (const share of fresh) assert.ok(share.publicKey.equals(all[0]!.publicKey));
    await assertSigns(fresh.slice(0, shape.t2 + 1), shape.t2, all[0]!.publicKey);
    await assertSigns(fresh, shape.t2, all[0]!.publicKey);
  });
}

Deno.test("reshare() with the Go library's shares hands over and signs", async () => {
  const shares = (at(testdata("eddsa-keygen-3-1.json"), "secrets", "save_data") as Json[])
    .map(parseShare);
  const fresh = newShares(
    await runResharing({
      oldParties: partiesOf(shares.map((s) => s.shareId), "go"),
      newParties: committee(["x", "y", "z"], 1),
      oldThreshold: 1,
      newThreshold: 2,
      shares,
    }),
  );
  await assertSigns(fresh, 2, shares[0]!.publicKey);
});

Deno.test("reshare() five times in a row keeps the public key, and key forms toggle", async () => {
  const names = [["a", "b", "c"], ["a", "b", "d"], ["a", "b", "d", "e"], ["e", "a"], [
    "a",
    "f",
    "e",
  ], [
    "a",
    "e",
    "f",
  ]];
  let parties: Party[] = committee(names[0]!);
  let shares = everyResult(await runKeygen(parties, 1));
  const { publicKey } = shares[0]!;
  const first = shares;
  for (let i = 1; i <= 5; i++) {
    const newParties = committee(names[i]!, (i % 2) as 0 | 1);
    shares = newShares(
      await runResharing({
        oldParties: parties,
        newParties,
        oldThreshold: 1,
        newThreshold: 1,
        shares,
        expectedKeyId: keyIdOf(publicKey),
      }),
    );
    parties = newParties;
    assert.deepEqual(shares.map((s) => s.shareId), parties.map((p) => p.key));
    assert.ok(shares.every((s) => s.publicKey.equals(publicKey)));
    await assertSigns(shares.slice(-2), 1, publicKey);
  }
  // The shares are new each time: party a's first and last differ under different keys.
  assert.notEqual(first[0]!.xi, shares.find((s) => s.shareId === parties[0]!.key)!.xi);
});

// Attacks: old a b c, new b c d (b and c sit in both, d is a newcomer, a leaves).
const oldParties = committee(["a", "b", "c"]);
const newParties = committee(["b", "c", "d"], 1);
const shares = everyResult(await runKeygen(oldParties, 1));
const run = { oldParties, newParties, oldThreshold: 1, newThreshold: 1, shares };
const seats = resharingSeats(run);
const newcomer = seats.findIndex((seat) => seat.old === undefined);
const leaver = seats.findIndex((seat) => seat.new === undefined);
const stayers = [...seats.keys()].filter((s) => s !== newcomer && s !== leaver);
const LIAR = { from: "old", index: leaver } as const;
const committed: Committed = {
  commitment: resharingRound1,
  opening: resharingRound3Opening,
  fields: ["VCommitment", "VDeCommitment"],
};
const honest = await runResharing(run);

const lies: [string, Tamper, number, RegExp][] = [
  [
    "a commitment to something else",
    bend(LIAR, resharingRound1, "VCommitment", (v) => v as bigint ^ 1n),
    4,
    /de-commitment verify failed/,
  ],
  [
    "an opening with a coefficient too many",
    openTo(LIAR, committed, honest, (D) => [...D, ...D.slice(1, 3)]),
    4,
    /de-commitment verify failed/,
  ],
  [
    "a point off the curve",
    openTo(LIAR, committed, honest, (D) => putPoint(D, 1, 1n, 1n)),
    4,
    /unflatten/,
  ],
  [
    "the identity as constant term",
    openTo(LIAR, committed, honest, (D) => putPoint(D, 0, 0n, 1n)),
    4,
    /identity/,
  ],
  [
    "a torsion part, which Go repairs silently",
    openTo(LIAR, committed, honest, (D) => addTorsion(D, 1)),
    4,
    /torsion/,
  ],
  [
    "a wrong share",
    bend(LIAR, resharingRound3Share, "Share", (v) => v as bigint % (L - 1n) + 1n),
    4,
    /share verify failed/,
  ],
  [
    "a null share, which crashes Go",
    bend(LIAR, resharingRound3Share, "Share", () => null),
    3,
    /Share: is missing/,
  ],
  [
    "a share for somebody else",
    bend(LIAR, resharingRound3Share, "ReceiverID", () => "AQ=="),
    4,
    /receiverId mismatch/,
  ],
  [
    "a null public key",
    bend(LIAR, resharingRound1, "EDDSAPub", () => null),
    1,
    /EDDSAPub: is missing/,
  ],
];

function assertBlamed(failure: ProtocolError, round: number, reason: RegExp, culprits: number[]) {
  assert.equal(failure.committee, "old");
  assert.equal(failure.round, round);
  assert.match(failure.reason, reason);
  assert.deepEqual(failure.culprits, culprits);
}

for (const [what, tamper, round, reason] of lies) {
  Deno.test(`reshare() refuses ${what} and blames the old party`, async () => {
    const outcome = await runResharing(run, tamper);
    for (const seat of [newcomer, ...stayers]) {
      assertBlamed(failureOf(outcome, seat), round, reason, [LIAR.index]);
    }
    assert.ok(outcome.results.every((r) => r.status === "rejected"), "somebody got a result");
  });
}

const bareKey = (point: typeof ed25519.base): Json =>
  new Map<string, Json>([["Curve", "ed25519"], ["Coords", [point.x, point.y]]]);

Deno.test("reshare() blames a lie about the public key on the liar, not on the next", async () => {
  const first = { from: "old", index: 0 } as const;
  const lie = bend(first, resharingRound1, "EDDSAPub", () => bareKey(ed25519.base));
  // Who knows the key, by holding a share or by its id, names the liar.
  const anchored = await runResharing(
    { ...run, expectedKeyId: keyIdOf(shares[0]!.publicKey) },
    lie,
  );
  for (const [seat, { old, new: fresh }] of seats.entries()) {
    if (fresh === undefined || old === 0) continue;
    assertBlamed(failureOf(anchored, seat), 2, /not the expected one/, [0]);
  }
  // A newcomer without an anchor believes what more say than can be corrupt…
  const loose = await runResharing(run, lie);
  assertBlamed(failureOf(loose, newcomer), 2, /pub key mismatch/, [0]);
  // …and blames nobody where no value has that many behind it.
  const three = everyResult(await runKeygen(oldParties, 2));
  const split = await runResharing({ ...run, oldThreshold: 2, shares: three }, lie);
  assertBlamed(failureOf(split, newcomer), 2, /pub key mismatch/, []);
});

Deno.test("reshare() refuses another key that all old parties agree on", async () => {
  const expectedKeyId = keyIdOf(ed25519.base);
  const outcome = await runResharing({ ...run, expectedKeyId });
  // Holders refuse at once; the newcomer, asked alone, blames all who named the other key.
  for (const [seat, { old }] of seats.entries()) {
    const result = outcome.results[seat]!;
    assert.ok(result.status === "rejected");
    if (old === undefined) continue;
    assert.match(String(result.reason), /another key than the one expected/);
    assert.deepEqual(failureOf(outcome, seat).culprits, []);
  }
  const recorded = [0, 1, 2].map((index) =>
    honest.flights.find((f) => f.type === resharingRound1.type && f.index === index)!.content
  );
  const failure = await reshare({
    ...run,
    share: null,
    oldIndex: null,
    newIndex: seats[newcomer]!.new!,
    expectedKeyId,
    ceremonyId: new Uint8Array(32),
    random: seeded("newcomer"),
  }, {
    send() {},
    collect: (spec) => Promise.resolve(new Map(recorded.map((c, j) => [j, spec.parse(c)]))),
    progress() {},
    breathe: () => Promise.resolve(),
  }).catch((error) => error);
  assert.ok(failure instanceof ProtocolError);
  assertBlamed(failure, 2, /not the expected one/, [0, 1, 2]);
});

Deno.test("reshare() names an old party that deals another secret than its own", async () => {
  const newKeys = newParties.map((p) => p.key);
  const lie = dealOther(
    LIAR,
    committed,
    resharingRound3Share,
    (seat) => seats[seat]!.new!,
    newKeys,
    1,
    12345n,
  );
  const outcome = await runResharing(run, lie);
  for (const seat of stayers) {
    assertBlamed(failureOf(outcome, seat), 4, /V_0 does not belong to the old share/, [LIAR.index]);
  }
  // A newcomer holds no old public shares: it sees only that the sum is wrong.
  assertBlamed(failureOf(outcome, newcomer), 4, /V_0 != EdDSA pub key/, []);
});

Deno.test("reshare() lets a holder who does not deal check as a holder", async () => {
  // All three stay, but only two of them deal.
  const setup = {
    ...run,
    oldParties: oldParties.slice(0, 2),
    newParties: committee(["a", "b", "c"], 1),
    shares: shares.slice(0, 2),
    undealt: shares[2]!,
  };
  const places = resharingSeats(setup);
  const holder = places.findIndex((seat) => seat.old === undefined);
  const newKeys = setup.newParties.map((p) => p.key);
  const liar = { from: "old", index: 0 } as const;
  const toIndex = (seat: number) => places[seat]!.new!;
  const lie = dealOther(liar, committed, resharingRound3Share, toIndex, newKeys, 1, 777n);
  assertBlamed(failureOf(await runResharing(setup, lie), holder), 4, /V_0 does not belong/, [0]);
  assert.equal(newShares(await runResharing(setup)).length, 3);
});

Deno.test("reshare() refuses two wrong deals that cancel out in the sum", async () => {
  const newKeys = newParties.map((p) => p.key);
  // The sum of the constants of a and of one stayer stays what it was.
  const constants = [LIAR.index, seats[stayers[0]!]!.old!].map((index) => {
    const flights = honest.flights.filter((f) =>
      f.type === resharingRound3Share.type && f.index === index
    );
    const points = flights.slice(0, 2).map((f) => ({
      x: newKeys[seats[f.toSeat]!.new!]!,
      y: at(f.content, "Share") as bigint,
    }));
    return { index, points };
  });
  const [w0, w1] = constants.map(({ points }) => coefficients(points)[0]!);
  const lie = (index: number, secret: bigint) =>
    dealOther(
      { from: "old", index },
      committed,
      resharingRound3Share,
      (seat) => seats[seat]!.new!,
      newKeys,
      1,
      secret,
    );
  const outcome = await runResharing(
    run,
    both(lie(constants[0]!.index, (w0! + 5n) % L), lie(constants[1]!.index, (w1! + L - 5n) % L)),
  );
  const liars = constants.map((c) => c.index).toSorted();
  assertBlamed(failureOf(outcome, stayers[1]!), 4, /V_0 does not belong to the old share/, liars);
});

Deno.test("reshare() returns nothing until every new party has acknowledged", async () => {
  const pending = new Set<number>();
  const final = new Set<number>();
  const mark = (set: Set<number>) => (seat: number) => Promise.resolve(void set.add(seat));
  for (const spec of resharingMessages) {
    for (const index of [0, 1, 2]) {
      pending.clear();
      final.clear();
      const outcome = await runResharing(
        { ...run, onPendingShare: mark(pending), onNewShare: mark(final) },
        silence({ from: spec.from, index }, spec),
      );
      const silent = seats.findIndex((seat) => seat[spec.from as "old" | "new"] === index);
      for (const [seat, result] of outcome.results.entries()) {
        // The silenced node hears everybody; after its last message it alone may finish.
        if (seat === silent && spec === resharingRound4) continue;
        assert.ok(result.status === "rejected" && result.reason instanceof Stalled, spec.type);
      }
      if (spec.round < 4) assert.equal(pending.size, 0, `${spec.type} of ${index}`);
      assert.ok([...final].every((seat) => seat === silent && spec === resharingRound4));
    }
  }
});

Deno.test("reshare() acknowledges only after the new share was put aside", async () => {
  const order: string[] = [];
  const tamper: Tamper = (flight) => {
    if (flight.type === resharingRound4.type) order.push(`ack ${flight.fromSeat}`);
    return flight.content;
  };
  const outcome = await runResharing({
    ...run,
    onPendingShare: (seat) => Promise.resolve().then(() => void order.push(`kept ${seat}`)),
    onNewShare: (seat) => Promise.resolve().then(() => void order.push(`final ${seat}`)),
  }, tamper);
  everyResult(outcome);
  for (const seat of [newcomer, ...stayers]) {
    assert.ok(order.indexOf(`kept ${seat}`) >= 0);
    assert.ok(order.indexOf(`kept ${seat}`) < order.indexOf(`ack ${seat}`));
    const lastOtherAck = Math.max(
      ...[newcomer, ...stayers].filter((s) => s !== seat).map((s) => order.lastIndexOf(`ack ${s}`)),
    );
    assert.ok(lastOtherAck < order.indexOf(`final ${seat}`));
  }
});

Deno.test("reshare() fails and does not acknowledge when the new share cannot be kept", async () => {
  const outcome = await runResharing({
    ...run,
    onPendingShare: (seat) =>
      seat === newcomer ? Promise.reject(new Error("disk full")) : Promise.resolve(),
  });
  const failed = outcome.results[newcomer]!;
  assert.ok(failed.status === "rejected" && /disk full/.test(String(failed.reason)));
  for (const seat of [leaver, ...stayers]) {
    const result = outcome.results[seat]!;
    assert.ok(result.status === "rejected" && result.reason instanceof Stalled);
  }
});

Deno.test("reshare() leaves the old shares able to sign when it fails", async () => {
  const lie = bend(LIAR, resharingRound3Share, "Share", (v) => v as bigint % (L - 1n) + 1n);
  await runResharing(run, lie);
  await assertSigns(shares.slice(0, 2), 1, shares[0]!.publicKey);
});

Deno.test("a new and an old share of one key do not sign together", async () => {
  const fresh = newShares(honest);
  const mixed = [shares[0]!, fresh[0]!].toSorted((a, b) => a.shareId < b.shareId ? -1 : 1);
  const outcome = await runSigning(mixed, 1, message);
  for (const result of outcome.results) {
    assert.ok(result.status === "rejected" && result.reason instanceof ProtocolError);
    assert.match(result.reason.reason, /not an ascending part/);
  }
});

Deno.test("reshare() refuses a wrong input before it says anything", async () => {
  const silent = {
    send: () => assert.fail("said something"),
    collect: () => assert.fail("listened"),
    progress() {},
    breathe: () => Promise.resolve(),
  };
  const stayer = stayers[0]!;
  const own = seats[stayer]!;
  const good = {
    ...run,
    oldIndex: own.old!,
    newIndex: own.new!,
    share: shares[own.old!]!,
    ceremonyId: new Uint8Array(32),
  };
  const otherNew = newParties.map((p) => p.key).indexOf(
    newParties.find((_, i) => i !== own.new)!.key,
  );
  const bad: [RegExp, Partial<typeof good> | Record<string, unknown>][] = [
    [/neither committee/, { oldIndex: null, newIndex: null, share: null }],
    [/needs its share/, { share: null }],
    [/name different parties/, { newIndex: otherNew }],
    [/belongs to another party/, { share: shares[(own.old! + 1) % 3], newIndex: null }],
    [/index 9/, { oldIndex: 9 }],
    [/index 9/, { newIndex: 9 }],
    [/threshold 0/, { newThreshold: 0 }],
    [/threshold 3/, { newThreshold: 3 }],
    [/threshold 3/, { oldThreshold: 3 }],
    [/not in order/, { newParties: newParties.toReversed() }],
    [/key of an old one/, { newParties: committee(["b", "c", "d"]) }],
    [/XOR 1 in the new one/, {
      newParties: newParties.map((p, i) => i === own.new ? { ...p, key: p.key + 8n } : p),
    }],
    [/another key than the one expected/, { expectedKeyId: new Uint8Array(16) }],
  ];
  for (const [reason, change] of bad) {
    const input = { ...good, ...change, random: seeded("x") } as Parameters<typeof reshare>[0];
    const expected = { name: "ProtocolError", round: 1, culprits: [], reason };
    await assert.rejects(() => reshare(input, silent), expected);
  }
});

Deno.test("reshare() by fewer old parties than the key needs fails before it starts", async () => {
  const parties = committee(["a", "b", "c"]);
  const three = everyResult(await runKeygen(parties, 2));
  const outcome = await runResharing({
    oldParties: parties.slice(0, 2),
    newParties: committee(["d", "e"], 1),
    oldThreshold: 1, // a lie: the key needs three
    newThreshold: 1,
    shares: three.slice(0, 2),
  });
  for (const seat of [0, 1]) {
    const result = outcome.results[seat]!;
    assert.ok(result.status === "rejected" && /fewer than the key needs/.test(result.reason));
  }
});

Deno.test("reshare() acknowledgements may carry fields from later versions", async () => {
  const more: Tamper = (flight) =>
    flight.type === resharingRound2.type || flight.type === resharingRound4.type
      ? { Extra: [1n, "x"] }
      : flight.content;
  assert.equal(newShares(await runResharing(run, more)).length, 3);
});
