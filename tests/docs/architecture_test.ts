import assert from "node:assert/strict";
import { document, sourceFiles, tableRows } from "./source_tree.ts";

/** The room that a file is in; null for the files beside the rooms. */
function roomOf(path: string): string | null {
  const [top, room, rest] = path.split("/");
  if (top === "cli") return "cli";
  return rest === undefined ? null : room!;
}

/** Which room imports which, read from the source. */
async function edges(): Promise<Map<string, Set<string>>> {
  const out = new Map<string, Set<string>>();
  for (const [path, text] of await sourceFiles("lib", "cli")) {
    const from = roomOf(path);
    if (from === null) continue;
    if (!out.has(from)) out.set(from, new Set());
    for (const [, target] of text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)) {
      const file = new URL(target!, `file:///${path}`).pathname.slice(1);
      const to = /^(lib|cli)\//.test(file) ? roomOf(file) : null;
      if (to !== null && to !== from) out.get(from)!.add(to);
    }
  }
  return out;
}

Deno.test("docs/ARCHITECTURE.md says which room imports which, and all point downwards", async () => {
  const rows = tableRows(await document("docs/ARCHITECTURE.md"));
  const order = rows.map(([room]) => room!);
  const real = await edges();
  assert.deepEqual([...order].sort(), [...real.keys()].sort());
  for (const [room, , imports] of rows) {
    const written = imports === "nothing" ? [] : imports!.split(", ");
    assert.deepEqual([...written].sort(), [...real.get(room!)!].sort(), room);
    for (const other of real.get(room!)!) {
      assert(order.indexOf(other) > order.indexOf(room!), `${room} imports ${other}, above it`);
    }
  }
});

Deno.test("only node, cli and the file layer touch Deno's functions", async () => {
  // Error classes, type names and the name of the printing hook are no access to anything.
  const use = /\bDeno\.(?!errors\b|customInspect\b|[A-Z])\w+/;
  // Beside the file layer only the log has a door of its own: standard error.
  const allowed = ["lib/keystore/files.ts", "lib/observe/log.ts"];
  const strangers: string[] = [];
  for (const [path, text] of await sourceFiles("lib")) {
    if (path.startsWith("lib/node/") || allowed.includes(path)) continue;
    const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    if (use.test(code)) strangers.push(`${path}: ${use.exec(code)![0]}`);
  }
  assert.deepEqual(strangers, []);
});
