/**
 * What people and programs on this machine reach a node by: the admin port, and the pages of the
 * metrics port.
 *
 * @module
 */

import { systemRandom } from "../arith/random.ts";
import { AdminListener } from "../mesh/admin_listener.ts";
import { answerCall } from "./admin/answer.ts";
import type { AdminContext } from "./admin/context.ts";
import { backupState } from "./backup_watch.ts";
import { addressText } from "./binding.ts";
import type { DaemonSettings, DaemonWorld } from "./daemon_settings.ts";
import type { GoAdmin } from "./go_admin.ts";
import { type HttpListener, startHttp } from "./http.ts";
import { pages } from "./pages.ts";
import type { PeerInfo } from "./peer_directory.ts";
import { undecidedWarning } from "./reshare_notes.ts";
import { PREPARAMS_TARGET, type Rooms } from "./rooms.ts";
import { type StatusSite, statusSite } from "./status_page/site.ts";
import { cachedSnapshots, type SnapshotSources } from "./status_page/snapshot.ts";

/** How long browsers are given the same view of the node, in milliseconds. */
const SNAPSHOT_MS = 700;

/** The doors of one node, closed at first. */
export interface Doors {
  readonly admin: AdminListener;
  /** What is asked at the admin port is answered from this. */
  readonly context: AdminContext;
}

/** Prepares the admin port of a node. */
export function makeDoors(
  settings: DaemonSettings,
  { keystore, net, log }: DaemonWorld,
  rooms: Rooms,
  goAdmin: GoAdmin,
): Doors {
  const { clock, presence, desk, mesh, bans, penalties, oversight, supply, engine } = rooms;
  const { resharings, presigner, standings, startedAt } = rooms;
  const { identity } = keystore;
  const peers = () => presence.peers();
  const admin: AdminListener = new AdminListener({
    identity,
    net,
    clock,
    random: systemRandom,
    log: log.child("admin"),
    listen: settings.admin,
    allowed: (client) =>
      client === keystore.adminIdentity.identity || settings.adminKeys.includes(client),
    handler: {
      call: (call) => answerCall(context, call, log.child("admin")),
      command: (command) => Promise.resolve(goAdmin.answer(command)),
    },
  });
  const context: AdminContext = {
    identity,
    adminIdentity: keystore.adminIdentity.identity,
    keystore,
    desk,
    peers,
    network: mesh,
    mayDial: (host, port) => net.mayDial?.(host, port) ?? true,
    bans,
    readiness: presence.readiness,
    penalties,
    keyUse: oversight.keyUse,
    signRetries: settings.signRetries,
    supply: () => supply.state(),
    backups: () => backupState(rooms.files, keystore, clock),
    clock,
    random: systemRandom,
    startedAt,
    listenAddress: () => addressText(mesh.listening),
    adminAddress: () => addressText(admin.address),
    consent: settings.consent,
    initiators: settings.initiators,
    debugInitiation: settings.debugInitiation,
    warnings: () => [
      ...warnings(settings, peers()),
      ...resharings.undecided().map(undecidedWarning),
    ],
    describeShare: (request) => engine.describe(request),
    resharings,
    presigner,
    standings,
    ceremonyTimeoutMs: settings.ceremonyTimeoutMs,
  };
  return { admin, context };
}

/** Opens the metrics port. */
export function openPages(
  { host, port }: { readonly host: string; readonly port: number },
  settings: DaemonSettings,
  { log }: DaemonWorld,
  rooms: Rooms,
  context: AdminContext,
): HttpListener {
  const { mesh, presence, keystore, presigner, presignatures } = rooms;
  return startHttp({
    host,
    port,
    log: log.child("http"),
    site: settings.statusPage
      ? siteOf(settings, {
        context,
        sessions: () => mesh.sessions(),
        ready: () => presence.report(),
        preParamsWanted: PREPARAMS_TARGET,
      })
      : null,
    ...pages({
      ...rooms,
      backups: context.backups,
      presign: () => ({ ...presignatures.counters, presigner, keystore }),
    }),
  });
}

/** The status page, under the names that the settings give this machine. */
function siteOf(settings: DaemonSettings, sources: SnapshotSources): StatusSite {
  const names = [settings.hostname, settings.metrics?.host].filter((name) =>
    typeof name === "string"
  );
  return statusSite({ snapshot: cachedSnapshots(sources, SNAPSHOT_MS), names });
}

function warnings(settings: DaemonSettings, peers: readonly PeerInfo[]): string[] {
  const out: string[] = [];
  if (settings.debugInitiation) {
    out.push("debug initiation is on: anybody in the mesh can start ceremonies with this node");
  }
  if (!peers.some((p) => p.connected)) out.push("no session with any peer");
  if (settings.initiators.length === 0) {
    out.push("no initiator is allowed: this node only takes part in its own requests");
  }
  return out;
}
