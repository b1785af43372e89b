import assert from "node:assert/strict";
import { AuditLog } from "../../lib/keystore/audit_log.ts";
import { denoFiles } from "../../lib/keystore/files.ts";
import { NOW, withHome } from "../keystore/helpers.ts";
import { runLine } from "./fake_terminal.ts";

async function filled(home: string): Promise<void> {
  const log = await AuditLog.open({ files: denoFiles(), home, now: () => NOW });
  const ceremony = "ab".repeat(32);
  await log.record("request", {
    ceremony,
    kind: "sign",
    requester: "cd".repeat(20),
    decision: "waiting",
  });
  await log.record("decision", { ceremony, decision: "denied", by: "policy", reason: "no rent" });
  await log.record("outcome", { ceremony: "ef".repeat(32), kind: "keygen", outcome: "complete" });
}

Deno.test("log show prints the entries, of one ceremony if asked", async () => {
  await withHome(async (home) => {
    assert.match((await runLine("log", "show", "--home", home)).out, /nothing is recorded/);
    await filled(home);
    const { out, code } = await runLine("log", "show", "--home", home);
    assert.equal(code, 0);
    assert.match(out, /1 .*request +abababab +sign +cdcdcdcd +waiting\n/);
    assert.match(out, /2 .*decision +abababab +- +- +denied: no rent\n/);
    assert.match(out, /3 .*outcome +efefefef +keygen +- +complete\n/);
    const one = await runLine("log", "show", "--home", home, "--ceremony", "abab", "--json");
    const { entries } = JSON.parse(one.out) as { entries: { seq: number }[] };
    assert.deepEqual(entries.map((e) => e.seq), [1, 2]);
    const last = await runLine("log", "show", "--home", home, "--last", "1", "--json");
    assert.equal(JSON.parse(last.out).entries.length, 1);
  });
});

Deno.test("log verify says that all is well, or where it is not, with exit 1", async () => {
  await withHome(async (home) => {
    await filled(home);
    const good = await runLine("log", "verify", "--home", home, "--json");
    assert.equal(good.code, 0);
    const { entries, last, hash } = JSON.parse(good.out);
    assert.deepEqual([entries, last, hash.length], [3, 3, 64]);
    const path = `${home}/audit.log`;
    await Deno.writeTextFile(path, (await Deno.readTextFile(path)).replace("denied", "agreed"));
    const bad = await runLine("log", "verify", "--home", home);
    assert.equal(bad.code, 1);
    assert.match(bad.err, /error: audit\.log: entry 2 is not the one that audit\.head knows/);
    // It can still be looked at: that is when it is needed.
    const shown = await runLine("log", "show", "--home", home);
    assert.equal(shown.code, 1);
    assert.match(shown.out, /agreed/);
    assert.match(shown.err, /line 3: does not follow entry 2/);
    // One object for machines, the problem in it.
    const machine = await runLine("log", "show", "--home", home, "--json");
    assert.equal(machine.code, 1);
    assert.match(JSON.parse(machine.out).problem.message, /does not follow/);
  });
});

Deno.test("log shows without a word, and refuses what it does not know", async () => {
  await withHome(async (home) => {
    assert.match((await runLine("log", "--home", home, "--last", "2")).out, /nothing is recorded/);
  });
  assert.match(
    (await runLine("log", "shwo")).err,
    /unknown word "shwo"\nhint: did you mean show\?/,
  );
  assert.equal((await runLine("log", "show", "--last", "x")).code, 2);
  assert.match((await runLine("log", "--from", "3")).err, /--from goes with log verify/);
});
