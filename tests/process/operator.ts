/**
 * One operator at a terminal: types command lines as the documents have them, on a machine with one
 * home directory, and each runs as a process with the permissions that it asks for and no others.
 *
 * @module
 */

import assert from "node:assert/strict";
import { lineGrants } from "../../cli/command_grants.ts";
import { permissionFlags } from "../../lib/node/permissions.ts";
import { fakeTerminal, runLine } from "../cli/fake_terminal.ts";
import { words } from "../docs/command_lines.ts";
import { PATIENCE_MS } from "./cluster.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** What a command line did. */
export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A process that goes on until it is told to stop. */
export interface Going {
  /** What it has written so far, both streams together. */
  text(): string;
  /** Stops it as Ctrl-C or a service manager would. */
  stop(signal?: "SIGINT" | "SIGTERM"): Promise<Said>;
  readonly ended: Promise<Said>;
}

/** Works out the flags of a command line where `env` are the only TRF_ variables. */
async function flagsOf(args: readonly string[], env: Readonly<Record<string, string>>) {
  const terminal = fakeTerminal(false, { HOME: Deno.env.get("HOME"), ...env });
  return permissionFlags(await lineGrants(args, terminal));
}

/** A machine with a node's home directory and somebody in front of it. */
export class Operator {
  #daemon: Going | undefined;
  /** The node, once `init` has made it. */
  identity = "";

  constructor(
    readonly name: string,
    public home: string,
    /** Variables of every process. */
    readonly env: Record<string, string>,
    /** Directory that relative paths are in. */
    readonly folder: string,
  ) {}

  /** Starts what `line` says. */
  async begin(line: string): Promise<Going> {
    const args = words(line).slice(1);
    const env: Record<string, string> = { TRF_HOME: this.home, ...this.env };
    const flags = await flagsOf(args, env);
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--frozen", "--config", CONFIG, ...flags, MAIN, ...args],
      cwd: this.folder,
      env: { ...env, DENO_DIR: Deno.env.get("DENO_DIR") ?? "", NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const said = ["", ""];
    const reading = [child.stdout, child.stderr].map(async (stream, i) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) said[i] += text;
    });
    const ended = (async () => {
      const { code } = await child.status;
      await Promise.all(reading);
      return { code, out: said[0]!, err: said[1]! };
    })();
    return {
      text: () => said.join(""),
      ended,
      async stop(signal = "SIGTERM") {
        try {
          child.kill(signal);
        } catch {
          // It has ended by itself.
        }
        return await ended;
      },
    };
  }

  /** Runs a command line to its end; anything but the exit code that is expected fails. */
  async type(line: string, expected = 0): Promise<Said> {
    const said = await (await this.begin(line)).ended;
    const log = this.#daemon === undefined ? "" : `\ndaemon:\n${this.#daemon.text().slice(-3000)}`;
    assert.equal(said.code, expected, `${this.name}: ${line}\n${said.out}${said.err}${log}`);
    return said;
  }

  /** Starts the daemon with `line`. */
  async start(line: string): Promise<Going> {
    assert(this.#daemon === undefined, `${this.name} runs already`);
    this.#daemon = await this.begin(line);
    return this.#daemon;
  }

  /** Stops the daemon, which has to end well. */
  async stop(): Promise<void> {
    const said = await this.#daemon?.stop();
    this.#daemon = undefined;
    if (said !== undefined) assert.equal(said.code, 0, `${this.name}: ${said.err}`);
  }

  /** Ends whatever runs. */
  async kill(): Promise<void> {
    await this.#daemon?.stop("SIGINT");
    this.#daemon = undefined;
  }

  /** Asks the daemon within this process, for the test's own knowledge; null if it cannot say. */
  async look<T>(...args: readonly string[]): Promise<T | null> {
    const { code, out } = await runLine(
      ...args,
      "--json",
      "--home",
      this.home,
      "--admin-address",
      this.env["TRF_ADMIN_ADDRESS"]!,
    );
    return code === 0 ? JSON.parse(out) as T : null;
  }
}

/** Polls until `check` gives something; fails when it does not in good time. */
export async function until<T>(
  what: string,
  check: () => Promise<T | null | undefined | false>,
): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    const found = await check();
    if (found !== null && found !== undefined && found !== false) return found;
    // Real processes need real time.
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`Gave up waiting until ${what}`);
}
