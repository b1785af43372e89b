/** `ceremonies show ID --members` among real daemons: who holds a ceremony up, and how it ended. */
import assert from "node:assert/strict";
import { Cluster } from "./cluster.ts";

interface Row {
  readonly identity: string;
  readonly answered: boolean;
  readonly reason?: string;
  readonly state?: string;
}

interface Shown {
  readonly id: string;
  readonly state: string;
  readonly members: readonly Row[];
  readonly held_up_by: readonly { readonly identity: string; readonly reason: string }[];
}

Deno.test("ceremonies show --members names the member that waits for approval, then all ends", async () => {
  await using cluster = await Cluster.create({
    size: 3,
    preParams: 0,
    env: (i): Record<string, string> => i === 2 ? { TRF_CONSENT: "manual" } : {},
  });
  const [asker, member, approver] = cluster.nodes;
  const [, , slow] = cluster.identities;
  await cluster.start();
  const making = asker!.ask<{ key_id: string }>([
    "keygen",
    "--curve",
    "ed25519",
    "--members",
    cluster.identities.join(","),
    "--threshold",
    "1",
  ]);
  let id = "";
  await cluster.until("the request waits at the third node", async () => {
    const { ceremonies } = await approver!.ask<{ ceremonies: Shown[] }>(["ceremonies"]);
    id = ceremonies.find((c) => c.state === "waiting")?.id ?? "";
    return id !== "";
  });
  for (const node of [asker!, member!]) {
    let shown: Shown | undefined;
    await cluster.until("the others see who holds it up", async () => {
      shown = await node.ask<Shown>(["ceremonies", "show", id.slice(0, 8), "--members"]);
      return shown.members.every((m) => m.answered) &&
        shown.members.filter((m) => m.state === "running").length === 2 &&
        shown.held_up_by.length === 1;
    });
    assert.deepEqual(shown!.members.map((m) => m.identity).sort(), [...cluster.identities].sort());
    assert.equal(shown!.members.find((m) => m.identity === slow)!.state, "waiting");
    assert.deepEqual(shown!.held_up_by, [{ identity: slow, reason: "waits for approval there" }]);
  }
  let text = "";
  // A member that takes its time is shown as one that gave no answer.
  await cluster.until("the member says it in words", async () => {
    text = await member!.run(["ceremonies", "show", id.slice(0, 8), "--members"]);
    return new RegExp(`${slow!.slice(0, 8)} +waiting for approval`).test(text);
  });
  assert.match(text, new RegExp(`held up by ${slow!.slice(0, 8)}: waits for approval there`));
  await approver!.run(["ceremonies", "approve", id.slice(0, 8)]);
  assert.match((await making).key_id, /^[0-9a-f]{32}$/);
  await cluster.until("all tell that it is complete", async () => {
    const { members } = await approver!.ask<Shown>(["ceremonies", "show", id, "--members"]);
    return members.every((m) => m.state === "complete");
  });
});
