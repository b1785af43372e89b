import assert from "node:assert/strict";
import { utf8 } from "../../lib/encoding/bytes.ts";
import { fileFailure, KeystoreError } from "../../lib/keystore/errors.ts";
import { denoFiles, joinPath, parentOf } from "../../lib/keystore/files.ts";
import { DiskError, FaultyDisk, withHome } from "./helpers.ts";

const files = denoFiles();
const code = (wanted: string) => (error: unknown) =>
  error instanceof KeystoreError && error.code === wanted;

Deno.test("writeAtomic() replaces a file as a whole with the mode asked for", async () => {
  await withHome(async (home) => {
    const path = joinPath(home, "x");
    await files.writeAtomic(path, utf8("one"), 0o600);
    await files.writeAtomic(path, utf8("two"), 0o400);
    assert.deepEqual(await files.read(path, { limit: 3 }), utf8("two"));
    assert.deepEqual(await files.stat(path), { kind: "file", mode: 0o400, size: 3 });
    assert.deepEqual(await files.list(home), ["x"]);
  });
});

Deno.test("writeAtomic() leaves the old content at a failure of any step, and no debris", async () => {
  for (let at = 0; at < 5; at++) {
    await withHome(async (home) => {
      const path = joinPath(home, "x");
      await files.writeAtomic(path, utf8("old"), 0o600);
      const disk = new FaultyDisk(at, "once", "ENOSPC");
      await assert.rejects(disk.files.writeAtomic(path, utf8("new"), 0o600), code("TF-DISK-FULL"));
      assert.deepEqual(await files.read(path, { limit: 9 }), utf8("old"), `step ${at}`);
      assert.deepEqual(await files.list(home), ["x"]);
    });
  }
});

Deno.test("writeAtomic() synchronises the file before and the directory after the rename", async () => {
  await withHome(async (home) => {
    const disk = new FaultyDisk(Infinity, "once");
    await disk.files.writeAtomic(joinPath(home, "x"), utf8("1"), 0o600);
    assert.deepEqual(disk.steps, ["create", "write", "sync", "chmod", "rename", "sync-directory"]);
  });
});

Deno.test("read() refuses links, directories, open modes and oversized files", async () => {
  await withHome(async (home) => {
    const path = joinPath(home, "x");
    await files.writeAtomic(path, utf8("secret"), 0o600);
    await assert.rejects(files.read(path, { limit: 5 }), code("TF-DAMAGED"));
    await Deno.symlink(path, joinPath(home, "link"));
    await assert.rejects(files.read(joinPath(home, "link"), { limit: 9 }), code("TF-UNSAFE-FILE"));
    await assert.rejects(files.read(home, { limit: 9 }), code("TF-UNSAFE-FILE"));
    for (const mode of [0o640, 0o604, 0o620, 0o660, 0o601]) {
      await Deno.chmod(path, mode);
      await assert.rejects(files.read(path, { limit: 9 }), code("TF-UNSAFE-FILE"));
      assert.equal((await files.read(path, { limit: 9, secret: false })).length, 6);
    }
    await assert.rejects(files.read(joinPath(home, "no"), { limit: 9 }), code("TF-NOT-FOUND"));
  });
});

Deno.test("remove() overwrites first when asked, and takes an absent file", async () => {
  await withHome(async (home) => {
    const path = joinPath(home, "x");
    await files.writeAtomic(path, utf8("secret"), 0o600);
    await Deno.link(path, joinPath(home, "second-name"));
    await files.remove(path, { overwrite: true });
    await files.remove(path, { overwrite: true });
    assert.equal(await files.stat(path), null);
    const rest = await Deno.readFile(joinPath(home, "second-name"));
    assert.equal(rest.length, 6);
    assert.notDeepEqual(new Uint8Array(rest), new Uint8Array(utf8("secret")));
  });
});

Deno.test("append() adds to a private file", async () => {
  await withHome(async (home) => {
    const path = joinPath(home, "x");
    await files.append(path, utf8("a"));
    await files.append(path, utf8("b"));
    assert.deepEqual(await files.read(path, { limit: 9 }), utf8("ab"));
    await Deno.chmod(path, 0o666);
    await assert.rejects(files.append(path, utf8("c")), code("TF-UNSAFE-FILE"));
  });
});

Deno.test("makeDirectory() makes private directories and leaves existing ones", async () => {
  await withHome(async (home) => {
    const path = joinPath(home, "a", "b");
    await files.makeDirectory(path);
    assert.deepEqual((await files.stat(path))?.mode, 0o700);
    await files.makeDirectory(path);
    assert.deepEqual(await files.list(joinPath(home, "none")), []);
  });
});

Deno.test("lock() is exclusive, and free again after release", async () => {
  await withHome(async (home) => {
    const path = joinPath(home, "lock");
    const first = await files.lock(path);
    assert.ok(first !== null);
    assert.equal(await files.lock(path), null);
    first.release();
    const second = await files.lock(path);
    assert.ok(second !== null);
    second.release();
  });
});

Deno.test("fileFailure() says what to do for each kind of failure", () => {
  const named = (name: string) => Object.assign(new Error("x"), { name });
  const cases: [unknown, string, number, RegExp][] = [
    [new DiskError("ENOSPC"), "TF-DISK-FULL", 1, /disk is full/],
    [new DiskError("EDQUOT"), "TF-DISK-FULL", 1, /quota/],
    [new DiskError("EROFS"), "TF-HOME", 2, /read-only/],
    [new DiskError("EACCES"), "TF-HOME", 2, /permission denied/],
    [named("PermissionDenied"), "TF-HOME", 2, /permission denied/],
    [named("NotCapable"), "TF-HOME", 2, /no permission/],
    [named("NotFound"), "TF-NOT-FOUND", 1, /does not exist/],
    [new DiskError("EIO"), "TF-FILE", 1, /simulated EIO/],
    ["odd", "TF-FILE", 1, /odd/],
  ];
  for (const [error, wanted, exit, text] of cases) {
    const failure = fileFailure("do it", "/home/x", error);
    assert.equal(failure.code, wanted);
    assert.equal(failure.exit, exit);
    assert.match(failure.message, text);
    assert.ok(failure.message.includes("/home/x"));
    assert.ok(failure.hint.length > 0);
  }
  const own = new KeystoreError("TF-LOCKED", "m", "h");
  assert.equal(fileFailure("do it", "/home/x", own), own);
});

Deno.test("parentOf() and joinPath() split and join", () => {
  assert.equal(parentOf("/a/b"), "/a");
  assert.equal(parentOf("/a"), "/");
  assert.equal(parentOf("a"), ".");
  assert.equal(joinPath("/a/", "b", "c"), "/a/b/c");
  assert.equal(joinPath("/", "b"), "/b");
});
