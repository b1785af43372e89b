/** After a stop nothing writes into the home directory, however slow the disk is. */
import assert from "node:assert/strict";
import type { WorkerFactory } from "../../lib/ceremony/worker_host.ts";
import { type Identity, parseIdentity } from "../../lib/crypto/identity.ts";
import { VERSION } from "../../lib/version.ts";
import type { Connection, Net } from "../../lib/mesh/net.ts";
import type { DaemonSettings } from "../../lib/node/daemon_settings.ts";
import { type CeremonyRequest, commandFromRequest } from "../../lib/node/request.ts";
import { closeRooms, openRooms, type Rooms } from "../../lib/node/rooms.ts";
import { collectingLogger } from "../../lib/observe/logger.ts";
import { fakeWorkers } from "../ceremony/fake_worker.ts";
import { openHome, snapshot, withHome } from "../keystore/helpers.ts";
import { SlowFiles } from "../support/slow_files.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const id = (n: number) => parseIdentity(n.toString(16).padStart(40, "0"));
const [B, C] = [id(2), id(3)];
const CEREMONY = "ab".repeat(32);

const SETTINGS: DaemonSettings = {
  listen: null,
  hostname: null,
  connect: [],
  peersWanted: 0,
  sessionsPerAddress: 4,
  seeds: [],
  dns: "off",
  dnsServer: null,
  admin: { host: "127.0.0.1", port: 0 },
  adminKeys: [],
  metrics: null,
  statusPage: false,
  initiators: [B],
  consent: "auto",
  consentUrl: null,
  consentTimeoutMs: 60_000,
  transcripts: "transcripts",
  debugInitiation: false,
  roundTimeoutMs: 60_000,
  ceremonyTimeoutMs: 600_000,
  signRetries: 0,
};

/** Nobody can be reached, and nobody answers. */
const NET: Net = {
  listen: () => Promise.reject(new Error("no network")),
  dial: () => Promise.withResolvers<Connection>().promise,
};

interface World {
  readonly rooms: Rooms;
  readonly disk: SlowFiles;
  readonly clock: VirtualClock;
  readonly self: Identity;
  readonly workers: ReturnType<typeof fakeWorkers>["workers"];
  readonly home: string;
  readonly problems: () => string[];
}

/** Opens the rooms of a node without a network; `body` must close them. */
async function withRooms(
  settings: Partial<DaemonSettings>,
  body: (world: World) => Promise<void>,
): Promise<void> {
  await withHome(async (home) => {
    const disk = new SlowFiles();
    const keystore = await openHome(home, disk.files);
    const clock = new VirtualClock();
    const log = collectingLogger();
    const { factory, workers } = fakeWorkers();
    const spoken: WorkerFactory = (events) => {
      const handle = factory(events);
      queueMicrotask(() => events.onMessage({ did: "load", version: VERSION }));
      return handle;
    };
    const rooms = await openRooms({ ...SETTINGS, ...settings }, {
      keystore,
      net: NET,
      log,
      clock,
      resolver: { addresses: () => Promise.resolve([]) } as never,
      files: disk.files,
      workers: spoken,
    });
    const problems = () =>
      log.lines.filter(({ level }) => level === "error").map(({ message }) => message);
    const self = keystore.identity.identity;
    await body({ rooms, disk, clock, self, workers, home, problems });
  });
}

function keygen(w: World, curve: "ed25519" | "secp256k1"): CeremonyRequest {
  return {
    kind: "keygen",
    id: CEREMONY,
    requester: B,
    curve,
    committee: [w.self, B, C],
    threshold: 1,
    coordinator: B,
  };
}

async function ask(w: World, request: CeremonyRequest): Promise<void> {
  await w.rooms.desk.handleStart(commandFromRequest(request), { sealedBy: B });
}

/** Polls the event loop, since the disk is a real one. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (!condition()) {
    assert(Date.now() < deadline, `it never came to that: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Closes the rooms, and shows that nothing is written from then on. */
async function closes(w: World): Promise<Map<string, string>> {
  await closeRooms(w.rooms, () => Promise.resolve());
  const begun = w.disk.begun.length;
  const after = await snapshot(w.home);
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(w.disk.begun.slice(begun), []);
  assert.deepEqual(await snapshot(w.home), after);
  assert.deepEqual(w.problems(), []);
  return new Map(
    [...after].map(([name, hex]) => [name, new TextDecoder().decode(bytesOf(hex))]),
  );
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}

Deno.test("closeRooms() waits for a frozen disk, and for all that a ceremony leaves behind", async () => {
  await withRooms({}, async (w) => {
    await ask(w, keygen(w, "ed25519"));
    await until(() => w.rooms.engine.get(CEREMONY)?.round === 1);
    const worker = w.workers.find(({ heard }) => heard.some((m) => m.do === "run"))!;
    const to = [B, C].map((identity) => ({ committee: "single" as const, identity }));
    const data = new Uint8Array([1, 2, 3]);
    worker.say({ did: "say", as: "single", to, broadcast: true, type: "KGRound1Message", data });
    const frozen = Promise.withResolvers<void>();
    w.disk.gate = () => frozen.promise;
    const before = w.disk.begun.length;
    let closed = false;
    const closing = closes(w).finally(() => closed = true);
    await until(() => w.disk.begun.length >= before + 2);
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setTimeout(resolve));
    assert.equal(closed, false);
    assert.deepEqual(w.disk.begun.slice(before).sort(), ["audit.log", "transcripts"]);
    frozen.resolve();
    const home = await closing;
    assert.match(home.get("audit.log")!, /"outcome":"aborted","reason":"the node is going down"/);
    assert.match(home.get(`transcripts/${CEREMONY}.jsonl`)!, new RegExp(CEREMONY));
    assert(home.get(`${w.self}/ceremonies.open`)!.endsWith(`- ${CEREMONY}\n`));
  });
});

Deno.test("closeRooms() leaves nothing to a disk that takes its time with every write", async () => {
  await withRooms({}, async (w) => {
    w.disk.gate = async () => {
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve));
    };
    const asked = ask(w, keygen(w, "ed25519"));
    await until(() => w.rooms.engine.get(CEREMONY) !== undefined);
    await asked;
    void w.rooms.bans.ban(C, "slow", null);
    const home = await closes(w);
    assert.match(home.get("audit.log")!, /"outcome":"aborted"/);
    assert(home.get(`${w.self}/ceremonies.open`)!.endsWith(`- ${CEREMONY}\n`));
    assert.match(home.get("bans.json")!, /slow/);
    await assert.rejects(w.rooms.bans.ban(B, "late", null), { code: "TF-READ-ONLY" });
    await assert.rejects(w.rooms.journal.end(CEREMONY).then(() => w.rooms.keystore.lock()));
  });
});

Deno.test("closeRooms() gives up on a request in the middle of being written down", async () => {
  await withRooms({}, async (w) => {
    const frozen = Promise.withResolvers<void>();
    w.disk.gate = () => frozen.promise;
    const before = w.disk.begun.length;
    const asked = ask(w, keygen(w, "ed25519"));
    await until(() => w.disk.begun.length > before);
    const closing = closes(w);
    frozen.resolve();
    const home = await closing;
    await asked;
    // Whatever was said of it in the log, it was never run, and the journal knows of it.
    assert.equal(w.rooms.engine.get(CEREMONY), undefined);
    assert.match(home.get(`${w.self}/ceremonies.open`)!, new RegExp(`^\\+ ${CEREMONY} keygen`));
  });
});

Deno.test("closeRooms() waits neither for primes nor for a program that does not answer", async () => {
  await withRooms({}, async (w) => {
    await ask(w, keygen(w, "secp256k1"));
    await until(() => w.workers.length > 0);
    const home = await closes(w);
    // The others hear at the next start that it is lost.
    assert(!home.get(`${w.self}/ceremonies.open`)!.includes(`- ${CEREMONY}`));
  });
  const consentUrl = { via: "http", host: "127.0.0.1", port: 1, path: "/" } as const;
  await withRooms({ consentUrl }, async (w) => {
    const asked = ask(w, keygen(w, "ed25519"));
    await until(() => w.rooms.desk.ledger.get(CEREMONY)?.awaits === "policy");
    const home = await closes(w);
    await asked;
    assert.match(home.get("audit.log")!, /"decision":"waiting"/);
  });
});
