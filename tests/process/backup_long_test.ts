/** The drills of docs/OPERATING.md with real daemons: lose a machine, move a node and move it back. */
import assert from "node:assert/strict";
import { DemoNode, freePorts, ProcessFailure } from "../../cli/demo/processes.ts";
import { Cluster } from "./cluster.ts";
import { type Key, keysOf, signs } from "./keys_kit.ts";

interface Status {
  readonly identity: string;
  readonly backup: { age_ms: number | null; current: boolean; missing: string[] };
}
interface Restored {
  readonly identity: string;
  readonly keys: readonly { key_id: string; outcome: string; reason?: string }[];
  readonly moved_back: boolean;
}

const failed = (promise: Promise<unknown>) =>
  promise.then(() => assert.fail("it went through"), (error): ProcessFailure => {
    assert.ok(error instanceof ProcessFailure, String(error));
    return error;
  });

Deno.test("a node is backed up while it runs, lost, restored, moved to another host and back", async (t) => {
  const [metrics] = freePorts(1);
  await using cluster = await Cluster.create({
    size: 3,
    preParams: 0,
    env: (i): Record<string, string> =>
      i === 2 ? { TRF_PROMETHEUS_ADDRESS: `127.0.0.1:${metrics}` } : {},
  });
  const [a, b, c] = cluster.nodes as [DemoNode, DemoNode, DemoNode];
  const members = cluster.identities;
  const bundle = (name: string) => `${cluster.root}/${name}`;
  const places = (name: string) => [bundle(name), bundle(name) + ".part"];
  // A process for a command may write what the command line names, and the home directory.
  const backup = (node: DemoNode, name: string, ...more: string[]) =>
    node.ask<{ keys: unknown[] }>(["backup", bundle(name), ...more], places(name), places(name));
  const restore = (node: DemoNode, name: string, ...more: string[]) =>
    node.ask<Restored>(["restore", bundle(name), ...more], [bundle(name)]);
  let key!: Key;
  const message = (n: number) => ({ message: Uint8Array.of(n) });
  const withC = [members[0]!, members[2]!];

  await t.step(
    "status and the metrics page say that there is no backup, then that it is current",
    async () => {
      await cluster.start();
      const args = ["keygen", "--curve", "ed25519", "--members", members.join(","), "-t", "1"];
      key = await a.ask<Key>(args);
      let before!: Status["backup"];
      await cluster.until("status has the key", async () => {
        before = (await c.ask<Status>(["status"])).backup;
        return before.missing.length > 0;
      });
      assert.deepEqual(before, { at: null, age_ms: null, current: false, missing: [key.key_id] });
      assert.equal((await backup(c, "first")).keys.length, 1);
      await cluster.until("status and metrics know of the backup", async () => {
        const after = (await c.ask<Status>(["status"])).backup;
        const page = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text();
        return after.current && after.age_ms! < 600_000 &&
          /^continuum_backup_current 1$/m.test(page) &&
          /^continuum_backup_age_seconds \d+$/m.test(page);
      });
      // A backup never replaces another.
      assert.match((await failed(backup(c, "first"))).said, /is there already/);
    },
  );

  await t.step(
    "the machine is lost and restored from the file and the passphrase alone",
    async () => {
      await c.stop("SIGKILL");
      await Deno.remove(c.options.home, { recursive: true });
      const { identity, keys } = await restore(c, "first");
      assert.equal(identity, members[2]);
      assert.deepEqual(keys.map((k) => k.outcome), ["restored"]);
      await cluster.start([c]);
      await signs(a, key, message(1), withC);
    },
  );

  await t.step("an old backup is refused after a resharing, key by key", async () => {
    const to = ["reshare", "--key", key.key_id, "--members", members.join(","), "-t", "1"];
    await a.ask(to);
    await cluster.until("status says that the backup is old", async () => {
      const { backup: state } = await c.ask<Status>(["status"]);
      return !state.current && state.missing.join() === key.key_id;
    });
    await c.stop();
    const refused = await failed(restore(c, "first", "--force"));
    assert.equal(refused.exit, 3);
    assert.match(refused.said, /generation 1 is here, the backup has generation 0/);
  });

  let moved: DemoNode | undefined;
  await t.step("it is moved to another host; the old home directory starts no daemon", async () => {
    assert.match((await failed(backup(a, "busy", "--move"))).said, /in use by another daemon/);
    await backup(c, "away", "--move");
    await c.start();
    assert.equal(await c.ended(), 2);
    assert.match(c.log, /it was moved away/);
    moved = new DemoNode({ ...c.options, home: `${cluster.root}/other host` });
    moved.allow(members);
    await restore(moved, "away");
    await moved.start();
    await cluster.until("the moved node is back in the mesh", async () => {
      const { peers } = await a.ask<{ peers: { identity: string; live: boolean }[] }>(["peers"]);
      return peers.some((p) => p.identity === members[2] && p.live);
    });
    await signs(a, key, message(2), withC);
  });

  await t.step("and back, which only a newer backup with --move does", async () => {
    await moved!.stop();
    assert.match((await failed(restore(c, "away"))).said, /the backup that it was moved with/);
    await backup(moved!, "back", "--move");
    assert.equal((await restore(c, "back")).moved_back, true);
    await cluster.start([c]);
    assert.deepEqual((await keysOf(c)).map((k) => k.generation), [1]);
    await signs(b, key, message(3), [members[1]!, members[2]!]);
  });
  await moved?.stop("SIGKILL");
});
