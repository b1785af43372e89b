/** `transfunctioner audit`. @module */

import { AuditRefused, type AuditReport, auditTranscript } from "../lib/node/transcript_audit.ts";
import { MAX_TRANSCRIPT_BYTES } from "../lib/node/transcript_audit.ts";
import type { CommandSpec } from "./command.ts";
import { CliError, EXIT, usageError, whyNot } from "./exit.ts";
import { printFields, printJson } from "./output.ts";

/** Checks a ceremony's transcript offline. */
export const command: CommandSpec = {
  name: "audit",
  summary: "Check the transcript of a ceremony, and say who broke which rule.",
  usage: "FILE [--json]",
  about:
    `FILE is a transcript as a daemon with --transcripts keeps it, or the proof that it puts into
the folder evidence of its home directory when a member told others different things. Nothing else
is needed: no node, no key, no network. Checked are the recorder's seal, every signature, that the
messages belong to this ceremony, the openings of commitments, the proofs that everybody can check,
and that the messages give the result. What went to one member only is not in the file, only the
hash that its sender signed; who broke a rule there cannot be shown.
Exit code 0: nothing is wrong. 1: somebody broke a rule; it is named. 3: the file was changed, cut
off or is no transcript, so it proves nothing. 2: it cannot be read.`,
  maxWords: 1,
  options: { json: { help: "print one JSON object for machines" } },
  wordPaths: ({ words: [path] }) =>
    path === undefined ? [] : [{ path, permission: "read", why: "the transcript" }],
  examples: [
    "transfunctioner audit ~/.transfunctioner/evidence/5f0c….jsonl",
    "transfunctioner audit transcript.jsonl --json",
  ],
  async run({ terminal, words: [path], on }) {
    if (path === undefined) {
      throw usageError("audit: the file is missing", "give the path of a transcript");
    }
    const text = await read(path);
    let report: AuditReport;
    try {
      report = await auditTranscript(text);
    } catch (error) {
      if (!(error instanceof AuditRefused)) throw error;
      throw new CliError(
        EXIT.refused,
        `cannot audit ${path}: ${error.message}`,
        "the file proves nothing; get it from its recorder again",
        error.code,
      );
    }
    const { faults } = report;
    if (on.has("json")) {
      printJson(terminal, "transfunctioner/audit/1", {
        ...report,
        faults: faults.map(({ kind, members, round, rule, lines }) => ({
          kind,
          members: [...members],
          round,
          rule,
          lines: [...lines],
        })),
        checked: [...report.checked],
        culprits: [...report.culprits],
      });
    } else {
      const { state, verdict, messages } = report;
      printFields(terminal, [
        ["ceremony", report.ceremony],
        ["kind", `${report.kind} on ${report.curve}`],
        ["recorder", report.recorder],
        ["ended", verdict === null ? state : `${state}: ${verdict} ${report.culprits.join(", ")}`],
        ["messages", `${messages.broadcast} to all, ${messages.direct} to one each (hashes only)`],
      ]);
      for (const what of report.checked) terminal.out(`holds: ${what}\n`);
      if (report.incomplete) {
        terminal.out("not all messages are here: the rest cannot be checked\n");
      }
      for (const fault of faults) {
        const who = fault.members.length === 0 ? "nobody can be named" : fault.members.join(", ");
        const where = fault.lines.length === 0 ? "" : ` (lines ${fault.lines.join(" and ")})`;
        terminal.out(
          `broken: ${fault.kind}, round ${fault.round}: ${who}: ${fault.rule}${where}\n`,
        );
      }
    }
    return faults.length === 0 ? EXIT.done : EXIT.failed;
  },
};

async function read(path: string): Promise<string> {
  try {
    const { size } = await Deno.stat(path);
    if (size > MAX_TRANSCRIPT_BYTES) throw new Error(`it has ${size} bytes, too many for one`);
    const bytes = await Deno.readFile(path);
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      throw new Error("it is no text");
    }
  } catch (error) {
    throw usageError(`cannot read ${path}: ${whyNot(error)}`, "give the path of a transcript");
  }
}
