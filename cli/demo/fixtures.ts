/**
 * Ready-made pre-parameters for demonstrations and tests. They are public: never for a real key.
 *
 * @module
 */

const FIXTURES = new URL("../../testdata/preparams.json", import.meta.url);

/**
 * Returns the sets of testdata as JSON texts in the Go service's form. The text is cut, not read:
 * its numbers are too long for JSON.parse.
 */
export async function fixtureSets(): Promise<string[]> {
  const text = await Deno.readTextFile(FIXTURES);
  const sets: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "{" && depth++ === 0) start = i;
    if (text[i] === "}" && --depth === 0) sets.push(text.slice(start, i + 1));
  }
  return sets;
}
