/**
 * The second phase of a resharing: when a new share becomes the current one, and when an old one
 * is destroyed.
 *
 * After the protocol each new member has a verified share on disk beside the old one. It becomes
 * current only when every new member has said the same; a leaving member destroys its share by the
 * same rule. So at any moment either the whole old or the whole new committee can sign.
 *
 * A member that has said yes can no longer back out alone: somebody may have acted on it. Its
 * staged share goes only when every other new member has refused too, each refusal being a promise
 * never to make its own current. Where yes and no contradict each other for good, both shares stay
 * and the node says so: nothing is destroyed on the word of one member. All of it survives a
 * crash: what is undecided lies in the keystore, and the node asks again until it is answered.
 *
 * A Go node cannot say any of this. Its acknowledgement inside the protocol counts instead, which
 * is one more reason for ours to send that only when everything is verified and durable.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import { toHex } from "../encoding/bytes.ts";
import type { Clock } from "../mesh/clock.ts";
import type { OutcomeCommand } from "../mesh/command_types.ts";
import type { Logger } from "../observe/logger.ts";
import type {
  PendingReshare,
  ReshareBook,
  ReshareDecision,
  ReshareUndecided,
} from "./reshare_book.ts";
import { MAX_REASON, printable } from "./responses.ts";
import {
  type Note,
  noteCommand,
  readNote,
  type Standing,
  type UndecidedView,
} from "./reshare_notes.ts";

export type { PendingReshare, ReshareBook, ReshareDecision } from "./reshare_book.ts";

/** How often an undecided node asks, in milliseconds. */
const ASK_MS = 15_000;
/** The first question after a start, when sessions are just being made (ms). */
const FIRST_ASK_MS = 2_000;
/** After this many questions they become rarer. */
const EAGER_ASKS = 40;
/** How often it asks from then on (ms). */
const PATIENT_ASK_MS = 60_000;
/** A member of unknown software that is silent for this long counts as a Go node (ms). */
const SILENCE_MS = 60_000;
/** Least time between two answers to one peer about one ceremony (ms). */
const ANSWER_MS = 10_000;
/** Most (peer, ceremony) pairs whose last answer is remembered. */
const MAX_ANSWERS = 1_024;

/** What {@link ReshareCommit} is made of. */
export interface ReshareCommitOptions {
  readonly self: Identity;
  readonly clock: Clock;
  readonly log: Logger;
  /** Seals a command to a member; may reject. */
  readonly send: (to: Identity, command: OutcomeCommand) => Promise<void>;
  /** What a node runs, where a session tells: `transfunctioner` or `go`. */
  readonly software: (identity: Identity) => string | undefined;
  readonly book: ReshareBook;
}

interface Open {
  readonly pending: PendingReshare;
  readonly since: number;
  readonly said: Map<Identity, Note>;
  /** Members that a session ever showed to run our software: silence of theirs is no consent. */
  readonly ours: Set<Identity>;
  readonly done: PromiseWithResolvers<ReshareDecision | ReshareUndecided>;
  acknowledged: boolean;
  /** Why this node has promised not to go ahead. */
  refusal: { readonly reason: string; readonly at: number } | null;
  deciding: boolean;
  asks: number;
  stopTimer: () => void;
}

/** Decides open resharings. One per node. */
export class ReshareCommit {
  readonly #o: ReshareCommitOptions;
  readonly #open = new Map<string, Open>();
  readonly #answered = new Map<string, number>();
  #stopped = false;

  /** Nothing is open yet. */
  constructor(options: ReshareCommitOptions) {
    this.#o = options;
  }

  /**
   * Opens the second phase when the protocol has ended here; tells the others that it has.
   *
   * @param heard What new members have said already.
   * @returns the decision, which may be long in coming; a stop leaves it to the next start.
   */
  begin(
    pending: PendingReshare,
    heard: ReadonlyMap<Identity, Note> = new Map(),
  ): Promise<ReshareDecision | ReshareUndecided> {
    if (this.#stopped) return Promise.resolve({ state: "undecided" });
    const open = this.#add(pending);
    this.#schedule(open, pending.acknowledged ? ASK_MS : FIRST_ASK_MS);
    for (const [member, note] of heard) this.#note(open, member, note);
    if (pending.role === "new" && open.refusal === null) {
      this.#tell(open, { standing: "finished", asking: false });
    }
    this.#evaluate(open);
    return open.done.promise;
  }

  /** Takes up, at a start, what a crash or a stop left undecided. */
  resume(pending: PendingReshare): void {
    this.#schedule(this.#add(pending), FIRST_ASK_MS);
  }

  /** Whether a ceremony is undecided here. */
  isOpen(ceremony: string): boolean {
    return this.#open.has(ceremony);
  }

  /** Everything undecided. */
  undecided(): UndecidedView[] {
    return [...this.#open.values()].map((open) => ({
      keyId: open.pending.keyId,
      ceremony: open.pending.ceremony,
      role: open.pending.role,
      waitingFor: this.#others(open).filter((m) => !isYes(open.said.get(m))),
      doubt: open.refusal?.reason,
    }));
  }

  /**
   * Takes a response that `from` signed.
   *
   * @param busy Whether the ceremony still runs or waits on this node: then there is no answer yet.
   */
  hear(from: Identity, response: OutcomeCommand, busy: boolean): void {
    if (this.#stopped) return;
    const ceremony = toHex(response.ceremonyId);
    const note = readNote(response);
    const open = this.#open.get(ceremony);
    if (open === undefined) {
      if (note.asking && !busy) void this.#answer(from, ceremony);
      return;
    }
    // A decision on its way to the disk stands: a promise against it now would be a lie.
    if (open.deciding) return;
    if (note.asking && open.pending.role === "new") this.#reply(open, from);
    this.#note(open, from, note);
    this.#evaluate(open);
  }

  /**
   * Ends an undecided resharing on the operator's word, who knows what the other nodes say.
   *
   * @returns false if it is not undecided here.
   */
  async settle(ceremony: string, state: ReshareDecision["state"]): Promise<boolean> {
    const open = this.#open.get(ceremony);
    if (open === undefined || open.deciding) return false;
    const reason = `${this.#o.self} was told so by its operator`;
    if (state === "committed") await this.#decide(open, { state, assumed: [] });
    else {
      open.refusal ??= { reason, at: this.#o.clock.now() };
      if (open.pending.role === "new") this.#tell(open, { standing: "refused", asking: false });
      await this.#decide(open, { state, reason });
    }
    return !this.#open.has(ceremony);
  }

  /** Ends timers; what is undecided stays so in the keystore, but for what is being carried out. */
  stop(): void {
    this.#stopped = true;
    for (const open of this.#open.values()) {
      open.stopTimer();
      if (!open.deciding) open.done.resolve({ state: "undecided" });
    }
  }

  #note(open: Open, from: Identity, note: Note): void {
    if (!open.pending.newCommittee.includes(from) || note.standing === "leaving") return;
    open.said.set(from, note);
    if (note.standing === "finished" || note.standing === "settled") open.acknowledged = true;
    if (note.standing === "refused" && open.refusal === null) this.#refuse(open, from, note.reason);
  }

  #add(pending: PendingReshare): Open {
    const open: Open = {
      pending,
      since: this.#o.clock.now(),
      said: new Map(),
      ours: new Set(),
      done: Promise.withResolvers(),
      acknowledged: pending.acknowledged,
      refusal: null,
      deciding: false,
      asks: 0,
      stopTimer: () => {},
    };
    this.#open.get(pending.ceremony)?.stopTimer();
    this.#open.set(pending.ceremony, open);
    return open;
  }

  #others(open: Open): Identity[] {
    return open.pending.newCommittee.filter((m) => m !== this.#o.self);
  }

  #schedule(open: Open, ms: number): void {
    open.stopTimer = this.#o.clock.setTimer(ms, () => {
      if (this.#stopped || this.#open.get(open.pending.ceremony) !== open) return;
      open.asks++;
      this.#schedule(open, open.asks < EAGER_ASKS ? ASK_MS : PATIENT_ASK_MS);
      this.#ask(open);
      this.#evaluate(open);
    });
  }

  #ask(open: Open): void {
    for (const member of this.#others(open)) {
      if (this.#softwareOf(open, member) === "go") continue;
      // Whoever confirmed needs no question, unless somebody else's refusal put that in doubt.
      if (open.refusal === null && isYes(open.said.get(member))) continue;
      this.#send(member, open, { standing: this.#ownStanding(open), asking: true });
    }
  }

  #ownStanding(open: Open): Standing {
    if (open.pending.role === "leaving") return "leaving";
    if (open.refusal !== null) return "refused";
    return open.pending.acknowledged ? "finished" : "staged";
  }

  /** Answers a member that asks while this node is undecided itself: with its own word. */
  #reply(open: Open, to: Identity): void {
    if (!this.#mayAnswer(to, open.pending.ceremony)) return;
    this.#send(to, open, { standing: this.#ownStanding(open), asking: false });
  }

  async #answer(to: Identity, ceremony: string): Promise<void> {
    if (!this.#o.book.seen(ceremony) || !this.#mayAnswer(to, ceremony)) return;
    const standing = await this.#o.book.standing(ceremony).catch(() => null);
    if (standing !== "settled" && standing !== "refused") return;
    const reason = standing === "refused" ? "this node keeps no share of that resharing" : "";
    this.#post(to, noteCommand(ceremony, { standing, asking: false, reason }));
  }

  #mayAnswer(to: Identity, ceremony: string): boolean {
    const now = this.#o.clock.now();
    const key = `${to}/${ceremony}`;
    const last = this.#answered.get(key);
    if (last !== undefined && now < last + ANSWER_MS) return false;
    this.#answered.delete(key);
    if (this.#answered.size >= MAX_ANSWERS) {
      // Oldest first. If even that one is fresh, somebody floods: nobody is answered for a while.
      const [oldest, at] = this.#answered.entries().next().value!;
      if (now < at + ANSWER_MS) return false;
      this.#answered.delete(oldest);
    }
    this.#answered.set(key, now);
    return true;
  }

  /** Another new member refused: promise the same, and go back only together. */
  #refuse(open: Open, member: Identity, reason: string): void {
    const why = `${member} reports: ${printable(reason)}`;
    open.refusal = { reason: why, at: this.#o.clock.now() };
    const { keyId, ceremony, role } = open.pending;
    this.#o.log.warn("a new member refused a resharing", { key: keyId, ceremony, reason: why });
    if (role === "new") this.#tell(open, { standing: "refused", asking: false });
  }

  #softwareOf(open: Open, member: Identity): string | undefined {
    const known = this.#o.software(member);
    if (known === "transfunctioner") open.ours.add(member);
    return open.ours.has(member) ? "transfunctioner" : known;
  }

  #evaluate(open: Open): void {
    const members = this.#others(open).map((member) => ({
      member,
      note: open.said.get(member),
      software: this.#softwareOf(open, member),
    }));
    const now = this.#o.clock.now();
    if (open.refusal === null) {
      const silent = members.filter(({ note }) => !isYes(note));
      const patient = now >= open.since + SILENCE_MS;
      const goes = silent.every(({ software }) =>
        open.acknowledged && (software === "go" || (software === undefined && patient))
      );
      if (!goes) return;
      const assumed = silent.map(({ member }) => member);
      void this.#decide(open, { state: "committed", assumed });
      return;
    }
    const { at, reason } = open.refusal;
    const patient = now >= at + SILENCE_MS;
    // A leaving member destroys nothing by going back: it need not wait for the dead.
    const alone = members.every(({ note, software }) =>
      note?.standing === "refused" || (note === undefined &&
        (software === "go" ||
          (patient && (software === undefined || open.pending.role === "leaving"))))
    );
    if (alone) void this.#decide(open, { state: "discarded", reason });
  }

  async #decide(open: Open, decision: ReshareDecision): Promise<void> {
    if (open.deciding || this.#stopped) return;
    open.deciding = true;
    const { pending } = open;
    const fields = { key: pending.keyId, ceremony: pending.ceremony, role: pending.role };
    try {
      if (decision.state === "committed") await this.#o.book.commit(pending);
      else await this.#o.book.discard(pending);
    } catch (error) {
      // The keystore can still go either way; the next turn tries again.
      const reason = error instanceof Error ? error.message : String(error);
      this.#o.log.error("a decided resharing could not be carried out", { ...fields, reason });
      open.deciding = false;
      if (this.#stopped) open.done.resolve({ state: "undecided" });
      return;
    }
    open.stopTimer();
    if (this.#open.get(pending.ceremony) === open) this.#open.delete(pending.ceremony);
    if (decision.state === "committed") {
      if (decision.assumed.length > 0) {
        this.#o.log.warn("members that cannot confirm are taken to have their share", {
          ...fields,
          members: decision.assumed,
        });
      }
      this.#o.log.info("resharing settled", fields);
      const { requester } = pending;
      if (requester !== undefined && requester !== this.#o.self) {
        this.#send(requester, open, { standing: "settled", asking: false });
      }
    } else this.#o.log.warn("resharing undone", { ...fields, reason: decision.reason });
    open.done.resolve(decision);
  }

  /** Tells everybody who is not known to be a Go node. */
  #tell(open: Open, note: Omit<Note, "reason">): void {
    const everybody = new Set([...open.pending.newCommittee, ...open.pending.audience]);
    everybody.delete(this.#o.self);
    for (const member of everybody) {
      if (this.#softwareOf(open, member) !== "go") this.#send(member, open, note);
    }
  }

  #send(to: Identity, open: Open, note: Omit<Note, "reason">): void {
    const reason = (open.refusal?.reason ?? "").slice(0, MAX_REASON);
    this.#post(to, noteCommand(open.pending.ceremony, { ...note, reason }));
  }

  #post(to: Identity, command: OutcomeCommand): void {
    this.#o.send(to, command).catch((error) =>
      this.#o.log.debug("a resharing note could not be sent", {
        to,
        ceremony: toHex(command.ceremonyId),
        reason: error instanceof Error ? error.message : String(error),
      })
    );
  }
}

function isYes(note: Note | undefined): boolean {
  return note !== undefined && note.standing !== "refused";
}
