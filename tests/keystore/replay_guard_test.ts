import assert from "node:assert/strict";
import { toHex } from "../../lib/encoding/bytes.ts";
import { KeystoreError } from "../../lib/keystore/errors.ts";
import { denoFiles, type FileLayer, joinPath } from "../../lib/keystore/files.ts";
import { ReplayGuard } from "../../lib/keystore/replay_guard.ts";
import { FaultyDisk, NOW, withHome } from "./helpers.ts";

const id = (n: number) => toHex(new Uint8Array(32).fill(n));
const open = (home: string, capacity?: number, files: FileLayer = denoFiles()) =>
  ReplayGuard.open({
    files,
    path: joinPath(home, "ceremonies.seen"),
    now: () => NOW,
    ...(capacity === undefined ? {} : { capacity }),
  });

Deno.test("ReplayGuard remembers across restarts", async () => {
  await withHome(async (home) => {
    const guard = await open(home);
    assert.equal(await guard.remember(id(1)), true);
    assert.equal(await guard.remember(id(2).toUpperCase()), true);
    assert.equal(await guard.remember(id(1)), false);
    const again = await open(home);
    assert.equal(again.size, 2);
    assert.ok(again.has(id(1)) && again.has(id(2)) && !again.has(id(3)));
    assert.equal(await again.remember(id(2)), false);
    await assert.rejects(
      again.remember("xy"),
      (e) => e instanceof KeystoreError && e.code === "TF-ARGUMENT",
    );
  });
});

Deno.test("ReplayGuard survives truncation at every length", async () => {
  await withHome(async (home) => {
    const guard = await open(home);
    for (let n = 1; n <= 3; n++) await guard.remember(id(n));
    const path = joinPath(home, "ceremonies.seen");
    const whole = await Deno.readFile(path);
    const line = whole.length / 3;
    for (let length = 0; length <= whole.length; length++) {
      await Deno.writeFile(path, whole.subarray(0, length));
      const cut = await open(home);
      assert.equal(cut.size, Math.floor(length / line), `length ${length}`);
      assert.equal(await cut.remember(id(9)), true);
      const after = await open(home);
      assert.ok(after.has(id(9)));
      assert.equal(after.size, Math.floor(length / line) + 1);
    }
  });
});

Deno.test("ReplayGuard skips foreign lines and bytes that are no text", async () => {
  await withHome(async (home) => {
    const path = joinPath(home, "ceremonies.seen");
    const good = `${id(1)} 5\n`;
    await Deno.writeFile(path, Uint8Array.of(0xff, 0x00, 0x0a, ...new TextEncoder().encode(good)), {
      mode: 0o600,
    });
    const guard = await open(home);
    assert.equal(guard.size, 1);
    await guard.remember(id(2));
    assert.equal(await Deno.readTextFile(path), `${good}${id(2)} ${Math.floor(NOW / 1000)}\n`);
  });
});

Deno.test("ReplayGuard is bounded in memory and on disk; the oldest fall out", async () => {
  await withHome(async (home) => {
    const guard = await open(home, 4);
    for (let n = 1; n <= 100; n++) await guard.remember(id(n));
    assert.equal(guard.size, 4);
    assert.ok(guard.has(id(97)) && !guard.has(id(96)));
    const lines = (await Deno.readTextFile(joinPath(home, "ceremonies.seen"))).trim().split("\n");
    assert.ok(lines.length <= 8, `${lines.length} lines`);
    const again = await open(home, 4);
    assert.ok(again.has(id(97)) && again.has(id(100)) && !again.has(id(96)));
  });
});

Deno.test("ReplayGuard refuses when it cannot store, and recovers with the disk", async () => {
  await withHome(async (home) => {
    const disk = new FaultyDisk(3, "once", "ENOSPC");
    const guard = await open(home, 100, disk.files);
    await guard.remember(id(1)); // append, sync, directory sync
    await assert.rejects(
      guard.remember(id(2)),
      (e) => e instanceof KeystoreError && e.code === "TF-DISK-FULL",
    );
    assert.equal(await guard.remember(id(3)), true);
    const again = await open(home);
    assert.ok(again.has(id(1)) && again.has(id(3)));
  });
});
