/**
 * Command lines in the documents and in the program's own advice, read as the program would read
 * them. `tests/process/operating_test.ts` runs those of the documents.
 */
import assert from "node:assert/strict";
import { readLine } from "../../cli/command.ts";
import { COMMANDS } from "../../cli/registry.ts";
import { fakeTerminal } from "../cli/fake_terminal.ts";
import { examples, proseCode, words } from "./command_lines.ts";
import { document, sourceFiles } from "./source_tree.ts";

/** Reads a line as the program would, and checks its word. */
async function take(line: string, where: string): Promise<void> {
  // Placeholders of the explanations: a command in capitals, options in general, a version.
  if (/^(COMMAND|--|…|status\||0\.1\.0)/.test(line)) return;
  const [name, ...rest] = words(line);
  const entry = COMMANDS.find((c) => c.name === name);
  assert(entry, `${where}: ${line}`);
  const command = await entry.load();
  const { words: said, on } = readLine(command, rest, fakeTerminal());
  if (said.length === 0 || command.verbs === undefined || on.has("graph")) return;
  assert(command.verbs.includes(said[0]!), `${where}: ${line}`);
}

const OWN = /^(?:transfunctioner|deno task cli) /;

for (const [file, least] of [["docs/OPERATING.md", 40], ["README.md", 8]] as const) {
  Deno.test(`every command line in ${file} is one that the program takes`, async () => {
    const lines = examples(await document(file)).lines.filter((line) => OWN.test(line));
    assert(lines.length >= least, `only ${lines.length} found`);
    for (const line of lines) await take(line.replace(OWN, ""), file);
  });
}

Deno.test("what the documents say of a command without its first word is taken, too", async () => {
  let count = 0;
  for (const file of ["README.md", "docs/OPERATING.md"]) {
    for (const line of proseCode(await document(file))) {
      if (!COMMANDS.some((c) => line.startsWith(`${c.name} `))) continue;
      await take(line, file);
      count++;
    }
  }
  assert(count >= 6, `only ${count} found`);
});

Deno.test("every command line in an error's advice is one that the program takes", async () => {
  let count = 0;
  for (const [file, text] of await sourceFiles("lib", "cli")) {
    for (const [, line] of text.matchAll(/\\?`transfunctioner ([^`\\$]+)\\?`/g)) {
      await take(line!.replace(/\s+(?:\*\s+)?/g, " "), file);
      count++;
    }
  }
  assert(count >= 40, `only ${count} found`);
});
