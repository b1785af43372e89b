/**
 * Keeps what was said in a ceremony, as signed by whoever said it, for an audit by anybody.
 *
 * A transcript is text, one JSON value a line: what it was about, the messages, how it ended, and
 * the recorder's signature over all that. Broadcasts stand there whole. A message to one party may
 * hold a share or something to which a share is the key: of it only the hash that its sender
 * signed is kept, which says that it came and gives nothing away.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import { sha256 } from "../crypto/kdf.ts";
import { toBase64, toHex, utf8 } from "../encoding/bytes.ts";
import { type Json, type JsonInput, parseJson, stringifyJson } from "../encoding/json.ts";
import type { TssCommand } from "../mesh/command_types.ts";
import { tssDigest } from "../mesh/tss_command.ts";
import { comparisonOf } from "./broadcasts.ts";
import { senderOf, typeOf } from "./evidence.ts";
import type { CeremonySpec } from "./spec.ts";
import type { CeremonyResult, Outcome } from "./verdict.ts";

/** What the first line of a transcript says it is. */
export const TRANSCRIPT_NAME = "transfunctioner-transcript";

/** Version of the format. */
export const TRANSCRIPT_VERSION = 1n;

const LABEL = utf8("transfunctioner-transcript-v1");

/** The hash that a recorder signs: of every byte before the line with the signature. */
export function transcriptDigest(text: string): Uint8Array<ArrayBuffer> {
  return sha256(LABEL, utf8(text));
}

/** A finished transcript. */
export interface Transcript {
  /** 64 hex digits. */
  readonly ceremony: string;
  /** Whether it convicts somebody. */
  readonly proof: boolean;
  /** The file. */
  readonly text: string;
}

/** The transcript of one ceremony while it grows. */
export class Recorder {
  readonly #spec: CeremonySpec;
  readonly #self: Identity;
  readonly #startedAt: number;
  readonly #all: boolean;
  readonly #messages: TssCommand[] = [];
  readonly #known = new Set<TssCommand>();
  #publics: Json = null;

  /**
   * Keeps nothing yet.
   *
   * @param all whether everything is kept, or only what convicts somebody.
   */
  constructor(spec: CeremonySpec, self: Identity, startedAt: number, all: boolean) {
    this.#spec = spec;
    this.#self = self;
    this.#startedAt = startedAt;
    this.#all = all;
  }

  /** A message was heard or sent, its signature verified; the same object counts once. */
  add(command: TssCommand): void {
    if (!this.#all || this.#known.has(command)) return;
    this.#known.add(command);
    this.#messages.push(command);
  }

  /** What is public of the parties and the key, as JSON. */
  publish(text: string): void {
    this.#publics = parseJson(text);
  }

  /** The whole, signed by `sign`; `null` if there is nothing to keep. */
  finish(outcome: Outcome, sign: (digest: Uint8Array) => Uint8Array): Transcript | null {
    const proof = outcome.state === "failed" ? outcome.proof : undefined;
    for (const command of proof?.messages ?? []) {
      const same = this.#messages.some((m) =>
        m.from === command.from && toHex(m.data) === toHex(command.data)
      );
      if (!same) this.#messages.push(command);
    }
    if (this.#messages.length === 0) return null;
    const lines = [
      this.#header(),
      ...this.#messages.map((command) => messageLine(this.#spec, command)),
      { outcome: outcomeJson(outcome) },
    ];
    const text = lines.map((line) => stringifyJson(line as JsonInput) + "\n").join("");
    const seal = toBase64(sign(transcriptDigest(text)));
    const ceremony = toHex(this.#spec.id);
    return { ceremony, proof: proof !== undefined, text: text + stringifyJson({ seal }) + "\n" };
  }

  #header(): Record<string, unknown> {
    const spec = this.#spec;
    return {
      transcript: TRANSCRIPT_NAME,
      version: TRANSCRIPT_VERSION,
      ceremony: toHex(spec.id),
      kind: spec.kind,
      curve: spec.curve,
      recorder: this.#self,
      started: new Date(this.#startedAt).toISOString(),
      ...(spec.kind === "reshare"
        ? {
          old_committee: [...spec.oldCommittee],
          new_committee: [...spec.newCommittee],
          old_threshold: BigInt(spec.oldThreshold),
          new_threshold: BigInt(spec.newThreshold),
        }
        : { committee: [...spec.committee], threshold: BigInt(spec.threshold) }),
      ...(spec.kind === "keygen" ? {} : { key_id: toHex(spec.keyId) }),
      ...(spec.kind === "sign"
        ? { public_key: toHex(spec.publicKey), message: toHex(spec.message) }
        : {}),
      complete: this.#all,
      publics: this.#publics,
    };
  }
}

/** One message: whole if everybody got it, else only what its sender signed. */
function messageLine(spec: CeremonySpec, command: TssCommand): Record<string, JsonInput> {
  const type = typeOf(command.data) ?? "";
  const shared = { from: command.from, signature: toBase64(command.signature) };
  if (!comparisonOf(spec.curve, spec.kind).broadcasts.has(type)) {
    const name = /^[A-Za-z0-9.]{1,60}$/.test(type) ? type : "";
    return { ...shared, type: name, signed: toHex(tssDigest(spec.id, command.data)) };
  }
  const role = senderOf(spec.kind, type);
  return { ...shared, role, type, data: toBase64(command.data) };
}

function outcomeJson(outcome: Outcome): Record<string, JsonInput> {
  switch (outcome.state) {
    case "complete":
      return { state: "complete", ...resultJson(outcome.result) };
    case "aborted":
      return { state: "aborted", reason: outcome.reason };
    case "failed": {
      const { code, reason, round, culprits, blame } = outcome;
      return {
        state: "failed",
        code,
        reason,
        round: BigInt(round),
        culprits: [...culprits],
        verdict: blame?.kind ?? "unknown",
        suspects: [...(blame?.suspects ?? [])],
      };
    }
  }
}

function resultJson(result: CeremonyResult): Record<string, JsonInput> {
  const key = { public_key: toHex(result.publicKey), key_id: toHex(result.keyId) };
  if (result.kind !== "sign") return key;
  return {
    ...key,
    signature: result.curve === "secp256k1"
      ? toHex(result.r) + toHex(result.s)
      : toHex(result.signature),
  };
}
