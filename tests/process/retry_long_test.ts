/**
 * Members that die in the middle of a signing: with others it ends in a signature, and a member
 * that comes back says at once that its part is lost.
 */
import assert from "node:assert/strict";
import { ProcessFailure } from "../../cli/demo/processes.ts";
import { verifyIndependently } from "../../cli/demo/verify.ts";
import { Cluster } from "./cluster.ts";

interface Key {
  readonly key_id: string;
  readonly public_key: string;
}
interface Row {
  readonly id: string;
  readonly state: string;
  readonly round?: number;
  readonly reason?: string;
  readonly culprits?: readonly string[];
}

const README = new URL("../../README.md", import.meta.url).pathname;

Deno.test("a signing whose member is killed in the middle ends in a signature by others", async (t) => {
  // The second node approves by hand: so it is certain to die in the middle.
  await using cluster = await Cluster.create({
    size: 3,
    searches: true,
    env: (i): Record<string, string> => i === 1 ? { TRF_CONSENT: "manual" } : {},
  });
  const [asker, dying, spare] = cluster.nodes;
  const [first, second, third] = cluster.identities;
  let key!: Key;
  const ceremonies = async (node = asker!) =>
    (await node.ask<{ ceremonies: Row[] }>(["ceremonies"])).ceremonies;
  const waiting = async () => (await ceremonies(dying)).find((c) => c.state === "waiting");

  await t.step("a key of all three", async () => {
    await cluster.start();
    const making = asker!.ask<Key>([
      "keygen",
      "--members",
      cluster.identities.join(),
      "-t",
      "1",
      "--wait",
      "60",
    ]);
    let row: Row | undefined;
    await cluster.until("the request waits", async () => (row = await waiting()) !== undefined);
    await dying!.run(["ceremonies", "approve", row!.id]);
    key = await making;
  });

  await t.step("kill -9 of the signer: a third one takes its place", async () => {
    const members = `${first},${second},${third}`;
    const signing = asker!.ask<{
      readonly r: string;
      readonly s: string;
      readonly committee: readonly string[];
      readonly attempts: readonly { outcome: string; culprits: readonly string[] }[];
    }>(["sign", "--key", key.key_id, "--file", README, "--members", members, "--wait", "60"], [
      README,
    ]);
    await cluster.until("the request waits", async () => (await waiting()) !== undefined);
    await dying!.stop("SIGKILL");
    const signature = await signing;
    assert.deepEqual(signature.committee, [first, third]);
    assert.deepEqual(signature.attempts.map((a) => a.outcome.split(":")[0]), [
      "TF-OFFLINE",
      "complete",
    ]);
    assert.deepEqual(signature.attempts[0]!.culprits, [second]);
    const data = await Deno.readFile(README);
    assert(verifyIndependently(data, key.public_key, signature.r, signature.s));
    await cluster.until("the dead one is avoided", async () => {
      const { avoided } = await asker!.ask<{ avoided: { identity: string; offence: string }[] }>([
        "status",
      ]);
      return avoided.map((a) => `${a.identity} ${a.offence}`).join() === `${second} offline`;
    });
  });

  await t.step("a node that comes back says that its part is lost", async () => {
    await dying!.start();
    await cluster.until("all are connected", async () => {
      const { sessions } = await dying!.ask<{ sessions: number }>(["status"]);
      return sessions === 2;
    });
    const signing = asker!.ask(
      [
        "sign",
        "--key",
        key.key_id,
        "--file",
        README,
        "--members",
        `${first},${second}`,
        "--wait",
        "60",
      ],
      [README],
    ).then(() => null, (error: unknown) => error);
    await cluster.until("the request waits", async () => (await waiting()) !== undefined);
    const id = (await waiting())!.id;
    // A frozen watcher would decide first: stop the process and start it again in one breath.
    await dying!.stop("SIGKILL");
    await dying!.start();
    const failure = await signing;
    assert(failure instanceof ProcessFailure);
    assert.equal(failure.exit, 4);
    const row = (await ceremonies()).find((c) => c.id === id)!;
    assert.deepEqual(row.culprits, [second]);
    assert.match(row.reason!, /has restarted|cannot be reached/);
    await cluster.until(
      "the node that came back has told",
      () => Promise.resolve(dying!.log.includes("a ceremony was cut off by the last stop")),
    );
  });
  assert(spare!.running);
});
