import assert from "node:assert/strict";
import { type Identity, identityToInt, parseIdentity } from "../../lib/crypto/identity.ts";
import type { CurvePoint } from "../../lib/crypto/curve.ts";
import { bytesToInt, fromHex, toHex } from "../../lib/encoding/bytes.ts";
import { goPartyId } from "../../lib/mesh/command_fields.ts";
import { electCommittee } from "../../lib/mesh/election.ts";
import { WireError } from "../../lib/mesh/errors.ts";
import { committeeIdentities, partyIdOf, partyKeyOf } from "../../lib/mesh/party_ids.ts";
import { keyIdOf } from "../../lib/tss/ecdsa/share.ts";
import { vectors } from "./vectors.ts";

// The group `store` is tested by tests/keystore/store_file_test.ts.

const A = vectors.identities.A.identity as Identity;

Deno.test("partyIdOf() builds the vectors' party ids (group party_ids)", () => {
  const v = vectors.party_ids;
  assert.equal(goPartyId.encode(partyIdOf(A)), v.A);
  assert.equal(goPartyId.encode(partyIdOf(A, true)), v.A_new_committee);
  const zeros = parseIdentity(v.leading_zeros.identity);
  assert.equal(goPartyId.encode(partyIdOf(zeros)), v.leading_zeros.json);
  assert.equal(partyKeyOf(A), identityToInt(A));
  assert.equal(partyKeyOf(A, true), identityToInt(A) ^ 1n);
});

Deno.test("committeeIdentities() reads ids only and refuses what makes the engine panic", () => {
  const B = vectors.identities.B.identity as Identity;
  const odd = { ...partyIdOf(A), id: A.toUpperCase(), moniker: "x", key: new Uint8Array(0) };
  assert.deepEqual(committeeIdentities([partyIdOf(B), odd]), [B, A]);
  const refused: [ReturnType<typeof partyIdOf>[], RegExp][] = [
    [[], /empty/],
    [[partyIdOf(A), { ...partyIdOf(B), id: "" }], /member 1 has no valid identity/],
    [[{ ...partyIdOf(A), id: A + "0" }], /member 0 has no valid identity/],
    [[partyIdOf(A), odd], /member 1 is named twice/],
    [[{ ...partyIdOf(A), id: "0".repeat(40) }], /member 0 is the zero identity/],
  ];
  for (const [committee, reason] of refused) {
    assert.throws(
      () => committeeIdentities(committee),
      (error) => error instanceof WireError && reason.test(error.message),
    );
  }
});

Deno.test("electCommittee() draws the vectors' committees (group election)", () => {
  const v = vectors.election;
  const candidates = v.candidates.map((c) => c.identity as Identity);
  assert.equal(v.results.length, 6);
  for (const r of v.results) {
    const elected = electCommittee(fromHex(r.seed), candidates, r.committee_size);
    assert.deepEqual(elected, r.result);
    assert.equal(elected[0], r.coordinator);
    // The order of the candidates does not matter.
    const reversed = [...candidates].reverse();
    assert.deepEqual(electCommittee(fromHex(r.seed), reversed, r.committee_size), r.result);
  }
  assert.deepEqual([...candidates].sort(), v.sorted);
});

Deno.test("electCommittee() refuses impossible sizes", () => {
  const candidates = vectors.election.candidates.map((c) => c.identity as Identity);
  for (const size of [0, -1, 8, 1.5, NaN]) {
    assert.throws(() => electCommittee(new Uint8Array(0), candidates, size), RangeError);
  }
  const many = Array.from(
    { length: 300 },
    (_, i) => parseIdentity(i.toString(16).padStart(40, "0")),
  );
  assert.equal(electCommittee(new Uint8Array(1), many, 256).length, 256);
  assert.throws(() => electCommittee(new Uint8Array(1), many, 257), RangeError);
});

Deno.test("keyIdOf() drops leading zero bytes before hashing (group key_id)", () => {
  const v = vectors.key_id;
  const point = (x: string) => ({ x: bytesToInt(fromHex(x)) }) as CurvePoint;
  assert.equal(toHex(keyIdOf(point(v.x_hex))), v.key_id);
  assert.equal(toHex(keyIdOf(point(v.x_hex_with_leading_zeros))), v.key_id_with_leading_zeros);
});
