/** What somebody gets who is tired: wrong words, options and files, and no daemon. */
import assert from "node:assert/strict";
import { lineGrants } from "../../cli/command_grants.ts";
import { readEnvironment } from "../../cli/environment.ts";
import { COMMANDS } from "../../cli/registry.ts";
import { fakeTerminal, runLine, runLineWith } from "./fake_terminal.ts";

const KEY = "2beb1c80ee511d03ad19e25b99b756d7";

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "transfunctioner-test-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a mistake is told in two lines, with exit 2 and the same words in every command", async () => {
  const id = "[0-9a-f…]+";
  for (
    const [line, message, hint] of [
      ["log shwo", 'log: unknown word "shwo"', "did you mean show\\? known: show, verify"],
      ["completions fihs", 'completions: unknown word "fihs"', "did you mean fish\\? known: .*"],
      ["peers unbann x", 'peers: unknown word "unbann"', "did you mean unban\\? known: .*"],
      ["peers --graph pdf", 'peers --graph: unknown word "pdf"', ".*known: text, dot, svg"],
      ["ceremonies dney x", 'ceremonies: unknown word "dney"', "did you mean deny\\? known: .*"],
      ["ceremonies aprove --watch", 'ceremonies: unknown word "aprove"', "did you mean approve.*"],
      ["help sgin", 'unknown command "sgin"', "did you mean sign\\? run .*"],
      // Options of another word would be left unheeded.
      [
        `keys limit ${KEY} --per-hour 5 --requester ${"a".repeat(40)}`,
        "--requester goes with keys allow",
        "",
      ],
      [`keys show ${KEY} --off`, "--off goes with keys presign", ""],
      ["keys --count 8", "--count goes with keys presign", ""],
      [
        "ceremonies approve 17 --reason x",
        "--reason goes with ceremonies deny and ceremonies abort",
        "",
      ],
      ["peers ban x --for 12", '--for: "12" is not a time', "write it as 30m, 12h, 7d"],
      ["peers unban x --for 12h", "--for goes with peers ban", ""],
      ["log verify --last 3", "--last goes with log show", ""],
      // A second value would take the place of the first.
      ["daemon --connect a:1 --connect b:1", "--connect is given twice", "write .* commas .*"],
      [`sign --key ${KEY} -k ${KEY}`, "--key is given twice", ""],
      // Which key.
      ["keys show", "keys show: the key id is missing", "`transfunctioner keys` lists the key ids"],
      ["keys allow --requester any", "keys allow: the key id is missing", ".*"],
      ["keys settle x --commit", `keys settle: "x" is not a key id, 32 hex digits`, ".*"],
      [
        `keys limit --key ${KEY} ${"a".repeat(32)}`,
        `keys limit: two keys are named, ${id} and ${id}`,
        "",
      ],
      [
        "ceremonies show",
        "ceremonies show: the ceremony id is missing",
        "`transfunctioner ceremonies` .*",
      ],
      [`keys presign ${KEY} --count 65`, '--count: "65" is not a whole number from 0 to 64', ""],
      ["status --every 3", "--every goes with --watch", ""],
      ["audit", "audit: the file is missing", "give the path of a transcript"],
      ["backup", "backup: the file is missing", "name the file to write"],
      ["restore", "restore: the file is missing", "name the backup"],
      ["import-home", "import-home: the directory is missing", "give the Go node's TRF_HOME"],
    ] as const
  ) {
    const { code, out, err } = await runLine(...line.split(" "));
    assert.equal(code, 2, line);
    assert.equal(out, "", line);
    const wanted = hint === "" ? "run `transfunctioner \\S+ --help`" : hint;
    assert.match(err, new RegExp(`^error: ${message}\\nhint: ${wanted}\\n$`), line);
  }
});

Deno.test("a file that is not there is told before any secret is asked for", async () => {
  await inFolder(async (folder) => {
    const none = `${folder}/none`;
    const bytes = `${folder}/bytes`;
    await Deno.writeFile(bytes, Uint8Array.of(0xff, 0xfe));
    for (
      const [line, what] of [
        [["audit", none], "no such file or directory"],
        [["audit", folder], "it is a directory"],
        [["audit", bytes], "it is no text"],
        [["backup", "--check", none], "no such file or directory"],
        [["backup", "--check", folder], "it is no file"],
        [["restore", none], "no such file or directory"],
        [["import-home", none], "no such file or directory"],
        [["sign", "--key", KEY, "--file", none], "no such file or directory"],
        [["init", "--passphrase-file", none], "no such file or directory"],
        [["bugreport", "--log", none], "no such file or directory"],
      ] as const
    ) {
      const { code, err } = await runLine(...line, "--home", `${folder}/home`)
        .then((said) => said.err.includes("unknown option --home") ? runLine(...line) : said);
      assert.equal(code, 2, `${line}: ${err}`);
      assert.match(err, new RegExp(`^error: cannot read .*: ${what}\\nhint: .+\\n$`), `${line}`);
    }
  });
});

Deno.test("with --json a mistake is one object with a code, a message and a hint", async () => {
  for (const line of ["log shwo", "keys show", "peers --for 1h", "stauts", "status --home /none"]) {
    const { code, out } = await runLine(...line.split(" "), "--json");
    assert.equal(code, 2, line);
    const { schema, error } = JSON.parse(out);
    assert.equal(schema, "transfunctioner/error/1");
    assert.match(error.code, /^TF-[A-Z-]+$/);
    assert(error.message.length > 0 && error.hint.length > 0, line);
  }
});

Deno.test("every command that asks the daemon says that there is none, or no home", async () => {
  await inFolder(async (folder) => {
    const lines = [
      "status",
      "status --watch",
      "peers",
      "peers add a.example:1",
      "keys",
      `keys presign ${KEY} --off`,
      "ceremonies",
      "ceremonies --watch",
      "ceremonies abort 17addc87",
    ];
    for (const line of lines) {
      const { code, err } = await runLine(...line.split(" "), "--home", folder);
      assert.equal(code, 2, line);
      assert.match(
        err,
        /^error: there is no admin key at .*\nhint: run transfunctioner init, .*\n$/,
      );
    }
  });
});

Deno.test("the help of every word is the command's, which names each, in lines that fit", async () => {
  for (const { name, load } of COMMANDS) {
    const { verbs = [], about = "" } = await load();
    const { out } = await runLine(name, "--help");
    for (const line of about.split("\n")) assert(line.length <= 100, `${name}: ${line}`);
    for (const verb of verbs) {
      assert.match(out, new RegExp(`\\b${verb}\\b`));
      assert.deepEqual(await runLine(name, verb, "--help"), { code: 0, out, err: "" });
    }
  }
});

Deno.test("lineGrants() lets a command read the passphrase file of the variable", async () => {
  const variables: Record<string, string> = { TRF_PASSPHRASE_FILE: "/etc/passphrase" };
  const grants = async (...words: string[]) =>
    (await lineGrants(words, fakeTerminal(false, variables)))
      .map((g) => `${g.permission} ${g.scope}`);
  for (const line of [["backup", "/b"], ["restore", "/b"], ["init"], ["import-home", "/go"]]) {
    assert((await grants(...line, "--home", "/h")).includes("read /etc/passphrase"), line[0]);
  }
  assert(!(await grants("status", "--home", "/h")).includes("read /etc/passphrase"));
  // A Go node's key beside the new keystore's passphrase.
  variables["TRF_PRIVATE_KEY"] = "5e".repeat(32);
  assert((await grants("import-home", "/go", "--home", "/h")).includes("read /go"));
  await assert.rejects(grants("status", "--home", "/h"), /both TRF_PRIVATE_KEY and a passphrase/);
});

Deno.test("readEnvironment() has names that the launcher lists where it cannot list them", async () => {
  const code = `import { readEnvironment } from ${
    JSON.stringify(new URL("../../cli/environment.ts", import.meta.url).href)
  }; Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(readEnvironment())));`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, code);
    const read = async (...flags: string[]) => {
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-q",
          "--no-prompt",
          "--config",
          new URL("../../deno.json", import.meta.url).pathname,
          ...flags,
          file,
        ],
        env: { TRF_HOME: "/h", TRF_HOEM: "/x", TRF_VARIABLE_NAMES: "TRF_HOME TRF_HOEM " },
        stdin: "null",
      }).output();
      assert.equal(new TextDecoder().decode(stderr), "");
      return JSON.parse(new TextDecoder().decode(stdout));
    };
    const listed = await read("--allow-env=TRF_*");
    assert.deepEqual([listed.TRF_HOME, listed.TRF_HOEM], ["/h", ""]);
    assert(!("TRF_VARIABLE_NAMES" in listed));
    assert(!("TRF_VARIABLE_NAMES" in await read("--allow-env")));
  } finally {
    await Deno.remove(file);
  }
  assert(!("TRF_VARIABLE_NAMES" in readEnvironment()));
});

Deno.test("permissions --flags warns of a mistyped variable, which the daemon cannot see", async () => {
  const variables = { TRF_CONECT: "a.example.com:1" };
  const line = ["permissions", "--flags", "--home", "/h"];
  const { code, out, err } = await runLineWith(variables, ...line);
  assert.equal(code, 0);
  assert(!out.includes("warning"));
  assert.match(
    err,
    /^warning: TRF_CONECT is not a variable of this program; is it TRF_CONNECT\?$/m,
  );
});
