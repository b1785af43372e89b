/**
 * The main job on one machine: three daemons with locked permissions make a key and sign a file.
 *
 *     deno task demo [--file PATH] [--json] [--fixtures]
 *
 * @module
 */

import { parseArgs } from "node:util";
import { toHex } from "../../lib/encoding/bytes.ts";
import { Progress } from "../output.ts";
import { systemTerminal } from "../terminal.ts";
import { fixtureSets } from "./fixtures.ts";
import { DemoNode, freePorts } from "./processes.ts";
import { derSignature, verifyIndependently } from "./verify.ts";

const USAGE = `Make a 2-of-3 ECDSA key among three daemons on this machine and sign a file with it.

USAGE
  deno task demo [--file PATH] [--json] [--fixtures]

OPTIONS
  --file PATH   the file to sign; default: the project's README.md
  --json        print one JSON object at the end instead of the story
  --fixtures    take ready-made test pre-parameters instead of searching primes; never for real keys
`;

interface StatusAnswer {
  readonly identity: string;
  readonly sessions: number;
  readonly pre_params: { readonly ready: number; readonly found: number; readonly of: number };
}
interface KeygenAnswer {
  readonly key_id: string;
  readonly public_key: string;
  readonly ethereum_address: string;
  readonly committee: readonly string[];
  readonly threshold: number;
}
interface SignAnswer {
  readonly digest: string;
  readonly r: string;
  readonly s: string;
  readonly recovery_id: number;
  readonly committee: readonly string[];
}

/** How long the slowest honest machine may take for its part before the demo gives up. */
const PATIENCE_MS = 300_000;

class Story {
  readonly timings: Record<string, number> = {};
  readonly #progress: Progress;
  #phase = "starting";
  constructor(
    readonly terminal: ReturnType<typeof systemTerminal>,
    readonly json: boolean,
  ) {
    this.#progress = new Progress(terminal);
  }

  get phase(): string {
    return this.#phase;
  }

  /** Runs one phase, shows that it runs, and keeps its time in seconds. */
  async step<T>(key: string, title: string, work: (note: (text: string) => void) => Promise<T>) {
    this.#phase = title;
    const begun = performance.now();
    const elapsed = () => ((performance.now() - begun) / 1000).toFixed(1);
    let note = "";
    const draw = () => this.#progress.show(`  … ${title} ${elapsed()} s ${note}`);
    draw();
    const timer = setInterval(draw, 200);
    try {
      const result = await work((text) => {
        note = text;
        draw();
      });
      this.timings[key] = Math.round(performance.now() - begun) / 1000;
      this.#progress.clear();
      this.say(`  ✓ ${title.padEnd(52)} ${elapsed().padStart(6)} s`);
      return result;
    } finally {
      clearInterval(timer);
      this.#progress.clear();
    }
  }

  say(line: string): void {
    if (!this.json) this.terminal.out(line + "\n");
  }
}

async function until(
  nodes: readonly DemoNode[],
  what: string,
  check: () => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    for (const node of nodes) {
      if (!node.running) {
        throw new Error(`The daemon of ${node.options.name} stopped:\n${node.log.trim()}`);
      }
    }
    try {
      if (await check()) return;
    } catch (error) {
      // The admin listener may not be up yet; what it says matters only at the end.
      if (performance.now() > deadline) throw error;
    }
    if (performance.now() > deadline) throw new Error(`Gave up waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

/** Gives every node a set from testdata instead of a search. */
async function placeFixtures(nodes: readonly DemoNode[], identities: readonly string[]) {
  const sets = await fixtureSets();
  if (sets.length < nodes.length) throw new Error("testdata/preparams.json holds too few sets");
  await Promise.all(nodes.map(async (node, i) => {
    const folder = `${node.options.home}/${identities[i]}`;
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    await Deno.writeTextFile(`${folder}/preparams.json`, sets[i]!, { mode: 0o600 });
  }));
}

async function demo(story: Story, file: string, fixtures: boolean): Promise<void> {
  const begun = performance.now();
  const data = await Deno.readFile(file);
  const root = await Deno.makeTempDir({ prefix: "transfunctioner-demo-" });
  const ports = freePorts(6);
  const listen = ports.slice(0, 3).map((p) => `127.0.0.1:${p}`);
  const nodes = [0, 1, 2].map((i) =>
    new DemoNode({
      name: `node ${i + 1}`,
      home: `${root}/node${i + 1}`,
      listen: listen[i]!,
      admin: `127.0.0.1:${ports[3 + i]}`,
      connect: listen.filter((_, j) => j < i),
      passphrase: `demo passphrase ${toHex(crypto.getRandomValues(new Uint8Array(8)))}`,
    })
  );
  const cleanUp = async () => {
    await Promise.all(nodes.map((n) => n.stop()));
    await Deno.remove(root, { recursive: true });
  };
  const interrupted = async () => {
    await cleanUp();
    Deno.exit(130);
  };
  Deno.addSignalListener("SIGINT", interrupted);
  Deno.addSignalListener("SIGTERM", interrupted);
  try {
    story.say(
      "transfunctioner demo: three nodes, one key that none of them holds, one signature\n",
    );
    const identities = await story.step(
      "init",
      "three keystores and identities",
      () =>
        Promise.all(nodes.map(async (n) => (await n.ask<{ identity: string }>(["init"])).identity)),
    );
    for (const node of nodes) node.allow(identities);
    if (fixtures) await placeFixtures(nodes, identities);

    await story.step("connect", "three daemons, each connected to the others", async (note) => {
      await Promise.all(nodes.map((n) => n.start()));
      await until(nodes, "all daemons are connected", async () => {
        const sessions = await Promise.all(
          nodes.map(async (n) => (await n.ask<StatusAnswer>(["status"])).sessions),
        );
        note(`sessions ${sessions.join(" ")}`);
        return sessions.every((s) => s >= 2);
      });
    });

    const made = fixtures ? "pre-parameters from the fixtures" : "pre-parameters (12 safe primes)";
    await story.step(
      "preparams",
      made,
      (note) =>
        until(nodes, "all nodes have pre-parameters", async () => {
          const all = await Promise.all(
            nodes.map(async (n) => (await n.ask<StatusAnswer>(["status"])).pre_params),
          );
          note(`primes found ${all.map((p) => p.ready > 0 ? p.of : p.found).join(" + ")}`);
          return all.every((p) => p.ready > 0);
        }),
    );

    const key = await story.step(
      "keygen",
      "2-of-3 ECDSA key generation",
      () =>
        nodes[0]!.ask<KeygenAnswer>([
          "keygen",
          "--members",
          identities.join(","),
          "--threshold",
          "1",
        ]),
    );

    const signature = await story.step(
      "sign",
      "signature by two of the three",
      () => nodes[0]!.ask<SignAnswer>(["sign", "--key", key.key_id, "--file", file], [file]),
    );

    const digest = toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", data)));
    const verified = await story.step("verify", "signature checked by node:crypto", () => {
      const ok = signature.digest === digest &&
        verifyIndependently(data, key.public_key, signature.r, signature.s);
      return ok
        ? Promise.resolve(true)
        : Promise.reject(new Error("The signature does not verify; keep the logs and report this"));
    });

    await story.step("stop", "orderly stop of all daemons", async () => {
      const codes = await Promise.all(nodes.map((n) => n.stop()));
      if (codes.some((c) => c !== 0)) throw new Error(`Daemons ended with ${codes.join(", ")}`);
    });

    story.timings.total = Math.round(performance.now() - begun) / 1000;
    if (story.json) {
      story.terminal.out(
        JSON.stringify({
          schema: "transfunctioner/demo/1",
          key_id: key.key_id,
          public_key: key.public_key,
          ethereum_address: key.ethereum_address,
          committee: key.committee,
          threshold: key.threshold,
          signers: signature.committee,
          file,
          digest,
          r: signature.r,
          s: signature.s,
          recovery_id: signature.recovery_id,
          der: derSignature(signature.r, signature.s),
          verified,
          timings: story.timings,
        }) + "\n",
      );
      return;
    }
    const lines: [string, string][] = [
      ...identities.map((id, i): [string, string] => [`node ${i + 1}`, id]),
      ["key id", key.key_id],
      ["committee", `${key.committee.length} members, any ${key.threshold + 1} sign`],
      ["public key", key.public_key],
      ["ethereum address", key.ethereum_address],
      ["file", file],
      ["sha-256", digest],
      ["signers", signature.committee.map((id) => id.slice(0, 8)).join(" ")],
      ["r", signature.r],
      ["s", signature.s],
      ["recovery id", String(signature.recovery_id)],
      ["der", derSignature(signature.r, signature.s)],
      ["verified", "yes, by node:crypto"],
    ];
    story.say("");
    for (const [name, value] of lines) story.say(`${name.padEnd(16)}  ${value}`);
    story.say(
      `\nDone in ${story.timings.total.toFixed(1)} s. Everything was in ${root}, now removed.`,
    );
  } finally {
    Deno.removeSignalListener("SIGINT", interrupted);
    Deno.removeSignalListener("SIGTERM", interrupted);
    await cleanUp();
  }
}

async function main(): Promise<number> {
  const terminal = systemTerminal();
  let options;
  try {
    options = parseArgs({
      args: Deno.args,
      options: {
        file: { type: "string" },
        json: { type: "boolean" },
        fixtures: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
      strict: true,
    }).values;
  } catch (error) {
    terminal.err(`error: ${(error as Error).message}\nhint: run \`deno task demo --help\`\n`);
    return 2;
  }
  if (options.help) {
    terminal.out(USAGE);
    return 0;
  }
  const readme = decodeURIComponent(new URL("../../README.md", import.meta.url).pathname);
  const story = new Story(terminal, options.json ?? false);
  try {
    const file = await Deno.realPath(options.file ?? readme).catch(() => {
      throw new Error(`Cannot read ${options.file}: no such file`);
    });
    await demo(story, file, options.fixtures ?? false);
    return 0;
  } catch (error) {
    terminal.err(`error: the demo failed at "${story.phase}"\n`);
    terminal.err(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

Deno.exit(await main());
