/**
 * Errors that a daemon explains to the person who asked.
 *
 * @module
 */

/** A request that was not carried out, with what to do about it. */
export class NodeError extends Error {
  override readonly name = "NodeError";

  /**
   * @param code stable, for machines (`docs/ERRORS.md`).
   * @param message one line that says what is wrong.
   * @param options `hint`: what to do; `exit`: the exit code of a command that meets this error.
   */
  constructor(readonly code: string, message: string, options: {
    readonly hint?: string;
    readonly exit?: 1 | 2 | 3 | 4;
    readonly culprits?: readonly string[];
  } = {}) {
    super(message);
    this.hint = options.hint;
    this.exit = options.exit ?? 1;
    this.culprits = options.culprits ?? [];
  }

  /** What to do about it. */
  readonly hint: string | undefined;
  /** 1 failed, 2 usage, 3 refused, 4 timed out. */
  readonly exit: 1 | 2 | 3 | 4;
  /** Identities that are to blame or were silent. */
  readonly culprits: readonly string[];
}

/** A request that makes no sense as asked. */
export function badRequest(message: string, hint?: string): NodeError {
  return new NodeError("TF-REQUEST", message, { exit: 2, ...(hint === undefined ? {} : { hint }) });
}
