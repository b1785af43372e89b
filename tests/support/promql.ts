/**
 * Reads PromQL with the grammar of Prometheus itself, and a metrics page, and compares the two.
 *
 * @module
 */

import { parser } from "@prometheus-io/lezer-promql";

/** One selector of an expression: `name{label="value"}`. */
export interface Selector {
  readonly name: string;
  readonly matchers: readonly { label: string; operator: string; value: string }[];
}

/** What an expression asks for. */
export interface Reading {
  readonly selectors: readonly Selector[];
  /** Labels by which series are grouped or matched. */
  readonly labels: readonly string[];
}

/**
 * Reads an expression; the variables of Grafana are filled in first.
 *
 * @throws {SyntaxError} if it is no PromQL.
 */
export function readPromql(expression: string): Reading {
  const text = expression.replaceAll("$__rate_interval", "5m");
  const selectors: { name: string; matchers: Selector["matchers"][number][] }[] = [];
  const labels: string[] = [];
  let inGroup = false;
  parser.parse(text).iterate({
    enter: (node) => {
      const own = text.slice(node.from, node.to);
      if (node.type.isError) {
        throw new SyntaxError(`"${expression}" is no PromQL at ${node.from}: "${own}"`);
      }
      if (node.name === "GroupingLabels") inGroup = true;
      else if (node.name === "LabelName" && inGroup) labels.push(own);
      else if (node.name === "VectorSelector") selectors.push({ name: "", matchers: [] });
      else if (node.name === "Identifier" && selectors.length > 0) selectors.at(-1)!.name ||= own;
      else if (node.name === "UnquotedLabelMatcher") {
        const found = /^(\w+)\s*(=~|!~|!=|=)\s*"(.*)"$/.exec(own);
        if (found === null) throw new SyntaxError(`"${own}" in "${expression}" is not understood`);
        const [, label, operator, value] = found as unknown as [string, string, string, string];
        selectors.at(-1)!.matchers.push({ label, operator, value });
      }
    },
    leave: (node) => {
      if (node.name === "GroupingLabels") inGroup = false;
    },
  });
  return { selectors, labels };
}

/** Labels that Prometheus itself adds to every series that it collects. */
const ADDED = ["instance", "job"];
/** Series that Prometheus itself makes. */
const OWN = ["up"];

/** The series of a metrics page: the label sets by name. */
export function readPage(page: string): Map<string, Record<string, string>[]> {
  const series = new Map<string, Record<string, string>[]>();
  for (const line of page.split("\n")) {
    const found = /^([a-z_:]+)(?:\{(.*)\})? \S+$/.exec(line);
    if (found === null) continue;
    const labels = Object.fromEntries(
      [...(found[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, k, v]) => [k!, v!]),
    );
    series.set(found[1]!, [...series.get(found[1]!) ?? [], labels]);
  }
  return series;
}

/**
 * What an expression asks for that a page does not have, one text for each.
 *
 * @param values which values labels may have beside those on the page, by label.
 */
export function missing(
  expression: string,
  series: ReadonlyMap<string, readonly Readonly<Record<string, string>>[]>,
  values: Readonly<Record<string, readonly string[]>>,
): string[] {
  const { selectors, labels } = readPromql(expression);
  const out: string[] = [];
  const known = new Set(ADDED);
  for (const { name, matchers } of selectors) {
    if (OWN.includes(name)) continue;
    const sets = series.get(name);
    if (sets === undefined) {
      out.push(`no series ${name}`);
      continue;
    }
    for (const set of sets) for (const label of Object.keys(set)) known.add(label);
    for (const { label, operator, value } of matchers) {
      if (ADDED.includes(label)) continue;
      if (!sets.some((set) => label in set)) out.push(`${name} has no label ${label}`);
      else if (
        operator === "=" && !sets.some((set) => set[label] === value) &&
        !(values[label] ?? []).includes(value)
      ) out.push(`no ${name} with ${label}="${value}"`);
    }
  }
  for (const label of labels) if (!known.has(label)) out.push(`nothing has the label ${label}`);
  return out;
}
