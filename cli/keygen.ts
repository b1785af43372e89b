/** `transfunctioner keygen`. @module */

import { CeremonyProgress } from "./ceremony_view.ts";
import { CLIENT_OPTIONS, type CommandSpec } from "./command.ts";
import {
  autoOption,
  listOption,
  purposeOption,
  thresholdOption,
  timeoutOption,
} from "./connect.ts";
import { EXIT, usageError } from "./exit.ts";
import { printFields, printJson } from "./output.ts";
import { callWhenReady, WAIT_OPTION } from "./waiting.ts";

interface KeygenResult {
  readonly ceremony_id: string;
  readonly key_id: string;
  readonly curve: string;
  readonly public_key: string;
  readonly ethereum_address?: string;
  readonly committee: readonly string[];
  readonly threshold: number;
  readonly confirmed_by: readonly string[];
  readonly unconfirmed: readonly string[];
  readonly elapsed_ms: number;
}

/** Asks the daemon to start a key generation and waits for the key. */
export const command: CommandSpec = {
  name: "keygen",
  summary: "Make a key whose shares lie on several nodes, none of which ever has the key.",
  usage:
    "(--members ID,ID,… | --auto N) --threshold T [--curve CURVE] [--timeout SECONDS] [--wait SECONDS] [--json]",
  about: `Any T+1 of the members can sign; T of them learn nothing. Every member's own
configuration must allow this node as an initiator (TRF_INITIATORS there). A fresh node needs a
minute to make pre-parameters for ECDSA; --wait 300 waits for that and for members that are not
there yet.`,
  maxWords: 0,
  options: {
    members: { value: "ID,ID,…", help: "identities of the committee, 40 hex digits each" },
    auto: { value: "N", help: "draw N members among those that are ready, this node included" },
    threshold: { short: "t", value: "T", help: "T+1 members are needed to sign; 1 ≤ T < members" },
    curve: { value: "CURVE", help: "secp256k1 (ECDSA, the default) or ed25519 (EdDSA)" },
    purpose: { value: "TEXT", help: "what it is for; shown to whoever has to approve it" },
    timeout: { value: "SECONDS", help: "give up after this long" },
    ...WAIT_OPTION,
    ...CLIENT_OPTIONS,
  },
  examples: [
    "transfunctioner keygen --members 9f0b…3fe8,234e…d0d2,57830…4a2e --threshold 1",
    "transfunctioner keygen --auto 5 --threshold 2 --wait 300",
    "transfunctioner keygen --members $A,$B,$C --threshold 1 --json | jq -r .key_id",
  ],
  async run(invocation) {
    const { terminal, text, on } = invocation;
    const members = listOption(invocation, "members");
    const auto = autoOption(invocation);
    if (members === undefined && auto === undefined) {
      throw usageError(
        "--members is missing",
        "give every member's identity, or --auto N to draw N members that are ready",
      );
    }
    const threshold = thresholdOption(invocation, "threshold");
    const curve = text["curve"] ?? "secp256k1";
    if (curve !== "secp256k1" && curve !== "ed25519") {
      throw usageError(`--curve: "${curve}" is not one of secp256k1, ed25519`);
    }
    const timeout = timeoutOption(invocation);
    const progress = new CeremonyProgress(terminal, "key generation");
    let result: KeygenResult;
    try {
      result = await callWhenReady<KeygenResult>(
        invocation,
        "keygen",
        {
          members,
          auto,
          threshold,
          curve,
          purpose: purposeOption(invocation),
          timeout_ms: timeout,
        },
        progress,
      );
    } finally {
      progress.done();
    }
    if (on.has("json")) printJson(terminal, "transfunctioner/keygen/1", result);
    else {
      printFields(terminal, [
        ["key id", result.key_id],
        ["curve", result.curve],
        ["public key", result.public_key],
        ["ethereum address", result.ethereum_address],
        ["committee", result.committee.join("\n" + " ".repeat(18))],
        [
          "threshold",
          `${result.threshold} (any ${result.threshold + 1} of ${result.committee.length} sign)`,
        ],
        ["ceremony", result.ceremony_id],
        ["took", `${(result.elapsed_ms / 1000).toFixed(1)} s`],
      ]);
      if (result.unconfirmed.length > 0) {
        terminal.err(
          `warning: no confirmation from ${result.unconfirmed.join(", ")}\n` +
            "hint: check `transfunctioner keys` there before money goes to this key\n",
        );
      }
    }
    return EXIT.done;
  },
};
