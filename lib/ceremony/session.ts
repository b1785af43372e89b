/**
 * The worker's side of a ceremony: gives the protocol its channel, tells the network thread what
 * to send and where the run is, and turns every ending into one last message.
 *
 * @module
 */

import { encodeJson, type JsonInput, stringifyJson } from "../encoding/json.ts";
import type { Identity } from "../crypto/identity.ts";
import type { Address, Channel, MessageSpec } from "../tss/channel.ts";
import { type Committee, ProtocolError } from "../tss/errors.ts";
import { Inbox, type Waiting } from "./inbox.ts";
import type { FromWorker, Role, ToWorker, WorkerResult } from "./protocol.ts";
import type { NewShare } from "./spec.ts";
import type { FailureCode } from "./verdict.ts";

/** Members per committee in party-index order. */
export type Seats = ReadonlyMap<Committee, readonly Identity[]>;

/** A ceremony made ready: shares opened, parties in order. */
export interface Plan {
  /** Protocol name for errors: `ecdsa-keygen`. */
  readonly task: string;
  /** Every message type of the protocol. */
  readonly specs: readonly MessageSpec<unknown>[];
  /** Who sits where, by party index. */
  readonly seats: Seats;
  /** This node. */
  readonly self: Identity;
  /**
   * What anybody may know, for a transcript: parties with their keys in index order, and what of
   * the share is public. `null` if no transcript is kept.
   */
  readonly publics: JsonInput | null;
  /** Runs the protocol; `store` resolves when the new share is durable. */
  run(channel: Channel, store: (share: NewShare) => Promise<void>): Promise<WorkerResult>;
  /** Wipes what can be wiped; called exactly once, at the end. */
  dispose(): void;
}

/** A failure that is not a member's: says which {@link FailureCode} and why, without values. */
export class JobError extends Error {
  /** Class name. */
  override readonly name = "JobError";
  /** `message` is shown to people: no secrets in it. */
  constructor(readonly code: FailureCode, message: string) {
    super(message);
  }
}

/** One ceremony inside a worker. */
export class Session {
  readonly #plan: Plan;
  readonly #post: (message: FromWorker) => void;
  readonly #inbox: Inbox;
  #round = 1;
  #waitingFor: readonly Role[] = [];
  #lastMove = "";
  #stored: { resolve: () => void; reject: (error: JobError) => void } | null = null;

  /** Makes the session; nothing runs yet. */
  constructor(plan: Plan, post: (message: FromWorker) => void) {
    this.#plan = plan;
    this.#post = post;
    this.#inbox = new Inbox({
      task: plan.task,
      specs: plan.specs,
      onWaiting: (waiting) => this.#wait(waiting),
      onNote: (committee, index, type, digest) =>
        post({ did: "note", from: this.#role(committee, index), type, digest }),
      onConflict: (committee, index, type, digest) =>
        post({ did: "conflict", from: this.#role(committee, index), type, digest }),
    });
  }

  /** Takes what the network thread says while the ceremony runs. */
  handle(message: ToWorker): void {
    if (message.do === "hear") {
      const { committee, identity } = message.from;
      const index = this.#plan.seats.get(committee)?.indexOf(identity) ?? -1;
      if (index !== -1) this.#inbox.receive(committee, index, message.data);
    } else if (message.do === "stored" && this.#stored !== null) {
      const { resolve, reject } = this.#stored;
      this.#stored = null;
      if (message.ok) resolve();
      else reject(new JobError("TF-STORE", "the new share could not be stored"));
    }
  }

  /** Runs the protocol to its end and reports it; never rejects. */
  async run(): Promise<void> {
    try {
      const { publics } = this.#plan;
      if (publics !== null) this.#post({ did: "publish", text: stringifyJson(publics) });
      const result = await this.#plan.run(this.#channel(), (share) => this.#store(share));
      this.#post({ did: "finish", result });
    } catch (error) {
      this.#post(failMessage(error, this.#round, (c, i) => this.#plan.seats.get(c)?.[i]));
    } finally {
      this.#inbox.clear();
      this.#plan.dispose();
    }
  }

  #channel(): Channel {
    return {
      send: (message) => this.#send(message),
      collect: (spec, parties) => this.#inbox.collect(spec, parties),
      progress: (step) => this.#move(step),
      breathe: () => new Promise<void>((resolve) => setImmediate(resolve)),
    };
  }

  #send(message: Parameters<Channel["send"]>[0]): void {
    const data = encodeJson({ t: message.type, c: message.content });
    const { others, toSelf } = this.#route(message.from, message.addresses);
    this.#round = Math.max(this.#round, this.#inbox.roundOf(message.type));
    if (others.length > 0) {
      this.#post({
        did: "say",
        as: message.from,
        to: others,
        broadcast: message.broadcast,
        type: message.type,
        data,
      });
    }
    // A node in both committees hears its other role through the same door as everybody else.
    if (toSelf) this.#inbox.receive(message.from, this.#ownIndex(message.from), data);
  }

  #route(from: Committee, addresses: readonly Address[]): { others: Role[]; toSelf: boolean } {
    const others: Role[] = [];
    let toSelf = false;
    for (const { committee, to } of addresses) {
      for (const index of to) {
        const role = this.#role(committee, index);
        if (role.identity !== this.#plan.self) others.push(role);
        else if (committee !== from) toSelf = true;
      }
    }
    return { others, toSelf };
  }

  #store(share: NewShare): Promise<void> {
    this.#move("storing the new share");
    return new Promise((resolve, reject) => {
      this.#stored = { resolve, reject };
      this.#post({ did: "store", share });
    });
  }

  #wait(waiting: Waiting): void {
    const was = this.#waitingFor.length > 0;
    this.#waitingFor = waiting.missing.map(({ committee, index }) => this.#role(committee, index));
    this.#round = Math.max(this.#round, waiting.round);
    if (this.#waitingFor.length > 0) this.#move(`waiting for ${waiting.types.join(", ")}`);
    else if (was) this.#move("computing");
  }

  #move(step: string): void {
    // Protocols begin their own steps with "round N: …"; the rest goes by what is awaited or sent.
    const named = /^round (\d{1,2})\b/.exec(step);
    if (named !== null) this.#round = Math.max(this.#round, Number(named[1]));
    const move: FromWorker = {
      did: "move",
      round: this.#round,
      step,
      waitingFor: this.#waitingFor,
    };
    const text = JSON.stringify(move);
    if (text === this.#lastMove) return;
    this.#lastMove = text;
    this.#post(move);
  }

  #role(committee: Committee, index: number): Role {
    const identity = this.#plan.seats.get(committee)?.[index];
    if (identity === undefined) throw new RangeError(`No party ${index} in committee ${committee}`);
    return { committee, identity };
  }

  #ownIndex(committee: Committee): number {
    return this.#plan.seats.get(committee)!.indexOf(this.#plan.self);
  }
}

/** Turns any error into the worker's last message: members by name, nothing that could be secret. */
export function failMessage(
  error: unknown,
  round: number,
  nameOf: (committee: Committee, index: number) => Identity | undefined,
): FromWorker {
  if (error instanceof ProtocolError) {
    return {
      did: "fail",
      code: "TF-PROTOCOL",
      reason: error.reason,
      round: error.round,
      culprits: error.culprits.map((index) => nameOf(error.committee, index))
        .filter((identity) => identity !== undefined),
    };
  }
  if (error instanceof JobError) {
    return { did: "fail", code: error.code, reason: error.message, round, culprits: [] };
  }
  const text = error instanceof Error ? `${error.name}: ${error.message}` : "unknown error";
  return { did: "fail", code: "TF-INTERNAL", reason: withoutValues(text), round, culprits: [] };
}

/** Cuts a text short and blanks every run of digits that could be part of a number or key. */
export function withoutValues(text: string): string {
  return text.slice(0, 200).replace(/[0-9a-fA-F]{6,}|[0-9A-Za-z+/=]{24,}/g, "…");
}
