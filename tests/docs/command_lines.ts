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

/** Splits a document into prose, fenced blocks and lines of indented code. */
function parts(text: string) {
  const prose: string[] = [];
  const indented: string[] = [];
  const blocks: string[][] = [];
  let fence: string[] | null = null;
  for (const line of text.split("\n")) {
    if (line.startsWith("```")) {
      if (fence !== null) blocks.push(fence);
      fence = fence === null ? [] : null;
    } else if (fence !== null) fence.push(line);
    else (line.startsWith("    ") ? indented : prose).push(line);
  }
  return { prose: prose.join("\n"), indented, blocks };
}

/** Code within sentences, each piece on one line. */
export function proseCode(text: string): string[] {
  return [...parts(text).prose.matchAll(/`([^`]+)`/g)].map(([, c]) => c!.replace(/\s+/g, " "));
}

/** Finds what a document shows to type: indented and fenced code, and code within a sentence. */
export function examples(text: string): Examples {
  const { indented, blocks } = parts(text);
  // Variables and jobs make lines belong together.
  const whole = (block: string[]) => block.some((line) => /^\w+=\$\(/.test(line));
  const single = [...indented, ...blocks.filter((b) => !whole(b)).flat(), ...proseCode(text)];
  const lines = single.flatMap((line) => {
    const found = COMMAND.exec(line.trim().replace(/\s+/g, " "));
    return found === null ? [] : [found[1]!.replace(/ # .*$/, "")];
  });
  return {
    lines: [...new Set(lines)],
    scripts: blocks.filter(whole).map((block) => block.join("\n") + "\n"),
  };
}
