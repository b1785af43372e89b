// deno-lint-ignore-file no-console -- prints its figures
/**
 * Figures of the mesh: `deno run -A --v8-flags=--expose-gc,--max-old-space-size=12000 bench/mesh.ts
 * [--json] [--nodes 10,100,1000] [--idle MINUTES] [--no-sockets] [--no-simulation]`.
 *
 * The first part simulates N real nodes on virtual time (see `tests/sim`): only the byte stream and
 * its encryption are replaced. The second part uses real sockets on loopback, both ends in this
 * process, and a plain TCP echo beside it as the yardstick of the machine and the moment.
 *
 * @module
 */

import { systemRandom } from "../lib/arith/random.ts";
import { useNativeX25519 } from "../lib/crypto/box.ts";
import { NodeIdentity } from "../lib/crypto/identity.ts";
import { useNativeSha256 } from "../lib/crypto/kdf.ts";
import { systemClock } from "../lib/mesh/clock.ts";
import { FRAME_HEADER_BYTES, FrameOpener, FrameSealer } from "../lib/mesh/frames.ts";
import { claimLife } from "../lib/mesh/far_nodes.ts";
import { handshake } from "../lib/mesh/handshake.ts";
import type { Connection } from "../lib/mesh/net.ts";
import { NonceSequence } from "../lib/mesh/nonces.ts";
import { Transport } from "../lib/mesh/transport.ts";
import { denoNet } from "../lib/node/deno_net.ts";
import { Simulation } from "../tests/sim/simulation.ts";

const MINUTE = 60_000;

/** One row of the first part. */
interface Scale {
  readonly nodes: number;
  /** Virtual seconds from the last start until everybody knows everybody. */
  readonly convergenceSeconds: number;
  /** Nodes that the one that knows fewest knows when all is measured. */
  readonly leastKnown: number;
  readonly sessionsPerNode: number;
  readonly arrived: number;
  readonly messagesPerEnvelope: number;
  readonly linksPerEnvelope: number;
  readonly overhead: number;
  readonly memoryPerNodeKiB: number;
  readonly idleKiBPerNodeMinute: number;
  readonly idleFramesPerNodeMinute: number;
  readonly wallSeconds: number;
}

function used(): number {
  for (let i = 0; i < 3; i++) (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

function progress(what: string, begun: number): void {
  console.error(`${what}, ${((performance.now() - begun) / 1000).toFixed(0)} s of real time`);
}

/** Until last sessions are topped up, and what was said before then has lapsed everywhere. */
function settleMinutes(nodes: number): number {
  return 3 + claimLife(nodes) / MINUTE;
}

async function converge(sim: Simulation, begun: number): Promise<number> {
  const first = sim.clock.now();
  for (let minute = 0; minute < 10; minute++) {
    const ms = await sim.converge(MINUTE).catch(() => null);
    if (ms !== null) return sim.clock.now() - first;
    const { least, mean } = sim.knowledge();
    progress(`minute ${minute + 1}: the least know ${least}, the mean ${mean.toFixed(1)}`, begun);
  }
  throw new Error("Not converged within ten minutes of virtual time");
}

async function scale(nodes: number, idleMinutes: number): Promise<Scale> {
  const begun = performance.now();
  const before = used();
  const sim = new Simulation({ size: nodes, seed: `bench ${nodes}` });
  // All within ten seconds, as after a power cut.
  await sim.start(sim.nodes, Math.max(1, Math.round(10_000 / nodes)));
  progress(`${nodes} nodes started`, begun);
  const convergence = await converge(sim, begun);
  progress(`${nodes} nodes converged after ${convergence} ms`, begun);
  await sim.clock.advance(idleMinutes === 0 ? 2 * MINUTE : settleMinutes(nodes) * MINUTE);
  progress(`${nodes} nodes settled`, begun);
  const start = { ...sim.net.traffic };
  await sim.clock.advance(idleMinutes * MINUTE);
  const bytes = sim.net.traffic.bytes - start.bytes;
  const frames = sim.net.traffic.frames - start.frames;
  const memory = used() - before;
  const { least } = sim.knowledge();
  const sent = 200;
  const { arrived, copies, links } = await sim.exchange(sent);
  const sessions = sim.nodes.reduce((sum, n) => sum + n.mesh.sessions().length, 0);
  await sim.stop();
  return {
    nodes,
    convergenceSeconds: convergence / 1000,
    leastKnown: least,
    sessionsPerNode: sessions / nodes,
    arrived: arrived / sent,
    messagesPerEnvelope: copies / sent,
    linksPerEnvelope: links / sent,
    overhead: copies / links,
    memoryPerNodeKiB: memory / nodes / 1024,
    // Nothing divided by nothing: not measured.
    idleKiBPerNodeMinute: bytes / nodes / idleMinutes / 1024,
    idleFramesPerNodeMinute: frames / nodes / idleMinutes,
    wallSeconds: (performance.now() - begun) / 1000,
  };
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;

/** Two connected ends on loopback. */
async function pair(): Promise<[Connection, Connection]> {
  const listener = await denoNet.listen("127.0.0.1", 0);
  const { host, port } = listener.address;
  const [near, far] = await Promise.all([denoNet.dial(host, port, 5_000), listener.accept()]);
  listener.close();
  return [near, far!];
}

const options = { clock: systemClock, random: systemRandom };
const keys = [NodeIdentity.generate(systemRandom), NodeIdentity.generate(systemRandom)] as const;

async function session(): Promise<[Transport, Transport]> {
  const [near, far] = await pair();
  const [a, b] = await Promise.all([
    Transport.connect(near, options),
    Transport.accept(far, options),
  ]);
  await Promise.all([
    handshake(a, keys[0], { random: systemRandom }),
    handshake(b, keys[1], { random: systemRandom }),
  ]);
  return [a, b];
}

async function sessionsPerSecond(): Promise<number> {
  const count = 100;
  const begun = performance.now();
  for (let i = 0; i < count; i++) {
    const [a, b] = await session();
    a.close();
    b.close();
  }
  return count / ((performance.now() - begun) / 1000);
}

/** Frames echoed per second over one session, `window` on their way at once. */
async function frameEcho(size: number, count: number, window: number): Promise<number> {
  const [a, b] = await session();
  const echo = (async () => {
    for (let i = 0; i < count; i++) void b.send(await b.receive()).catch(() => {});
  })();
  const body = systemRandom(size);
  const begun = performance.now();
  for (let i = 0; i < Math.min(window, count); i++) void a.send(body);
  for (let i = 0; i < count; i++) {
    await a.receive();
    if (i + window < count) void a.send(body);
  }
  const seconds = (performance.now() - begun) / 1000;
  await echo;
  a.close();
  b.close();
  return count / seconds;
}

async function exactly(connection: Connection, into: Uint8Array): Promise<void> {
  for (let at = 0; at < into.length;) {
    const n = await connection.read(into.subarray(at));
    if (n === null) throw new Error("connection closed");
    at += n;
  }
}

async function all(connection: Connection, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

/** The same over plain TCP: messages of fixed size, no encryption, no header. */
async function plainEcho(size: number, count: number, window: number): Promise<number> {
  const [a, b] = await pair();
  const echo = (async () => {
    const into = new Uint8Array(size);
    for (let i = 0; i < count; i++) {
      await exactly(b, into);
      await all(b, into);
    }
  })();
  const body = systemRandom(size);
  const begun = performance.now();
  let writing = Promise.resolve();
  const send = () => void (writing = writing.then(() => all(a, body)));
  for (let i = 0; i < Math.min(window, count); i++) send();
  const into = new Uint8Array(size);
  for (let i = 0; i < count; i++) {
    await exactly(a, into);
    if (i + window < count) send();
  }
  const seconds = (performance.now() - begun) / 1000;
  await echo;
  a.close();
  b.close();
  return count / seconds;
}

/** Frames per second from one end to the other, `window` on their way at once. */
async function frameStream(size: number, count: number, window: number): Promise<number> {
  const [a, b] = await session();
  const body = systemRandom(size);
  const begun = performance.now();
  const sending = (async () => {
    const waiting: Promise<void>[] = [];
    for (let i = 0; i < count; i++) {
      waiting.push(a.send(body));
      if (waiting.length >= window) await waiting.shift();
    }
    await Promise.all(waiting);
  })();
  for (let i = 0; i < count; i++) await b.receive();
  const seconds = (performance.now() - begun) / 1000;
  await sending;
  a.close();
  b.close();
  return count / seconds;
}

/** The same work without sockets: frames sealed and opened per second. */
function sealAndOpen(size: number, count: number): Promise<number> {
  const key = systemRandom(32);
  const sealer = new FrameSealer(key, new NonceSequence(systemRandom(24)));
  const opener = new FrameOpener(key);
  const body = systemRandom(size);
  const begun = performance.now();
  for (let i = 0; i < count; i++) {
    const frame = sealer.seal(body);
    opener.openHeader(frame.subarray(0, FRAME_HEADER_BYTES));
    opener.openBody(frame.subarray(FRAME_HEADER_BYTES));
  }
  return Promise.resolve(count / ((performance.now() - begun) / 1000));
}

/** Plain TCP from one end to the other, bytes per second. */
async function plainStream(bytes: number, chunk: number): Promise<number> {
  const [a, b] = await pair();
  const body = systemRandom(chunk);
  const begun = performance.now();
  const sending = (async () => {
    for (let at = 0; at < bytes; at += chunk) await all(a, body);
  })();
  const into = new Uint8Array(chunk);
  for (let at = 0; at < bytes;) {
    const n = await b.read(into);
    if (n === null) throw new Error("connection closed");
    at += n;
  }
  const seconds = (performance.now() - begun) / 1000;
  await sending;
  a.close();
  b.close();
  return bytes / seconds;
}

async function sockets() {
  const runs = async (measure: () => Promise<number>) => {
    await measure();
    const values: number[] = [];
    for (let i = 0; i < 5; i++) values.push(await measure());
    return median(values);
  };
  const small = 200;
  const large = 64 * 1024;
  const mb = (perSecond: number) => perSecond * large / 1e6;
  const framesPerSecond = await runs(() => frameStream(small, 20_000, 256));
  const withoutSockets = await runs(() => sealAndOpen(small, 20_000));
  const largeFrames = await runs(() => frameStream(large, 1_000, 16));
  const largeWithout = await runs(() => sealAndOpen(large, 1_000));
  return {
    sessionsPerSecond: await runs(sessionsPerSecond),
    framesPerSecond,
    framesPerSecondWithoutSockets: withoutSockets,
    shareOfFrames: framesPerSecond / withoutSockets,
    sessionMBPerSecond: mb(largeFrames),
    sessionMBPerSecondWithoutSockets: mb(largeWithout),
    shareOfMB: largeFrames / largeWithout,
    plainMBPerSecond: await runs(() => plainStream(256e6, large)) / 1e6,
    echoesPerSecond: await runs(() => frameEcho(small, 4_000, 64)),
    plainEchoesPerSecond: await runs(() => plainEcho(small, 4_000, 64)),
    echoMBPerSecond: mb(await runs(() => frameEcho(large, 300, 8))),
    plainEchoMBPerSecond: mb(await runs(() => plainEcho(large, 300, 8))),
  };
}

if (import.meta.main) {
  // As a daemon does once it listens.
  await Promise.all([useNativeX25519(), useNativeSha256()]);
  const json = Deno.args.includes("--json");
  const sizes = (Deno.args[Deno.args.indexOf("--nodes") + 1] ?? "").match(/^[\d,]+$/) === null
    ? [10, 100, 1_000]
    : Deno.args[Deno.args.indexOf("--nodes") + 1]!.split(",").map(Number);
  // A minute of a thousand idle nodes takes four to five of a processor: `--idle 0` leaves them out.
  const at = Deno.args.indexOf("--idle");
  const idle = at < 0 ? 4 : Number(Deno.args[at + 1]);
  const simulated: Scale[] = [];
  for (const nodes of Deno.args.includes("--no-simulation") ? [] : sizes) {
    const row = await scale(nodes, idle);
    console.error(JSON.stringify(row));
    simulated.push(row);
  }
  const real = Deno.args.includes("--no-sockets") ? null : await sockets();
  if (json) console.log(JSON.stringify({ simulated, sockets: real }, null, 2));
  else {
    const rows: [keyof Scale, string, number][] = [
      ["nodes", "nodes", 0],
      ["convergenceSeconds", "convergence after the last start, virtual s", 0],
      ["leastKnown", "others known to whoever knows fewest, at the end", 0],
      ["sessionsPerNode", "sessions per node", 1],
      ["arrived", "share of sealed envelopes that arrived", 2],
      ["messagesPerEnvelope", "messages per envelope", 2],
      ["linksPerEnvelope", "shortest way, links", 2],
      ["overhead", "messages per link of the shortest way", 3],
      ["memoryPerNodeKiB", "memory per node, KiB", 0],
      ["idleKiBPerNodeMinute", "idle traffic sent per node and minute, KiB", 0],
      ["idleFramesPerNodeMinute", "idle frames sent per node and minute", 0],
      ["wallSeconds", "wall time of the simulation, s", 0],
    ];
    for (const [field, label, digits] of simulated.length > 0 ? rows : []) {
      const cells = simulated.map((s) =>
        (Number.isNaN(s[field]) ? "-" : s[field].toFixed(digits)).padStart(10)
      );
      console.log(label.padEnd(48) + cells.join(""));
    }
    for (const [name, value] of Object.entries(real ?? {})) {
      console.log(
        `${name.padEnd(48)}${value.toFixed(value < 2 ? 2 : value < 100 ? 1 : 0).padStart(10)}`,
      );
    }
  }
}
