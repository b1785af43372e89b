import assert from "node:assert/strict";
import { ProcessFailure } from "../../cli/demo/processes.ts";
import { Cluster } from "./cluster.ts";

interface Row {
  readonly id: string;
  readonly state: string;
}

Deno.test("a member that does not list the requester refuses, and the command says who", async () => {
  await using cluster = await Cluster.create({
    size: 2,
    env: (i): Record<string, string> => i === 1 ? { TRF_INITIATORS: "" } : {},
  });
  await cluster.start();
  const failure = await cluster.nodes[0]!.ask([
    "keygen",
    "--members",
    cluster.identities.join(","),
    "--threshold",
    "1",
  ]).then(() => null, (error: unknown) => error);
  assert(failure instanceof ProcessFailure);
  assert.equal(failure.exit, 3);
  assert.match(failure.said, /not an initiator/);
  assert(failure.said.includes(cluster.identities[1]!));
});

Deno.test("with manual consent a key generation waits until it is approved", async () => {
  await using cluster = await Cluster.create({
    size: 2,
    env: (i): Record<string, string> => i === 1 ? { TRF_CONSENT: "manual" } : {},
  });
  const [asker, approver] = cluster.nodes;
  await cluster.start();
  const making = asker!.ask<{ key_id: string }>([
    "keygen",
    "--members",
    cluster.identities.join(","),
    "--threshold",
    "1",
  ]);
  let waiting: Row | undefined;
  await cluster.until("the request waits at the other node", async () => {
    const { ceremonies } = await approver!.ask<{ ceremonies: Row[] }>(["ceremonies"]);
    waiting = ceremonies.find((c) => c.state === "waiting");
    return waiting !== undefined;
  });
  await approver!.run(["ceremonies", "approve", waiting!.id.slice(0, 8)]);
  assert.match((await making).key_id, /^[0-9a-f]{32}$/);
});
