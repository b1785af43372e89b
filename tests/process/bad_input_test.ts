import assert from "node:assert/strict";
import { DemoNode, freePorts } from "../../cli/demo/processes.ts";
import { Cluster, PATIENCE_MS } from "./cluster.ts";

/** Starts a daemon that is expected to fail, and returns its exit code and what it said. */
async function fails(node: DemoNode): Promise<{ code: number; said: string }> {
  await node.start();
  const code = await node.ended();
  return { code, said: node.log };
}

async function lone(env: Record<string, string>, passphrase = "the right passphrase") {
  const root = await Deno.makeTempDir({ prefix: "transfunctioner-test-" });
  const [listen, admin] = freePorts(2);
  const make = (more: Record<string, string>, secret = passphrase) =>
    new DemoNode({
      name: "node",
      home: `${root}/home`,
      listen: `127.0.0.1:${listen}`,
      admin: `127.0.0.1:${admin}`,
      connect: [],
      passphrase: secret,
      env: { ...env, ...more },
    });
  await make({}).run(["init"]);
  return {
    root,
    listen: listen!,
    home: `${root}/home`,
    node: make,
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

Deno.test("a wrong passphrase is one clear line and exit 2; nothing changes", async () => {
  await using world = await lone({});
  const before = await Deno.readTextFile(`${world.home}/identity.json`);
  const { code, said } = await fails(world.node({}, "a wrong passphrase"));
  assert.equal(code, 2);
  assert.match(said, /^error: .*passphrase/m);
  assert.match(said, /^hint: /m);
  assert.doesNotMatch(said, /a wrong passphrase|the right passphrase|at file:/);
  assert.equal(await Deno.readTextFile(`${world.home}/identity.json`), before);
});

Deno.test("a second init refuses to touch the keystore", async () => {
  await using world = await lone({});
  await assert.rejects(world.node({}).run(["init"]), /is there already/);
});

Deno.test("a port in use says which variable to change, exit 2", async () => {
  await using world = await lone({});
  const taken = Deno.listen({ hostname: "127.0.0.1", port: world.listen });
  try {
    const { code, said } = await fails(world.node({}));
    assert.equal(code, 2);
    assert.match(said, /^error: .*port is in use/m);
    assert.match(said, /TRF_LISTEN_ADDRESS/);
  } finally {
    taken.close();
  }
});

Deno.test("a second daemon on one home is refused, exit 2", async () => {
  await using world = await lone({});
  const first = world.node({});
  await first.start();
  try {
    const deadline = performance.now() + PATIENCE_MS;
    while (!first.log.includes("node started")) {
      assert(performance.now() < deadline && first.running, first.log);
      // A real process needs real time.
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const { code, said } = await fails(world.node({ TRF_LISTEN_ADDRESS: "off" }));
    assert.equal(code, 2);
    assert.match(said, /in use by another daemon/);
  } finally {
    assert.equal(await first.stop(), 0);
  }
});

Deno.test("a bad variable, a home that is missing and one that cannot be written: exit 2", async () => {
  await using world = await lone({});
  const bad = await world.node({ TRF_CONSENT: "sometimes" }).run(["status"]).then(
    () => null,
    (error: { exit: number; said: string }) => error,
  );
  assert.equal(bad?.exit, 2);
  assert.match(bad.said, /TRF_CONSENT/);

  await Deno.rename(world.home, `${world.root}/elsewhere`);
  const missing = await fails(world.node({}));
  assert.equal(missing.code, 2);
  assert.match(missing.said, /there is no home directory/);
  assert.match(missing.said, /transfunctioner init/);
});

Deno.test("a truncated share file is named, other commands go on, the file stays as it is", async () => {
  await using cluster = await Cluster.create({ size: 2 });
  const [a, b] = cluster.nodes;
  await cluster.start();
  const { key_id } = await a!.ask<{ key_id: string }>([
    "keygen",
    "--members",
    cluster.identities.join(","),
    "-t",
    "1",
  ]);
  await cluster.haveKey(key_id);
  const path = `${b!.options.home}/${cluster.identities[1]}/tss/${key_id}.key`;
  const whole = await Deno.readFile(path);
  await Deno.writeFile(path, whole.subarray(0, 100));
  const failure = await b!.ask(["sign", "--key", key_id, "--digest", "11".repeat(32)]).then(
    () => null,
    (error: { exit: number; said: string }) => error,
  );
  assert.equal(failure?.exit, 1);
  assert.match(failure.said, /\.key/);
  assert.equal((await Deno.readFile(path)).length, 100);
  await b!.ask(["status"]);
});
