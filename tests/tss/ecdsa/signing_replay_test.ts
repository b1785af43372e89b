import assert from "node:assert/strict";
import { flattenPoints } from "../../../lib/crypto/curve.ts";
import { toHex } from "../../../lib/encoding/bytes.ts";
import type { Json } from "../../../lib/encoding/json.ts";
import { ProtocolError } from "../../../lib/tss/errors.ts";
import { SignRound6Message, SignRound8Message } from "../../../lib/tss/ecdsa/messages.ts";
import { at, reaches, readTranscript, said, tampered } from "../replay.ts";
import {
  absent,
  changeAt,
  mirrored,
  negated,
  type Path,
  plusOne,
  shortened,
  strangersKey,
} from "./change.ts";
import { recordedShares } from "./replay_keygen.ts";
import { replaySigning } from "./replay_signing.ts";

const FILES = [
  "ecdsa-sign-2of3.json",
  "ecdsa-sign-3of3.json",
  "ecdsa-sign-after-reshare.json",
  "ecdsa-sign-after-reshare-3to3.json",
];

for (const file of FILES) {
  const t = readTranscript(file);
  const shares = recordedShares(t);
  for (const self of t.parties.keys()) {
    Deno.test(`signing: signer ${self} of ${file} accepts every message`, async () => {
      const share = shares.find((s) => s.shareId === t.parties[self]!.key)!;
      const result = await replaySigning(t, self, share);
      const recorded = (name: string) => at(t.secrets, "internal", self, name);
      assert.equal(toHex(result.ssid), at(t.publicResult, "ssid"));
      assert.equal(result.w, recorded("w"));
      assert.equal(result.theta, recorded("theta"));
      assert.equal(result.sigma, recorded("sigma"));
      assert.equal(result.s, recorded("s"));
      assert.equal(toHex(result.signature.r), at(t.publicResult, "r"));
      assert.equal(toHex(result.signature.s), at(t.publicResult, "s"));
      assert.equal(BigInt(result.signature.recoveryId), at(t.publicResult, "recovery_id"));
      // What the Go code opened in rounds 6 and 8 is what ours would have opened.
      const { V, A } = result.blinded;
      const { U, T } = result.points;
      assert.deepEqual(
        said(t, SignRound6Message, self).deCommitment.slice(1),
        flattenPoints([V, A]),
      );
      assert.deepEqual(
        said(t, SignRound8Message, self).deCommitment.slice(1),
        flattenPoints([U, T]),
      );
    });
  }
}

/** Changes of single fields and the round in which each is refused, naming the sender. */
const TAMPERINGS: [name: string, path: Path, change: (v: Json) => Json, round: number][] = [
  ["SignRound1Message1", ["C"], plusOne, 2],
  ["SignRound1Message1", ["C"], () => 0n, 1],
  ["SignRound1Message1", ["RangeProofAlice", "S1"], plusOne, 2],
  ["SignRound1Message1", ["RangeProofAlice", "Z"], negated, 1],
  ["SignRound1Message1", ["RangeProofAlice"], absent, 1],
  ["SignRound1Message1", ["ReceiverID"], strangersKey, 2],
  ["SignRound1Message2", ["Commitment"], plusOne, 5],
  ["SignRound2Message", ["C1"], plusOne, 3],
  ["SignRound2Message", ["C2"], plusOne, 3],
  ["SignRound2Message", ["ProofBob", "T1"], plusOne, 3],
  ["SignRound2Message", ["ProofBob", "T2"], absent, 2],
  ["SignRound2Message", ["ProofBobWC", "S"], plusOne, 3],
  ["SignRound2Message", ["ProofBobWC", "U"], mirrored, 3],
  ["SignRound2Message", ["ProofBobWC", "U"], absent, 2],
  ["SignRound2Message", ["ProofBobWC", "U", "Coords", 0], plusOne, 2],
  ["SignRound2Message", ["ReceiverID"], strangersKey, 3],
  ["SignRound3Message", ["Theta"], absent, 3],
  ["SignRound3Message", ["Theta"], negated, 3],
  ["SignRound3Message", ["Theta"], () => 2n ** 256n - 1n, 3],
  ["SignRound4Message", ["DeCommitment", 0], plusOne, 5],
  ["SignRound4Message", ["DeCommitment"], shortened, 4],
  ["SignRound4Message", ["ZKProof", "T"], plusOne, 5],
  ["SignRound4Message", ["ZKProof", "Alpha"], mirrored, 5],
  ["SignRound5Message", ["Commitment"], plusOne, 7],
  ["SignRound6Message", ["DeCommitment", 3], plusOne, 7],
  ["SignRound6Message", ["ZKProof", "T"], plusOne, 7],
  ["SignRound6Message", ["ZKVProof", "U"], plusOne, 7],
  ["SignRound6Message", ["ZKVProof"], absent, 6],
  ["SignRound7Message", ["Commitment"], plusOne, 9],
  ["SignRound8Message", ["DeCommitment", 4], plusOne, 9],
  ["SignRound9Message", ["S"], absent, 9],
  ["SignRound9Message", ["S"], () => 2n ** 256n - 1n, 9],
];

const three = readTranscript("ecdsa-sign-3of3.json");
const threeShares = recordedShares(three);

for (const [name, path, change, round] of TAMPERINGS) {
  Deno.test(`signing refuses ${change.name} ${name} ${path.join(".")} in round ${round}`, async () => {
    const index = three.messages.findIndex((m) => m.type.endsWith(name) && m.from === 1);
    const bad = tampered(three, index, (content) => changeAt(content, path, change));
    const self = [0, 2].find((i) => reaches(bad.messages[index]!, "single", i))!;
    await assert.rejects(replaySigning(bad, self, threeShares[self]!), (error) => {
      assert.ok(error instanceof ProtocolError, String(error));
      assert.deepEqual(error.culprits, [1]);
      assert.equal(error.round, round);
      assert.equal(error.task, "ecdsa-signing");
      return true;
    });
  });
}

Deno.test("signing blames nobody for what nobody can prove", async () => {
  const wrong: [name: string, path: Path, round: number, reason: string][] = [
    [
      "SignRound3Message",
      ["Theta"],
      7,
      "vverify failed for every Vj: the signers do not hold the same theta",
    ],
    ["SignRound9Message", ["S"], 10, "signature verification failed"],
  ];
  for (const [name, path, round, reason] of wrong) {
    const index = three.messages.findIndex((m) => m.type.endsWith(name) && m.from === 1);
    const bad = tampered(three, index, (content) => changeAt(content, path, plusOne));
    await assert.rejects(replaySigning(bad, 0, threeShares[0]!), (error) => {
      assert.ok(error instanceof ProtocolError);
      assert.deepEqual([error.round, error.reason, error.culprits], [round, reason, []]);
      return true;
    });
  }
});
