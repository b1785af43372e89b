/**
 * The rooms of a node, made and connected: mesh, engine, desk, supplies, and what looks after them.
 *
 * @module
 */

import { systemRandom } from "../arith/random.ts";
import { CeremonyEngine } from "../ceremony/engine.ts";
import { PreParamsMaker } from "../ceremony/preparams_maker.ts";
import { SpareWorkers } from "../ceremony/spare_workers.ts";
import { loadWorkers } from "../ceremony/worker_host.ts";
import { toHex } from "../encoding/bytes.ts";
import { denoFiles, type FileLayer, joinPath } from "../keystore/files.ts";
import { CeremonyJournal, JOURNAL_FILE } from "../keystore/journal.ts";
import type { Keystore } from "../keystore/keystore.ts";
import { type Clock, systemClock } from "../mesh/clock.ts";
import { DnsCheck } from "../mesh/dns_check.ts";
import { Mesh } from "../mesh/mesh.ts";
import { MetricsRecorder } from "../observe/metrics.ts";
import { VERSION } from "../version.ts";
import { AbsenceWatch } from "./absence.ts";
import { BanBook } from "./ban_book.ts";
import type { DaemonSettings, DaemonWorld } from "./daemon_settings.ts";
import { denoResolver } from "./deno_dns.ts";
import { Desk } from "./desk.ts";
import { openOversight, type Oversight } from "./oversight.ts";
import { softwareOf } from "./peer_directory.ts";
import { PenaltyBook } from "./penalties.ts";
import { PreParamsSupply } from "./preparams_supply.ts";
import { Presence } from "./presence.ts";
import { isSlow, PresignBook } from "./presign_book.ts";
import { makePresigner } from "./presign_setup.ts";
import type { Presigner } from "./presigner.ts";
import { ReshareCommit } from "./reshare_commit.ts";
import { Restarts } from "./restarts.ts";
import { KeystoreBook } from "./share_book.ts";
import { makeStandings } from "./standing_setup.ts";
import type { Standings } from "./standings.ts";
import { Tasks } from "./tasks.ts";
import { TranscriptFiles } from "./transcripts.ts";
import { timeBroadcast, watchCeremony } from "./watchers.ts";

/** Sets of pre-parameters kept ready: a resharing may follow a key generation at once. */
export const PREPARAMS_TARGET = 2;
/** How long a request waits for an operator's approval, in milliseconds. */
const APPROVAL_MS = 60 * 60_000;

/** The rooms of one node; see {@link openRooms}. */
export interface Rooms {
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly files: FileLayer;
  readonly keystore: Keystore;
  /** What goes on by itself and may write. */
  readonly tasks: Tasks;
  readonly names: DnsCheck;
  readonly bans: BanBook;
  readonly recorder: MetricsRecorder;
  readonly mesh: Mesh;
  readonly spares: SpareWorkers;
  readonly transcripts: TranscriptFiles;
  readonly engine: CeremonyEngine;
  readonly supply: PreParamsSupply;
  readonly presignatures: PresignBook;
  readonly resharings: ReshareCommit;
  readonly journal: CeremonyJournal;
  readonly restarts: Restarts;
  readonly penalties: PenaltyBook;
  readonly oversight: Oversight;
  readonly desk: Desk;
  readonly presence: Presence;
  readonly absence: AbsenceWatch;
  readonly presigner: Presigner;
  readonly standings: Standings;
}

/**
 * Makes the rooms. What the home directory remembers is read; nothing listens, dials or searches.
 *
 * @throws {NodeError} or `KeystoreError` if a file of the home directory cannot be read.
 */
export async function openRooms(settings: DaemonSettings, world: DaemonWorld): Promise<Rooms> {
  const { keystore, net, log } = world;
  const clock = world.clock ?? systemClock;
  const startedAt = clock.now();
  const tasks = new Tasks();
  const identity = keystore.identity;
  const self = identity.identity;
  const workers = world.workers ?? await loadWorkers();

  const resolver = world.resolver ?? denoResolver(settings.dnsServer);
  const names = new DnsCheck(settings.dns, resolver, clock);
  const files = world.files ?? denoFiles();
  const bans = await BanBook.load(files, keystore.home, clock);
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
    files,
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
  const presignatures = new PresignBook(self, keystore, () => presigner.turnsAway());
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
          const sharing = spec.kind === "sign";
          presigner.begin(sharing);
          void ceremony.result.then(() => presigner.end(sharing));
        }
        return ceremony;
      },
    },
    shares,
    resharings,
    tasks,
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
  const presigner: Presigner = makePresigner({
    self,
    clock,
    log: log.child("presign"),
    keystore,
    supply,
    engine,
    desk,
    presence,
  });
  const standings = makeStandings({
    self,
    clock,
    random: systemRandom,
    log: log.child("desk"),
    mesh,
    presence,
    desk,
    restarts,
  });
  return {
    clock,
    startedAt,
    files,
    keystore,
    tasks,
    names,
    bans,
    recorder,
    mesh,
    spares,
    transcripts,
    engine,
    supply,
    presignatures,
    resharings,
    journal,
    restarts,
    penalties,
    oversight,
    desk,
    presence,
    absence,
    presigner,
    standings,
  };
}

/**
 * Ends what goes on in the rooms, and lets go of the home directory: each of its writers finishes
 * what it has and takes nothing more, so that nothing changes in there once this resolves.
 *
 * @param doors Closes what others come in by; called when nothing new is taken any more.
 */
export async function closeRooms(
  rooms: Rooms,
  doors: () => Promise<unknown>,
): Promise<void> {
  rooms.presigner.stop();
  rooms.presence.stop();
  rooms.standings.stop();
  rooms.restarts.stop();
  rooms.absence.stop();
  rooms.desk.stop();
  rooms.engine.stop();
  rooms.spares.stop();
  rooms.supply.stop();
  await Promise.all([doors(), rooms.mesh.stop()]);
  // Whatever an ended ceremony still has to do: its share, its outcome, its line in the journal.
  await rooms.tasks.settled();
  await Promise.all([
    rooms.transcripts.close(),
    rooms.oversight.close(),
    rooms.journal.close(),
    rooms.bans.close(),
  ]);
  await rooms.keystore.close();
}
