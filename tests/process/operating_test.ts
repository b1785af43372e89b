/**
 * Types every command line of the documents, in the order of docs/OPERATING.md, among real daemons:
 * six operators, one key, one machine lost, one moved, one Go node taken over.
 */
import assert from "node:assert/strict";
import { fixtureSets } from "../../cli/demo/fixtures.ts";
import { freePorts } from "../../cli/demo/processes.ts";
import { runLine } from "../cli/fake_terminal.ts";
import { examples } from "../docs/command_lines.ts";
import { document, ROOT } from "../docs/source_tree.ts";
import { makeGoHomes } from "../support/go_home.ts";
import { type Going, Operator, type Said, until } from "./operator.ts";
import { MENTIONED, NOT_RUN } from "./operating_lists.ts";

/** Documents for operators; those for developers name their own commands. */
const DOCUMENTS = [
  "README.md",
  "CHANGELOG.md",
  "deploy/README.md",
  ...["ARCHITECTURE", "ERRORS", "METRICS", "OPERATING", "PROTOCOL", "SCALING", "SECURITY"]
    .map((name) => `docs/${name}.md`),
];
const KEY = "2beb1c80ee511d03ad19e25b99b756d7";
const CEREMONY = "17addc87";

interface Row {
  readonly id: string;
  readonly state: string;
}

const texts = new Map<string, string>();
for (const file of DOCUMENTS) texts.set(file, await document(file));
const shown = new Map(
  [...texts].flatMap(([file, text]) =>
    examples(text).lines.map((line): [string, string] => [line, file])
  ),
);

/** The settings that docs/OPERATING.md shows, as a template. */
function shownSettings(): Record<string, unknown> {
  const [, json] = /in the\nhome directory or as `TRF_…` variables:\n\n((?: {4}.*\n)+)/.exec(
    texts.get("docs/OPERATING.md")!,
  )!;
  return JSON.parse(json!) as Record<string, unknown>;
}

class Drill implements AsyncDisposable {
  readonly typed = new Set<string>();
  /** What stands for the key id and the ceremony id of the documents at the moment. */
  key = KEY;
  ceremony = CEREMONY;
  readonly operators: Operator[] = [];

  private constructor(readonly root: string) {}

  static async create(): Promise<Drill> {
    const drill = new Drill(await Deno.makeTempDir({ prefix: "transfunctioner-test-" }));
    await Deno.mkdir(`${drill.root}/stick`);
    return drill;
  }

  operator(name: string, ports: readonly number[], env: Record<string, string> = {}): Operator {
    const folder = `${this.root}/${name}`;
    Deno.mkdirSync(folder);
    const operator = new Operator(name, `${folder}/home`, {
      TRF_PASSPHRASE_FILE: `${folder}/passphrase`,
      TRF_LISTEN_ADDRESS: `127.0.0.1:${ports[0]}`,
      TRF_ADMIN_ADDRESS: `127.0.0.1:${ports[1]}`,
      TRF_DNS: "off",
      // A set lies there, and none is searched for beside it: that would take all processors.
      TRF_PREPARAMS_TIMEOUT: "1ms",
      HOME: folder,
      ...env,
    }, folder);
    this.operators.push(operator);
    return operator;
  }

  /** Puts this run's values into a line of the documents, and notes that it was typed. */
  fill(line: string, at: Operator, more: Readonly<Record<string, string>> = {}): string {
    assert(shown.has(line), `not in the documents any more: ${line}`);
    this.typed.add(line);
    let out = line;
    for (const [from, to] of Object.entries(more)) {
      assert(out.includes(from), `${line}: no ${from}`);
      out = out.replaceAll(from, to);
    }
    return out
      .replaceAll("/var/lib/transfunctioner/home", at.home)
      .replaceAll("/root/passphrase", at.env["TRF_PASSPHRASE_FILE"]!)
      .replaceAll("/media/stick", `${this.root}/stick`)
      .replaceAll(KEY, this.key).replaceAll(CEREMONY, this.ceremony)
      .replace(
        /\$([A-F])\b/g,
        (_, name: string) => this.operators.find((o) => o.name === name)!.identity,
      );
  }

  /** Types a line of the documents at an operator's machine. */
  async type(
    at: Operator,
    line: string,
    expect: { code?: number; as?: Record<string, string>; says?: RegExp } = {},
  ): Promise<Said> {
    const said = await at.type(this.fill(line, at, expect.as), expect.code);
    const text = said.out + said.err;
    assert(expect.says?.test(text) !== false, `${at.name}: ${line}\nno ${expect.says} in\n${text}`);
    return said;
  }

  /** Types a line until it says what a node comes to know of others only a little later. */
  async typeUntil(at: Operator, line: string, says: RegExp): Promise<Said> {
    let last = "";
    try {
      return await until("the line says it", async () => {
        const said = await at.begin(this.fill(line, at)).then((going) => going.ended);
        last = said.out + said.err;
        return said.code === 0 && says.test(last) ? said : null;
      });
    } catch (error) {
      throw new Error(`${at.name}: ${line}\nno ${says} in\n${last}`, { cause: error });
    }
  }

  /** Types a line that goes on until Ctrl-C, and stops it when it has said something. */
  async watch(at: Operator, line: string, says: RegExp): Promise<void> {
    const going = await at.begin(this.fill(line, at));
    await until(`${line} says ${says}`, () => Promise.resolve(says.test(going.text())));
    assert.equal((await going.stop("SIGINT")).code, 0, line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.operators.map((o) => o.kill()));
    await Deno.remove(this.root, { recursive: true });
  }
}

/** The first ceremony that waits for this operator. */
function waiting(at: Operator): Promise<string> {
  return until(`a ceremony waits at ${at.name}`, async () => {
    const answer = await at.look<{ ceremonies: Row[] }>("ceremonies");
    return answer?.ceremonies.find((c) => c.state === "waiting")?.id;
  });
}

/** Approves whatever waits at `at` while something goes on elsewhere. */
async function approving<T>(at: Operator, work: Promise<T>): Promise<T> {
  let done = false;
  const all = work.finally(() => done = true);
  while (!done) {
    const answer = await at.look<{ ceremonies: Row[] }>("ceremonies");
    const row = answer?.ceremonies.find((c) => c.state === "waiting");
    if (row !== undefined) await at.look("ceremonies", "approve", row.id);
    // Real processes need real time.
    await Promise.race([all, new Promise((resolve) => setTimeout(resolve, 200))]);
  }
  return await all;
}

/** Resolves when all of them are ready for each other. */
async function ready(all: readonly Operator[]): Promise<void> {
  for (const o of all) {
    await until(`${o.name} and the others are ready`, async () => {
      const answer = await o.look<{ peers: { identity: string; ready?: boolean }[] }>("peers");
      const fit = answer?.peers.filter((p) => p.ready === true).map((p) => p.identity) ?? [];
      return all.every((other) => other === o || fit.includes(other.identity));
    });
  }
}

Deno.test("every command line of the documents does what they say", async (t) => {
  await using drill = await Drill.create();
  let whole = true;
  /** A step that only makes sense after those before it. */
  const step = async (name: string, work: () => void | Promise<void>) => {
    if (whole) whole = await t.step(name, work);
  };
  const ports = freePorts(16);
  const [pageOfA, pageOfF] = ports.slice(14);
  const all = ["A", "B", "C", "D", "E", "F"].map((name, i) =>
    drill.operator(name, ports.slice(2 * i))
  );
  const [a, b, c, d, e, f] = all as [Operator, Operator, Operator, Operator, Operator, Operator];
  const five = [a, b, c, d, e];
  const sets = await fixtureSets();

  await step("the program, identities and settings", async () => {
    const version = await drill.type(a, "transfunctioner version --json");
    assert.equal(JSON.parse(version.out).schema, "transfunctioner/version/1");
    await drill.type(a, "transfunctioner permissions", { says: /^read +.*\/A\/home/m });
    const sign = await drill.type(
      a,
      `transfunctioner permissions --json -- sign --key ${KEY} --file a.pdf`,
    );
    assert(JSON.parse(sign.out).flags.includes("--allow-read=" + a.home + ",a.pdf"), sign.out);
    await drill.type(a, "transfunctioner permissions -- sign --key ID --file PATH", {
      as: { ID: drill.key, PATH: "a.pdf" },
      says: /^read +a\.pdf/m,
    });
    const init =
      "transfunctioner init --home /var/lib/transfunctioner/home --new-passphrase-file /root/passphrase";
    const said = await Promise.all(all.map((o) => drill.type(o, init, { says: /^identity +/m })));
    for (const [i, o] of all.entries()) {
      o.identity = /^identity +([0-9a-f]{40})$/m.exec(said[i]!.out)![1]!;
    }
    // Pre-parameters that are there already: looking for primes takes minutes.
    const folders = all.map((o) => `${o.home}/${o.identity}`);
    for (const [i, folder] of folders.entries()) {
      await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
      await Deno.writeTextFile(`${folder}/preparams.json`, sets[i]!, { mode: 0o600 });
    }
    const template = shownSettings();
    assert.deepEqual(Object.keys(template), [
      "hostname",
      "connect",
      "initiators",
      "consent",
      "prometheus_address",
    ]);
    for (const [i, o] of all.entries()) {
      const settings = {
        ...template,
        connect: all.slice(0, i).map((_, j) => `127.0.0.1:${ports[2 * j]}`),
        initiators: all.map((other) => other.identity),
        // One of them looks at each request; a rule outside decides for the others.
        consent: o === e ? template["consent"] : "auto",
        prometheus_address: o === a ? `127.0.0.1:${pageOfA}` : "off",
      };
      await Deno.writeTextFile(`${o.home}/config.json`, JSON.stringify(settings), { mode: 0o600 });
    }
    a.env["TRF_TRANSCRIPTS"] = "transcripts";
    await drill.type(e, "transfunctioner config check", { says: /can be used/ });
    await drill.type(e, "transfunctioner config show", {
      says: /^TRF_CONSENT +manual +file .*config\.json/m,
    });
  });

  let verbose: Going;
  await step("five daemons", async () => {
    const json =
      "transfunctioner daemon --log-format json --log-level INFO,mesh=WARN,ceremony=DEBUG";
    for (const o of [a, b, c, e]) await o.start(drill.fill("transfunctioner daemon", o));
    verbose = await d.start(drill.fill(json, d));
    await ready(five);
    await drill.typeUntil(a, "transfunctioner doctor", /^nothing failed/m);
    const rows = five.map((o) => `(?=[^]*^${o.identity} +(self|live) )`);
    await drill.typeUntil(a, "transfunctioner peers", new RegExp(rows.join(""), "m"));
    await drill.type(a, "transfunctioner peers bans", { says: /nobody is banned/ });
  });

  let keygenId = "";
  await step("the key", async () => {
    const line = "transfunctioner keygen --members $A,$B,$C,$D,$E --threshold 2";
    // Ed25519: the same steps in a tenth of the time.
    const keygen = await a.begin(`${drill.fill(line, a)} --curve ed25519`);
    drill.ceremony = keygenId = (await waiting(e)).slice(0, 8);
    await drill.type(e, "transfunctioner ceremonies", {
      says: new RegExp(`^${drill.ceremony}\\S* +keygen +waiting .*needs approval`, "m"),
    });
    await drill.type(e, "transfunctioner ceremonies show 17addc87", {
      says: new RegExp(`^requester +${a.identity}$[^]*^quorum +any 3 of 5[^]* left$`, "m"),
    });
    await drill.type(e, "transfunctioner ceremonies approve 17addc87");
    const made = await keygen.ended;
    assert.equal(made.code, 0, made.err);
    drill.key = /^key id +([0-9a-f]{32})$/m.exec(made.out)![1]!;
    const publicKey = /^public key +([0-9a-f]+)$/m.exec(made.out)![1]!;
    const row = new RegExp(`^${drill.key} .*3 of 5 .*${publicKey}$`, "m");
    for (const o of [a, e]) await drill.typeUntil(o, "transfunctioner keys", row);
    await Deno.writeTextFile(`${a.folder}/README.md`, "something harmless\n");
    const sign = `transfunctioner sign --key ${KEY} --file README.md`;
    await approving(e, drill.type(a, sign, { says: /^signature +/m }));
  });

  await step("everyday", async () => {
    const able = new RegExp(`^backup +NONE[^]*^${drill.key} .* yes$`, "m");
    await drill.typeUntil(a, "transfunctioner status", able);
    await drill.watch(a, "transfunctioner status --watch", /can sign: yes/);
    await drill.watch(a, "transfunctioner ceremonies --watch", /keygen complete/);
    const rules = `transfunctioner keys allow --key ${KEY} --requester $A,$B`;
    await drill.type(b, rules, { says: new RegExp(`^requesters +${a.identity}`, "m") });
    await drill.type(b, `transfunctioner keys limit --key ${KEY} --per-hour 60`);
    await drill.type(b, `transfunctioner keys show ${KEY}`, {
      says: new RegExp(
        `^requesters +${a.identity}\n +${b.identity}\nsignings +at most 60 an hour`,
        "m",
      ),
    });
    await drill.typeUntil(a, "transfunctioner log show --last 20", /keygen/);
    await drill.type(a, "transfunctioner log verify", { says: /all in their place/ });
    await until("its health is good", async () => {
      const response = await fetch(`http://127.0.0.1:${pageOfA}/health`);
      await response.body?.cancel();
      return response.status === 200;
    });
    // The last line may be on its way.
    const whole = verbose.text().split("\n").slice(0, -1);
    assert(whole.length > 0);
    for (const line of whole) {
      const { time, level, module, message } = JSON.parse(line);
      assert(time && level && module && message, line);
    }
  });

  await step("a request that nobody knows is looked at, denied, aborted", async () => {
    const ask = `sign --key ${drill.key} --file README.md --members ${
      [a, b, e].map((o) => o.identity)
    }`;
    for (const verb of ["deny", "abort"] as const) {
      const sign = await a.begin(`transfunctioner ${ask}`);
      drill.ceremony = (await waiting(e)).slice(0, 8);
      const row = await drill.type(e, "transfunctioner ceremonies show 17addc87 --json");
      assert.equal(JSON.parse(row.out).state, "waiting");
      await drill.type(e, "transfunctioner ceremonies show ID", { as: { ID: drill.ceremony } });
      await drill.type(a, "transfunctioner ceremonies show 17addc87 --members", {
        says: new RegExp(e.identity.slice(0, 8)),
      });
      if (verb === "deny") await drill.type(e, "transfunctioner ceremonies deny 17addc87");
      else {
        await drill.type(
          a,
          'transfunctioner ceremonies abort 17addc87 --reason "asked by nobody"',
        );
      }
      const { code, err } = await sign.ended;
      assert.equal(code, verb === "deny" ? 3 : 1, err);
      assert.match(err, verb === "deny" ? /denied|refused/ : /asked by nobody/);
    }
    const folder = `${a.home}/transcripts`;
    // The oldest: that of the last ceremony may not have its end yet.
    const names = await Array.fromAsync(Deno.readDir(folder), (entry) => entry.name);
    const transcript = names.find((name) => name.startsWith(keygenId));
    await drill.type(a, "transfunctioner audit ~/.transfunctioner/evidence/5f0c9a1b.jsonl", {
      as: { "~/.transfunctioner/evidence/5f0c9a1b.jsonl": `${folder}/${transcript}` },
      says: /^holds: /m,
    });
    await drill.type(a, "transfunctioner bugreport --redact-hosts --out report.json");
    const report = JSON.parse(await Deno.readTextFile(`${a.folder}/report.json`));
    assert.equal(report.status.identity, a.identity);
  });

  await step("backups, and a machine that is lost", async () => {
    await drill.type(a, "transfunctioner backup /media/stick/node-a.backup");
    await drill.type(a, "transfunctioner backup --check /media/stick/node-a.backup", {
      says: new RegExp(`^${drill.key} `, "m"),
    });
    await drill.type(a, "transfunctioner backup --check FILE", {
      as: { FILE: `${drill.root}/stick/node-a.backup` },
    });
    await until("status knows of the backup", async () => {
      const status = await a.look<{ backup: { current: boolean } }>("status");
      return status?.backup.current;
    });
    await drill.type(b, "transfunctioner backup /media/stick/drill.backup");
    await b.stop();
    const own = b.home;
    b.home = `${b.folder}/spare`;
    await drill.type(
      b,
      "transfunctioner restore /media/stick/drill.backup --home /var/lib/transfunctioner/home",
    );
    await b.start("transfunctioner daemon");
    await ready(five);
    await drill.typeUntil(b, "transfunctioner doctor", /^nothing failed/m);
    await drill.type(
      a,
      `transfunctioner sign --key ${KEY} --file README.md --members $A,$B,$C`,
      { says: /^signature +/m },
    );
    await b.stop();
    b.home = own;
    await b.start("transfunctioner daemon");
  });

  await step("a node moves to another machine", async () => {
    await drill.type(f, "transfunctioner backup --move /media/stick/move.backup");
    const refused = await f.type("transfunctioner daemon", 2);
    assert.match(refused.err, /moved/);
    f.home = `${f.folder}/new`;
    await f.type(`transfunctioner restore ${drill.root}/stick/move.backup`);
    const folder = `${f.home}/${f.identity}`;
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    await Deno.writeTextFile(`${folder}/preparams.json`, sets[5]!, { mode: 0o600 });
    const page = "transfunctioner daemon --prometheus-address 127.0.0.1:45069 --status-page";
    await f.start(drill.fill(page, f, { "127.0.0.1:45069": `127.0.0.1:${pageOfF}` }));
    await ready(all);
    const status = await fetch(`http://127.0.0.1:${pageOfF}/status`);
    assert.equal(status.status, 200);
    assert.match(await status.text(), /<!doctype html>/i);
  });

  await step("rotation, and a node that is lost", async () => {
    await drill.type(a, "transfunctioner backup /media/stick/before-upgrade.backup");
    await approving(
      e,
      drill.type(
        a,
        `transfunctioner reshare --key ${KEY} --members $A,$B,$C,$D,$F --threshold 2`,
        { says: new RegExp(`^left +${e.identity}$`, "m") },
      ),
    );
    // Now F is the one that is gone, and E the new one.
    await approving(
      e,
      drill.type(
        a,
        `transfunctioner reshare --key ${KEY} --old-members $A,$B,$C,$D --members $A,$B,$C,$D,$F --threshold 2`,
        { as: { "$F": "$E" }, says: /old shares stay on/ },
      ),
    );
  });

  await step("README: three machines", async () => {
    const ids = [a, b, c].map((o) => o.identity).join(",");
    const line = "transfunctioner keygen --members ID_A,ID_B,ID_C --threshold 1 --wait 300";
    const as = { "ID_A,ID_B,ID_C": `${ids} --curve ed25519` };
    const made = await drill.type(a, line, { as });
    const KEY_ID = /^key id +([0-9a-f]{32})$/m.exec(made.out)![1]!;
    await Deno.writeTextFile(`${a.folder}/contract.pdf`, "a contract\n");
    await drill.type(a, "transfunctioner sign --key KEY_ID --file contract.pdf", {
      as: { KEY_ID },
      says: /^signature +/m,
    });
    const signers = [a, b, e].map((o) => o.identity);
    const asked = await a.begin(
      `transfunctioner sign --key ${drill.key} --file contract.pdf --members ${signers}`,
    );
    const id = (await waiting(e)).slice(0, 8);
    await drill.type(e, "transfunctioner ceremonies approve ID", { as: { " ID": ` ${id}` } });
    assert.equal((await asked.ended).code, 0);
  });

  await step("a Go node is replaced", async () => {
    const { nodes: [gone], keyId } = await makeGoHomes(drill.root);
    const g = drill.operator("G", ports.slice(12), { TRF_PRIVATE_KEY: gone!.privateKey });
    await Deno.writeTextFile(`${g.folder}/passphrase`, "5e".repeat(32) + "\n", { mode: 0o600 });
    const as = { "/var/lib/transfunctionerd": gone!.home };
    const line = "transfunctioner import-home";
    const to = "/var/lib/transfunctionerd --home /var/lib/transfunctioner/home";
    await drill.type(g, `${line} --check ${to}`, {
      as,
      says: new RegExp(`^${keyId} .*good$`, "m"),
    });
    await drill.type(g, `${line} ${to}`, { as, says: /next: unset TRF_PRIVATE_KEY/ });
    const known = g.env["TRF_PRIVATE_KEY"]!;
    delete g.env["TRF_PRIVATE_KEY"];
    await g.start("transfunctioner daemon");
    await until("the imported node runs", () => g.look("status"));
    await drill.type(g, "transfunctioner keys presign ID --count 8", {
      as: { ID: keyId },
      says: /^0 of 8 ready/m,
    });
    g.env["TRF_PRIVATE_KEY"] = known;
    await drill.type(g, `${line} ${to} --wipe-source`, { as, says: /^wiped +\d+ files/m });
  });

  await step("a first identity with the program's own defaults", async () => {
    const n = drill.operator("new", ports.slice(12), { TRF_PASSPHRASE_FILE: "" });
    n.env["TRF_KEYSTORE_PASSPHRASE"] = "a test passphrase";
    await drill.type(n, "transfunctioner init", { says: /^next: give the identity/m });
  });

  await step("from a checkout", async () => {
    const n = all[0]!;
    await n.stop();
    const shell = async (line: string, env: Record<string, string>) => {
      const child = new Deno.Command("sh", {
        args: ["-c", `exec ${line}`],
        cwd: ROOT,
        env: { ...n.env, ...env, HOME: Deno.env.get("HOME") ?? "/" },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      return await child;
    };
    const cli = drill.fill("deno task cli COMMAND", n, { COMMAND: "config check" });
    const check = await (await shell(cli, {
      TRF_HOME: `${decodeURIComponent(ROOT.pathname)}keystore`,
      TRF_PASSPHRASE_FILE: "",
    })).output();
    assert.equal(new TextDecoder().decode(check.stdout), "the settings can be used\n");
    const line = "deno run -q $(deno run -q -A main.ts permissions --flags) main.ts daemon";
    const daemon = await shell(drill.fill(line, n), { TRF_HOME: n.home });
    await until("the daemon of the checkout runs", () => n.look("status"));
    daemon.kill("SIGTERM");
    const { code, stderr } = await daemon.output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
  });

  await step("what is only named is a command line all the same", async () => {
    for (const line of MENTIONED) {
      assert(shown.has(line), `not in the documents any more: ${line}`);
      drill.typed.add(line);
      const { code, out } = await runLine(...line.split(" ").slice(1), "--help");
      assert.equal(code, 0, line);
      assert(out.includes("USAGE\n"), line);
    }
  });

  await step("nothing is left", () => {
    const scripts = [...texts].filter(([, text]) => examples(text).scripts.length > 0);
    assert.deepEqual(scripts.map(([file]) => file), ["README.md"], "bundle_test.ts runs that one");
    for (const line of Object.keys(NOT_RUN)) {
      assert(shown.has(line), `not in the documents any more: ${line}`);
    }
    const left = [...shown].filter(([line]) => !drill.typed.has(line) && !(line in NOT_RUN));
    assert.deepEqual(
      left,
      [],
      "these examples are not run: add them to tests/process/operating_test.ts",
    );
  });
});
