import assert from "node:assert/strict";
import { lineGrants } from "../../cli/command_grants.ts";
import { readLine } from "../../cli/command.ts";
import { COMMANDS } from "../../cli/registry.ts";
import { fakeTerminal, runLine } from "./fake_terminal.ts";

/** Cuts the calls of this program out of an example as a shell would: quotes, pipes, `$(…)`. */
function callsIn(example: string): string[][] {
  const calls: string[][] = [];
  for (
    const found of example.matchAll(/\btransfunctioner((?: +(?:'[^']*'|"[^"]*"|[^|<>)\s])+)*)/g)
  ) {
    // `transfunctioner.1` and the like are file names.
    if (/[./\w]/.test(example[found.index + "transfunctioner".length] ?? "")) continue;
    const words = found[1]!.match(/(?:'[^']*'|"[^"]*"|[^\s])+/g) ?? [];
    calls.push(words.map((w) => w.replace(/['"]/g, "").replace("$KEY", "ab".repeat(16))));
  }
  return calls;
}

for (const { name, load } of COMMANDS) {
  Deno.test(`${name} --help names its options and shows examples that parse`, async () => {
    const { code, out, err } = await runLine(name, "--help");
    assert.equal(code, 0);
    assert.equal(err, "");
    const spec = await load();
    assert.equal(spec.name, name);
    assert(out.includes(`USAGE\n  transfunctioner ${name}`));
    for (const option of Object.keys(spec.options)) assert(out.includes(`--${option}`), option);
    assert(spec.examples.length > 0);
    let own = 0;
    for (const example of spec.examples) {
      assert(out.includes(example));
      const calls = callsIn(example);
      assert(calls.length > 0, example);
      for (const [called, ...rest] of calls) {
        const entry = COMMANDS.find((c) => c.name === called);
        assert(entry, `${example}: ${called}`);
        readLine(await entry.load(), rest, fakeTerminal());
        if (called === name) own++;
      }
    }
    assert(own > 0, "no example of the command itself");
    assert.equal((await runLine("help", name)).out, out);
  });

  Deno.test(`${name} refuses an unknown option with exit 2 and a hint`, async () => {
    const { code, out, err } = await runLine(name, "--no-such-option");
    assert.equal(code, 2);
    assert.equal(out, "");
    assert.match(err, /^error: unknown option --no-such-option for [\w-]+\nhint: .*--help`\n$/);
  });

  Deno.test(`${name}: every option that takes a path is granted or inside the home`, async () => {
    const { options, paths } = await load();
    for (const [option, { value }] of Object.entries(options)) {
      if (value === "PATH") assert(paths?.[option] ?? option === "passphrase-file", option);
    }
  });
}

Deno.test("the overview lists every command and its examples parse", async () => {
  const { code, out } = await runLine("--help");
  assert.equal(code, 0);
  for (const { name, summary } of COMMANDS) assert(out.includes(name) && out.includes(summary));
  for (const line of out.slice(out.indexOf("EXAMPLES")).split("\n").slice(1)) {
    for (const [called, ...rest] of callsIn(line)) {
      readLine(await COMMANDS.find((c) => c.name === called)!.load(), rest, fakeTerminal());
    }
  }
});

Deno.test("an unknown command is answered with the nearest one", async () => {
  const { code, err } = await runLine("stauts");
  assert.equal(code, 2);
  assert.match(err, /did you mean status\?/);
});

Deno.test("an unknown word is answered with the nearest one that the command knows", async () => {
  for (
    const [words, near] of [
      [["ceremonies", "aprove"], "approve"],
      [["config", "chekc"], "check"],
      [["keys", "sho"], "show"],
      [["peers", "ad"], "add"],
    ] as const
  ) {
    const { code, err } = await runLine(...words);
    assert.equal(code, 2);
    assert.match(err, new RegExp(`did you mean ${near}\\? known: `));
  }
});

Deno.test("lineGrants() gives each command what it needs and no more", async () => {
  const grants = async (...words: string[]) =>
    (await lineGrants(words, fakeTerminal())).map((g) => `${g.permission} ${g.scope}`);
  const home = ["--home", "/h"];
  assert.deepEqual(await grants("version"), []);
  assert.deepEqual(await grants("completions", "bash"), []);
  assert.deepEqual(await grants("daemon", "--help"), []);
  assert.deepEqual(await grants("no-such-command"), []);
  assert.deepEqual(await grants("status", ...home), [
    "read /h",
    "env TRF_*",
    "env HOME",
    "net 127.0.0.1:45068",
  ]);
  assert.deepEqual(await grants("sign", ...home, "--file", "a b.pdf"), [
    "read /h",
    "env TRF_*",
    "env HOME",
    "net 127.0.0.1:45068",
    "read a b.pdf",
  ]);
  assert(!(await grants("sign", ...home, "--file", "-")).includes("read -"));
  assert.deepEqual(await grants("init", ...home), ["read /h", "write /h", "env TRF_*", "env HOME"]);
  assert.deepEqual(await grants("config", "check", ...home), [
    "read /h",
    "read /etc/resolv.conf",
    "env TRF_*",
    "env HOME",
  ]);
  const daemon = await grants("daemon", ...home);
  assert(!daemon.includes("env HOME"));
  assert.deepEqual(await grants("doctor", ...home), [...daemon, "env HOME"]);
  await assert.rejects(lineGrants(["status", "--hmoe", "/h"], fakeTerminal()), /unknown option/);
  await assert.rejects(
    lineGrants(["sign", ...home, "--file", "a,b"], fakeTerminal()),
    /comma/,
  );
});
