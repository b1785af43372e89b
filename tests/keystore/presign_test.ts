import assert from "node:assert/strict";
import { systemRandom } from "../../lib/arith/random.ts";
import type { Identity } from "../../lib/crypto/identity.ts";
import { fromHex, utf8 } from "../../lib/encoding/bytes.ts";
import { KeystoreError } from "../../lib/keystore/errors.ts";
import { denoFiles } from "../../lib/keystore/files.ts";
import type { Keystore } from "../../lib/keystore/keystore.ts";
import {
  type PresignHeader,
  presignStoreId,
  wipePresignatures,
} from "../../lib/keystore/presign_stock.ts";
import { openStoreFile, sealStoreFile } from "../../lib/keystore/store_file.ts";
import {
  CEREMONY_2,
  FaultyDisk,
  KEY_A,
  KEY_B,
  openHome,
  sampleMeta,
  sampleShare,
  snapshot,
  withHome,
} from "./helpers.ts";

const MEMBERS = ["01".repeat(20), "02".repeat(20)] as Identity[];
const ID = "5a".repeat(32);
const OTHER = "6b".repeat(32);

async function withKey(store: Keystore, keyId = KEY_A): Promise<void> {
  await store.writeShareCiphertext(keyId, sampleShare(store, keyId, "old"), sampleMeta(keyId));
}

async function header(store: Keystore, id = ID, keyId = KEY_A): Promise<PresignHeader> {
  const { generation, shareHash } = await store.readMeta(keyId);
  const committee = MEMBERS;
  return { id, keyId, generation, shareHash: shareHash!, committee, maker: MEMBERS[0]! };
}

function body(store: Keystore, id = ID): Uint8Array {
  return sealStoreFile(store.storeKey(), presignStoreId(fromHex(id)), utf8("{}"), systemRandom);
}

async function put(store: Keystore, id = ID, keyId = KEY_A): Promise<void> {
  await store.presignatures.put(await header(store, id, keyId), body(store, id));
}

const gone = { name: "KeystoreError", code: "TF-NOT-FOUND" };

Deno.test("take() hands a presignature out once, and never again after a restart", async () => {
  await withHome(async (home) => {
    const store = await openHome(home);
    await withKey(store);
    await put(store);
    const match = await header(store);
    const taken = await store.presignatures.take(ID, match);
    openStoreFile(store.storeKey(), presignStoreId(fromHex(ID)), taken);
    await assert.rejects(store.presignatures.take(ID, match), gone);
    await store.close();
    assert(![...(await snapshot(home)).keys()].some((n) => n.includes(ID)));
    const again = await openHome(home);
    await assert.rejects(again.presignatures.take(ID, match), gone);
    await again.close();
  });
});

Deno.test("take() refuses another key, generation, share, maker or other signers", async () => {
  await withHome(async (home) => {
    const store = await openHome(home);
    await withKey(store);
    await put(store);
    const match = await header(store);
    for (
      const wrong of [
        { keyId: KEY_B },
        { generation: 1 },
        { shareHash: "00".repeat(32) },
        { maker: MEMBERS[1]! },
        { committee: [MEMBERS[0]!, "03".repeat(20) as Identity] },
        { committee: MEMBERS.slice(0, 1) },
      ]
    ) await assert.rejects(store.presignatures.take(ID, { ...match, ...wrong }), gone);
    await assert.rejects(store.presignatures.take(OTHER, match), gone);
    // None of that used it up; the order of the signers does not matter.
    await store.presignatures.take(ID, { ...match, committee: [...MEMBERS].reverse() });
    await store.close();
  });
});

Deno.test("take() hands nothing out unless the file is destroyed, wherever a fault strikes", async () => {
  for (const mode of ["crash", "once"] as const) {
    for (let count = 0;; count++) {
      let finished = false;
      await withHome(async (home) => {
        const first = await openHome(home);
        await withKey(first);
        await put(first);
        const match = await header(first);
        await first.close();
        const disk = new FaultyDisk(Infinity, mode);
        const store = await openHome(home, disk.files);
        disk.left = count;
        const before = disk.steps.length;
        let handedOut = false;
        try {
          await store.presignatures.take(ID, match);
          handedOut = true;
        } catch (error) {
          assert(error instanceof KeystoreError);
        }
        const steps = disk.steps.slice(before);
        finished = steps.length <= count;
        assert.equal(handedOut, finished, `${mode} after ${count}: ${steps}`);
        // Within this process it is gone either way.
        disk.left = Infinity;
        await assert.rejects(store.presignatures.take(ID, match), gone);
        await store.close();
        const after = await openHome(home);
        const left = await after.presignatures.list();
        if (handedOut) assert.deepEqual(left, []);
        // What was never handed out may be used: at most once, by this or a later process.
        for (const { id } of left) await after.presignatures.take(id, match);
        await after.close();
        const names = [...(await snapshot(home)).keys()];
        assert(!names.some((n) => n.includes(ID)), names.join(" "));
      });
      if (finished) {
        assert(count >= 5, `${count} steps`);
        break;
      }
    }
  }
});

Deno.test("a resharing destroys the presignatures of its key before the new share counts", async () => {
  for (let count = 0, finished = false; !finished; count++) {
    await withHome(async (home) => {
      const first = await openHome(home);
      for (const keyId of [KEY_A, KEY_B]) await withKey(first, keyId);
      await put(first);
      await put(first, OTHER, KEY_B);
      const next = { ...sampleMeta(KEY_A), generation: 1 };
      await first.stageShare(KEY_A, CEREMONY_2, sampleShare(first, KEY_A, "next"), next);
      await first.close();
      const disk = new FaultyDisk(Infinity, "crash");
      const store = await openHome(home, disk.files);
      disk.left = count;
      const before = disk.steps.length;
      await store.commitStaged(KEY_A, CEREMONY_2).catch(() => {});
      finished = disk.steps.length - before <= count;
      await store.close();
      const after = await openHome(home);
      const ids = (await after.presignatures.list()).map((h) => h.id).sort();
      const { generation } = await after.readMeta(KEY_A);
      if (generation === 1) assert.deepEqual(ids, [OTHER], `crash after ${count} steps`);
      else assert(ids.includes(OTHER));
      await after.close();
    });
  }
});

Deno.test("a share dealt away takes its presignatures along", async () => {
  await withHome(async (home) => {
    const store = await openHome(home);
    await withKey(store);
    await put(store);
    await store.retireShare(KEY_A);
    assert.deepEqual(await store.presignatures.list(), []);
    assert.equal(store.presignatures.wiped, 1);
    await store.close();
  });
});

Deno.test("a start destroys presignatures that no share of today fits, and damaged ones", async () => {
  await withHome(async (home) => {
    const store = await openHome(home);
    await withKey(store);
    const match = await header(store);
    const stale = { ...match, id: OTHER, generation: 7 };
    await store.presignatures.put(stale, body(store, OTHER));
    await put(store);
    const swapped = "7c".repeat(32);
    await put(store, swapped);
    await store.close();
    const folder = `${home}/${store.identity.identity}/presign`;
    await Deno.copyFile(`${folder}/${ID}.pre`, `${folder}/${swapped}.pre`);
    const again = await openHome(home);
    assert.deepEqual((await again.presignatures.list()).map((h) => h.id), [ID]);
    assert(again.recovery.repaired.some((r) => r.includes("presignatures of earlier shares")));
    assert(again.recovery.repaired.some((r) => r.includes(`damaged presignature ${swapped}`)));
    await again.close();
  });
});

Deno.test("wipePresignatures() and wipeAll() destroy all; the setting stays", async () => {
  await withHome(async (home) => {
    const store = await openHome(home);
    for (const keyId of [KEY_A, KEY_B]) await withKey(store, keyId);
    await put(store);
    await put(store, OTHER, KEY_B);
    assert.equal(await store.presignatures.setting(KEY_A), null);
    await store.presignatures.set(KEY_A, 8);
    assert.equal(await store.presignatures.wipeAll(KEY_B), 1);
    assert.deepEqual((await store.presignatures.list()).map((h) => h.id), [ID]);
    await store.close();
    assert.equal(await wipePresignatures(denoFiles(), `${home}/${store.identity.identity}`), 1);
    const again = await openHome(home);
    assert.deepEqual(await again.presignatures.list(), []);
    assert.equal(await again.presignatures.setting(KEY_A), 8);
    await put(again);
    await again.presignatures.set(KEY_A, null);
    assert.deepEqual(await again.presignatures.list(), []);
    assert.equal(await again.presignatures.setting(KEY_A), null);
    await again.close();
  });
});

Deno.test("put() refuses an id twice, and files hold nothing in clear", async () => {
  await withHome(async (home) => {
    const store = await openHome(home);
    await withKey(store);
    await put(store);
    await assert.rejects(put(store), { code: "TF-ARGUMENT" });
    await store.close();
    for (const [name, content] of await snapshot(home)) {
      if (name.endsWith(".pre")) assert(!content.includes(MEMBERS[0]!));
    }
  });
});
