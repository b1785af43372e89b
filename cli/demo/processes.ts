/**
 * Runs the real program as separate processes: one daemon per node, one short process per command.
 *
 * Every process gets exactly the permissions a real operator's would have; only ports and
 * directories differ.
 *
 * @module
 */

import { daemonPermissions } from "../../lib/node/permissions.ts";
import { loadConfig } from "../../lib/node/config.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** A process of the demo that ended badly; carries what it said. */
export class ProcessFailure extends Error {
  override readonly name = "ProcessFailure";
  constructor(
    readonly what: string,
    readonly exit: number,
    readonly said: string,
  ) {
    super(`${what} ended with exit code ${exit}${said === "" ? "" : `:\n${said}`}`);
  }
}

/** Characters of a daemon's log that are kept: its tail is enough to explain a failure. */
export const LOG_TAIL = 1_000_000;

/** What one node of the demo is started with. */
export interface DemoNodeOptions {
  readonly name: string;
  readonly home: string;
  readonly listen: string;
  readonly admin: string;
  readonly connect: readonly string[];
  readonly passphrase: string;
  /** More variables, which win over the demo's own. */
  readonly env?: Readonly<Record<string, string>>;
}

function runtimeArguments(): string[] {
  return ["run", "-q", "--no-prompt", "--frozen", "--config", CONFIG];
}

/** Ports looked at: nobody may listen yet on those given out, so that they look free. */
const looked = new Set<number>();

/**
 * Where ports are looked for: below those that systems give to outgoing connections by themselves,
 * one of which could take a port between this look and the daemon's start.
 */
const PORTS = { from: 20_000, count: 12_000 } as const;

/** Picks `count` free TCP ports of the loopback address, none of which it gave out before. */
export function freePorts(count: number): number[] {
  const ports: number[] = [];
  while (ports.length < count) {
    if (looked.size === PORTS.count) throw new Error("Cannot find a free port");
    const port = PORTS.from + Math.floor(Math.random() * PORTS.count);
    if (looked.has(port)) continue;
    looked.add(port);
    if (isFree(port)) ports.push(port);
  }
  return ports;
}

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}

/** One node of the demo: its settings, its daemon, and the command line pointed at it. */
export class DemoNode {
  readonly options: DemoNodeOptions;
  #daemon: Deno.ChildProcess | undefined;
  #log = "";
  #ended: Promise<number> | undefined;
  #initiators: readonly string[] = [];

  constructor(options: DemoNodeOptions) {
    this.options = options;
  }

  /** Identities whose requests this node will take part in. */
  allow(initiators: readonly string[]): void {
    this.#initiators = initiators;
  }

  #environment(): Record<string, string> {
    const { home, listen, admin, connect, passphrase } = this.options;
    return {
      TRF_HOME: home,
      TRF_LISTEN_ADDRESS: listen,
      TRF_ADMIN_ADDRESS: admin,
      TRF_CONNECT: connect.join(","),
      TRF_DNS: "off",
      TRF_KEYSTORE_PASSPHRASE: passphrase,
      TRF_INITIATORS: this.#initiators.join(","),
      ...this.options.env,
    };
  }

  /** The variables a process gets: ours and what the runtime itself needs, nothing else. */
  #spawnEnvironment(): Record<string, string> {
    const out = this.#environment();
    for (const name of ["DENO_DIR", "HOME", "PATH", "XDG_CACHE_HOME", "DENO_AUDIT_PERMISSIONS"]) {
      const value = Deno.env.get(name);
      if (value !== undefined) out[name] = value;
    }
    return out;
  }

  /** Starts the daemon process with the operator's permission set. */
  async start(): Promise<void> {
    const config = await loadConfig({ flags: {}, env: this.#environment() });
    const child = new Deno.Command(Deno.execPath(), {
      args: [...runtimeArguments(), ...daemonPermissions(config), MAIN, "daemon"],
      env: this.#spawnEnvironment(),
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#daemon = child;
    this.#log = "";
    const reading = (async () => {
      for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
        this.#log = (this.#log + text).slice(-LOG_TAIL);
      }
    })();
    this.#ended = (async () => {
      const { code } = await child.status;
      await reading;
      this.#daemon = undefined;
      return code;
    })();
  }

  /** What the daemon wrote to standard error since its start. */
  get log(): string {
    return this.#log;
  }

  /** The daemon's process id, or undefined when it does not run. */
  get pid(): number | undefined {
    return this.#daemon?.pid;
  }

  /** Whether the daemon process is alive. */
  get running(): boolean {
    return this.#daemon !== undefined;
  }

  /** Resolves with the daemon's exit code when it ends by itself. */
  async ended(): Promise<number> {
    if (this.#ended === undefined) throw new Error("The daemon was never started");
    return await this.#ended;
  }

  /** Stops the daemon as an operator would (SIGTERM), or at once. Resolves with its exit code. */
  async stop(signal: "SIGTERM" | "SIGKILL" | "SIGINT" = "SIGTERM"): Promise<number | undefined> {
    if (this.#daemon === undefined || this.#ended === undefined) return undefined;
    try {
      this.#daemon.kill(signal);
    } catch {
      // It has ended by itself a moment ago.
    }
    return await this.#ended;
  }

  /**
   * Runs one command against this node and returns what it printed on standard output.
   *
   * @throws {ProcessFailure} if it does not exit with 0.
   */
  async run(
    args: readonly string[],
    reads: readonly string[] = [],
    writes: readonly string[] = [],
  ): Promise<string> {
    const { home, admin } = this.options;
    const permissions = [
      `--allow-read=${[home, ...reads].join(",")}`,
      `--allow-write=${[home, ...writes].join(",")}`,
      "--allow-env=TRF_*,HOME,NO_COLOR",
      `--allow-net=${admin}`,
    ];
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...runtimeArguments(), ...permissions, MAIN, ...args],
      env: this.#spawnEnvironment(),
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    const decoder = new TextDecoder();
    if (code !== 0) {
      throw new ProcessFailure(
        `\`transfunctioner ${args.join(" ")}\` on ${this.options.name}`,
        code,
        decoder.decode(stderr).trim(),
      );
    }
    return decoder.decode(stdout);
  }

  /** Runs a command with `--json` and reads its answer. */
  async ask<T>(
    args: readonly string[],
    reads: readonly string[] = [],
    writes: readonly string[] = [],
  ): Promise<T> {
    return JSON.parse(await this.run([...args, "--json"], reads, writes)) as T;
  }
}
