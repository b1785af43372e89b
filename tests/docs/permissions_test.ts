/** The table of permissions in docs/SECURITY.md against what a daemon is really given. */
import assert from "node:assert/strict";
import { loadConfig } from "../../lib/node/config.ts";
import { daemonGrants, WITHHELD } from "../../lib/node/permissions.ts";
import { document } from "./source_tree.ts";

/** How each permission is made use of. */
const USES: Readonly<Record<string, RegExp>> = {
  read: /Deno\.(readFile|readTextFile|open|lstat)\(/,
  write: /Deno\.(open|rename|remove|mkdir)\(/,
  env: /Deno\.env\.get\(/,
  net: /Deno\.(listen|connect|serve|resolveDns)\(/,
};

function section(text: string): string {
  const from = text.indexOf("\n## Permissions\n");
  return text.slice(from, text.indexOf("\n## ", from + 5));
}

/** The rows that belong into the document. */
async function expected(text: string): Promise<string[][]> {
  const env = Object.fromEntries(
    [...text.matchAll(/^(TRF_[A-Z_]+)=(.+)$/gm)].map(([, name, value]) => [name!, value!]),
  );
  assert(Object.keys(env).length >= 6);
  const grants = daemonGrants(await loadConfig({ flags: {}, env }));
  return [
    ...grants.map((g) => [
      g.permission,
      `\`${g.scope}\``,
      g.why,
      `\`${g.code}\``,
      g.until === "start" ? "given up after the start" : "the end",
    ]),
    ...WITHHELD.map((w) => [w.permission, "none", w.why, "-", "-"]),
  ];
}

Deno.test("docs/SECURITY.md lists each permission of a daemon with the code that needs it", async () => {
  const text = section(await document("docs/SECURITY.md"));
  const wanted = await expected(text);
  const rows = text.split("\n").filter((line) =>
    /^\| (read|write|env|net|run|ffi|sys|import|workers) /.test(line)
  )
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  assert.deepEqual(rows, wanted);
});

Deno.test("the code that a permission is for makes use of it", async () => {
  for (
    const [permission, , , code] of await expected(section(await document("docs/SECURITY.md")))
  ) {
    if (code === "-") continue;
    const path = code!.replaceAll("`", "");
    const file = await document(path);
    assert.match(file, USES[permission!]!, `${permission}: ${path}`);
  }
});
