import assert from "node:assert/strict";
import type { Identity } from "../../lib/crypto/identity.ts";
import type { Keystore } from "../../lib/keystore/keystore.ts";
import {
  lacksPresignature,
  PresignBook,
  type PresignedRequest,
} from "../../lib/node/presign_book.ts";
import type { PresignRequest } from "../../lib/node/request.ts";
import {
  CEREMONY_2,
  KEY_A,
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

async function make(book: PresignBook, store: Keystore, request = making()): Promise<void> {
  const meta = await store.readMeta(KEY_A);
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
