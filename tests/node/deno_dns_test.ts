/**
 * The resolver against a real name server on loopback, and a node that checks its peers with it.
 */
import assert from "node:assert/strict";
import { systemClock } from "../../lib/mesh/clock.ts";
import { DnsCheck } from "../../lib/mesh/dns_check.ts";
import { formatTxtRecord } from "../../lib/mesh/dns_txt.ts";
import { denoResolver, parseResolvConf } from "../../lib/node/deno_dns.ts";
import { keyOf } from "../mesh/node_kit.ts";
import { startDnsServer } from "../support/dns_server.ts";

Deno.test("denoResolver() asks the given server for TXT, PTR, A and AAAA", async () => {
  await using server = await startDnsServer();
  server.set("TXT", "node.test", ["v=transfunctioner; identity=00", "x".repeat(300)]);
  server.set("PTR", "5.2.0.192.in-addr.arpa", ["node.test"]);
  server.set("A", "node.test", ["192.0.2.5", "192.0.2.6"]);
  server.set("AAAA", "node.test", ["2001:db8:0:0:0:0:0:1"]);
  const resolver = denoResolver({ host: "127.0.0.1", port: server.port });
  // A server may give the records of one name in any order.
  assert.deepEqual((await resolver.txt("node.test")).sort(), [
    "v=transfunctioner; identity=00",
    "x".repeat(300),
  ]);
  assert.deepEqual(await resolver.names("192.0.2.5"), ["node.test"]);
  assert.deepEqual((await resolver.addresses("node.test")).sort(), [
    "192.0.2.5",
    "192.0.2.6",
    "2001:db8::1",
  ]);
  assert.deepEqual(await resolver.txt("other.test"), []);
  assert.deepEqual(await resolver.names("192.0.2.7"), []);
  assert.deepEqual(await resolver.addresses("other.test"), []);
  assert.ok(server.asked.includes("PTR 5.2.0.192.in-addr.arpa"));
});

Deno.test("DnsCheck with denoResolver() judges peers by what a real name server says", async () => {
  await using server = await startDnsServer();
  const good = keyOf("good").identity;
  const other = keyOf("other").identity;
  server.set("TXT", "node.test", [formatTxtRecord(good)]);
  server.set("PTR", "5.2.0.192.in-addr.arpa", ["node.test"]);
  const resolver = denoResolver({ host: "127.0.0.1", port: server.port });
  const dns = new DnsCheck("all", resolver, systemClock);
  assert.equal(await dns.inbound("192.0.2.5", good), null);
  assert.equal(await dns.outbound("node.test:45067", "192.0.2.5", good), null);
  assert.notEqual(await dns.inbound("192.0.2.5", other), null);
  assert.notEqual(await dns.outbound("node.test:45067", "192.0.2.5", other), null);
  assert.equal(server.asked.length, 3, server.asked.join());
  server.failing = true;
  const later = new DnsCheck("all", resolver, systemClock);
  assert.notEqual(await later.inbound("192.0.2.5", good), null);
});

Deno.test("parseResolvConf() finds the name servers", () => {
  const text = "# c\nsearch example.com\nnameserver 10.0.0.2\n nameserver\t2001:db8::53%eth0\n" +
    "#nameserver 9.9.9.9\nnameserver\n";
  assert.deepEqual(parseResolvConf(text), [
    { host: "10.0.0.2", port: 53 },
    { host: "2001:db8::53", port: 53 },
  ]);
});
