/**
 * Decides which ceremonies this node takes part in, starts them, stores what they make and tells
 * the requester how they ended.
 *
 * A request counts only when it is signed by somebody on the node's own list of initiators, when
 * its ceremony id was never seen before (also across restarts), and when the consent rule says yes.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import { toHex } from "../encoding/bytes.ts";
import type { CeremonyNoteCommand } from "../mesh/command_types.ts";
import { quietLogger } from "../mesh/quiet_logger.ts";
import type { Logger } from "../observe/logger.ts";
import { Admission } from "./admission.ts";
import { Answers } from "./answers.ts";
import { Consent } from "./consent.ts";
import type { DeskOptions } from "./desk_options.ts";
import { NodeError } from "./errors.ts";
import { Launcher } from "./launcher.ts";
import { Entry, Ledger } from "./ledger.ts";
import { Purposes } from "./purposes.ts";
import {
  type CeremonyRequest,
  commandFromRequest,
  requestFromCommand,
  requestMembers,
  type StartCommand,
} from "./request.ts";
import { readNote } from "./reshare_notes.ts";
import { LOST } from "./restarts.ts";
import {
  failureResponse,
  isRefusal,
  MAX_REASON,
  printable,
  REFUSED,
  type ResponseCommand,
} from "./responses.ts";

/** Who sent a command, as far as the mesh could prove it. */
export interface Provenance {
  /** Signer of the envelope it came in; null when nobody signed it. */
  readonly sealedBy: Identity | null;
}

/** The desk. One per node. */
export class Desk {
  readonly ledger: Ledger;
  readonly #o: DeskOptions;
  readonly #log: Logger;
  /** For lines that anybody in the mesh can provoke. */
  readonly #quiet: Logger;
  readonly #answers: Answers;
  readonly #admission: Admission;
  readonly #launcher: Launcher;
  readonly #consent: Consent;
  readonly #purposes: Purposes;
  readonly #responseWatchers = new Map<string, (from: Identity, r: ResponseCommand) => void>();

  /** Nothing happens before a request comes. */
  constructor(options: DeskOptions) {
    this.#o = options;
    this.ledger = new Ledger(() => options.clock.now());
    this.#log = options.log;
    this.#quiet = quietLogger(options.log, options.clock);
    this.#answers = new Answers(options.self, options.mesh, options.clock, options.log);
    this.#launcher = new Launcher(options, this.#answers);
    this.#purposes = new Purposes(options.clock);
    this.#consent = new Consent({
      clock: options.clock,
      log: options.log,
      rule: options.consent,
      approvalMs: options.approvalMs,
      policy: options.policy,
      audit: options.audit,
      curveOf: options.curveOf,
      // The others then know that they wait for a person, and that nobody is silent.
      onWait: ({ request }) =>
        void this.#answers.note(requestMembers(request), request.id, "waiting", ""),
      onYes: (entry) => {
        entry.move("starting");
        // The own operator's request goes on in initiate(), which waits for this.
        if (!entry.local) void this.#o.tasks.add(this.#start(entry));
      },
      onNo: async (entry, reason) => {
        // Of an own request that is refused here nobody has heard yet.
        if (entry.local) entry.end({ state: "aborted", reason });
        else await this.#decline(entry, reason);
      },
    });
    this.#admission = new Admission(options, this.ledger, this.#consent);
  }

  /** Takes a ceremony-starting command from the mesh. Never throws; refusals are logged. */
  handleStart(command: StartCommand, from: Provenance): Promise<void> {
    return this.#o.tasks.add(this.#handleStart(command, from));
  }

  async #handleStart(command: StartCommand, from: Provenance): Promise<void> {
    const signer = from.sealedBy;
    // Debug builds of the Go service know no presignatures, and these have a maker.
    const own = command.type === "presign" || command.type === "presigned-sign";
    if (signer === null && (own || !this.#o.debugInitiation)) {
      this.#quiet.warn("ignored an unsigned ceremony request", {
        ceremony: toHex(command.ceremonyId),
        kind: command.type,
      });
      return;
    }
    let request: CeremonyRequest;
    try {
      request = this.#withPurpose(requestFromCommand(command, signer ?? this.#o.self), signer);
    } catch (error) {
      this.#quiet.warn("refused a malformed ceremony request", {
        ceremony: toHex(command.ceremonyId),
        kind: command.type,
        from: signer ?? "unsigned",
        reason: (error as Error).message,
      });
      return;
    }
    if (signer === null) {
      this.#log.warn("taking part in an UNSIGNED request: debug initiation is on", {
        ceremony: request.id,
        kind: request.kind,
      });
    }
    const origin = {
      local: signer !== null && signer === this.#o.self,
      unsigned: signer === null,
    };
    try {
      const entry = await this.#admission.admit(request, origin);
      if (entry.state === "waiting") await this.#wait(entry);
      else void this.#o.tasks.add(this.#start(entry));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#quiet.warn("refused a ceremony request", {
        ceremony: request.id,
        kind: request.kind,
        from: signer ?? "unsigned",
        reason,
      });
      await this.#o.audit.refused(request, origin, reason);
      if (signer !== null) {
        await this.#answers.refuse(signer, request, reason, this.allows(signer));
      }
    }
  }

  /** Whether requests of `identity` are taken: the node's own admin always, others by the list. */
  allows(identity: Identity): boolean {
    return this.#admission.allows(identity);
  }

  #withPurpose(request: CeremonyRequest, signer: Identity | null): CeremonyRequest {
    const purpose = signer === null ? undefined : this.#purposes.take(request.id, signer);
    return purpose === undefined ? request : { ...request, purpose };
  }

  /** Has a request decided upon, and keeps what members say meanwhile. */
  async #wait(entry: Entry): Promise<void> {
    const { id } = entry.request;
    const members = requestMembers(entry.request);
    this.#o.engine.expect(id, members, this.#o.clock.now() + this.#o.approvalMs);
    void entry.ended.then(() => this.#o.engine.unexpect(id));
    await this.#consent.open(entry);
  }

  /** Lets an approved ceremony begin, unless the key has been used too often meanwhile. */
  async #start(entry: Entry): Promise<void> {
    try {
      await this.#admission.take(entry);
    } catch (error) {
      return await this.#decline(entry, error instanceof Error ? error.message : String(error));
    }
    if (!entry.isOver) await this.#launcher.launch(entry);
  }

  /** Starts a ceremony that waits for the operator's approval. */
  approve(entry: Entry): Promise<void> {
    return this.#o.tasks.add(this.#consent.approve(entry));
  }

  /** Turns a waiting ceremony down and tells the requester and the members. */
  async deny(entry: Entry, reason: string): Promise<void> {
    if (entry.state !== "waiting") {
      throw new NodeError("TF-STATE", `ceremony ${entry.request.id} is ${entry.state}`, {
        hint: "only a waiting ceremony can be denied; `abort` ends a running one",
      });
    }
    await this.#o.tasks.add(
      this.#consent.deny(entry, reason === "" ? "denied by the operator" : reason),
    );
  }

  /** Ends a ceremony that has not ended yet. */
  async abort(entry: Entry, reason: string): Promise<void> {
    if (entry.isOver) {
      throw new NodeError("TF-STATE", `ceremony ${entry.request.id} is ${entry.state} already`);
    }
    if (entry.state === "confirming") {
      throw new NodeError("TF-STATE", `the new share of ${entry.request.id} is on disk already`, {
        hint: "the members decide together; see `transfunctioner keys settle --help`",
      });
    }
    const why = reason === "" ? "aborted by the operator" : reason;
    if (entry.ceremony !== undefined) entry.ceremony.abort(why);
    else await this.#decline(entry, why);
  }

  async #decline(entry: Entry, reason: string): Promise<void> {
    this.#consent.forget(entry);
    if (!entry.end({ state: "aborted", reason: reason.slice(0, MAX_REASON) })) return;
    this.#log.info("ceremony declined", { ceremony: entry.request.id, reason });
    await this.#answers.tellEverybody(entry.request, REFUSED + reason);
  }

  /** Takes a response that `from` signed. */
  handleResponse(response: ResponseCommand, from: Identity): void {
    const id = toHex(response.ceremonyId);
    const entry = this.ledger.get(id);
    const known = entry !== undefined && requestMembers(entry.request).includes(from) &&
      response.type === `${entry.request.kind}-response`;
    if (response.type === "reshare-response") {
      if (known) entry.notes.set(from, readNote(response));
      const busy = entry !== undefined && !entry.isOver && entry.state !== "confirming";
      // Questions about resharings that are long over come too.
      this.#o.resharings.hear(from, response, busy);
    }
    if (!known) return;
    this.#responseWatchers.get(id)?.(from, response);
    if (response.success) {
      entry.confirmed.add(from);
      entry.changed();
      return;
    }
    // Once all shares are on disk, a refusal is weighed and not simply followed.
    if (entry.isOver || entry.state === "confirming") return;
    // A member that gave up will not send another message: waiting for it has no sense.
    const error = printable(response.error);
    const reason = `${from} reports: ${error}`;
    const awaited = entry.ceremony?.waitingFor ?? [];
    entry.report = { from, refused: isRefusal(error), awaited: [...awaited] };
    this.#log.warn("a member gave up on a ceremony", { ceremony: id, member: from, reason });
    if (entry.ceremony !== undefined) entry.ceremony.refusedBy(from, reason);
    else if (entry.state !== "requested") {
      this.#consent.forget(entry);
      entry.end({ state: "aborted", reason });
    }
  }

  /** Takes a note that `from` signed. */
  handleNote(note: CeremonyNoteCommand, from: Identity): void {
    const id = toHex(note.ceremonyId);
    const entry = this.ledger.get(id);
    if (note.about === "purpose" && entry === undefined) {
      if (this.allows(from)) this.#purposes.put(id, from, note.text);
      return;
    }
    // Only a member can lose its own part, and what is on all disks is not lost by a restart.
    if (entry === undefined || !requestMembers(entry.request).includes(from)) return;
    if (note.about === "waiting") entry.ceremony?.hold(from);
    if (note.about !== "lost" || entry.isOver || entry.state === "confirming") return;
    this.#log.warn("a member has restarted in a ceremony", {
      ceremony: entry.request.id,
      member: from,
    });
    if (entry.ceremony !== undefined) entry.ceremony.lose(from, "has restarted");
    else if (entry.state === "requested") {
      this.#responseWatchers.get(entry.request.id)?.(from, failureResponse(entry.request, LOST));
    } else {
      this.#consent.forget(entry);
      const reason = `${from} has restarted`;
      this.#launcher.finish(entry, {
        state: "failed",
        code: "TF-OFFLINE",
        reason,
        round: 0,
        culprits: [from],
      });
    }
  }

  /**
   * Starts a ceremony for this node's own admin: asks the other members, then joins in.
   *
   * The others are asked first, because a Go node forgets round messages that reach it more than
   * four seconds before the request.
   *
   * @throws {NodeError} if a member cannot be asked or this node itself must not take part.
   */
  async initiate(request: CeremonyRequest): Promise<Entry> {
    const members = requestMembers(request);
    const command = commandFromRequest(request);
    const others = members.filter((m) => m !== this.#o.self);
    // The entry comes first: a member may refuse before the last request has left.
    const entry = await this.#o.tasks.add(this.#open(request));
    if (request.purpose !== undefined) {
      await this.#answers.note(others, request.id, "purpose", request.purpose);
    }
    const sent = await Promise.allSettled(others.map((m) => this.#o.mesh.sendSealed(m, command)));
    const failed = others.filter((_, i) => sent[i]!.status === "rejected");
    if (failed.length > 0) {
      const reason = `no way to reach ${failed.join(", ")}`;
      await this.#decline(entry, reason);
      throw new NodeError(
        "TF-UNREACHABLE",
        reason,
        { exit: 3, hint: "see `transfunctioner peers`", culprits: failed },
      );
    }
    if (entry.state === "starting") void this.#launcher.launch(entry);
    return entry;
  }

  /** Opens the entry of an own request, with all consent that it takes here. */
  async #open(request: CeremonyRequest): Promise<Entry> {
    const origin = { local: true, unsigned: false };
    try {
      if (!requestMembers(request).includes(this.#o.self)) {
        await this.#o.audit.request(request, origin, "accepted");
        const entry = new Entry(request, this.#o.clock.now(), true, "requested");
        this.ledger.add(entry);
        return entry;
      }
      const entry = await this.#admission.admit(request, origin);
      if (entry.state === "waiting") await this.#wait(entry);
      try {
        if (!entry.isOver) await this.#admission.take(entry);
      } catch (error) {
        entry.end({ state: "aborted", reason: error instanceof Error ? error.message : "refused" });
        throw error;
      }
      if (entry.outcome?.state === "aborted") {
        throw new NodeError("TF-REFUSED", `this node refuses: ${entry.outcome.reason}`, {
          exit: 3,
          hint: "its policy decides: TRF_CONSENT_URL",
        });
      }
      return entry;
    } catch (error) {
      if (this.ledger.get(request.id) === undefined) {
        const reason = error instanceof Error ? error.message : String(error);
        await this.#o.audit.refused(request, origin, reason);
      }
      throw error;
    }
  }

  /** Calls `watcher` for each response to ceremony `id`; the returned function stops that. */
  onResponse(id: string, watcher: (from: Identity, r: ResponseCommand) => void): () => void {
    this.#responseWatchers.set(id, watcher);
    return () => void this.#responseWatchers.delete(id);
  }

  /** Aborts everything that runs; nothing new is taken. */
  stop(): void {
    this.#launcher.stop();
    this.#admission.stop();
    this.#o.resharings.stop();
    for (const entry of this.ledger.all()) {
      this.#consent.forget(entry);
      if (!entry.isOver) entry.ceremony?.abort("the node is going down");
    }
  }
}
