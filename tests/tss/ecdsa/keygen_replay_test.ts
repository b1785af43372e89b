import assert from "node:assert/strict";
import { toHex } from "../../../lib/encoding/bytes.ts";
import type { Json } from "../../../lib/encoding/json.ts";
import { ProtocolError } from "../../../lib/tss/errors.ts";
import { at, reaches, readTranscript, tampered } from "../replay.ts";
import {
  absent,
  changeAt,
  negated,
  type Path,
  plusOne,
  plusTwo,
  shortened,
  strangersKey,
} from "./change.ts";
import { recordedShares, replayKeygen } from "./replay_keygen.ts";

const transcript = readTranscript("ecdsa-keygen-3-1.json");
const shares = recordedShares(transcript);
const hex = (n: bigint) => n.toString(16).padStart(64, "0");

for (const self of [0, 1, 2]) {
  Deno.test(`key generation: party ${self} of the recorded run accepts every message`, async () => {
    const result = await replayKeygen(transcript, self, shares[self]!);
    assert.equal(toHex(result.ssid), at(transcript.publicResult, "ssid"));
    assert.equal(hex(result.publicKey.x), at(transcript.publicResult, "public_key", "x"));
    assert.equal(hex(result.publicKey.y), at(transcript.publicResult, "public_key", "y"));
    assert.equal(result.xi, shares[self]!.xi);
    for (const [j, point] of result.bigXj.entries()) {
      assert.equal(hex(point.x), at(transcript.publicResult, "big_xj", j, "x"));
      assert.equal(hex(point.y), at(transcript.publicResult, "big_xj", j, "y"));
    }
  });
}

/** Changes of single fields; each must be refused by every receiver, naming the sender. */
const TAMPERINGS: [
  type: string,
  path: Path,
  change: (v: Json) => Json,
  round: number,
][] = [
  ["ecdsa.keygen.KGRound1Message", ["Commitment"], plusOne, 3],
  ["ecdsa.keygen.KGRound1Message", ["PaillierPK", "N"], plusTwo, 3],
  ["ecdsa.keygen.KGRound1Message", ["NTilde"], plusTwo, 2],
  ["ecdsa.keygen.KGRound1Message", ["H1"], plusOne, 2],
  ["ecdsa.keygen.KGRound1Message", ["H2"], plusOne, 2],
  ["ecdsa.keygen.KGRound1Message", ["DLNProof1", "T", 127], plusOne, 2],
  ["ecdsa.keygen.KGRound1Message", ["DLNProof2", "Alpha", 0], plusOne, 2],
  ["ecdsa.keygen.KGRound1Message", ["DLNProof2"], absent, 1],
  ["ecdsa.keygen.KGRound1Message", ["PaillierPK"], absent, 1],
  ["ecdsa.keygen.KGRound1Message", ["H1"], negated, 1],
  ["ecdsa.keygen.KGRound2Message1", ["Share"], plusOne, 3],
  ["ecdsa.keygen.KGRound2Message1", ["Share"], () => 0n, 3],
  ["ecdsa.keygen.KGRound2Message1", ["Share"], absent, 2],
  ["ecdsa.keygen.KGRound2Message1", ["ReceiverID"], strangersKey, 3],
  ["ecdsa.keygen.KGRound2Message1", ["FacProof", "Z1"], plusOne, 3],
  ["ecdsa.keygen.KGRound2Message1", ["FacProof"], absent, 2],
  ["ecdsa.keygen.KGRound2Message2", ["DeCommitment", 0], plusOne, 3],
  ["ecdsa.keygen.KGRound2Message2", ["DeCommitment", 2], plusOne, 3],
  ["ecdsa.keygen.KGRound2Message2", ["ModProof", "X", 40], plusOne, 3],
  ["ecdsa.keygen.KGRound2Message2", ["ModProof", "Z"], shortened, 2],
  ["ecdsa.keygen.KGRound3Message", ["PaillierProof", 12], plusOne, 4],
  ["ecdsa.keygen.KGRound3Message", ["PaillierProof"], shortened, 3],
];

for (const [type, path, change, round] of TAMPERINGS) {
  Deno.test(`key generation refuses a changed ${type} ${path.join(".")} in round ${round}`, async () => {
    const index = transcript.messages.findIndex((m) => m.type === type && m.from === 1);
    const bad = tampered(transcript, index, (content) => changeAt(content, path, change));
    const self = [0, 2].find((i) => reaches(bad.messages[index]!, "single", i))!;
    await assert.rejects(
      replayKeygen(bad, self, shares[self]!, bad.messages[index]!.round + 1),
      (error) => {
        assert.ok(error instanceof ProtocolError, String(error));
        assert.deepEqual(error.culprits, [1]);
        assert.equal(error.round, round);
        assert.equal(error.task, "ecdsa-keygen");
        return true;
      },
    );
  });
}
