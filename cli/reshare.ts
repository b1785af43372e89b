/** `transfunctioner reshare`. @module */

import { CeremonyProgress, shortId } from "./ceremony_view.ts";
import { CLIENT_OPTIONS, type CommandSpec } from "./command.ts";
import { keyOption, listOption, purposeOption, thresholdOption, timeoutOption } from "./connect.ts";
import { EXIT, usageError } from "./exit.ts";
import { printFields, printJson } from "./output.ts";
import { callWhenReady, WAIT_OPTION } from "./waiting.ts";

interface ReshareResult {
  readonly ceremony_id: string;
  readonly key_id: string;
  readonly curve: string;
  readonly public_key: string;
  readonly old_committee: readonly string[];
  readonly old_threshold: number;
  readonly committee: readonly string[];
  readonly threshold: number;
  readonly generation: number;
  readonly leaving: readonly string[];
  readonly old_shares_kept: readonly string[];
  readonly confirmed_by: readonly string[];
  readonly unconfirmed: readonly string[];
  readonly elapsed_ms: number;
}

/** Asks the daemon to hand a key to another committee and waits until that has it. */
export const command: CommandSpec = {
  name: "reshare",
  summary: "Hand a key to another committee, or give the same one fresh shares.",
  usage:
    "--key ID --members ID,ID,… --threshold T [--old-members ID,…] [--timeout SECONDS] [--wait SECONDS] [--json]",
  about: `The key, its id and its addresses stay the same; the old shares become worthless. Each new
member first keeps its new share beside the old one; only when all of them have confirmed does it
become current, and members that leave destroy theirs. All present members must take part, unless
--old-members names threshold+1 or more of them: the others then keep their old shares, which
together could still sign. On a node that has no share, --old-members, --old-threshold,
--generation and --curve say what \`transfunctioner keys show\` prints on one that has.`,
  maxWords: 0,
  options: {
    key: { short: "k", value: "ID", help: "key id, 32 hex digits (see `transfunctioner keys`)" },
    members: { value: "ID,ID,…", help: "identities of the new committee" },
    threshold: { short: "t", value: "T", help: "T+1 of the new members are needed to sign" },
    "old-members": { value: "ID,ID,…", help: "who hands the key on; default: all who have it" },
    "old-threshold": { value: "T", help: "the key's threshold so far, if this node has no share" },
    generation: { value: "N", help: "the key's generation so far, if this node has no share" },
    curve: { value: "CURVE", help: "secp256k1 or ed25519, if this node has no share" },
    purpose: { value: "TEXT", help: "what it is for; shown to whoever has to approve it" },
    timeout: { value: "SECONDS", help: "give up after this long" },
    ...WAIT_OPTION,
    ...CLIENT_OPTIONS,
  },
  examples: [
    "transfunctioner reshare --key $KEY --members $A,$B,$D --threshold 1",
    "transfunctioner reshare --key $KEY --members $A,$B,$C,$D,$E --threshold 2 --json",
  ],
  async run(invocation) {
    const { terminal, text, on } = invocation;
    const key = keyOption(invocation);
    const members = listOption(invocation, "members");
    if (members === undefined) {
      throw usageError("--members is missing", "give every new member's identity");
    }
    const threshold = thresholdOption(invocation, "threshold");
    const generation = text["generation"];
    if (generation !== undefined && !/^[0-9]{1,6}$/.test(generation)) {
      throw usageError(`--generation: "${generation}" is not a whole number`);
    }
    const params = {
      key_id: key.toLowerCase(),
      members,
      threshold,
      old_members: listOption(invocation, "old-members"),
      old_threshold: text["old-threshold"] === undefined
        ? undefined
        : thresholdOption(invocation, "old-threshold"),
      generation: generation === undefined ? undefined : Number(generation),
      curve: text["curve"],
      purpose: purposeOption(invocation),
      timeout_ms: timeoutOption(invocation),
    };
    const progress = new CeremonyProgress(terminal, "resharing");
    let result: ReshareResult;
    try {
      result = await callWhenReady<ReshareResult>(invocation, "reshare", params, progress);
    } finally {
      progress.done();
    }
    if (on.has("json")) printJson(terminal, "transfunctioner/reshare/1", result);
    else {
      const list = (ids: readonly string[]) => ids.join("\n" + " ".repeat(12));
      printFields(terminal, [
        ["key id", result.key_id],
        ["curve", result.curve],
        ["public key", `${result.public_key} (unchanged)`],
        ["committee", list(result.committee)],
        [
          "threshold",
          `${result.threshold} (any ${result.threshold + 1} of ${result.committee.length} sign)`,
        ],
        ["generation", String(result.generation)],
        ["left", result.leaving.length === 0 ? undefined : list(result.leaving)],
        ["ceremony", result.ceremony_id],
        ["took", `${(result.elapsed_ms / 1000).toFixed(1)} s`],
      ]);
    }
    if (result.old_shares_kept.length > 0) {
      const kept = result.old_shares_kept.map(shortId).join(" ");
      terminal.err(
        `warning: old shares stay on ${kept}; any ${result.old_threshold + 1} old shares can ` +
          "still sign\nhint: reshare with all members, or wipe the key on those nodes\n",
      );
    }
    if (result.unconfirmed.length > 0) {
      terminal.err(
        `warning: no confirmation from ${result.unconfirmed.map(shortId).join(" ")}\n` +
          "hint: see `transfunctioner status` there; they go on by themselves\n",
      );
    }
    return EXIT.done;
  },
};
