/**
 * The metrics page: names, kinds, counters that only grow, histograms, and the document about them.
 */
import assert from "node:assert/strict";
import { METRIC_PREFIX, METRICS } from "../../lib/observe/metric_table.ts";
import { metricsDocument } from "../../lib/observe/metrics_document.ts";
import { metricsPage, MetricsRecorder } from "../../lib/observe/metrics.ts";
import { inWorld } from "../mesh/node_kit.ts";

const DOCUMENT = new URL("../../docs/METRICS.md", import.meta.url);

/** The Go service's series with their help texts (specification: mesh section 18). */
const GO: Readonly<Record<string, string>> = {
  running: "Whether the continuum service is running",
  healthy: "Whether the node is healthy (listening with peers)",
  uptime_seconds: "Seconds since the service started",
  sessions_active: "Number of active peer sessions",
  peers_known: "Number of known peer records",
  peers_live: "Peers that responded to at least one ping",
  messages_forwarded_total: "Total messages forwarded to next hop",
  messages_routed_received_total: "Total routed messages received at final destination",
  messages_dedup_dropped_total: "Total messages dropped by dedup cache",
  broadcasts_sent_total: "Total broadcasts originated by this node",
  ceremonies_active: "Number of currently running ceremonies",
  ceremonies_completed_total: "Total ceremonies completed successfully",
  ceremonies_failed_total: "Total ceremonies that failed",
  messages_rate_dropped_total: "Messages dropped by per-session rate limiter",
  connections_cooldown_dropped_total: "Connections rejected by per-IP cooldown",
  envelopes_rate_dropped_total: "Envelopes dropped by per-sender rate gate",
};

/** Formats as the repository does. */
async function formatted(markdown: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext=md", "--line-width=100", "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(markdown));
  await writer.close();
  return new TextDecoder().decode((await child.output()).stdout);
}

// `deno run -A tests/observe/metrics_test.ts --write` writes the document.
if (import.meta.main && Deno.args.includes("--write")) {
  await Deno.writeTextFile(DOCUMENT, await formatted(metricsDocument()));
} else {
  Deno.test("docs/METRICS.md lists every metric as it is", async () => {
    assert.equal(await Deno.readTextFile(DOCUMENT), await formatted(metricsDocument()));
  });

  Deno.test("metricsPage() has every series of the Go service with its help text", async () => {
    const { render } = await metricsPage({ figures: () => ({ peers_known: 7 }), version: "1.2.3" });
    const page = await render();
    for (const [name, help] of Object.entries(GO)) {
      assert.ok(page.includes(`# HELP ${METRIC_PREFIX}${name} ${help}\n`), name);
      const kind = name.endsWith("_total") ? "counter" : "gauge";
      assert.ok(page.includes(`# TYPE ${METRIC_PREFIX}${name} ${kind}\n`), name);
      assert.equal(METRICS[name]!.go, true);
    }
    assert.match(page, /^continuum_peers_known 7$/m);
    assert.match(page, /^continuum_build_info\{version="1\.2\.3"\} 1$/m);
  });

  Deno.test("metricsPage() counters never fall, gauges do", async () => {
    let value = 5;
    const { render } = await metricsPage({
      figures: () => ({ sessions_active: value, ceremonies_failed_total: value }),
      version: "",
    });
    const read = async () => {
      const page = await render();
      return ["sessions_active", "ceremonies_failed_total"].map((name) =>
        Number(new RegExp(`^continuum_${name} (\\d+)$`, "m").exec(page)![1])
      );
    };
    assert.deepEqual(await read(), [5, 5]);
    assert.deepEqual(await read(), [5, 5]);
    value = 3;
    assert.deepEqual(await read(), [3, 5]);
    value = 9;
    assert.deepEqual(await read(), [9, 9]);
  });

  Deno.test("MetricsRecorder keeps what is observed before the page is loaded", async () => {
    const recorder = new MetricsRecorder(true);
    recorder.observe("ceremony_duration_seconds", 0.3, { type: "sign", outcome: "complete" });
    const { render } = await metricsPage({ figures: () => ({}), version: "", recorder });
    recorder.observe("ceremony_duration_seconds", 40, { type: "sign", outcome: "complete" });
    recorder.observe("no such metric", 1);
    const page = await render();
    const bucket = (le: string) =>
      new RegExp(
        `^continuum_ceremony_duration_seconds_bucket\\{le="${le}",.*type="sign".*\\} (\\d+)$`,
        "m",
      ).exec(page)?.[1];
    assert.equal(bucket("0.2"), "0");
    assert.equal(bucket("0.5"), "1");
    assert.equal(bucket("60"), "2");
    const off = new MetricsRecorder(false);
    off.observe("queue_messages", 1);
    off.connect(() => assert.fail("nothing was to be recorded"));
  });

  Deno.test("METRICS has every figure of a mesh", () =>
    inWorld(async (world) => {
      const { mesh } = world.node("a");
      await world.start();
      for (const name of Object.keys(mesh.stats())) assert.ok(name in METRICS, name);
    }));
}
