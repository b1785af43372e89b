/** `transfunctioner peers`. @module */

import { CLIENT_OPTIONS, type CommandSpec, type Invocation } from "./command.ts";
import { callDaemon } from "./connect.ts";
import { EXIT, type ExitCode, unknownWord, usageError } from "./exit.ts";
import { type Graph, graphDot, graphSvg, graphText } from "./mesh_graph.ts";
import { duration, printJson, printTable } from "./output.ts";

interface PeerRow {
  readonly identity: string;
  readonly address: string;
  readonly self: boolean;
  readonly connected: boolean;
  readonly live: boolean;
  readonly direction?: string;
  readonly rtt_ms?: number;
  readonly software?: string;
  readonly version?: string;
  readonly ready?: boolean;
  readonly not_ready?: string;
  readonly answered_ms_ago?: number;
  readonly heard_ms_ago?: number;
  readonly clock_skew_ms?: number;
  readonly pre_params?: number;
}

interface BanRow {
  readonly subject: string;
  readonly reason: string;
  readonly since: string;
  readonly until?: string;
}

interface PeersResult {
  readonly peers: readonly PeerRow[];
  readonly bans: readonly BanRow[];
}

/** A clock that is further off than this is worth a line of its own, milliseconds. */
const SKEW = 5_000;

function state(row: PeerRow): string {
  if (row.self) return "self";
  if (row.live) return "live";
  return row.connected ? "connected" : "known";
}

const ago = (ms?: number) => ms === undefined ? "-" : duration(ms);

async function list(invocation: Invocation): Promise<ExitCode> {
  const { terminal, on } = invocation;
  const result = await callDaemon<PeersResult>(invocation, "peers", {});
  if (on.has("json")) {
    printJson(terminal, "transfunctioner/peers/1", result);
    return EXIT.done;
  }
  await printTable(
    terminal,
    ["identity", "state", "ready", "way", "address", "rtt", "answered", "heard us", "pre", "runs"],
    result.peers.map((p) => [
      p.identity,
      state(p),
      p.self ? "-" : p.ready === true ? "yes" : p.ready === false ? "NO" : "?",
      p.direction === undefined ? "-" : p.direction === "inbound" ? "in" : "out",
      p.address === "" ? "-" : p.address,
      ago(p.rtt_ms),
      ago(p.answered_ms_ago),
      ago(p.heard_ms_ago),
      p.pre_params === undefined ? "-" : String(p.pre_params),
      p.version ?? p.software ?? "-",
    ]),
  );
  for (const p of result.peers) {
    if (p.ready === false) terminal.err(`not ready: ${p.identity}: ${p.not_ready ?? ""}\n`);
    if (Math.abs(p.clock_skew_ms ?? 0) > SKEW) {
      const way = p.clock_skew_ms! > 0 ? "ahead of" : "behind";
      terminal.err(
        `warning: the clock of ${p.identity} is ${
          duration(Math.abs(p.clock_skew_ms!))
        } ${way} this one\n`,
      );
    }
  }
  return EXIT.done;
}

async function bans(invocation: Invocation): Promise<ExitCode> {
  const { terminal, on } = invocation;
  const result = await callDaemon<PeersResult>(invocation, "peers", {});
  if (on.has("json")) printJson(terminal, "transfunctioner/bans/1", { bans: result.bans });
  else if (result.bans.length === 0) terminal.out("nobody is banned\n");
  else {
    await printTable(
      terminal,
      ["banned", "since", "until", "reason"],
      result.bans.map((b) => [b.subject, b.since, b.until ?? "for ever", b.reason || "-"]),
    );
  }
  return EXIT.done;
}

const FORMS: Readonly<Record<string, (graph: Graph) => string>> = {
  text: graphText,
  dot: graphDot,
  svg: graphSvg,
};

async function graph(invocation: Invocation): Promise<ExitCode> {
  const { terminal, words, on } = invocation;
  const form = words[0] ?? "text";
  const draw = Object.hasOwn(FORMS, form) ? FORMS[form] : undefined;
  if (draw === undefined) throw unknownWord("peers --graph", form, Object.keys(FORMS));
  if (words.length > 1) throw usageError(`unexpected word "${words[1]}" for peers --graph`);
  const result = await callDaemon<Graph>(invocation, "peers.graph", {});
  if (on.has("json")) printJson(terminal, "transfunctioner/mesh/1", result);
  else terminal.out(draw(result));
  return EXIT.done;
}

/** Reads `--for 30m`: a number and s, m, h or d. */
function banLife(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const found = /^([1-9][0-9]{0,6})([smhd])$/.exec(text);
  if (found === null) {
    throw usageError(`--for: "${text}" is not a time`, "write it as 30m, 12h, 7d");
  }
  const unit = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[found[2]!]!;
  return Number(found[1]) * unit;
}

/** What each word asks the daemon for, and what is said when it is done. */
const ACTIONS: Readonly<
  Record<string, {
    readonly method: string;
    readonly what: string;
    readonly params: (subject: string, invocation: Invocation) => Record<string, unknown>;
    readonly done: (subject: string) => string;
  }>
> = {
  add: {
    method: "peers.add",
    what: "the address is missing",
    params: (address) => ({ address }),
    done: (address) => `dialling ${address}; \`transfunctioner peers\` shows when it is live`,
  },
  remove: {
    method: "peers.remove",
    what: "the peer is missing",
    params: (subject) => ({ subject }),
    done: (subject) => `removed ${subject}; it may come back on its own unless it is banned`,
  },
  ban: {
    method: "peers.ban",
    what: "who to ban is missing",
    params: (subject, { text }) => ({
      subject,
      reason: text["reason"],
      for_ms: banLife(text["for"]),
    }),
    done: (subject) => `banned ${subject}`,
  },
  unban: {
    method: "peers.unban",
    what: "whose ban to lift is missing",
    params: (subject) => ({ subject }),
    done: (subject) => `lifted the ban of ${subject}`,
  },
};

const VERBS = [...Object.keys(ACTIONS), "bans"];

/** Lists the peers, draws the mesh, adds, removes and bans. */
export const command: CommandSpec = {
  name: "peers",
  summary: "List the peers of the mesh, or add, remove or ban one, or draw the mesh.",
  usage:
    `[add HOST:PORT | remove PEER | ban PEER [--for TIME] [--reason TEXT] | unban PEER | bans] \
[--graph [text|dot|svg]] [--json]`,
  about: `A peer is live when it answered a ping, connected when there is a session, known when
other nodes speak of it. It is ready when it and this node have answered each other lately, through
the mesh if there is no session; "?" stands where that cannot be known, as with distant nodes of the
Go service. ANSWERED is how long ago it answered this node, HEARD US how long ago this node answered
it. A ban holds for an identity or an IP address, over restarts too.`,
  maxWords: 2,
  verbs: VERBS,
  options: {
    graph: { help: "draw the mesh as its nodes tell of it: text (default), dot or svg" },
    for: {
      value: "TIME",
      verbs: ["ban"],
      help: "how long a ban holds, as 30m, 12h or 7d; default: for ever",
    },
    reason: { value: "TEXT", verbs: ["ban"], help: "why, for the list of bans" },
    ...CLIENT_OPTIONS,
  },
  examples: [
    "transfunctioner peers",
    "transfunctioner peers add node-b.example.com:45067",
    "transfunctioner peers ban 203.0.113.7 --for 12h --reason 'floods us'",
    "transfunctioner peers --graph svg > mesh.svg",
  ],
  async run(invocation) {
    const { terminal, words, on } = invocation;
    const [word, subject] = words;
    if (on.has("graph")) return await graph(invocation);
    if (word === undefined) return await list(invocation);
    if (word === "bans" && subject === undefined) return await bans(invocation);
    if (!Object.hasOwn(ACTIONS, word)) {
      throw unknownWord("peers", word, VERBS);
    }
    const action = ACTIONS[word]!;
    if (subject === undefined) {
      const hint = word === "add" ? "give HOST:PORT" : "give an identity or an address";
      throw usageError(`peers ${word}: ${action.what}`, hint);
    }
    const result = await callDaemon<Record<string, unknown>>(
      invocation,
      action.method,
      action.params(subject, invocation),
    );
    if (on.has("json")) printJson(terminal, `transfunctioner/peers-${word}/1`, result);
    else terminal.out(action.done(subject) + "\n");
    return EXIT.done;
  },
};
