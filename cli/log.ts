/** `transfunctioner log`. @module */

import { toPlain } from "../lib/encoding/plain.ts";
import { AuditError, type AuditLine, followChain } from "../lib/keystore/audit_chain.ts";
import { auditFiles, readAuditFile, verifyAudit } from "../lib/keystore/audit_verify.ts";
import { denoFiles } from "../lib/keystore/files.ts";
import { shortId } from "./ceremony_view.ts";
import type { CommandSpec, Invocation } from "./command.ts";
import { clientConfig } from "./connect.ts";
import { EXIT, type ExitCode, unknownWord, usageError } from "./exit.ts";
import { printFields, printJson, printTable } from "./output.ts";

/** Most entries shown unless the person says otherwise. */
const SHOWN = 50;

const VERBS = ["show", "verify"];

/** Shows the audit log, or checks that nobody has changed it. Needs no daemon. */
export const command: CommandSpec = {
  name: "log",
  summary: "Show the audit log, or check that nobody has changed it.",
  usage: "[show [--last N] [--ceremony ID] | verify [--from N]] [--json]",
  about:
    `The node writes each request for a ceremony, each decision and each outcome to audit.log in
its home directory. Every line holds the hash of the one before it, and audit.head the hash of the
last: verify finds lines that were changed, removed, moved or cut off. Whoever can write both files
can forge both, so note the number and hash that verify prints somewhere else now and then. Put full
files (audit.log.…) elsewhere as you like, oldest first, and give verify --from.`,
  maxWords: 1,
  verbs: VERBS,
  defaultVerb: "show",
  options: {
    last: {
      value: "N",
      verbs: ["show"],
      help: `with show: the last N entries (${SHOWN}); 0 for all`,
    },
    ceremony: {
      value: "ID",
      verbs: ["show"],
      help: "with show: only this ceremony; ID may be shortened",
    },
    from: {
      value: "N",
      verbs: ["verify"],
      help: "with verify: the log here begins with entry N",
    },
    home: { value: "DIR", help: "keystore directory (TRF_HOME)" },
    json: { help: "print one JSON object for machines" },
  },
  reach: "files",
  examples: [
    "transfunctioner log show --last 20",
    "transfunctioner log verify",
  ],
  async run(invocation) {
    const [verb = "show"] = invocation.words;
    if (verb === "show") return await show(invocation);
    if (verb === "verify") return await verify(invocation);
    throw unknownWord("log", verb, VERBS);
  },
};

async function verify(invocation: Invocation): Promise<ExitCode> {
  const { terminal, on } = invocation;
  const home = (await clientConfig(invocation)).home.value;
  const from = numberOption(invocation, "from", 1);
  const report = await verifyAudit({
    files: denoFiles(),
    home,
    ...(from === undefined ? {} : { from }),
  });
  if (on.has("json")) {
    printJson(terminal, "transfunctioner/log-verify/1", {
      entries: report.entries,
      first: report.first,
      last: report.end.seq,
      hash: report.end.hash,
      files: report.files,
      notes: report.notes,
    });
  } else {
    printFields(terminal, [
      ["entries", `${report.entries}, all in their place`],
      ["first", report.entries === 0 ? undefined : String(report.first)],
      ["last", String(report.end.seq)],
      ["hash", report.end.hash],
      ["files", report.files.join(" ") || "none yet"],
      ...report.notes.map((note): [string, string] => ["note", note]),
    ]);
  }
  return EXIT.done;
}

/** Shows what can be read, also of a log that does not hold together: that is when it is needed. */
async function show(invocation: Invocation): Promise<ExitCode> {
  const { terminal, on, text } = invocation;
  const home = (await clientConfig(invocation)).home.value;
  const last = numberOption(invocation, "last", 0) ?? SHOWN;
  const ceremony = text["ceremony"]?.toLowerCase();
  const files = denoFiles();
  let lines: AuditLine[] = [];
  let problem: AuditError | null = null;
  for (const name of await auditFiles(files, home)) {
    try {
      followChain(name, await readAuditFile(files, home, name), null, (line) => {
        const about = line.fields.get("ceremony");
        const wanted = ceremony === undefined ||
          (typeof about === "string" && about.startsWith(ceremony));
        if (wanted) lines.push(line);
      });
    } catch (error) {
      if (!(error instanceof AuditError)) throw error;
      problem = error;
    }
    if (last > 0) lines = lines.slice(-last);
  }
  if (on.has("json")) {
    printJson(terminal, "transfunctioner/log/1", {
      entries: lines.map((line) => toPlain(line.fields as Map<string, never>)),
      ...(problem === null ? {} : { problem: { code: problem.code, message: problem.message } }),
    });
  } else if (lines.length === 0) terminal.out("nothing is recorded\n");
  else {
    await printTable(
      terminal,
      ["entry", "at", "event", "ceremony", "kind", "by", "what"],
      lines.map(({ seq, at, event, fields }) => {
        const text = (name: string) => {
          const value = fields.get(name);
          return typeof value === "string" ? value : undefined;
        };
        const short = (name: string) => {
          const value = text(name);
          return value === undefined ? "-" : shortId(value);
        };
        return [
          String(seq),
          at,
          event,
          short("ceremony"),
          text("kind") ?? "-",
          short("requester"),
          [text("decision"), text("outcome"), text("reason") ?? text("problem")]
            .filter((t) => t !== undefined).join(": "),
        ];
      }),
    );
  }
  if (problem === null) return EXIT.done;
  terminal.err(`error: ${problem.message}\nhint: the log was changed\n`);
  return EXIT.failed;
}

function numberOption(
  { text }: Invocation,
  name: string,
  least: number,
): number | undefined {
  const value = text[name];
  if (value === undefined) return undefined;
  if (!/^[0-9]{1,12}$/.test(value) || Number(value) < least) {
    throw usageError(`--${name}: "${value}" is not a whole number from ${least}`);
  }
  return Number(value);
}
