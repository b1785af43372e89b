/**
 * A crash or a full disk at every single step that changes something.
 */
import assert from "node:assert/strict";
import { fromUtf8, toHex } from "../../lib/encoding/bytes.ts";
import { KeystoreError } from "../../lib/keystore/errors.ts";
import { denoFiles } from "../../lib/keystore/files.ts";
import { Keystore } from "../../lib/keystore/keystore.ts";
import { keyIdBytes } from "../../lib/keystore/meta.ts";
import { openStoreFile } from "../../lib/keystore/store_file.ts";
import { tally } from "../support/tally.ts";
import {
  CEREMONY_1,
  CEREMONY_2,
  CHEAP,
  FaultyDisk,
  KEY_A,
  openHome,
  sampleMeta,
  sampleShare,
  snapshot,
  withHome,
} from "./helpers.ts";

type Prepare = (store: Keystore) => Promise<void>;

/** Runs `action` with a fault after 0, 1, 2, … steps until it runs through; returns how many. */
async function atEveryStep(
  mode: "crash" | "once",
  prepare: Prepare,
  action: (store: Keystore) => Promise<unknown>,
  check: (store: Keystore, done: boolean, label: string) => Promise<void>,
): Promise<number> {
  for (let count = 0;; count++) {
    let finished = false;
    await withHome(async (home) => {
      const first = await openHome(home);
      await prepare(first);
      await first.close();
      const disk = new FaultyDisk(Infinity, mode, "ENOSPC");
      const store = await openHome(home, disk.files);
      disk.left = count;
      const before = disk.steps.length;
      try {
        await action(store);
        finished = disk.steps.length - before <= count;
      } catch (error) {
        assert.ok(error instanceof KeystoreError, String(error));
        assert.equal(error.code, "TF-DISK-FULL");
      }
      if (!finished) tally("faults injected");
      await store.close();
      const label = `${mode} after ${count} steps (${disk.steps.slice(before).join(" ")})`;
      const after = await openHome(home);
      assert.deepEqual(after.recovery.damaged, [], label);
      await check(after, finished, label);
      // A second start finds nothing more to repair.
      await after.close();
      const calm = await openHome(home);
      assert.deepEqual(calm.recovery.repaired, [], label);
      await calm.close();
      const names = [...(await snapshot(home)).keys()];
      assert.ok(
        !names.some((n) => n.includes(".tmp-") || /\.(old|used)$/.test(n)),
        names.join(" "),
      );
    });
    if (finished) return count;
    tally("faults survived");
  }
}

async function shareText(store: Keystore, keyId: string): Promise<string> {
  const bytes = await store.readShareCiphertext(keyId);
  return fromUtf8(openStoreFile(store.storeKey(), keyIdBytes(keyId), bytes));
}

const withOldShare: Prepare = async (store) => {
  await store.writeShareCiphertext(KEY_A, sampleShare(store, KEY_A, "old"), sampleMeta(KEY_A));
};
const nextMeta = { ...sampleMeta(KEY_A), generation: 1, threshold: 2 };

for (const mode of ["crash", "once"] as const) {
  Deno.test(`writeShareCiphertext() is whole or absent after a fault at any step (${mode})`, async () => {
    const steps = await atEveryStep(
      mode,
      async () => {},
      async (store) => {
        const share = sampleShare(store, KEY_A, "new");
        await store.writeShareCiphertext(KEY_A, share, sampleMeta(KEY_A));
      },
      async (store, done, label) => {
        const keys = await store.listKeys();
        if (keys.length === 0) assert.ok(!done, label);
        else assert.equal(await shareText(store, KEY_A), '{"share":"new"}', label);
      },
    );
    assert.ok(steps >= 14, `${steps} steps`);
  });

  Deno.test(`stageShare() leaves the old share current after a fault at any step (${mode})`, async () => {
    await atEveryStep(
      mode,
      withOldShare,
      (store) => store.stageShare(KEY_A, CEREMONY_2, sampleShare(store, KEY_A, "next"), nextMeta),
      async (store, done, label) => {
        assert.equal(await shareText(store, KEY_A), '{"share":"old"}', label);
        assert.equal((await store.readMeta(KEY_A)).generation, 0);
        const { staged } = store.recovery;
        if (done) assert.equal(staged.length, 1, label);
        for (const { ceremony } of staged) {
          assert.equal(ceremony, CEREMONY_2);
          await store.commitStaged(KEY_A, ceremony);
          assert.equal(await shareText(store, KEY_A), '{"share":"next"}', label);
        }
      },
    );
  });

  Deno.test(`commitStaged() leaves old or new, metadata and share together (${mode})`, async () => {
    const seen = new Set<string>();
    const steps = await atEveryStep(
      mode,
      async (store) => {
        await withOldShare(store);
        await store.stageShare(KEY_A, CEREMONY_2, sampleShare(store, KEY_A, "next"), nextMeta);
      },
      (store) => store.commitStaged(KEY_A, CEREMONY_2),
      async (store, done, label) => {
        const { generation, threshold } = await store.readMeta(KEY_A);
        const text = await shareText(store, KEY_A);
        seen.add(text);
        if (text === '{"share":"old"}') {
          assert.ok(!done, label);
          assert.deepEqual([generation, threshold], [0, 1], label);
          assert.equal(store.recovery.staged.length, 1, label);
          await store.discardStaged(KEY_A, CEREMONY_2);
        } else {
          assert.equal(text, '{"share":"next"}', label);
          assert.deepEqual([generation, threshold], [1, 2], label);
          assert.equal(store.recovery.staged.length, 0, label);
        }
      },
    );
    assert.equal(seen.size, 2);
    assert.ok(steps >= 9, `${steps} steps`);
  });

  Deno.test(`discardStaged() keeps the old share after a fault at any step (${mode})`, async () => {
    await atEveryStep(
      mode,
      async (store) => {
        await withOldShare(store);
        await store.stageShare(KEY_A, CEREMONY_2, sampleShare(store, KEY_A, "next"), nextMeta);
      },
      (store) => store.discardStaged(KEY_A),
      async (store, done, label) => {
        assert.equal(await shareText(store, KEY_A), '{"share":"old"}', label);
        if (done) assert.equal(store.recovery.staged.length, 0, label);
        if (store.recovery.staged.length > 0) await store.discardStaged(KEY_A);
      },
    );
  });

  Deno.test(`markLeaving() and unmarkLeaving() keep the share, the mark is whole or absent (${mode})`, async () => {
    const committee = [...sampleMeta(KEY_A).committee];
    await atEveryStep(
      mode,
      withOldShare,
      async (store) => {
        await store.markLeaving(KEY_A, { ceremony: CEREMONY_1, committee });
        await store.markLeaving(KEY_A, { ceremony: CEREMONY_2, committee });
        assert.equal(await store.unmarkLeaving(KEY_A, CEREMONY_1), false);
      },
      async (store, done, label) => {
        assert.equal(await shareText(store, KEY_A), '{"share":"old"}', label);
        const { leaving } = store.recovery;
        if (done) assert.deepEqual(leaving, [{ keyId: KEY_A, ceremony: CEREMONY_2, committee }]);
        for (const { ceremony } of leaving) {
          assert.equal(await store.unmarkLeaving(KEY_A, ceremony), true);
        }
        assert.equal((await store.readMeta(KEY_A)).leaving, undefined);
        await store.markLeaving(KEY_A, { ceremony: CEREMONY_2, committee });
        await store.retireShare(KEY_A, CEREMONY_2);
        assert.equal((await store.readMeta(KEY_A)).leaving, undefined);
        assert.deepEqual((await store.recover()).leaving, []);
      },
    );
  });

  Deno.test(`retireShare() keeps the share or finishes destroying it (${mode})`, async () => {
    await atEveryStep(
      mode,
      withOldShare,
      (store) => store.retireShare(KEY_A, CEREMONY_2),
      async (store, done, label) => {
        const { status } = await store.readMeta(KEY_A);
        if (status === "active") {
          assert.ok(!done, label);
          assert.equal(await shareText(store, KEY_A), '{"share":"old"}', label);
        } else {
          const names = [...(await snapshot(store.home)).keys()];
          assert.ok(!names.some((n) => n.endsWith(".key") && n.includes("tss")), label);
        }
      },
    );
  });

  Deno.test(`takePreParamsCiphertext() never leaves a set that it handed out (${mode})`, async () => {
    await atEveryStep(
      mode,
      async (store) => {
        await store.putPreParamsCiphertext(sampleShare(store, KEY_A, "set"));
      },
      async (store) => {
        assert.ok(await store.takePreParamsCiphertext() !== null);
      },
      async (store, done, label) => {
        if (done) assert.equal(await store.preParamsCount(), 0, label);
        const set = await store.takePreParamsCiphertext();
        // What is still in stock is whole.
        if (set !== null) openStoreFile(store.storeKey(), keyIdBytes(KEY_A), set);
      },
    );
  });

  Deno.test(`rememberCeremony() is durable when it returns (${mode})`, async () => {
    await atEveryStep(
      mode,
      async (store) => {
        await store.rememberCeremony(CEREMONY_1);
      },
      (store) => store.rememberCeremony(CEREMONY_2),
      (store, done, label) => {
        assert.ok(store.seenCeremony(CEREMONY_1), label);
        if (done) assert.ok(store.seenCeremony(CEREMONY_2), label);
        return Promise.resolve();
      },
    );
  });
}

Deno.test("a passing disk fault leaves a running store usable", async () => {
  const next = { ...sampleMeta(KEY_A), generation: 1 };
  const actions: Record<string, [Prepare, (store: Keystore) => Promise<void>, string]> = {
    write: [
      async () => {},
      (s) => s.writeShareCiphertext(KEY_A, sampleShare(s, KEY_A, "new"), sampleMeta(KEY_A)),
      "new",
    ],
    stage: [
      withOldShare,
      (s) => s.stageShare(KEY_A, CEREMONY_2, sampleShare(s, KEY_A, "next"), next),
      "old",
    ],
    commit: [
      async (s) => {
        await withOldShare(s);
        await s.stageShare(KEY_A, CEREMONY_2, sampleShare(s, KEY_A, "next"), next);
      },
      (s) => s.commitStaged(KEY_A, CEREMONY_2),
      "next",
    ],
  };
  for (const [name, [prepare, action, wanted]] of Object.entries(actions)) {
    let succeededAnyway = 0;
    for (let count = 0, through = false; !through; count++) {
      await withHome(async (home) => {
        const disk = new FaultyDisk(Infinity, "once", "EIO");
        const store = await openHome(home, disk.files);
        await prepare(store);
        disk.left = count;
        try {
          await action(store);
          if (disk.left === Infinity) succeededAnyway++;
          else through = true;
        } catch (error) {
          assert.ok(error instanceof KeystoreError, String(error));
          // The same again goes through without a restart.
          await action(store);
        }
        if (!through) tally("faults injected");
        const label = `${name} with a fault after ${count} steps`;
        assert.equal(await shareText(store, KEY_A), `{"share":"${wanted}"}`, label);
        assert.deepEqual((await store.recover()).damaged, [], label);
        await store.close();
        if (!through) tally("faults survived");
      });
    }
    assert.ok(name === "stage" || succeededAnyway > 0, name);
  }
});

Deno.test("Keystore.create() leaves a usable keystore or none after a crash at any step", async () => {
  const secret = { passphrase: "p" };
  for (let count = 0;; count++) {
    let done = false;
    await withHome(async (parent) => {
      const home = `${parent}/home`;
      const disk = new FaultyDisk(count, "crash", "ENOSPC");
      try {
        await (await Keystore.create({ home, files: disk.files, secret, scrypt: CHEAP })).close();
        done = disk.steps.length <= count;
      } catch (error) {
        assert.ok(error instanceof KeystoreError, String(error));
      }
      if (!done) tally("faults injected");
      const files = denoFiles();
      let store: Keystore;
      try {
        store = await Keystore.open({ home, files, secret });
      } catch (error) {
        assert.ok(error instanceof KeystoreError && error.code === "TF-NO-KEYSTORE", String(error));
        assert.ok(!done);
        store = await Keystore.create({ home, files, secret, scrypt: CHEAP });
      }
      await store.close();
      const names = [...(await snapshot(home)).keys()];
      assert.ok(!names.some((n) => n.includes(".tmp-")), names.join(" "));
      if (!done) tally("faults survived");
    });
    if (done) break;
  }
});

Deno.test("a destroyed share's bytes are overwritten before the file goes", async () => {
  await withHome(async (home) => {
    const store = await openHome(home);
    const share = sampleShare(store, KEY_A, "old");
    await store.writeShareCiphertext(KEY_A, share, sampleMeta(KEY_A));
    const path = `${home}/${store.identity.identity}/tss/${KEY_A}.key`;
    await Deno.link(path, `${home}/witness`);
    await store.retireShare(KEY_A);
    await store.close();
    assert.notEqual(toHex(await Deno.readFile(`${home}/witness`)), toHex(share));
  });
});
