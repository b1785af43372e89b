/**
 * Seven daemons that make keys, sign and reshare in a loop while they are killed, frozen and
 * restarted, and while the links between them are cut, stalled and slowed down. What must hold at
 * the end: every signature that was reported verifies, every key that was reported is there and can
 * sign with each of its members, and every failure had a reason.
 *
 * @module
 */

import { DemoNode, ProcessFailure } from "../../cli/demo/processes.ts";
import { verifyEd25519, verifyIndependently } from "../../cli/demo/verify.ts";
import { toHex } from "../../lib/encoding/bytes.ts";
import { Dice } from "../fuzz/mutate.ts";
import { Cluster, type Status } from "../process/cluster.ts";
import { type Key, keysOf, type Reshared, type Signature } from "../process/keys_kit.ts";
import { Link } from "./link.ts";

/** How long and how wild. */
export interface ChaosOptions {
  /** Length of the wild part. */
  readonly seconds: number;
  /** Repeats the same plan; what the machine makes of it differs. */
  readonly seed: number;
  /** Also ECDSA keys and signatures, which take seconds of CPU. */
  readonly ecdsa: boolean;
  /** Takes a line for each thing that happens. */
  readonly tell?: (line: string) => void;
}

/** What happened. */
export interface ChaosReport {
  /** Ceremonies asked for and completed, by kind. */
  readonly asked: Readonly<Record<string, number>>;
  readonly completed: Readonly<Record<string, number>>;
  /** Failures by the first line of what the command said, ids left out. */
  readonly failures: Readonly<Record<string, number>>;
  /** Faults injected, by kind. */
  readonly faults: Readonly<Record<string, number>>;
  /** Signatures checked with the runtime's own crypto, those at the end included. */
  readonly verified: number;
  /** Keys that were there at the end and signed with every member. */
  readonly keys: number;
  /** What must not have happened; empty if all went well. */
  readonly problems: readonly string[];
}

const NODES = 7;
/** Nodes that may be down or frozen at a time, and links that may be disturbed. */
const MAX_DOWN = 2;
const MAX_LINKS = 4;
/** Seven daemons on a machine that has other work as well. */
const START_MS = 240_000;
/** What is undecided asks again only every minute. */
const SETTLE_MS = 300_000;
/** Exit code of a process that SIGTERM ended without asking it. */
const TERMINATED = 143;
const MESSAGE_FILE = new URL("../../README.md", import.meta.url).pathname;

/** Runs it. Throws only if the daemons cannot be started at all. */
export async function chaos(options: ChaosOptions): Promise<ChaosReport> {
  const run = await ChaosRun.start(options);
  try {
    await run.makeFirstKeys();
    await run.goWild();
    await run.settle();
    return run.report();
  } finally {
    await run.stop();
  }
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

class ChaosRun {
  readonly #options: ChaosOptions;
  readonly #cluster: Cluster;
  readonly #links: readonly Link[];
  readonly #dice: Dice;
  readonly #asked: Record<string, number> = {};
  readonly #completed: Record<string, number> = {};
  readonly #failures: Record<string, number> = {};
  readonly #faults: Record<string, number> = {};
  readonly #problems: string[] = [];
  /** Keys that a command reported. */
  readonly #keys = new Map<string, Key>();
  /** Members whose confirmation the command that made the key said to be missing. */
  readonly #unconfirmed = new Map<string, readonly string[]>();
  /** Nodes that are down or frozen, by number. */
  readonly #down = new Set<number>();
  readonly #disturbed = new Set<number>();
  #verified = 0;
  #whole = 0;
  #count = 0;
  #wild = true;

  private constructor(options: ChaosOptions, cluster: Cluster, links: readonly Link[]) {
    this.#options = options;
    this.#cluster = cluster;
    this.#links = links;
    this.#dice = new Dice(options.seed);
  }

  static async start(options: ChaosOptions): Promise<ChaosRun> {
    const pairs = Array.from(
      { length: NODES },
      (_, i) => Array.from({ length: i }, (_, j) => [i, j] as const),
    ).flat();
    // They listen before the nodes pick their ports, which must be others.
    const links = pairs.map(() => new Link());
    const cluster = await Cluster.create({
      size: NODES,
      preParams: options.ecdsa ? 1 : 0,
      searches: options.ecdsa,
      env: (i) => ({
        TRF_CONNECT: pairs.flatMap(([from], n) => from === i ? [links[n]!.address] : [])
          .join(","),
        TRF_ROUND_TIMEOUT: "12s",
        TRF_CEREMONY_TIMEOUT: "40s",
        TRF_LOG_LEVEL: "info",
      }),
    });
    for (const [n, [, to]] of pairs.entries()) links[n]!.aim(cluster.nodes[to]!.options.listen);
    const run = new ChaosRun(options, cluster, links);
    try {
      await cluster.start(cluster.nodes, START_MS);
    } catch (error) {
      await run.stop();
      throw error;
    }
    return run;
  }

  async stop(): Promise<void> {
    for (const i of this.#down) this.#signal(i, "SIGCONT");
    await this.#cluster[Symbol.asyncDispose]();
    await Promise.all(this.#links.map((link) => link.close()));
  }

  report(): ChaosReport {
    return {
      asked: this.#asked,
      completed: this.#completed,
      failures: this.#failures,
      faults: this.#faults,
      verified: this.#verified,
      keys: this.#whole,
      problems: this.#problems,
    };
  }

  /** One key for each curve, among all of them and in peace. */
  async makeFirstKeys(): Promise<void> {
    // A machine with much else to do may need more than one attempt within the short timeouts here.
    await this.#until("the first key is made", async () => {
      if (this.#keys.size === 0) await this.#keygen(0, "ed25519", [0, 1, 2, 3, 4], 2);
      return this.#keys.size > 0;
    });
    if (this.#options.ecdsa) await this.#keygen(1, "secp256k1", [0, 1, 2], 1);
  }

  /** Ceremonies and faults side by side. */
  async goWild(): Promise<void> {
    const until = performance.now() + this.#options.seconds * 1000;
    const going = () => this.#wild && performance.now() < until;
    const ceremonies = async () => {
      while (going()) await this.#oneCeremony();
    };
    const faults = async () => {
      const busy: Promise<void>[] = [];
      while (going()) {
        await sleep(300 + this.#dice.below(1_500));
        if (going()) busy.push(this.#oneFault());
      }
      await Promise.all(busy);
    };
    try {
      await Promise.all([ceremonies(), ceremonies(), faults()]);
    } finally {
      this.#wild = false;
    }
  }

  #tell(line: string): void {
    this.#options.tell?.(line);
  }

  #node(i: number): DemoNode {
    return this.#cluster.nodes[i]!;
  }

  #signal(i: number, signal: Deno.Signal): void {
    const { pid } = this.#node(i);
    if (pid === undefined) return;
    try {
      Deno.kill(pid, signal);
    } catch {
      // It ended a moment ago.
    }
  }

  async #oneFault(): Promise<void> {
    const time = 500 + this.#dice.below(6_000);
    if (this.#dice.below(3) === 0) {
      const free = Array.from({ length: NODES }, (_, i) => i).filter((i) => !this.#down.has(i));
      if (this.#down.size >= MAX_DOWN) return;
      return await this.#hurtNode(this.#dice.pick(free), time);
    }
    const free = this.#links.map((_, i) => i).filter((i) => !this.#disturbed.has(i));
    if (this.#disturbed.size >= MAX_LINKS) return;
    await this.#hurtLink(this.#dice.pick(free), time);
  }

  async #hurtNode(i: number, time: number): Promise<void> {
    const kind = this.#dice.pick(["kill", "freeze", "restart"]);
    this.#down.add(i);
    count(this.#faults, kind);
    this.#tell(`${kind} node ${i} for ${time} ms`);
    const node = this.#node(i);
    if (kind === "freeze") {
      this.#signal(i, "SIGSTOP");
      await sleep(time);
      this.#signal(i, "SIGCONT");
    } else {
      const code = await node.stop(kind === "kill" ? "SIGKILL" : "SIGTERM");
      // Before it has loaded, a program ends as the system lets it end, and has said nothing yet.
      const early = code === TERMINATED && node.log === "";
      if (kind === "restart" && code !== 0 && !early) {
        this.#died(i, `ended with ${code} on SIGTERM`);
      }
      await sleep(time);
      await node.start();
    }
    this.#down.delete(i);
  }

  async #hurtLink(i: number, time: number): Promise<void> {
    const link = this.#links[i]!;
    const kind = this.#dice.pick(["cut", "delay", "stall"] as const);
    this.#disturbed.add(i);
    count(this.#faults, kind);
    if (kind === "delay") link.delay(20 + this.#dice.below(600));
    else link[kind]();
    await sleep(time);
    link.heal();
    this.#disturbed.delete(i);
  }

  #died(i: number, how: string): void {
    this.#problems.push(`node ${i} ${how}: ${this.#node(i).log.slice(-2_000)}`);
  }

  async #oneCeremony(): Promise<void> {
    const up = Array.from({ length: NODES }, (_, i) => i).filter((i) =>
      !this.#down.has(i) && this.#node(i).running
    );
    const by = this.#dice.pick(up);
    const key = this.#dice.pick([...this.#keys.values(), undefined]);
    const roll = this.#dice.below(10);
    if (key === undefined || roll === 0) {
      // Who asks for a key must be one of its members.
      await this.#keygen(by, "ed25519", [0, 1, 2, 3].map((n) => (by + n) % NODES), 1);
    } else if (roll <= 2 && key.curve === "ed25519") await this.#reshare(by, key);
    else await this.#sign(by, key);
  }

  /** Asks a node for something; a failure must have said why. */
  async #ask<T>(kind: string, by: number, args: string[], reads: string[] = []): Promise<T | null> {
    count(this.#asked, kind);
    try {
      const answer = await this.#node(by).ask<T>([...args, "--timeout", "40"], reads);
      count(this.#completed, kind);
      this.#tell(`${kind} by node ${by}: done`);
      return answer;
    } catch (error) {
      if (!(error instanceof ProcessFailure)) throw error;
      const [line = ""] = error.said.split("\n").filter((l) => l.startsWith("error: "));
      this.#tell(`${kind} by node ${by}: ${line}`);
      if (line.length < 20 || ![1, 3, 4].includes(error.exit)) {
        this.#problems.push(`${kind} by node ${by} failed without a reason: ${error.message}`);
      }
      count(this.#failures, reasonOf(line));
      return null;
    }
  }

  async #keygen(by: number, curve: string, members: number[], threshold: number): Promise<void> {
    const ids = members.map((i) => this.#cluster.identities[i]!);
    const args = ["keygen", "--curve", curve, "--members", ids.join(","), "-t", `${threshold}`];
    const key = await this.#ask<Key & { unconfirmed: string[] }>(`keygen ${curve}`, by, args);
    if (key === null) return;
    this.#keys.set(key.key_id, key);
    this.#unconfirmed.set(key.key_id, key.unconfirmed);
  }

  async #reshare(by: number, key: Key): Promise<void> {
    const start = this.#dice.below(NODES);
    const size = 3 + this.#dice.below(2);
    const to = Array.from(
      { length: size },
      (_, n) => this.#cluster.identities[(start + n) % NODES],
    );
    const args = ["reshare", "--key", key.key_id, "--members", to.join(","), "-t", "1"];
    await this.#ask<Reshared>(`reshare ${key.curve}`, by, args);
  }

  async #sign(by: number, key: Key, members?: readonly string[]): Promise<string | null> {
    const who = members === undefined ? [] : ["--members", members.join(",")];
    const kind = `sign ${key.curve}`;
    const args = ["sign", "--key", key.key_id, ...who];
    if (key.curve === "ed25519") {
      const message = new Uint8Array(32);
      new DataView(message.buffer).setUint32(0, this.#count++);
      const signature = await this.#ask<Signature>(kind, by, [...args, "--digest", toHex(message)]);
      if (signature === null) return null;
      this.#check(verifyEd25519(message, key.public_key, signature.signature), key);
      return signature.signature;
    }
    const signature = await this.#ask<Signature>(
      kind,
      by,
      [...args, "--file", MESSAGE_FILE],
      [MESSAGE_FILE],
    );
    if (signature === null) return null;
    const data = await Deno.readFile(MESSAGE_FILE);
    this.#check(verifyIndependently(data, key.public_key, signature.r, signature.s), key);
    return signature.r;
  }

  #check(good: boolean, key: Key): void {
    if (good) this.#verified++;
    else this.#problems.push(`a signature of key ${key.key_id} does not verify`);
  }

  /** Peace: all links healed, all nodes up. Then nothing may be undecided, stuck or lost. */
  async settle(): Promise<void> {
    for (const link of this.#links) link.heal();
    const nodes = this.#cluster.nodes;
    for (const [i, node] of nodes.entries()) {
      if (node.running) continue;
      this.#died(i, "was not running at the end");
      await node.start();
    }
    await this.#until("every node sees every other", async () => {
      const all = await Promise.all(nodes.map((n) => n.ask<Status>(["status"])));
      return all.every((s) => s.sessions >= NODES - 1);
    });
    await this.#until("no ceremony runs and no resharing is undecided", async () => {
      const open = await Promise.all(nodes.map(async (n) => {
        const { warnings } = await n.ask<{ warnings: string[] }>(["status"]);
        const { ceremonies } = await n.ask<{ ceremonies: { state: string }[] }>(["ceremonies"]);
        const over = ["complete", "failed", "aborted", "answered"];
        return warnings.some((w) => w.includes("waits")) ||
          ceremonies.some((c) => !over.includes(c.state));
      }));
      return !open.includes(true);
    });
    const reasons = await Promise.all(
      nodes.map(async (n) =>
        (await n.ask<{ ceremonies: { id: string; state: string; reason?: string }[] }>([
          "ceremonies",
        ])).ceremonies.filter((c) =>
          (c.state === "failed" || c.state === "aborted") && (c.reason ?? "").length < 5
        )
      ),
    );
    for (const c of reasons.flat()) {
      this.#problems.push(`ceremony ${c.id} ${c.state} without a reason`);
    }
    const rows = await Promise.all(nodes.map((n) => keysOf(n)));
    for (const key of this.#keys.values()) await this.#checkKey(key, rows);
  }

  /** A key is whole if all members of its newest generation have it, and each of them signs. */
  async #checkKey(key: Key, rows: readonly (readonly Key[])[]): Promise<void> {
    const { identities } = this.#cluster;
    const here = rows.flatMap((list, i) =>
      list.filter((row) => row.key_id === key.key_id && row.status === "active")
        .map((row) => ({ i, row }))
    );
    const newest = Math.max(...here.map(({ row }) => row.generation));
    const holders = here.filter(({ row }) => row.generation === newest);
    const [first] = holders;
    if (first === undefined) {
      this.#problems.push(`key ${key.key_id} is lost`);
      return;
    }
    const { threshold } = first.row;
    const without = first.row.committee.filter((m) =>
      !holders.some(({ i }) => identities[i] === m)
    );
    // A member that was killed before it could store a new share: the requester was told.
    const told = newest === 0 ? this.#unconfirmed.get(key.key_id)! : [];
    const committee = first.row.committee.filter((m) => !without.includes(m) || !told.includes(m));
    if (without.some((m) => !told.includes(m))) {
      const all = here.map(({ i, row }) => `node ${i}: ${row.generation}`).join(", ");
      this.#problems.push(
        `key ${key.key_id}: ${without.join(" ")} lack generation ${newest} (${all})`,
      );
    }
    for (let i = 0; i < committee.length; i += threshold + 1) {
      const quorum = Array.from(
        { length: threshold + 1 },
        (_, n) => committee[(i + n) % committee.length]!,
      );
      const by = identities.indexOf(quorum[0]!);
      let signature: string | null = null;
      await this.#until(`key ${key.key_id} signs with ${quorum.join(" ")}`, async () => {
        signature = await this.#sign(by, first.row, quorum);
        return signature !== null;
      });
      if (signature === null) return;
    }
    this.#whole++;
  }

  async #until(what: string, check: () => Promise<boolean>): Promise<void> {
    try {
      await this.#cluster.until(what, check, SETTLE_MS);
    } catch (error) {
      this.#problems.push(String(error instanceof Error ? error.message : error));
    }
  }
}

function count(counts: Record<string, number>, what: string): void {
  counts[what] = (counts[what] ?? 0) + 1;
}

/** The first line of an error with ids and numbers left out, to count by. */
function reasonOf(line: string): string {
  return line.replace(/^error: /, "").replace(/\b[0-9a-f]{8,}…?/g, "ID").replace(/\d+/g, "N")
    .replace(/ID(, ID)+/g, "IDs").slice(0, 140);
}
