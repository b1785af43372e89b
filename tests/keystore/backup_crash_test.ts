/** Backups and restores with a crash or a full disk at every step, and beside a busy daemon. */
import assert from "node:assert/strict";
import { fromUtf8 } from "../../lib/encoding/bytes.ts";
import type { Backup } from "../../lib/keystore/backup.ts";
import { KeystoreError } from "../../lib/keystore/errors.ts";
import { denoFiles } from "../../lib/keystore/files.ts";
import { readBackupRecord, readMoved } from "../../lib/keystore/home_marks.ts";
import { Keystore } from "../../lib/keystore/keystore.ts";
import { keyIdBytes } from "../../lib/keystore/meta.ts";
import { openStoreFile } from "../../lib/keystore/store_file.ts";
import { tally } from "../support/tally.ts";
import { backUp, putBack } from "./backup_kit.ts";
import {
  CEREMONY_1,
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

async function shareText(store: Keystore, keyId: string): Promise<string> {
  const bytes = await store.readShareCiphertext(keyId);
  return fromUtf8(openStoreFile(store.storeKey(), keyIdBytes(keyId), bytes));
}

/** A home with KEY_A at generation 0 and its backup, and one with generation 1 and two keys. */
async function twoBackups(): Promise<{ older: Backup; newer: Backup }> {
  const out: Partial<{ older: Backup; newer: Backup }> = {};
  await withHome(async (home) => {
    const store = await openHome(home);
    await store.writeShareCiphertext(KEY_A, sampleShare(store, KEY_A, "0"), sampleMeta(KEY_A));
    await store.rememberCeremony(CEREMONY_1);
    out.older = await backUp(home);
    const meta = { ...sampleMeta(KEY_A), generation: 1 };
    await store.stageShare(KEY_A, CEREMONY_2, sampleShare(store, KEY_A, "1"), meta);
    await store.commitStaged(KEY_A, CEREMONY_2);
    await store.writeShareCiphertext(KEY_B, sampleShare(store, KEY_B, "b"), sampleMeta(KEY_B));
    await store.rememberCeremony(CEREMONY_2);
    await store.close();
    out.newer = await backUp(home, { move: true });
  });
  return out as { older: Backup; newer: Backup };
}

for (const mode of ["crash", "once"] as const) {
  for (const kind of ["a fresh home", "the home as it was before"] as const) {
    Deno.test(`restoreBackup() into ${kind} loses nothing at any step, and goes on (${mode})`, async () => {
      const { older, newer } = await twoBackups();
      let steps = 0;
      for (let finished = false; !finished; steps++) {
        await withHome(async (home) => {
          if (kind !== "a fresh home") await putBack(home, older);
          const disk = new FaultyDisk(steps, mode, "ENOSPC");
          const label = `${kind}, ${mode} after ${steps} steps`;
          try {
            const { keys } = await putBack(home, newer, { files: disk.files });
            finished = disk.steps.length <= steps;
            assert.ok(keys.every((k) => k.outcome !== "refused"), label);
          } catch (error) {
            assert.ok(error instanceof KeystoreError, String(error));
            assert.equal(error.code, "TF-DISK-FULL", label);
          }
          if (!finished) tally("faults injected");
          // What was here can still be read: the old share or the new one.
          const between = await openHome(home);
          assert.deepEqual(between.recovery.damaged, [], label);
          const [key] = await between.listKeys();
          if (key !== undefined) {
            assert.equal(await shareText(between, KEY_A), `{"share":"${key.generation}"}`, label);
          } else assert.equal(kind, "a fresh home", label);
          await between.close();
          // The same again goes through.
          const { keys } = await putBack(home, newer);
          assert.ok(keys.every((k) => k.outcome === "restored" || k.outcome === "kept"), label);
          const store = await openHome(home);
          assert.deepEqual([store.recovery.repaired, store.recovery.damaged], [[], []], label);
          assert.equal(await shareText(store, KEY_A), '{"share":"1"}', label);
          assert.equal(await shareText(store, KEY_B), '{"share":"b"}', label);
          assert.ok(store.seenCeremony(CEREMONY_1) && store.seenCeremony(CEREMONY_2), label);
          await store.close();
          const names = [...(await snapshot(home)).keys()];
          assert.ok(!names.some((n) => /\.tmp-|\.old$|\.next$|damaged/.test(n)), names.join(" "));
          if (!finished) tally("faults survived");
        });
      }
      assert.ok(steps > 20, `${steps} steps`);
    });
  }

  Deno.test(`FileLayer.writeNew() leaves a whole file or none at its name (${mode})`, async () => {
    await withHome(async (folder) => {
      const path = `${folder}/node.backup`;
      const bytes = new Uint8Array(5000).fill(7);
      for (let steps = 0, finished = false; !finished; steps++) {
        const disk = new FaultyDisk(steps, mode, "ENOSPC");
        await disk.files.writeNew(path, bytes).then(() => finished = true, (error) => {
          assert.ok(error instanceof KeystoreError && error.code === "TF-DISK-FULL", String(error));
        });
        if (!finished) tally("faults injected");
        const there = await Deno.readFile(path).catch(() => null);
        assert.ok(there === null ? !finished : there.length === 5000, `${steps} steps`);
        if (finished) break;
        tally("faults survived");
        await Deno.remove(path).catch(() => {});
      }
      assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
      await assert.rejects(denoFiles().writeNew(path, bytes), /is there already/);
      assert.deepEqual([...Deno.readDirSync(folder)].map((e) => e.name), ["node.backup"]);
    });
  });
}

Deno.test("collectBackup() beside a process that reshares all the time gets whole keys", async () => {
  await withHome(async (home) => {
    const first = await openHome(home);
    await first.writeShareCiphertext(KEY_A, sampleShare(first, KEY_A, "0"), sampleMeta(KEY_A));
    await first.close();
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "--quiet", "--cached-only"],
        new URL("./child/open_home.ts", import.meta.url).pathname,
        home,
        "churn",
      ],
      stdout: "piped",
    }).spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const seen = new Set<number>();
    try {
      for (let text = ""; !text.includes("open\n1\n");) text += (await reader.read()).value ?? "";
      const draining = (async () => {
        while (!(await reader.read()).done);
      })();
      // What it finds is checked by backUp(): the share is the one that the metadata name.
      // On a busy machine the other process may not get its turn between two of them.
      for (let i = 0; i < 12 || (seen.size < 2 && i < 1_000); i++) {
        seen.add((await backUp(home)).keys[0]!.meta.generation);
      }
      child.kill("SIGKILL");
      await draining;
    } finally {
      await child.status;
    }
    assert.ok(seen.size > 1, "nothing changed meanwhile");
  });
});

Deno.test("the records in a home directory are read, or count as absent", async () => {
  const files = denoFiles();
  await withHome(async (home) => {
    for (const name of ["backup.json", "moved.json"]) {
      for (const text of ["", "{", "[]", "{}", '{"at":-1}', `{"at":${"9".repeat(400)}}`]) {
        await Deno.writeTextFile(`${home}/${name}`, text, { mode: 0o600 });
        if (name === "backup.json") assert.equal(await readBackupRecord(files, home), null, text);
        // A mark that cannot be read is one: to start by mistake is worse than not to.
        else assert.deepEqual(await readMoved(files, home), { bundle: "", at: 0 }, text);
      }
    }
  });
});
