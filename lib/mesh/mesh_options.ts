/**
 * How a mesh is set up, and what it needs of the world.
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import type { Identity, NodeIdentity } from "../crypto/identity.ts";
import type { Logger } from "../observe/logger.ts";
import type { BanView } from "./bans.ts";
import type { Clock } from "./clock.ts";
import type { Router } from "./forwarding.ts";
import type { NameCheck } from "./name_check.ts";
import type { Net } from "./net.ts";
import type { LinkOpener } from "./opener.ts";

/** How a mesh is set up. */
export interface MeshConfig {
  /** Where to listen for peers; `null`: nowhere. Port 0 lets the system choose. */
  readonly listen: { readonly host: string; readonly port: number } | null;
  /**
   * Host name, or `host:port`, under which others can dial this node; `null` advertises the bound
   * address, unless it is a wildcard.
   */
  readonly advertise: string | null;
  /** Peers (`host:port`) to keep a session with, for ever. */
  readonly connect: readonly string[];
  /** Sessions to aim for by own dials, and the most that strangers may fill; 0 admits no stranger. */
  readonly peersWanted: number;
  /** Sessions that strangers from one address may hold; loopback is exempt. Default 4. */
  readonly sessionsPerAddress?: number;
  /** Peers that are admitted whatever the number of sessions. */
  readonly reserved?: readonly Identity[];
  /** Name and version announced to peers, for example `transfunctioner 0.1.0`. */
  readonly software: string;
}

/** What a mesh needs of the world. */
export interface MeshOptions {
  /** The node's key. */
  readonly identity: NodeIdentity;
  /** Reaches the network. */
  readonly net: Net;
  /** Time and timers. */
  readonly clock: Clock;
  /** Draws keys, nonces and jitter. */
  readonly random: RandomSource;
  /** Takes the log lines. */
  readonly log: Logger;
  /** How the mesh is set up. */
  readonly config: MeshConfig;
  /** Checks of identities against the DNS; default none. */
  readonly names?: NameCheck;
  /** Who is kept out; default nobody. */
  readonly bans?: BanView;
  /** Told of every answered ping. Must not throw. */
  readonly onRoundTrip?: (peer: Identity, ms: number) => void;
  /** Opens links over connections; default the encrypted ones. Others are for simulations. */
  readonly opener?: LinkOpener;
  /** Chooses ways to nodes that are not neighbours; default shortest paths. */
  readonly router?: Router;
}
