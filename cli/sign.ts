/** `transfunctioner sign`. @module */

import { createHash } from "node:crypto";
import { toHex } from "../lib/encoding/bytes.ts";
import { CeremonyProgress } from "./ceremony_view.ts";
import { CLIENT_OPTIONS, type CommandSpec, type Invocation } from "./command.ts";
import { autoOption, keyOption, listOption, purposeOption, timeoutOption } from "./connect.ts";
import { CliError, EXIT, usageError, whyNot } from "./exit.ts";
import { printFields, printJson } from "./output.ts";
import { callWhenReady, WAIT_OPTION } from "./waiting.ts";

interface SignResult {
  readonly ceremony_id: string;
  readonly key_id: string;
  readonly curve: string;
  readonly public_key: string;
  readonly digest?: string;
  readonly message?: string;
  readonly r?: string;
  readonly s?: string;
  readonly recovery_id?: number;
  readonly der?: string;
  readonly signature: string;
  readonly committee: readonly string[];
  readonly attempts: readonly { readonly outcome: string }[];
  /** Whether it was made from a presignature. */
  readonly presigned?: boolean;
  readonly elapsed_ms: number;
}

/** A message for Ed25519 travels whole in one frame; this leaves room for both envelopes. */
const MAX_MESSAGE = 256 * 1024;
/** Standard input is read whole, so it is bounded. */
const MAX_INPUT = 1024 * 1024 * 1024;

async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path, { read: true });
  const buffer = new Uint8Array(1 << 20);
  for (;;) {
    const n = await file.read(buffer);
    if (n === null) return hash.digest("hex");
    hash.update(buffer.subarray(0, n));
  }
}

/** What is to be signed, as the daemon takes it. */
async function payload(invocation: Invocation): Promise<Record<string, string>> {
  const { text, terminal } = invocation;
  const given = ["file", "digest", "message-file"].filter((n) => text[n] !== undefined);
  if (given.length !== 1) {
    throw usageError("give exactly one of --file, --digest and --message-file");
  }
  const path = text["file"] ?? text["message-file"];
  if (text["digest"] !== undefined) {
    if (!/^[0-9a-fA-F]{64}$/.test(text["digest"])) {
      throw usageError("--digest: expected 64 hex digits (32 bytes)");
    }
    return { digest: text["digest"].toLowerCase() };
  }
  try {
    if (text["message-file"] !== undefined) {
      const message = path === "-"
        ? await terminal.readAll(MAX_MESSAGE)
        : await Deno.readFile(path!);
      if (message.length > MAX_MESSAGE) {
        throw new RangeError(`it has more than ${MAX_MESSAGE} bytes`);
      }
      return { message: toHex(message) };
    }
    if (path === "-") {
      return {
        digest: createHash("sha256").update(await terminal.readAll(MAX_INPUT)).digest("hex"),
      };
    }
    return { digest: await hashFile(path!) };
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      throw new CliError(
        EXIT.usage,
        `cannot read ${path}: this process may only read its keystore directory`,
        `pipe the file instead: \`transfunctioner sign … --file - < ${path}\``,
        "TF-PERMISSION",
      );
    }
    throw usageError(`cannot read ${path}: ${whyNot(error)}`, "give the path of a file");
  }
}

function retriesOption(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[0-9]{1,2}$/.test(text) || Number(text) > 16) {
    throw usageError(`--retries: "${text}" is not a whole number from 0 to 16`);
  }
  return Number(text);
}

/** Asks the daemon to start a signing and waits for the verified signature. */
export const command: CommandSpec = {
  name: "sign",
  summary: "Sign with a key whose shares lie on several nodes.",
  usage:
    "--key ID (--file PATH | --digest HEX | --message-file PATH) [--members ID,… | --auto N] [--retries N] [--json]",
  about:
    `With an ECDSA key the SHA-256 of --file is signed, or the 32 bytes of --digest as they are.
With an Ed25519 key --file signs the same 32-byte SHA-256 as the message; --message-file signs
the bytes of the file themselves (up to 256 KiB). PATH may be - for standard input.
Without --members the daemon picks threshold+1 members that are ready, itself included. When a
member fails or falls silent the daemon asks again with others, up to --retries times; with
--members only among those named, so name more than needed to allow for that.`,
  maxWords: 0,
  options: {
    key: { short: "k", value: "ID", help: "key id, 32 hex digits (see `transfunctioner keys`)" },
    file: { short: "f", value: "PATH", help: "sign the SHA-256 of this file; - is standard input" },
    digest: { value: "HEX", help: "sign this 32-byte digest" },
    "message-file": { value: "PATH", help: "Ed25519 only: sign these bytes as they are" },
    members: { value: "ID,ID,…", help: "who signs; default: members that are ready now" },
    auto: { value: "N", help: "draw N signers among the members that are ready" },
    retries: { value: "N", help: "attempts with other members when some fail (TRF_SIGN_RETRIES)" },
    purpose: { value: "TEXT", help: "what it is for; shown to whoever has to approve it" },
    timeout: { value: "SECONDS", help: "give up after this long, all attempts together" },
    ...WAIT_OPTION,
    ...CLIENT_OPTIONS,
  },
  paths: { "file": "read", "message-file": "read" },
  examples: [
    "transfunctioner sign --key 2beb1c80ee511d03ad19e25b99b756d7 --file contract.pdf",
    "transfunctioner sign --key $KEY --file - --json < contract.pdf | jq -r .signature",
  ],
  async run(invocation) {
    const { terminal, text, on } = invocation;
    const key = keyOption(invocation);
    const members = listOption(invocation, "members");
    const auto = autoOption(invocation);
    const timeout = timeoutOption(invocation);
    const retries = retriesOption(text["retries"]);
    const what = await payload(invocation);
    const progress = new CeremonyProgress(terminal, "signing");
    let result: SignResult;
    try {
      result = await callWhenReady<SignResult>(
        invocation,
        "sign",
        {
          key_id: key.toLowerCase(),
          ...what,
          members,
          auto,
          retries,
          purpose: purposeOption(invocation),
          timeout_ms: timeout,
        },
        progress,
      );
    } finally {
      progress.done();
    }
    if (on.has("json")) printJson(terminal, "transfunctioner/sign/1", result);
    else {
      printFields(terminal, [
        ["key id", result.key_id],
        ["public key", result.public_key],
        ["digest", result.digest],
        ["r", result.r],
        ["s", result.s],
        ["recovery id", result.recovery_id?.toString()],
        ["der", result.der],
        ["signature", result.signature],
        ["signers", result.committee.join("\n" + " ".repeat(13))],
        ["attempts", result.attempts.length > 1 ? String(result.attempts.length) : undefined],
        [
          "took",
          `${(result.elapsed_ms / 1000).toFixed(2)} s` +
          (result.presigned === true ? ", from a presignature" : ""),
        ],
      ]);
    }
    return EXIT.done;
  },
};
