import assert from "node:assert/strict";
import { type Identity, ZERO_IDENTITY } from "../../lib/crypto/identity.ts";
import { sha256 } from "../../lib/crypto/kdf.ts";
import { toHex, utf8 } from "../../lib/encoding/bytes.ts";
import { farLife } from "../../lib/mesh/far_nodes.ts";
import { PEER_RECORDS } from "../../lib/mesh/limits.ts";
import { PeerTable } from "../../lib/mesh/peer_table.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const name = (label: string) => toHex(sha256(utf8(label)).subarray(0, 20)) as Identity;
const nacl = (label: string) => sha256(utf8(`nacl ${label}`));
const SELF = name("self");

function setup() {
  const clock = new VirtualClock();
  const table = new PeerTable(clock, SELF);
  const report = (label: string, change: object = {}) => ({
    identity: name(label),
    address: `${label}:1`,
    nacl: nacl(label),
    lastSeen: Math.floor(clock.now() / 1000),
    sessions: [],
    ...change,
  });
  return { clock, table, report };
}

Deno.test("PeerTable.hear() takes a new peer, refuses ourselves, the zero identity and bad keys", () => {
  const { table, report } = setup();
  assert.equal(table.hear(report("a"), name("n")), "new");
  assert.equal(table.hear(report("x", { identity: SELF }), name("n")), "ignored");
  assert.equal(table.hear(report("x", { identity: ZERO_IDENTITY }), name("n")), "ignored");
  assert.equal(table.hear(report("x", { nacl: new Uint8Array(32) }), name("n")), "ignored");
  assert.equal(table.hear(report("x", { nacl: new Uint8Array(31).fill(1) }), name("n")), "ignored");
  assert.equal(table.size, 1);
});

Deno.test("PeerTable never lets hearsay replace a known NaCl key", () => {
  const { table, report, clock } = setup();
  table.meet(name("a"), nacl("a"), "a:1");
  const evil = report("a", { nacl: nacl("evil"), address: "evil:1" });
  assert.equal(table.hear(evil, name("mallory")), "conflict");
  assert.deepEqual(table.get(name("a"))!.nacl, nacl("a"));
  assert.equal(table.get(name("a"))!.address, "a:1");
  // Not even its own gossip: the key follows from the node key.
  assert.equal(table.hear(evil, name("a")), "conflict");
  // Hearsay keys stay as well, as long as the record lives.
  table.hear(report("b"), name("n"));
  assert.equal(table.hear(report("b", { nacl: nacl("evil") }), name("mallory")), "conflict");
  assert.deepEqual(table.naclOf(name("b")), nacl("b"));
  // And a key from a handshake survives the record.
  table.part(name("a"));
  clock.setTimer(0, () => {});
  return clock.advance(farLife(2) + 1_000).then(() => {
    assert.equal(table.get(name("a")), undefined);
    assert.deepEqual(table.naclOf(name("a")), nacl("a"));
    assert.equal(table.naclOf(name("b")), undefined);
    assert.equal(table.hear({ ...evil, lastSeen: clock.now() / 1000 }, name("m")), "conflict");
  });
});

Deno.test("PeerTable.meet() wins over hearsay", () => {
  const { table, report } = setup();
  table.hear(report("a", { nacl: nacl("evil"), address: "evil:1" }), name("mallory"));
  table.meet(name("a"), nacl("a"), "good:1");
  assert.deepEqual(table.naclOf(name("a")), nacl("a"));
  assert.equal(table.get(name("a"))!.address, "good:1");
  assert.equal(table.hear(report("a", { address: "evil:1" }), name("mallory")), "ignored");
  assert.equal(table.get(name("a"))!.address, "good:1");
});

Deno.test("PeerTable keeps a record only while there is news about it", async () => {
  const { table, report, clock } = setup();
  const stale = report("a");
  assert.equal(table.hear(stale, name("n")), "new");
  for (let i = 0; i < 2; i++) {
    await clock.advance(30_000);
    assert.equal(table.hear(stale, name("n")), "ignored", "a repetition is no news");
  }
  await clock.advance(farLife(1) - 59_000);
  assert.equal(table.size, 0);
  assert.equal(table.hear(stale, name("n")), "ignored", "a vanished peer is not told back to life");
  assert.equal(table.hear(report("a"), name("n")), "new");
  await clock.advance(60_000);
  assert.equal(table.hear(report("a"), name("n")), "refreshed");
  await clock.advance(60_000);
  assert.equal(table.size, 1);
});

Deno.test("PeerTable does not let a stamp from the future keep a record alive", async () => {
  const { table, report, clock } = setup();
  const future = report("a", { lastSeen: 2 ** 40 });
  assert.equal(table.hear(future, name("n")), "new");
  await clock.advance(60_000);
  assert.equal(table.hear(future, name("n")), "ignored");
  assert.equal(table.hear(report("a"), name("m")), "refreshed", "honest stamps still count");
});

Deno.test("PeerTable takes a peer's own word over its session as news, as Go's stamps stand still", async () => {
  const { table, report, clock } = setup();
  const old = report("a");
  table.hear(old, name("a"));
  await clock.advance(60_000);
  assert.equal(table.hear(old, name("a")), "refreshed");
});

Deno.test("PeerTable keeps live peers whatever the time, and counts pongs", async () => {
  const { table, clock } = setup();
  table.meet(name("a"), nacl("a"), null);
  await clock.advance(200_000);
  assert.equal(table.size, 1);
  table.ponged(name("a"));
  table.part(name("a"));
  await clock.advance(farLife(1) - 1_000);
  assert.equal(table.size, 1);
  await clock.advance(2_000);
  assert.equal(table.size, 0);
});

Deno.test("PeerTable keeps what it heard when few were known as long as others, once many are", async () => {
  const { table, report, clock } = setup();
  table.meet(name("neighbour"), nacl("neighbour"), null);
  table.hear(report("first"), name("n"));
  for (let i = 0; i < 998; i++) table.hear(report(`m${i}`), name("n"));
  table.part(name("neighbour"));
  // Where a thousand are known, others tell of each of them every 250 s only.
  await clock.advance(farLife(1_000) - 1_000);
  assert(table.get(name("first")) !== undefined && table.get(name("neighbour")) !== undefined);
  assert.equal(table.size, 1_000);
  await clock.advance(2_000);
  assert.equal(table.size, 0);
});

Deno.test("PeerTable is bounded, shares its rows between informants, and keeps what it saw itself", () => {
  const { table, report } = setup();
  table.meet(name("live"), nacl("live"), null);
  table.hear(report("honest"), name("n"));
  for (let i = 0; i < 3 * PEER_RECORDS; i++) table.hear(report(`m${i}`), name("mallory"));
  assert.equal(table.size, PEER_RECORDS);
  for (let i = 0; i < 200; i++) table.hear(report(`late ${i}`), name("n"));
  for (let i = 0; i < 200; i++) assert.notEqual(table.get(name(`late ${i}`)), undefined);
  for (let k = 0; k < 5; k++) {
    for (let i = 0; i < PEER_RECORDS; i++) table.hear(report(`${k} ${i}`), name(`mallory ${k}`));
  }
  assert.equal(table.size, PEER_RECORDS);
  assert.notEqual(table.get(name("live")), undefined);
  assert.notEqual(table.get(name("honest")), undefined);
  table.meet(name("late"), nacl("late"), null);
  assert.notEqual(table.get(name("late")), undefined);
  assert.ok(table.size <= PEER_RECORDS);
});

Deno.test("PeerTable stores nothing for a peer without a key", () => {
  const { table } = setup();
  assert.equal(table.meet(name("a"), null, null), false);
  assert.equal(table.size, 0);
});

Deno.test("PeerTable takes a neighbour's new address from itself only, unless we dialled it", async () => {
  const { table, report, clock } = setup();
  const address = (label: string) => table.get(name(label))!.address;
  table.meet(name("in"), nacl("in"), null);
  table.meet(name("out"), nacl("out"), "dialled:1");
  for (const label of ["in", "out"]) {
    await clock.advance(2_000);
    table.hear(report(label, { address: "hearsay:1" }), name("mallory"));
    table.hear(report(label, { address: "own:1", sessions: [name("x")] }), name(label));
  }
  assert.equal(address("in"), "own:1");
  assert.equal(address("out"), "dialled:1");
  assert.deepEqual(table.get(name("out"))!.sessions, [name("x")]);
  table.part(name("out"));
  await clock.advance(2_000);
  table.hear(report("out", { address: "moved:1" }), name("n"));
  assert.equal(address("out"), "moved:1");
});
