/** Backing a home directory up and putting it back. */
import assert from "node:assert/strict";
import { fromUtf8, utf8 } from "../../lib/encoding/bytes.ts";
import type { Identity } from "../../lib/crypto/identity.ts";
import { backupEntries, readBackup } from "../../lib/keystore/backup.ts";
import { KeystoreError } from "../../lib/keystore/errors.ts";
import { denoFiles } from "../../lib/keystore/files.ts";
import {
  keysNotBackedUp,
  markMoved,
  MOVED_FILE,
  readBackupRecord,
} from "../../lib/keystore/home_marks.ts";
import { Keystore } from "../../lib/keystore/keystore.ts";
import { keyIdBytes, type KeyMeta } from "../../lib/keystore/meta.ts";
import { openStoreFile } from "../../lib/keystore/store_file.ts";
import { backUp, putBack } from "./backup_kit.ts";
import {
  CEREMONY_1,
  CEREMONY_2,
  CHEAP,
  KEY_A,
  KEY_B,
  NOW,
  openHome,
  sampleMeta,
  sampleShare,
  withHome,
} from "./helpers.ts";

async function shareText(store: Keystore, keyId: string): Promise<string> {
  const bytes = await store.readShareCiphertext(keyId);
  return fromUtf8(openStoreFile(store.storeKey(), keyIdBytes(keyId), bytes));
}

/** Opens, works, closes. */
async function inHome<T>(home: string, work: (store: Keystore) => Promise<T>): Promise<T> {
  const store = await openHome(home);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

const put = (keyId: string, text: string, extra: Partial<KeyMeta> = {}) => (store: Keystore) =>
  store.writeShareCiphertext(keyId, sampleShare(store, keyId, text), sampleMeta(keyId, extra));

/** A resharing to `generation`. */
const advance = (keyId: string, text: string, generation: number) => async (store: Keystore) => {
  const meta = { ...await store.readMeta(keyId), generation };
  await store.stageShare(keyId, CEREMONY_2, sampleShare(store, keyId, text), meta);
  await store.commitStaged(keyId, CEREMONY_2);
};

Deno.test("restoreBackup() makes a fresh home of what collectBackup() read", async () => {
  await withHome(async (old) => {
    await inHome(old, put(KEY_A, "a"));
    await inHome(old, put(KEY_B, "b", { generation: 3 }));
    await inHome(old, (s) => s.retireShare(KEY_B, CEREMONY_2));
    await inHome(old, (s) => s.rememberCeremony(CEREMONY_1));
    await inHome(old, (s) => s.putPreParamsCiphertext(sampleShare(s, KEY_A, "set")));
    await Deno.writeTextFile(`${old}/config.json`, '{"consent":"manual"}');
    const backup = await backUp(old);
    const admin = await inHome(old, (s) => Promise.resolve(s.adminIdentity.identity));
    await withHome(async (parent) => {
      const home = `${parent}/fresh`;
      const secret = { passphrase: "of the new home" };
      const report = await putBack(home, backup, { secret });
      assert.deepEqual(report.keys.map((k) => k.outcome), ["restored", "restored"]);
      assert.deepEqual(report.written, ["config.json", "admin.key", "identity.json"]);
      assert.equal(report.ceremonies, 1);
      const store = await Keystore.open({ home, files: denoFiles(), secret });
      assert.deepEqual(store.recovery.damaged, []);
      assert.equal(await shareText(store, KEY_A), '{"share":"a"}');
      assert.equal((await store.readMeta(KEY_B)).status, "reshared away");
      assert.equal((await store.readMeta(KEY_B)).generation, 3);
      assert.equal(store.seenCeremony(CEREMONY_1), true);
      assert.equal(store.adminIdentity.identity, admin);
      assert.equal(await store.preParamsCount(), 0, "pre-parameters serve once");
      assert.equal(await Deno.readTextFile(`${home}/config.json`), '{"consent":"manual"}');
      assert.equal((await Deno.stat(`${home}/config.json`)).mode! & 0o777, 0o600);
      const record = await readBackupRecord(denoFiles(), home);
      assert.deepEqual(keysNotBackedUp(record, await store.listKeys()), []);
      await store.close();
      // The same again changes nothing.
      const again = await putBack(home, backup, { secret });
      assert.deepEqual(again.keys.map((k) => k.outcome), ["kept", "kept"]);
      assert.deepEqual(again.written, []);
    });
  });
});

Deno.test("restoreBackup() never puts an older share over a newer one, with force either", async () => {
  await withHome(async (home) => {
    await inHome(home, put(KEY_A, "old"));
    await inHome(home, put(KEY_B, "b"));
    const backup = await backUp(home);
    await inHome(home, advance(KEY_A, "new", 1));
    for (const force of [false, true]) {
      const { keys } = await putBack(home, backup, { force });
      assert.deepEqual(keys.map((k) => k.outcome), ["refused", "kept"]);
      assert.match(keys[0]!.reason!, /generation 1 is here, the backup has generation 0/);
      assert.equal(await inHome(home, (s) => shareText(s, KEY_A)), '{"share":"new"}');
    }
    await inHome(home, (s) => s.retireShare(KEY_B, CEREMONY_2));
    for (const force of [false, true]) {
      const { keys } = await putBack(home, backup, { force });
      assert.match(keys[1]!.reason!, /reshared away from here since/);
      assert.equal((await inHome(home, (s) => s.readMeta(KEY_B))).status, "reshared away");
    }
  });
});

Deno.test("restoreBackup() brings a newer share, and destroys one that was dealt away", async () => {
  await withHome(async (home) => {
    await inHome(home, put(KEY_A, "0"));
    await inHome(home, put(KEY_B, "b"));
    const first = await backUp(home);
    await inHome(home, advance(KEY_A, "1", 1));
    await inHome(home, (s) => s.retireShare(KEY_B, CEREMONY_2));
    const second = await backUp(home);
    await withHome(async (other) => {
      await putBack(other, first);
      assert.equal(await inHome(other, (s) => shareText(s, KEY_A)), '{"share":"0"}');
      const { keys } = await putBack(other, second);
      assert.deepEqual(keys.map((k) => k.outcome), ["restored", "retired"]);
      assert.equal(await inHome(other, (s) => shareText(s, KEY_A)), '{"share":"1"}');
      const metas = await inHome(other, (s) => s.listKeys());
      assert.deepEqual(metas.map((m) => [m.generation, m.status]), [
        [1, "active"],
        [0, "reshared away"],
      ]);
      // A key that came back to this node at a later generation is newer than "reshared away".
      const back = {
        ...first,
        keys: first.keys.map((k) => ({ ...k, meta: { ...k.meta, generation: 2 } })),
      };
      assert.deepEqual((await putBack(other, back)).keys.map((k) => k.outcome), [
        "restored",
        "restored",
      ]);
      assert.equal(await inHome(other, (s) => shareText(s, KEY_B)), '{"share":"b"}');
    });
  });
});

Deno.test("restoreBackup() mends damaged files and leaves what may be newer", async () => {
  await withHome(async (home) => {
    await inHome(home, put(KEY_A, "a"));
    const backup = await backUp(home);
    const tss = `${home}/${backup.node.identity}/tss`;
    const damage = (kind: string) => Deno.writeFile(`${tss}/${KEY_A}.${kind}`, new Uint8Array(90));
    for (const kinds of [["key"], ["meta"], ["key", "meta"]]) {
      for (const kind of kinds) await damage(kind);
      const { keys } = await putBack(home, backup);
      assert.deepEqual(keys.map((k) => k.outcome), ["restored"], kinds.join());
      assert.equal(await inHome(home, (s) => shareText(s, KEY_A)), '{"share":"a"}');
      // What was there is set aside, not destroyed.
      assert.equal((await Deno.readFile(`${tss}/${KEY_A}.${kinds[0]}.damaged`)).length, 90);
    }
    await inHome(home, advance(KEY_A, "new", 1));
    await damage("meta");
    for (const force of [false, true]) {
      const { keys } = await putBack(home, backup, { force });
      assert.equal(keys[0]!.outcome, "refused");
      assert.match(keys[0]!.reason!, /metadata here are damaged/);
    }
  });
});

Deno.test("restoreBackup() refuses another share of the same generation unless forced", async () => {
  await withHome(async (home) => {
    await inHome(home, put(KEY_A, "one"));
    const backup = await backUp(home);
    await withHome(async (other) => {
      await inHome(other, put(KEY_A, "two"));
      const { keys } = await putBack(other, backup);
      assert.match(keys[0]!.reason!, /another share of generation 0/);
      assert.equal(await inHome(other, (s) => shareText(s, KEY_A)), '{"share":"two"}');
      assert.equal((await putBack(other, backup, { force: true })).keys[0]!.outcome, "restored");
      assert.equal(await inHome(other, (s) => shareText(s, KEY_A)), '{"share":"one"}');
      // An open resharing is never decided by a restore.
      await inHome(other, async (s) => {
        const meta = { ...sampleMeta(KEY_A), generation: 1 };
        await s.stageShare(KEY_A, CEREMONY_2, sampleShare(s, KEY_A, "next"), meta);
      });
      for (const force of [false, true]) {
        assert.match((await putBack(other, backup, { force })).keys[0]!.reason!, /to be decided/);
      }
    });
  });
});

Deno.test("restoreBackup() refuses the home directory of another node, and one in use", async () => {
  await withHome(async (home) => {
    await inHome(home, put(KEY_A, "a"));
    const backup = await backUp(home);
    await withHome(async (parent) => {
      const other = `${parent}/other`;
      const secret = { passphrase: "p" };
      const store = await Keystore.create({
        home: other,
        files: denoFiles(),
        secret,
        scrypt: CHEAP,
      });
      const code = (wanted: string) => (e: unknown) =>
        e instanceof KeystoreError && e.code === wanted;
      await assert.rejects(putBack(other, backup, { secret }), code("TF-LOCKED"));
      await store.close();
      await assert.rejects(putBack(other, backup, { secret, force: true }), code("TF-IDENTITY"));
      const privateKey = new Uint8Array(32).fill(1);
      const fresh = `${parent}/fresh`;
      await assert.rejects(putBack(fresh, backup, { secret: { privateKey } }), code("TF-IDENTITY"));
    });
  });
});

Deno.test("a home that was moved away starts no daemon until a later move brings it back", async () => {
  const moved = (e: unknown) => e instanceof KeystoreError && e.code === "TF-MOVED" && e.exit === 2;
  const files = denoFiles();
  await withHome(async (here) => {
    await inHome(here, put(KEY_A, "a"));
    const plain = await backUp(here);
    const away = await backUp(here, { move: true, now: NOW + 1 });
    await markMoved(files, here, { bundle: away.id, at: away.createdAt });
    await assert.rejects(openHome(here), moved);
    for (const backup of [plain, away]) await assert.rejects(putBack(here, backup), moved);
    await withHome(async (there) => {
      await putBack(there, away);
      await inHome(there, advance(KEY_A, "moved on", 1));
      await assert.rejects(putBack(here, await backUp(there, { now: NOW + 2 })), moved);
      const home = await backUp(there, { move: true, now: NOW + 3 });
      const report = await putBack(here, home);
      assert.equal(report.movedBack, true);
      assert.equal(await inHome(here, (s) => shareText(s, KEY_A)), '{"share":"moved on"}');
    });
    // A mark that cannot be read still holds; force takes the node back.
    await Deno.writeTextFile(`${here}/${MOVED_FILE}`, "{", { mode: 0o600 });
    await assert.rejects(openHome(here), moved);
    assert.equal((await putBack(here, plain, { force: true })).movedBack, true);
    assert.equal(await inHome(here, (s) => shareText(s, KEY_A)), '{"share":"moved on"}');
  });
});

Deno.test("restoreBackup() adds ceremonies to those seen here and forgets none", async () => {
  await withHome(async (home) => {
    await inHome(home, (s) => s.rememberCeremony(CEREMONY_1));
    const backup = await backUp(home);
    await withHome(async (other) => {
      await inHome(other, (s) => s.rememberCeremony(CEREMONY_2));
      assert.equal((await putBack(other, backup)).ceremonies, 1);
      assert.equal((await putBack(other, backup)).ceremonies, 0);
      await inHome(other, (s) => {
        assert.ok(s.seenCeremony(CEREMONY_1) && s.seenCeremony(CEREMONY_2));
        return Promise.resolve();
      });
    });
  });
});

Deno.test("readBackup() refuses contents that do not fit together", async () => {
  await withHome(async (home) => {
    await inHome(home, put(KEY_A, "a"));
    await inHome(home, put(KEY_B, "b"));
    const backup = await backUp(home);
    const entries = () => backupEntries(backup) as Map<string, Uint8Array<ArrayBuffer>>;
    const refused = (why: RegExp, change: (e: Map<string, Uint8Array<ArrayBuffer>>) => unknown) => {
      const bent = entries();
      change(bent);
      assert.throws(() => readBackup(bent), (e: unknown) => {
        return e instanceof KeystoreError && e.code === "TF-BACKUP" && why.test(e.message);
      }, String(why));
    };
    readBackup(entries());
    const [a, b] = [`keys/${KEY_A}`, `keys/${KEY_B}`];
    refused(/manifest/, (e) => e.delete("manifest"));
    refused(/manifest/, (e) => e.set("manifest", utf8("[]")));
    refused(/no node key/, (e) => e.delete("node.key"));
    refused(/another identity/, (e) => e.set("node.key", new Uint8Array(32).fill(7)));
    refused(/cannot be used/, (e) => e.set("node.key", new Uint8Array(32)));
    refused(/metadata .* missing/, (e) => e.delete(`${a}.meta`));
    refused(/share .* missing/, (e) => e.delete(`${a}.key`));
    refused(/not the one/, (e) => e.set(`${a}.key`, e.get(`${b}.key`)!));
    refused(/metadata .* cannot be used/, (e) => e.set(`${a}.meta`, e.get(`${b}.meta`)!));
    refused(/does not know/, (e) => e.set("files/other", new Uint8Array(1)));
    // A share of another node, with metadata that name it.
    refused(/does not open/, (e) => {
      const meta = fromUtf8(e.get(`${a}.meta`)!).replace(/,"share_sha256":"[0-9a-f]{64}"/, "");
      e.set(`${a}.meta`, utf8(meta)).set(`${a}.key`, new Uint8Array(90));
    });
  });
});

Deno.test("keysNotBackedUp() names keys that are new or were reshared since", () => {
  const committee = sampleMeta(KEY_A).committee as Identity[];
  const now = [sampleMeta(KEY_A, { shareHash: "aa".repeat(32) }), sampleMeta(KEY_B, { committee })];
  assert.deepEqual(keysNotBackedUp(null, now), [KEY_A, KEY_B]);
  const record = (a: string, b: string) => ({
    bundle: "",
    at: 0,
    keys: new Map([[KEY_A, a], [KEY_B, b]]),
  });
  assert.deepEqual(keysNotBackedUp(record(`0 ${"aa".repeat(32)}`, "0 xx"), now), []);
  assert.deepEqual(keysNotBackedUp(record(`0 ${"bb".repeat(32)}`, "1 xx"), now), [KEY_A, KEY_B]);
  const away = [sampleMeta(KEY_A, { status: "reshared away" })];
  assert.deepEqual(keysNotBackedUp(null, away), []);
});
