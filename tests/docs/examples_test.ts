/** Command lines in the documents, read as the program would read them. */
import assert from "node:assert/strict";
import { readLine } from "../../cli/command.ts";
import { COMMANDS } from "../../cli/registry.ts";
import { fakeTerminal } from "../cli/fake_terminal.ts";
import { document } from "./source_tree.ts";

/** Words of a line, quotes taken off; what follows a pipe, a redirection or a comment is left out. */
function words(line: string): string[] {
  const own = line.replace(/\s(?:\d?[<>]|[|#&]).*$/, "").replace(/\)$/, "");
  return (own.match(/(?:"[^"]*"|'[^']*'|\S)+/g) ?? []).map((word) => word.replace(/["']/g, ""));
}

/** Lines of indented and fenced code that call the program, by its name or as `deno task cli`. */
function calls(text: string): string[] {
  const code: string[] = [];
  let fenced = false;
  for (const line of text.split("\n")) {
    if (line.startsWith("```")) fenced = !fenced;
    else if (fenced || line.startsWith("    ")) code.push(line.trim());
  }
  const inline = [...text.matchAll(/`(transfunctioner [^`]+)`/g)].map(([, call]) => call!);
  return [...code, ...inline].flatMap((line) => {
    const found = /^(?:\$ )?(?:transfunctioner|deno task cli) (.+)$/.exec(
      line.replace(/\s+/g, " "),
    );
    return found === null ? [] : [found[1]!];
  });
}

for (const [file, least] of [["docs/OPERATING.md", 25], ["README.md", 5]] as const) {
  Deno.test(`every command line in ${file} is one that the program takes`, async () => {
    const lines = calls(await document(file));
    assert(lines.length >= least, `only ${lines.length} found`);
    for (const line of lines) {
      // Placeholders of the explanations: a command in capitals, options in general.
      if (/^(COMMAND|--)/.test(line)) continue;
      const [name, ...rest] = words(line);
      const entry = COMMANDS.find((c) => c.name === name);
      assert(entry, `${file}: ${line}`);
      const command = await entry.load();
      const { words: said } = readLine(command, rest, fakeTerminal());
      if (said.length > 0 && command.verbs !== undefined) {
        assert(command.verbs.includes(said[0]!), `${file}: ${line}`);
      }
    }
  });
}
