import assert from "node:assert/strict";
import fc from "fast-check";
import { fromHex, toHex, utf8 } from "../../lib/encoding/bytes.ts";
import {
  MAX_STORE_FILE,
  MAX_STORE_PLAINTEXT,
  openStoreFile,
  sealStoreFile,
  StoreFileError,
  verifyStoreFile,
} from "../../lib/keystore/store_file.ts";

const vector = JSON.parse(
  Deno.readTextFileSync(new URL("../../testdata/mesh.json", import.meta.url)),
).store;
const key = fromHex(vector.store_key);
const id = fromHex(vector.key_id);
const file = fromHex(vector.file);
const refused = (code: string) => (error: unknown) =>
  error instanceof StoreFileError && error.code === code;

Deno.test("sealStoreFile() writes the Go service's bytes", () => {
  const sealed = sealStoreFile(
    key,
    id,
    utf8(vector.share_plaintext_utf8),
    () => fromHex(vector.nonce),
  );
  assert.equal(toHex(sealed), vector.file);
  const meta = sealStoreFile(
    key,
    id,
    utf8(vector.meta_plaintext_utf8),
    () => fromHex(vector.meta_nonce),
  );
  assert.equal(toHex(meta), vector.meta_file);
});

Deno.test("openStoreFile() reads the Go service's bytes", () => {
  assert.deepEqual(openStoreFile(key, id, file), utf8(vector.share_plaintext_utf8));
  verifyStoreFile(key, id, file);
});

Deno.test("openStoreFile() refuses every flipped byte and every truncation", () => {
  for (let i = 0; i < file.length; i++) {
    const bent = file.slice();
    bent[i]! ^= 1;
    assert.throws(() => openStoreFile(key, id, bent), refused("TF-STORE-SEAL"), `byte ${i}`);
  }
  for (let n = 0; n < file.length; n++) {
    assert.throws(
      () => openStoreFile(key, id, file.subarray(0, n)),
      refused(n < 40 ? "TF-STORE-SIZE" : "TF-STORE-SEAL"),
      `length ${n}`,
    );
  }
  assert.throws(
    () => openStoreFile(key, id, new Uint8Array(MAX_STORE_FILE + 1)),
    refused("TF-STORE-SIZE"),
  );
});

Deno.test("openStoreFile() refuses another key, another id and a box without an id", () => {
  const otherKey = key.slice();
  otherKey[0]! ^= 1;
  assert.throws(() => openStoreFile(otherKey, id, file), refused("TF-STORE-SEAL"));
  const otherId = id.slice();
  otherId[15]! ^= 1;
  assert.throws(() => openStoreFile(key, otherId, file), refused("TF-STORE-ID"));
  assert.throws(() => openStoreFile(key, id.subarray(0, 15), file), refused("TF-STORE-ID"));
});

Deno.test("sealStoreFile() refuses wrong sizes", () => {
  const random = (n: number) => new Uint8Array(n);
  assert.throws(() => sealStoreFile(key.subarray(1), id, id, random), RangeError);
  assert.throws(() => sealStoreFile(key, new Uint8Array(0), id, random), RangeError);
  assert.throws(
    () => sealStoreFile(key, id, new Uint8Array(MAX_STORE_PLAINTEXT + 1), random),
    RangeError,
  );
});

Deno.test("sealStoreFile() and openStoreFile() invert each other", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 64 }),
      fc.uint8Array({ maxLength: 500 }),
      fc.uint8Array({ minLength: 24, maxLength: 24 }),
      (anId, plaintext, nonce) => {
        const sealed = sealStoreFile(key, anId, plaintext, () => nonce);
        assert.deepEqual(openStoreFile(key, anId, sealed), new Uint8Array(plaintext));
      },
    ),
    { numRuns: 200 },
  );
});
