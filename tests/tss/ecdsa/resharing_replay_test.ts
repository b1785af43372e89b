import assert from "node:assert/strict";
import { toHex } from "../../../lib/encoding/bytes.ts";
import type { Json } from "../../../lib/encoding/json.ts";
import { type Committee, ProtocolError } from "../../../lib/tss/errors.ts";
import {
  DGRound1Message,
  DGRound2Message2,
  DGRound3Message2,
  DGRound4Message2,
} from "../../../lib/tss/ecdsa/messages.ts";
import { at, heard, readTranscript, said, tampered } from "../replay.ts";
import {
  absent,
  changeAt,
  mirrored,
  negated,
  type Path,
  plusOne,
  plusTwo,
  shortened,
  strangersKey,
} from "./change.ts";
import { recordedShares } from "./replay_keygen.ts";
import { imagesOf, recordedContext, replayResharing } from "./replay_resharing.ts";

const hex = (n: bigint) => n.toString(16).padStart(64, "0");

for (const file of ["ecdsa-reshare-3to3.json", "ecdsa-reshare-2of3-to-4.json"]) {
  const t = readTranscript(file);
  const shares = recordedShares(t);
  const oldShares = recordedShares(t, "old_save_data");

  for (const self of t.newParties.keys()) {
    for (const known of self === 0 ? [null, oldShares[0]!] : [null]) {
      const holder = known === null ? "without" : "with";
      Deno.test(`resharing: new party ${self} of ${file} accepts every message ${holder} old key data`, async () => {
        // What is known of the old key has no part in checking the others' parameters.
        const result = await replayResharing(t, self, shares[self]!, known, known === null);
        assert.equal(toHex(result.ssid), at(t.publicResult, "ssid"));
        assert.equal(result.xi, shares[self]!.xi);
        assert.equal(hex(result.publicKey.x), at(t.publicResult, "public_key", "x"));
        for (const [j, point] of result.bigXj.entries()) {
          assert.equal(hex(point.x), at(t.publicResult, "big_xj", j, "x"));
          assert.equal(hex(point.y), at(t.publicResult, "big_xj", j, "y"));
        }
      });
    }
  }

  for (const [self, party] of t.oldParties.entries()) {
    Deno.test(`resharing: old party ${self} of ${file} shares what it shared, hears all acknowledgements`, () => {
      const own = oldShares.find((s) => s.shareId === party.key)!;
      const roles = { oldIndex: self, newIndex: null };
      const { ctx, w } = recordedContext(t, roles, shares[0]!, own);
      const poly = at(t.secrets, "internal", self, "poly") as bigint[];
      assert.equal(w, poly[0]);
      const message = said(t, DGRound1Message, self);
      assert.equal(toHex(ctx.old!.ssid), toHex(message.ssid));
      assert.ok(ctx.old!.publicKey.equals(message.publicKey));
      const opening = said(t, DGRound3Message2, self).deCommitment;
      assert.deepEqual(opening.slice(1), imagesOf(poly).flatMap(({ x, y }) => [x, y]));
      for (const spec of [DGRound2Message2, DGRound4Message2]) {
        assert.equal(heard(t, spec, self, "old").size, t.newParties.length);
      }
    });
  }
}

const t = readTranscript("ecdsa-reshare-2of3-to-4.json");
const shares = recordedShares(t);
const holder = recordedShares(t, "old_save_data")[0]!;

/** Changes of single fields, the committee and round in which each is refused; party 1 sent them. */
const TAMPERINGS: [
  name: string,
  path: Path,
  change: (v: Json) => Json,
  who: Committee,
  round: number,
][] = [
  ["DGRound1Message", ["ECDSAPub"], mirrored, "old", 2],
  ["DGRound1Message", ["ECDSAPub"], absent, "old", 1],
  ["DGRound1Message", ["VCommitment"], plusOne, "old", 4],
  ["DGRound1Message", ["SSID"], strangersKey, "old", 2],
  ["DGRound1Message", ["SSID"], absent, "old", 1],
  ["DGRound2Message1", ["PaillierPK", "N"], plusTwo, "new", 4],
  ["DGRound2Message1", ["PaillierPK"], absent, "new", 2],
  ["DGRound2Message1", ["NTilde"], plusTwo, "new", 4],
  ["DGRound2Message1", ["NTilde"], (v) => (v as bigint) << 2048n, "new", 2],
  ["DGRound2Message1", ["H1"], plusOne, "new", 4],
  ["DGRound2Message1", ["ModProof", "A"], plusOne, "new", 4],
  ["DGRound2Message1", ["DLNProof1", "T", 5], plusOne, "new", 4],
  ["DGRound2Message1", ["DLNProof2", "Alpha"], shortened, "new", 2],
  ["DGRound3Message1", ["Share"], plusOne, "old", 4],
  ["DGRound3Message1", ["Share"], negated, "old", 3],
  ["DGRound3Message1", ["ReceiverID"], strangersKey, "old", 4],
  ["DGRound3Message2", ["VDeCommitment", 3], plusOne, "old", 4],
  ["DGRound3Message2", ["VDeCommitment"], shortened, "old", 4],
  ["DGRound4Message1", ["FacProof", "V"], plusOne, "new", 5],
  ["DGRound4Message1", ["FacProof", "W1"], (v) => (v as bigint) << 9000n, "new", 4],
  ["DGRound4Message1", ["ReceiverID"], strangersKey, "new", 5],
];

for (const [name, path, change, who, round] of TAMPERINGS) {
  Deno.test(`resharing refuses ${change.name} ${name} ${path.join(".")} in round ${round}`, async () => {
    const index = t.messages.findIndex((m) =>
      m.type.endsWith(name) && m.from === 1 && (m.to === null || m.to.includes(0))
    );
    const bad = tampered(t, index, (content) => changeAt(content, path, change));
    const parameters = bad.messages[index]!.round === 2;
    await assert.rejects(replayResharing(bad, 0, shares[0]!, holder, parameters), (error) => {
      assert.ok(error instanceof ProtocolError, String(error));
      assert.deepEqual([error.committee, error.culprits, error.round], [who, [1], round]);
      assert.equal(error.task, "ecdsa-resharing");
      return true;
    });
  });
}

Deno.test("resharing: a lie of old party 0 is not pinned on old party 1", async () => {
  const index = t.messages.findIndex((m) => m.type === DGRound1Message.type && m.from === 0);
  const bad = tampered(t, index, (content) => changeAt(content, ["SSID"], strangersKey));
  const blamed = (known: typeof holder | null) =>
    replayResharing(bad, 0, shares[0]!, known).then(
      () => assert.fail("must be refused"),
      (error: ProtocolError) => [error.reason, error.culprits],
    );
  // Who holds old key data knows; who does not sees one word against another.
  assert.deepEqual(await blamed(holder), ["ssid mismatch", [0]]);
  assert.deepEqual(await blamed(null), ["ssid mismatch", []]);
});
