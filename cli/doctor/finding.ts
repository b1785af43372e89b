/**
 * What the doctor says: one finding per check, each with a verdict and what to do.
 *
 * @module
 */

/** How a check ended. `skip`: it could not be made, and the detail says why. */
export type Verdict = "ok" | "warn" | "fail" | "skip";

/** The result of one check. */
export interface Finding {
  /** Stable name for machines, for example `keystore`. */
  readonly check: string;
  /** How it ended. */
  readonly verdict: Verdict;
  /** What was found, one line. */
  readonly detail: string;
  /** What to do about it; absent where nothing is to be done. */
  readonly hint?: string;
}

/** Returns a finding. */
export function finding(check: string, verdict: Verdict, detail: string, hint?: string): Finding {
  return { check, verdict, detail, ...(hint === undefined || hint === "" ? {} : { hint }) };
}

/** Turns an error with a hint, as all of this program's have, into a finding. */
export function failure(check: string, error: unknown, verdict: Verdict = "fail"): Finding {
  const message = error instanceof Error ? error.message.split("\n")[0]! : String(error);
  const hint = (error as { hint?: unknown }).hint;
  return finding(check, verdict, message, typeof hint === "string" ? hint : undefined);
}
