import assert from "node:assert/strict";
import { fromHex, toHex } from "../../lib/encoding/bytes.ts";
import {
  bitcoinAddress,
  compressedKey,
  didKey,
  ethereumAddress,
  keyEncodings,
  sshKey,
} from "../../lib/node/encodings.ts";

// The generator of secp256k1, the public key of private key 1: its addresses are common knowledge.
const G = fromHex(
  "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798" +
    "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8",
);

Deno.test("compressedKey() keeps the parity of Y", () => {
  assert.equal(
    toHex(compressedKey(G)),
    "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
  );
});

Deno.test("ethereumAddress() gives the well-known address of private key 1", () => {
  assert.equal(ethereumAddress(G), "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf");
});

Deno.test("bitcoinAddress() gives the address of BIP 173's example", () => {
  assert.equal(bitcoinAddress(G), "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4");
});

Deno.test("didKey() and sshKey() encode the RFC 8032 test key", () => {
  const key = fromHex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  assert.equal(didKey(key), "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw");
  assert.equal(
    sshKey(key),
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea",
  );
  assert.deepEqual(Object.keys(keyEncodings("ed25519", key)), ["raw", "ssh", "did"]);
});
