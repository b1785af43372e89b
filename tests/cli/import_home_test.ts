import assert from "node:assert/strict";
import { denoFiles } from "../../lib/keystore/files.ts";
import { Keystore } from "../../lib/keystore/keystore.ts";
import { fromHex } from "../../lib/encoding/bytes.ts";
import { type GoNodes, makeGoHomes, sealGoFile } from "../support/go_home.ts";
import { runLine } from "./fake_terminal.ts";

interface World extends GoNodes {
  readonly root: string;
  /** Runs import-home for the first node, with --json, and the options of its new home. */
  run(...words: string[]): Promise<{ code: number; err: string; answer: Answer }>;
}

interface Answer {
  readonly identity: string;
  readonly usable?: boolean;
  readonly keys: readonly { key_id: string; state?: string; problem?: string }[];
  readonly pre_params: unknown;
  readonly wiped: readonly string[];
  readonly error?: { code: string; message: string };
}

async function withGoHomes(body: (world: World) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "transfunctioner-test-" });
  try {
    const made = await makeGoHomes(root);
    await Deno.writeTextFile(`${root}/passphrase`, "a test passphrase\n");
    await Deno.writeTextFile(`${root}/key`, made.nodes[0]!.privateKey + "\n");
    const options = ["--passphrase-file", `${root}/passphrase`];
    await body({
      ...made,
      root,
      async run(...words) {
        const withDefaults = [
          ...options,
          ...(words.includes("--home") ? [] : ["--home", `${root}/new`]),
          ...(words.includes("--private-key-file") ? [] : ["--private-key-file", `${root}/key`]),
        ];
        const { code, out, err } = await runLine(
          "import-home",
          "--json",
          ...withDefaults,
          ...words,
        );
        return { code, err, answer: JSON.parse(out) as Answer };
      },
    });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** Every file below a directory, with its content. */
async function snapshot(path: string): Promise<Map<string, string>> {
  const out = new Map<string, string>();
  for await (const entry of Deno.readDir(path)) {
    const inner = `${path}/${entry.name}`;
    if (entry.isDirectory) { for (const [k, v] of await snapshot(inner)) out.set(k, v); }
    else out.set(inner, (await Deno.readFile(inner)).join());
  }
  return out;
}

Deno.test("import-home moves a Go node's identity, share and pre-parameters, once", async () => {
  await withGoHomes(async ({ root, nodes: [node], keyId, run }) => {
    const { home, identity, privateKey } = node!;
    const before = await snapshot(home);

    const check = await run(home, "--check");
    assert.equal(check.code, 0, check.err);
    assert.equal(check.answer.usable, true);
    assert.deepEqual(check.answer.pre_params, { problem: null });
    await assert.rejects(Deno.stat(`${root}/new`), Deno.errors.NotFound);

    const first = await run(home);
    assert.equal(first.code, 0, first.err);
    assert.equal(first.answer.identity, identity);
    assert.deepEqual(first.answer.keys.map((k) => [k.key_id, k.state]), [[keyId, "imported"]]);
    assert.equal(first.answer.pre_params, "imported");
    assert.deepEqual(await snapshot(home), before);

    // A second run finds all there; also beside a running daemon, which has the directory.
    const files = denoFiles();
    const daemon = await Keystore.open({
      home: `${root}/new`,
      files,
      secret: { passphrase: "a test passphrase" },
    });
    assert.equal(daemon.identity.identity, identity);
    assert.equal(await daemon.preParamsCount(), 1);
    assert.deepEqual(
      [...await daemon.readShareCiphertext(keyId)],
      [...await Deno.readFile(`${home}/${identity}/tss/${keyId}.key`)],
    );
    const again = await run(home);
    assert.equal(again.answer.keys[0]!.state, "there already");

    const wiped = await run(home, "--wipe-source");
    assert.equal(wiped.code, 0, wiped.err);
    assert.equal(wiped.answer.wiped.length, 3);
    assert.equal((await snapshot(home)).size, 0);
    await daemon.close();

    // Nothing is left to import, and nothing is lost.
    assert.deepEqual((await run(home)).answer.keys, []);
    const reading = await Keystore.open({
      home: `${root}/new`,
      files,
      secret: { privateKey: fromHex(privateKey) },
      readOnly: true,
    });
    assert.equal((await reading.listKeys()).length, 1);
    await reading.close();
    const all = [...(await snapshot(`${root}/new`)).keys()];
    assert(!all.some((path) => path.endsWith("preparams.json")));
  });
});

Deno.test("import-home refuses what does not fit, and changes nothing", async (t) => {
  await withGoHomes(async ({ root, nodes, keyId, run }) => {
    const [node, other] = nodes;
    const tss = `${node!.home}/${node!.identity}/tss`;
    const files = denoFiles();
    const refused = async (name: string, code: string, pattern: RegExp, ...words: string[]) => {
      await t.step(name, async () => {
        const { code: exit, err, answer } = await run(...words);
        assert.notEqual(exit, 0);
        assert.equal(answer.error?.code, code, err);
        assert.match(err, pattern);
        assert.match(err, /\nhint: /);
      });
    };
    await refused("no directory", "TF-USAGE", /the directory is missing/);
    await refused(
      "another node's key",
      "TF-NO-KEYSTORE",
      /it belongs to [0-9a-f]{40}/,
      other!.home,
    );
    await refused("into itself", "TF-USAGE", /into itself/, node!.home, "--home", node!.home);
    await Deno.writeTextFile(`${root}/no-key`, "0x12\n");
    await refused(
      "no private key",
      "TF-USAGE",
      /64 hex digits|not a private key/,
      node!.home,
      "--private-key-file",
      `${root}/no-key`,
    );

    await t.step("a share with another secret is named, in the check and in the run", async () => {
      const good = await Deno.readFile(`${tss}/${keyId}.key`);
      const theirs = await Deno.readFile(`${other!.home}/${other!.identity}/tss/${keyId}.key`);
      await Deno.writeFile(`${tss}/${keyId}.key`, theirs);
      const check = await run(node!.home, "--check");
      assert.equal(check.code, 1);
      assert.match(check.answer.keys[0]!.problem!, /damaged or was written by another node/);
      const run1 = await run(node!.home);
      assert.equal(run1.answer.error?.code, "TF-DAMAGED");
      await assert.rejects(Deno.stat(`${root}/new/identity.json`), Deno.errors.NotFound);
      await Deno.writeFile(`${tss}/${keyId}.key`, good);
    });

    await t.step("metadata with another committee or public key is named", async () => {
      const path = `${tss}/${keyId}.meta`;
      const good = await Deno.readFile(path);
      const text = (committee: string[], publicKey: string) =>
        JSON.stringify({
          committee,
          threshold: 1,
          key_id: btoa(String.fromCharCode(...fromHex(keyId))),
          public_key: publicKey,
          created_at: "2026-01-02T03:04:05Z",
        });
      const write = (content: string) =>
        Deno.writeFile(path, sealGoFile(node!.privateKey, keyId, content));
      const all = nodes.map((n) => n.identity);
      const zeros = btoa("\0".repeat(64));
      await write(text(all.slice(1), zeros));
      assert.match((await run(node!.home, "--check")).answer.keys[0]!.problem!, /this node/);
      await write(text(all, zeros));
      assert.match((await run(node!.home, "--check")).answer.keys[0]!.problem!, /public key/);
      await Deno.writeFile(path, good);
    });

    await t.step("pre-parameters that are not safe are named", async () => {
      const path = `${node!.home}/${node!.identity}/preparams.json`;
      const good = await Deno.readTextFile(path);
      await Deno.chmod(path, 0o600);
      await Deno.writeTextFile(path, good.replace(/("P": \d+)\d/, "$10"));
      const check = await run(node!.home, "--check");
      assert.equal(check.code, 1);
      assert.match(
        String((check.answer.pre_params as { problem: string }).problem),
        /cannot be used/,
      );
      await Deno.writeTextFile(path, good);
    });

    await t.step("another node's home, or another share of the key, is not touched", async () => {
      await Deno.writeTextFile(`${root}/other`, other!.privateKey);
      const theirs = await run(other!.home, "--private-key-file", `${root}/other`);
      assert.equal(theirs.code, 0, theirs.err);
      const before = await snapshot(`${root}/new`);
      const mine = await run(node!.home);
      assert.equal(mine.answer.error?.code, "TF-IDENTITY");
      assert.deepEqual(await snapshot(`${root}/new`), before);

      const resealed = await Keystore.open({
        home: `${root}/new`,
        files,
        secret: { privateKey: fromHex(other!.privateKey) },
      });
      await resealed.close();
      const theirTss = `${other!.home}/${other!.identity}/tss`;
      const bytes = await Deno.readFile(`${theirTss}/${keyId}.key`);
      await Deno.writeFile(
        `${root}/new/${other!.identity}/tss/${keyId}.key`,
        bytes.map((b) => b ^ 1),
      );
      const clash = await run(other!.home, "--private-key-file", `${root}/other`, "--wipe-source");
      assert.notEqual(clash.code, 0);
      assert.deepEqual(await Deno.readFile(`${theirTss}/${keyId}.key`), bytes);
    });
  });
});
