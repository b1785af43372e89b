import assert from "node:assert/strict";
import { fromHex, fromUtf8, utf8 } from "../../lib/encoding/bytes.ts";
import { NodeIdentity } from "../../lib/crypto/identity.ts";
import { KeystoreError } from "../../lib/keystore/errors.ts";
import { denoFiles } from "../../lib/keystore/files.ts";
import { Keystore } from "../../lib/keystore/keystore.ts";
import { openPreParams } from "../../lib/keystore/preparams_stock.ts";
import { openStoreFile, PREPARAMS_STORE_ID, sealStoreFile } from "../../lib/keystore/store_file.ts";
import { systemRandom } from "../../lib/arith/random.ts";
import { collectingLogger } from "../../lib/observe/logger.ts";
import {
  CEREMONY_1,
  CEREMONY_2,
  CHEAP,
  KEY_A,
  KEY_B,
  NOW,
  openHome,
  PRIVATE_KEY,
  sampleMeta,
  sampleShare,
  snapshot,
  withHome,
} from "./helpers.ts";

const files = denoFiles();
const code = (wanted: string, text?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof KeystoreError, String(error));
  assert.equal(error.code, wanted, error.message);
  if (text !== undefined) assert.match(error.message, text);
  return true;
};
const vector = JSON.parse(
  Deno.readTextFileSync(new URL("../../testdata/mesh.json", import.meta.url)),
).store;
const identity = NodeIdentity.fromPrivateKey(PRIVATE_KEY).identity;

Deno.test("Keystore.create() makes a private home that the passphrase opens", async () => {
  await withHome(async (parent) => {
    const home = `${parent}/deep/home`;
    const made = await Keystore.create({
      home,
      files,
      secret: { passphrase: "p" },
      scrypt: CHEAP,
    });
    const name = made.identity.identity;
    const admin = made.adminIdentity.identity;
    assert.notEqual(name, admin);
    await made.close();
    for (const [path, mode] of [["", 0o700], [`/${name}`, 0o700], [`/${name}/tss`, 0o700]]) {
      assert.equal((await Deno.stat(home + path)).mode! & 0o777, mode);
    }
    for (const path of ["/identity.json", "/admin.key"]) {
      assert.equal((await Deno.stat(home + path)).mode! & 0o777, 0o600);
    }
    const opened = await Keystore.open({ home, files, secret: { passphrase: "p" } });
    assert.equal(opened.identity.identity, name);
    assert.equal(opened.adminIdentity.identity, admin);
    await opened.close();
    const before = await snapshot(home);
    await assert.rejects(
      Keystore.open({ home, files, secret: { passphrase: "q" } }),
      code("TF-PASSPHRASE"),
    );
    await assert.rejects(
      Keystore.create({ home, files, secret: { passphrase: "p" }, scrypt: CHEAP }),
      code("TF-EXISTS"),
    );
    await assert.rejects(
      Keystore.open({ home, files, secret: { privateKey: PRIVATE_KEY } }),
      code("TF-IDENTITY", /belongs to node/),
    );
    assert.deepEqual(await snapshot(home), before);
  });
});

Deno.test("Keystore.create() imports a key", async () => {
  await withHome(async (home) => {
    const store = await Keystore.create({
      home,
      files,
      secret: { passphrase: "p" },
      importKey: PRIVATE_KEY,
      scrypt: CHEAP,
    });
    assert.equal(store.identity.identity, identity);
    await store.close();
    // The same home opens with the key itself.
    const other = await openHome(home);
    assert.deepEqual(other.storeKey(), fromHex(vector.store_key));
    await other.close();
  });
});

Deno.test("Keystore.open() says what is missing", async () => {
  await withHome(async (home) => {
    await assert.rejects(
      Keystore.open({ home, files, secret: { passphrase: "p" } }),
      code("TF-NO-KEYSTORE", /no node key/),
    );
    await assert.rejects(openHome(`${home}/none`), code("TF-NO-KEYSTORE", /no home directory/));
    await Deno.writeTextFile(`${home}/file`, "");
    await assert.rejects(openHome(`${home}/file`), code("TF-HOME"));
    await assert.rejects(
      Keystore.open({ home, files, secret: { privateKey: new Uint8Array(32) } }),
      code("TF-IDENTITY"),
    );
    await assert.rejects(
      Keystore.open({ home, files, secret: { privateKey: PRIVATE_KEY }, readOnly: true }),
      code("TF-NO-KEYSTORE", /admin key/),
    );
  });
});

Deno.test("Keystore.open() refuses a home that others can change or enter", async () => {
  await withHome(async (home) => {
    await (await openHome(home)).close();
    await Deno.chmod(home, 0o770);
    await assert.rejects(openHome(home), code("TF-UNSAFE-FILE", /0770/));
    await Deno.chmod(home, 0o755);
    await Deno.chmod(`${home}/${identity}`, 0o750);
    await assert.rejects(openHome(home), code("TF-UNSAFE-FILE", /0750/));
    await Deno.chmod(`${home}/${identity}`, 0o700);
    await (await openHome(home)).close();
  });
});

Deno.test("Keystore.open() lets one process in, and readers beside it", async () => {
  await withHome(async (home) => {
    const first = await openHome(home);
    await assert.rejects(openHome(home), code("TF-LOCKED", /in use/));
    const reader = await Keystore.open({
      home,
      files,
      secret: { privateKey: PRIVATE_KEY },
      readOnly: true,
    });
    assert.deepEqual(await reader.listKeys(), []);
    await assert.rejects(reader.rememberCeremony(CEREMONY_1), code("TF-READ-ONLY"));
    await reader.close();
    await first.close();
    await assert.rejects(first.rememberCeremony(CEREMONY_1), code("TF-READ-ONLY", /closed/));
    await (await openHome(home)).close();
  });
});

Deno.test("Keystore.open() follows a link to the home directory, none inside", async () => {
  await withHome(async (home) => {
    await Deno.mkdir(`${home}/real`, { mode: 0o700 });
    await Deno.symlink(`${home}/real`, `${home}/link`);
    await (await openHome(`${home}/link`)).close();
    await Deno.rename(`${home}/real/${identity}`, `${home}/moved`);
    await Deno.symlink(`${home}/moved`, `${home}/real/${identity}`);
    await assert.rejects(openHome(`${home}/link`), code("TF-HOME", /not a directory/));
  });
});

Deno.test("Keystore reads the share and metadata files of a Go node", async () => {
  await withHome(async (home) => {
    const tss = `${home}/${identity}/tss`;
    await Deno.mkdir(tss, { recursive: true, mode: 0o700 });
    await Deno.chmod(`${home}/${identity}`, 0o700);
    await Deno.writeFile(`${tss}/${vector.file_name}`, fromHex(vector.file), { mode: 0o600 });
    await Deno.writeFile(`${tss}/${vector.meta_file_name}`, fromHex(vector.meta_file), {
      mode: 0o600,
    });
    const before = await snapshot(tss);
    const store = await openHome(home);
    const [meta] = await store.listKeys();
    assert.equal(meta?.keyId, vector.key_id);
    assert.equal(meta?.committee.length, 3);
    const bytes = await store.readShareCiphertext(vector.key_id);
    const plaintext = openStoreFile(store.storeKey(), fromHex(vector.key_id), bytes);
    assert.equal(fromUtf8(plaintext), vector.share_plaintext_utf8);
    await store.close();
    assert.deepEqual(await snapshot(tss), before);
  });
});

Deno.test("writeShareCiphertext() stores once and never replaces", async () => {
  await withHome(async (home) => {
    const store = await openHome(home);
    const share = sampleShare(store, KEY_A, "one");
    await store.writeShareCiphertext(KEY_A, share, sampleMeta(KEY_A));
    assert.deepEqual(await store.readShareCiphertext(KEY_A), share);
    const tss = `${home}/${identity}/tss`;
    assert.deepEqual([...(await snapshot(tss)).keys()].sort(), [`${KEY_A}.key`, `${KEY_A}.meta`]);
    assert.equal((await Deno.stat(`${tss}/${KEY_A}.key`)).mode! & 0o777, 0o600);
    const before = await snapshot(tss);
    await assert.rejects(
      store.writeShareCiphertext(KEY_A, sampleShare(store, KEY_A, "two"), sampleMeta(KEY_A)),
      code("TF-EXISTS"),
    );
    await assert.rejects(
      store.writeShareCiphertext(KEY_B, share, sampleMeta(KEY_A)),
      code("TF-ARGUMENT"),
    );
    await assert.rejects(
      store.writeShareCiphertext(KEY_B, new Uint8Array(10), sampleMeta(KEY_B)),
      code("TF-ARGUMENT"),
    );
    assert.deepEqual(await snapshot(tss), before);
    await assert.rejects(store.readShareCiphertext(KEY_B), code("TF-NOT-FOUND", /no key/));
    await store.close();
  });
});

Deno.test("Keystore names swapped, renamed, altered, truncated and missing files", async () => {
  await withHome(async (home) => {
    const store = await openHome(home);
    await store.writeShareCiphertext(KEY_A, sampleShare(store, KEY_A, "a"), sampleMeta(KEY_A));
    await store.writeShareCiphertext(KEY_B, sampleShare(store, KEY_B, "b"), sampleMeta(KEY_B));
    const tss = `${home}/${identity}/tss`;
    const good = await snapshot(tss);
    const restore = async () => {
      for (const name of (await snapshot(tss)).keys()) await Deno.remove(`${tss}/${name}`);
      for (const [name, hex] of good) {
        await Deno.writeFile(`${tss}/${name}`, fromHex(hex), { mode: 0o600 });
      }
    };
    const bad = async (name: string, bytes: Uint8Array | null) => {
      if (bytes === null) await Deno.remove(`${tss}/${name}`);
      else await Deno.writeFile(`${tss}/${name}`, bytes);
      const bent = await snapshot(tss);
      await assert.rejects(store.readShareCiphertext(KEY_A), code("TF-DAMAGED"), name);
      const report = await store.recover();
      assert.equal(report.damaged.length, 1);
      assert.equal(report.damaged[0]!.code, "TF-DAMAGED");
      // The other key still works, and nothing was touched.
      assert.deepEqual((await store.listKeys()).map((m) => m.keyId), [KEY_B]);
      const problems = (await store.inspectKeys()).filter((r) => r.problem !== null);
      assert.deepEqual(problems.map((r) => r.keyId), [KEY_A]);
      assert.deepEqual(await snapshot(tss), bent);
      await restore();
    };
    for (const name of [`${KEY_A}.key`, `${KEY_A}.meta`]) {
      const whole = fromHex(good.get(name)!);
      const other = fromHex(good.get(name.replace(KEY_A, KEY_B))!);
      await bad(name, other);
      await bad(name, null);
      for (let i = 0; i < whole.length; i += 17) {
        const bent = whole.slice();
        bent[i]! ^= 0x80;
        await bad(name, bent);
        await bad(name, whole.subarray(0, i));
      }
    }
    // The share in the metadata's place, and the metadata in the share's.
    await bad(`${KEY_A}.meta`, fromHex(good.get(`${KEY_A}.key`)!));
    await bad(`${KEY_A}.key`, fromHex(good.get(`${KEY_A}.meta`)!));
    await store.close();
  });
});

Deno.test("commitStaged() replaces a share, discardStaged() keeps it", async () => {
  await withHome(async (home) => {
    const store = await openHome(home);
    const old = sampleShare(store, KEY_A, "old");
    await store.writeShareCiphertext(KEY_A, old, sampleMeta(KEY_A));
    const previous = await store.readMeta(KEY_A);
    const next = sampleShare(store, KEY_A, "next");
    const meta = { ...sampleMeta(KEY_A), threshold: 2, generation: previous.generation + 1 };
    await store.stageShare(KEY_A, CEREMONY_2, next, meta);
    assert.deepEqual(await store.readShareCiphertext(KEY_A), old);
    assert.deepEqual(
      (await store.staged()).map((s) => [s.keyId, s.ceremony, s.meta.threshold]),
      [[KEY_A, CEREMONY_2, 2]],
    );
    await assert.rejects(store.stageShare(KEY_A, CEREMONY_1, next, meta), code("TF-EXISTS"));
    await assert.rejects(store.commitStaged(KEY_A, CEREMONY_1), code("TF-NOT-FOUND"));
    assert.equal(await store.discardStaged(KEY_A, CEREMONY_1), false);
    assert.equal(await store.discardStaged(KEY_B), false);
    assert.equal(await store.discardStaged(KEY_A, CEREMONY_2), true);
    assert.deepEqual(await store.staged(), []);
    assert.deepEqual(await store.readShareCiphertext(KEY_A), old);
    await assert.rejects(store.commitStaged(KEY_A), code("TF-NOT-FOUND"));
    await assert.rejects(
      store.stageShare(KEY_A, CEREMONY_2, next, { ...meta, publicKey: new Uint8Array(64) }),
      code("TF-ARGUMENT", /public key/),
    );
    await store.stageShare(KEY_A, CEREMONY_2, next, meta);
    await store.commitStaged(KEY_A, CEREMONY_2);
    assert.deepEqual(await store.readShareCiphertext(KEY_A), next);
    assert.equal((await store.readMeta(KEY_A)).generation, 1);
    assert.deepEqual([...(await snapshot(`${home}/${identity}/tss`)).keys()].sort(), [
      `${KEY_A}.key`,
      `${KEY_A}.meta`,
    ]);
    // A new member has no current share.
    await store.stageShare(KEY_B, CEREMONY_2, sampleShare(store, KEY_B, "b"), sampleMeta(KEY_B));
    await assert.rejects(store.readShareCiphertext(KEY_B), code("TF-NOT-FOUND"));
    await store.commitStaged(KEY_B);
    assert.equal((await store.listKeys()).length, 2);
    await store.close();
  });
});

Deno.test("discardStaged() also clears a damaged staged share", async () => {
  await withHome(async (home) => {
    const store = await openHome(home);
    await store.stageShare(KEY_A, CEREMONY_2, sampleShare(store, KEY_A, "x"), sampleMeta(KEY_A));
    await Deno.writeFile(`${home}/${identity}/tss/${KEY_A}.key.next`, new Uint8Array(99));
    assert.deepEqual(await store.staged(), []);
    await assert.rejects(store.commitStaged(KEY_A), code("TF-DAMAGED"));
    assert.equal((await store.recover()).damaged.length, 1);
    await store.discardStaged(KEY_A, CEREMONY_2);
    assert.equal((await snapshot(`${home}/${identity}/tss`)).size, 0);
    await store.close();
  });
});

Deno.test("retireShare() destroys the share and keeps the story", async () => {
  await withHome(async (home) => {
    const store = await openHome(home);
    await store.writeShareCiphertext(KEY_A, sampleShare(store, KEY_A, "x"), sampleMeta(KEY_A));
    await store.retireShare(KEY_A, CEREMONY_2);
    await store.retireShare(KEY_A, CEREMONY_2);
    const [meta] = await store.listKeys();
    assert.equal(meta?.status, "reshared away");
    assert.deepEqual(meta?.history.map((h) => h.event), ["generated", "reshared away"]);
    await assert.rejects(store.readShareCiphertext(KEY_A), code("TF-NOT-FOUND", /reshared away/));
    assert.deepEqual([...(await snapshot(`${home}/${identity}/tss`)).keys()], [`${KEY_A}.meta`]);
    // The node may join again.
    const next = sampleShare(store, KEY_A, "again");
    await store.stageShare(KEY_A, CEREMONY_1, next, { ...sampleMeta(KEY_A), generation: 2 });
    await store.commitStaged(KEY_A);
    assert.deepEqual(await store.readShareCiphertext(KEY_A), next);
    await store.close();
  });
});

Deno.test("takePreParamsCiphertext() hands each set out once", async () => {
  await withHome(async (home) => {
    const store = await openHome(home);
    assert.equal(await store.hasPreParams(), false);
    assert.equal(await store.takePreParamsCiphertext(), null);
    const sets = ["1", "2", "3"].map((text) =>
      sealStoreFile(store.storeKey(), PREPARAMS_STORE_ID, utf8(text), systemRandom)
    );
    for (const set of sets) await store.putPreParamsCiphertext(set);
    assert.equal(await store.preParamsCount(), 3);
    const taken = await Promise.all([1, 2, 3, 4].map(() => store.takePreParamsCiphertext()));
    assert.equal(taken[3], null);
    const texts = taken.slice(0, 3).map((t) => fromUtf8(openPreParams(store.storeKey(), t!)));
    assert.deepEqual(texts.sort(), ["1", "2", "3"]);
    assert.equal(await store.hasPreParams(), false);
    await store.close();
  });
});

Deno.test("Keystore.open() imports a Go node's pre-parameters once, and warns", async () => {
  const [set] = JSON.parse(
    Deno.readTextFileSync(new URL("../../testdata/preparams.json", import.meta.url))
      // Numbers of 2048 bits stay digits: the text is not read as numbers here.
      .replace(/\d{17,}/g, '"$&"'),
  );
  const text = JSON.stringify(set, null, 2).replace(/"(\d{17,})"/g, "$1") + "\n";
  await withHome(async (home) => {
    const path = `${home}/${identity}/preparams.json`;
    await Deno.mkdir(`${home}/${identity}`, { mode: 0o700 });
    await Deno.writeTextFile(path, text, { mode: 0o400 });
    const log = collectingLogger();
    const store = await openHome(home, files, log);
    assert.ok(log.has("warn", "imported the pre-parameters"));
    assert.equal(await store.preParamsCount(), 1);
    const taken = await store.takePreParamsCiphertext();
    assert.equal(fromUtf8(openPreParams(store.storeKey(), taken!)), text);
    await store.close();
    const again = await openHome(home, files, log);
    assert.equal(await again.preParamsCount(), 0);
    await again.close();
    assert.equal(await Deno.readTextFile(path), text);
    assert.ok(!JSON.stringify(log.lines).includes(text.match(/\d{50,}/)![0].slice(0, 40)));
    // A file that is no such set does not stop the node.
    await Deno.remove(path);
    await Deno.writeTextFile(path, "{}", { mode: 0o400 });
    const odd = await openHome(home, files, log);
    assert.ok(log.has("warn", "cannot import"));
    await odd.close();
  });
});

Deno.test("rememberCeremony() lasts across restarts", async () => {
  await withHome(async (home) => {
    const store = await openHome(home);
    assert.equal(store.seenCeremony(CEREMONY_1), false);
    assert.equal(await store.rememberCeremony(CEREMONY_1), true);
    assert.equal(await store.rememberCeremony(CEREMONY_1), false);
    await store.close();
    const again = await openHome(home);
    assert.ok(again.seenCeremony(CEREMONY_1) && !again.seenCeremony(CEREMONY_2));
    await again.close();
  });
});

Deno.test("Keystore shows no key when printed", async () => {
  await withHome(async (home) => {
    const store = await openHome(home);
    for (const text of [Deno.inspect(store), JSON.stringify({ store }), String(NOW)]) {
      assert.ok(!text.includes(vector.store_key) && !text.includes(vector.node_private_key));
    }
    assert.equal(Deno.inspect(store), "[redacted]");
    await store.close();
  });
});
