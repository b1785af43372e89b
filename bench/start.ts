// deno-lint-ignore-file no-console -- prints its figures
/**
 * From starting a daemon's process to its ports being open, and what it holds when idle:
 * `deno run -A bench/start.ts [--runs N] [--idle SECONDS] [--bundle FILE | --program FILE] [--passphrase]`.
 * The keystore has a random passphrase, or with --passphrase one that is stretched.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { freePorts } from "../cli/demo/processes.ts";
import { systemRandom } from "../lib/arith/random.ts";
import { makeRandomPassphrase } from "../lib/keystore/random_passphrase.ts";
import { loadConfig } from "../lib/node/config.ts";
import { daemonPermissions } from "../lib/node/permissions.ts";
import { median } from "./rows.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    runs: { type: "string", default: "7" },
    idle: { type: "string", default: "0" },
    bundle: { type: "string" },
    program: { type: "string" },
    passphrase: { type: "boolean" },
  },
});
const MAIN = new URL("../main.ts", import.meta.url).pathname;
const CONFIG = new URL("../deno.json", import.meta.url).pathname;

const home = await Deno.makeTempDir({ prefix: "transfunctioner-bench-" });
const [listen, admin] = freePorts(2);
const env: Record<string, string> = {
  TRF_HOME: home,
  TRF_LISTEN_ADDRESS: `127.0.0.1:${listen}`,
  TRF_ADMIN_ADDRESS: `127.0.0.1:${admin}`,
  TRF_DNS: "off",
  ...(values.passphrase
    ? { TRF_KEYSTORE_PASSPHRASE: "a passphrase of the bench" }
    : { TRF_PASSPHRASE_FILE: `${home}/passphrase` }),
};
for (const name of ["DENO_DIR", "HOME", "PATH", "XDG_CACHE_HOME"]) {
  const value = Deno.env.get(name);
  if (value !== undefined) env[name] = value;
}

/** Program and arguments of one command line. */
async function line(args: string[]): Promise<[string, string[]]> {
  if (values.bundle !== undefined) return [values.bundle, args];
  const flags = args[0] === "daemon"
    ? daemonPermissions(await loadConfig({ flags: {}, env }))
    : ["--allow-all"];
  if (values.program !== undefined) {
    const base = "run --quiet --no-prompt --no-remote --no-npm --no-config --no-lock";
    const rest = ["--cached-only", "--no-code-cache", "--unstable-worker-options"];
    const granted = flags.filter((f) => f !== "--frozen");
    return [Deno.execPath(), [...base.split(" "), ...rest, ...granted, values.program, ...args]];
  }
  return [
    Deno.execPath(),
    ["run", "-q", "--no-prompt", "--frozen", "--config", CONFIG, ...flags, MAIN, ...args],
  ];
}

function command([program, args]: [string, string[]]): Deno.Command {
  return new Deno.Command(program, {
    args,
    env,
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: Deno.env.get("BENCH_LOG") ? "inherit" : "null",
  });
}

async function open(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

async function kilobytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)![1]);
}

async function cpu(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

const listening: number[] = [];
const used: number[] = [];
const resident: number[] = [];
try {
  if (!values.passphrase) {
    await Deno.writeTextFile(env["TRF_PASSPHRASE_FILE"]!, makeRandomPassphrase(systemRandom), {
      mode: 0o600,
    });
  }
  await command(await line(["init"])).output();
  const daemon = await line(["daemon"]);
  for (let i = 0; i < Number(values.runs); i++) {
    const begun = performance.now();
    const child = command(daemon).spawn();
    while (!(await open(admin!)) || !(await open(listen!))) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    listening.push(performance.now() - begun);
    used.push(await cpu(child.pid));
    await new Promise((resolve) => setTimeout(resolve, Number(values.idle) * 1000));
    if (Number(values.idle) > 0) {
      const before = await cpu(child.pid);
      await new Promise((resolve) => setTimeout(resolve, 5000));
      console.log(
        `idle: ${(await cpu(child.pid) - before) / 5 * 100} % CPU, ${await kilobytes(
          child.pid,
        )} kB`,
      );
    }
    resident.push(await kilobytes(child.pid) / 1024);
    child.kill("SIGKILL");
    await child.status;
  }
} finally {
  await Deno.remove(home, { recursive: true });
}
console.log(JSON.stringify({
  listening_ms: Math.round(median(listening)),
  all: listening.map(Math.round),
  cpu_s: median(used),
  resident_mb: Math.round(median(resident)),
}));
