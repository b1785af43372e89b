/** `transfunctioner ceremonies`. @module */

import { type MembersAnswer, printMembers, shortId } from "./ceremony_view.ts";
import { CLIENT_OPTIONS, type CommandSpec } from "./command.ts";
import { callDaemon } from "./connect.ts";
import { EXIT, unknownWord, usageError } from "./exit.ts";
import { bar, duration, printFields, printJson, printTable } from "./output.ts";
import { showView, type View, WATCH_OPTIONS } from "./watch.ts";

interface CeremonyRow extends Partial<MembersAnswer> {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly curve?: string;
  readonly key_id?: string;
  readonly digest?: string;
  readonly requester?: string;
  readonly unsigned?: boolean;
  readonly local?: boolean;
  readonly purpose?: string;
  readonly awaits?: "policy" | "operator";
  readonly left_ms?: number;
  readonly old_committee?: readonly string[];
  readonly new_committee?: readonly string[];
  readonly committee: readonly string[];
  readonly threshold?: number;
  readonly age_ms: number;
  readonly round?: number;
  readonly rounds?: number;
  readonly step?: string;
  readonly waiting_for?: readonly string[];
  readonly reason?: string;
  readonly culprits?: readonly string[];
  readonly verdict?: string;
  readonly suspects?: readonly string[];
}

const ACTIONS = ["show", "approve", "deny", "abort"];

/** How many take part and how many are needed. */
function quorum(row: CeremonyRow): string | undefined {
  if (row.threshold === undefined) return undefined;
  const { kind, threshold, committee, new_committee } = row;
  if (kind === "sign") {
    return `${committee.length} sign, threshold ${threshold}: ${
      threshold + 1
    } of the key's members`;
  }
  const size = new_committee?.length ?? committee.length;
  return `any ${threshold + 1} of ${size} will be able to sign`;
}

function detail(row: CeremonyRow): string {
  if (row.reason !== undefined) {
    const blamed = row.culprits ?? [];
    const names = (blamed.length > 0 ? blamed : row.suspects ?? []).map(shortId).join(" ");
    const verdict = row.verdict === undefined ? "" : `${row.verdict}: `;
    return verdict + row.reason + (names === "" ? "" : ` [${names}]`);
  }
  if (row.state === "waiting") {
    const left = row.left_ms === undefined ? "" : `, ${duration(row.left_ms)} left`;
    return (row.awaits === "policy" ? "the policy decides" : "needs approval") + left;
  }
  if (row.state !== "running") return "";
  const silent = row.waiting_for ?? [];
  const of = row.rounds === undefined ? "" : ` of ${row.rounds}`;
  const drawn = row.round === undefined || row.rounds === undefined
    ? ""
    : `${bar(row.round - 1, row.rounds)} `;
  const round = row.round === undefined ? "" : `${drawn}round ${row.round}${of}`;
  return silent.length === 0 ? round : `${round}, waiting for ${silent.map(shortId).join(" ")}`;
}

const VIEW: View<{ readonly ceremonies: readonly CeremonyRow[] }> = {
  title: "ceremonies",
  method: "ceremonies",
  params: {},
  schema: "transfunctioner/ceremonies/1",
  async draw(terminal, { ceremonies }) {
    if (ceremonies.length === 0) terminal.out("no ceremonies since the daemon started\n");
    else {
      await printTable(
        terminal,
        ["id", "kind", "state", "key", "age", "requester", "detail"],
        ceremonies.map((c) => [
          shortId(c.id),
          c.kind,
          c.state,
          c.key_id === undefined ? "-" : shortId(c.key_id),
          duration(c.age_ms),
          c.unsigned === true ? "UNSIGNED" : c.requester === undefined ? "-" : shortId(c.requester),
          detail(c) + (c.purpose === undefined ? "" : ` (${c.purpose})`),
        ]),
      );
    }
  },
  lines: ({ ceremonies }) =>
    ceremonies.map((c) => {
      const text = detail(c);
      return [c.id, `${shortId(c.id)} ${c.kind} ${c.state}${text === "" ? "" : `: ${text}`}`];
    }),
};

/** Lists ceremonies; approves, denies, aborts or shows one. */
export const command: CommandSpec = {
  name: "ceremonies",
  summary: "List ceremonies; see who holds one up; approve, deny, abort or show one.",
  usage:
    "[--watch [--every SECONDS] | show ID [--members] | approve|deny|abort ID [--reason TEXT]] [--json]",
  about: `With TRF_CONSENT=manual a request of an allowed initiator waits here until it is approved.
ID may be shortened as long as it stays unique. \`show ID --members\` asks every member how far it
is and whom it waits for, while the ceremony runs and after it ended; Go nodes cannot be asked.`,
  maxWords: 2,
  verbs: ACTIONS,
  options: {
    members: { verbs: ["show"], help: "with show: ask all members how it stands there" },
    reason: {
      value: "TEXT",
      verbs: ["deny", "abort"],
      help: "told to the requester when denying or aborting",
    },
    ...WATCH_OPTIONS,
    ...CLIENT_OPTIONS,
  },
  examples: [
    "transfunctioner ceremonies",
    "transfunctioner ceremonies --watch",
    "transfunctioner ceremonies approve 17addc87",
    "transfunctioner ceremonies show 17addc87 --members",
  ],
  async run(invocation) {
    const { terminal, words, on, text } = invocation;
    const [action, id] = words;
    if (action === undefined) return await showView(invocation, VIEW);
    if (!ACTIONS.includes(action)) {
      throw unknownWord("ceremonies", action, ACTIONS);
    }
    if (on.has("watch")) throw usageError("--watch goes with the list only");
    if (id === undefined) {
      throw usageError(
        `ceremonies ${action}: the ceremony id is missing`,
        "`transfunctioner ceremonies` lists them",
      );
    }
    const row = await callDaemon<CeremonyRow>(invocation, `ceremonies.${action}`, {
      id: id.toLowerCase(),
      reason: text["reason"],
      members: on.has("members") ? true : undefined,
    });
    if (on.has("json")) printJson(terminal, "transfunctioner/ceremony/1", row);
    else {
      printFields(terminal, [
        ["ceremony", row.id],
        ["kind", row.kind],
        ["state", row.state],
        ["curve", row.curve],
        ["key id", row.key_id],
        ["digest", row.digest],
        [
          "requester",
          row.unsigned === true
            ? "unknown: nobody signed it"
            : row.local === true
            ? `${row.requester} (this node)`
            : row.requester,
        ],
        ["purpose", row.purpose],
        ["committee", row.committee.join("\n" + " ".repeat(11))],
        ["new members", row.new_committee?.join("\n" + " ".repeat(13))],
        ["quorum", quorum(row)],
        ["detail", detail(row) === "" ? undefined : detail(row)],
      ]);
      const { members, held_up_by } = row;
      if (members !== undefined) await printMembers(terminal, members, held_up_by ?? []);
    }
    return EXIT.done;
  },
};
