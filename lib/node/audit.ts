/**
 * What the node writes down about requests: that they came, what was decided, how they ended.
 *
 * @module
 */

import type { AuditFields } from "../keystore/audit_log.ts";
import type { Clock } from "../mesh/clock.ts";
import { WindowQuota } from "../mesh/rate_limit.ts";
import type { Logger } from "../observe/logger.ts";
import { NodeError } from "./errors.ts";
import type { Entry, EntryOutcome } from "./ledger.ts";
import type { CeremonyRequest } from "./request.ts";
import { factsOf, type Origin } from "./request_facts.ts";
import { printable } from "./responses.ts";

/** Who decided. */
export type Decider = "rule" | "policy" | "operator" | "time" | "member";

/** Where entries go. */
export interface AuditSink {
  /** Durable once it resolves. */
  record(event: string, fields: AuditFields): Promise<void>;
}

/**
 * Refused requests written down per minute: anybody may send requests, and nobody is to fill the
 * disk with them. The others are counted in the next entry.
 */
const REFUSALS_PER_MINUTE = 60;

/** The records of one desk. */
export class Audit {
  readonly #sink: AuditSink;
  readonly #log: Logger;
  readonly #quota: WindowQuota;
  #left = 0;

  /** Writes to `sink`. */
  constructor(sink: AuditSink, clock: Clock, log: Logger) {
    this.#sink = sink;
    this.#log = log;
    this.#quota = new WindowQuota(clock, 60_000, REFUSALS_PER_MINUTE, 1);
  }

  /**
   * Writes a request down before anything of it is done.
   *
   * @throws {NodeError} TF-LOG if that cannot be done: then the request is refused.
   */
  async request(
    request: CeremonyRequest,
    origin: Origin,
    decision: "accepted" | "waiting",
  ): Promise<void> {
    await this.#must("request", { ...factsOf(request, origin), decision });
  }

  /** Writes down that a request was refused at once. Never rejects. */
  async refused(request: CeremonyRequest, origin: Origin, reason: string): Promise<void> {
    if (!origin.local && !this.#quota.take("refused")) {
      this.#left++;
      return;
    }
    const unrecorded = this.#left;
    this.#left = 0;
    await this.#may("request", {
      ...factsOf(request, origin),
      decision: "refused",
      reason: printable(reason),
      unrecorded: unrecorded === 0 ? undefined : unrecorded,
    });
  }

  /**
   * Writes down that a waiting request was approved.
   *
   * @throws {NodeError} TF-LOG if that cannot be done: then it is not approved.
   */
  async approved(entry: Entry, by: Decider): Promise<void> {
    await this.#must("decision", { ceremony: entry.request.id, decision: "approved", by });
  }

  /** Writes down that a waiting request was denied. Never rejects: a no needs no paper. */
  async denied(entry: Entry, by: Decider, reason: string): Promise<void> {
    await this.#may("decision", {
      ceremony: entry.request.id,
      decision: "denied",
      by,
      reason: printable(reason),
    });
  }

  /** Writes down how a ceremony ended here. Never rejects: it has ended. */
  async outcome(entry: Entry, outcome: EntryOutcome, ms: number): Promise<void> {
    const failed = outcome.state === "failed" ? outcome : undefined;
    await this.#may("outcome", {
      ceremony: entry.request.id,
      kind: entry.request.kind,
      outcome: outcome.state,
      code: failed?.code,
      reason: outcome.state === "failed" || outcome.state === "aborted"
        ? printable(outcome.reason)
        : undefined,
      culprits: failed === undefined || failed.culprits.length === 0 ? undefined : failed.culprits,
      ms: Math.max(0, Math.round(ms)),
    });
  }

  async #must(event: string, fields: AuditFields): Promise<void> {
    try {
      await this.#sink.record(event, fields);
    } catch (error) {
      this.#log.error("the audit log cannot be written", { event, reason: textOf(error) });
      throw new NodeError("TF-LOG", "this node cannot write its audit log", {
        hint: "make room on its disk, or see its log for the reason",
      });
    }
  }

  async #may(event: string, fields: AuditFields): Promise<void> {
    try {
      await this.#sink.record(event, fields);
    } catch (error) {
      this.#log.error("the audit log cannot be written", { event, reason: textOf(error) });
    }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
