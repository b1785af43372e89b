/**
 * Real daemons, with their real permissions, that find and check each other through a name server.
 * Mode `reverse` has no place here: Deno's resolver answers for loopback addresses by itself.
 */
import assert from "node:assert/strict";
import { formatTxtRecord } from "../../lib/mesh/dns_txt.ts";
import type { Identity } from "../../lib/crypto/identity.ts";
import { startDnsServer } from "../support/dns_server.ts";
import { Cluster, type Status } from "./cluster.ts";

Deno.test("daemons find a seed by name and believe the name server about who it is", async () => {
  await using dns = await startDnsServer();
  // Seeds are filled in below: ports are known once the cluster is made.
  const variables = ["off", "forward", "forward"].map((mode, i) => ({
    TRF_DNS: mode,
    TRF_HOSTNAME: `node${i}.test`,
    TRF_DNS_SERVER: `127.0.0.1:${dns.port}`,
    TRF_SEEDS: "",
  }));
  await using cluster = await Cluster.create({
    size: 3,
    preParams: 0,
    connect: () => [],
    env: (i) => variables[i]!,
  });
  const [seed, honest, misled] = cluster.nodes;
  const [first] = cluster.identities;
  const port = seed!.options.listen.split(":")[1];
  dns.set("A", "seed.test", ["127.0.0.1"]);
  dns.set("TXT", "seed.test", [formatTxtRecord(first as Identity)]);
  dns.set("A", "liar.test", ["127.0.0.1"]);
  dns.set("TXT", "liar.test", [formatTxtRecord(cluster.identities[1] as Identity)]);
  variables[1]!.TRF_SEEDS = `seed.test:${port}`;
  variables[2]!.TRF_SEEDS = `liar.test:${port}`;
  await Promise.all(cluster.nodes.map((n) => n.start()));
  await cluster.until(
    "the one with a true record has a session",
    async () => (await honest!.ask<Status>(["status"])).sessions === 1,
  );
  await cluster.until("the misled one has refused the seed", () => {
    return Promise.resolve(/does not vouch for it/.test(misled!.log));
  });
  assert.equal((await misled!.ask<Status>(["status"])).sessions, 0);
  assert.ok(dns.asked.includes("A seed.test") && dns.asked.includes("TXT seed.test"));
});
