import assert from "node:assert/strict";
import { inspect } from "node:util";
import { fromHex, toHex } from "../../../lib/encoding/bytes.ts";
import { type Json, stringifyJson } from "../../../lib/encoding/json.ts";
import { parseIdentity } from "../../../lib/crypto/identity.ts";
import { ContentError } from "../../../lib/tss/errors.ts";
import {
  EcdsaShare,
  keyIdOf,
  nextKey,
  parseShare,
  selectSigners,
  shareToJson,
  signerKey,
} from "../../../lib/tss/ecdsa/share.ts";
import { at, readTranscript, testdata } from "../replay.ts";
import { absent, changeAt, mirrored, type Path, plusOne, plusTwo, shortened } from "./change.ts";

const FILES = [
  "ecdsa-keygen-3-1.json",
  "ecdsa-sign-2of3.json",
  "ecdsa-reshare-3to3.json",
  "ecdsa-reshare-2of3-to-4.json",
];

for (const file of FILES) {
  Deno.test(`parseShare() and shareToJson() keep the save data of ${file} byte for byte`, () => {
    const recorded = at(testdata(file), "secrets", "save_data") as Json[];
    const text = Deno.readTextFileSync(new URL(`../../../testdata/${file}`, import.meta.url))
      .replace(/\s+/g, "");
    for (const json of recorded) {
      const written = stringifyJson(shareToJson(parseShare(json)));
      assert.equal(written, stringifyJson(json));
      // Also against the file's own text: the JSON library's reading is no part of the proof.
      assert.ok(text.includes(written));
    }
  });
}

const json = at(testdata("ecdsa-keygen-3-1.json"), "secrets", "save_data", 1);
const share = parseShare(json);

Deno.test("parseShare() refuses a share whose parts do not belong together", () => {
  const changes: [Path, (v: Json) => Json][] = [
    [["Xi"], plusOne],
    [["Xi"], () => 0n],
    [["ShareID"], plusOne],
    [["Ks", 0], plusOne],
    [["Ks"], (v) => [...(v as Json[])].reverse()],
    [["Ks"], shortened],
    [["NTildej", 1], plusTwo],
    [["NTildej"], shortened],
    [["NTildej", 0], () => at(json, "NTildej", 1)],
    [["H1j", 1], plusOne],
    [["H2j", 0], () => 1n],
    [["BigXj", 1], mirrored],
    [["BigXj", 0], mirrored],
    [["BigXj"], shortened],
    [["PaillierPKs", 1, "N"], plusTwo],
    [["PaillierPKs", 0, "N"], (v) => (v as bigint) >> 1n],
    [["PaillierPKs"], absent],
    [["PaillierSK", "P"], plusTwo],
    [["Alpha"], plusOne],
    [["P"], plusTwo],
    [["ECDSAPub"], mirrored],
    [["ECDSAPub"], absent],
  ];
  for (const [path, change] of changes) {
    const bad = changeAt(structuredClone(json), path, change);
    assert.throws(() => parseShare(bad), ContentError, path.join("."));
  }
  for (const bad of [null, [], new Map(), 1n] as Json[]) {
    assert.throws(() => parseShare(bad), ContentError);
  }
});

Deno.test("EcdsaShare shows no secret when printed", () => {
  assert.ok(share instanceof EcdsaShare);
  for (const text of [JSON.stringify({ share }), Deno.inspect(share), `${Deno.inspect([share])}`]) {
    assert.match(text, /\[redacted\]/);
    for (const secret of [share.xi, share.preParams.alpha, share.preParams.p]) {
      assert.ok(!text.includes(secret.toString().slice(0, 20)));
    }
  }
  assert.ok(!inspect(share).includes(share.xi.toString()));
});

Deno.test("signerKey() finds either form of a party's key", () => {
  const plain = readTranscript("ecdsa-keygen-3-1.json");
  const once = readTranscript("ecdsa-reshare-3to3.json");
  for (const { identity, key } of plain.parties) {
    assert.equal(signerKey(share, parseIdentity(identity)), key);
  }
  const ks = once.newParties.map((p) => p.key);
  for (const [i, { identity, key }] of plain.parties.entries()) {
    assert.equal(signerKey({ ks }, parseIdentity(identity)), ks[i]);
    assert.equal(ks[i], nextKey(key));
    assert.equal(nextKey(nextKey(key)), key);
  }
  const stranger = parseIdentity("ff".repeat(20));
  assert.throws(() => signerKey(share, stranger), RangeError);
});

Deno.test("selectSigners() cuts every list in the order asked for", () => {
  const cut = selectSigners(share, [share.ks[2]!, share.ks[0]!]);
  assert.deepEqual(cut.ks, [share.ks[2], share.ks[0]]);
  assert.deepEqual(cut.paillierPks, [share.paillierPks[2], share.paillierPks[0]]);
  assert.deepEqual(cut.h2j, [share.h2j[2], share.h2j[0]]);
  assert.ok(cut.bigXj[1]!.equals(share.bigXj[0]!));
  assert.throws(() => selectSigners(share, [1n]), RangeError);
});

Deno.test("keyIdOf() hashes x without leading zero bytes", () => {
  // SHA-256 of the one byte 01, cut to 16 bytes.
  const id = keyIdOf({ x: 1n } as Parameters<typeof keyIdOf>[0]);
  assert.deepEqual(id, fromHex("4bf5122f344554c53bde2ebb8cd2b7e3"));
  assert.equal(toHex(keyIdOf(share.publicKey)).length, 32);
});
