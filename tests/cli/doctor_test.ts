import assert from "node:assert/strict";
import type { Finding } from "../../cli/doctor/finding.ts";
import { judgeDisk } from "../../cli/doctor/home_checks.ts";
import { freePorts } from "../../cli/demo/processes.ts";
import { denoFiles } from "../../lib/keystore/files.ts";
import { Keystore } from "../../lib/keystore/keystore.ts";
import { runLine } from "./fake_terminal.ts";

interface Report {
  readonly code: number;
  readonly healthy: boolean;
  readonly findings: readonly Finding[];
}

/** A fresh keystore with a cheap passphrase, removed afterwards. */
async function withHome(work: (home: string, doctor: Doctor) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "transfunctioner-test-" });
  const home = `${root}/home`;
  const [listen, admin] = freePorts(2);
  const secret = { passphrase: "a test passphrase" };
  const scrypt = { N: 2 ** 14, r: 8, p: 1 };
  try {
    await (await Keystore.create({ home, files: denoFiles(), secret, scrypt })).close();
    await Deno.writeTextFile(`${root}/passphrase`, secret.passphrase, { mode: 0o600 });
    await work(home, async (more = {}) => {
      const settings: Record<string, string> = {
        "home": home,
        "passphrase-file": `${root}/passphrase`,
        "listen-address": `127.0.0.1:${listen}`,
        "admin-address": `127.0.0.1:${admin}`,
        ...more,
      };
      const words = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
      const { code, out } = await runLine("doctor", "--json", ...words);
      return { code, ...JSON.parse(out) } as Report;
    });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}
type Doctor = (more?: Record<string, string>) => Promise<Report>;

/** How busy this machine's disk is now is not what these tests are about; see `judgeDisk()`. */
const failed = ({ findings }: Report) =>
  findings.filter((f) => f.verdict === "fail" && !/^a durable write takes/.test(f.detail))
    .map((f) => f.check);

function assertHealthy(report: Report): void {
  assert.deepEqual(failed(report), []);
  const slow = report.findings.some((f) => f.check === "disk" && f.verdict === "fail");
  assert.deepEqual([report.code, report.healthy], slow ? [1, false] : [0, true]);
}

Deno.test("doctor finds nothing failed in a fresh home, and leaves nothing behind", async () => {
  await withHome(async (home, doctor) => {
    const before = [...Deno.readDirSync(home)].map((e) => e.name).sort();
    const report = await doctor();
    assertHealthy(report);
    const checks = new Set(report.findings.map((f) => f.check));
    for (
      const check of [
        "settings",
        "clock",
        "home",
        "disk",
        "admin-key",
        "keystore",
        "ports",
        "peers",
      ]
    ) assert(checks.has(check), check);
    assert.deepEqual([...Deno.readDirSync(home)].map((e) => e.name).sort(), before);
  });
});

Deno.test("judgeDisk() finds a slow disk by the middle one of several writes", () => {
  const verdict = (...times: number[]) => judgeDisk(times).verdict;
  assert.equal(verdict(1, 5_000, 2, 3, 5_000), "ok");
  assert.equal(verdict(150, 1, 120, 5_000, 101), "warn");
  assert.equal(verdict(1_001, 2_000, 1), "fail");
  assert.match(judgeDisk([20.04, 1, 30]).detail, /^a durable write takes 20\.0 ms$/);
});

Deno.test("doctor names what is wrong and what to do, with exit 1", async (t) => {
  await withHome(async (home, doctor) => {
    await t.step("a file that others may read", async () => {
      await Deno.chmod(`${home}/admin.key`, 0o644);
      const report = await doctor();
      assert.deepEqual([report.code, failed(report)], [1, ["home"]]);
      assert.match(report.findings.find((f) => f.verdict === "fail")!.hint!, /chmod 600/);
      await Deno.chmod(`${home}/admin.key`, 0o600);
    });
    await t.step("a file from the future: the clock went back", async () => {
      const later = new Date(Date.now() + 3_600_000);
      await Deno.utime(`${home}/admin.key`, later, later);
      assert.deepEqual(failed(await doctor()), ["clock"]);
      await Deno.utime(`${home}/admin.key`, new Date(), new Date());
    });
    await t.step("a port that another program has", async () => {
      const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const address = `127.0.0.1:${(taken.addr as Deno.NetAddr).port}`;
      const report = await doctor({ "listen-address": address });
      taken.close();
      assert.deepEqual(failed(report), ["ports"]);
      assert.match(report.findings.find((f) => f.verdict === "fail")!.hint!, /TRF_LISTEN_ADDRESS/);
    });
    await t.step("a configured peer that is not there is a warning", async () => {
      const [nobody] = freePorts(1);
      const report = await doctor({ connect: `127.0.0.1:${nobody}` });
      assertHealthy(report);
      const peer = report.findings.find((f) => f.check === "peers")!;
      assert.equal(peer.verdict, "warn");
      assert(peer.detail.includes(`127.0.0.1:${nobody}`));
    });
    await t.step("a damaged node key", async () => {
      await Deno.writeTextFile(`${home}/identity.json`, "{", { mode: 0o600 });
      assert.deepEqual(failed(await doctor()), ["keystore"]);
    });
    await t.step("a setting that cannot be used, and what can be seen without it", async () => {
      const report = await doctor({ consent: "sometimes" });
      assert.equal(report.code, 1);
      assert.deepEqual(failed(report), ["settings", "keystore"]);
      const checks = report.findings.map((f) => f.check);
      assert(checks.includes("disk") && checks.includes("daemon"));
      assert(!checks.includes("ports") && !checks.includes("peers"), "they would be the defaults'");
      assert.match(report.findings[1]!.detail, /without config\.json and most variables/);
    });
    await t.step("a config.json that cannot be read", async () => {
      await Deno.writeTextFile(`${home}/config.json`, '{"consent": ', { mode: 0o600 });
      const report = await doctor();
      assert.deepEqual([report.code, failed(report)], [1, ["settings", "keystore"]]);
      assert.match(report.findings[0]!.hint!, /mend the JSON/);
      assert.match(report.findings[1]!.detail, /looked at without config\.json$/);
      await Deno.remove(`${home}/config.json`);
    });
    await t.step("no home at all", async () => {
      const report = await doctor({ home: `${home}/nowhere` });
      assert(failed(report).includes("home"));
      assert.match(report.findings.find((f) => f.check === "home")!.hint!, /transfunctioner init/);
    });
  });
});
