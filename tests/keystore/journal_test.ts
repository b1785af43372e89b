import assert from "node:assert/strict";
import { parseIdentity } from "../../lib/crypto/identity.ts";
import { KeystoreError } from "../../lib/keystore/errors.ts";
import { denoFiles, type FileLayer, joinPath } from "../../lib/keystore/files.ts";
import {
  CeremonyJournal,
  MAX_OPEN,
  OPEN_LIFE,
  type OpenCeremony,
} from "../../lib/keystore/journal.ts";
import { FaultyDisk, NOW, withHome } from "./helpers.ts";

const who = (n: number) => parseIdentity(n.toString(16).padStart(40, "0"));
const id = (n: number) => n.toString(16).padStart(64, "0");
const ceremony = (n: number, at = Math.floor(NOW / 1000)): OpenCeremony => ({
  id: id(n),
  kind: "sign",
  at,
  requester: who(1),
  members: [who(1), who(2)],
  ours: n % 2 === 0 ? [] : [who(2)],
});
const pathIn = (home: string) => joinPath(home, "ceremonies.open");
const open = (home: string, files: FileLayer = denoFiles(), now = NOW) =>
  CeremonyJournal.open({ files, path: pathIn(home), now });

Deno.test("CeremonyJournal gives back what had begun and not ended before a restart", async () => {
  await withHome(async (home) => {
    const journal = await open(home);
    assert.deepEqual(journal.lost, []);
    for (const n of [1, 2, 3]) await journal.begin(ceremony(n));
    await journal.end(id(2));
    await journal.end(id(9));
    const again = await open(home);
    assert.deepEqual(again.lost, [ceremony(1), ceremony(3)]);
    await again.end(id(1));
    assert.deepEqual((await open(home)).lost, [ceremony(3)]);
    assert.equal((await Deno.stat(pathIn(home))).mode! & 0o777, 0o600);
  });
});

Deno.test("CeremonyJournal survives truncation at every length and foreign lines", async () => {
  await withHome(async (home) => {
    const journal = await open(home);
    for (const n of [1, 2]) await journal.begin(ceremony(n));
    const whole = await Deno.readFile(pathIn(home));
    for (let length = 0; length <= whole.length; length += 9) {
      await Deno.writeFile(pathIn(home), whole.subarray(0, length));
      const cut = await open(home);
      assert(cut.lost.every((c) => [id(1), id(2)].includes(c.id)));
      await cut.begin(ceremony(5));
      assert.deepEqual((await open(home)).lost, [...cut.lost, ceremony(5)], `length ${length}`);
    }
    await Deno.writeFile(pathIn(home), Uint8Array.of(0xff, 0x0a, ...whole));
    assert.deepEqual((await open(home)).lost, [ceremony(1), ceremony(2)]);
  });
});

Deno.test("CeremonyJournal stays small and forgets what is long over", async () => {
  await withHome(async (home) => {
    const journal = await open(home);
    await journal.begin(ceremony(0, Math.floor(NOW / 1000) - OPEN_LIFE - 1));
    for (let n = 1; n < 600; n++) {
      await journal.begin(ceremony(n));
      if (n > 3) await journal.end(id(n));
    }
    const again = await open(home);
    assert.deepEqual(again.lost.map((c) => c.id), [id(1), id(2), id(3)]);
    assert((await Deno.stat(pathIn(home))).size < 1024 * 250);
    for (let n = 1000; n < 1000 + MAX_OPEN; n++) void again.begin(ceremony(n));
    await again.close();
    assert.equal(again.size, MAX_OPEN);
    await assert.rejects(again.begin(ceremony(9999)), { code: "TF-READ-ONLY" });
  });
});

Deno.test("CeremonyJournal does not take on what it cannot write down", async () => {
  await withHome(async (home) => {
    await (await open(home)).begin(ceremony(1));
    const disk = new FaultyDisk(0, "once", "ENOSPC");
    const journal = await open(home, disk.files);
    await assert.rejects(
      journal.begin(ceremony(2)),
      (e) => e instanceof KeystoreError && e.code === "TF-DISK-FULL",
    );
    await journal.begin(ceremony(3));
    assert.deepEqual((await open(home)).lost.map((c) => c.id), [id(1), id(3)]);
    await assert.rejects(
      journal.begin({ ...ceremony(4), id: "xy" }),
      (e) => e instanceof KeystoreError && e.code === "TF-ARGUMENT",
    );
  });
});
