/**
 * The project's own source as data, for tests that compare it with the documents.
 *
 * @module
 */

/** The top of the checkout. */
export const ROOT = new URL("../../", import.meta.url);

/** Texts of all TypeScript files below some folders, by path from the top. */
export async function sourceFiles(...folders: readonly string[]): Promise<Map<string, string>> {
  const out = new Map<string, string>();
  const visit = async (path: string): Promise<void> => {
    for await (const entry of Deno.readDir(new URL(path, ROOT))) {
      if (entry.isDirectory) await visit(`${path}${entry.name}/`);
      else if (entry.name.endsWith(".ts")) {
        out.set(path + entry.name, await Deno.readTextFile(new URL(path + entry.name, ROOT)));
      }
    }
  };
  for (const folder of folders) await visit(`${folder}/`);
  return out;
}

/** Reads a file of the checkout. */
export function document(path: string): Promise<string> {
  return Deno.readTextFile(new URL(path, ROOT));
}

/** Cells of the rows of all tables in a Markdown text, heads left out. */
export function tableRows(text: string): string[][] {
  return text.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| ---"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()))
    .filter(([first]) => first !== "code" && first !== "room");
}
