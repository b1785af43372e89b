import assert from "node:assert/strict";
import fc from "fast-check";
import {
  AUDIT_FILE,
  AuditError,
  type AuditLine,
  HEAD_FILE,
} from "../../lib/keystore/audit_chain.ts";
import { AuditLog } from "../../lib/keystore/audit_log.ts";
import { verifyAudit } from "../../lib/keystore/audit_verify.ts";
import { KeystoreError } from "../../lib/keystore/errors.ts";
import { denoFiles, type FileLayer, joinPath } from "../../lib/keystore/files.ts";
import { FaultyDisk, NOW, withHome } from "./helpers.ts";

const files = denoFiles();

function open(home: string, extra: { files?: FileLayer; rotateBytes?: number } = {}) {
  return AuditLog.open({ files, home, now: () => NOW, ...extra });
}

async function fill(home: string, entries: number, rotateBytes?: number): Promise<void> {
  const log = await open(home, rotateBytes === undefined ? {} : { rotateBytes });
  for (let n = 1; n <= entries; n++) await log.record("request", { ceremony: `c${n}`, n });
}

async function linesOf(home: string): Promise<AuditLine[]> {
  const lines: AuditLine[] = [];
  await verifyAudit({ files, home, onLine: (line) => lines.push(line) });
  return lines;
}

const tampered = (home: string, what: RegExp, from?: number) =>
  assert.rejects(
    verifyAudit({ files, home, ...(from === undefined ? {} : { from }) }),
    (e) => {
      assert(e instanceof AuditError, String(e));
      assert.match(e.message, what);
      return true;
    },
  );

Deno.test("AuditLog chains entries, also over restarts, and verifyAudit() follows them", async () => {
  await withHome(async (home) => {
    await fill(home, 2);
    const log = await open(home);
    await Promise.all([log.record("decision", { yes: true }), log.record("outcome", {})]);
    const report = await verifyAudit({ files, home });
    assert.deepEqual([report.first, report.entries, report.end, report.notes], [1, 4, log.end, []]);
    const lines = await linesOf(home);
    assert.deepEqual(lines.map((l) => [l.seq, l.event]), [
      [1, "request"],
      [2, "request"],
      [3, "decision"],
      [4, "outcome"],
    ]);
    assert.equal(lines[0]!.at, new Date(NOW).toISOString());
    for (const name of [AUDIT_FILE, HEAD_FILE]) {
      assert.equal((await Deno.stat(joinPath(home, name))).mode! & 0o777, 0o600);
    }
    assert.deepEqual((await verifyAudit({ files, home: "/nowhere" })).entries, 0);
  });
});

Deno.test("verifyAudit() finds any changed byte, removed, moved or repeated line", async () => {
  await withHome(async (home) => {
    await fill(home, 6);
    const path = joinPath(home, AUDIT_FILE);
    const whole = await Deno.readTextFile(path);
    const lines = whole.split("\n").slice(0, -1);
    const write = (text: string) => Deno.writeTextFile(path, text);
    const join = (list: readonly string[]) => list.map((l) => l + "\n").join("");
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(25), async (at, letter) => {
        const bent = String.fromCharCode(97 + letter);
        fc.pre(whole[at] !== bent);
        await write(whole.slice(0, at) + bent + whole.slice(at + 1));
        await tampered(home, /./);
      }),
      { numRuns: 60 },
    );
    for (let i = 0; i < lines.length; i++) {
      await write(join(lines.filter((_, j) => j !== i)));
      await tampered(home, i === 5 ? /entries 6 to 6 are gone/ : /line \d+: is entry|begin a log/);
      await write(join([...lines.slice(0, i + 1), ...lines.slice(i)]));
      await tampered(home, /is due|follow/);
    }
    await write(join([lines[1]!, lines[0]!, ...lines.slice(2)]));
    await tampered(home, /line 1/);
    await write(join(lines.slice(0, 3)));
    await tampered(home, /entries 4 to 6 are gone: audit\.head/);
    await Deno.remove(path);
    await tampered(home, /entries 1 to 6 are gone/);
    await write(whole);
    assert.equal((await verifyAudit({ files, home })).entries, 6);
  });
});

Deno.test("verifyAudit() finds a log that was written anew, by its head", async () => {
  await withHome(async (home) => {
    await fill(home, 3);
    const head = await Deno.readTextFile(joinPath(home, HEAD_FILE));
    await Deno.remove(joinPath(home, AUDIT_FILE));
    await Deno.remove(joinPath(home, HEAD_FILE));
    const log = await AuditLog.open({ files, home, now: () => NOW + 1 });
    for (let n = 0; n < 4; n++) await log.record("forged", {});
    await Deno.writeTextFile(joinPath(home, HEAD_FILE), head);
    await tampered(home, /entry 1 is not the one that audit\.head knows/);
  });
});

Deno.test("AuditLog rotates and carries the chain over; a missing file is found", async () => {
  await withHome(async (home) => {
    await fill(home, 40, 1_000);
    const report = await verifyAudit({ files, home });
    assert.equal(report.entries, 40);
    assert(report.files.length > 5);
    assert.equal(report.files.at(-1), AUDIT_FILE);
    for (const name of report.files.slice(0, -1)) {
      assert((await Deno.stat(joinPath(home, name))).size <= 1_000);
    }
    const second = joinPath(home, report.files[1]!);
    await Deno.rename(second, joinPath(home, "away"));
    await tampered(home, /is due/);
    await Deno.rename(joinPath(home, "away"), second);
    // The oldest one may be put elsewhere, if whoever asks knows about it.
    await Deno.remove(joinPath(home, report.files[0]!));
    await tampered(home, /entry 1 is due/);
    const { first } = await verifyAudit({ files, home, from: 2 }).catch(() => ({ first: 0 }));
    assert.equal(first, 0);
    const rest = (await Deno.readTextFile(second)).match(/"seq":(\d+)/)![1]!;
    assert.equal((await verifyAudit({ files, home, from: Number(rest) })).first, Number(rest));
  });
});

Deno.test("AuditLog mends what a crash left and says so", async () => {
  await withHome(async (home) => {
    await fill(home, 2);
    const path = joinPath(home, AUDIT_FILE);
    const whole = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, whole + '{"seq":3,"at"');
    assert.match((await verifyAudit({ files, home })).notes[0]!, /cut off/);
    await open(home);
    const lines = await linesOf(home);
    assert.deepEqual(lines.map((l) => l.event), ["request", "request", "repaired"]);
    // An entry whose head was not written any more counts.
    const heads = await Deno.readTextFile(joinPath(home, HEAD_FILE));
    await Deno.writeTextFile(
      joinPath(home, HEAD_FILE),
      heads.split("\n").slice(0, 2).join("\n") + "\n",
    );
    assert.match((await verifyAudit({ files, home })).notes[0]!, /last 1 entries/);
    assert.equal((await open(home)).end.seq, 3);
    assert.deepEqual((await verifyAudit({ files, home })).notes, []);
  });
});

Deno.test("AuditLog goes on after tampering without hiding it", async () => {
  await withHome(async (home) => {
    await fill(home, 3);
    const path = joinPath(home, AUDIT_FILE);
    const whole = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, whole.replace('"n":2', '"n":9'));
    const log = await open(home);
    await log.record("request", {});
    assert.equal(log.end.seq, 5);
    assert.match(await Deno.readTextFile(path), /"event":"tampered","problem":"audit.log, line 3/);
    await tampered(home, /audit\.log\.000000000003\.broken-\d+: entry 2 is not/);
    // Cut off at the end: the gap stays to be seen for ever.
    await Deno.writeTextFile(path, (await Deno.readTextFile(path)).split("\n")[0] + "\n");
    await (await open(home)).record("request", {});
    await tampered(home, /broken/);
  });
});

Deno.test("AuditLog records nothing that it could not store, and goes on when it can", async () => {
  for (const code of ["ENOSPC", "EROFS", "EIO"]) {
    for (let steps = 0; steps < 4; steps++) {
      await withHome(async (home) => {
        await fill(home, 2);
        const disk = new FaultyDisk(Infinity, "once", code);
        const log = await open(home, { files: disk.files });
        disk.left = steps;
        await assert.rejects(
          log.record("request", { lost: true }),
          (e) => e instanceof KeystoreError,
        );
        await log.record("request", { kept: true });
        assert.equal(log.end.seq, 3);
        const lines = await linesOf(home);
        assert.deepEqual(lines.map((l) => l.fields.has("lost")), [false, false, false]);
        assert.equal(lines[2]!.fields.get("kept"), true);
      });
    }
  }
});

Deno.test("AuditLog is whole or mended after a crash at any step", async () => {
  for (let steps = 0; steps < 24; steps++) {
    await withHome(async (home) => {
      await fill(home, 3, 600);
      const disk = new FaultyDisk(steps, "crash");
      try {
        const log = await open(home, { files: disk.files, rotateBytes: 600 });
        for (let n = 0; n < 5; n++) await log.record("later", { n });
      } catch {
        // The crash.
      }
      const log = await open(home, { rotateBytes: 600 });
      await log.record("after", {});
      const lines = await linesOf(home);
      assert.equal(lines.at(-1)!.event, "after");
      assert.deepEqual(lines.slice(0, 3).map((l) => l.event), ["request", "request", "request"]);
    });
  }
});

Deno.test("AuditLog keeps its head file small", async () => {
  await withHome(async (home) => {
    await fill(home, 600);
    assert((await Deno.stat(joinPath(home, HEAD_FILE))).size < 513 * 72);
    assert.equal((await verifyAudit({ files, home })).entries, 600);
  });
});
