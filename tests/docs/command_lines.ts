/**
 * Command lines in the documents, for the tests that read them and those that run them.
 *
 * @module
 */

/** Words of a line, quotes taken off; what follows a pipe, a redirection or a comment is left out. */
export function words(line: string): string[] {
  const own = line.replace(/\s(?:\d?[<>]|[|#&]).*$/, "").replace(/\)$/, "");
  return (own.match(/(?:"[^"]*"|'[^']*'|\S)+/g) ?? []).map((word) => word.replace(/["']/g, ""));
}

/** What a document shows people to type. */
export interface Examples {
  /** Single lines, each once, without the comment at the end, in the document's order. */
  readonly lines: readonly string[];
  /** Blocks with more than lines of their own: variables, jobs; each is a shell's whole input. */
  readonly scripts: readonly string[];
}

const COMMAND = /^(?:\$ )?((?:transfunctioner|deno (?:task|run)|npx) .+)$/;

/** Finds what a document shows to type: indented and fenced code, and code within a sentence. */
export function examples(text: string): Examples {
  const lines: string[] = [];
  const scripts: string[] = [];
  let fence: string[] | null = null;
  const take = (line: string) => {
    const found = COMMAND.exec(line.trim().replace(/\s+/g, " "));
    if (found !== null) lines.push(found[1]!.replace(/ # .*$/, ""));
  };
  const prose: string[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("```")) {
      if (fence === null) fence = [];
      else {
        const script = fence;
        // Variables and jobs make lines belong together.
        if (script.some((l) => /^\w+=\$\(/.test(l))) scripts.push(script.join("\n") + "\n");
        else script.forEach(take);
        fence = null;
      }
    } else if (fence !== null) fence.push(line);
    else if (line.startsWith("    ")) take(line);
    else prose.push(line);
  }
  for (const [, code] of prose.join("\n").matchAll(/`([^`]+)`/g)) take(code!.replace(/\s+/g, " "));
  return { lines: [...new Set(lines)], scripts };
}
