import assert from "node:assert/strict";
import { CurvePoint, ed25519 } from "../../../lib/crypto/curve.ts";
import { toHex } from "../../../lib/encoding/bytes.ts";
import { type Json, stringifyJson } from "../../../lib/encoding/json.ts";
import {
  additiveImages,
  additiveShare,
  EddsaShare,
  keyIdOf,
  parseShare,
  shareToJson,
} from "../../../lib/tss/eddsa/share.ts";
import { ContentError } from "../../../lib/tss/errors.ts";
import { at, testdata } from "../replay.ts";
import { L, withFields } from "./support.ts";

const keygen = testdata("eddsa-keygen-3-1.json");
const saves = at(keygen, "secrets", "save_data") as Json[];
const early = testdata("eddsa-transcript.json");
const goShares = [
  ...saves,
  ...at(testdata("eddsa-reshare-3to4.json"), "secrets", "save_data") as Json[],
  ...at(early, "keygen", "saves") as Json[],
  ...at(early, "resharing", "newSaves") as Json[],
];
const pointJson = (x: bigint, y: bigint): Json =>
  new Map<string, Json>([["Curve", "ed25519"], ["Coords", [x, y]]]);
const asJson = (point: typeof ed25519.base): Json => {
  const { x, y } = point;
  return pointJson(x, y);
};

Deno.test("parseShare() and shareToJson() give Go's save data back byte for byte", () => {
  assert.equal(goShares.length, 14);
  for (const save of goShares) {
    assert.equal(stringifyJson(shareToJson(parseShare(save))), stringifyJson(save));
  }
});

Deno.test("parseShare() reads the recorded public values", () => {
  const share = parseShare(saves[0]!);
  assert.equal(share.ownIndex, 0);
  const publicKey = at(keygen, "public_result", "public_key");
  assert.equal(share.publicKey.x, BigInt("0x" + at(publicKey, "x")));
  assert.equal(share.publicKey.y, BigInt("0x" + at(publicKey, "y")));
});

const own = parseShare(saves[0]!);
const someX = own.bigXj[0]!;
const refused: [string, RegExp, Record<string, Json>][] = [
  ["a missing secret", /Xi: is missing/, { Xi: null }],
  ["a secret of 0", /Xi: must be positive/, { Xi: 0n }],
  ["a negative secret", /Xi: must be positive/, { Xi: -own.xi }],
  ["an unreduced secret", /Xi: is too large/, { Xi: own.xi + L }],
  ["another party's secret", /Xi: must belong/, { Xi: at(saves[1]!, "Xi") }],
  ["a quoted secret", /Xi: must be an integer/, { Xi: own.xi.toString() }],
  ["another party's key", /Xi: must belong/, { ShareID: own.ks[1]! }],
  ["a key outside the committee", /ShareID: must be one of Ks/, { ShareID: 5n }],
  ["a committee of one", /Ks: must have at least 2/, { Ks: [own.ks[0]!] }],
  ["unsorted keys", /Ks: must be ascending/, { Ks: own.ks.toReversed() }],
  ["a repeated key", /Ks: must be ascending/, { Ks: [own.ks[0]!, own.ks[0]!, own.ks[2]!] }],
  ["a key that is the group order", /Ks: must not hold/, { Ks: [own.ks[0]!, own.ks[1]!, L] }],
  ["a null key", /Ks\[1\]: is missing/, { Ks: [own.ks[0]!, null, own.ks[2]!] }],
  ["too few points", /BigXj: must be a list as long/, { BigXj: own.bigXj.slice(1).map(asJson) }],
  ["null points", /BigXj\[0\]: is missing/, { BigXj: [null, null, null] }],
  ["a torsion part", /BigXj\[1\]: must be a point of prime order/, {
    BigXj: own.bigXj.map((p, j) =>
      j === 1 ? pointJson(ed25519.p - p.x, ed25519.p - p.y) : asJson(p)
    ),
  }],
  ["an identity point", /BigXj\[1\]: must be a point of prime order/, {
    BigXj: own.bigXj.map((p, j) => j === 1 ? pointJson(0n, 1n) : asJson(p)),
  }],
  ["a foreign point among the others", /EDDSAPub: must be the key/, {
    BigXj: own.bigXj.map((p, j) => asJson(j === 1 ? someX : p)),
  }],
  ["another public key", /EDDSAPub: must be the key/, { EDDSAPub: asJson(ed25519.base) }],
  ["the identity as public key", /EDDSAPub: must be the key/, { EDDSAPub: pointJson(0n, 1n) }],
  ["a public key off the curve", /EDDSAPub: must be on the curve/, { EDDSAPub: pointJson(1n, 1n) }],
];

for (const [what, message, fields] of refused) {
  Deno.test(`parseShare() refuses ${what}`, () => {
    const bent = withFields(saves[0]!, fields);
    assert.throws(() => parseShare(bent), (error: Error) => {
      assert.ok(error instanceof ContentError);
      assert.match(error.message, message);
      assert.ok(!error.message.includes(own.xi.toString()), "the error shows the secret");
      return true;
    });
  });
}

Deno.test("parseShare() refuses what is no object", () => {
  for (const json of [null, [], "", 1n, true, new Map()] as Json[]) {
    assert.throws(() => parseShare(json), ContentError);
  }
});

Deno.test("EddsaShare prints no secret", () => {
  const shown = Deno.inspect(own, { depth: 9 }) + JSON.stringify({ own }) + `${own}`;
  assert.ok(!shown.includes(own.xi.toString()));
  assert.match(shown, /\[redacted\]/);
});

Deno.test("keyIdOf() is the start of SHA-256 of the encoded key", async () => {
  const encoded = Uint8Array.fromHex(
    at(keygen, "public_result", "public_key_compressed") as string,
  );
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", encoded));
  assert.equal(toHex(keyIdOf(own.publicKey)), toHex(digest.subarray(0, 16)));
});

Deno.test("keyIdOf() tells a key from its negative", () => {
  assert.notDeepEqual(keyIdOf(own.publicKey), keyIdOf(own.publicKey.negate()));
});

Deno.test("additiveImages() refuses strangers, repeats and disorder", () => {
  const [a, b, c] = own.ks as [bigint, bigint, bigint];
  for (const keys of [[a, 7n], [a, a], [b, a], [a, b, c + 1n]]) {
    assert.throws(() => additiveImages(own, keys), /not an ascending part/);
  }
});

Deno.test("additiveImages() refuses fewer parties than the key needs", () => {
  const shares = (at(testdata("eddsa-reshare-3to4.json"), "secrets", "save_data") as Json[])
    .map(parseShare);
  const { ks, publicKey } = shares[0]!;
  assert.throws(() => additiveImages(shares[0]!, ks.slice(0, 2)), /fewer than the key needs/);
  const images = additiveImages(shares[0]!, ks.slice(0, 3));
  assert.ok(CurvePoint.sum(images).equals(publicKey));
});

Deno.test("additiveShare() gives the summand behind its image and refuses another's", () => {
  const keys = [own.ks[0]!, own.ks[2]!];
  const images = additiveImages(own, keys);
  const w = additiveShare(own, keys, 0, images);
  assert.ok(ed25519.base.multiply(w).equals(images[0]!));
  assert.throws(() => additiveShare(own, keys, 1, images), /belongs to another party/);
  const wrong = new EddsaShare(own.xi + 1n, own.shareId, own.ks, own.bigXj, own.publicKey);
  assert.throws(() => additiveShare(wrong, keys, 0, images), /does not belong/);
});
