import assert from "node:assert/strict";
import { ed25519, secp256k1 } from "../../lib/crypto/curve.ts";
import { identityToInt, parseIdentity } from "../../lib/crypto/identity.ts";
import { toHex } from "../../lib/encoding/bytes.ts";
import { type Party, partyKeyBytes, sortParties } from "../../lib/tss/party.ts";

const identity = parseIdentity("00112233445566778899aabbccddeeff00112233");

function parties(...keys: bigint[]): Party[] {
  return keys.map((key) => ({ identity, key }));
}

Deno.test("sortParties() orders by the key as a number and leaves its input alone", () => {
  const input = parties(10n, 9n, 2n ** 159n, 100n);
  assert.deepEqual(sortParties(input).map((p) => p.key), [9n, 10n, 100n, 2n ** 159n]);
  assert.equal(input[0]!.key, 10n);
});

Deno.test("sortParties() refuses keys that no protocol can work with", () => {
  for (
    const bad of [
      [0n, 1n],
      [-1n, 1n],
      [5n, 5n],
      [secp256k1.q, 1n],
      [ed25519.q, 1n],
      [secp256k1.q + 1n, 1n],
      [ed25519.q + 1n, 1n],
    ]
  ) assert.throws(() => sortParties(parties(...bad)), RangeError);
});

Deno.test("partyKeyBytes() drops leading zero bytes", () => {
  const bytes = partyKeyBytes(identityToInt(identity));
  assert.equal(toHex(bytes), "112233445566778899aabbccddeeff00112233");
});
