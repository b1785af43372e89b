/**
 * A ceremony as the rest of the node sees it.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import { toHex } from "../encoding/bytes.ts";
import { type CeremonyKind, type CeremonySpec, type CurveName, membersOf } from "./spec.ts";
import type { Outcome } from "./verdict.ts";

/** `running`, or one of the three ends. */
export type CeremonyState = "running" | Outcome["state"];

/** Where a run is. */
export interface Position {
  /** From 1; 0 before the worker has loaded. */
  readonly round: number;
  /** For people: `waiting for KGRound1Message`, `round 2: verifying proofs`. */
  readonly step: string;
  /** Who has not been heard yet; empty while computing. */
  readonly waitingFor: readonly Identity[];
}

/** A member that sent two different messages where one was due; the first one counted. */
export interface Equivocation {
  /** Who did it. */
  readonly member: Identity;
  /** Message name, without family and protocol. */
  readonly type: string;
}

/** What a ceremony needs of the engine. */
export interface CeremonyHooks {
  /** Ends the run, which then calls {@link Ceremony.finish}. */
  onAbort(reason: string): void;
  /** A member will say nothing more; ends the run once something of it is needed. */
  onLost(member: Identity, why: string): void;
  /** A member says that it gave up; ends the run unless it has said why. */
  onRefusal(member: Identity, reason: string): void;
  /** A member waits for its operator; the round's limit does not count while it does. */
  onHold(member: Identity): void;
  /** A listener threw; that must not end anything. */
  onListenerError(error: unknown): void;
}

/** One ceremony, running or finished. Made by the engine. */
export class Ceremony {
  /** 64 hex digits. */
  readonly id: string;
  /** What it does. */
  readonly kind: CeremonyKind;
  /** Curve of the key. */
  readonly curve: CurveName;
  /** 32 hex digits; `null` in a key generation before its end. */
  #keyId: string | null;
  /** Everybody in it, each once. */
  readonly members: readonly Identity[];
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  /** Resolves, never rejects, when the ceremony ends. */
  readonly result: Promise<Outcome>;
  #finishedAt: number | null = null;
  #outcome: Outcome | null = null;
  #position: Position = { round: 0, step: "starting", waitingFor: [] };
  readonly #listeners = new Set<(ceremony: Ceremony) => void>();
  #resolve!: (outcome: Outcome) => void;
  readonly #equivocations: Equivocation[] = [];
  #hooks: CeremonyHooks;

  /** For the engine. */
  constructor(spec: CeremonySpec, startedAt: number, hooks: CeremonyHooks) {
    this.id = toHex(spec.id);
    this.kind = spec.kind;
    this.curve = spec.curve;
    this.members = membersOf(spec);
    this.startedAt = startedAt;
    this.#keyId = spec.kind === "keygen" ? null : toHex(spec.keyId);
    this.#hooks = hooks;
    this.result = new Promise((resolve) => this.#resolve = resolve);
  }

  /** Key in question, 32 hex digits; `null` in a key generation before its end. */
  get keyId(): string | null {
    return this.#keyId;
  }

  /** Where it stands. */
  get state(): CeremonyState {
    return this.#outcome?.state ?? "running";
  }

  /** How it ended; `null` while it runs. */
  get outcome(): Outcome | null {
    return this.#outcome;
  }

  /** When it ended; `null` while it runs. */
  get finishedAt(): number | null {
    return this.#finishedAt;
  }

  /** See {@link Position.round}. */
  get round(): number {
    return this.#position.round;
  }

  /** See {@link Position.step}. */
  get step(): string {
    return this.#position.step;
  }

  /** See {@link Position.waitingFor}. */
  get waitingFor(): readonly Identity[] {
    return this.#position.waitingFor;
  }

  /** Who contradicted themselves, in order of discovery, each slot once. */
  get equivocations(): readonly Equivocation[] {
    return this.#equivocations;
  }

  /** Calls `listener` after every change, the last time when it ends; the result unsubscribes. */
  onChange(listener: (ceremony: Ceremony) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Ends it now; without effect once it has ended. */
  abort(reason: string): void {
    if (this.#outcome === null) this.#hooks.onAbort(reason);
  }

  /**
   * A member has gone or has lost its part. Ends the ceremony as soon as something is missing from
   * that member, at once if it is awaited now; what needs nothing more of it goes on to its end.
   *
   * @param why what happened to it, for people: `has restarted`.
   */
  lose(member: Identity, why: string): void {
    if (this.#outcome === null && this.members.includes(member)) this.#hooks.onLost(member, why);
  }

  /** A member says that it takes no further part; ends it unless the run deals with that itself. */
  refusedBy(member: Identity, reason: string): void {
    if (this.#outcome === null) this.#hooks.onRefusal(member, reason);
  }

  /**
   * A member says that it waits for its operator's approval: until it is heard, only the limit for
   * the whole ceremony counts.
   */
  hold(member: Identity): void {
    if (this.#outcome === null && this.members.includes(member)) this.#hooks.onHold(member);
  }

  /** For the engine: the run moved on. */
  move(position: Position): void {
    if (this.#outcome !== null) return;
    this.#position = position;
    this.#tell();
  }

  /** For the engine: a member contradicted itself. Returns false if that was known. */
  contradict(equivocation: Equivocation): boolean {
    const { member, type } = equivocation;
    if (this.#equivocations.some((e) => e.member === member && e.type === type)) return false;
    this.#equivocations.push(equivocation);
    return true;
  }

  /** For the engine: the one end. Returns false if it had ended already. */
  finish(outcome: Outcome, now: number): boolean {
    if (this.#outcome !== null) return false;
    this.#outcome = outcome;
    this.#finishedAt = now;
    this.#position = { ...this.#position, step: outcome.state, waitingFor: [] };
    if (outcome.state === "complete") this.#keyId = toHex(outcome.result.keyId);
    this.#resolve(outcome);
    this.#tell();
    this.#listeners.clear();
    return true;
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(this);
      } catch (error) {
        this.#hooks.onListenerError(error);
      }
    }
  }
}
