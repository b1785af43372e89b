import assert from "node:assert/strict";
import { ProcessFailure } from "../../cli/demo/processes.ts";
import { Cluster } from "./cluster.ts";
import { filesOf, type Key, keysOf, type Reshared, type Signature, signs } from "./keys_kit.ts";

Deno.test("an Ed25519 key is made, signs, and is handed on three times by real daemons", async (t) => {
  await using cluster = await Cluster.create({ size: 4 });
  const { nodes, identities } = cluster;
  const ids = (...at: number[]) => at.map((i) => identities[i]!).join(",");
  const everybody = (at: readonly number[]) => at.map((i) => nodes[i]!);
  await cluster.start();

  const key = await nodes[0]!.ask<Key>([
    "keygen",
    "--curve",
    "ed25519",
    "--members",
    ids(0, 1, 2),
    "-t",
    "1",
  ]);
  assert.match(key.public_key, /^[0-9a-f]{64}$/);
  await cluster.haveKey(key.key_id, everybody([0, 1, 2]));
  assert.match(key.encodings.ssh!, /^ssh-ed25519 /);
  assert.match(key.encodings.did!, /^did:key:z6Mk/);

  await t.step("it signs files, digests, and messages of any length", async () => {
    for (const bytes of [[], [0], [0, 0, 7], [1, 2, 3]]) {
      await signs(nodes[1]!, key, { message: Uint8Array.from(bytes) });
    }
    await signs(nodes[0]!, key, { digest: "00".repeat(31) + "01" });
    await signs(nodes[2]!, key, { file: new URL("../../README.md", import.meta.url).pathname });
  });

  // From 0 1 2 on: one leaves and one joins; everybody with another threshold; back to three.
  const hops = [
    { by: 0, to: [1, 2, 3], threshold: 1, left: [0] },
    { by: 2, to: [0, 1, 2, 3], threshold: 2, left: [] },
    { by: 0, to: [2, 0], threshold: 1, left: [1, 3] },
  ];
  for (const [n, { by, to, threshold, left }] of hops.entries()) {
    await t.step(`resharing ${n + 1}: to ${to.join(" ")} with threshold ${threshold}`, async () => {
      const result = await nodes[by]!.ask<Reshared>([
        "reshare",
        "--key",
        key.key_id,
        "--members",
        ids(...to),
        "-t",
        String(threshold),
      ]);
      assert.equal(result.public_key, key.public_key);
      assert.equal(result.generation, n + 1);
      assert.deepEqual(result.leaving, left.map((i) => identities[i]));
      assert.deepEqual([result.old_shares_kept, result.unconfirmed], [[], []]);
      for (const node of everybody(to)) {
        const [row] = await keysOf(node);
        assert.deepEqual(
          [row!.public_key, row!.threshold, row!.generation, row!.status, row!.committee],
          [key.public_key, threshold, n + 1, "active", to.map((i) => identities[i])],
        );
        await signs(node, key, { message: Uint8Array.of(n, to.length) });
      }
      for (const i of left) {
        assert.deepEqual(await filesOf(cluster, i, key.key_id), ["meta"]);
        const [row] = await keysOf(nodes[i]!);
        assert.equal(row!.status, "reshared away");
        const refused = await nodes[i]!.ask<Signature>([
          "sign",
          "--key",
          key.key_id,
          "--digest",
          "11".repeat(32),
        ]).then(() => null, (error: unknown) => error);
        assert(refused instanceof ProcessFailure);
        assert.equal(refused.exit, 3);
        assert.match(refused.said, /reshared away/);
      }
    });
  }

  await t.step("a node that left can still ask the present members to sign", async () => {
    const members = [identities[2]!, identities[0]!];
    await signs(nodes[1]!, key, { message: Uint8Array.of(0, 5) }, members);
  });

  await t.step("`keys show` tells the history", async () => {
    const shown = await nodes[0]!.ask<Key>(["keys", "show", key.key_id]);
    assert.deepEqual(shown.history.map((h) => [h.event, h.generation]), [
      ["generated", 0],
      ["reshared away", 1],
      ["reshared", 2],
      ["reshared", 3],
    ]);
    const text = await nodes[0]!.run(["keys", "show", key.key_id]);
    assert.match(text, /generation +3\n/);
    assert.match(text, /history +.*reshared away, generation 1, ceremony [0-9a-f]{8}/);
    assert.match(text, /did +did:key:/);
  });

  await t.step("a bad request is refused before anything happens", async () => {
    const cases: [string[], number, RegExp][] = [
      [["--members", ids(0, 1), "-t", "2"], 2, /too few/],
      [["--members", ids(0, 1), "-t", "1", "--old-members", ids(1, 2)], 2, /has no share/],
      [["--members", ids(0, 0), "-t", "1"], 2, /twice/],
      [["--members", `${ids(0)},${"ab".repeat(20)}`, "-t", "1"], 3, /not ready/],
    ];
    for (const [args, exit, said] of cases) {
      const failure = await nodes[0]!.ask(["reshare", "--key", key.key_id, ...args])
        .then(() => null, (error: unknown) => error);
      assert(failure instanceof ProcessFailure);
      assert.match(failure.said, said);
      assert.equal(failure.exit, exit, failure.said);
    }
    const failure = await nodes[1]!.ask([
      "reshare",
      "--key",
      key.key_id,
      "--members",
      ids(0, 1),
      "-t",
      "1",
    ])
      .then(() => null, (error: unknown) => error);
    assert(failure instanceof ProcessFailure);
    assert.match(
      failure.said,
      /no share of key .*\nhint: .*--old-members, --old-threshold, --generation/,
    );
  });

  await t.step("a node without a share can ask when it is told what it cannot know", async () => {
    const result = await nodes[1]!.ask<Reshared>([
      "reshare",
      "--key",
      key.key_id,
      "--members",
      ids(1, 2),
      "-t",
      "1",
      "--old-members",
      ids(2, 0),
      "--old-threshold",
      "1",
      "--generation",
      "3",
    ]);
    assert.equal(result.generation, 4);
    await signs(nodes[1]!, key, { message: Uint8Array.of(9) });
  });

  await t.step("who signs during a resharing gets a good signature or a reason", async () => {
    const resharing = nodes[1]!.ask<Reshared>([
      ...["reshare", "--key", key.key_id, "--members", ids(2, 1, 0), "-t", "1"],
    ]);
    const outcomes = await Promise.all(
      [1, 2, 1, 2].map((by, n) =>
        signs(nodes[by]!, key, { message: Uint8Array.of(7, n) }).then(() => "signed", (error) => {
          assert(error instanceof ProcessFailure, String(error));
          assert.match(error.said, /^error: .{20,}/);
          return error.said;
        })
      ),
    );
    assert.equal((await resharing).generation, 5, outcomes.join("\n"));
    await cluster.until("all three have the new share", async () => {
      const rows = await Promise.all(everybody([0, 1, 2]).map(keysOf));
      return rows.every(([row]) => row!.generation === 5 && row!.status === "active");
    });
    for (const by of [0, 1, 2]) await signs(nodes[by]!, key, { message: Uint8Array.of(8, by) });
  });
});
