/**
 * Peers over real TCP: an honest one that measures how long its pings take, and a raw link whose
 * bytes an attack chooses itself.
 *
 * @module
 */

import { systemRandom } from "../../lib/arith/random.ts";
import { x25519Public } from "../../lib/crypto/box.ts";
import { NodeIdentity } from "../../lib/crypto/identity.ts";
import { sha256 } from "../../lib/crypto/kdf.ts";
import { utf8 } from "../../lib/encoding/bytes.ts";
import { systemClock } from "../../lib/mesh/clock.ts";
import type { Command } from "../../lib/mesh/commands.ts";
import { ByteReader } from "../../lib/mesh/byte_reader.ts";
import { decodeEnvelope, encodeOneHop } from "../../lib/mesh/envelope.ts";
import { FrameSealer } from "../../lib/mesh/frames.ts";
import { handshake, type HandshakeResult } from "../../lib/mesh/handshake.ts";
import {
  agree,
  keyExchangeLine,
  MAX_LINE_BYTES,
  parseKeyExchangeLine,
} from "../../lib/mesh/key_exchange.ts";
import type { Connection } from "../../lib/mesh/net.ts";
import { NonceSequence } from "../../lib/mesh/nonces.ts";
import { Transport } from "../../lib/mesh/transport.ts";
import { denoNet } from "../../lib/node/deno_net.ts";

/** Where a daemon listens. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** How long {@link TcpPeer.reach} tries, in milliseconds. */
const REACH_MS = 120_000;

/** A fixed key for a label. */
export function attackerKey(label: string): NodeIdentity {
  return NodeIdentity.fromPrivateKey(sha256(utf8(`attacker ${label}`)));
}

/** A peer with a session that answers pings and can send its own. */
export class TcpPeer {
  /** Set when the daemon closed the session. */
  ended = false;
  /** Commands received, newest last; pings and answers to pings are left out. */
  readonly received: Command[] = [];
  readonly #waiting = new Map<bigint, () => void>();
  #next = 1n;

  private constructor(
    readonly key: NodeIdentity,
    readonly transport: Transport,
    /** The daemon as it proved itself. */
    readonly daemon: HandshakeResult,
  ) {
    void this.#read();
  }

  /** Connects and shakes hands. */
  static async connect(target: Target, key: NodeIdentity): Promise<TcpPeer> {
    return await TcpPeer.over(await denoNet.dial(target.host, target.port, 10_000), key);
  }

  /** The same as often as it takes: a daemon that is busy may give up on a first try. */
  static async reach(target: Target, key: NodeIdentity): Promise<TcpPeer> {
    const deadline = performance.now() + REACH_MS;
    for (;;) {
      try {
        return await TcpPeer.connect(target, key);
      } catch (error) {
        if (performance.now() > deadline) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  /** Shakes hands on a connection. */
  static async over(connection: Connection, key: NodeIdentity): Promise<TcpPeer> {
    const transport = await Transport.connect(connection, {
      clock: systemClock,
      random: systemRandom,
    });
    const daemon = await handshake(transport, key, { random: systemRandom });
    return new TcpPeer(key, transport, daemon);
  }

  /** Sends a one-hop command. */
  send(command: Command): Promise<void> {
    return this.transport.send(encodeOneHop(command, this.key.identity));
  }

  /** Sends a ping and resolves with the milliseconds until it was answered. */
  async ping(): Promise<number> {
    const stamp = this.#next++;
    const answered = new Promise<void>((resolve) => this.#waiting.set(stamp, resolve));
    const begun = performance.now();
    await this.send({ type: "ping", originTimestamp: stamp });
    await answered;
    return performance.now() - begun;
  }

  /** Hangs up. */
  close(): void {
    this.transport.close();
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        const { command } = decodeEnvelope(await this.transport.receive());
        if (command.type === "ping-response") {
          this.#waiting.get(command.originTimestamp)?.();
          this.#waiting.delete(command.originTimestamp);
        } else if (command.type === "ping") {
          await this.send({
            type: "ping-response",
            originTimestamp: command.originTimestamp,
            peerTimestamp: 0n,
          });
        } else this.received.push(command);
      }
    } catch {
      this.ended = true;
      // Nobody answers any more; whoever waits looks at `ended`.
      for (const settle of this.#waiting.values()) settle();
    }
  }
}

/** A connection of which the attack writes every byte. */
export class RawLink {
  private constructor(readonly conn: Deno.TcpConn) {}

  /** Connects; nothing is sent. */
  static async open(target: Target): Promise<RawLink> {
    return new RawLink(await Deno.connect({ hostname: target.host, port: target.port }));
  }

  /** Exchanges keys; returns the key of the frames to the daemon and what seals with it. */
  async keys(): Promise<{ sealer: FrameSealer; key: Uint8Array }> {
    const theirPublic = parseKeyExchangeLine(await new ByteReader(this.conn).line(MAX_LINE_BYTES));
    const ownPrivate = systemRandom(32);
    const ownPublic = x25519Public(ownPrivate);
    await this.write(keyExchangeLine(ownPublic));
    const { c2s } = agree({ role: "client", ownPrivate, ownPublic, theirPublic });
    return { sealer: new FrameSealer(c2s, new NonceSequence(systemRandom(24))), key: c2s };
  }

  /** Becomes an honest session whose written frames are recorded. */
  async session(key: NodeIdentity): Promise<{ peer: TcpPeer; written: Uint8Array[] }> {
    const written: Uint8Array[] = [];
    const connection: Connection = {
      remote: { host: "127.0.0.1", port: 0 },
      read: (into) => this.conn.read(into),
      write: (bytes) => {
        written.push(bytes.slice());
        return this.conn.write(bytes);
      },
      close: () => this.close(),
    };
    return { peer: await TcpPeer.over(connection, key), written };
  }

  /** All that the daemon says until it closes. */
  async text(): Promise<string> {
    let out = "";
    const buffer = new Uint8Array(65_536);
    try {
      for (let n; (n = await this.conn.read(buffer)) !== null;) {
        out += new TextDecoder().decode(buffer.subarray(0, n));
      }
    } catch {
      // a reset is a close as well
    }
    return out;
  }

  /** Writes all bytes; false when the daemon has closed. */
  async write(bytes: Uint8Array): Promise<boolean> {
    try {
      for (let at = 0; at < bytes.length;) at += await this.conn.write(bytes.subarray(at));
      return true;
    } catch {
      return false;
    }
  }

  /** Resolves with the milliseconds until the daemon closed; reads away what it says. */
  async closed(): Promise<number> {
    const begun = performance.now();
    const buffer = new Uint8Array(65_536);
    try {
      while (await this.conn.read(buffer) !== null);
    } catch {
      // a reset is a close as well
    }
    return performance.now() - begun;
  }

  /** Closes our end. */
  close(): void {
    try {
      this.conn.close();
    } catch {
      // closed already
    }
  }
}

/** Resident memory of a process in MiB. */
export async function residentMiB(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) / 1024;
}

/**
 * Milliseconds that a thread has run, and that it has waited for a processor because others had
 * it. What a measurement waited for the machine is not the program's doing.
 */
export function scheduling(thread: string): { ran: number; waited: number } {
  const [ran, waited] = Deno.readTextFileSync(`/proc/${thread}/schedstat`).split(" ").map(Number);
  return { ran: ran! / 1e6, waited: waited! / 1e6 };
}

/** What pings cost during something. */
export interface PingFigures {
  /** Number of pings. */
  pings: number;
  /**
   * The most that the daemon's main thread computed between a ping and its answer, in ms: what it
   * did first. That the machine or the process stood still meanwhile is not in it.
   */
  busiest: number;
  /**
   * What all pings but one took at the most, in ms, less what daemon and test waited for a processor.
   * A delay that is not computing, but the program's own, is in it; a machine may stand still once.
   */
  slowest: number;
  /** The longest wait for an answer in ms, whatever it came from. */
  longest: number;
}

/**
 * Pings until `over` says so, `pause` ms apart.
 *
 * @param told is told the number of pings after each of them.
 */
export async function pingDuring(
  peer: TcpPeer,
  pid: number,
  over: () => boolean,
  pause = 20,
  told: (pings: number) => void = () => {},
): Promise<PingFigures> {
  const took: number[] = [];
  const out = { pings: 0, busiest: 0, slowest: 0, longest: 0 };
  const daemon = () => scheduling(`${pid}/task/${pid}`);
  const own = () => scheduling("thread-self").waited;
  do {
    const [before, waited] = [daemon(), own()];
    const raw = await peer.ping();
    const after = daemon();
    out.busiest = Math.max(out.busiest, after.ran - before.ran);
    out.longest = Math.max(out.longest, raw);
    took.push(raw - (after.waited - before.waited) - (own() - waited));
    told(++out.pings);
    await new Promise((resolve) => setTimeout(resolve, pause));
  } while (!over());
  took.sort((a, b) => b - a);
  out.slowest = took[1] ?? took[0]!;
  return out;
}

/** The figures in words. */
export function pingText({ pings, busiest, slowest, longest }: PingFigures): string {
  const [most, slow, raw] = [busiest, slowest, longest].map((ms) => ms.toFixed(0));
  return `${pings} pings, the daemon computed at most ${most} ms before an answer, ` +
    `all but one took at most ${slow} ms, the longest ${raw} ms with all waits`;
}
