/**
 * Prints the counts of the attack table: `deno run --allow-read tests/attacks/count.ts`. With
 * `--run` (`deno task counts`) it also runs every test that the table names, and the fault
 * injection and fuzz tests, and prints how many attacks were tried and refused, faults injected and
 * survived, and inputs fuzzed. That takes some minutes; `--no-daemons` leaves out the tests that
 * start any. Exit 1 if an attack was not refused.
 *
 * @module
 */

import { readTally } from "../support/tally.ts";
import { countStates, readTable } from "./table.ts";

/** Tests that inject faults or fuzz, beside those that the table names. */
const MORE = [
  "tests/fuzz/fuzz_test.ts",
  "tests/keystore/backup_crash_test.ts",
  "tests/keystore/crash_test.ts",
  "tests/keystore/process_test.ts",
  "tests/node/reshare_commit_test.ts",
  "tests/process/chaos_test.ts",
];

/** Tests that start daemons. */
const DAEMONS = /^tests\/(process\/|attacks\/(daemon_|secrets_)|ceremony\/workers_)/;

const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
const rows = readTable();
const add = (title: string, { tested, partly, open }: ReturnType<typeof countStates>) => {
  const all = tested + partly + open;
  const numbers = [all, tested, partly, open].map((n) => String(n).padStart(6)).join(" ");
  print(`${title.padEnd(58)} ${numbers}`);
};
print(`${"".padEnd(58)}   rows tested partly   open`);
for (const section of new Set(rows.map((row) => row.section))) {
  add(section, countStates(rows.filter((row) => row.section === section)));
}
add("all", countStates(rows));
const tests = new Map(rows.flatMap((row) => row.tests.map((t) => [`${t.file} › ${t.name}`, t])));
print(`${tests.size} different tests are named`);
if (Deno.args.includes("--run")) Deno.exit(await runAll());

/** Runs the tests and prints the sums; returns the exit code. */
async function runAll(): Promise<number> {
  const folder = await Deno.makeTempDir();
  const tally = `${folder}/tally`;
  const report = `${folder}/report.xml`;
  await Deno.writeTextFile(tally, "");
  const left = Deno.args.includes("--no-daemons") ? DAEMONS : /^$/;
  const chosen = [...tests.values()].filter((t) => !left.test(t.file));
  const more = MORE.filter((file) => !left.test(file));
  const files = [...new Set([...chosen.map((t) => t.file), ...more])].sort();
  print(`running ${files.length} files of tests …`);
  try {
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-q", "-A", "--frozen", `--junit-path=${report}`, ...files],
      env: { TF_TALLY: tally },
      stdout: "null",
      stderr: "null",
    }).output();
    const results = resultsOf(await Deno.readTextFile(report));
    let tried = 0;
    let refused = 0;
    for (const { file, name } of chosen) {
      const pattern = patternOf(name);
      const found = results.filter((r) => r.file.endsWith(file) && pattern.test(r.name));
      if (found.length === 0) print(`not run: ${file} › ${name}`);
      tried += Math.max(1, found.length);
      refused += found.filter((r) => r.passed).length;
      for (const r of found.filter((r) => !r.passed)) print(`FAILED: ${file} › ${r.name}`);
    }
    const sums = readTally(tally);
    const sum = (what: string) => (sums.get(what) ?? 0).toLocaleString("en");
    print(`attacks tried ${tried}, refused or survived ${refused}`);
    print(`faults injected ${sum("faults injected")}, survived ${sum("faults survived")}`);
    print(`inputs fuzzed ${sum("inputs fuzzed")}`);
    return code === 0 && tried === refused ? 0 : 1;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

interface Result {
  readonly file: string;
  readonly name: string;
  readonly passed: boolean;
}

/** Reads the report: one `testcase` for each test and each step. */
function resultsOf(xml: string): Result[] {
  const text = (s: string) =>
    s.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&quot;/g, '"').replace(/&apos;/g, "'")
      .replace(/&#(\d+);/g, (_, n) => String.fromCharCode(Number(n))).replace(/&amp;/g, "&");
  const cases = xml.matchAll(/<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g);
  return [...cases].map(([, attributes = "", body = ""]) => {
    const get = (name: string) =>
      text(new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? "");
    const file = (get("classname") || get("file")).replace(/^\.\//, "").replace(/^file:\/\//, "");
    return { file, name: get("name"), passed: !/<(failure|error|skipped)/.test(body) };
  });
}

/** Names in the table are as in the source: `${…}` stands for anything. */
function patternOf(name: string): RegExp {
  const parts = name.split(/\$\{[^}]*\}/);
  const quoted = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${quoted.join("[\\s\\S]*")}$`);
}
