import assert from "node:assert/strict";
import type { Identity } from "../../lib/crypto/identity.ts";
import { fromHex } from "../../lib/encoding/bytes.ts";
import { denoFiles, type FileLayer } from "../../lib/keystore/files.ts";
import type { Keystore } from "../../lib/keystore/keystore.ts";
import {
  lacksPresignature,
  PresignBook,
  type PresignedRequest,
} from "../../lib/node/presign_book.ts";
import type { PresignRequest } from "../../lib/node/request.ts";
import { backUp, putBack } from "../keystore/backup_kit.ts";
import {
  CEREMONY_2,
  KEY_A,
  KEY_B,
  openHome,
  sampleMeta,
  sampleShare,
  withHome,
} from "../keystore/helpers.ts";

const [A, B, C] = ["01", "02", "03"].map((x) => x.repeat(20)) as [Identity, Identity, Identity];
const DEADLINES = { roundTimeoutMs: 1, ceremonyTimeoutMs: 1 };
const ID = "5a".repeat(32);

function making(extra: Partial<PresignRequest> = {}): PresignRequest {
  return {
    kind: "presign",
    id: ID,
    requester: A,
    keyId: KEY_A,
    committee: [A, B],
    threshold: 1,
    generation: 0,
    keep: [],
    ...extra,
  };
}

function using(extra: Partial<PresignedRequest> = {}): PresignedRequest {
  return {
    kind: "sign",
    id: "77".repeat(32),
    requester: A,
    keyId: KEY_A,
    committee: [B, A],
    threshold: 1,
    payload: new Uint8Array(32),
    presigned: { id: ID, generation: 0 },
    ...extra,
  };
}

/** A store with a key that has presignatures on, and a book over it. */
async function withBook(
  body: (book: PresignBook, store: Keystore, world: { busy: boolean }) => Promise<void>,
): Promise<void> {
  await withHome(async (home) => {
    const store = await openHome(home);
    await store.writeShareCiphertext(KEY_A, sampleShare(store, KEY_A, "x"), sampleMeta(KEY_A));
    await store.presignatures.set(KEY_A, 0);
    const world = { busy: false };
    await body(new PresignBook(B, store, () => world.busy), store, world);
    await store.close();
  });
}

async function make(
  book: PresignBook,
  store: Keystore,
  request = making(),
  keyId = KEY_A,
): Promise<void> {
  const meta = await store.readMeta(keyId);
  await book.checkMaking(request, meta);
  const spec = await book.prepareMaking(request, meta, DEADLINES);
  await book.store(request, meta, {
    kind: "presign",
    curve: "secp256k1",
    keyId: spec.keyId,
    publicKey: meta.publicKey,
    part: new Uint8Array(80),
  });
}

Deno.test("a presignature can be used by its maker, once, for one digest", async () => {
  await withBook(async (book, store) => {
    await make(book, store);
    const meta = await store.readMeta(KEY_A);
    for (
      const wrong of [
        { requester: C },
        { committee: [B, C] },
        { committee: [A, B, C] },
        { presigned: { id: "6b".repeat(32), generation: 0 } },
        { presigned: { id: ID, generation: 1 } },
      ]
    ) {
      await assert.rejects(book.checkUsing(using(wrong), meta), lacksPresignature);
      await assert.rejects(book.takeFor(using(wrong), meta), lacksPresignature);
    }
    await book.checkUsing(using(), meta);
    const part = await book.takeFor(using(), meta);
    assert.deepEqual([part.part.length, part.asked], [80, false]);
    // The same again, and another digest with the same presignature.
    for (const request of [using(), using({ payload: new Uint8Array(32).fill(1) })]) {
      await assert.rejects(book.checkUsing(request, meta), lacksPresignature);
      await assert.rejects(book.takeFor(request, meta), lacksPresignature);
    }
    assert.deepEqual(book.counters, { made: 1, used: 1 });
  });
});

Deno.test("two requests at once for one presignature: only one gets it", async () => {
  await withBook(async (book, store) => {
    await make(book, store);
    const meta = await store.readMeta(KEY_A);
    const both = [using(), using({ payload: new Uint8Array(32).fill(1) })];
    await Promise.all(both.map((request) => book.checkUsing(request, meta)));
    const ends = await Promise.allSettled(both.map((request) => book.takeFor(request, meta)));
    assert.deepEqual(ends.map((e) => e.status).sort(), ["fulfilled", "rejected"]);
  });
});

Deno.test("no presignature is made where the operator has not turned them on, or not now", async () => {
  await withBook(async (book, store, world) => {
    const meta = await store.readMeta(KEY_A);
    const refused = (request: PresignRequest, why: RegExp, of = meta) =>
      assert.rejects(book.checkMaking(request, of), why);
    await refused(making({ generation: 1 }), /generation 0/);
    await refused(making({ threshold: 2 }), /threshold 1/);
    await refused(making({ requester: C }), /one of those who can use it/);
    await refused(making(), /only ECDSA/, { ...meta, curve: "ed25519" });
    world.busy = true;
    await refused(making(), /a ceremony runs here/);
    world.busy = false;
    await book.checkMaking(making(), meta);
    await store.presignatures.set(KEY_A, null);
    await refused(making(), /presignatures are off/);
  });
});

Deno.test("a presignature that a resharing overtook is neither stored nor used", async () => {
  await withBook(async (book, store) => {
    const before = await store.readMeta(KEY_A);
    await book.prepareMaking(making(), before, DEADLINES);
    await store.stageShare(KEY_A, CEREMONY_2, sampleShare(store, KEY_A, "y"), {
      ...sampleMeta(KEY_A),
      generation: 1,
    });
    await store.commitStaged(KEY_A);
    const meta = await store.readMeta(KEY_A);
    const result = {
      kind: "presign",
      curve: "secp256k1",
      keyId: new Uint8Array(16),
      publicKey: meta.publicKey,
      part: new Uint8Array(80),
    } as const;
    await assert.rejects(book.store(making(), meta, result), /reshared meanwhile/);
    assert.deepEqual(await store.presignatures.list(), []);
  });
});

Deno.test("a maker's list of what it keeps clears the rest of its own, and nobody else's", async () => {
  await withBook(async (book, store) => {
    const [one, two, three, theirs] = ["1a", "2a", "3a", "4a"].map((x) => x.repeat(32));
    await make(book, store, making({ id: one! }));
    await make(book, store, making({ id: two!, keep: [one!] }));
    await make(book, store, making({ id: theirs!, requester: B }));
    await make(book, store, making({ id: three!, keep: [two!] }));
    const ids = (await store.presignatures.list()).map((h) => h.id).sort();
    assert.deepEqual(ids, [two, three, theirs].sort());
  });
});

Deno.test("restoring over a filled folder leaves no presignature to sign from", async () => {
  const ids = ["5a", "6b", "7c"].map((x) => x.repeat(32));
  await withHome(async (home) => {
    const store = await openHome(home);
    for (const [keyId, id] of [[KEY_A, ids[0]!], [KEY_A, ids[1]!], [KEY_B, ids[2]!]] as const) {
      if (!(await store.listKeys()).some((k) => k.keyId === keyId)) {
        await store.writeShareCiphertext(keyId, sampleShare(store, keyId, "x"), sampleMeta(keyId));
        await store.presignatures.set(keyId, 8);
      }
      const book = new PresignBook(B, store, () => false);
      await make(book, store, making({ id, keyId, keep: ids }), keyId);
    }
    await store.close();
    const folder = `${home}/${store.identity.identity}/presign`;
    const backup = await backUp(home);
    const copies = new Map(
      await Promise.all(
        ids.map(async (id) => [id, await Deno.readFile(`${folder}/${id}.pre`)] as const),
      ),
    );
    // What a crash may have left beside them counts as well.
    await Deno.writeFile(`${folder}/${ids[0]}.pre.used`, copies.get(ids[0]!)!, { mode: 0o600 });
    await Deno.writeFile(`${folder}/.tmp-1`, copies.get(ids[1]!)!, { mode: 0o600 });
    assert.deepEqual((await putBack(home, backup)).keys.map((k) => k.outcome), ["kept", "kept"]);
    const left: string[] = [];
    for await (const { name } of Deno.readDir(folder)) left.push(name);
    assert.deepEqual(left.sort(), [`${KEY_A}.count`, `${KEY_B}.count`]);

    const again = await openHome(home);
    assert.deepEqual(await again.presignatures.list(), []);
    const book = new PresignBook(B, again, () => false);
    for (const [i, id] of ids.entries()) {
      const keyId = i < 2 ? KEY_A : KEY_B;
      const meta = await again.readMeta(keyId);
      const request = using({ keyId, presigned: { id, generation: 0 } });
      await assert.rejects(book.checkUsing(request, meta), lacksPresignature);
      await assert.rejects(book.takeFor(request, meta), lacksPresignature);
    }
    assert.deepEqual(book.counters, { made: 0, used: 0 });
    // A fresh one is made and used as ever.
    const fresh = "8d".repeat(32);
    await make(book, again, making({ id: fresh }));
    const request = using({ presigned: { id: fresh, generation: 0 } });
    await book.takeFor(request, await again.readMeta(KEY_A));
    await again.close();
  });
});

Deno.test("a restore that cannot destroy a presignature puts nothing back", async () => {
  await withHome(async (home) => {
    const store = await openHome(home);
    await store.writeShareCiphertext(KEY_A, sampleShare(store, KEY_A, "x"), sampleMeta(KEY_A));
    await store.presignatures.set(KEY_A, 8);
    await make(new PresignBook(B, store, () => false), store);
    await store.close();
    const backup = await backUp(home);
    const share = `${home}/${store.identity.identity}/tss/${KEY_A}.key`;
    await Deno.remove(share);
    const files = denoFiles();
    const stuck: FileLayer = {
      ...files,
      remove: (path, options) =>
        path.endsWith(".pre")
          ? Promise.reject(new Error("read-only file system"))
          : files.remove(path, options),
    };
    await assert.rejects(putBack(home, backup, { files: stuck }), /read-only/);
    await assert.rejects(Deno.stat(share), Deno.errors.NotFound);
    await putBack(home, backup);
    const again = await openHome(home);
    assert.deepEqual(await again.presignatures.list(), []);
    await again.close();
  });
});

Deno.test("a presigning that was forgotten is not said to be stored", async () => {
  await withBook(async (book, store) => {
    const meta = await store.readMeta(KEY_A);
    const result = {
      kind: "presign",
      curve: "secp256k1",
      keyId: fromHex(KEY_A),
      publicKey: meta.publicKey,
      part: new Uint8Array(80),
    } as const;
    await assert.rejects(book.store(making(), meta, result), { code: "TF-STATE" });
    assert.deepEqual(await store.presignatures.list(), []);
  });
});
