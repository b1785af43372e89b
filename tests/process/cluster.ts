/**
 * Nodes as real processes on loopback, for tests: keystores in a temporary folder, pre-parameters
 * from testdata, the permission set of a real operator.
 *
 * @module
 */

import { DemoNode, freePorts } from "../../cli/demo/processes.ts";
import { fixtureSets } from "../../cli/demo/fixtures.ts";

/** Status fields that the tests look at. */
export interface Status {
  readonly identity: string;
  readonly sessions: number;
  readonly pre_params: { readonly ready: number };
  readonly keys: readonly {
    readonly key_id: string;
    readonly live: number;
    readonly needed: number;
    readonly can_sign: boolean;
  }[];
}

/** Settings of a cluster. */
export interface ClusterOptions {
  /** Number of nodes. */
  readonly size: number;
  /** More variables for every node, or for the one with this index. */
  readonly env?: (index: number) => Record<string, string>;
  /** Put this many sets of pre-parameters into every node's stock; default 1. */
  readonly preParams?: number;
  /** Let the nodes search for pre-parameters beside everything else, as they would; default: no. */
  readonly searches?: boolean;
  /** Who is connected to whom; default: every node to all earlier ones. */
  readonly connect?: (index: number) => readonly number[];
  /** Returns the address by which a node dials another one, for a line in between. */
  readonly line?: (from: number, to: number, address: string) => string;
  /** What opens every node's keystore; default: a passphrase that is stretched. */
  readonly passphrase?: string;
}

/** What `peers` says of a node, as far as a cluster looks at it. */
interface Peer {
  readonly identity: string;
  readonly connected: boolean;
  readonly ready?: boolean;
}

/** How long the slowest machine may take for what takes a moment, in milliseconds. */
export const PATIENCE_MS = 300_000;

/** A handful of nodes. */
export class Cluster {
  private constructor(
    readonly root: string,
    readonly nodes: readonly DemoNode[],
    readonly identities: readonly string[],
  ) {}

  /** Makes keystores and identities; starts nothing. */
  static async create(options: ClusterOptions): Promise<Cluster> {
    const root = await Deno.makeTempDir({ prefix: "transfunctioner-test-" });
    const ports = freePorts(2 * options.size);
    const listen = ports.slice(0, options.size).map((p) => `127.0.0.1:${p}`);
    const earlier = (i: number) => Array.from({ length: i }, (_, j) => j);
    const nodes = listen.map((address, i) =>
      new DemoNode({
        name: `node ${i + 1}`,
        home: `${root}/node${i + 1}`,
        listen: address,
        admin: `127.0.0.1:${ports[options.size + i]}`,
        connect: (options.connect ?? earlier)(i)
          .map((j) => options.line?.(i, j, listen[j]!) ?? listen[j]!),
        passphrase: options.passphrase ?? `test passphrase ${i}`,
        env: environment(options, i),
      })
    );
    try {
      const identities = await Promise.all(
        nodes.map(async (n) => (await n.ask<{ identity: string }>(["init"])).identity),
      );
      const sets = await fixtureSets();
      for (const [i, node] of nodes.entries()) {
        node.allow(identities);
        if ((options.preParams ?? 1) === 0) continue;
        const folder = `${node.options.home}/${identities[i]}`;
        await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
        await Deno.writeTextFile(`${folder}/preparams.json`, sets[i % sets.length]!, {
          mode: 0o600,
        });
      }
      return new Cluster(root, nodes, identities);
    } catch (error) {
      await Deno.remove(root, { recursive: true });
      throw error;
    }
  }

  /**
   * Starts the daemons and waits until each has come to the end of its start, and is ready for every
   * other over a session of theirs.
   */
  async start(which: readonly DemoNode[] = this.nodes, ms?: number): Promise<void> {
    await Promise.all(which.map((n) => n.start()));
    await this.until(
      "every daemon has started",
      () => Promise.resolve(which.every((n) => n.log.includes("node started"))),
      ms,
    );
    const running = [...this.nodes.keys()].filter((i) => this.nodes[i]!.running);
    await this.until("every daemon is ready for every other", async () => {
      const all = await Promise.all(
        running.map((i) => this.nodes[i]!.ask<{ peers: Peer[] }>(["peers"])),
      );
      return all.every(({ peers }, n) =>
        running.every((i) =>
          i === running[n] ||
          peers.some((p) => p.identity === this.identities[i] && p.connected && p.ready === true)
        )
      );
    }, ms);
  }

  /** Waits until nodes have their shares of a new key: a slow one stores it after the requester. */
  async haveKey(keyId: string, which: readonly DemoNode[] = this.nodes): Promise<void> {
    await this.until(`all have key ${keyId}`, async () => {
      const all = await Promise.all(
        which.map((n) => n.ask<{ keys: { key_id: string; status: string }[] }>(["keys"])),
      );
      return all.every(({ keys }) => keys.some((k) => k.key_id === keyId && k.status === "active"));
    });
  }

  /** Polls until `check` holds; fails with the daemons' logs when it does not in good time. */
  async until(what: string, check: () => Promise<boolean>, ms = PATIENCE_MS): Promise<void> {
    const deadline = performance.now() + ms;
    let last: unknown;
    while (performance.now() < deadline) {
      try {
        if (await check()) return;
      } catch (error) {
        last = error;
      }
      // Real processes need real time; a virtual clock cannot drive them.
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const logs = this.nodes.map((n) => `--- ${n.options.name}\n${n.log.slice(-4000)}`).join("\n");
    throw new Error(`Gave up waiting until ${what} (last error: ${last})\n${logs}`);
  }

  /** Stops everything and removes the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((n) => n.stop("SIGKILL")));
    await Deno.remove(this.root, { recursive: true });
  }
}

/** A node's own variables, the caller's very object: it may learn its ports only later. */
function environment({ env, searches }: ClusterOptions, i: number): Record<string, string> {
  const variables = env?.(i) ?? {};
  // Searching takes all the processors there are, and most tests need no second set.
  if (searches !== true) variables["TRF_PREPARAMS_TIMEOUT"] ??= "1ms";
  return variables;
}
