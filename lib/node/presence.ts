/**
 * Everything about being there, for a node and for others: the directory of peers, echoes,
 * readiness, seeds.
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import type { Identity } from "../crypto/identity.ts";
import type { KeyMeta } from "../keystore/meta.ts";
import type { BanView } from "../mesh/bans.ts";
import type { Clock } from "../mesh/clock.ts";
import type { DnsMode } from "../mesh/dns_check.ts";
import type { Incoming, Mesh } from "../mesh/mesh.ts";
import type { Resolver } from "../mesh/resolver.ts";
import { Seeds } from "../mesh/seeds.ts";
import type { Logger } from "../observe/logger.ts";
import type { MetricsRecorder } from "../observe/metrics.ts";
import { ECHO_FRESH, Echoes, STANDING_VERSION } from "./echoes.ts";
import type { ReadyReport } from "./http.ts";
import { assess } from "./mutual.ts";
import { PeerDirectory, type PeerInfo } from "./peer_directory.ts";
import { Readiness } from "./readiness.ts";
import type { Answering } from "./standings.ts";

/** What presence needs of its surroundings. */
export interface PresenceOptions {
  readonly mesh: Mesh;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Logger;
  readonly bans: BanView;
  /** Nodes whose requests are taken. */
  readonly initiators: readonly Identity[];
  /** Keys with a share here; rejects if the keystore cannot be read. */
  readonly keys: () => Promise<readonly KeyMeta[]>;
  /** Sets of pre-parameters ready. */
  readonly preParams: () => number;
  /** Version of presigning that this node takes part in; 0 for none. */
  readonly presign: () => number;
  /** Name and version of this program. */
  readonly software: string;
  readonly recorder: MetricsRecorder;
  /** Seeds to ask, and how peers found there are checked. */
  readonly seeds: readonly string[];
  readonly dns: DnsMode;
  readonly resolver: Resolver;
}

/** Keys as `/ready` and the echoes see them are looked up again after this long, ms. */
const KEYS_LIFE = 5_000;

/** The presence of one node. */
export class Presence {
  readonly #o: PresenceOptions;
  readonly #directory: PeerDirectory;
  readonly #echoes: Echoes;
  readonly #seeds: Seeds;
  /** Who is ready for whom. */
  readonly readiness: Readiness;
  #keys: Promise<readonly KeyMeta[]> = Promise.resolve([]);
  #keysAt = -Infinity;
  #partners: ReadonlySet<Identity> = new Set();
  #lastReady = false;

  /** Watches the mesh from now on, and says nothing before {@link start}. */
  constructor(options: PresenceOptions) {
    this.#o = options;
    const { mesh, clock, random, log } = options;
    const self = mesh.identity;
    this.#directory = new PeerDirectory(mesh, clock);
    this.#echoes = new Echoes({
      self,
      clock,
      random,
      log: log.child("echo"),
      mesh,
      software: options.software,
      preParams: options.preParams,
      presign: options.presign,
      partners: async () => {
        const members = (await this.#ownKeys()).flatMap((key) => key.committee);
        this.#partners = new Set([...options.initiators, ...members]);
        return [...this.#partners];
      },
      trusted: (peer) => this.#partners.has(peer) || options.initiators.includes(peer),
      onAnswer: (_peer, ms) =>
        options.recorder.observe("round_trip_seconds", ms / 1000, { way: "mesh" }),
    });
    this.readiness = new Readiness({
      self,
      clock,
      bans: options.bans,
      sessions: () => mesh.sessions(),
      reachable: () =>
        new Set(this.#directory.list().filter((p) => p.reachable).map((p) => p.identity)),
      preParams: options.preParams,
      echoes: this.#echoes,
    });
    this.#seeds = new Seeds({
      seeds: options.seeds,
      byName: options.dns === "forward" || options.dns === "all",
      resolver: options.resolver,
      clock,
      random,
      log,
      sessions: () => mesh.sessions().length,
      dial: (address, at) => mesh.addPeer(address, at ?? undefined),
    });
  }

  /** Starts asking seeds and echoing. */
  start(): void {
    this.#seeds.start();
    this.#echoes.start();
  }

  /** What echoes tell of this node has changed. */
  announce(): void {
    this.#echoes.announce();
  }

  /** Ends all that. */
  stop(): void {
    this.#seeds.stop();
    this.#echoes.stop();
  }

  /** Whether a node has announced that it compares the broadcasts of ceremonies. */
  compares(peer: Identity): boolean {
    const session = this.#o.mesh.sessions().find((s) => s.identity === peer);
    const told = this.#echoes.contact(peer)?.told ?? null;
    return told !== null && told.protocol >= 2 &&
      this.#echoes.kindOf(peer, session) === "transfunctioner";
  }

  /** Whether a node may be asked how a ceremony stands there; what it told long ago counts no more. */
  answersStandings(peer: Identity): Answering {
    const { mesh, clock } = this.#o;
    const session = mesh.sessions().find((s) => s.identity === peer);
    if (this.#echoes.kindOf(peer, session) === "go") return "go";
    const told = this.#echoes.contact(peer)?.told ?? null;
    if (told === null || clock.now() - told.at > ECHO_FRESH) return "unknown";
    return told.standing >= STANDING_VERSION ? "yes" : "older";
  }

  /** Whether a node can be reached, as far as is known: it has a session or answered lately. */
  online(peer: Identity): boolean {
    const { mesh, clock } = this.#o;
    if (mesh.sessions().some((s) => s.identity === peer)) return true;
    const answeredAt = this.#echoes.contact(peer)?.answeredAt ?? -Infinity;
    return clock.now() - answeredAt <= ECHO_FRESH;
  }

  /** Takes a command of the mesh if it is an echo; returns whether it was one. */
  hear(incoming: Incoming): boolean {
    const { command, via, sender } = incoming;
    if (command.type !== "node-echo") return false;
    if (via === "sealed" && sender !== null) this.#echoes.hear(command, sender);
    return true;
  }

  /** Whether a node is known to be of this implementation, so that it reads what Go nodes do not. */
  isOurs(identity: Identity): boolean {
    const session = this.#o.mesh.sessions().find((s) => s.identity === identity);
    return this.#echoes.kindOf(identity, session) === "transfunctioner";
  }

  /** All known nodes, this one first, with what echoes told. */
  peers(): PeerInfo[] {
    const { mesh, clock } = this.#o;
    const now = clock.now();
    const view = this.readiness.view();
    const sessions = new Map(mesh.sessions().map((s) => [s.identity, s]));
    return this.#directory.list().map((info) => {
      if (info.self) return info;
      const { identity } = info;
      const session = sessions.get(identity);
      const contact = this.#echoes.contact(identity);
      const told = contact?.told ?? null;
      const state = view.state(identity);
      const age = told?.contacts.get(view.self)?.age ?? -1n;
      const heard = Math.max(
        session?.lastPinged ?? -Infinity,
        told === null || age < 0n ? -Infinity : told.at - Number(age),
      );
      const answered = Math.max(
        session?.lastPong ?? -Infinity,
        contact?.answeredAt ?? -Infinity,
      );
      const { faults, unsure } = assess(view, [identity]);
      return {
        ...info,
        // Silence of a node that is known to answer says more than what gossip tells.
        reachable: info.reachable && (faults.length === 0 || state.session),
        software: info.software ?? (state.kind === "" ? undefined : state.kind),
        version: told?.software ?? session?.options["software"],
        rttMs: info.rttMs ?? contact?.roundTripMs ?? undefined,
        ready: faults.length > 0 ? false : unsure ? undefined : true,
        notReady: faults[0]?.reason,
        answeredAgoMs: answered === -Infinity ? undefined : Math.max(0, now - answered),
        heardAgoMs: heard === -Infinity ? undefined : Math.max(0, now - heard),
        skewMs: contact?.skewMs ?? undefined,
        preParams: told?.preParams,
      };
    });
  }

  /** What `/ready` tells. */
  async report(): Promise<ReadyReport> {
    const { mesh } = this.#o;
    const live = mesh.sessions().filter((s) => s.lastPong !== null).length;
    const reasons: string[] = [];
    if (live === 0) reasons.push("no session that has answered a ping");
    const keys: Record<string, unknown>[] = [];
    try {
      for (const key of await this.#ownKeys()) {
        if (key.status !== "active" || !key.committee.includes(mesh.identity)) continue;
        const ready = this.readiness.group(selfFirst(key.committee, mesh.identity));
        const canSign = ready.length > key.threshold;
        keys.push({
          key_id: key.keyId,
          ready: ready.length,
          needed: key.threshold + 1,
          can_sign: canSign,
        });
        if (!canSign) {
          reasons.push(
            `key ${key.keyId}: ${ready.length} of ${key.threshold + 1} members are ready`,
          );
        }
      }
    } catch {
      // What is wrong with the keystore is for the operator's log, not for this page.
      reasons.push("the keystore cannot be read");
    }
    this.#lastReady = reasons.length === 0;
    return {
      ready: this.#lastReady,
      reasons,
      sessions: live,
      peers_ready: this.peersReady(),
      pre_parameters: this.#o.preParams(),
      keys,
    };
  }

  /**
   * The version of presigning that a node announced and that still stands; 0 for none, for a Go
   * node and for one that has not been heard lately.
   */
  presignVersion(node: Identity): number {
    const { kind, told, banned } = this.readiness.view().state(node);
    if (kind !== "transfunctioner" || told === null || banned !== null) return 0;
    return this.#o.clock.now() - told.at > ECHO_FRESH ? 0 : told.presign;
  }

  /** Figures for the metrics; `ready` is that of the last {@link report}, which it renews. */
  figures(): { readonly ready: number; readonly peers_ready: number } {
    this.report().catch(() => {});
    return { ready: this.#lastReady ? 1 : 0, peers_ready: this.peersReady() };
  }

  /** Number of other nodes that this one could start a ceremony with. */
  peersReady(): number {
    return this.peers().filter((p) => p.ready === true).length;
  }

  #ownKeys(): Promise<readonly KeyMeta[]> {
    const now = this.#o.clock.now();
    if (now - this.#keysAt < KEYS_LIFE) return this.#keys;
    this.#keysAt = now;
    this.#keys = this.#o.keys();
    // Each caller meets the failure itself; the next one asks again.
    this.#keys.catch(() => this.#keysAt = -Infinity);
    return this.#keys;
  }
}

/** The members with this node in front, if it is one: a ceremony without it is no proof. */
export function selfFirst(members: readonly Identity[], self: Identity): Identity[] {
  return [...members].sort((a, b) => Number(b === self) - Number(a === self));
}
