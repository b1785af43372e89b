import assert from "node:assert/strict";
import fc from "fast-check";
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import { sha256, useNativeSha256 } from "../../lib/crypto/kdf.ts";
import { loadNativeSha256 } from "../../lib/crypto/native_sha256.ts";
import { concat, toHex, utf8 } from "../../lib/encoding/bytes.ts";

Deno.test("loadNativeSha256() finds the runtime's own", async () => {
  assert(await loadNativeSha256() !== null);
});

Deno.test("sha256() is the same function by the runtime's own crypto and by JavaScript", async () => {
  await useNativeSha256();
  // Views into larger buffers, as messages cut out of frames are.
  const part = fc.tuple(fc.nat(2_000), fc.nat(40)).map(([length, at]) =>
    Uint8Array.from({ length: length + at }, (_, i) => (i * 31 + length) & 255).subarray(at)
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
      assert.equal(toHex(sha256(...parts)), toHex(nobleSha256(concat(...parts))));
    }),
    { numRuns: 300 },
  );
  // FIPS 180-4's example of many blocks.
  assert.equal(
    toHex(sha256(utf8("a".repeat(1_000_000)))),
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
  );
});
