/**
 * Decides about requests of allowed requesters: at once, by a program of the operator's, by the
 * operator, or by nobody in time.
 *
 * @module
 */

import type { Clock } from "../mesh/clock.ts";
import type { Logger } from "../observe/logger.ts";
import type { Audit, Decider } from "./audit.ts";
import { NodeError } from "./errors.ts";
import type { Entry } from "./ledger.ts";
import type { Policy } from "./policy.ts";
import { factsOf, type Origin } from "./request_facts.ts";

/** The rule of a node. */
export type ConsentRule = "auto" | "manual";

/** What consent needs of its surroundings. */
export interface ConsentOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly rule: ConsentRule;
  /** How long a request waits for approval, ms. */
  readonly approvalMs: number;
  /** Asked before anything else decides; null for none. */
  readonly policy: Policy | null;
  readonly audit: Pick<Audit, "approved" | "denied">;
  /** The curve of a key here, for the policy; undefined if it is not known. */
  readonly curveOf: (keyId: string) => Promise<string | undefined>;
  /** A request waits for the operator. */
  readonly onWait: (entry: Entry) => void;
  /** A request has been approved. */
  readonly onYes: (entry: Entry) => void;
  /** A request has been denied. */
  readonly onNo: (entry: Entry, reason: string) => Promise<void>;
}

/** The decisions of one node. */
export class Consent {
  readonly #o: ConsentOptions;
  readonly #expiries = new Map<string, () => void>();
  /** Lets go of the policy's answers. */
  readonly #asked = new Map<string, () => void>();

  /** Nothing waits yet. */
  constructor(options: ConsentOptions) {
    this.#o = options;
  }

  /** Who decides first about a request; null if nobody has to. */
  firstOf({ local }: Origin): "policy" | "operator" | null {
    if (this.#o.policy !== null) return "policy";
    return this.#byHand(local) ? "operator" : null;
  }

  /** Takes up a waiting request. Resolves once only the operator can decide, or all is decided. */
  async open(entry: Entry): Promise<void> {
    const { clock, approvalMs } = this.#o;
    entry.expiresAt = clock.now() + approvalMs;
    this.#expiries.set(
      entry.request.id,
      clock.setTimer(approvalMs, () => void this.#no(entry, "time", "nobody approved it in time")),
    );
    if (entry.awaits === "policy") await this.#askPolicy(entry);
    else this.#askOperator(entry);
  }

  /**
   * Approves a waiting request on the operator's word.
   *
   * @throws {NodeError} if it does not wait for that, or the decision cannot be written down.
   */
  async approve(entry: Entry): Promise<void> {
    if (entry.state !== "waiting") {
      throw new NodeError("TF-STATE", `ceremony ${entry.request.id} is ${entry.state}`, {
        hint: "only a waiting ceremony can be approved",
      });
    }
    if (entry.awaits !== "operator") {
      throw new NodeError("TF-STATE", `the policy decides about ceremony ${entry.request.id}`, {
        hint: "wait for its answer",
      });
    }
    await this.#yes(entry, "operator");
  }

  /** Denies a waiting request on the operator's word. */
  async deny(entry: Entry, reason: string): Promise<void> {
    await this.#no(entry, "operator", reason);
  }

  /** Lets go of a request that ended while it waited. */
  forget(entry: Entry): void {
    this.#expiries.get(entry.request.id)?.();
    this.#expiries.delete(entry.request.id);
    this.#asked.get(entry.request.id)?.();
    this.#asked.delete(entry.request.id);
    entry.awaits = null;
  }

  #byHand(local: boolean): boolean {
    return this.#o.rule === "manual" && !local;
  }

  async #askPolicy(entry: Entry): Promise<void> {
    const { request } = entry;
    const curve = request.kind === "sign" ? await this.#o.curveOf(request.keyId) : undefined;
    if (entry.awaits !== "policy") return;
    const dropped = Promise.withResolvers<null>();
    this.#asked.set(request.id, () => dropped.resolve(null));
    const answer = await Promise.race([
      this.#o.policy!.ask(factsOf(request, entry, curve)),
      dropped.promise,
    ]);
    if (answer === null || entry.isOver || entry.awaits !== "policy") return;
    if (!answer.allow) return await this.#no(entry, "policy", answer.reason);
    if (this.#byHand(entry.local)) {
      entry.awaits = "operator";
      entry.changed();
      return this.#askOperator(entry);
    }
    try {
      await this.#yes(entry, "policy");
    } catch (error) {
      await this.#no(entry, "rule", error instanceof Error ? error.message : String(error));
    }
  }

  #askOperator(entry: Entry): void {
    this.#o.log.info("a ceremony request waits for approval", {
      ceremony: entry.request.id,
      kind: entry.request.kind,
      from: entry.unsigned ? "unsigned" : entry.request.requester,
    });
    this.#o.onWait(entry);
  }

  async #yes(entry: Entry, by: Decider): Promise<void> {
    const { awaits } = entry;
    // Nobody decides a second time while the first decision is written down.
    entry.awaits = null;
    try {
      await this.#o.audit.approved(entry, by);
    } catch (error) {
      entry.awaits = awaits;
      throw error;
    }
    this.forget(entry);
    if (entry.isOver) return;
    this.#o.log.info("ceremony approved", { ceremony: entry.request.id, by });
    this.#o.onYes(entry);
  }

  async #no(entry: Entry, by: Decider, reason: string): Promise<void> {
    this.forget(entry);
    if (entry.isOver) return;
    await this.#o.audit.denied(entry, by, reason);
    await this.#o.onNo(entry, reason);
  }
}
