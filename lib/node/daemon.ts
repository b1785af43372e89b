/**
 * The node: keystore, mesh, ceremonies, admin interface, from its start to its stop.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import { useNativeX25519 } from "../crypto/box.ts";
import { useNativeSha256 } from "../crypto/kdf.ts";
import { VERSION } from "../version.ts";
import { addressText, bind } from "./binding.ts";
import type { DaemonSettings, DaemonWorld } from "./daemon_settings.ts";
import { dispatch } from "./dispatch.ts";
import { makeDoors, openPages } from "./doors.ts";
import { GoAdmin } from "./go_admin.ts";
import type { HttpListener } from "./http.ts";
import { closeRooms, openRooms } from "./rooms.ts";
import { undecidedOf } from "./share_book.ts";
import { sampleQueues } from "./watchers.ts";

export type { DaemonSettings, DaemonWorld } from "./daemon_settings.ts";

/** A running node. */
export interface Daemon {
  readonly identity: Identity;
  readonly listenAddress: string;
  readonly adminAddress: string;
  readonly metricsAddress: string | null;
  /**
   * Stops everything; resolves when nothing is open any more, and nothing will be written into the
   * home directory.
   */
  stop(): Promise<void>;
}

/**
 * Starts a node.
 *
 * @throws {NodeError} (exit 2) if a port is taken or an address cannot be used.
 */
export async function startDaemon(settings: DaemonSettings, world: DaemonWorld): Promise<Daemon> {
  const { keystore, log } = world;
  const self = keystore.identity.identity;
  const rooms = await openRooms(settings, world);
  const { clock, mesh, presence, desk, engine, restarts, resharings, recorder } = rooms;
  const { standings } = rooms;
  const goAdmin = new GoAdmin({ mesh, desk, clock });
  mesh.onCommand((incoming) => {
    if (!presence.hear(incoming) && !standings.hear(incoming)) {
      dispatch(incoming, { engine, desk, restarts, goAdmin, debug: settings.debugInitiation, log });
    }
  });
  const { admin, context } = makeDoors(settings, world, rooms, goAdmin);

  let http: HttpListener | null = null;
  const stopSampling = sampleQueues(() => mesh.queueLengths(), recorder, clock);
  const stop = () => {
    stopSampling();
    return closeRooms(rooms, () => Promise.all([admin.stop(), http?.stop()]));
  };
  try {
    await bind("admin", settings.admin, "TRF_ADMIN_ADDRESS", () => admin.start());
    restarts.start();
    await bind("mesh", settings.listen, "TRF_LISTEN_ADDRESS", () => mesh.start());
    presence.start();
    const { metrics } = settings;
    if (metrics !== null) {
      await bind("metrics", metrics, "TRF_PROMETHEUS_ADDRESS", () => {
        http = openPages(metrics, settings, world, rooms, context);
        return Promise.resolve();
      });
    }
    for (const pending of undecidedOf(keystore.recovery)) resharings.resume(pending);
    await rooms.supply.start();
    await rooms.presigner.start();
  } catch (error) {
    await stop();
    throw error;
  }
  if (settings.debugInitiation) {
    log.warn("DEBUG INITIATION IS ON: anybody in the mesh can start ceremonies with this node");
  }
  log.info("node started", {
    identity: self,
    version: VERSION,
    listen: addressText(mesh.listening),
    admin: addressText(admin.address),
  });
  // Loading it is slow, and the first ceremony is far away.
  void useNativeX25519();
  void useNativeSha256();
  return {
    identity: self,
    listenAddress: addressText(mesh.listening),
    adminAddress: addressText(admin.address),
    metricsAddress: (http as HttpListener | null)?.address ?? null,
    stop,
  };
}
