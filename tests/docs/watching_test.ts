/** Alert rules and dashboard against the metrics that this program has. */
import assert from "node:assert/strict";
import { METRIC_PREFIX, METRICS } from "../../lib/observe/metric_table.ts";
import { metricsPage, MetricsRecorder } from "../../lib/observe/metrics.ts";
import { missing, readPage, readPromql } from "../support/promql.ts";
import { document } from "./source_tree.ts";
import { alerts, expressions, LABEL_VALUES, panels } from "./watching.ts";

/** A page with every histogram observed once. */
async function fullPage(): Promise<string> {
  const recorder = new MetricsRecorder(true);
  const { render } = await metricsPage({
    figures: () => ({}),
    process: () => ({}),
    version: "1",
    recorder,
  });
  for (const [name, metric] of Object.entries(METRICS)) {
    if (metric.kind !== "histogram") continue;
    const labels = (metric.labels ?? []).map((label) => [label, LABEL_VALUES[label]?.[0] ?? "1"]);
    recorder.observe(name, 1, Object.fromEntries(labels));
  }
  return await render();
}

Deno.test("every expression of alerts and dashboard is PromQL about series that exist", async () => {
  const series = readPage(await fullPage());
  const all = await expressions();
  assert(all.length > 40);
  for (const { where, expression } of all) {
    assert.deepEqual(missing(expression, series, LABEL_VALUES), [], where);
  }
});

Deno.test("missing() finds wrong names, labels, values and groups", async () => {
  const series = readPage(await fullPage());
  const find = (expression: string) => missing(expression, series, LABEL_VALUES);
  assert.deepEqual(find("continuum_sesions_active > 1"), ["no series continuum_sesions_active"]);
  assert.deepEqual(find('rate(continuum_sessions_ended_total{kind="x"}[5m])'), [
    "continuum_sessions_ended_total has no label kind",
  ]);
  assert.deepEqual(find('continuum_ceremony_duration_seconds_count{outcome="done"}'), [
    'no continuum_ceremony_duration_seconds_count with outcome="done"',
  ]);
  assert.deepEqual(find("sum by (round) (continuum_ready)"), ["nothing has the label round"]);
  assert.deepEqual(find('sum by (instance) (continuum_ready{instance=~"$instance"})'), []);
  for (
    const broken of ["rate(continuum_ready[5m]", "sum by continuum_ready", "continuum_ready >"]
  ) {
    assert.throws(() => readPromql(broken), SyntaxError, broken);
  }
});

Deno.test("the dashboard shows every metric, its panels do not lie on each other", async () => {
  const all = await panels();
  const shown = (await expressions()).filter(({ where }) => where.startsWith("panel"))
    .flatMap(({ expression }) => readPromql(expression).selectors.map(({ name }) => name));
  const left = Object.entries(METRICS).map(([name, { kind }]) =>
    METRIC_PREFIX + name + (kind === "histogram" ? "_" : "")
  ).filter((name) => !shown.some((s) => name.endsWith("_") ? s.startsWith(name) : s === name));
  // Whether a scrape came through says as much as the Go service's two flags.
  assert.deepEqual(left.sort(), [
    "continuum_dns_lookups_total",
    "continuum_healthy",
    "continuum_running",
  ]);
  assert.equal(new Set(all.map((p) => p.id)).size, all.length);
  for (const [i, a] of all.entries()) {
    const { x, y, w, h } = a.gridPos;
    assert(x >= 0 && w > 0 && x + w <= 24, a.title);
    for (const { gridPos: b, title } of all.slice(i + 1)) {
      const apart = x + w <= b.x || b.x + b.w <= x || y + h <= b.y || b.y + b.h <= y;
      assert(apart, `${a.title} lies on ${title}`);
    }
    if (a.type === "row") continue;
    assert(a.description !== undefined && a.fieldConfig?.defaults.unit !== undefined, a.title);
    const refs = a.targets!.map((t) => t.refId);
    assert.equal(new Set(refs).size, refs.length, a.title);
  }
});

Deno.test("every alert says how bad it is, what is the matter and what to do", async () => {
  const all = await alerts();
  assert.equal(new Set(all.map((a) => a.alert)).size, all.length);
  for (const { alert, labels, annotations, for: wait } of all) {
    assert.match(alert, /^Transfunctioner[A-Z]\w+$/);
    assert.match(labels["severity"]!, /^(critical|warning)$/);
    assert.match(wait ?? "0s", /^\d+[smh]$/);
    assert(annotations["summary"]!.length > 10 && annotations["action"]!.length > 20, alert);
  }
});

Deno.test("promtool accepts the rules, and they do what alerts_test.yaml says", async (t) => {
  const folder = new URL("../../deploy/prometheus/", import.meta.url);
  const promtool = async (...args: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command("promtool", {
      args,
      cwd: folder,
    }).output();
    const decoder = new TextDecoder();
    return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
  };
  try {
    const check = await promtool("check", "rules", "alerts.yaml");
    assert.equal(check.code, 0, check.text);
    const test = await promtool("test", "rules", "alerts_test.yaml");
    assert.equal(test.code, 0, test.text);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await t.step({
      name: "SKIPPED: no promtool on this machine (package prometheus)",
      ignore: true,
      fn: () => {},
    });
  }
});

Deno.test("alerts_test.yaml names alerts that exist", async () => {
  const names = (await alerts()).map((a) => a.alert);
  const text = await document("deploy/prometheus/alerts_test.yaml");
  for (const [, name] of text.matchAll(/alertname: (\w+)/g)) assert(names.includes(name!), name);
});
