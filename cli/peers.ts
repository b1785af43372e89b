/** `transfunctioner peers`. @module */

import { CLIENT_OPTIONS, type CommandSpec } from "./command.ts";
import { callDaemon } from "./connect.ts";
import { EXIT, usageError } from "./exit.ts";
import { duration, printJson, printTable } from "./output.ts";

interface PeerRow {
  readonly identity: string;
  readonly address: string;
  readonly self: boolean;
  readonly connected: boolean;
  readonly live: boolean;
  readonly direction?: string;
  readonly rtt_ms?: number;
  readonly seen_ms_ago?: number;
  readonly software?: string;
}

function state(row: PeerRow): string {
  if (row.self) return "self";
  if (row.live) return "live";
  return row.connected ? "connected" : "known";
}

/** Lists the peers, or asks the daemon to dial one more. */
export const command: CommandSpec = {
  name: "peers",
  summary: "List the peers of the mesh, or add one.",
  usage: "[add HOST:PORT] [--json]",
  about: `A peer is live when it answered a ping, connected when there is a session, known when
other nodes speak of it.`,
  maxWords: 2,
  verbs: ["add"],
  options: CLIENT_OPTIONS,
  examples: ["transfunctioner peers", "transfunctioner peers add node-b.example.com:45067"],
  async run(invocation) {
    const { terminal, words, on } = invocation;
    if (words[0] === "add") {
      if (words[1] === undefined) {
        throw usageError("peers add: the address is missing", "give HOST:PORT");
      }
      const result = await callDaemon<{ accepted: boolean }>(invocation, "peers.add", {
        address: words[1],
      });
      if (on.has("json")) printJson(terminal, "transfunctioner/peers-add/1", result);
      else terminal.out(`dialling ${words[1]}; \`transfunctioner peers\` shows when it is live\n`);
      return EXIT.done;
    }
    if (words[0] !== undefined) throw usageError(`peers: unknown word "${words[0]}"`, "known: add");
    const result = await callDaemon<{ peers: PeerRow[] }>(invocation, "peers", {});
    if (on.has("json")) printJson(terminal, "transfunctioner/peers/1", result);
    else {
      await printTable(
        terminal,
        ["identity", "state", "direction", "address", "rtt", "seen", "software"],
        result.peers.map((p) => [
          p.identity,
          state(p),
          p.direction ?? "-",
          p.address === "" ? "-" : p.address,
          p.rtt_ms === undefined ? "-" : duration(p.rtt_ms),
          p.seen_ms_ago === undefined ? "-" : `${duration(p.seen_ms_ago)} ago`,
          p.software ?? "-",
        ]),
      );
    }
    return EXIT.done;
  },
};
