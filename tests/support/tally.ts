/**
 * Counts what tests try, for `deno task counts`: each line of the file named by TF_TALLY is a kind
 * and a number. Without that variable nothing is written.
 *
 * @module
 */

/** What is counted. */
export type Tallied = "faults injected" | "faults survived" | "inputs fuzzed";

/** Adds to a count. */
export function tally(what: Tallied, n = 1): void {
  const file = Deno.env.get("TF_TALLY");
  if (file === undefined || n === 0) return;
  Deno.writeTextFileSync(file, `${n} ${what}\n`, { append: true });
}

/** Sums a file up. */
export function readTally(file: string): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const line of Deno.readTextFileSync(file).split("\n")) {
    const match = /^(\d+) (.+)$/.exec(line);
    if (match !== null) sums.set(match[2]!, (sums.get(match[2]!) ?? 0) + Number(match[1]));
  }
  return sums;
}
