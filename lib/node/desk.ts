/**
 * Decides which ceremonies this node takes part in, starts them, stores what they make and tells
 * the requester how they ended.
 *
 * A request counts only when it is signed by somebody on the node's own list of initiators, when
 * its ceremony id was never seen before (also across restarts), and when the consent rule says yes.
 *
 * @module
 */

import { CeremonyRefused, type FailureCode, type Outcome } from "../ceremony/verdict.ts";
import type { Identity } from "../crypto/identity.ts";
import { fromHex, toHex } from "../encoding/bytes.ts";
import type { OpenCeremony } from "../keystore/journal.ts";
import type {
  CeremonyNoteCommand,
  KeygenCommand,
  ReshareCommand,
  SignCommand,
} from "../mesh/command_types.ts";
import { quietLogger } from "../mesh/quiet_logger.ts";
import { WindowQuota } from "../mesh/rate_limit.ts";
import type { Logger } from "../observe/logger.ts";
import type { DeskOptions } from "./desk_options.ts";
import { NodeError } from "./errors.ts";
import { Entry, Ledger } from "./ledger.ts";
import type { Offence } from "./penalties.ts";
import {
  type CeremonyRequest,
  commandFromRequest,
  requestFromCommand,
  requestMembers,
} from "./request.ts";
import { refuseSecondReshare, settleReshare } from "./reshare_settle.ts";
import { readNote } from "./reshare_notes.ts";
import { LOST } from "./restarts.ts";
import {
  failureResponse,
  isRefusal,
  MAX_REASON,
  printable,
  REFUSED,
  type ResponseCommand,
  successResponse,
} from "./responses.ts";

/** Most requests of one initiator that may wait for approval. */
const MAX_WAITING_PER_REQUESTER = 16;
/**
 * Refusals that one stranger is told per minute: each is sealed and signed, so answering all would
 * let anybody keep this node busy.
 */
const REFUSALS_PER_STRANGER = 5;
/** Strangers whose refusals are counted at once. */
const STRANGERS = 4_096;

/** Failures that count against those named. */
const OFFENCE_OF: Readonly<Partial<Record<FailureCode, Offence>>> = {
  "TF-TIMEOUT": "silent",
  "TF-OFFLINE": "offline",
  "TF-PROTOCOL": "invalid",
};

type StartCommand = KeygenCommand | SignCommand | ReshareCommand;

/** Who sent a command, as far as the mesh could prove it. */
export interface Provenance {
  /** Signer of the envelope it came in; null when nobody signed it. */
  readonly sealedBy: Identity | null;
}

/** The desk. One per node. */
export class Desk {
  readonly ledger: Ledger = new Ledger();
  readonly #o: DeskOptions;
  readonly #log: Logger;
  /** For lines that anybody in the mesh can provoke. */
  readonly #quiet: Logger;
  readonly #refusals: WindowQuota;
  readonly #expiries = new Map<string, () => void>();
  readonly #responseWatchers = new Map<string, (from: Identity, r: ResponseCommand) => void>();
  #stopped = false;

  /** Nothing happens before a request comes. */
  constructor(options: DeskOptions) {
    this.#o = options;
    this.#log = options.log;
    this.#quiet = quietLogger(options.log, options.clock);
    this.#refusals = new WindowQuota(options.clock, 60_000, REFUSALS_PER_STRANGER, STRANGERS);
  }

  /** Takes a ceremony-starting command from the mesh. Never throws; refusals are logged. */
  async handleStart(command: StartCommand, from: Provenance): Promise<void> {
    const signer = from.sealedBy;
    if (signer === null && !this.#o.debugInitiation) {
      this.#quiet.warn("ignored an unsigned ceremony request", { kind: command.type });
      return;
    }
    let request: CeremonyRequest;
    try {
      request = requestFromCommand(command, signer ?? this.#o.self);
    } catch (error) {
      this.#quiet.warn("refused a malformed ceremony request", {
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
    try {
      await this.#consider(request, signer === null);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#quiet.warn("refused a ceremony request", {
        ceremony: request.id,
        kind: request.kind,
        from: request.requester,
        reason,
      });
      const told = signer !== null && (this.allows(signer) || this.#refusals.take(signer));
      if (told) await this.#respond(signer, failureResponse(request, REFUSED + reason));
    }
  }

  /** Whether requests of `identity` are taken: the node's own admin always, others by the list. */
  allows(identity: Identity): boolean {
    return identity === this.#o.self || this.#o.initiators.has(identity);
  }

  async #consider(request: CeremonyRequest, unsigned: boolean): Promise<Entry> {
    const entry = await this.#admit(request, unsigned);
    if (entry.state !== "waiting") void this.#launch(entry);
    return entry;
  }

  /** Checks a request and opens its entry; nothing starts. */
  async #admit(request: CeremonyRequest, unsigned: boolean): Promise<Entry> {
    if (this.#stopped) throw new NodeError("TF-STOPPED", "this node is going down", { exit: 3 });
    if (!unsigned && !this.allows(request.requester)) {
      throw new NodeError(
        "TF-NOT-ALLOWED",
        `${request.requester} is not an initiator here`,
        { exit: 3, hint: "its operator has to add that identity to TRF_INITIATORS" },
      );
    }
    if (!requestMembers(request).includes(this.#o.self)) {
      throw new NodeError("TF-REQUEST", "this node is not in the committee", { exit: 3 });
    }
    if (this.ledger.get(request.id) !== undefined || this.#o.shares.seen(request.id)) {
      throw usedBefore();
    }
    const local = request.requester === this.#o.self && !unsigned;
    await this.#check(request);
    const mustWait = this.#o.consent === "manual" && !local;
    if (mustWait) {
      const waiting = this.ledger.all().filter((e) =>
        e.state === "waiting" && e.request.requester === request.requester
      );
      if (waiting.length >= MAX_WAITING_PER_REQUESTER) {
        throw new NodeError("TF-BUSY", "too many of its requests wait for approval", { exit: 3 });
      }
    }
    // The id counts as used from here on: durable before anything of it leaves this node.
    if (!await this.#o.shares.remember(request.id)) throw usedBefore();
    await this.#o.journal.begin(this.#underWay(request));
    const entry = new Entry(request, this.#o.clock.now(), local, mustWait ? "waiting" : "starting");
    this.ledger.add(entry);
    void entry.ended.then(() => this.#o.journal.end(request.id)).catch((error) =>
      this.#log.warn("the journal could not be written", { reason: String(error) })
    );
    if (mustWait) {
      this.#log.info("a ceremony request waits for approval", {
        ceremony: request.id,
        kind: request.kind,
        from: request.requester,
      });
      this.#expiries.set(
        request.id,
        this.#o.clock.setTimer(
          this.#o.approvalMs,
          () => void this.#decline(entry, "nobody approved the request in time"),
        ),
      );
    }
    return entry;
  }

  #underWay(request: CeremonyRequest): OpenCeremony {
    const { id, kind, requester } = request;
    const members = requestMembers(request);
    const ours = [...new Set([...members, requester])].filter((m) => this.#o.mesh.readsNotes(m));
    return { id, kind, at: Math.floor(this.#o.clock.now() / 1000), requester, members, ours };
  }

  async #check(request: CeremonyRequest): Promise<void> {
    await this.#o.shares.check(request);
    if (request.kind !== "reshare") return;
    refuseSecondReshare(this.ledger, request);
  }

  /** Starts a ceremony that waits for approval. */
  approve(entry: Entry): void {
    if (entry.state !== "waiting") {
      throw new NodeError("TF-STATE", `ceremony ${entry.request.id} is ${entry.state}`, {
        hint: "only a waiting ceremony can be approved",
      });
    }
    this.#stopWaiting(entry);
    entry.move("starting");
    this.#log.info("ceremony approved", { ceremony: entry.request.id });
    void this.#launch(entry);
  }

  /** Turns a waiting ceremony down and tells the requester and the members. */
  async deny(entry: Entry, reason: string): Promise<void> {
    if (entry.state !== "waiting") {
      throw new NodeError("TF-STATE", `ceremony ${entry.request.id} is ${entry.state}`, {
        hint: "only a waiting ceremony can be denied; `abort` ends a running one",
      });
    }
    await this.#decline(entry, reason === "" ? "denied by the operator" : reason);
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

  #stopWaiting(entry: Entry): void {
    this.#expiries.get(entry.request.id)?.();
    this.#expiries.delete(entry.request.id);
  }

  async #decline(entry: Entry, reason: string): Promise<void> {
    this.#stopWaiting(entry);
    if (!entry.end({ state: "aborted", reason: reason.slice(0, MAX_REASON) })) return;
    this.#log.info("ceremony declined", { ceremony: entry.request.id, reason });
    await this.#tellEverybody(entry, REFUSED + reason);
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
      this.#log.info("ceremony started", {
        ceremony: request.id,
        kind: request.kind,
        requester: request.requester,
        members: requestMembers(request).length,
      });
      outcome = await ceremony.result;
      if (request.kind === "reshare") {
        outcome = await settleReshare(this.#o, entry, request, outcome);
      } else if (outcome.state === "complete") await this.#o.shares.store(request, outcome.result);
    } catch (error) {
      if (entry.ceremony === undefined) {
        await this.#o.shares.abandon(request, false).catch(() => {});
      }
      const reason = error instanceof Error ? error.message : String(error);
      const refused = error instanceof CeremonyRefused || error instanceof NodeError;
      outcome = {
        state: "failed",
        code: refused ? "TF-SHARE" : "TF-STORE",
        reason,
        round: 0,
        culprits: [],
      };
    }
    this.#finish(entry, outcome);
  }

  #finish(entry: Entry, outcome: Outcome): void {
    const wasConfirming = entry.state === "confirming";
    if (!entry.end(outcome)) return;
    this.#judge(entry, outcome);
    const { request } = entry;
    const fields = {
      ceremony: request.id,
      kind: request.kind,
      ms: this.#o.clock.now() - entry.receivedAt,
    };
    if (outcome.state === "complete") {
      this.#log.info("ceremony complete", { ...fields, key: toHex(outcome.result.keyId) });
      if (request.requester !== this.#o.self && request.kind !== "reshare") {
        // Success goes to the requester only; that of a resharing was told when it was settled.
        void this.#respond(request.requester, successResponse(request, outcome));
      }
    } else {
      this.#log.warn(`ceremony ${outcome.state}`, {
        ...fields,
        reason: outcome.reason,
        culprits: outcome.state === "failed" ? outcome.culprits.join(" ") : "",
      });
      if (!wasConfirming) void this.#tellEverybody(entry, outcome.reason);
    }
    if (request.kind === "keygen" && request.coordinator === this.#o.self) {
      // The Go service's coordinator announces a key generation's outcome to the whole mesh.
      this.#o.mesh.broadcast({
        type: "ceremony-result",
        ceremonyId: fromHex(request.id),
        success: outcome.state === "complete",
        error: outcome.state === "complete" ? "" : outcome.reason.slice(0, MAX_REASON),
      });
    }
  }

  /** Remembers for a while who made a ceremony fail. */
  #judge(entry: Entry, outcome: Outcome): void {
    const { penalties, self } = this.#o;
    if (outcome.state === "complete") penalties.forgive(requestMembers(entry.request));
    if (outcome.state === "failed") {
      const offence = OFFENCE_OF[outcome.code];
      if (offence === undefined) return;
      for (const member of outcome.culprits) if (member !== self) penalties.note(member, offence);
    }
    // What a member says of itself counts against it; a refusal is its right.
    const report = entry.report;
    if (outcome.state === "aborted" && report?.refused === false) {
      if (report.awaited.length === 0) penalties.note(report.from, "silent");
    }
  }

  /** Failure goes to the requester and to every member, so that nobody waits for a deadline. */
  async #tellEverybody(entry: Entry, error: string): Promise<void> {
    const to = new Set([entry.request.requester, ...requestMembers(entry.request)]);
    to.delete(this.#o.self);
    const response = failureResponse(entry.request, error);
    await Promise.all([...to].map((id) => this.#respond(id, response)));
  }

  async #respond(to: Identity, response: ResponseCommand): Promise<void> {
    try {
      await this.#o.mesh.sendSealed(to, response);
    } catch (error) {
      this.#log.debug("a ceremony response could not be sent", {
        ceremony: toHex(response.ceremonyId),
        to,
        reason: error instanceof Error ? error.message : String(error),
      });
    }
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
      this.#stopWaiting(entry);
      entry.end({ state: "aborted", reason });
    }
  }

  /** Takes a note that `from` signed. */
  handleNote(note: CeremonyNoteCommand, from: Identity): void {
    const entry = this.ledger.get(toHex(note.ceremonyId));
    // Only a member can lose its own part, and what is on all disks is not lost by a restart.
    if (entry === undefined || !requestMembers(entry.request).includes(from)) return;
    if (note.about !== "lost" || entry.isOver || entry.state === "confirming") return;
    this.#log.warn("a member has restarted in a ceremony", {
      ceremony: entry.request.id,
      member: from,
    });
    if (entry.ceremony !== undefined) entry.ceremony.lose(from, "has restarted");
    else if (entry.state === "requested") {
      this.#responseWatchers.get(entry.request.id)?.(from, failureResponse(entry.request, LOST));
    } else {
      this.#stopWaiting(entry);
      const reason = `${from} has restarted`;
      this.#finish(entry, {
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
    let entry: Entry;
    if (members.includes(this.#o.self)) entry = await this.#admit(request, false);
    else {
      entry = new Entry(request, this.#o.clock.now(), true, "requested");
      this.ledger.add(entry);
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
    if (entry.state === "starting") void this.#launch(entry);
    return entry;
  }

  /** Calls `watcher` for each response to ceremony `id`; the returned function stops that. */
  onResponse(id: string, watcher: (from: Identity, r: ResponseCommand) => void): () => void {
    this.#responseWatchers.set(id, watcher);
    return () => void this.#responseWatchers.delete(id);
  }

  /** Aborts everything that runs; nothing new is taken. */
  stop(): void {
    this.#stopped = true;
    this.#o.resharings.stop();
    for (const entry of this.ledger.all()) {
      this.#stopWaiting(entry);
      if (!entry.isOver) entry.ceremony?.abort("the node is going down");
    }
  }
}

function usedBefore(): NodeError {
  return new NodeError("TF-REPLAY", "this ceremony id was used before", { exit: 3 });
}
