/**
 * Run with the exact flags of a daemon: tries what a taken-over daemon would try, and prints what
 * happened to each attempt. Arguments: the home directory, a file beside it, an allowed port.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { hostname } from "node:os";
import process from "node:process";
import { dropPermissions } from "../../../lib/node/drop_permissions.ts";
import { silentLogger } from "../../../lib/observe/logger.ts";

const [home, outside, port] = [Deno.args[0]!, Deno.args[1]!, Number(Deno.args[2])];

/** Computed, as literal imports are part of the program and loaded with it. */
const load = (...parts: string[]) => import(parts.join(""));

/** Each has to be refused. */
const forbidden: Record<string, () => unknown> = {
  "read: a system file": () => Deno.readTextFileSync("/etc/passwd"),
  "read: beside the home": () => Deno.readTextFileSync(outside),
  "read: through ..": () => Deno.readTextFileSync(`${home}/../${outside.split("/").pop()}`),
  "read: with node:fs": () => readFileSync(outside),
  "read: the variables of the process": () => Deno.readTextFileSync("/proc/self/environ"),
  "read: the memory of the process": () => Deno.openSync("/proc/self/mem"),
  "read: a directory": () => [...Deno.readDirSync("/")],
  "read: the program's own code": () => Deno.readTextFileSync(new URL(import.meta.url)),
  "write: beside the home": () => Deno.writeTextFileSync(outside + ".new", ""),
  "write: with node:fs": () => writeFileSync(outside + ".new", ""),
  "write: rename out of the home": () => Deno.renameSync(`${home}/own`, outside + ".new"),
  "write: a symbolic link in the home": () => Deno.symlinkSync(outside, `${home}/link`),
  "write: a hard link in the home": () => Deno.linkSync(outside, `${home}/link`),
  "write: remove": () => Deno.removeSync(outside),
  "write: a temporary file": () => Deno.makeTempFileSync(),
  "net: a port of this machine": () => Deno.connect({ hostname: "127.0.0.1", port: 1 }),
  "net: a web server": () => Deno.connect({ hostname: "203.0.113.5", port: 443 }),
  "net: with node:net": () =>
    new Promise((resolve, reject) =>
      connect(443, "203.0.113.5").on("connect", resolve).on("error", reject)
    ),
  "net: fetch": () => fetch("http://203.0.113.5/"),
  "net: fetch of a file": () => fetch(`file://${outside}`),
  "net: a web socket": () => new WebSocket("ws://203.0.113.5/"),
  "net: listen elsewhere": () => Deno.listen({ hostname: "127.0.0.1", port: 1 }),
  "net: listen anywhere": () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  "net: a name server": () => Deno.resolveDns("example.com", "A"),
  "net: a unix socket": () => Deno.connect({ transport: "unix", path: "/run/docker.sock" }),
  "run: a program": () => new Deno.Command("true").outputSync(),
  "run: the runtime itself": () => new Deno.Command(Deno.execPath()).outputSync(),
  "run: with node:child_process": () => execFileSync("true"),
  "run: kill": () => Deno.kill(1, "SIGCONT"),
  "env: PATH": () => Deno.env.get("PATH"),
  "env: HOME": () => Deno.env.get("HOME"),
  "env: all": () => Deno.env.toObject(),
  "env: set LD_PRELOAD": () => Deno.env.set("LD_PRELOAD", "x"),
  "ffi: a library": () => Deno.dlopen("libc.so.6", {}),
  "sys: the host's name": () => Deno.hostname(),
  "sys: with node:os": () => hostname(),
  "sys: the users": () => Deno.uid(),
  "import: a remote module": () => load("https:", "//127.0.0.1:1/x.js"),
  "import: over http": () => load("http:", "//127.0.0.1:1/x.js"),
  "import: a code host": () => load("https:", "//esm.sh/is-odd@3.0.1"),
  "import: an npm package": () => load("npm:", "is-odd@3.0.1"),
  "import: a jsr package": () => load("jsr:", "@std/assert@1"),
  "import: a local file": () => load("file://", outside),
  "worker: with more permissions": () =>
    new Worker(URL.createObjectURL(new Blob([""])), {
      type: "module",
      deno: { permissions: { run: true } },
    }),
  "permission: ask for more": async () => {
    const { state } = await Deno.permissions.request({ name: "run" });
    if (state !== "granted") throw new Deno.errors.NotCapable("Requires run access");
  },
};

/** Each has to work: the refusals above prove nothing in a process that may do nothing. */
const allowed: Record<string, () => unknown> = {
  "read and write in the home": () => {
    Deno.writeTextFileSync(`${home}/own`, "x");
    return Deno.readTextFileSync(`${home}/own`);
  },
  "listen at its port": () => Deno.listen({ hostname: "127.0.0.1", port }).close(),
};

/** What only the time before dropPermissions() may do. */
const atStart: Record<string, () => unknown> = {
  "env: an own setting": () => Deno.env.get("TRF_KEYSTORE_PASSPHRASE")!.length,
};
const afterStart: Record<string, () => unknown> = {
  ...atStart,
  "env: with node:process": () => process.env["TRF_KEYSTORE_PASSPHRASE"]!.length,
  "env: change a setting": () => Deno.env.set("TRF_CONSENT", "auto"),
  "env: ask for it back": async () => {
    const { state } = await Deno.permissions.request({ name: "env", variable: "TRF_CONSENT" });
    if (state !== "granted") throw new Deno.errors.NotCapable("Requires env access");
  },
};

async function attempt(all: Record<string, () => unknown>): Promise<Record<string, string>> {
  const out: Record<string, string> = {};
  for (const [name, work] of Object.entries(all)) {
    try {
      await work();
      out[name] = "allowed";
    } catch (error) {
      out[name] = `${(error as Error).name}: ${(error as Error).message.split("\n")[0]}`;
    }
  }
  return out;
}

const report = {
  allowed: await attempt(allowed),
  atStart: await attempt(atStart),
  forbidden: await attempt(forbidden),
  afterStart: {} as Record<string, string>,
  stillForbidden: {} as Record<string, string>,
  stillAllowed: {} as Record<string, string>,
};
await dropPermissions(silentLogger);
report.afterStart = await attempt(afterStart);
report.stillForbidden = await attempt(forbidden);
report.stillAllowed = await attempt(allowed);
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(report)));
Deno.exit(0);
