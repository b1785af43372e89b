/**
 * Carries a ceremony that was agreed to from its first message to what is kept of it.
 *
 * @module
 */

import type { Outcome } from "../ceremony/verdict.ts";
import type { Answers } from "./answers.ts";
import type { DeskOptions } from "./desk_options.ts";
import type { Entry } from "./ledger.ts";
import { judge } from "./penalties.ts";
import { requestMembers } from "./request.ts";
import { settleReshare } from "./reshare_settle.ts";
import { failureOutcome } from "./responses.ts";

/** What launching needs of a desk's options. */
export type LauncherOptions = Pick<
  DeskOptions,
  "self" | "shares" | "engine" | "resharings" | "penalties" | "tasks" | "log"
>;

/** Starts ceremonies and sees them through. */
export class Launcher {
  readonly #o: LauncherOptions;
  readonly #answers: Answers;
  #stopped = false;

  /** Tells how ceremonies ended through `answers`. */
  constructor(options: LauncherOptions, answers: Answers) {
    this.#o = options;
    this.#answers = answers;
  }

  /** The node goes down: what has not begun stays in the journal. */
  stop(): void {
    this.#stopped = true;
  }

  /** Runs a ceremony to its end; never rejects. */
  launch(entry: Entry): Promise<void> {
    return this.#o.tasks.add(this.#launch(entry));
  }

  async #launch(entry: Entry): Promise<void> {
    const { request } = entry;
    let outcome: Outcome;
    try {
      const spec = await this.#o.shares.prepare(request, () => entry.isOver);
      if (entry.isOver) return await this.#o.shares.abandon(request, false);
      const ceremony = this.#o.engine.start(spec);
      entry.ceremony = ceremony;
      ceremony.onChange(() => entry.changed());
      entry.move("running");
      this.#o.log.info("ceremony started", {
        ceremony: request.id,
        kind: request.kind,
        requester: request.requester,
        members: requestMembers(request).length,
      });
      outcome = await ceremony.result;
      if (request.kind === "reshare") {
        const settled = await settleReshare(this.#o, entry, request, outcome);
        // The next start takes it up again.
        if (settled === null) return;
        outcome = settled;
      } else if (outcome.state === "complete") await this.#o.shares.store(request, outcome.result);
    } catch (error) {
      if (entry.ceremony === undefined) {
        await this.#o.shares.abandon(request, false).catch(() => {});
        // The journal keeps what has not begun: the others hear at the next start that it is lost.
        if (this.#stopped) return;
      }
      outcome = failureOutcome(error);
    }
    this.finish(entry, outcome);
  }

  /** Ends an entry, and tells whom it concerns. */
  finish(entry: Entry, outcome: Outcome): void {
    const wasConfirming = entry.state === "confirming";
    if (!entry.end(outcome)) return;
    judge(this.#o.penalties, this.#o.self, entry, outcome);
    this.#answers.ended(entry, outcome, wasConfirming);
  }
}
