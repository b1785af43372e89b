/**
 * What the build wrote into the program about itself.
 *
 * `cli/build` puts it in front of the bundle, as one property of the global object under a
 * registered symbol. In a source tree there is none.
 *
 * @module
 */

/** Facts about a built program. */
export interface BuildInfo {
  /** Commit of the source tree; ends in `-changed` if that had changes that were not committed. */
  readonly commit: string;
  /** Name, version and integrity (as in deno.lock) of every package in the program. */
  readonly dependencies: Readonly<Record<string, string>>;
  /** SHA-256 of the program's text without these facts. */
  readonly program: string;
  /** How it was packed: `bundle` or `compile`. */
  readonly form: string;
}

/** Where the build puts the facts. */
export const BUILD_INFO = Symbol.for("transfunctioner.build");

/** Returns the facts, null when the program runs from its source tree. */
export function buildInfo(): BuildInfo | null {
  return (globalThis as { [BUILD_INFO]?: BuildInfo })[BUILD_INFO] ?? null;
}
