/**
 * Every ceremony this node was asked for, from the request to its end, for people to look at.
 *
 * @module
 */

import type { Ceremony } from "../ceremony/ceremony.ts";
import type { CeremonyResult, Outcome } from "../ceremony/verdict.ts";
import type { Identity } from "../crypto/identity.ts";
import { toHex } from "../encoding/bytes.ts";
import { type CeremonyRequest, requestMembers } from "./request.ts";
import type { Note } from "./reshare_notes.ts";

/** Where a ceremony stands on this node. */
export type EntryState =
  /** A person has to approve it first. */
  | "waiting"
  /** Approved; pre-parameters or the worker are being made ready. */
  | "starting"
  | "running"
  /** A resharing whose protocol has ended here: the new members confirm their shares. */
  | "confirming"
  | "complete"
  | "failed"
  | "aborted"
  /** This node asked for it and takes no part itself. */
  | "requested"
  /** What this node asked for was answered by the members. */
  | "answered";

/** How a ceremony ended on this node. */
export type EntryOutcome = Outcome | { readonly state: "answered" };

/** Most finished entries kept; the oldest goes first. */
const MAX_FINISHED = 500;

/** A member's word that it will not go on. */
export interface MemberReport {
  readonly from: Identity;
  /** It did not want to; otherwise something failed there. */
  readonly refused: boolean;
  /** Whom this node awaited at that moment. */
  readonly awaited: readonly Identity[];
}
/** Most finished presignings kept: they go on in the background and must not push others out. */
const MAX_FINISHED_PRESIGNINGS = 20;

/** One ceremony on this node. */
export class Entry {
  readonly request: CeremonyRequest;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  /** Whether this node's own admin asked for it. */
  readonly local: boolean;
  state: EntryState;
  /** The running ceremony, once it started. */
  ceremony: Ceremony | undefined;
  /** How it ended; undefined until then. */
  outcome: EntryOutcome | undefined;
  /** Since when it has been in its state and round, ms; kept by the {@link Ledger} it is in. */
  since: number;
  /** Members that said that they have completed it. */
  readonly confirmed: Set<Identity> = new Set();
  /** What members of a resharing said last. */
  readonly notes: Map<Identity, Note> = new Map();
  /** Nobody signed the request. */
  readonly unsigned: boolean;
  /** Who has to decide while it waits. */
  awaits: "policy" | "operator" | null = null;
  /** When a waiting request is denied for want of a decision, ms; null while it does not wait. */
  expiresAt: number | null = null;
  /** The member whose word ended it, if one's did. */
  report: MemberReport | undefined;
  readonly #watchers = new Set<() => void>();
  readonly #ended = Promise.withResolvers<EntryOutcome>();

  /** A fresh entry. */
  constructor(
    request: CeremonyRequest,
    receivedAt: number,
    local: boolean,
    state: EntryState,
    unsigned = false,
  ) {
    this.request = request;
    this.unsigned = unsigned;
    this.receivedAt = receivedAt;
    this.since = receivedAt;
    this.local = local;
    this.state = state;
  }

  /** Resolves when the ceremony has ended here, in whatever way. */
  get ended(): Promise<EntryOutcome> {
    return this.#ended.promise;
  }

  /** Whether it has ended. */
  get isOver(): boolean {
    return this.outcome !== undefined;
  }

  /** Ends the entry; the first end counts. Returns whether this was the first. */
  end(outcome: EntryOutcome): boolean {
    if (this.outcome !== undefined) return false;
    this.outcome = outcome;
    this.state = outcome.state;
    this.#ended.resolve(outcome);
    this.changed();
    return true;
  }

  /** Moves on to another state and tells the watchers. */
  move(state: EntryState): void {
    if (this.outcome !== undefined) return;
    this.state = state;
    this.changed();
  }

  /** Calls `watcher` at every change; the returned function stops that. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Tells the watchers that something visible changed. */
  changed(): void {
    for (const watcher of this.#watchers) watcher();
  }
}

/** Rounds that a ceremony of each kind has, for progress displays. */
const ROUNDS = { keygen: 4, sign: 9, reshare: 5, presign: 7 } as const;

/** How many rounds the ceremony of a request has. */
export function roundsOf(request: CeremonyRequest): number {
  return request.kind === "sign" && request.presigned !== undefined ? 1 : ROUNDS[request.kind];
}

/** Whom an entry waits for; undefined while it waits for no member. */
export function waitingFor(entry: Entry): Identity[] | undefined {
  const { request, ceremony, state } = entry;
  if (state === "running" && ceremony !== undefined) return [...ceremony.waitingFor];
  if (state !== "confirming" || request.kind !== "reshare") return undefined;
  return request.newCommittee.filter((m) => !entry.confirmed.has(m));
}

/** What the admin interface shows of an entry. Nothing in it is secret. */
export function entryView(entry: Entry, now: number): Record<string, unknown> {
  const { request, ceremony, outcome } = entry;
  const running = entry.state === "running" && ceremony !== undefined;
  const waiting = entry.state === "waiting";
  const result: CeremonyResult | undefined = outcome?.state === "complete"
    ? outcome.result
    : undefined;
  return {
    id: request.id,
    kind: request.kind,
    state: entry.state,
    // Nobody knows who sent what nobody signed.
    requester: entry.unsigned ? undefined : request.requester,
    unsigned: entry.unsigned ? true : undefined,
    purpose: request.purpose,
    awaits: waiting ? entry.awaits ?? undefined : undefined,
    expires_at: waiting && entry.expiresAt !== null
      ? new Date(entry.expiresAt).toISOString()
      : undefined,
    left_ms: waiting && entry.expiresAt !== null ? Math.max(0, entry.expiresAt - now) : undefined,
    local: entry.local,
    curve: "curve" in request ? request.curve : undefined,
    key_id: request.kind === "keygen"
      ? (result === undefined ? undefined : toHex(result.keyId))
      : request.keyId,
    digest: request.kind === "sign" ? toHex(request.payload) : undefined,
    committee: requestMembers(request),
    old_committee: request.kind === "reshare" ? request.oldCommittee : undefined,
    new_committee: request.kind === "reshare" ? request.newCommittee : undefined,
    threshold: request.kind === "reshare" ? request.newThreshold : request.threshold,
    received_at: new Date(entry.receivedAt).toISOString(),
    age_ms: Math.max(0, now - entry.receivedAt),
    round: running ? ceremony.round : undefined,
    rounds: running ? roundsOf(request) : undefined,
    step: running ? ceremony.step : undefined,
    since_ms: Math.max(0, now - entry.since),
    waiting_for: waitingFor(entry),
    code: outcome?.state === "failed" ? outcome.code : undefined,
    reason: outcome?.state === "failed" || outcome?.state === "aborted"
      ? outcome.reason
      : undefined,
    culprits: outcome?.state === "failed" ? [...outcome.culprits] : undefined,
    verdict: outcome?.state === "failed" ? outcome.blame?.kind ?? "unknown" : undefined,
    suspects: outcome?.state === "failed" ? outcome.blame?.suspects ?? [] : undefined,
  };
}

function stageOf({ state, ceremony }: Entry): string {
  return state === "running" ? `${state} ${ceremony?.round}` : state;
}

/** All entries by ceremony id, bounded: finished ones are forgotten first. */
export class Ledger {
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();
  /**
   * Ends since the start of the process, also of entries that are forgotten; without presignings,
   * which give way as a matter of course.
   */
  readonly totals: Record<EntryOutcome["state"], number> = {
    complete: 0,
    failed: 0,
    aborted: 0,
    answered: 0,
  };

  /** An empty ledger; `now` gives the time in milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The entry of a ceremony, or undefined. */
  get(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  /** Adds an entry. */
  add(entry: Entry): void {
    this.#entries.set(entry.request.id, entry);
    let stage = stageOf(entry);
    entry.watch(() => {
      const next = stageOf(entry);
      if (next !== stage) entry.since = this.#now();
      stage = next;
    });
    if (entry.request.kind === "presign") {
      this.#forget((e) => e.request.kind === "presign", MAX_FINISHED_PRESIGNINGS);
      return;
    }
    void entry.ended.then(({ state }) => this.totals[state]++);
    this.#forget(() => true, MAX_FINISHED);
  }

  /** Drops the oldest finished entries of those that `counts` picks beyond `most`. */
  #forget(counts: (entry: Entry) => boolean, most: number): void {
    const finished = [...this.#entries].filter(([, e]) => e.isOver && counts(e));
    for (const [id] of finished.slice(0, Math.max(0, finished.length - most))) {
      this.#entries.delete(id);
    }
  }

  /** All entries, oldest first. */
  all(): Entry[] {
    return [...this.#entries.values()];
  }

  /** Entries whose id begins with `prefix`. */
  find(prefix: string): Entry[] {
    return this.all().filter((e) => e.request.id.startsWith(prefix));
  }

  /** How many entries are in each state. */
  counts(): Record<EntryState, number> {
    const out: Record<EntryState, number> = {
      waiting: 0,
      starting: 0,
      running: 0,
      confirming: 0,
      complete: 0,
      failed: 0,
      aborted: 0,
      requested: 0,
      answered: 0,
    };
    for (const e of this.#entries.values()) out[e.state]++;
    return out;
  }
}
