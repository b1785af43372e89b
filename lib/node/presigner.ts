/**
 * Keeps presignatures ready for the keys whose operator wants it, and offers them to signings that
 * this node asks for.
 *
 * It works when nothing else does: not while a ceremony runs that somebody waits for, and one that
 * starts ends a presigning. Where that never comes to an end, because somebody asks for a signature
 * about once a second, one presigning at a time goes on beside signatures ({@link PresignHunger}).
 * Failures make it wait ever longer, key by key.
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import type { Identity } from "../crypto/identity.ts";
import { toHex } from "../encoding/bytes.ts";
import type { PresignShelf } from "../keystore/presign_shelf.ts";
import { belongsTo, type PresignHeader, sameMembers } from "../keystore/presign_stock.ts";
import type { KeyMeta } from "../keystore/meta.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Logger } from "../observe/logger.ts";
import type { Entry } from "./ledger.ts";
import { PRESIGN_BUSY, PresignHunger } from "./presign_hunger.ts";
import type { PresignRequest } from "./request.ts";

/** Version of presigning that is announced to others and asked of them. */
export const PRESIGN_VERSION = 1;
/** Looks whether something is to be done this often, ms. */
export const PRESIGN_TICK = 5_000;
/** Waits this long after the last ceremony that somebody waited for, ms. */
export const PRESIGN_IDLE = 1_000;
/** One that goes on beside signatures begins this long after the last of them at the soonest, ms. */
export const PRESIGN_GAP = 100;
/** Wait after a first failure, ms; doubles with each further one. */
export const PRESIGN_BACKOFF = 10_000;
/** Longest wait after failures, ms. */
export const PRESIGN_BACKOFF_MAX = 30 * 60_000;
/** The other members have this long to say that they stored their parts, ms. */
export const PRESIGN_CONFIRM = 10_000;

/** What a presigner needs of its surroundings. */
export interface PresignerOptions {
  readonly self: Identity;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Logger;
  /** Keys with a share here. */
  readonly keys: () => Promise<readonly KeyMeta[]>;
  readonly shelf: Pick<PresignShelf, "list" | "wipe" | "setting" | "set">;
  /** The version of presigning that a node announced; 0 for none, or for a Go node. */
  readonly versionOf: (node: Identity) => number;
  /**
   * Threshold + 1 of the candidates that are ready for each other, this node first, or null. Asks
   * nobody.
   */
  readonly quorum: (meta: KeyMeta, candidates: readonly Identity[]) => readonly Identity[] | null;
  /** Starts a presigning, this node included. */
  readonly initiate: (request: PresignRequest) => Promise<Entry>;
  /** Ends a presigning. */
  readonly abort: (entry: Entry, reason: string) => Promise<void>;
  /** Presignings that run here, whoever asked for them, oldest first. */
  readonly running: () => readonly Entry[];
  /** Whether a ceremony waits for pre-parameters: nothing may slow the search then. */
  readonly searching: () => boolean;
  /** What {@link Presigner.announced} says has changed. */
  readonly announce: () => void;
  /** There is something to sign from: get ready. */
  readonly warm: () => void;
}

/** A presignature that a signing may use. */
export interface PresignOffer {
  /** 64 hex digits. */
  readonly id: string;
  /** Who signs. */
  readonly committee: readonly Identity[];
}

/** What is shown of a key. */
export interface PresignView {
  /** How many are wanted; null where presignatures are off. */
  readonly count: number | null;
  /** How many this node can propose to use. */
  readonly ready: number;
  /** How many parts are stored here, those that other members may propose to use included. */
  readonly stored: number;
}

interface Patience {
  fails: number;
  until: number;
}

/** The presigner of one node. */
export class Presigner {
  readonly #o: PresignerOptions;
  readonly #patience = new Map<string, Patience>();
  /** Whether any key has presignatures on, as of the last look. */
  #on = false;
  #stocked = 0;
  /** Ceremonies under way that somebody waits for. */
  #slow = 0;
  /** Those of them that are no signatures. */
  #heavy = 0;
  #idleSince = -Infinity;
  readonly #hunger: PresignHunger;
  #cancelTick: (() => void) | null = null;
  #working = false;
  /** Offered to signings that have not ended yet. */
  readonly #offered = new Set<string>();
  #stopped = false;
  /** Signings of this node that went nine rounds although their key has presignatures on. */
  fallbacks = 0;

  /** Does nothing before {@link start}. */
  constructor(options: PresignerOptions) {
    this.#o = options;
    this.#hunger = new PresignHunger(options.clock);
  }

  /** Starts looking after the stock. */
  async start(): Promise<void> {
    await this.#look();
    this.#schedule(PRESIGN_TICK);
  }

  /** Starts nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#cancelTick?.();
  }

  /** The version to announce: 0 while no key has presignatures on. */
  announced(): number {
    return this.#on ? PRESIGN_VERSION : 0;
  }

  /**
   * A ceremony that somebody waits for begins: presignings give way, but for one that nothing else
   * would ever let end.
   *
   * @param sharing Whether it is a signature, which such a one may go on beside.
   */
  begin(sharing = false): void {
    this.#slow++;
    if (!sharing) this.#heavy++;
    const [first, ...others] = this.#o.running();
    if (first === undefined) return;
    const stays = sharing && this.#hunger.protects(first.receivedAt);
    for (const entry of stays ? others : [first, ...others]) {
      if (sharing) this.#hunger.turnedAway();
      this.#o.abort(entry, MADE_WAY).catch(() => {});
    }
  }

  /** Such a ceremony has ended; `sharing` as at its beginning. */
  end(sharing = false): void {
    this.#slow--;
    if (!sharing) this.#heavy--;
    this.#idleSince = this.#o.clock.now();
    if (this.#hunger.isDue) this.#schedule(PRESIGN_GAP);
  }

  /** Whether a ceremony runs that somebody waits for. */
  busy(): boolean {
    return this.#slow > 0;
  }

  /** Whether a presigning must be turned away now, because of such a ceremony. */
  turnsAway(): boolean {
    if (this.busy() && this.#heavy === 0) this.#hunger.turnedAway();
    return this.busy();
  }

  /** Takes the operator's word on a key: how many to keep ready, or null for none at all. */
  async set(keyId: string, count: number | null): Promise<void> {
    await this.#o.shelf.set(keyId, count);
    this.#patience.delete(keyId);
    await this.#look();
    this.#schedule(0);
  }

  /** What is to be shown of a key. */
  async view(keyId: string): Promise<PresignView> {
    const stored = await this.#o.shelf.list(keyId);
    return {
      count: await this.#o.shelf.setting(keyId),
      ready: stored.filter((h) => h.maker === this.#o.self).length,
      stored: stored.length,
    };
  }

  /** Presignatures of all keys that this node can propose to use, as of the last look. */
  get stocked(): number {
    return this.#stocked;
  }

  /**
   * Offers a presignature for a signing, or null if there is none that fits.
   *
   * @param committee The signers, if they are fixed.
   * @param fits Whether signers that are not fixed would do.
   */
  async offer(
    meta: KeyMeta,
    committee: readonly Identity[] | null,
    fits: (committee: readonly Identity[]) => boolean,
  ): Promise<PresignOffer | null> {
    if (meta.status !== "active" || await this.#o.shelf.setting(meta.keyId) === null) return null;
    for (const header of await this.#own(meta)) {
      if (committee !== null && !sameMembers(committee, header.committee)) continue;
      if (committee === null && !fits(header.committee)) continue;
      if (header.committee.some((m) => !this.#supports(m))) continue;
      this.#offered.add(header.id);
      return { id: header.id, committee: committee ?? header.committee };
    }
    this.fallbacks++;
    return null;
  }

  /** The signing that got an offer is over: what it did not use, others may have destroyed. */
  async release({ id }: PresignOffer): Promise<void> {
    await this.#o.shelf.wipe((h) => h.id === id);
    this.#offered.delete(id);
    this.#schedule(PRESIGN_IDLE);
  }

  /** A member of `committee` has no such presignature: it has none of the others either. */
  async distrust(keyId: string, committee: readonly Identity[]): Promise<void> {
    this.fallbacks++;
    const count = await this.#o.shelf.wipe((h) =>
      h.maker === this.#o.self && h.keyId === keyId && sameMembers(h.committee, committee) &&
      !this.#offered.has(h.id)
    );
    this.#o.log.info("a member lacks a presignature; its others are dropped", {
      key: keyId,
      count,
    });
  }

  #supports(member: Identity): boolean {
    return member === this.#o.self || this.#o.versionOf(member) === PRESIGN_VERSION;
  }

  /** What this node can propose to use, for the present share. */
  async #own(meta: KeyMeta): Promise<PresignHeader[]> {
    const all = await this.#o.shelf.list(meta.keyId);
    return all.filter((h) =>
      h.maker === this.#o.self && belongsTo(h, meta) && !this.#offered.has(h.id)
    );
  }

  async #look(): Promise<readonly [KeyMeta, number][]> {
    const wanted: [KeyMeta, number][] = [];
    for (const meta of await this.#o.keys()) {
      if (meta.status !== "active" || meta.curve !== "secp256k1") continue;
      const count = await this.#o.shelf.setting(meta.keyId);
      if (count !== null) wanted.push([meta, count]);
    }
    this.#stocked = (await this.#o.shelf.list()).filter((h) => h.maker === this.#o.self).length;
    const on = wanted.length > 0;
    if (on !== this.#on) {
      this.#on = on;
      this.#o.announce();
    }
    if (on) this.#o.warm();
    return wanted;
  }

  #schedule(ms: number): void {
    if (this.#stopped) return;
    this.#cancelTick?.();
    this.#cancelTick = this.#o.clock.setTimer(ms, () => void this.#tick());
  }

  async #tick(): Promise<void> {
    if (this.#working || this.#stopped) return;
    this.#working = true;
    let next = PRESIGN_TICK;
    try {
      next = await this.#work();
    } catch (error) {
      this.#o.log.warn("presigning failed", { reason: messageOf(error) });
    } finally {
      this.#working = false;
      this.#schedule(next);
    }
  }

  /** Makes one presignature if one is due; returns when to look again, ms. */
  async #work(): Promise<number> {
    for (const [meta, count] of await this.#look()) {
      const patience = this.#patience.get(meta.keyId);
      if (patience !== undefined && patience.until > this.#o.clock.now()) continue;
      const candidates = meta.committee.filter((m) => this.#supports(m));
      const committee = this.#o.quorum(meta, candidates);
      if (committee === null) continue;
      const own = await this.#own(meta);
      const have = own.filter((h) => sameMembers(h.committee, committee));
      if (have.length >= count) continue;
      if (!this.#mayBegin()) return PRESIGN_IDLE;
      await this.#makeRoom(meta, own, committee, count);
      return await this.#make(meta, committee) ? 0 : PRESIGN_IDLE;
    }
    return PRESIGN_TICK;
  }

  /** Whether a presigning that is due may begin now. */
  #mayBegin(): boolean {
    if (this.#o.searching()) return false;
    const quiet = this.#slow > 0 ? -1 : this.#o.clock.now() - this.#idleSince;
    if (quiet >= PRESIGN_IDLE) return true;
    if (this.#heavy > 0) return false;
    this.#hunger.turnedAway();
    return quiet >= PRESIGN_GAP && this.#o.running().length === 0 && this.#hunger.takeTurn();
  }

  /** Drops those of other quorums, oldest first, beyond as many as are wanted. */
  async #makeRoom(
    meta: KeyMeta,
    own: readonly PresignHeader[],
    committee: readonly Identity[],
    count: number,
  ): Promise<void> {
    const others = own.filter((h) => !sameMembers(h.committee, committee));
    const doomed = new Set(others.slice(0, Math.max(0, others.length - count)).map((h) => h.id));
    await this.#o.shelf.wipe((h) => h.keyId === meta.keyId && doomed.has(h.id));
  }

  /** Returns whether it worked. */
  async #make(meta: KeyMeta, committee: readonly Identity[]): Promise<boolean> {
    const { keyId, threshold, generation } = meta;
    const { self, clock, log } = this.#o;
    const all = await this.#o.shelf.list(keyId);
    const request: PresignRequest = {
      kind: "presign",
      id: toHex(this.#o.random(32)),
      requester: self,
      keyId,
      committee,
      threshold,
      generation,
      keep: all.filter((h) => h.maker === self).map((h) => h.id),
    };
    let reason: string | null;
    try {
      const entry = await this.#o.initiate(request);
      const outcome = await entry.ended;
      reason = outcome.state === "complete"
        ? await this.#confirmed(entry, committee)
        : outcome.state === "answered"
        ? "answered by others"
        : outcome.reason;
      if (reason !== null) await this.#o.shelf.wipe((h) => h.id === request.id);
    } catch (error) {
      reason = messageOf(error);
    }
    if (reason === null) {
      this.#patience.delete(keyId);
      log.debug("presignature ready", { key: keyId });
      return true;
    }
    // Giving way is no failure; nor is a stop.
    const gaveWay = reason.includes(MADE_WAY) || reason.includes(PRESIGN_BUSY);
    if (gaveWay || this.#stopped) return false;
    const fails = (this.#patience.get(keyId)?.fails ?? 0) + 1;
    const wait = Math.min(PRESIGN_BACKOFF * 2 ** (fails - 1), PRESIGN_BACKOFF_MAX);
    this.#patience.set(keyId, { fails, until: clock.now() + wait });
    log.info("no presignature", { key: keyId, reason, retry_in_s: Math.round(wait / 1000) });
    return false;
  }

  /** Waits until all members have stored their parts; says what is missing. */
  async #confirmed(entry: Entry, committee: readonly Identity[]): Promise<string | null> {
    const missing = () => committee.filter((m) => m !== this.#o.self && !entry.confirmed.has(m));
    if (missing().length > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const stop = entry.watch(() => missing().length === 0 && resolve());
      const cancel = this.#o.clock.setTimer(PRESIGN_CONFIRM, resolve);
      await promise;
      stop();
      cancel();
    }
    const left = missing();
    return left.length === 0 ? null : `${left.join(", ")} did not say that it stored its part`;
  }
}

/** Reason of presignings that ended because a ceremony began. */
const MADE_WAY = "a ceremony came first";

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
