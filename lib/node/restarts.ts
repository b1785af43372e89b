/**
 * Tells the others, after a start, of the ceremonies that the last stop cut off here: the secrets
 * of a ceremony live in memory, so this node's part of them is lost and waiting for it has no sense.
 *
 * A node of our kind gets a sealed note, a Go node the failed response that it knows. Both are
 * signed by this node: they end only its own part.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import { fromHex } from "../encoding/bytes.ts";
import type { OpenCeremony } from "../keystore/journal.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Command } from "../mesh/command_types.ts";
import type { SessionView } from "../mesh/mesh.ts";
import type { Logger } from "../observe/logger.ts";

/** What is said about a lost ceremony. */
export const LOST = "the node has restarted; its part of the ceremony is lost";
/**
 * When those without a session to this node are told, after a session with anybody came up (ms):
 * ways through the mesh take a moment to be known, and nothing acknowledges.
 */
export const FAR_AFTER: readonly number[] = [250, 900, 3_000, 10_000, 30_000];
/** Nobody is told again sooner than this about one ceremony (ms). */
export const SAY_GAP = 2_000;
/** Somebody without a session is told this often. */
const FAR_TIMES = 3;

/** What telling needs of its surroundings. */
export interface RestartsOptions {
  readonly self: Identity;
  readonly clock: Clock;
  readonly log: Logger;
  readonly mesh: {
    sendSealed(to: Identity, command: Command): Promise<void>;
    sessions(): SessionView[];
    onSession(watcher: (peer: Identity, up: boolean) => void): () => void;
    knows(identity: Identity): boolean;
  };
  readonly journal: {
    /** What was open at the start. */
    readonly lost: readonly OpenCeremony[];
    end(id: string): Promise<void>;
  };
}

interface Audience {
  /** How often it was told. */
  times: number;
  /** When last, ms. */
  at: number;
}

interface Lost {
  readonly ceremony: OpenCeremony;
  readonly audience: Map<Identity, Audience>;
}

/** The lost ceremonies of one node. */
export class Restarts {
  readonly #o: RestartsOptions;
  readonly #lost = new Map<string, Lost>();
  readonly #timers = new Set<() => void>();
  #unwatch: (() => void) | null = null;
  #stopped = false;

  /** Says nothing before {@link start}. */
  constructor(options: RestartsOptions) {
    this.#o = options;
    for (const ceremony of options.journal.lost) {
      const others = new Set([...ceremony.members, ceremony.requester]);
      others.delete(options.self);
      const audience = new Map([...others].map((id) => [id, { times: 0, at: -Infinity }]));
      this.#lost.set(ceremony.id, { ceremony, audience });
    }
  }

  /** The ceremony `id` if this node's part of it is lost. */
  lost(id: string): OpenCeremony | undefined {
    return this.#lost.get(id)?.ceremony;
  }

  /** Starts telling; to be called before the first session. */
  start(): void {
    if (this.#lost.size === 0) return;
    for (const { ceremony } of this.#lost.values()) {
      this.#o.log.warn("a ceremony was cut off by the last stop", {
        ceremony: ceremony.id,
        kind: ceremony.kind,
        members: ceremony.members,
      });
    }
    this.#unwatch = this.#o.mesh.onSession((peer, up) => {
      if (!up) return;
      for (const lost of this.#lost.values()) this.#tell(lost, peer);
      for (const ms of FAR_AFTER) this.#after(ms, () => this.#tellFar());
    });
  }

  /** Tells nobody any more. */
  stop(): void {
    this.#stopped = true;
    this.#unwatch?.();
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  /** A member still speaks in ceremony `id`: if that is lost here, it may not have heard. */
  heard(id: string, from: Identity): void {
    const lost = this.#lost.get(id);
    if (lost !== undefined) this.#tell(lost, from);
  }

  #after(ms: number, run: () => void): void {
    const cancel = this.#o.clock.setTimer(ms, () => {
      this.#timers.delete(cancel);
      run();
    });
    this.#timers.add(cancel);
  }

  #tellFar(): void {
    for (const lost of this.#lost.values()) {
      for (const [identity, { times }] of lost.audience) {
        if (times < FAR_TIMES && this.#o.mesh.knows(identity)) this.#tell(lost, identity);
      }
    }
  }

  #tell(lost: Lost, to: Identity): void {
    const audience = lost.audience.get(to);
    const now = this.#o.clock.now();
    if (audience === undefined || now < audience.at + SAY_GAP) return;
    const session = this.#o.mesh.sessions().find((s) => s.identity === to);
    const reads = session?.ours ?? lost.ceremony.ours.includes(to);
    // In a resharing a failed response among nodes of our kind is a promise to have no new share.
    if (!reads && lost.ceremony.kind === "reshare" && session === undefined) return;
    const word = reads ? noteOf(lost.ceremony) : responseOf(lost.ceremony);
    if (word === null) return;
    audience.at = now;
    this.#o.mesh.sendSealed(to, word).then(
      () => this.#told(lost, audience, session !== undefined),
      (error) => {
        audience.at = -Infinity;
        this.#o.log.debug("a lost ceremony could not be told", {
          ceremony: lost.ceremony.id,
          to,
          reason: error instanceof Error ? error.message : String(error),
        });
      },
    );
  }

  #told(lost: Lost, audience: Audience, near: boolean): void {
    audience.times = near ? FAR_TIMES : audience.times + 1;
    if ([...lost.audience.values()].some(({ times }) => times < FAR_TIMES)) return;
    // After a stop nothing is written: at the next start they are told once more.
    if (this.#stopped) return;
    this.#o.journal.end(lost.ceremony.id).catch((error) =>
      this.#o.log.warn("the journal could not be written", {
        ceremony: lost.ceremony.id,
        reason: String(error),
      })
    );
  }
}

function noteOf({ id }: OpenCeremony): Command {
  return { type: "ceremony-note", ceremonyId: fromHex(id), about: "lost", text: LOST };
}

/** What the Go wire has for it; null for kinds that it does not know. */
function responseOf({ id, kind }: OpenCeremony): Command | null {
  const common = { ceremonyId: fromHex(id), success: false, error: LOST };
  switch (kind) {
    case "keygen":
    case "reshare":
      return { type: `${kind}-response`, ...common };
    case "sign":
      return { type: "sign-response", ...common, r: new Uint8Array(0), s: new Uint8Array(0) };
    default:
      return null;
  }
}
