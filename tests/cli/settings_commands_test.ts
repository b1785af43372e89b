import assert from "node:assert/strict";
import { paint } from "../../cli/colour.ts";
import { passphraseFile } from "../../cli/secret.ts";
import { denoFiles } from "../../lib/keystore/files.ts";
import { Keystore } from "../../lib/keystore/keystore.ts";
import { CONFIG_OPTIONS } from "../../lib/node/config.ts";
import { fakeTerminal, runLine, runLineWith } from "./fake_terminal.ts";

async function inHome(files: Record<string, string>, work: (home: string) => Promise<void>) {
  const home = await Deno.makeTempDir({ prefix: "transfunctioner-test-" });
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${home}/${name}`, text, { mode: 0o600 });
    }
    await work(home);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

Deno.test("config show tells the origin of every value and shows no secret", async () => {
  await inHome({ "config.json": '{"consent": "manual"}' }, async (home) => {
    const { code, out } = await runLineWith(
      { TRF_PRIVATE_KEY: "5e".repeat(32) },
      "config",
      "show",
      "--home",
      home,
      "--connect",
      "a.example.com:1",
      "--json",
    );
    assert.equal(code, 0);
    assert(!out.includes("5e5e"));
    const { schema, settings } = JSON.parse(out) as {
      schema: string;
      settings: { variable: string; value: string; origin: string }[];
    };
    assert.equal(schema, "transfunctioner/config-show/1");
    assert.deepEqual(settings.map((s) => s.variable), CONFIG_OPTIONS.map((o) => o.variable));
    const of = (name: string) => {
      const { value, origin } = settings.find((s) => s.variable === name)!;
      return [value, origin];
    };
    assert.deepEqual(of("TRF_CONNECT"), ["a.example.com:1", "flag"]);
    assert.deepEqual(of("TRF_PRIVATE_KEY"), ["[redacted]", "env TRF_PRIVATE_KEY"]);
    assert.deepEqual(of("TRF_CONSENT"), ["manual", `file ${home}/config.json`]);
    assert.deepEqual(of("TRF_ADMIN_ADDRESS"), ["127.0.0.1:45068", "default"]);
  });
});

Deno.test("config check refuses what the daemon would refuse, in its words", async () => {
  await inHome({}, async (home) => {
    assert.equal((await runLine("config", "check", "--home", home)).code, 0);
    for (
      const bad of [
        ["--consent", "sometimes"],
        ["--connect", "nowhere"],
        ["--round-timeout", "20m"],
        ["--admin-address", "0.0.0.0:45068"],
        ["--passphrase-file", "/a,b"],
      ]
    ) {
      const checked = await runLine("config", "check", "--home", home, ...bad);
      assert.equal(checked.code, 2, bad.join(" "));
      assert.match(checked.err, /^error: .+\nhint: .+\n$/);
    }
  });
  await inHome({ "config.json": '{"konsent": "auto"}' }, async (home) => {
    const { code, err } = await runLine("config", "check", "--home", home);
    assert.equal(code, 2);
    assert.match(err, /did you mean "consent"/);
  });
});

Deno.test("permissions prints the flags on one line, one a line, and with reasons", async () => {
  await inHome({}, async (home) => {
    const one = await runLine("permissions", "--home", home, "--flags");
    const lines = await runLine("permissions", "--home", home, "--lines");
    assert.deepEqual(lines.out.trim().split("\n"), one.out.trim().split(" "));
    const table = await runLine("permissions", "--home", home);
    assert.match(table.out, new RegExp(`read +${home} +stop +the node key`));
    for (const never of ["run", "ffi", "sys", "import"]) {
      assert.match(table.out, new RegExp(`^${never} +none`, "m"));
    }
    const { grants, flags } = JSON.parse(
      (await runLine("permissions", "--home", home, "--json")).out,
    );
    assert(flags.includes("--no-prompt"));
    for (const g of grants) {
      const code = await Deno.stat(new URL(`../../${g.code}`, import.meta.url));
      assert(code.isFile);
    }
    const blank = await runLine("permissions", "--home", "/a b", "--flags");
    assert.equal(blank.code, 2);
    assert.match(blank.err, /--lines/);
  });
});

Deno.test("paint() leaves text alone where there is no colour", () => {
  assert.equal(paint(fakeTerminal(), "red", "x"), "x");
  assert.equal(paint(fakeTerminal(true), "red", "x"), "\x1b[31mx\x1b[39m");
});

Deno.test("NO_COLOR turns colour off for every stream, a terminal included", async () => {
  const code = `import { systemTerminal } from ${
    JSON.stringify(new URL("../../cli/terminal.ts", import.meta.url).href)
  };
    Deno.stdout.isTerminal = () => true;
    Deno.stderr.writeSync(new TextEncoder().encode(String(systemTerminal().colour)));`;
  const colour = async (env: Record<string, string>) => {
    const { stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "-q", code],
      env,
      stdin: "null",
    }).output();
    return new TextDecoder().decode(stderr);
  };
  assert.equal(await colour({ NO_COLOR: "1" }), "false");
  assert.equal(await colour({ NO_COLOR: "" }), "true");
});

Deno.test("init --new-passphrase-file makes a passphrase that opens the keystore, once", async () => {
  await inHome({}, async (root) => {
    const [home, file] = [`${root}/home`, `${root}/passphrase`];
    const line = ["init", "--home", home, "--new-passphrase-file", file, "--json"];
    const { code, out } = await runLine(...line);
    assert.equal(code, 0);
    const { identity } = JSON.parse(out) as { identity: string };
    assert.equal((await Deno.stat(file)).mode! & 0o777, 0o600);
    const passphrase = await passphraseFile(file);
    assert(!out.includes(passphrase));
    const store = await Keystore.open({ home, files: denoFiles(), secret: { passphrase } });
    assert.equal(store.identity.identity, identity);
    await store.close();
    const again = await runLine(...line);
    assert.equal(again.code, 2);
    assert.match(again.err, /it is there already/);
    assert.equal(await passphraseFile(file), passphrase);
    // A keystore that is there already gets no passphrase that would not open it.
    const other = await runLine(...line.with(-2, `${root}/other`));
    assert.notEqual(other.code, 0);
    assert.match(other.err, /there already/);
    await assert.rejects(Deno.stat(`${root}/other`), Deno.errors.NotFound);
  });
});
