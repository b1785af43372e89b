/**
 * Bans: what they match, how long they last, and that they survive a restart.
 */
import assert from "node:assert/strict";
import { denoFiles } from "../../lib/keystore/files.ts";
import { BanList, parseBanSubject } from "../../lib/mesh/bans.ts";
import { BanBook, BANS_FILE } from "../../lib/node/ban_book.ts";
import { NodeError } from "../../lib/node/errors.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { keyOf } from "../mesh/node_kit.ts";

const A = keyOf("a").identity;

async function inHome(test: (home: string) => Promise<void>): Promise<void> {
  const home = await Deno.makeTempDir();
  try {
    await test(home);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

Deno.test("BanBook keeps bans over a restart and forgets them when they end", () =>
  inHome(async (home) => {
    const clock = new VirtualClock();
    const book = await BanBook.load(denoFiles(), home, clock);
    await Promise.all([
      book.ban(A.toUpperCase(), "lies\u0007", null),
      book.ban("192.0.2.7", "", 60_000),
    ]);
    const { mode } = await Deno.stat(`${home}/${BANS_FILE}`);
    assert.equal(mode! & 0o777, 0o600);
    const again = await BanBook.load(denoFiles(), home, clock);
    assert.deepEqual(again.list(), book.list());
    assert.match(again.identity(A)!, /is banned here: lies\?/);
    assert.match(again.host("192.0.2.7")!, /banned/);
    assert.equal(again.host("192.0.2.8"), null);
    await clock.advance(60_000);
    assert.equal(again.host("192.0.2.7"), null);
    assert.equal(again.list().length, 1);
    assert.equal(await again.unban(A), true);
    assert.equal(await again.unban(A), false);
    assert.deepEqual((await BanBook.load(denoFiles(), home, clock)).list(), []);
  }));

Deno.test("BanBook refuses what is no subject, and a file that it cannot read", () =>
  inHome(async (home) => {
    const clock = new VirtualClock();
    const book = await BanBook.load(denoFiles(), home, clock);
    for (const bad of ["", "node-a", "1.2.3.999", A.slice(1)]) {
      await assert.rejects(book.ban(bad, "", null), (e) => (e as NodeError).code === "TF-REQUEST");
    }
    for (
      const text of ["", "[]", '{"version":2,"bans":[]}', '{"version":1,"bans":[{"subject":"x"}]}']
    ) {
      await Deno.writeTextFile(`${home}/${BANS_FILE}`, text);
      await assert.rejects(
        BanBook.load(denoFiles(), home, clock),
        (e) => e instanceof NodeError && e.code === "TF-BANS" && e.exit === 2,
        text,
      );
    }
  }));

Deno.test("BanList matches IPv4 as it is, mapped or not, and IPv6 by its /64", () => {
  const clock = new VirtualClock();
  const ban = (subject: string) => ({
    subject: parseBanSubject(subject)!,
    reason: "",
    since: clock.now(),
    until: null,
  });
  const list = new BanList(clock, [ban("192.0.2.7"), ban("2001:DB8:1:2::5"), ban("127.0.0.2")]);
  assert.notEqual(list.host("::ffff:192.0.2.7"), null);
  assert.notEqual(list.host("2001:db8:1:2:ffff::1"), null);
  assert.equal(list.host("2001:db8:1:3::5"), null);
  // On loopback every address is its own.
  assert.notEqual(list.host("127.0.0.2"), null);
  assert.equal(list.host("127.0.0.1"), null);
  assert.equal(list.host("::1"), null);
});
