/**
 * Prints the counts of the attack table: `deno run --allow-read tests/attacks/count.ts`.
 *
 * @module
 */

import { countStates, readTable } from "./table.ts";

const rows = readTable();
const lines: string[] = [];
const add = (title: string, { tested, partly, open }: ReturnType<typeof countStates>) => {
  const all = tested + partly + open;
  const numbers = [all, tested, partly, open].map((n) => String(n).padStart(6)).join(" ");
  lines.push(`${title.padEnd(58)} ${numbers}`);
};
lines.push(`${"".padEnd(58)}   rows tested partly   open`);
for (const section of new Set(rows.map((row) => row.section))) {
  add(section, countStates(rows.filter((row) => row.section === section)));
}
add("all", countStates(rows));
const tests = new Set(rows.flatMap((row) => row.tests.map((t) => `${t.file} › ${t.name}`)));
lines.push(`${tests.size} different tests are named`);
await Deno.stdout.write(new TextEncoder().encode(lines.join("\n") + "\n"));
