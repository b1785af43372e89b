/**
 * Many real nodes in one process on virtual time.
 *
 * @module
 */

import { type Identity, NodeIdentity } from "../../lib/crypto/identity.ts";
import { sha256 } from "../../lib/crypto/kdf.ts";
import { u32be, utf8 } from "../../lib/encoding/bytes.ts";
import { type Incoming, Mesh } from "../../lib/mesh/mesh.ts";
import { signTss } from "../../lib/mesh/tss_command.ts";
import { silentLogger } from "../../lib/observe/logger.ts";
import { SimClock } from "./sim_clock.ts";
import { SimNet } from "./sim_net.ts";

const PORT = 45_067;

/** How a simulation is set up. */
export interface SimulationOptions {
  /** Number of nodes. */
  readonly size: number;
  /** Makes runs repeat. */
  readonly seed: string;
  /** Sessions each node aims for; default 8. */
  readonly peersWanted?: number;
  /** Nodes that each node is told of at its start; default up to 3 random earlier ones. */
  readonly connect?: (index: number) => readonly number[];
}

/** One node. */
export interface SimNode {
  readonly index: number;
  readonly key: NodeIdentity;
  mesh: Mesh;
  running: boolean;
  readonly heard: Incoming[];
}

/** Nodes, links, time. */
export class Simulation {
  readonly clock = new SimClock();
  readonly net = new SimNet(this.clock);
  readonly nodes: SimNode[] = [];
  readonly #o: SimulationOptions;
  #state: number;
  #starts = 0;

  /** Makes the nodes; none runs yet. */
  constructor(options: SimulationOptions) {
    this.#o = options;
    this.net.random = () => this.random(2 ** 30) / 2 ** 30;
    this.#state = new DataView(sha256(utf8(options.seed)).buffer).getUint32(0);
    for (let index = 0; index < options.size; index++) {
      const key = NodeIdentity.fromPrivateKey(sha256(utf8(`sim ${options.seed}`), u32be(index)));
      const heard: Incoming[] = [];
      this.nodes.push({ index, key, mesh: this.#mesh(index, key, heard), running: false, heard });
    }
  }

  /** A random whole number from 0 to n − 1. */
  random(n: number): number {
    // xorshift32: fast and the same everywhere; nothing secret hangs on it.
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % n;
  }

  /** Starts nodes, `gapMs` apart. */
  async start(which: readonly SimNode[] = this.nodes, gapMs = 20): Promise<void> {
    for (const node of which) {
      await node.mesh.start();
      node.running = true;
      if (gapMs > 0) await this.clock.advance(gapMs);
    }
  }

  /** Stops nodes. */
  async stop(which: readonly SimNode[] = this.nodes): Promise<void> {
    for (const node of which) {
      await node.mesh.stop();
      node.running = false;
    }
  }

  /** Starts stopped nodes anew, with empty memory. */
  async restart(which: readonly SimNode[]): Promise<void> {
    for (const node of which) {
      node.mesh = this.#mesh(node.index, node.key, node.heard);
      await this.start([node], 0);
    }
  }

  /** The nodes that run. */
  get running(): SimNode[] {
    return this.nodes.filter((node) => node.running);
  }

  /** How many of the other running nodes each running one knows, at the worst and on average. */
  knowledge(among: readonly SimNode[] = this.running): { least: number; mean: number } {
    const ids = new Set(among.map((node) => node.key.identity));
    let least = Infinity;
    let sum = 0;
    for (const node of among) {
      let known = -1;
      for (const peer of node.mesh.peers()) if (ids.has(peer.identity)) known++;
      least = Math.min(least, known);
      sum += known;
    }
    return { least, mean: sum / among.length };
  }

  /** Advances until every running node knows every other; returns how long that took, in ms. */
  async converge(mostMs: number, among?: readonly SimNode[], stepMs = 1_000): Promise<number> {
    const begun = this.clock.now();
    for (;;) {
      const nodes = among ?? this.running;
      // Counting is cheap; comparing names is not, with a thousand nodes.
      const counted = nodes.every((node) => node.mesh.stats().peers_known >= nodes.length);
      if (counted && this.knowledge(nodes).least === nodes.length - 1) {
        return this.clock.now() - begun;
      }
      if (this.clock.now() - begun >= mostMs) {
        const { least, mean } = this.knowledge(nodes);
        throw new Error(
          `Not converged within ${mostMs} ms: the least know ${least}, the mean ${
            mean.toFixed(1)
          }` +
            ` of ${nodes.length - 1}`,
        );
      }
      await this.clock.advance(stepMs);
    }
  }

  /** Links of the shortest way between two running nodes over sessions that both have. */
  distance(from: SimNode, to: SimNode): number | null {
    const byId = new Map<Identity, SimNode>(this.running.map((n) => [n.key.identity, n]));
    const seen = new Set([from.key.identity]);
    let level = [from];
    for (let links = 0; level.length > 0; links++) {
      if (level.includes(to)) return links;
      const next: SimNode[] = [];
      for (const node of level) {
        for (const { identity } of node.mesh.sessions()) {
          const other = byId.get(identity);
          if (other === undefined || seen.has(identity)) continue;
          seen.add(identity);
          next.push(other);
        }
      }
      level = next;
    }
    return null;
  }

  /**
   * Sends `count` sealed messages between random pairs that are not neighbours. Returns how many
   * arrived, the copies sent over all links, and the sum of the shortest ways.
   */
  async exchange(count: number): Promise<{ arrived: number; copies: number; links: number }> {
    const nodes = this.running;
    for (const node of nodes) node.heard.length = 0;
    let links = 0;
    const before = this.net.traffic.envelopes;
    let sent = 0;
    while (sent < count) {
      const from = nodes[this.random(nodes.length)]!;
      const to = nodes[this.random(nodes.length)]!;
      const distance = this.distance(from, to);
      if (distance === null || distance < 2) continue;
      const id = sha256(utf8("sim message"), u32be(this.#starts++));
      const command = signTss(from.key, id, 3, 1, utf8("a small round message"));
      sent++;
      links += distance;
      await from.mesh.sendDirectOrSealed(to.key.identity, command).catch(() => {});
      await this.clock.advance(5);
    }
    await this.clock.advance(2_000);
    const arrived = nodes.reduce((sum, node) => sum + node.heard.length, 0);
    return { arrived, copies: this.net.traffic.envelopes - before, links };
  }

  #mesh(index: number, key: NodeIdentity, heard: Incoming[]): Mesh {
    const host = hostOf(index);
    const mesh = new Mesh({
      identity: key,
      net: this.net.host(host),
      opener: this.net.opener(key),
      clock: this.clock,
      random: (length) => Uint8Array.from({ length }, () => this.random(256)),
      log: silentLogger,
      config: {
        listen: { host, port: PORT },
        advertise: null,
        connect: this.#connect(index).map((i) => `${hostOf(i)}:${PORT}`),
        peersWanted: this.#o.peersWanted ?? 8,
        software: "simulation",
      },
    });
    mesh.onCommand((incoming) => heard.push(incoming));
    return mesh;
  }

  #connect(index: number): readonly number[] {
    if (this.#o.connect !== undefined) return this.#o.connect(index);
    if (index === 0) return [];
    return [...new Set(Array.from({ length: 3 }, () => this.random(index)))];
  }
}

/** The place of a node; all differ in their network prefix too. */
export function hostOf(index: number): string {
  return `10.${index >> 8}.${index & 255}.1`;
}
