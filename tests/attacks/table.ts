/**
 * Reads the attack table of `docs/SECURITY.md` and the names of all tests in the tree.
 *
 * @module
 */

const ROOT = new URL("../../", import.meta.url);

/** A row of the table. */
export interface Row {
  readonly section: string;
  readonly id: string;
  readonly state: string;
  readonly what: string;
  readonly does: string;
  /** Tests as `file` and `name`; the name is written as in the source. */
  readonly tests: readonly { readonly file: string; readonly name: string }[];
}

/** All rows of the document, in order. */
export function readTable(): Row[] {
  const rows: Row[] = [];
  let section = "";
  for (const line of Deno.readTextFileSync(new URL("docs/SECURITY.md", ROOT)).split("\n")) {
    if (line.startsWith("## ")) section = line.slice(3);
    // The table of permissions is another one.
    if (section === "Permissions" || !line.startsWith("| ")) continue;
    const cells = line.slice(1, line.lastIndexOf("|")).split("|").map((cell) => cell.trim());
    const [id, state, what, does, shown] = cells;
    if (cells.length !== 5) throw new Error(`A row with ${cells.length} cells: ${line}`);
    if (id === "id" || /^-+$/.test(id!)) continue;
    const tests = shown === "" ? [] : shown!.split("<br>").map((text) => {
      const match = /^`([^`]+)` › `([^`]+)`$/.exec(text);
      if (match === null) throw new Error(`${id}: not a test: ${text}`);
      return { file: match[1]!, name: match[2]! };
    });
    rows.push({ section, id: id!, state: state!, what: what!, does: does!, tests });
  }
  return rows;
}

const NAME =
  /\bDeno\.test(?:\.\w+)?\(\s*(?:\{\s*name:\s*)?(?:"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/g;

/** The names of the tests in a file, templates as they are written. */
export function testNames(file: string): Set<string> {
  const source = Deno.readTextFileSync(new URL(file, ROOT));
  return new Set(
    [...source.matchAll(NAME)].map((m) => (m[1] ?? m[2]!).replace(/\\(["`\\])/g, "$1")),
  );
}

/** Rows per state, of a part of the table. */
export function countStates(rows: readonly Row[]): Record<"tested" | "partly" | "open", number> {
  const count = (state: string) => rows.filter((row) => row.state === state).length;
  return { tested: count("tested"), partly: count("partly"), open: count("open") };
}
