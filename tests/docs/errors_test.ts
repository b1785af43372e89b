import assert from "node:assert/strict";
import { document, sourceFiles, tableRows } from "./source_tree.ts";

/** The front part of other codes; no error carries it. */
const PREFIXES = ["TF-ADMIN"];

Deno.test("docs/ERRORS.md lists every code in the source, once, with what to do", async () => {
  const used = new Set<string>();
  for (const text of (await sourceFiles("lib", "cli")).values()) {
    for (const [code] of text.matchAll(/\bTF-[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)*\b/g)) used.add(code);
  }
  for (const prefix of PREFIXES) used.delete(prefix);
  assert(used.size > 40);
  const rows = tableRows(await document("docs/ERRORS.md"));
  const listed = rows.map(([code]) => code!);
  assert.deepEqual([...listed].sort(), [...new Set(listed)].sort(), "a code is listed twice");
  assert.deepEqual([...used].filter((code) => !listed.includes(code)), [], "not documented");
  assert.deepEqual(listed.filter((code) => !used.has(code)), [], "documented but gone");
  for (const [code, meaning, remedy] of rows) {
    assert(meaning!.length > 10 && remedy!.length >= 7, code);
  }
});
