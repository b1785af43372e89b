import assert from "node:assert/strict";
import { ed25519 as standard } from "@noble/curves/ed25519.js";
import { mod } from "../../../lib/arith/number.ts";
import { encodeEd25519 } from "../../../lib/crypto/curve.ts";
import { fromBase64, intToBytes, toHex } from "../../../lib/encoding/bytes.ts";
import { type Json, stringifyJson } from "../../../lib/encoding/json.ts";
import { keygen } from "../../../lib/tss/eddsa/keygen.ts";
import {
  keygenRound2Opening,
  keygenRound2Share,
  resharingRound3Opening,
  resharingRound3Share,
  signingRound2,
  signingRound3,
} from "../../../lib/tss/eddsa/messages.ts";
import { reshare } from "../../../lib/tss/eddsa/resharing.ts";
import {
  additiveImages,
  additiveShare,
  parseShare,
  shareToJson,
} from "../../../lib/tss/eddsa/share.ts";
import { sign } from "../../../lib/tss/eddsa/signing.ts";
import { keygenSsid, resharingSsid, signingSsid } from "../../../lib/tss/eddsa/ssid.ts";
import { hedgedRandom } from "../../../lib/tss/hedged_random.ts";
import { at, readTranscript, said, type Transcript } from "../replay.ts";
import type { Seat } from "../local_run.ts";
import { earlyTranscript, replayChannel } from "./replay_channel.ts";
import { coefficients, L, partiesOf, schnorrNonce, scripted } from "./support.ts";

const keysOf = (parties: readonly { key: bigint }[]) => parties.map((p) => p.key);

/** Every secret choice of keygen party `self`, recovered from the transcript. */
function keygenScript(t: Transcript, self: number, ssid: Uint8Array, ownShare: bigint): bigint[] {
  const points = keysOf(t.parties).map((x, j) => ({
    x,
    y: j === self ? ownShare : said(t, keygenRound2Share, self, j).share,
  })).slice(0, t.threshold + 1);
  const [u, ...higher] = coefficients(points);
  const opened = said(t, keygenRound2Opening, self);
  return [u!, ...higher, opened.opening[0]!, schnorrNonce(ssid, self, opened, u!)];
}

async function replayKeygen(t: Transcript, ssidHex: string, ownShare: (j: number) => bigint) {
  const keys = keysOf(t.parties);
  const ssid = keygenSsid(keys, t.threshold, t);
  assert.equal(toHex(ssid), ssidHex);
  const shares = [];
  for (const self of keys.keys()) {
    const channel = replayChannel(t, { single: self }, "eddsa-keygen");
    const random = scripted(keygenScript(t, self, ssid, ownShare(self)));
    const parties = partiesOf(keys, "party");
    const { threshold, ceremonyId } = t;
    shares.push(await keygen({ parties, self, threshold, ceremonyId, random }, channel));
    channel.assertSaidEverything();
    assert.equal(random.left(), 0);
  }
  return shares.map((share) => stringifyJson(shareToJson(share)));
}

Deno.test("keygen() in any party's place says and computes what eddsa-keygen-3-1 recorded", async () => {
  const t = readTranscript("eddsa-keygen-3-1.json");
  const shares = await replayKeygen(
    t,
    at(t.publicResult, "ssid") as string,
    (j) => at(t.secrets, "internal", j, "shares", j) as bigint,
  );
  assert.deepEqual(shares, (at(t.secrets, "save_data") as Json[]).map(stringifyJson));
});

Deno.test("keygen() in any party's place says and computes what eddsa-transcript recorded", async () => {
  const { transcript, detail } = earlyTranscript("keygen");
  const keys = keysOf(transcript.parties);
  const shares = await replayKeygen(
    transcript,
    "3174263f389a66f5836eab713900cd679354b3c7f08c5042e0e341296124c02d",
    (self) => {
      // Degree 1: what this party sent to the two others gives its own share.
      const others = [...keys.keys()].filter((j) => j !== self);
      const [a0, a1] = coefficients(
        others.map((j) => ({
          x: keys[j]!,
          y: said(transcript, keygenRound2Share, self, j).share,
        })),
      );
      return mod(a0! + a1! * keys[self]!, L);
    },
  );
  assert.deepEqual(shares, (detail.get("saves") as Json[]).map(stringifyJson));
});

async function replaySigning(t: Transcript, saves: readonly Json[], more: {
  ssid: string;
  signature: string;
  ssidNonce?: bigint;
  internal?: Json;
}) {
  const keys = keysOf(t.parties);
  const session = { ceremonyId: t.ceremonyId, ssidNonce: more.ssidNonce };
  const ssid = signingSsid(keys, t.threshold, session);
  assert.equal(toHex(ssid), more.ssid);
  for (const self of keys.keys()) {
    const share = saves.map(parseShare).find((s) => s.shareId === keys[self])!;
    const w = additiveShare(share, keys, self, additiveImages(share, keys));
    const opened = said(t, signingRound2, self);
    const signature = Uint8Array.fromHex(more.signature);
    const hash = await crypto.subtle.digest(
      "SHA-512",
      new Uint8Array([
        ...signature.subarray(0, 32),
        ...encodeEd25519(share.publicKey),
        ...t.signed,
      ]),
    );
    const challenge = mod(BigInt("0x" + toHex(new Uint8Array(hash).reverse())), L);
    const r = mod(said(t, signingRound3, self).s - challenge * w, L);
    if (more.internal !== undefined) {
      assert.equal(w, at(more.internal, self, "w"));
      assert.equal(r, at(more.internal, self, "r"));
    }
    const script = scripted([r, opened.opening[0]!, schnorrNonce(ssid, self, opened, r)]);
    // The pad that sign() adds is its own inverse.
    const random = hedgedRandom(script, "eddsa-signing", [
      intToBytes(share.xi, 32),
      ssid,
      t.signed,
    ]);
    const channel = replayChannel(t, { single: self }, "eddsa-signing");
    const { threshold, signed: message } = t;
    const parties = partiesOf(keys, "party");
    const result = await sign(
      { parties, self, threshold, share, message, ...session, random },
      channel,
    );
    channel.assertSaidEverything();
    assert.equal(script.left(), 0);
    assert.equal(toHex(result.signature), more.signature);
    assert.ok(standard.verify(result.signature, message, result.publicKey));
  }
}

for (const file of ["eddsa-sign-2of3.json", "eddsa-sign-after-reshare.json"]) {
  Deno.test(`sign() in any signer's place says and computes what ${file} recorded`, async () => {
    const t = readTranscript(file);
    await replaySigning(t, at(t.secrets, "save_data") as Json[], {
      ssid: at(t.publicResult, "ssid") as string,
      signature: at(t.publicResult, "signature") as string,
      internal: at(t.secrets, "internal"),
    });
  });
}

Deno.test("sign() in any signer's place says and computes what eddsa-transcript recorded", async () => {
  const { transcript, detail } = earlyTranscript("signing");
  await replaySigning(transcript, earlyTranscript("keygen").detail.get("saves") as Json[], {
    ssid: "b466e9dc49839895a5a5084b1ddc416182947f4bfb1eb766f6f97c2f353e62f0",
    signature: toHex(fromBase64(at(detail, "signature", "Signature") as string)),
    ssidNonce: 7n,
  });
});

async function replayResharing(
  t: Transcript,
  oldSaves: readonly Json[],
  newSaves: readonly Json[],
  seats: readonly Seat[],
) {
  const oldKeys = keysOf(t.oldParties);
  const newKeys = keysOf(t.newParties);
  const ssid = resharingSsid({ ...t, oldKeys, newKeys }, t);
  for (const seat of seats) {
    const share = seat.old === undefined ? null : parseShare(oldSaves[seat.old]!);
    let script = scripted([]);
    if (share !== null) {
      const old = seat.old!;
      const points = newKeys.slice(0, t.newThreshold + 1).map((x, j) => ({
        x,
        y: said(t, resharingRound3Share, old, j).share,
      }));
      const [w, ...higher] = coefficients(points);
      assert.equal(w, additiveShare(share, oldKeys, old, additiveImages(share, oldKeys)));
      script = scripted([...higher, said(t, resharingRound3Opening, old).opening[0]!]);
    }
    const random = share === null
      ? script
      : hedgedRandom(script, "eddsa-resharing", [intToBytes(share.xi, 32), ssid]);
    const channel = replayChannel(t, seat, "eddsa-resharing");
    let kept: string | null = null;
    const name = (side: string) => (p: { identity: string; key: bigint }, i: number) => ({
      ...partiesOf([p.key], p.identity === "" ? `${side}${i}` : p.identity)[0]!,
    });
    const result = await reshare({
      oldParties: t.oldParties.map(name("old")),
      newParties: t.newParties.map(name("new")),
      oldIndex: seat.old ?? null,
      newIndex: seat.new ?? null,
      oldThreshold: t.oldThreshold,
      newThreshold: t.newThreshold,
      share,
      ceremonyId: t.ceremonyId,
      random,
      onPendingShare: (fresh) => {
        kept = stringifyJson(shareToJson(fresh));
        return Promise.resolve();
      },
    }, channel);
    channel.assertSaidEverything();
    assert.equal(script.left(), 0);
    const expected = seat.new === undefined ? null : stringifyJson(newSaves[seat.new]!);
    assert.equal(result === null ? null : stringifyJson(shareToJson(result)), expected);
    assert.equal(kept, expected);
  }
  return toHex(ssid);
}

Deno.test("reshare() in any node's place says and computes what eddsa-reshare-3to4 recorded", async () => {
  const t = readTranscript("eddsa-reshare-3to4.json");
  const ssid = await replayResharing(
    t,
    at(t.secrets, "old_save_data") as Json[],
    at(t.secrets, "save_data") as Json[],
    [{ old: 0 }, { old: 1, new: 2 }, { old: 2 }, { new: 0 }, { new: 1 }, { new: 3 }],
  );
  assert.equal(ssid, at(t.publicResult, "ssid"));
});

Deno.test("reshare() in any node's place says and computes what eddsa-transcript recorded", async () => {
  const { transcript, detail } = earlyTranscript("resharing");
  const ssid = await replayResharing(
    transcript,
    earlyTranscript("keygen").detail.get("saves") as Json[],
    detail.get("newSaves") as Json[],
    [{ old: 0 }, { old: 1 }, { old: 2 }, { new: 0 }, { new: 1 }, { new: 2 }, { new: 3 }],
  );
  assert.equal(ssid, "e758926cfbe667c1d38954a28782a7f15cc24a5e66772cd0e96bb88f4804f1fc");
});
