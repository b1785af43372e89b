/** `status --watch` on a real pseudo-terminal, beside a real daemon. */
import assert from "node:assert/strict";
import { freePorts } from "../../cli/demo/processes.ts";
import { Cluster } from "./cluster.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** Runs a command line on a pseudo-terminal, types Ctrl-C once `seen` was written. */
async function onTerminal(line: string, env: Record<string, string>, seen: string) {
  const child = new Deno.Command("script", {
    // `exec`: a shell that stayed in between would die of the Ctrl-C itself, and answer for it.
    args: ["-qefc", `exec ${line}`, "/dev/null"],
    env: { ...env, TERM: "xterm", SHELL: "/bin/sh" },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
    // A terminal on which nothing appears must not hang the test.
    signal: AbortSignal.timeout(180_000),
  }).spawn();
  let out = "";
  const writer = child.stdin.getWriter();
  let typed = false;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    out += text;
    if (typed || !out.includes(seen)) continue;
    typed = true;
    await writer.write(Uint8Array.of(3));
  }
  await writer.close().catch(() => {});
  return { code: (await child.status).code, out };
}

/** Whether a program is there to be run. */
async function isInstalled(program: string): Promise<boolean> {
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    const info = await Deno.stat(`${folder}/${program}`).catch(() => null);
    if (info?.isFile) return true;
  }
  return false;
}

const NO_SCRIPT = "no `script` of util-linux on this machine";
const script = Deno.build.os === "linux" && await isInstalled("script");

Deno.test("status --watch redraws on a terminal and Ctrl-C leaves it sane", async (t) => {
  const [metrics] = freePorts(1);
  const prometheus = { TRF_PROMETHEUS_ADDRESS: `127.0.0.1:${metrics}` };
  await using cluster = await Cluster.create({ size: 1, env: () => prometheus });
  await cluster.start();
  const [node] = cluster.nodes;
  const { home, admin } = node!.options;
  const env = { TRF_HOME: home, TRF_ADMIN_ADDRESS: admin, NO_COLOR: "1" };
  const line =
    `${Deno.execPath()} run -q --no-prompt --allow-read=${home} --allow-env=TRF_*,HOME ` +
    `--allow-net=${admin} ${MAIN} status --watch --every 1`;
  const name = "on a pseudo-terminal";
  await t.step({
    name: script ? name : `SKIPPED, ${name}: ${NO_SCRIPT}`,
    ignore: !script,
    fn: async () => {
      const { code, out } = await onTerminal(line, env, "identity");
      assert.equal(code, 0, out);
      assert(out.includes("\x1b[?1049h") && out.includes("status, every 1 s"));
      const after = out.slice(out.lastIndexOf("\x1b[?25h\x1b[?1049l"));
      assert(after.includes(cluster.identities[0]!), JSON.stringify(after));
      assert.equal(
        after.split("\x1b").length,
        3,
        "no other control codes after the terminal's own",
      );
    },
  });

  // Into a pipe: lines, and JSON lines, ended by a reader that goes away.
  const piped = await new Deno.Command("sh", {
    args: ["-c", `${line} --json | head -n 2`],
    env,
    stdin: "null",
    stderr: "null",
  }).output();
  const objects = new TextDecoder().decode(piped.stdout).trim().split("\n").map((l) =>
    JSON.parse(l)
  );
  assert.deepEqual(objects.map((o) => o.schema), Array(2).fill("transfunctioner/status/1"));

  // What a bug report says of a running daemon, secrets left out.
  let text = "";
  await cluster.until(
    "the report has the metrics page, for which it waits some seconds",
    async () => {
      const report = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-q", "-A", MAIN, "bugreport", "--redact-hosts"],
        env: { ...env, ...prometheus, TRF_KEYSTORE_PASSPHRASE: node!.options.passphrase },
        stdin: "null",
      }).output();
      text = new TextDecoder().decode(report.stdout);
      return !JSON.parse(text).metrics.join().startsWith("no answer");
    },
  );
  const { status, peers, doctor, metrics: page } = JSON.parse(text);
  assert.equal(status.identity, cluster.identities[0]);
  assert.equal(peers.peers.length, 1);
  assert(doctor.some((f: { check: string }) => f.check === "preparams"));
  assert(page.some((line: string) => line.startsWith("continuum_sessions_active")));
  const adminKey = (await Deno.readTextFile(`${home}/admin.key`)).trim();
  for (const secret of [adminKey, node!.options.passphrase]) assert(!text.includes(secret));
});
