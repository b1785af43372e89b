/**
 * Whether a request may become a ceremony of this node at all, before anybody consents to it.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { OpenCeremony } from "../keystore/journal.ts";
import type { Consent } from "./consent.ts";
import type { DeskOptions } from "./desk_options.ts";
import { NodeError } from "./errors.ts";
import { Entry, type EntryOutcome, type Ledger } from "./ledger.ts";
import { type CeremonyRequest, requestMembers } from "./request.ts";
import type { Origin } from "./request_facts.ts";
import { refuseSecondReshare } from "./reshare_settle.ts";

/** Most requests of one initiator that may wait for approval. */
const MAX_WAITING_PER_REQUESTER = 16;
/** What admission needs of a desk's options. */
export type AdmissionOptions = Pick<
  DeskOptions,
  | "self"
  | "initiators"
  | "shares"
  | "journal"
  | "audit"
  | "keyUse"
  | "mesh"
  | "clock"
  | "log"
  | "tasks"
>;

/** Lets requests in, each at most once. */
export class Admission {
  readonly #o: AdmissionOptions;
  readonly #ledger: Ledger;
  readonly #consent: Pick<Consent, "firstOf">;
  #stopped = false;

  /** Opens entries in `ledger`. */
  constructor(options: AdmissionOptions, ledger: Ledger, consent: Pick<Consent, "firstOf">) {
    this.#o = options;
    this.#ledger = ledger;
    this.#consent = consent;
  }

  /** Lets nothing in any more. */
  stop(): void {
    this.#stopped = true;
  }

  /** Whether requests of `identity` are taken: the node's own admin always, others by the list. */
  allows(identity: Identity): boolean {
    return identity === this.#o.self || this.#o.initiators.has(identity);
  }

  /**
   * Checks a request and opens its entry; nothing starts. What was let in is durable: in the replay
   * guard, the audit log and the journal.
   *
   * @throws {NodeError} or `KeystoreError` saying why it is refused.
   */
  async admit(request: CeremonyRequest, origin: Origin): Promise<Entry> {
    const { local, unsigned } = origin;
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
    if (this.#ledger.get(request.id) !== undefined || this.#o.shares.seen(request.id)) {
      throw usedBefore();
    }
    await this.#check(request);
    await this.#o.keyUse.check(request, unsigned ? null : request.requester);
    // Whoever turned presigning on for a key has agreed to it; each signature still needs a word.
    const first = request.kind === "presign" ? null : this.#consent.firstOf(origin);
    if (first !== null) {
      const waiting = this.#ledger.all().filter((e) =>
        e.state === "waiting" && e.request.requester === request.requester
      );
      if (waiting.length >= MAX_WAITING_PER_REQUESTER) {
        throw new NodeError("TF-BUSY", "too many of its requests wait for approval", { exit: 3 });
      }
    }
    // The id counts as used from here on: durable before anything of it leaves this node.
    if (!await this.#o.shares.remember(request.id)) throw usedBefore();
    await this.#o.audit.request(request, origin, first === null ? "accepted" : "waiting");
    await this.#o.journal.begin(this.#underWay(request));
    const state = first === null ? "starting" : "waiting";
    const entry = new Entry(request, this.#o.clock.now(), local, state, unsigned);
    entry.awaits = first;
    this.#ledger.add(entry);
    void entry.ended.then((outcome) => this.#o.tasks.add(this.#ended(entry, outcome)));
    return entry;
  }

  async #ended(entry: Entry, outcome: EntryOutcome): Promise<void> {
    await this.#o.audit.outcome(entry, outcome, this.#o.clock.now() - entry.receivedAt);
    await this.#o.journal.end(entry.request.id).catch((error) =>
      this.#o.log.warn("the journal could not be written", { reason: String(error) })
    );
  }

  /**
   * Counts the use of a key, when its ceremony is about to start.
   *
   * @throws {NodeError} TF-LIMIT or TF-NOT-ALLOWED, as the key's rules are now.
   */
  take(entry: Entry): Promise<void> {
    return this.#o.keyUse.take(entry.request, entry.unsigned ? null : entry.request.requester);
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
    refuseSecondReshare(this.#ledger, request);
  }
}

function usedBefore(): NodeError {
  return new NodeError("TF-REPLAY", "this ceremony id was used before", { exit: 3 });
}
