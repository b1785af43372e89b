/**
 * The expressions of the alert rules and of the dashboard.
 *
 * @module
 */

import { parse } from "yaml";
import { document } from "./source_tree.ts";

/** An alert rule. */
export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A panel of the dashboard, as far as tests look at it. */
export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets?: readonly {
    readonly expr: string;
    readonly refId: string;
    readonly legendFormat: string;
  }[];
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
}

/** All alert rules. */
export async function alerts(): Promise<Alert[]> {
  const { groups } = parse(await document("deploy/prometheus/alerts.yaml")) as {
    groups: { rules: Alert[] }[];
  };
  return groups.flatMap((group) => group.rules);
}

/** The dashboard's panels. */
export async function panels(): Promise<Panel[]> {
  const { panels } = JSON.parse(await document("deploy/grafana/transfunctioner.json")) as {
    panels: Panel[];
  };
  return panels;
}

/** Every expression, with where it stands. */
export async function expressions(): Promise<{ where: string; expression: string }[]> {
  const rules = (await alerts()).map(({ alert, expr }) => ({
    where: `alert ${alert}`,
    expression: expr,
  }));
  const drawn = (await panels()).flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ where: `panel ${title}`, expression: expr }))
  );
  return [...rules, ...drawn];
}

/** The values that labels have on the pages of nodes that have done everything once. */
export const LABEL_VALUES: Readonly<Record<string, readonly string[]>> = {
  type: ["keygen", "sign", "reshare"],
  outcome: ["complete", "failed", "aborted"],
  way: ["session", "mesh"],
};
