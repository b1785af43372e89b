/** `transfunctioner status`. @module */

import { CLIENT_OPTIONS, type CommandSpec } from "./command.ts";
import { callDaemon } from "./connect.ts";
import { EXIT } from "./exit.ts";
import { duration, printFields, printJson, printTable } from "./output.ts";

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
  };
  readonly ceremonies: {
    readonly running: number;
    readonly waiting: number;
    readonly complete: number;
    readonly failed: number;
  };
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

/** Shows one node at a glance. */
export const command: CommandSpec = {
  name: "status",
  summary: "Show the node, its peers, its keys and what can sign now.",
  usage: "[--json]",
  maxWords: 0,
  options: CLIENT_OPTIONS,
  examples: ["transfunctioner status", "transfunctioner status --json | jq .keys"],
  async run(invocation) {
    const { terminal, on } = invocation;
    const s = await callDaemon<StatusResult>(invocation, "status", {});
    if (on.has("json")) {
      printJson(terminal, "transfunctioner/status/1", s);
      return EXIT.done;
    }
    const p = s.pre_params;
    const c = s.ceremonies;
    printFields(terminal, [
      ["identity", s.identity],
      ["version", s.version],
      ["up", duration(s.uptime_ms)],
      ["mesh", `${s.listen}, ${s.sessions} sessions, ${s.peers_known} peers known`],
      ["admin", s.admin],
      [
        "pre-parameters",
        `${p.ready} ready${p.making ? `, making one (${p.found} of ${p.of} primes)` : ""}`,
      ],
      [
        "ceremonies",
        `${c.running} running, ${c.waiting} waiting for approval, ${c.complete} complete, ${c.failed} failed`,
      ],
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
          k.status !== "active" ? k.status : k.can_sign ? "yes" : "NO",
        ]),
      );
    }
    for (const warning of s.warnings) terminal.err(`warning: ${warning}\n`);
    return EXIT.done;
  },
};
