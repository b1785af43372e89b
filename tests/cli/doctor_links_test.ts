import assert from "node:assert/strict";
import { checkDns } from "../../cli/doctor/dns_check.ts";
import { judgeLinks, type LinkAnswer } from "../../cli/doctor/peer_checks.ts";
import { parseIdentity } from "../../lib/crypto/identity.ts";
import type { Resolver } from "../../lib/mesh/resolver.ts";
import { loadConfig } from "../../lib/node/config.ts";
import { VERSION } from "../../lib/version.ts";

const peer = (digit: string, more: Partial<LinkAnswer> = {}): LinkAnswer => ({
  identity: digit.repeat(40),
  self: false,
  live: true,
  software: "transfunctioner",
  version: `transfunctioner ${VERSION}`,
  answered_ms_ago: 1_000,
  heard_ms_ago: 2_000,
  clock_skew_ms: 12,
  ...more,
});
const said = (peers: LinkAnswer[]) =>
  judgeLinks(peers).map((f) => `${f.check} ${f.verdict}: ${f.detail}`);

Deno.test("judgeLinks() finds nothing in a healthy mesh", () => {
  assert.deepEqual(said([]), []);
  assert.deepEqual(
    said([peer("a"), peer("b", { clock_skew_ms: -40 }), peer("c", { live: false })]),
    [
      "clock ok: within 40 ms of 2 peers",
      "version ok: 2 of 2 live peers run it as well",
      "reach ok: 2 peers reached in both directions",
    ],
  );
});

Deno.test("judgeLinks() tells a wrong clock of its own from one of a peer", () => {
  assert.match(
    said([peer("a", { clock_skew_ms: 9_000 }), peer("b", { clock_skew_ms: 9_100 })])[0]!,
    /^clock warn: it is 9\.1 s behind all 2 peers/,
  );
  assert.match(
    said([peer("a", { clock_skew_ms: -90_000 }), peer("b", { clock_skew_ms: -90_000 })])[0]!,
    /^clock fail: it is 1 min ahead of all 2 peers/,
  );
  assert.match(
    said([peer("a", { clock_skew_ms: -9_000 }), peer("b")])[0]!,
    /^clock warn: peers whose clocks differ: aaaaaaaa 9\.0 s behind/,
  );
});

Deno.test("judgeLinks() names other versions and links that work one way", () => {
  const [, version, reach] = said([
    peer("a", { version: "transfunctioner 9.9.9" }),
    peer("b", { heard_ms_ago: 100_000 }),
  ]);
  assert.match(version!, /^version warn: other versions: aaaaaaaa transfunctioner 9\.9\.9/);
  assert.match(reach!, /^reach warn: bbbbbbbb does not hear this node/);
  const go = {
    identity: "c".repeat(40),
    self: false,
    live: true,
    software: "go",
    answered_ms_ago: 5,
  };
  assert.deepEqual(said([go]), [
    "reach ok: 0 peers reached in both directions, 1 more answer " +
    "(Go nodes do not tell whether they hear us)",
  ]);
  assert.match(said([{ ...go, answered_ms_ago: 99_999 }])[0]!, /cccccccc does not answer/);
});

Deno.test("checkDns() compares this node's records with what peers will look for", async () => {
  const self = parseIdentity("1f".repeat(20));
  const zone: Record<string, { addresses: string[]; txt: string[] }> = {
    "good.example": { addresses: ["192.0.2.1"], txt: [`v=transfunctioner; identity=${self}`] },
    "bare.example": { addresses: [], txt: ["v=spf1 -all"] },
    "taken.example": {
      addresses: ["192.0.2.2"],
      txt: [`v=transfunctioner; identity=${"ab".repeat(20)}`],
    },
  };
  const resolver: Resolver = {
    txt: (name) => Promise.resolve(zone[name]?.txt ?? []),
    names: () => Promise.resolve([]),
    addresses: (name) =>
      name === "dead.example"
        ? Promise.reject(new Error("timed out"))
        : Promise.resolve(zone[name]?.addresses ?? []),
  };
  const check = async (hostname: string, connect = "") => {
    const env = { TRF_HOME: "/nowhere", TRF_HOSTNAME: hostname, TRF_CONNECT: connect };
    const config = await loadConfig({ flags: {}, env });
    return (await checkDns(config, self, resolver)).map((f) => [f.verdict, f.detail, f.hint ?? ""]);
  };
  assert.deepEqual((await check("")).map(([v]) => v), ["skip"]);
  assert.deepEqual((await check("good.example")).map(([v]) => v), ["ok", "ok"]);
  const bare = await check("bare.example", "192.0.2.9:1,gone.example:1");
  assert.deepEqual(bare.map(([v]) => v), ["fail", "fail", "warn"]);
  assert.equal(bare[1]![2], `make it: bare.example. IN TXT "v=transfunctioner; identity=${self}"`);
  assert.match((await check("taken.example"))[1]![1]!, /names another node, abab/);
  assert.deepEqual((await check("dead.example")).map(([v]) => v), ["warn"]);
});
