/**
 * Nodes on a memory network and a virtual clock, and raw peers that speak the wire by hand.
 *
 * @module
 */

import { NodeIdentity } from "../../lib/crypto/identity.ts";
import { sha256 } from "../../lib/crypto/kdf.ts";
import { utf8 } from "../../lib/encoding/bytes.ts";
import type { BanView } from "../../lib/mesh/bans.ts";
import type { Command } from "../../lib/mesh/commands.ts";
import { decodeEnvelope, encodeOneHop, type Envelope } from "../../lib/mesh/envelope.ts";
import { handshake } from "../../lib/mesh/handshake.ts";
import { type Incoming, Mesh, type MeshConfig } from "../../lib/mesh/mesh.ts";
import type { NameCheck } from "../../lib/mesh/name_check.ts";
import type { Router } from "../../lib/mesh/forwarding.ts";
import { Transport } from "../../lib/mesh/transport.ts";
import { type CollectingLogger, collectingLogger } from "../../lib/observe/logger.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { MemoryConnection, MemoryNet } from "./memory_net.ts";

/** A fixed node key for a label. */
export function keyOf(label: string): NodeIdentity {
  return NodeIdentity.fromPrivateKey(sha256(utf8(`test node ${label}`)));
}

/** Labels sorted so that the first has the smallest identity. */
export function byIdentity(...labels: string[]): string[] {
  return labels.sort((a, b) => keyOf(a).identity < keyOf(b).identity ? -1 : 1);
}

/** One node under test. */
export interface TestNode {
  readonly mesh: Mesh;
  readonly key: NodeIdentity;
  readonly log: CollectingLogger;
  readonly heard: Incoming[];
  readonly ip: string;
  readonly address: string;
}

/** A network with nodes. Each node gets an address of its own. */
export class World {
  readonly clock = new VirtualClock();
  readonly net = new MemoryNet(this.clock);
  readonly nodes: TestNode[] = [];
  #count = 0;

  /** Makes a node that is not started yet; it listens at `10.0.0.n:45067`. */
  node(
    label: string,
    config: Partial<MeshConfig> = {},
    extra: { ip?: string; router?: Router; names?: NameCheck; bans?: BanView } = {},
  ): TestNode {
    const ip = extra.ip ?? `10.0.0.${++this.#count}`;
    const log = collectingLogger();
    const key = keyOf(label);
    const mesh = new Mesh({
      identity: key,
      net: this.net.host(ip),
      clock: this.clock,
      random: seededRandom(label),
      log,
      router: extra.router,
      names: extra.names,
      bans: extra.bans,
      config: {
        listen: { host: ip, port: 45067 },
        advertise: null,
        connect: [],
        peersWanted: 8,
        software: "test",
        ...config,
      },
    });
    const heard: Incoming[] = [];
    mesh.onCommand((incoming) => heard.push(incoming));
    const node = { mesh, key, log, heard, ip, address: `${ip}:45067` };
    this.nodes.push(node);
    return node;
  }

  /** Starts all nodes and lets everything settle. */
  async start(): Promise<void> {
    for (const node of this.nodes) await node.mesh.start();
    await this.clock.advance(0);
  }

  /** Stops all nodes. */
  async stop(): Promise<void> {
    for (const node of this.nodes) await node.mesh.stop();
    await this.clock.advance(15_000);
  }

  /** Connects a raw peer to a node: transport and handshake done, nothing else sent. */
  async raw(label: string, to: TestNode, ip = "10.9.9.9"): Promise<RawPeer> {
    const connection = await this.dialled(to, ip);
    return await this.#rawOver(label, connection, "client");
  }

  /** A bare connection to a node. */
  async dialled(to: TestNode, ip = "10.9.9.9"): Promise<MemoryConnection> {
    const pending = this.net.connect(ip, to.ip, 45067);
    if (this.net.latency > 0) await this.clock.advance(2 * this.net.latency);
    return await pending;
  }

  /** Accepts as a raw peer on `connection`. */
  rawServer(label: string, connection: MemoryConnection): Promise<RawPeer> {
    return this.#rawOver(label, connection, "server");
  }

  async #rawOver(
    label: string,
    connection: MemoryConnection,
    role: "client" | "server",
  ): Promise<RawPeer> {
    const options = { clock: this.clock, random: seededRandom(`raw ${label} ${this.#count++}`) };
    const opening = role === "client"
      ? Transport.connect(connection, options)
      : Transport.accept(connection, options);
    const key = keyOf(label);
    const transport = await opening;
    await handshake(transport, key, { random: options.random });
    return new RawPeer(key, connection, transport);
  }
}

/** A peer that says exactly what the test tells it to, and looks like a Go node. */
export class RawPeer {
  /** Everything received so far. */
  readonly received: Envelope[] = [];
  /** Cleartexts received so far. */
  readonly cleartexts: Uint8Array[] = [];
  /** Set when the connection has ended. */
  ended = false;
  /** Whether pings are answered. */
  answering = true;

  constructor(
    readonly key: NodeIdentity,
    readonly connection: MemoryConnection,
    readonly transport: Transport,
    reading = true,
  ) {
    if (reading) void this.#read();
  }

  /** Sends a one-hop command. */
  send(command: Command): Promise<void> {
    return this.transport.send(encodeOneHop(command, this.key.identity));
  }

  /** Commands received of one type. */
  of<T extends Command["type"]>(type: T): Extract<Command, { type: T }>[] {
    return this.received.map((e) => e.command).filter((c) => c.type === type) as Extract<
      Command,
      { type: T }
    >[];
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        const cleartext = await this.transport.receive();
        this.cleartexts.push(cleartext);
        const envelope = decodeEnvelope(cleartext);
        this.received.push(envelope);
        if (envelope.command.type === "ping" && this.answering) {
          await this.send({
            type: "ping-response",
            originTimestamp: envelope.command.originTimestamp,
            peerTimestamp: 0n,
          });
        }
      }
    } catch {
      this.ended = true;
    }
  }
}

/** Runs `test` in a fresh world and stops all its nodes. */
export async function inWorld(test: (world: World) => Promise<void>): Promise<void> {
  const world = new World();
  try {
    await test(world);
  } finally {
    await world.stop();
  }
}
