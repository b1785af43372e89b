/**
 * What a wrong setting gets.
 *
 * @module
 */

/** A setting that cannot be used. The node does not start. */
export class ConfigError extends Error {
  /** Class name. */
  override readonly name = "ConfigError";
  /** Stable code for machines. */
  readonly code = "TF-CONFIG";
  /** Exit code: wrong usage. */
  readonly exit = 2;
  /** What to write instead, without a full stop. */
  readonly hint: string;

  /** `message` is one line that names the setting, where it was given and what is wrong. */
  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** A value that breaks its rule; {@link ConfigError} adds the setting's name. */
export class ValueError extends Error {
  /** Class name. */
  override readonly name = "ValueError";
  /** What to write instead. */
  readonly hint: string;

  /** `rule` continues the sentence `TRF_X: …`; it never repeats a secret. */
  constructor(rule: string, hint: string) {
    super(rule);
    this.hint = hint;
  }
}

/** Returns the candidate nearest to a mistyped word, if any is near. */
export function nearestName(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 4)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word, candidate, bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/**
 * Edit distance in which two neighbours that changed places, the commonest slip, count once;
 * anything at or above `limit` counts as `limit`.
 */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit || a.length > 256) return limit;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  let before = row;
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? before[j - 2]! + 1 : limit;
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, change, swap));
    }
    [before, row] = [row, next];
  }
  return Math.min(row[b.length]!, limit);
}
