/**
 * What a daemon that was taken over cannot do: every attempt is made from inside a process with the
 * exact flags of a daemon.
 */
import assert from "node:assert/strict";
import { freePorts } from "../../cli/demo/processes.ts";
import { loadConfig } from "../../lib/node/config.ts";
import { daemonPermissions } from "../../lib/node/permissions.ts";

const CHILD = new URL("./child/attempts.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** How Deno refuses: by permission, or because code from elsewhere is switched off. */
const REFUSED =
  /^(NotCapable|PermissionDenied): |Requires \w+ access|--no-remote is specified|lockfile is out of date|Can't escalate/;

interface Report {
  readonly allowed: Record<string, string>;
  readonly atStart: Record<string, string>;
  readonly forbidden: Record<string, string>;
  readonly afterStart: Record<string, string>;
  readonly stillForbidden: Record<string, string>;
  readonly stillAllowed: Record<string, string>;
}

async function attempts(): Promise<Report> {
  const root = await Deno.makeTempDir({ prefix: "transfunctioner-test-" });
  try {
    const home = `${root}/home`;
    await Deno.mkdir(home);
    await Deno.writeTextFile(`${root}/outside`, "secret of somebody else");
    const ports = freePorts(2);
    const env = {
      TRF_HOME: home,
      TRF_LISTEN_ADDRESS: `127.0.0.1:${ports[0]}`,
      TRF_ADMIN_ADDRESS: `127.0.0.1:${ports[1]}`,
      TRF_KEYSTORE_PASSPHRASE: "a passphrase",
    };
    const config = await loadConfig({ flags: {}, env });
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--config",
        CONFIG,
        ...daemonPermissions(config),
        CHILD,
        home,
        `${root}/outside`,
        String(ports[0]),
      ],
      env,
      stdin: "null",
    }).output();
    const text = new TextDecoder().decode(stdout);
    assert.notEqual(text, "", new TextDecoder().decode(stderr));
    assert.equal(await Deno.readTextFile(`${root}/outside`), "secret of somebody else");
    assert.deepEqual(
      [...Deno.readDirSync(root)].map((e) => e.name).sort(),
      ["home", "outside"],
    );
    return JSON.parse(text) as Report;
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

function assertRefused(verdicts: Record<string, string>, least: number): void {
  assert(Object.keys(verdicts).length >= least);
  for (const [name, verdict] of Object.entries(verdicts)) assert.match(verdict, REFUSED, name);
}

Deno.test("a process with the daemon's flags is refused all that is not its job", async (t) => {
  const report = await attempts();
  await t.step("it can do its job", () => {
    assert.deepEqual(new Set(Object.values(report.allowed)), new Set(["allowed"]));
    assert.deepEqual(new Set(Object.values(report.atStart)), new Set(["allowed"]));
  });
  await t.step("reads, writes, connections, programs, variables, code: refused", () => {
    assertRefused(report.forbidden, 45);
  });
  await t.step("after dropPermissions() no variable can be read, changed or asked for", () => {
    assertRefused(report.afterStart, 4);
  });
  await t.step("after it the rest is as before", () => {
    assertRefused(report.stillForbidden, 45);
    assert.deepEqual(report.stillAllowed, report.allowed);
  });
});
