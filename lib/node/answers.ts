/**
 * What a desk tells others about ceremonies: refusals, results, failures, notes.
 *
 * @module
 */

import type { Outcome } from "../ceremony/verdict.ts";
import type { Identity } from "../crypto/identity.ts";
import { fromHex, toHex } from "../encoding/bytes.ts";
import type { Clock } from "../mesh/clock.ts";
import { WindowQuota } from "../mesh/rate_limit.ts";
import type { Logger } from "../observe/logger.ts";
import type { DeskMesh } from "./desk_options.ts";
import type { Entry } from "./ledger.ts";
import { type CeremonyRequest, requestMembers } from "./request.ts";
import {
  failureResponse,
  MAX_REASON,
  REFUSED,
  type ResponseCommand,
  successResponse,
} from "./responses.ts";

/**
 * Refusals that one stranger is told per minute: each is sealed and signed, so answering all would
 * let anybody keep this node busy.
 */
const REFUSALS_PER_STRANGER = 5;
/** Strangers whose refusals are counted at once. */
const STRANGERS = 4_096;

/** The voice of one desk. Nothing here rejects: what cannot be sent is logged. */
export class Answers {
  readonly #self: Identity;
  readonly #mesh: DeskMesh;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #refusals: WindowQuota;

  /** Speaks through `mesh`. */
  constructor(self: Identity, mesh: DeskMesh, clock: Clock, log: Logger) {
    this.#self = self;
    this.#mesh = mesh;
    this.#log = log;
    this.#clock = clock;
    this.#refusals = new WindowQuota(clock, 60_000, REFUSALS_PER_STRANGER, STRANGERS);
  }

  /** Sends one response. */
  async respond(to: Identity, response: ResponseCommand): Promise<void> {
    try {
      await this.#mesh.sendSealed(to, response);
    } catch (error) {
      this.#log.debug("a ceremony response could not be sent", {
        ceremony: toHex(response.ceremonyId),
        to,
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }

  /** Tells a requester why its request is refused; a stranger only now and then. */
  async refuse(
    to: Identity,
    request: CeremonyRequest,
    reason: string,
    known: boolean,
  ): Promise<void> {
    if (!known && !this.#refusals.take(to)) return;
    await this.respond(to, failureResponse(request, REFUSED + reason));
  }

  /** Tells whom it concerns, and the log, how a ceremony ended here. */
  ended({ request, receivedAt }: Entry, outcome: Outcome, wasConfirming: boolean): void {
    const fields = {
      ceremony: request.id,
      kind: request.kind,
      ms: this.#clock.now() - receivedAt,
    };
    if (outcome.state === "complete") {
      this.#log.info("ceremony complete", { ...fields, key: toHex(outcome.result.keyId) });
    } else {
      this.#log.warn(`ceremony ${outcome.state}`, {
        ...fields,
        reason: outcome.reason,
        culprits: outcome.state === "failed" ? outcome.culprits.join(" ") : "",
      });
    }
    if (outcome.state !== "complete") {
      if (!wasConfirming) void this.tellEverybody(request, outcome.reason);
    } else if (request.requester !== this.#self && request.kind !== "reshare") {
      // Success goes to the requester only; that of a resharing was told when it was settled.
      void this.respond(request.requester, successResponse(request, outcome));
    }
    if (request.kind === "keygen" && request.coordinator === this.#self) {
      // The Go service's coordinator announces a key generation's outcome to the whole mesh.
      this.#mesh.broadcast({
        type: "ceremony-result",
        ceremonyId: fromHex(request.id),
        success: outcome.state === "complete",
        error: outcome.state === "complete" ? "" : outcome.reason.slice(0, MAX_REASON),
      });
    }
  }

  /** Failure goes to the requester and to every member, so that nobody waits for a deadline. */
  async tellEverybody(request: CeremonyRequest, error: string): Promise<void> {
    const to = new Set([request.requester, ...requestMembers(request)]);
    to.delete(this.#self);
    const response = failureResponse(request, error);
    await Promise.all([...to].map((id) => this.respond(id, response)));
  }

  /** Sends a note about a ceremony to those of `to` that read notes. */
  async note(to: readonly Identity[], id: string, about: string, text: string): Promise<void> {
    const ceremonyId = fromHex(id);
    const readers = to.filter((m) => m !== this.#self && this.#mesh.readsNotes(m));
    await Promise.all(readers.map(async (member) => {
      try {
        await this.#mesh.sendSealed(member, { type: "ceremony-note", ceremonyId, about, text });
      } catch (error) {
        this.#log.debug("a ceremony note could not be sent", {
          ceremony: id,
          to: member,
          reason: error instanceof Error ? error.message : String(error),
        });
      }
    }));
  }
}
