/**
 * Notices that a member of a running ceremony is gone, long before a deadline passes.
 *
 * Only a member that the ceremony waits for is looked at, and only what this node sees itself
 * counts: its session has ended and it leaves sealed echoes unanswered. Where there never was a
 * session, or there still is one, it takes several unanswered echoes: a slow node is not gone.
 *
 * @module
 */

import type { Ceremony } from "../ceremony/ceremony.ts";
import type { Identity } from "../crypto/identity.ts";
import type { Clock } from "../mesh/clock.ts";
import type { SessionView } from "../mesh/mesh.ts";
import { ownVerdict, type ReadinessView } from "./mutual.ts";

/** How often a running ceremony is looked at, ms. */
export const LOOK_MS = 1_000;
/** A member without a session is asked when it has been awaited for this long, ms. */
export const PATIENCE = 5_000;
/** A member with a session is asked when nothing has come from it for this long, ms. */
export const STALE_SESSION = 15_000;
/** Questions in a row that a member must leave unanswered if its session has not just ended. */
const MISSES = 3;

/** What watching needs of its surroundings. */
export interface AbsenceOptions {
  readonly clock: Clock;
  readonly sessions: () => SessionView[];
  readonly onSession: (watcher: (peer: Identity, up: boolean) => void) => () => void;
  readonly readiness: {
    view(): ReadinessView;
    probe(nodes: readonly Identity[]): Promise<void>;
  };
}

interface Awaited {
  /** Since when it is awaited without a break, ms. */
  since: number;
  /** Its session has ended while the ceremony ran. */
  left: boolean;
  misses: number;
  probing: boolean;
}

interface Watched {
  readonly ceremony: Ceremony;
  readonly awaited: Map<Identity, Awaited>;
  /** Members that had a session at some time of the ceremony. */
  readonly met: Set<Identity>;
}

/** Watches the ceremonies of one node. */
export class AbsenceWatch {
  readonly #o: AbsenceOptions;
  readonly #watched = new Set<Watched>();
  readonly #unwatch: () => void;
  #cancel: (() => void) | null = null;

  /** Watches nothing yet. */
  constructor(options: AbsenceOptions) {
    this.#o = options;
    this.#unwatch = options.onSession((_peer, up) => {
      if (!up) this.#look();
    });
  }

  /** Watches a ceremony until it ends. */
  watch(ceremony: Ceremony): void {
    if (ceremony.state !== "running") return;
    const watched: Watched = { ceremony, awaited: new Map(), met: new Set() };
    this.#watched.add(watched);
    void ceremony.result.then(() => this.#watched.delete(watched));
    this.#look();
  }

  /** Watches nothing any more. */
  stop(): void {
    this.#unwatch();
    this.#cancel?.();
    this.#cancel = null;
    this.#watched.clear();
  }

  #look(): void {
    this.#cancel?.();
    this.#cancel = null;
    if (this.#watched.size === 0) return;
    this.#cancel = this.#o.clock.setTimer(LOOK_MS, () => this.#look());
    const sessions = new Map(this.#o.sessions().map((s) => [s.identity, s]));
    for (const watched of this.#watched) this.#lookAt(watched, sessions);
  }

  #lookAt(watched: Watched, sessions: ReadonlyMap<Identity, SessionView>): void {
    const { ceremony, awaited, met } = watched;
    const now = this.#o.clock.now();
    const waitingFor = new Set(ceremony.waitingFor);
    for (const member of awaited.keys()) if (!waitingFor.has(member)) awaited.delete(member);
    for (const member of ceremony.members) {
      const session = sessions.get(member);
      const left = met.has(member) && session === undefined;
      if (session !== undefined) met.add(member);
      if (!waitingFor.has(member)) continue;
      let state = awaited.get(member);
      if (state === undefined) {
        awaited.set(member, state = { since: now, left, misses: 0, probing: false });
      }
      state.left = left;
      const due = session === undefined
        ? left || now >= state.since + PATIENCE
        : now >= session.lastSeen + STALE_SESSION;
      if (due && !state.probing) void this.#probe(watched, member, state);
    }
  }

  async #probe(watched: Watched, member: Identity, state: Awaited): Promise<void> {
    state.probing = true;
    try {
      await this.#o.readiness.probe([member]);
    } finally {
      state.probing = false;
    }
    // It may have spoken meanwhile, in the ceremony or with a new session.
    if (watched.awaited.get(member) !== state || !this.#watched.has(watched)) return;
    if (!watched.ceremony.waitingFor.includes(member)) return;
    const session = this.#o.sessions().find((s) => s.identity === member);
    const verdict = ownVerdict(this.#o.readiness.view().state(member));
    const fresh = session !== undefined &&
      this.#o.clock.now() < session.lastSeen + STALE_SESSION;
    if (typeof verdict === "string" || fresh) {
      state.misses = 0;
      return;
    }
    state.misses++;
    if (!(state.left && session === undefined) && state.misses < MISSES) return;
    watched.ceremony.lose(member, `cannot be reached (${verdict.no})`);
  }
}
