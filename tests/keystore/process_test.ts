/**
 * The keystore in real processes: least permissions, two daemons on one home, kill -9.
 */
import assert from "node:assert/strict";
import { fromUtf8 } from "../../lib/encoding/bytes.ts";
import { keyIdBytes } from "../../lib/keystore/meta.ts";
import { openStoreFile } from "../../lib/keystore/store_file.ts";
import { tally } from "../support/tally.ts";
import { KEY_A, openHome, sampleMeta, sampleShare, withHome } from "./helpers.ts";

function child(home: string, action: string): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--quiet",
      "--cached-only",
      `--allow-read=${home}`,
      `--allow-write=${home}`,
      new URL("./child/open_home.ts", import.meta.url).pathname,
      home,
      action,
    ],
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  });
}

async function run(home: string, action: string): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await child(home, action).output();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

/** Reads lines from a child until one equals or satisfies what is wanted. */
async function lineFrom(
  process: Deno.ChildProcess,
  wanted: (line: string) => boolean,
): Promise<void> {
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`the child ended: ${text}`);
    text += value;
    if (text.split("\n").some(wanted)) break;
  }
  await reader.cancel().catch(() => {});
}

Deno.test("Keystore needs no permission but for its home directory", async () => {
  await withHome(async (parent) => {
    const home = `${parent}/not/there/yet`;
    assert.deepEqual(await run(home, "everything"), { code: 0, text: "done\n" });
  });
});

Deno.test("Keystore.open() refuses a second daemon and gets over a killed one", async () => {
  await withHome(async (home) => {
    const first = child(home, "hold").spawn();
    await lineFrom(first, (line) => line === "open");
    const second = await run(home, "open");
    assert.equal(second.code, 2);
    assert.match(second.text, /^TF-LOCKED: .*in use by another daemon\n$/);
    first.kill("SIGKILL");
    await first.status;
    await first.stderr.cancel();
    assert.deepEqual(await run(home, "open"), { code: 0, text: "done\n" });
  });
});

Deno.test("commitStaged() survives kill -9 at any moment", async () => {
  await withHome(async (home) => {
    const seed = await openHome(home);
    await seed.writeShareCiphertext(KEY_A, sampleShare(seed, KEY_A, "0"), sampleMeta(KEY_A));
    await seed.close();
    for (let round = 1; round <= 5; round++) {
      const process = child(home, "churn").spawn();
      await lineFrom(process, (line) => Number(line) >= 3 * round);
      process.kill("SIGKILL");
      tally("faults injected");
      await process.status;
      await process.stderr.cancel();
      const store = await openHome(home);
      assert.deepEqual(store.recovery.damaged, []);
      const { generation } = await store.readMeta(KEY_A);
      const share = await store.readShareCiphertext(KEY_A);
      const text = fromUtf8(openStoreFile(store.storeKey(), keyIdBytes(KEY_A), share));
      assert.equal(text, `{"share":"${generation}"}`);
      assert.ok(generation >= 3 * round);
      for (const { keyId } of store.recovery.staged) await store.discardStaged(keyId);
      await store.close();
      tally("faults survived");
    }
  });
});

Deno.test("Keystore.open() reports a home directory that cannot be written", async () => {
  await withHome(async (home) => {
    const { stdout, code } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--quiet",
        "--cached-only",
        `--allow-read=${home}`,
        new URL("./child/open_home.ts", import.meta.url).pathname,
        home,
        "open",
      ],
      stderr: "inherit",
    }).output();
    assert.equal(code, 2);
    assert.match(new TextDecoder().decode(stdout), /^TF-HOME: .*no permission/);
  });
});
