/** The sealed form of backups. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { systemRandom } from "../../lib/arith/random.ts";
import { concat, utf8 } from "../../lib/encoding/bytes.ts";
import {
  decodeEntries,
  encodeEntries,
  openBundle,
  parseBundleHeader,
  sealBundle,
} from "../../lib/keystore/bundle.ts";
import { KeystoreError } from "../../lib/keystore/errors.ts";
import { CHEAP } from "./helpers.ts";

const PASSPHRASE = "correct horse battery";
const ENTRIES = new Map([
  ["manifest", utf8("{}")],
  ["keys/00.key", Uint8Array.of(1, 2, 3)],
  ["files/ceremonies.seen", new Uint8Array(0)],
]);

const code = (wanted: string) => (error: unknown) =>
  error instanceof KeystoreError && error.code === wanted;

Deno.test("openBundle() returns what sealBundle() was given", async () => {
  const file = await sealBundle(ENTRIES, PASSPHRASE, systemRandom, CHEAP);
  assert.deepEqual(await openBundle(file, PASSPHRASE), ENTRIES);
  // The passphrase in another Unicode form is the same one.
  const accents = await sealBundle(ENTRIES, "pass\u00e9 compos\u00e9", systemRandom, CHEAP);
  assert.deepEqual(await openBundle(accents, "passe\u0301 compose\u0301"), ENTRIES);
});

Deno.test("openBundle() tells a wrong passphrase from damage", async () => {
  const file = await sealBundle(ENTRIES, PASSPHRASE, systemRandom, CHEAP);
  await assert.rejects(openBundle(file, "another one"), code("TF-PASSPHRASE"));
  for (let cut = 0; cut < file.length; cut += 7) {
    assert.throws(() => parseBundleHeader(file.subarray(0, cut)), code("TF-BACKUP"), `${cut}`);
  }
  assert.throws(() => parseBundleHeader(concat(file, Uint8Array.of(0))), code("TF-BACKUP"));
});

Deno.test("parseBundleHeader() refuses a bundle with any bit changed", async () => {
  const file = await sealBundle(ENTRIES, PASSPHRASE, systemRandom, CHEAP);
  let opened = 0;
  for (let bit = 0; bit < 8 * file.length; bit++) {
    const changed = file.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    try {
      // What is still well formed (another salt, say) has another key and does not open.
      parseBundleHeader(changed);
      if (++opened % 40 === 0) {
        await assert.rejects(openBundle(changed, PASSPHRASE), code("TF-PASSPHRASE"), `bit ${bit}`);
      }
    } catch (error) {
      assert.ok(code("TF-BACKUP")(error), `bit ${bit}: ${error}`);
    }
  }
  assert.ok(opened > 40, `${opened}`);
});

Deno.test("sealBundle() refuses a passphrase that is guessed and a cost out of range", async () => {
  await assert.rejects(sealBundle(ENTRIES, "short", systemRandom, CHEAP), code("TF-PASSPHRASE"));
  for (const cost of [{ N: 2 ** 13, r: 8, p: 1 }, { N: 2 ** 20, r: 32, p: 1 }]) {
    await assert.rejects(sealBundle(ENTRIES, PASSPHRASE, systemRandom, cost), code("TF-ARGUMENT"));
  }
});

Deno.test("decodeEntries() reads what encodeEntries() writes, and nothing else", () => {
  const name = fc.stringMatching(/^[a-z0-9]{1,9}([./][a-z0-9]{1,9}){0,2}$/);
  fc.assert(fc.property(
    fc.uniqueArray(fc.tuple(name, fc.uint8Array({ maxLength: 50 })), { selector: ([n]) => n }),
    fc.nat(),
    (list, where) => {
      const entries = new Map(list.map(([n, bytes]) => [n, new Uint8Array(bytes)]));
      const bytes = encodeEntries(entries);
      assert.deepEqual(decodeEntries(bytes), entries);
      assert.throws(() => decodeEntries(concat(bytes, Uint8Array.of(0))), code("TF-BACKUP"));
      const cut = bytes.subarray(0, where % bytes.length);
      assert.throws(() => decodeEntries(cut), code("TF-BACKUP"));
    },
  ));
  for (const bad of ["", "../x", "/x", "a//b", "A", "a\n", "__proto__", "x".repeat(129)]) {
    assert.throws(() => encodeEntries(new Map([[bad, new Uint8Array(1)]])), KeystoreError, bad);
  }
  const twice = concat(
    Uint8Array.of(0, 0, 0, 2),
    ...[1, 2].map(() => Uint8Array.of(0, 0, 0, 1, 97, 0, 0, 0, 0)),
  );
  assert.throws(() => decodeEntries(twice), /holds "a" twice/);
});
