/**
 * The one way in which a protocol run fails.
 *
 * @module
 */

/** What names a failed protocol run: who is to blame is always by party index. */
export interface ProtocolFailure {
  /**
   * Curve and protocol: `ecdsa-keygen`, `eddsa-signing`, … As in the Go library, but for
   * `ecdsa-signing`, which that calls `signing`.
   */
  readonly task: string;
  /** Round in which the fault was found, from 1. */
  readonly round: number;
  /** The rule that was broken, in the specification's words where it has some. */
  readonly reason: string;
  /** Indices of the parties that broke it; empty when it cannot be attributed. */
  readonly culprits: readonly number[];
  /** The committee that the indices count in; `single` except in a resharing. */
  readonly committee: Committee;
}

/** Key generation and signing have a single committee, a resharing an old and a new one. */
export type Committee = "single" | "old" | "new";

/** A protocol run that ended without a result. Carries no secret. */
export class ProtocolError extends Error implements ProtocolFailure {
  override readonly name = "ProtocolError";
  /** Stable code for machines. */
  readonly code = "TF-PROTOCOL";
  readonly task: string;
  readonly round: number;
  readonly reason: string;
  readonly culprits: readonly number[];
  readonly committee: Committee;

  /** Builds the error; the message reads like the Go library's. */
  constructor(failure: Omit<ProtocolFailure, "committee"> & { readonly committee?: Committee }) {
    const blamed = failure.culprits.length === 0
      ? ""
      : `, culprits [${failure.culprits.join(" ")}]`;
    super(`task ${failure.task}, round ${failure.round}${blamed}: ${failure.reason}`);
    this.task = failure.task;
    this.round = failure.round;
    this.reason = failure.reason;
    this.culprits = [...failure.culprits];
    this.committee = failure.committee ?? "single";
  }
}

/** A message content that breaks a rule of presence, sign, size or form; the sender is to blame. */
export class ContentError extends Error {
  override readonly name = "ContentError";
  /** Stable code for machines. */
  readonly code = "TF-CONTENT";
  /** `field` names what is wrong, `rule` the rule: `Share: must be positive`. */
  constructor(readonly field: string, readonly rule: string) {
    super(`${field}: ${rule}`);
  }
}
