import assert from "node:assert/strict";
import { lineGrants } from "../../cli/command_grants.ts";
import { Redactor } from "../../cli/bugreport/redact.ts";
import { freePorts } from "../../cli/demo/processes.ts";
import { denoFiles } from "../../lib/keystore/files.ts";
import { Keystore } from "../../lib/keystore/keystore.ts";
import { fakeTerminal, runLine, runLineWith } from "./fake_terminal.ts";

const PASSPHRASE = 'correct horse "battery" staple';

Deno.test("bugreport holds what helps and no secret of the node", async () => {
  const root = await Deno.makeTempDir({ prefix: "transfunctioner-test-" });
  const [listen, admin, metrics] = freePorts(3);
  try {
    const home = `${root}/home`;
    const secret = { passphrase: PASSPHRASE };
    const scrypt = { N: 2 ** 14, r: 8, p: 1 };
    const store = await Keystore.create({ home, files: denoFiles(), secret, scrypt });
    await store.close();
    const adminKey = (await Deno.readTextFile(`${home}/admin.key`)).trim();
    await Deno.writeTextFile(`${root}/passphrase`, PASSPHRASE + "\n", { mode: 0o600 });
    await Deno.writeTextFile(
      `${root}/log`,
      [
        `somebody wrote the passphrase ${PASSPHRASE} here`,
        `and the key ${adminKey}`,
        "private_key=00112233 of node-x.example.org at 198.51.100.7 and fe80::12:1",
      ].join("\n"),
    );
    const words = [
      "bugreport",
      ...["--home", home, "--passphrase-file", `${root}/passphrase`, "--log", `${root}/log`],
      ...["--connect", "198.51.100.7:45067,node-x.example.org:45067", "--dns", "off"],
      ...["--listen-address", `127.0.0.1:${listen}`, "--admin-address", `127.0.0.1:${admin}`],
      ...["--prometheus-address", `127.0.0.1:${metrics}`, "--redact-hosts"],
    ];
    const { code, out, err } = await runLine(...words, "--out", `${root}/report.json`);
    assert.equal(code, 0, err);
    assert.equal(out, "");
    assert.equal((await Deno.stat(`${root}/report.json`)).mode! & 0o777, 0o600);
    const text = await Deno.readTextFile(`${root}/report.json`);
    const report = JSON.parse(text);
    assert.equal(report.schema, "transfunctioner/bugreport/1");
    for (const part of ["version", "runtime", "config", "permissions", "doctor", "daemon", "log"]) {
      assert(report[part] !== undefined && report[part] !== null, part);
    }
    assert(report.config.every((s: { origin: string }) => s.origin !== ""));
    assert(report.doctor.some((f: { check: string }) => f.check === "keystore"));
    assert.match(report.metrics[0], /no answer/);
    assert.equal(report.log.length, 3);
    for (const never of [PASSPHRASE, adminKey, "00112233", "198.51.100.7", "node-x", "fe80"]) {
      assert(!text.includes(never) && !text.includes(JSON.stringify(never).slice(1, -1)), never);
    }
    assert.match(report.log[2], /\[redacted\] of host-\d at host-\d and host-\d$/);
    const again = await runLine(...words, "--out", `${root}/report.json`);
    assert.equal(again.code, 1);
    assert.match(again.err, /there already/);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("bugreport of settings that cannot be used says so, and goes on without them", async () => {
  const home = await Deno.makeTempDir({ prefix: "transfunctioner-test-" });
  try {
    const [admin] = freePorts(1);
    const line = ["bugreport", "--home", home, "--admin-address", `127.0.0.1:${admin}`];
    const report = async (...more: string[]) => {
      const { code, out } = await runLine(...line, ...more);
      assert.equal(code, 0);
      return JSON.parse(out);
    };
    const wrong = await report("--consent", "sometimes");
    assert.match(wrong.doctor[0].detail, /^--consent/);
    assert.equal(wrong.doctor[0].verdict, "fail");
    assert.match(wrong.config_without, /most variables/);
    await Deno.writeTextFile(`${home}/config.json`, '{"consnet": "auto"}', { mode: 0o600 });
    const file = await report("--dns", "off");
    assert.match(file.doctor[0].hint, /did you mean "consent"/);
    assert.equal(file.config_without, "config.json");
    const setting = (name: string) =>
      file.config.find((s: { variable: string }) => s.variable === name);
    assert.equal(setting("TRF_DNS").origin, "flag");
    assert.equal(setting("TRF_HOME").value, home);
    assert(file.doctor.some((f: { check: string }) => f.check === "disk"));
    assert.match(file.daemon.error, /admin key/);
    // The launcher lets it run with as much: what cannot be used must not stop it before it starts.
    const grants = await lineGrants([...line, "--dns", "off"], fakeTerminal());
    assert(grants.some((g) => g.permission === "read" && g.scope === home));
    assert(grants.some((g) => g.permission === "net" && g.scope === `127.0.0.1:${admin}`));
    await assert.rejects(lineGrants(["status", "--home", home], fakeTerminal()), /consnet/);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("bugreport takes a secret out that stands in a variable which cannot be used", async () => {
  const root = await Deno.makeTempDir({ prefix: "transfunctioner-test-" });
  try {
    await Deno.writeTextFile(`${root}/log`, "somebody wrote not a key 4711 here\n");
    const { code, out } = await runLineWith(
      { TRF_PRIVATE_KEY: "not a key 4711" },
      ...["bugreport", "--home", `${root}/h`, "--log", `${root}/log`],
    );
    assert.equal(code, 0);
    const report = JSON.parse(out);
    assert.equal(report.config, null);
    assert.match(report.doctor[0].detail, /TRF_PRIVATE_KEY/);
    assert.deepEqual(report.log, ["somebody wrote [redacted] here"]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("Redactor gives the same host the same name, and leaves times and loopback", () => {
  const redactor = new Redactor({
    secrets: ["abc", "abcdef", ""],
    hosts: ["b.example", "127.0.0.1"],
  });
  assert.equal(redactor.text("abcdef abc"), "[redacted] [redacted]");
  assert.equal(
    redactor.text("03:04:05 b.example 10.1.2.3 10.1.2.3:45067 127.0.0.1:1 [2001:db8::1]:9 ::1"),
    "03:04:05 host-1 host-2 host-2:45067 127.0.0.1:1 [host-3]:9 ::1",
  );
  assert.equal(redactor.text("b.example"), "host-1");
  assert.deepEqual(redactor.value({ "10.1.2.3": [1, null, "10.1.2.3"] }), {
    "host-2": [1, null, "host-2"],
  });
  const open = new Redactor({ secrets: [], hosts: null });
  assert.equal(open.text('10.1.2.3 "passphrase": "x y"'), '10.1.2.3 "passphrase": "[redacted] y"');
});
