/**
 * The document about the metrics, made from their table.
 *
 * @module
 */

import { type Definition, METRIC_PREFIX, METRICS, PROCESS_METRICS } from "./metric_table.ts";

const HEAD = `# Metrics

With \`TRF_PROMETHEUS_ADDRESS\` set, the daemon serves over HTTP, without authentication and without
secrets:

| path | what |
| --- | --- |
| \`/metrics\` | the series below, in Prometheus's text format |
| \`/health\` | 200 while the node listens and has a session, else 503; the same JSON as the Go service |
| \`/status\`, \`/status.json\` | the status page and its data, if \`TRF_STATUS_PAGE\` is set: see OPERATING.md |
| \`/ready\` | 200 if the node can do its work now, else 503; JSON that says what is missing |

\`/ready\` looks at more than \`/health\`: there is a session that has answered a ping, and every
active key with a share on this node has enough members that are ready for this node and for each
other. Whether pre-parameters are ready is told, but only key generations and resharings wait for
them.

## Series

Series marked "Go" have the Go service's names and meanings. There all of them are gauges, and those
about ceremonies can fall; here what counts is a counter.

`;

/** The text of `docs/METRICS.md`, before formatting. */
export function metricsDocument(): string {
  const rows = [
    ...Object.entries(METRICS).map(([name, d]) => row(METRIC_PREFIX + name, d)),
    ...Object.entries(PROCESS_METRICS).map(([name, d]) => row(name, d)),
  ];
  return `${HEAD}| name | kind | labels | Go | meaning |\n| --- | --- | --- | --- | --- |\n` +
    `${rows.join("\n")}\n\n## Buckets\n\n${buckets().join("\n")}\n`;
}

function row(name: string, definition: Definition): string {
  const labels = definition.kind === "histogram"
    ? (definition.labels ?? []).map((label) => `\`${label}\``).join(" ")
    : name.endsWith("build_info")
    ? "`version`"
    : "";
  const cells = [
    `\`${name}\``,
    definition.kind,
    labels,
    definition.go === true ? "yes" : "",
    definition.help,
  ];
  return `| ${cells.join(" | ")} |`;
}

function buckets(): string[] {
  return Object.entries(METRICS).flatMap(([name, definition]) =>
    definition.kind === "histogram"
      ? [`- \`${METRIC_PREFIX}${name}\`: ${definition.buckets.join(", ")}`]
      : []
  );
}
