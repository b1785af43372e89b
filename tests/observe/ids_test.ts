/**
 * Lines about ceremonies name the ceremony, lines about admin requests the request: read from the
 * source, as most of them are about what goes wrong.
 */
import assert from "node:assert/strict";
import { sourceFiles } from "../docs/source_tree.ts";

/** A call of a logger in the source. */
interface Call {
  readonly file: string;
  readonly logger: string;
  readonly text: string;
}

/** All calls of loggers in some files: from the logger's name to the closing bracket. */
function callsIn(file: string, source: string): Call[] {
  const calls: Call[] = [];
  for (const found of source.matchAll(/([\w.#]*(?:log|quiet))\.(?:debug|info|warn|error)\(/gi)) {
    let depth = 0;
    let end = found.index + found[0].length - 1;
    do {
      if (source[end] === "(") depth++;
      if (source[end] === ")") depth--;
      end++;
    } while (depth > 0);
    calls.push({ file, logger: found[1]!, text: source.slice(found.index, end) });
  }
  return calls;
}

const files = await sourceFiles("lib");
const calls = [...files].flatMap(([file, source]) => callsIn(file, source));

/** Loggers that carry the ceremony themselves, by file. */
const CARRYING: Readonly<Record<string, readonly string[]>> = {
  "lib/ceremony/run.ts": ["host.log", "this.#host.log"],
  "lib/ceremony/engine.ts": ["log"],
};
/** Lines of those rooms that are about no single ceremony. */
const GENERAL = ["busy listener failed"];
/** Where lines are about ceremonies whatever they say. */
const ROOMS = /^lib\/(ceremony\/(run|engine)|node\/(desk|dispatch|reshare_\w+|restarts))\.ts$/;

Deno.test("every line about a ceremony has the field ceremony", () => {
  const about = calls.filter(({ file, text }) =>
    ROOMS.test(file) || /["`][^"`]*\b(ceremony|round message)\b/.test(text)
  );
  assert(about.length > 20, `only ${about.length} found`);
  for (const { file, logger, text } of about) {
    if (GENERAL.some((line) => text.includes(line))) continue;
    const carried = CARRYING[file]?.includes(logger) ?? false;
    // `fields` are objects made a few lines above, with the ceremony in them.
    assert(
      carried || /\bceremony\b\s*[,:}]|\.\.\.fields|, fields\)/.test(text),
      `${file}: ${text}`,
    );
  }
  // What carries does carry.
  assert.match(files.get("lib/ceremony/engine.ts")!, /child\("", \{ ceremony: id, kind/);
  for (const [file, source] of files) {
    for (const [, fields] of source.matchAll(/const fields = (\{[^}]*\})/g)) {
      if (/[/]node[/](desk|reshare_)/.test(file)) assert.match(fields!, /\bceremony\b/, file);
    }
  }
});

Deno.test("every line about an admin request has the field request", () => {
  const about = calls.filter(({ text }) => /["`][^"`]*\badmin request\b/.test(text));
  for (const { file, text } of about) assert.match(text, /\brequest\b\s*[,:]/, `${file}: ${text}`);
  const answer = files.get("lib/node/admin/answer.ts")!;
  assert.match(answer, /child\("", \{ request: call\.request, method \}\)/);
  assert.equal(
    [...answer.matchAll(/\blog\.\w+\(/g)].length,
    1,
    "all other lines go through `lines`",
  );
});
