/**
 * The self-contained file, built and then used as an operator would: empty HOME, nothing but the
 * system's own programs on PATH, no checkout in sight.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { fixtureSets } from "../../cli/demo/fixtures.ts";
import { freePorts } from "../../cli/demo/processes.ts";
import { verifyIndependently } from "../../cli/demo/verify.ts";
import { VERSION } from "../../lib/version.ts";
import { until } from "./operator.ts";

const ROOT = decodeURIComponent(new URL("../../", import.meta.url).pathname);
/** Everything that a build reads. */
const SOURCES = ["cli", "lib", "main.ts", "mod.ts", "deno.json", "deno.lock"];

async function copyTree(from: string, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) return await Deno.copyFile(from, to);
  await Deno.mkdir(to, { recursive: true });
  for await (const entry of Deno.readDir(from)) {
    await copyTree(`${from}/${entry.name}`, `${to}/${entry.name}`);
  }
}

/** Builds the file in a checkout. */
async function build(checkout: string, out: string): Promise<void> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", "--frozen", `${checkout}/cli/build/bundle.ts`, "--out", out],
    env: { TRANSFUNCTIONER_COMMIT: "0123456789abcdef" },
    stdin: "null",
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
}

class Binary {
  constructor(readonly file: string, readonly env: Record<string, string>) {}

  command(args: readonly string[], env: Record<string, string> = {}): Deno.Command {
    return new Deno.Command(this.file, {
      args: [...args],
      cwd: "/",
      clearEnv: true,
      env: { ...this.env, ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
  }

  async run(args: readonly string[], env: Record<string, string> = {}) {
    const { code, stdout, stderr } = await this.command(args, env).output();
    const decoder = new TextDecoder();
    return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
  }

  /** Runs a command with --json and reads its answer. */
  async ask<T>(args: readonly string[], env: Record<string, string> = {}): Promise<T> {
    const { code, out, err } = await this.run([...args, "--json"], env);
    assert.equal(code, 0, `${args.join(" ")}: ${err}`);
    return JSON.parse(out) as T;
  }
}

Deno.test("the bundle is built twice alike and makes a key, signs and restarts", async (t) => {
  const root = await Deno.makeTempDir({ prefix: "transfunctioner-test-" });
  const file = `${root}/bin/transfunctioner`;
  const cache = `${root}/cache`;
  const binary = new Binary(file, {
    PATH: "/usr/bin:/bin",
    HOME: `${root}/empty`,
    TRANSFUNCTIONER_CACHE: cache,
    // None of these may reach the runtime.
    DENO_V8_FLAGS: "--no-such-flag",
    NODE_OPTIONS: "--no-such-option",
    DENO_DIR: `${root}/wrong`,
  });
  const daemons: Deno.ChildProcess[] = [];
  try {
    await t.step("two builds, one in a copy elsewhere, have the same bytes", async () => {
      await Deno.mkdir(`${root}/empty`);
      // Copies, so that the checkout's own dist/ is left alone.
      const places = [`${root}/checkout`, `${root}/some/where/else`];
      for (const place of places) {
        await Deno.mkdir(place, { recursive: true });
        for (const name of SOURCES) await copyTree(ROOT + name, `${place}/${name}`);
      }
      await build(places[0]!, file);
      await build(places[1]!, `${root}/second`);
      const [one, two] = await Promise.all([file, `${root}/second`].map((f) => Deno.readFile(f)));
      assert.equal(Buffer.compare(one!, two!), 0);
      await Deno.remove(`${root}/second`);
      for (const place of places) await Deno.remove(place, { recursive: true });
    });

    await t.step("it tells its version, commit and dependencies", async () => {
      const version = await binary.ask<Record<string, unknown>>(["version"]);
      assert.equal(version["version"], VERSION);
      assert.equal(version["form"], "bundle");
      assert.equal(version["commit"], "0123456789abcdef");
      assert.match(String(version["program"]), /^[0-9a-f]{64}$/);
      const dependencies = version["dependencies"] as Record<string, string>;
      assert.match(dependencies["@noble/curves@2.4.0"]!, /^sha512-/);
      assert(!Object.keys(dependencies).some((name) => name.startsWith("fast-check")));
    });

    const [p1, p2, a1, a2] = freePorts(4);
    const nodes = [[p1, a1], [p2, a2]].map(([listen, admin], i) => ({
      TRF_HOME: `${root}/a home ${i}`,
      TRF_LISTEN_ADDRESS: `127.0.0.1:${listen}`,
      TRF_ADMIN_ADDRESS: `127.0.0.1:${admin}`,
      TRF_CONNECT: i === 0 ? "" : `127.0.0.1:${p1}`,
      TRF_KEYSTORE_PASSPHRASE: "a test passphrase",
      TRF_INITIATORS: "",
    }));
    let identities: string[] = [];
    const start = async () => {
      for (const env of nodes) {
        daemons.push(binary.command(["daemon"], env).spawn());
      }
      await until("both nodes are connected", async () => {
        const all = await Promise.all(nodes.map((env) => binary.run(["status", "--json"], env)));
        return all.every((s) => s.code === 0 && JSON.parse(s.out).sessions === 1);
      });
    };
    const stop = async () => {
      for (const daemon of daemons.splice(0)) {
        daemon.kill("SIGTERM");
        const { code, stderr } = await daemon.output();
        assert.equal(code, 0, new TextDecoder().decode(stderr));
      }
    };

    await t.step("init makes two homes, their names with a blank in them", async () => {
      identities = await Promise.all(
        nodes.map(async (env) => (await binary.ask<{ identity: string }>(["init"], env)).identity),
      );
      const sets = await fixtureSets();
      for (const [i, env] of nodes.entries()) {
        env.TRF_INITIATORS = identities.join(",");
        const folder = `${env.TRF_HOME}/${identities[i]}`;
        await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
        await Deno.writeTextFile(`${folder}/preparams.json`, sets[i]!, { mode: 0o600 });
      }
    });

    let key: { key_id: string; public_key: string };
    const data = new TextEncoder().encode("what is signed\n");
    const document = `${root}/a document.txt`;
    await Deno.writeFile(document, data);
    const sign = async (by: number) => {
      const { r, s } = await binary.ask<{ r: string; s: string }>(
        ["sign", "--key", key.key_id, "--file", document],
        nodes[by]!,
      );
      assert(verifyIndependently(data, key.public_key, r, s));
    };
    await t.step("two daemons make a key and sign a file", async () => {
      await start();
      key = await binary.ask(["keygen", "--members", identities.join(","), "-t", "1"], nodes[0]);
      await until("both have the key", async () => {
        const all = await Promise.all(
          nodes.map((env) => binary.ask<{ keys: { key_id: string }[] }>(["keys"], env)),
        );
        return all.every(({ keys }) => keys.some((k) => k.key_id === key.key_id));
      });
      await sign(0);
    });

    await t.step("a daemon runs with exactly the printed permissions", async () => {
      const { out } = await binary.run(["permissions", "--lines"], nodes[1]);
      const flags = out.trim().split("\n");
      if (Deno.build.os === "linux") {
        const line = (await Deno.readTextFile(`/proc/${daemons[1]!.pid}/cmdline`)).split("\0");
        const given = line.filter((word) => word.startsWith("--allow"));
        assert.deepEqual(given, flags.filter((flag) => flag.startsWith("--allow")));
        assert(line[0]!.startsWith(cache));
        for (const word of ["--no-prompt", "--no-remote", "--no-npm"]) assert(line.includes(word));
      }
      assert.deepEqual(flags.slice(0, 3), ["--no-prompt", "--no-remote", "--frozen"]);
    });

    await t.step("doctor finds a healthy node through the daemon", async () => {
      const report = await binary.ask<{ healthy: boolean; findings: { check: string }[] }>(
        ["doctor"],
        nodes[0],
      );
      assert.equal(report.healthy, true, JSON.stringify(report.findings));
    });

    await t.step("it tells mistyped variables, and reports a bad config.json", async () => {
      const typo = await binary.run(["config", "check"], { ...nodes[0], TRF_HOSTNMAE: "x" });
      assert.equal(typo.code, 0);
      const warning = "TRF_HOSTNMAE is not a variable of this program; is it TRF_HOSTNAME?";
      assert(typo.err.includes(`warning: ${warning}\n`), typo.err);
      const config = `${nodes[0]!.TRF_HOME}/config.json`;
      await Deno.writeTextFile(config, '{"konsent": "auto"}', { mode: 0o600 });
      try {
        assert.equal((await binary.run(["status"], nodes[0])).code, 2);
        const said = await binary.run(["bugreport"], { ...nodes[0], TRF_HOSTNMAE: "x" });
        assert.equal(said.code, 0, said.err);
        const report = JSON.parse(said.out);
        assert.deepEqual(report.config_warnings, [warning]);
        assert.match(
          report.doctor.map((f: { detail: string }) => f.detail).join("\n"),
          /"konsent"/,
        );
        assert.equal(report.status.identity, identities[0]);
      } finally {
        await Deno.remove(config);
      }
    });

    await t.step("after a restart of both the other one signs", async () => {
      await stop();
      await start();
      await sign(1);
      await stop();
    });

    await t.step("the README's five minutes lead to a signature", async () => {
      const readme = await Deno.readTextFile(`${ROOT}README.md`);
      const [, lines] = /^```sh\n(export PATH=[^]*?)^```$/m.exec(readme)!;
      const sets = await fixtureSets();
      await Deno.writeFile(`${root}/plain`, data);
      // Pre-parameters take a minute of searching; these are ready-made.
      for (const [i, name] of ["A", "B"].entries()) {
        await Deno.writeTextFile(`${root}/${name}.json`, sets[i]!);
      }
      const place = ["a $A", "b $B"].map((pair) => {
        const [home, identity] = pair.split(" ");
        const folder = `$d/${home}/${identity}`;
        return `mkdir -p ${folder}; cp ${root}/${
          identity!.slice(1)
        }.json ${folder}/preparams.json; ` +
          `chmod 600 ${folder}/preparams.json`;
      });
      const ports = freePorts(4);
      const script = ["45067", "45077", "45078"].reduce(
        (text, port, i) => text.replaceAll(`127.0.0.1:${port}`, `127.0.0.1:${ports[i]}`),
        lines!.replace("transfunctioner daemon", `${place.join("\n")}\ntransfunctioner daemon`)
          .replace("$PWD/dist", `${root}/bin`).replace("README.md", "plain"),
      );
      // The first daemon's admin port is the default one, which may be taken here.
      const admin = { TRF_ADMIN_ADDRESS: `127.0.0.1:${ports[3]}` };
      // Daemons that go on after a failure would keep the pipes open: the trap ends them, and
      // `timeout` their whole group.
      const guarded = `trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n${script}\nwait`;
      const { code, stdout, stderr } = await new Deno.Command("timeout", {
        args: ["-k", "5", "900", "bash", "-e", "-c", guarded],
        cwd: root,
        clearEnv: true,
        env: { ...binary.env, TMPDIR: root, ...admin },
        stdin: "null",
      }).output();
      const out = new TextDecoder().decode(stdout);
      assert.equal(code, 0, out + new TextDecoder().decode(stderr));
      const [, publicKey] = /^public key +([0-9a-f]{66})$/m.exec(out)!;
      const [, r] = /^r +([0-9a-f]{64})$/m.exec(out)!;
      const [, s] = /^s +([0-9a-f]{64})$/m.exec(out)!;
      assert(verifyIndependently(data, publicKey!, r!, s!));
      assert.match(out, /1 complete|2 complete/);
    });

    await t.step("errors keep their exit codes, and their JSON", async () => {
      assert.equal((await binary.run(["stauts"])).code, 2);
      const { code, out, err } = await binary.run(["status", "--hmoe", "x", "--json"]);
      assert.equal(code, 2);
      assert.equal(JSON.parse(out).error.code, "TF-USAGE");
      assert.match(err, /did you mean --home/);
    });

    await t.step("a program changed in the cache is replaced before it runs", async () => {
      const [folder] = [...Deno.readDirSync(cache)].map((e) => `${cache}/${e.name}`);
      await Deno.chmod(`${folder}/program.js`, 0o600);
      await Deno.writeTextFile(`${folder}/program.js`, 'console.log("changed")');
      assert.equal((await binary.ask<{ version: string }>(["version"])).version, VERSION);
      await Deno.remove(`${folder}/deno`);
      await Deno.writeTextFile(`${folder}/deno`, "#!/bin/sh\necho changed\n", { mode: 0o700 });
      const { out } = await binary.run(["daemon"], { ...nodes[0], TRF_CONSENT: "sometimes" });
      assert(!out.includes("changed"));
      assert.equal((await binary.ask<{ version: string }>(["version"])).version, VERSION);
    });

    await t.step(
      "one byte of a runtime that was found right is changed: it is replaced",
      async () => {
        const [folder] = [...Deno.readDirSync(cache)].map((e) => `${cache}/${e.name}`);
        const runtime = `${folder}/deno`;
        const start = () => binary.run(["daemon"], { ...nodes[0], TRF_CONSENT: "sometimes" });
        await start();
        const right = await Deno.readFile(runtime);
        const { ino } = await Deno.stat(runtime);
        await start();
        assert.equal((await Deno.stat(runtime)).ino, ino, "it was not unpacked again");
        await Deno.chmod(runtime, 0o700);
        {
          using open = await Deno.open(runtime, { write: true });
          // Somewhere in the tables of the file's end, where it does not stop the runtime from running.
          await open.seek(right.length - 1, Deno.SeekMode.Start);
          await open.write(Uint8Array.of(right[right.length - 1]! ^ 1));
        }
        await start();
        assert.equal(Buffer.compare(await Deno.readFile(runtime), right), 0);
      },
    );

    await t.step("a damaged file, an open cache and one inside the home are refused", async () => {
      const bytes = await Deno.readFile(file);
      bytes[bytes.length >> 1]! ^= 1;
      await Deno.writeFile(`${root}/damaged`, bytes, { mode: 0o700 });
      const damaged = await new Binary(`${root}/damaged`, binary.env).run(["version"], {
        TRANSFUNCTIONER_CACHE: `${root}/cache2`,
      });
      assert.equal(damaged.code, 2);
      assert.match(damaged.err, /^error: .* is damaged/);

      await Deno.chmod(cache, 0o777);
      const open = await binary.run(["version"]);
      assert.equal(open.code, 2);
      assert.match(open.err, /other users may write to/);

      const inside = await binary.run(["version"], {
        TRF_HOME: `${root}/h`,
        TRANSFUNCTIONER_CACHE: `${root}/h/cache`,
      });
      assert.equal(inside.code, 2);
      assert.match(inside.err, /is inside the home directory/);
    });
  } finally {
    for (const daemon of daemons) {
      try {
        daemon.kill("SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
    await Promise.all(daemons.map((d) => d.output()));
    await Deno.remove(root, { recursive: true });
  }
});
