/**
 * Checks against the DNS: modes, records, and how often anybody is asked.
 */
import assert from "node:assert/strict";
import { DnsCheck, type DnsMode } from "../../lib/mesh/dns_check.ts";
import { formatTxtRecord } from "../../lib/mesh/dns_txt.ts";
import { DNS_CHECK_LIFE, DNS_TIMEOUT } from "../../lib/mesh/limits.ts";
import { type Resolver, reverseName } from "../../lib/mesh/resolver.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { byIdentity, inWorld, keyOf } from "./node_kit.ts";

const A = keyOf("a").identity;
const B = keyOf("b").identity;

/** A resolver over two tables that counts its questions. */
class TableResolver implements Resolver {
  readonly texts = new Map<string, string[]>();
  readonly pointers = new Map<string, string[]>();
  readonly hosts = new Map<string, string[]>();
  asked = 0;
  silent = false;

  txt(name: string): Promise<string[]> {
    return this.#answer(this.texts.get(name));
  }
  names(ip: string): Promise<string[]> {
    return this.#answer(this.pointers.get(ip));
  }
  addresses(name: string): Promise<string[]> {
    return this.#answer(this.hosts.get(name));
  }

  #answer(list: string[] | undefined): Promise<string[]> {
    this.asked++;
    return this.silent ? new Promise(() => {}) : Promise.resolve(list ?? []);
  }
}

function check(mode: DnsMode) {
  const clock = new VirtualClock();
  const resolver = new TableResolver();
  resolver.texts.set("a.test", [formatTxtRecord(A)]);
  resolver.texts.set("two.test", [formatTxtRecord(A), formatTxtRecord(B)]);
  resolver.pointers.set("10.0.0.1", ["a.test"]);
  resolver.pointers.set("10.0.0.2", ["two.test"]);
  return { clock, resolver, dns: new DnsCheck(mode, resolver, clock) };
}

Deno.test("DnsCheck follows the table of modes", async () => {
  // Whether `identity` passes inbound from an IP, outbound by name, outbound by IP.
  const verdicts = async (mode: DnsMode, identity: typeof A) => {
    const { dns } = check(mode);
    return [
      await dns.inbound("10.0.0.1", identity),
      await dns.outbound("a.test:45067", "10.0.0.1", identity),
      await dns.outbound("10.0.0.1:45067", "10.0.0.1", identity),
    ].map((why) => why === null);
  };
  assert.deepEqual(await verdicts("off", B), [true, true, true]);
  assert.deepEqual(await verdicts("forward", A), [true, true, false]);
  assert.deepEqual(await verdicts("forward", B), [true, false, false]);
  assert.deepEqual(await verdicts("reverse", A), [true, true, true]);
  assert.deepEqual(await verdicts("reverse", B), [false, true, false]);
  assert.deepEqual(await verdicts("all", A), [true, true, true]);
  assert.deepEqual(await verdicts("all", B), [false, false, false]);
});

Deno.test("DnsCheck lets loopback in whatever the mode, and asks nobody", async () => {
  const { dns, resolver } = check("all");
  assert.equal(await dns.inbound("127.0.0.1", B), null);
  assert.equal(await dns.inbound("::1", B), null);
  assert.equal(resolver.asked, 0);
});

Deno.test("DnsCheck takes the first identity forward and only a single record in reverse", async () => {
  const { dns } = check("all");
  assert.equal(await dns.outbound("two.test:1", "10.0.0.2", A), null);
  assert.match((await dns.outbound("two.test:1", "10.0.0.2", B))!, /do not name/);
  assert.match((await dns.inbound("10.0.0.2", A))!, /only one/);
  assert.match((await dns.inbound("10.0.0.3", A))!, /no name belongs to 10\.0\.0\.3/);
  assert.match((await dns.outbound("none.test:1", "10.0.0.1", A))!, /none\.test do not name/);
});

Deno.test("DnsCheck asks once per address in 59 s, whatever the outcome, and turns no one away for it", async () => {
  const { dns, resolver, clock } = check("reverse");
  for (let i = 0; i < 50; i++) {
    assert.equal(await dns.inbound("10.0.0.1", A), null);
    assert.notEqual(await dns.inbound("10.0.0.1", B), null);
    assert.notEqual(await dns.inbound("10.9.9.9", A), null);
  }
  assert.equal(dns.lookups, 2);
  assert.equal(resolver.asked, 3);
  await clock.advance(DNS_CHECK_LIFE);
  resolver.texts.set("a.test", [formatTxtRecord(B)]);
  assert.notEqual(await dns.inbound("10.0.0.1", A), null);
  assert.equal(dns.lookups, 3);
});

Deno.test("DnsCheck refuses when the DNS is silent", async () => {
  const { dns, resolver, clock } = check("reverse");
  resolver.silent = true;
  const verdict = dns.inbound("10.0.0.1", A);
  await clock.advance(DNS_TIMEOUT);
  assert.match((await verdict)!, /look-up failed: no answer within/);
});

Deno.test("reverseName() writes both families", () => {
  assert.equal(reverseName("192.0.2.5"), "5.2.0.192.in-addr.arpa");
  assert.equal(reverseName("::ffff:192.0.2.5"), "5.2.0.192.in-addr.arpa");
  assert.equal(
    reverseName("2001:db8::1"),
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
  );
  for (const bad of ["", "node", "1:2", "::1::", "12345::1"]) {
    assert.throws(() => reverseName(bad), RangeError, bad);
  }
});

Deno.test("Mesh refuses callers and targets that the DNS does not vouch for", () =>
  inWorld(async (world) => {
    const [small, large] = byIdentity("a", "b") as [string, string];
    const resolver = new TableResolver();
    resolver.pointers.set("10.0.0.2", ["peer.test"]);
    resolver.texts.set("peer.test", [formatTxtRecord(keyOf("somebody else").identity)]);
    const names = new DnsCheck("reverse", resolver, world.clock);
    const a = world.node(small, {}, { names });
    const b = world.node(large, { connect: [a.address] });
    await world.start();
    await world.clock.advance(3_000);
    assert.equal(a.mesh.sessions().length, 0);
    // The record is put right; the answer is asked for again after 59 s.
    resolver.texts.set("peer.test", [formatTxtRecord(b.key.identity)]);
    await world.clock.until(() => a.mesh.sessions().length === 1, 180_000, 1000);
    assert.equal(a.mesh.sessions()[0]!.identity, b.key.identity);
  }));

Deno.test("Mesh in mode forward does not dial addresses without a name", () =>
  inWorld(async (world) => {
    const names = new DnsCheck("forward", new TableResolver(), world.clock);
    const a = world.node("a", { connect: ["10.0.0.2:45067"] }, { names });
    world.node("b");
    await world.start();
    await world.clock.advance(10_000);
    assert.equal(world.net.dials.length, 0);
    assert.equal((await a.mesh.addPeer("10.0.0.2:45067")).kind, "failed");
  }));
