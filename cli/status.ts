/** `transfunctioner status`. @module */

import { CLIENT_OPTIONS, type CommandSpec } from "./command.ts";
import { bar, duration, printFields, printTable } from "./output.ts";
import { showView, type View, WATCH_OPTIONS } from "./watch.ts";

interface StatusResult {
  readonly version: string;
  readonly identity: string;
  readonly uptime_ms: number;
  readonly listen: string;
  readonly admin: string;
  readonly sessions: number;
  readonly peers_known: number;
  readonly pre_params: {
    readonly ready: number;
    readonly making: boolean;
    readonly found: number;
    readonly of: number;
    readonly per_second?: number;
    readonly left_ms?: number;
  };
  readonly backup: {
    readonly age_ms: number | null;
    readonly current: boolean;
    readonly missing: readonly string[];
  };
  readonly ceremonies: {
    readonly running: number;
    readonly waiting: number;
    readonly complete: number;
    readonly failed: number;
  };
  readonly avoided: readonly {
    readonly identity: string;
    readonly offence: string;
    readonly for_ms: number;
  }[];
  readonly consent: string;
  readonly initiators: readonly string[];
  readonly debug_initiation: boolean;
  readonly warnings: readonly string[];
  readonly keys: readonly {
    readonly key_id: string;
    readonly curve: string;
    readonly threshold: number;
    readonly committee: readonly string[];
    readonly status: string;
    readonly live: number;
    readonly can_sign: boolean;
  }[];
}

/** Where the search for pre-parameters is, with its rate and its end as far as they are known. */
function preParams(p: StatusResult["pre_params"]): string {
  if (!p.making) return `${p.ready} ready`;
  const rate = p.per_second === undefined
    ? ""
    : `, ${Math.round(p.per_second)} candidates a second`;
  const left = p.left_ms === undefined ? "" : `, about ${duration(p.left_ms)} left`;
  return `${p.ready} ready, making one ${bar(p.found, p.of, 2 * p.of)} ` +
    `${p.found} of ${p.of} primes${rate}${left}`;
}

function ceremonies({ ceremonies: c }: StatusResult): string {
  return `${c.running} running, ${c.waiting} waiting for approval, ${c.complete} complete, ` +
    `${c.failed} failed`;
}

type KeyStatus = StatusResult["keys"][number];
const canSign = (k: KeyStatus) => k.status !== "active" ? k.status : k.can_sign ? "yes" : "NO";

/** Says how old the last backup is, and whether it would do. */
function backupLine({ age_ms, current, missing }: StatusResult["backup"], keys: number): string {
  if (age_ms === null) return keys === 0 ? "none, and no key yet" : "NONE: see `backup --help`";
  const age = `${duration(age_ms)} ago`;
  return current ? `${age}, current` : `${age}, WITHOUT ${missing.join(" ")} as now`;
}

const VIEW: View<StatusResult> = {
  title: "status",
  method: "status",
  params: {},
  schema: "transfunctioner/status/1",
  async draw(terminal, s) {
    printFields(terminal, [
      ["identity", s.identity],
      ["version", s.version],
      ["up", duration(s.uptime_ms)],
      ["mesh", `${s.listen}, ${s.sessions} sessions, ${s.peers_known} peers known`],
      ["admin", s.admin],
      ["pre-parameters", preParams(s.pre_params)],
      ["backup", backupLine(s.backup, s.keys.length)],
      ["ceremonies", ceremonies(s)],
      ["consent", s.consent],
      ["initiators", s.initiators.length === 0 ? "nobody" : s.initiators.join(" ")],
    ]);
    if (s.keys.length > 0) {
      terminal.out("\n");
      await printTable(
        terminal,
        ["key id", "curve", "needs", "live", "can sign now"],
        s.keys.map((k) => [
          k.key_id,
          k.curve,
          `${k.threshold + 1} of ${k.committee.length}`,
          String(k.live),
          canSign(k),
        ]),
      );
    }
    if (s.avoided.length > 0) {
      terminal.out("\n");
      await printTable(
        terminal,
        ["avoided", "was", "for another"],
        s.avoided.map((a) => [a.identity, a.offence, duration(a.for_ms)]),
      );
    }
    for (const warning of s.warnings) terminal.err(`warning: ${warning}\n`);
  },
  lines: (s) => [
    ["node", `node ${s.identity}, version ${s.version}`],
    ["mesh", `${s.sessions} sessions, ${s.peers_known} peers known`],
    ["pre-parameters", `pre-parameters: ${s.pre_params.ready} ready`],
    ["backup", s.backup.current ? "" : `backup: without ${s.backup.missing.join(" ")} as now`],
    ["ceremonies", `ceremonies: ${ceremonies(s)}`],
    ...s.keys.map((k): [string, string] => [
      `key ${k.key_id}`,
      `key ${k.key_id}: ${k.live} of ${k.committee.length} live, can sign: ${canSign(k)}`,
    ]),
    ["warnings", s.warnings.map((w) => `warning: ${w}`).join("; ")],
  ],
};

/** Shows one node at a glance. */
export const command: CommandSpec = {
  name: "status",
  summary: "Show the node, its peers, its keys and what can sign now.",
  usage: "[--watch [--every SECONDS]] [--json]",
  about: `With --watch it is drawn again and again in a terminal; elsewhere a line is written for
everything that changes, and with --json one object a look.`,
  maxWords: 0,
  options: { ...WATCH_OPTIONS, ...CLIENT_OPTIONS },
  examples: [
    "transfunctioner status",
    "transfunctioner status --watch",
    "transfunctioner status --json | jq .keys",
  ],
  run: (invocation) => showView(invocation, VIEW),
};
