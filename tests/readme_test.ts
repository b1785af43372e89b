import assert from "node:assert/strict";
import { COMMANDS } from "../cli/registry.ts";
import { EXIT } from "../cli/exit.ts";
import { CONFIG_OPTIONS } from "../lib/node/config.ts";

const README = new URL("../README.md", import.meta.url);

/** One row per command, as the README must have them. */
function commandRows(): string[] {
  return COMMANDS.map((c) => `| \`${c.name}\` | ${c.summary} |`);
}

/** One row per setting, as the README must have them. */
function settingRows(): string[] {
  return CONFIG_OPTIONS.map((o) => {
    const option = o.flag === null
      ? ""
      : `\`--${o.flag}${o.placeholder === "" ? "" : ` ${o.placeholder}`}\``;
    const fallback = o.default === "" ? "" : `\`${o.default}\``;
    const cells = [`\`${o.variable}\``, option, fallback, o.help];
    return `| ${cells.join(" | ")} |`.replace(/ +/g, " ");
  });
}

/** The rows of the table that begins with `first`; the formatter pads cells with spaces. */
function tableWith(text: string, first: string): string[] {
  const lines = text.split("\n").map((line) => line.replace(/ +/g, " "));
  const at = lines.indexOf(first);
  assert.notEqual(at, -1, `the README has no row ${first}`);
  const end = lines.findIndex((line, i) => i > at && !line.startsWith("|"));
  return lines.slice(at, end);
}

// `deno run -A tests/readme_test.ts --write` fills the tables in.
if (import.meta.main && Deno.args.includes("--write")) {
  let text = await Deno.readTextFile(README);
  const fill = (header: string, rows: string[]) => {
    const lines = text.split("\n");
    const at = lines.findIndex((l) => l.replace(/ +/g, " ").startsWith(header)) + 2;
    const end = lines.findIndex((line, i) => i >= at && line === "");
    lines.splice(at, end - at, ...rows);
    text = lines.join("\n");
  };
  fill("| command |", commandRows());
  fill("| variable |", settingRows());
  await Deno.writeTextFile(README, text);
} else {
  Deno.test("README lists every command", async () => {
    const rows = commandRows();
    assert.deepEqual(tableWith(await Deno.readTextFile(README), rows[0]!), rows);
  });

  Deno.test("README lists every setting", async () => {
    const rows = settingRows();
    assert.deepEqual(tableWith(await Deno.readTextFile(README), rows[0]!), rows);
  });

  Deno.test("README lists every exit code", async () => {
    const text = await Deno.readTextFile(README);
    for (const code of Object.values(EXIT)) {
      assert.match(text, new RegExp(`^\\| ${code} +\\| `, "m"));
    }
  });
}
