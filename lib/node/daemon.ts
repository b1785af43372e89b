/**
 * The node: keystore, mesh, ceremonies, admin interface, wired together.
 *
 * @module
 */

import { systemRandom } from "../arith/random.ts";
import { CeremonyEngine } from "../ceremony/engine.ts";
import { PreParamsMaker } from "../ceremony/preparams_maker.ts";
import { SpareWorkers } from "../ceremony/spare_workers.ts";
import { loadWorkers } from "../ceremony/worker_host.ts";
import type { Identity } from "../crypto/identity.ts";
import { toHex } from "../encoding/bytes.ts";
import { denoFiles, type FileLayer, joinPath } from "../keystore/files.ts";
import { CeremonyJournal, JOURNAL_FILE } from "../keystore/journal.ts";
import type { Keystore } from "../keystore/keystore.ts";
import { AdminListener } from "../mesh/admin_listener.ts";
import { type Clock, systemClock } from "../mesh/clock.ts";
import { DnsCheck, type DnsMode } from "../mesh/dns_check.ts";
import { Mesh } from "../mesh/mesh.ts";
import type { Net } from "../mesh/net.ts";
import type { Resolver } from "../mesh/resolver.ts";
import type { Logger } from "../observe/logger.ts";
import { MetricsRecorder } from "../observe/metrics.ts";
import { VERSION } from "../version.ts";
import { AbsenceWatch } from "./absence.ts";
import { answerCall } from "./admin/answer.ts";
import type { AdminContext } from "./admin/context.ts";
import { Desk } from "./desk.ts";
import { backupState } from "./backup_watch.ts";
import { BanBook } from "./ban_book.ts";
import { addressText, bind } from "./binding.ts";
import type { Address } from "./config_values.ts";
import { dispatch } from "./dispatch.ts";
import { denoResolver } from "./deno_dns.ts";
import { GoAdmin } from "./go_admin.ts";
import { type HttpListener, startHttp } from "./http.ts";
import { openOversight } from "./oversight.ts";
import { pages } from "./pages.ts";
import type { PolicyTarget } from "./policy.ts";
import { PreParamsSupply } from "./preparams_supply.ts";
import { PenaltyBook } from "./penalties.ts";
import { type PeerInfo, softwareOf } from "./peer_directory.ts";
import { Presence } from "./presence.ts";
import { Restarts } from "./restarts.ts";
import { isSlow, PresignBook } from "./presign_book.ts";
import { makePresigner } from "./presign_setup.ts";
import type { Presigner } from "./presigner.ts";
import { ReshareCommit } from "./reshare_commit.ts";
import { undecidedWarning } from "./reshare_notes.ts";
import { TranscriptFiles } from "./transcripts.ts";
import { KeystoreBook, undecidedOf } from "./share_book.ts";
import { type StatusSite, statusSite } from "./status_page/site.ts";
import { cachedSnapshots, type SnapshotSources } from "./status_page/snapshot.ts";
import { sampleQueues, timeBroadcast, watchCeremony } from "./watchers.ts";

/** How a node is set up; `lib/node/config.ts` reads it from flags, variables and the file. */
export interface DaemonSettings {
  readonly listen: Address | null;
  /** Host name that others can dial, or null. */
  readonly hostname: string | null;
  readonly connect: readonly string[];
  readonly peersWanted: number;
  /** Sessions that strangers from one address may hold. */
  readonly sessionsPerAddress: number;
  /** Asked for peers while there is no session. */
  readonly seeds: readonly string[];
  readonly dns: DnsMode;
  /** Name server to ask, or null for the system's. */
  readonly dnsServer: Address | null;
  readonly admin: Address;
  /** Keys besides the keystore's own admin key that may use the admin listener. */
  readonly adminKeys: readonly Identity[];
  readonly metrics: Address | null;
  /** Serve the status page on the metrics listener. */
  readonly statusPage: boolean;
  readonly initiators: readonly Identity[];
  readonly consent: "auto" | "manual";
  /** A program that is asked about each request, or null. */
  readonly consentUrl: PolicyTarget | null;
  readonly consentTimeoutMs: number;
  /** Folder inside the home directory where transcripts are kept, or null. */
  readonly transcripts: string | null;
  readonly debugInitiation: boolean;
  readonly roundTimeoutMs: number;
  readonly ceremonyTimeoutMs: number;
  /** Attempts at a signature beside the first. */
  readonly signRetries: number;
}

/** What a node needs of the world. */
export interface DaemonWorld {
  readonly keystore: Keystore;
  readonly net: Net;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Default: Deno's, with the settings' name server. */
  readonly resolver?: Resolver;
  /** Where bans and the record of the last backup are kept; default: the disk. */
  readonly files?: FileLayer;
}

/** Sets of pre-parameters kept ready: a resharing may follow a key generation at once. */
const PREPARAMS_TARGET = 2;
/** Turns of the event loop that the last effects of ended ceremonies get at a stop. */
const LAST_TURNS = 3;
/** How long a request waits for an operator's approval, in milliseconds. */
const APPROVAL_MS = 60 * 60_000;

/** How long browsers are given the same view of the node, in milliseconds. */
const SNAPSHOT_MS = 700;

/** A running node. */
export interface Daemon {
  readonly identity: Identity;
  readonly listenAddress: string;
  readonly adminAddress: string;
  readonly metricsAddress: string | null;
  /** Stops everything; resolves when nothing is open any more. */
  stop(): Promise<void>;
}

/**
 * Starts a node.
 *
 * @throws {NodeError} (exit 2) if a port is taken or an address cannot be used.
 */
export async function startDaemon(settings: DaemonSettings, world: DaemonWorld): Promise<Daemon> {
  const { keystore, net, log } = world;
  const clock = world.clock ?? systemClock;
  const startedAt = clock.now();
  const identity = keystore.identity;
  const self = identity.identity;
  const workers = await loadWorkers();

  const resolver = world.resolver ?? denoResolver(settings.dnsServer);
  const names = new DnsCheck(settings.dns, resolver, clock);
  const files = world.files ?? denoFiles();
  const bans = await BanBook.load(files, keystore.home, clock);
  const backups = () => backupState(files, keystore, clock);
  const recorder = new MetricsRecorder(settings.metrics !== null);

  const mesh = new Mesh({
    identity,
    net,
    clock,
    random: systemRandom,
    log: log.child("mesh"),
    names,
    bans,
    onRoundTrip: (_peer, ms) =>
      recorder.observe("round_trip_seconds", ms / 1000, { way: "session" }),
    config: {
      listen: settings.listen,
      advertise: settings.hostname,
      connect: settings.connect,
      peersWanted: settings.peersWanted,
      sessionsPerAddress: settings.sessionsPerAddress,
      reserved: settings.initiators,
      software: `transfunctioner ${VERSION}`,
    },
  });
  const spares = new SpareWorkers({ workers, clock, log: log.child("ceremony") });
  const storeKey = keystore.storeKey();
  const transcripts = new TranscriptFiles({
    files: world.files ?? denoFiles(),
    home: keystore.home,
    folder: settings.transcripts,
    log: log.child("ceremony"),
  });
  const engine = new CeremonyEngine({
    identity,
    clock,
    workers,
    readyWorkers: spares.factory,
    storeKey,
    log: log.child("ceremony"),
    limits: {
      roundTimeoutMs: settings.roundTimeoutMs,
      ceremonyTimeoutMs: settings.ceremonyTimeoutMs,
    },
    record: settings.transcripts !== null,
    onTranscript: (transcript) => transcripts.keep(transcript),
    supports: (member) => presence.compares(member),
    online: (member) => presence.online(member),
    sendWitness: (to, command) => {
      mesh.sendSealed(to, command).catch((error) =>
        log.debug("what was heard could not be told", {
          to,
          ceremony: toHex(command.ceremonyId),
          reason: String(error instanceof Error ? error.message : error),
        })
      );
    },
    send: (to, command, repeat) => {
      // What got lost twice tries all ways at once.
      mesh.sendDirectOrSealed(to, command, repeat > 1).catch((error) =>
        log.warn("a round message could not be sent", {
          to,
          ceremony: toHex(command.ceremonyId),
          reason: String(error instanceof Error ? error.message : error),
        })
      );
    },
  });
  mesh.onSession((peer, up) => up && engine.reachable(peer));
  const maker = new PreParamsMaker({ workers, storeKey, log: log.child("preparams") });
  engine.onBusy((running) => {
    spares.busy(running);
    if (running > 0) maker.pause();
    else maker.resume();
  });
  storeKey.fill(0);
  const supply = new PreParamsSupply({
    make: (onProgress) => maker.make(onProgress),
    now: () => clock.now(),
    count: () => keystore.preParamsCount(),
    put: (sealed) => keystore.putPreParamsCiphertext(sealed),
    takeStored: () => keystore.takePreParamsCiphertext(),
    log: log.child("preparams"),
    target: PREPARAMS_TARGET,
  });
  const presignatures = new PresignBook(self, keystore, () => presigner.busy());
  const shares = new KeystoreBook({
    self,
    keystore,
    supply,
    presignatures,
    clock,
    deadlines: settings,
  });
  const resharings = new ReshareCommit({
    self,
    clock,
    log: log.child("reshare"),
    send: (to, command) => mesh.sendSealed(to, command),
    software: (peer) => softwareOf(mesh.sessions().find((s) => s.identity === peer)),
    book: shares,
  });
  const journal = await CeremonyJournal.open({
    files,
    path: joinPath(keystore.home, self, JOURNAL_FILE),
    now: startedAt,
  });
  const restarts = new Restarts({ self, clock, log: log.child("desk"), mesh, journal });
  const penalties = new PenaltyBook(clock);
  const oversight = await openOversight({
    self,
    keystore,
    files,
    clock,
    net,
    log,
    consentUrl: settings.consentUrl,
    consentTimeoutMs: settings.consentTimeoutMs,
  });
  const desk = new Desk({
    self,
    journal,
    penalties,
    audit: oversight.audit,
    keyUse: oversight.keyUse,
    policy: oversight.policy,
    curveOf: oversight.curveOf,
    mesh: {
      readsNotes: (peer) => presence.isOurs(peer),
      sendSealed: (to, command) => mesh.sendSealed(to, command),
      broadcast: (command) => {
        timeBroadcast(mesh.broadcast(command), recorder, clock).catch((error) =>
          log.warn("a broadcast could not be sent", { reason: String(error) })
        );
      },
    },
    engine: {
      expect: (id, members, until) => engine.expect(id, members, until),
      unexpect: (id) => engine.unexpect(id),
      start: (spec) => {
        const ceremony = engine.start(spec);
        watchCeremony(ceremony, recorder, clock);
        absence.watch(ceremony);
        if (isSlow(spec)) {
          presigner.begin();
          void ceremony.result.then(() => presigner.end());
        }
        return ceremony;
      },
    },
    shares,
    resharings,
    clock,
    log: log.child("desk"),
    initiators: new Set(settings.initiators),
    consent: settings.consent,
    debugInitiation: settings.debugInitiation,
    approvalMs: APPROVAL_MS,
  });
  const presence = new Presence({
    mesh,
    clock,
    random: systemRandom,
    log: log.child("mesh"),
    bans,
    initiators: settings.initiators,
    keys: () => keystore.listKeys(),
    preParams: () => supply.state().ready,
    presign: () => presigner.announced(),
    software: `transfunctioner ${VERSION}`,
    recorder,
    seeds: settings.connect.length === 0 ? settings.seeds : [],
    dns: settings.dns,
    resolver,
  });
  const absence = new AbsenceWatch({
    clock,
    sessions: () => mesh.sessions(),
    onSession: (watcher) => mesh.onSession(watcher),
    readiness: presence.readiness,
  });
  const peers = () => presence.peers();
  const presigner: Presigner = makePresigner({
    self,
    clock,
    log: log.child("presign"),
    keystore,
    engine,
    desk,
    presence,
  });
  const goAdmin = new GoAdmin({ mesh, desk, clock });
  mesh.onCommand((incoming) => {
    if (!presence.hear(incoming)) {
      dispatch(incoming, { engine, desk, restarts, goAdmin, debug: settings.debugInitiation, log });
    }
  });

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
    bans,
    readiness: presence.readiness,
    penalties,
    keyUse: oversight.keyUse,
    signRetries: settings.signRetries,
    supply: () => supply.state(),
    backups,
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
    ceremonyTimeoutMs: settings.ceremonyTimeoutMs,
  };

  let http: HttpListener | null = null;
  const stopSampling = sampleQueues(() => mesh.queueLengths(), recorder, clock);
  const stop = async () => {
    stopSampling();
    presigner.stop();
    presence.stop();
    restarts.stop();
    absence.stop();
    desk.stop();
    engine.stop();
    spares.stop();
    supply.stop();
    await Promise.all([admin.stop(), mesh.stop(), http?.stop()]);
    // What the ends of ceremonies set off comes to rest before the home is let go.
    for (let turn = 0; turn < LAST_TURNS; turn++) {
      await new Promise((resolve) => setTimeout(resolve));
      await oversight.settled();
      await journal.settled();
    }
    await keystore.close();
  };
  try {
    await bind("admin", settings.admin, "TRF_ADMIN_ADDRESS", () => admin.start());
    restarts.start();
    await bind("mesh", settings.listen, "TRF_LISTEN_ADDRESS", () => mesh.start());
    presence.start();
    if (settings.metrics !== null) {
      const { host, port } = settings.metrics;
      await bind("metrics", settings.metrics, "TRF_PROMETHEUS_ADDRESS", () => {
        http = startHttp({
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
            mesh,
            presence,
            desk,
            resharings,
            supply,
            bans,
            names,
            recorder,
            backups,
            startedAt,
            presign: () => ({ ...presignatures.counters, presigner, keystore }),
          }),
        });
        return Promise.resolve();
      });
    }
    for (const pending of undecidedOf(keystore.recovery)) resharings.resume(pending);
    await supply.start();
    await presigner.start();
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
  return {
    identity: self,
    listenAddress: addressText(mesh.listening),
    adminAddress: addressText(admin.address),
    metricsAddress: (http as HttpListener | null)?.address ?? null,
    stop,
  };
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
