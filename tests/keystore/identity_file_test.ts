import assert from "node:assert/strict";
import { scrypt as nobleScrypt } from "@noble/hashes/scrypt.js";
import nacl from "tweetnacl";
import { systemRandom } from "../../lib/arith/random.ts";
import { NodeIdentity } from "../../lib/crypto/identity.ts";
import { fromBase64, fromUtf8, toHex, utf8 } from "../../lib/encoding/bytes.ts";
import { KeystoreError } from "../../lib/keystore/errors.ts";
import { denoFiles } from "../../lib/keystore/files.ts";
import {
  createAdminKey,
  DEFAULT_SCRYPT,
  identityOf,
  isScryptCost,
  loadAdminKey,
  openIdentity,
  sealIdentity,
} from "../../lib/keystore/identity_file.ts";
import {
  makeRandomPassphrase,
  randomPassphraseBits,
} from "../../lib/keystore/random_passphrase.ts";
import { CHEAP, PRIVATE_KEY, withHome } from "./helpers.ts";

const node = NodeIdentity.fromPrivateKey(PRIVATE_KEY);
const sealed = await sealIdentity(node, "correct horse", systemRandom, CHEAP);
const refused = (code: string, text?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof KeystoreError, String(error));
  assert.equal(error.code, code, error.message);
  if (text !== undefined) assert.match(error.message, text);
  assert.ok(!error.message.includes(toHex(PRIVATE_KEY)));
  return true;
};

Deno.test("openIdentity() opens what sealIdentity() sealed", async () => {
  const opened = await openIdentity(utf8(sealed), "correct horse", "identity.json");
  assert.equal(opened.identity, node.identity);
  assert.deepEqual(opened.exportPrivateKey(), PRIVATE_KEY);
  assert.equal(identityOf(utf8(sealed), "identity.json"), node.identity);
  assert.ok(!sealed.includes(toHex(PRIVATE_KEY)));
});

Deno.test("openIdentity() takes either Unicode spelling of a passphrase", async () => {
  const text = await sealIdentity(node, "gr\u00fcn", systemRandom, CHEAP);
  const opened = await openIdentity(utf8(text), "gru\u0308n", "identity.json");
  assert.equal(opened.identity, node.identity);
});

Deno.test("openIdentity() tells a wrong passphrase from damage", async () => {
  for (const wrong of ["", "correct hors", "correct horse ", "Correct horse"]) {
    await assert.rejects(
      openIdentity(utf8(sealed), wrong, "identity.json"),
      refused("TF-PASSPHRASE", /wrong passphrase/),
    );
  }
});

Deno.test("openIdentity() refuses every altered character as damage", async () => {
  const bytes = utf8(sealed);
  // White space between the fields is no content.
  const compact = utf8(JSON.stringify(JSON.parse(sealed)));
  assert.ok(compact.length < bytes.length);
  for (let i = 0; i < compact.length; i++) {
    const bent = compact.slice();
    bent[i]! ^= 1;
    await assert.rejects(
      openIdentity(bent, "correct horse", "identity.json"),
      refused("TF-DAMAGED"),
      `byte ${i}: ${fromUtf8(compact.subarray(Math.max(0, i - 9), i + 1))}`,
    );
  }
  for (let n = 0; n < compact.length; n += 7) {
    await assert.rejects(
      openIdentity(compact.subarray(0, n), "correct horse", "identity.json"),
      refused("TF-DAMAGED"),
    );
  }
});

Deno.test("openIdentity() refuses costs that are weak or a denial of service", async () => {
  const bent = (change: Record<string, unknown>) =>
    utf8(JSON.stringify({ ...JSON.parse(sealed), ...change }));
  const changes: Record<string, unknown>[] = [
    { N: 2 },
    { N: 2 ** 14 + 1 },
    { N: 2 ** 21 },
    { N: 2 ** 39 },
    { r: 1 },
    { r: 1000 },
    { p: 0 },
    { p: 1000 },
    { N: 2 ** 20, r: 32 },
  ];
  for (const change of changes) {
    await assert.rejects(
      openIdentity(bent(change), "x", "identity.json"),
      refused("TF-DAMAGED", /scrypt cost/),
    );
  }
  await assert.rejects(
    openIdentity(bent({ schema: "transfunctioner/identity/9" }), "x", "identity.json"),
    refused("TF-DAMAGED", /format/),
  );
  assert.ok(isScryptCost(DEFAULT_SCRYPT));
});

Deno.test("sealIdentity() refuses an empty passphrase and a weak cost", async () => {
  await assert.rejects(sealIdentity(node, "", systemRandom, CHEAP), refused("TF-PASSPHRASE"));
  await assert.rejects(
    sealIdentity(node, "x", systemRandom, { N: 1024, r: 8, p: 1 }),
    refused("TF-ARGUMENT"),
  );
});

Deno.test("sealIdentity() stretches no passphrase that the program made", async () => {
  const passphrase = makeRandomPassphrase(systemRandom);
  const text = await sealIdentity(node, passphrase, systemRandom);
  const file = JSON.parse(text) as Record<string, unknown>;
  assert.equal(file["kdf"], "hkdf-sha256");
  assert.deepEqual(["N", "r", "p"].filter((name) => name in file), []);
  const opened = await openIdentity(utf8(text), passphrase, "identity.json");
  assert.deepEqual(opened.exportPrivateKey(), PRIVATE_KEY);
  const other = makeRandomPassphrase(systemRandom);
  for (const wrong of ["", "correct horse", passphrase.slice(0, -1), other]) {
    await assert.rejects(
      openIdentity(utf8(text), wrong, "identity.json"),
      refused("TF-PASSPHRASE", /wrong passphrase/),
    );
  }
  // What the file says about the derivation is covered: neither way can be asked for the other.
  for (const change of [{ kdf: "scrypt", N: 2 ** 14, r: 8, p: 1 }, { kdf: "none" }]) {
    await assert.rejects(
      openIdentity(utf8(JSON.stringify({ ...file, ...change })), passphrase, "identity.json"),
      refused("TF-DAMAGED"),
    );
  }
});

Deno.test("randomPassphraseBits() takes nothing but what makeRandomPassphrase() made", () => {
  const bytes = Uint8Array.from({ length: 32 }, (_, i) => i);
  const made = makeRandomPassphrase(() => bytes.slice());
  assert.match(made, /^trf1-000102[0-9a-f]{58}-[0-9a-f]{8}$/);
  assert.deepEqual(randomPassphraseBits(made), bytes);
  for (let i = 0; i < made.length; i++) {
    const bent = made.slice(0, i) + (made[i] === "0" ? "1" : "0") + made.slice(i + 1);
    assert.equal(randomPassphraseBits(bent), null, bent);
  }
  for (const text of ["", made + "\n", made.toUpperCase(), " " + made, made.slice(5)]) {
    assert.equal(randomPassphraseBits(text), null, text);
  }
});

Deno.test("sealIdentity() stretches as another implementation of scrypt does", () => {
  const key = nobleScrypt(utf8("correct horse"), fromBase64(JSON.parse(sealed).salt, true), {
    N: CHEAP.N,
    r: CHEAP.r,
    p: CHEAP.p,
    dkLen: 32,
  });
  const { nonce, ciphertext } = JSON.parse(sealed) as { nonce: string; ciphertext: string };
  const opened = nacl.secretbox.open(fromBase64(ciphertext, true), fromBase64(nonce, true), key);
  assert.deepEqual(opened, PRIVATE_KEY);
});

Deno.test("loadAdminKey() reads what createAdminKey() wrote, and nothing unsafe", async () => {
  await withHome(async (home) => {
    const files = denoFiles();
    await assert.rejects(loadAdminKey(files, home), refused("TF-NO-KEYSTORE"));
    const made = await createAdminKey(files, home, systemRandom);
    assert.equal((await loadAdminKey(files, home)).identity, made.identity);
    assert.equal((await Deno.stat(`${home}/admin.key`)).mode! & 0o777, 0o600);
    await Deno.chmod(`${home}/admin.key`, 0o640);
    await assert.rejects(loadAdminKey(files, home), refused("TF-UNSAFE-FILE", /0640/));
    await Deno.chmod(`${home}/admin.key`, 0o600);
    await Deno.rename(`${home}/admin.key`, `${home}/elsewhere`);
    await Deno.symlink(`${home}/elsewhere`, `${home}/admin.key`);
    await assert.rejects(loadAdminKey(files, home), refused("TF-UNSAFE-FILE", /link/));
    await Deno.remove(`${home}/admin.key`);
    for (const text of ["", "zz", "00".repeat(32), "ab".repeat(33)]) {
      await Deno.writeTextFile(`${home}/admin.key`, text, { mode: 0o600 });
      await assert.rejects(loadAdminKey(files, home), refused("TF-DAMAGED"), text);
    }
  });
});
