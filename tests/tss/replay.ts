/**
 * Reads the transcripts in `testdata/` (made with the Go library) and hands out, to a party of
 * one's choice, what it heard in each round.
 *
 * @module
 */

import { fromHex } from "../../lib/encoding/bytes.ts";
import { type Json, type JsonObject, parseJson } from "../../lib/encoding/json.ts";
import type { MessageSpec } from "../../lib/tss/channel.ts";
import { type Committee, ContentError, ProtocolError } from "../../lib/tss/errors.ts";

/** One recorded message. */
export interface RecordedMessage {
  readonly round: number;
  readonly from: number;
  readonly fromRole: Committee;
  /** Receivers' indices in `toRole`; `null` means everybody there. */
  readonly to: readonly number[] | null;
  readonly toRole: "single" | "old" | "new" | "both";
  readonly broadcast: boolean;
  readonly flags: number;
  readonly type: string;
  readonly content: Json;
}

/** A recorded party. */
export interface RecordedParty {
  readonly identity: string;
  readonly key: bigint;
}

/** One file of `testdata/`, form `tss-transcript-1`. */
export interface Transcript {
  readonly file: string;
  readonly ceremonyId: Uint8Array<ArrayBuffer>;
  readonly parties: readonly RecordedParty[];
  readonly oldParties: readonly RecordedParty[];
  readonly newParties: readonly RecordedParty[];
  readonly threshold: number;
  readonly oldThreshold: number;
  readonly newThreshold: number;
  /** The 32-byte digest (ECDSA) or the message (EdDSA) of a signing. */
  readonly signed: Uint8Array<ArrayBuffer>;
  readonly messages: readonly RecordedMessage[];
  readonly publicResult: JsonObject;
  readonly secrets: JsonObject;
}

/** Reads any JSON file of `testdata/`. */
export function testdata(file: string): Json {
  return parseJson(Deno.readTextFileSync(new URL(`../../testdata/${file}`, import.meta.url)));
}

/** Walks into parsed JSON: `at(json, "secrets", "save_data", 0)`. Throws if a step is missing. */
export function at(json: Json, ...path: (string | number)[]): Json {
  let here = json;
  for (const step of path) {
    const next = typeof step === "number" ? (here as Json[])[step] : (here as JsonObject).get(step);
    if (next === undefined) throw new Error(`No ${path.join(".")} in this JSON`);
    here = next;
  }
  return here;
}

/** Reads one transcript. */
export function readTranscript(file: string): Transcript {
  const json = testdata(file) as JsonObject;
  const party = (p: Json): RecordedParty => ({
    identity: at(p, "identity") as string,
    key: BigInt(at(p, "key") as string), // the files quote keys
  });
  const parties = (name: string) => ((json.get(name) ?? []) as Json[]).map(party);
  const signed = (json.get("digest") ?? json.get("message") ?? "") as string;
  return {
    file,
    ceremonyId: fromHex(at(json, "ceremony_id") as string),
    parties: parties("parties"),
    oldParties: parties("old_parties"),
    newParties: parties("new_parties"),
    threshold: Number(json.get("threshold") ?? -1n),
    oldThreshold: Number(json.get("old_threshold") ?? -1n),
    newThreshold: Number(json.get("new_threshold") ?? -1n),
    signed: fromHex(signed),
    messages: (at(json, "messages") as Json[]).map((m) => {
      const to = at(m, "to") as Json[] | null;
      const role = (name: string) => (at(m, name) ?? "single") as string;
      return {
        round: Number(at(m, "round")),
        from: Number(at(m, "from")),
        fromRole: ((m as JsonObject).has("from_role") ? role("from_role") : "single") as Committee,
        to: to === null ? null : to.map(Number),
        toRole: ((m as JsonObject).has("to_role") ? role("to_role") : "single") as RecordedMessage[
          "toRole"
        ],
        broadcast: at(m, "broadcast") as boolean,
        flags: Number(at(m, "flags")),
        type: at(m, "content", "t") as string,
        content: at(m, "content", "c"),
      };
    }),
    publicResult: at(json, "public_result") as JsonObject,
    secrets: at(json, "secrets") as JsonObject,
  };
}

/** Whether the recorded message went to party `index` of `committee`. */
export function reaches(m: RecordedMessage, committee: Committee, index: number): boolean {
  const room = m.toRole === "both" ? committee !== "single" : m.toRole === committee;
  const own = m.fromRole === committee && m.from === index;
  return room && !own && (m.to === null || m.to.includes(index));
}

/**
 * What party `index` of `committee` heard of one message type, parsed; as from
 * {@link Channel.collect}, content errors blame the sender.
 */
export function heard<T>(
  transcript: Transcript,
  spec: MessageSpec<T>,
  index: number,
  committee: Committee = "single",
  task = "replay",
): Map<number, T> {
  const out = new Map<number, T>();
  for (const m of transcript.messages) {
    if (m.type !== spec.type || m.fromRole !== spec.from || !reaches(m, committee, index)) continue;
    try {
      out.set(m.from, spec.parse(m.content));
    } catch (error) {
      if (!(error instanceof ContentError)) throw error;
      throw new ProtocolError({
        task,
        round: spec.round,
        reason: `malformed ${spec.type}: ${error.message}`,
        culprits: [m.from],
        committee: spec.from,
      });
    }
  }
  return out;
}

/** What party `from` itself said of one message type; to `to` if it was not a broadcast. */
export function said<T>(
  transcript: Transcript,
  spec: MessageSpec<T>,
  from: number,
  to?: number,
): T {
  const m = transcript.messages.find((m) =>
    m.type === spec.type && m.fromRole === spec.from && m.from === from &&
    (m.to === null || to === undefined || m.to.includes(to))
  );
  if (m === undefined) throw new Error(`${transcript.file} has no ${spec.type} of ${from}`);
  return spec.parse(m.content);
}

/** The transcript with one message's content replaced by what `change` makes of a copy. */
export function tampered(
  transcript: Transcript,
  message: number,
  change: (content: Json) => Json,
): Transcript {
  const messages = [...transcript.messages];
  const m = messages[message]!;
  messages[message] = { ...m, content: change(structuredClone(m.content)) };
  return { ...transcript, messages };
}
