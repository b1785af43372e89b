/**
 * Who is there: joins what the mesh knows of nodes with what it knows of sessions.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { Clock } from "../mesh/clock.ts";
import type { PeerView, SessionView } from "../mesh/mesh.ts";

/** One node of the mesh as the admin interface shows it. */
export interface PeerInfo {
  readonly identity: Identity;
  readonly address: string;
  readonly self: boolean;
  /** There is a session. */
  readonly connected: boolean;
  /** It answered a ping, or it is this node. */
  readonly live: boolean;
  /** A sealed message can be sent to it: its NaCl key is known. */
  readonly reachable: boolean;
  readonly direction: "inbound" | "outbound" | undefined;
  readonly rttMs: number | undefined;
  /** Milliseconds since 1970. */
  readonly lastSeen: number | undefined;
  /** `transfunctioner` or `go`, where a session told. */
  readonly software: string | undefined;
  /** Name and version of its program, as it says. */
  readonly version?: string | undefined;
  /** It and this node are ready for each other; undefined where that cannot be known. */
  readonly ready?: boolean | undefined;
  /** Why it is not. */
  readonly notReady?: string | undefined;
  /** Milliseconds since it last answered us: a ping of its session, or an echo. */
  readonly answeredAgoMs?: number | undefined;
  /** Milliseconds since it last heard from us, as its pings or echoes show. */
  readonly heardAgoMs?: number | undefined;
  /** How far its clock is ahead of ours. */
  readonly skewMs?: number | undefined;
  /** Sets of pre-parameters that it has ready. */
  readonly preParams?: number | undefined;
}

/** What the directory needs of a mesh. */
export interface DirectoryMesh {
  peers(): PeerView[];
  sessions(): SessionView[];
  onSession(watcher: (peer: Identity, up: boolean) => void): () => void;
}

/** Records carry whole seconds and clocks differ a little; news must be later by this much (ms). */
const MARGIN_MS = 2_000;
/** Most lost peers remembered; the oldest is forgotten first. */
const MAX_LOST = 4_096;

/** Lists the nodes of the mesh. */
export class PeerDirectory {
  readonly #mesh: DirectoryMesh;
  readonly #lost = new Map<Identity, number>();

  /** Watches `mesh` from now on. */
  constructor(mesh: DirectoryMesh, clock: Clock) {
    this.#mesh = mesh;
    mesh.onSession((peer, up) => {
      this.#lost.delete(peer);
      if (up) return;
      this.#lost.set(peer, clock.now());
      if (this.#lost.size > MAX_LOST) this.#lost.delete(this.#lost.keys().next().value!);
    });
  }

  /**
   * Whether somebody has heard of the node after our own session with it ended. Old hearsay about
   * a node that we saw go would call a dead member ready.
   */
  #heardOf(p: PeerView): boolean {
    const lostAt = this.#lost.get(p.identity);
    return lostAt === undefined || p.lastSeen * 1000 > lostAt + MARGIN_MS;
  }

  /** All known nodes, this one first. */
  list(): PeerInfo[] {
    const sessions = new Map(this.#mesh.sessions().map((s) => [s.identity, s]));
    const infos: PeerInfo[] = [];
    for (const p of this.#mesh.peers()) {
      const s = sessions.get(p.identity);
      sessions.delete(p.identity);
      infos.push({
        identity: p.identity,
        address: p.address !== "" ? p.address : s?.address ?? "",
        self: p.self,
        connected: s !== undefined,
        live: p.live,
        reachable: p.self || s !== undefined || (p.naclPub.length === 32 && this.#heardOf(p)),
        direction: s?.direction,
        rttMs: s?.roundTripMs ?? undefined,
        lastSeen: p.self ? undefined : s?.lastSeen ?? p.lastSeen * 1000,
        software: p.self ? "transfunctioner" : softwareOf(s),
      });
    }
    // A peer that showed no key in its hello has a session and no record.
    for (const s of sessions.values()) {
      infos.push({
        identity: s.identity,
        address: s.address,
        self: false,
        connected: true,
        live: s.lastPong !== null,
        reachable: true,
        direction: s.direction,
        rttMs: s.roundTripMs ?? undefined,
        lastSeen: s.lastSeen,
        software: softwareOf(s),
      });
    }
    return infos;
  }
}

/** What a session shows its peer to run: `transfunctioner` or `go`; undefined without one. */
export function softwareOf(session: SessionView | undefined): string | undefined {
  if (session === undefined) return undefined;
  return session.ours ? "transfunctioner" : "go";
}
