/**
 * Reads a transcript: form, seal, members, signatures. What comes out holds only messages that
 * their senders signed for this ceremony.
 *
 * @module
 */

import {
  type Identity,
  identityToInt,
  parseIdentity,
  verifySignature,
} from "../crypto/identity.ts";
import { fromBase64, fromHex } from "../encoding/bytes.ts";
import { type Json, parseJson } from "../encoding/json.ts";
import { tssDigest } from "../mesh/tss_command.ts";
import type { Committee } from "../tss/errors.ts";
import { nextKey } from "../tss/ecdsa/share.ts";
import type { Party } from "../tss/party.ts";
import { comparisonOf } from "./broadcasts.ts";
import { senderOf, typeOf } from "./evidence.ts";
import { TRANSCRIPT_NAME, TRANSCRIPT_VERSION, transcriptDigest } from "./recorder.ts";
import type { CeremonyKind, CurveName } from "./spec.ts";
import { isKey } from "./verify.ts";

/** Largest transcript that is read. */
export const MAX_TRANSCRIPT_BYTES = 512 * 1024 * 1024;

/** A file that proves nothing: changed, torn, or of another kind. */
export class AuditRefused extends Error {
  /** Class name. */
  override readonly name = "AuditRefused";
  /** Stable code for machines. */
  readonly code = "TF-TRANSCRIPT";
}

/** A message that everybody got. */
export interface AuditMessage {
  readonly from: Identity;
  readonly role: Committee;
  /** Full type name. */
  readonly type: string;
  readonly data: Uint8Array;
  /** Line of the file, from 1. */
  readonly line: number;
}

/** What is public of the parties and the key. */
export interface Publics {
  /** By committee, in party order. */
  readonly seats: ReadonlyMap<Committee, readonly Party[]>;
  /** Of a signing: keys of all holders; their public shares as x, y, …; ECDSA: parameters. */
  readonly ks: readonly bigint[];
  readonly bigXj: readonly bigint[];
  readonly nTildej: readonly bigint[];
  readonly h1j: readonly bigint[];
  readonly h2j: readonly bigint[];
}

/** A transcript whose seal and signatures hold. */
export interface TranscriptFile {
  readonly ceremony: Uint8Array;
  readonly kind: CeremonyKind;
  readonly curve: CurveName;
  readonly recorder: Identity;
  /** The threshold; of a resharing the new one. */
  readonly threshold: number;
  /** Of a resharing; else 0. */
  readonly oldThreshold: number;
  /** Of a signing and a resharing. */
  readonly keyId: Uint8Array | null;
  /** Of a signing. */
  readonly publicKey: Uint8Array | null;
  /** Of a signing. */
  readonly message: Uint8Array | null;
  readonly publics: Publics | null;
  readonly broadcasts: readonly AuditMessage[];
  /** Messages to one party each. */
  readonly direct: number;
  /** `complete`, `failed` or `aborted`. */
  readonly state: string;
  readonly verdict: string | null;
  readonly culprits: readonly Identity[];
  /** What came out of it. */
  readonly resultKey: Uint8Array | null;
  readonly signature: Uint8Array | null;
}

/**
 * Reads and checks a file.
 *
 * @throws {AuditRefused} naming the line and what is wrong with it.
 */
export function readTranscript(text: string): TranscriptFile {
  const lines = text.split("\n");
  if (lines.pop() !== "" || lines.length < 3) refuse("the file is cut off, or no transcript");
  const records = lines.map((line, i) => new Line(line, i + 1));
  const [head] = records as [Line];
  if (head.text("transcript") !== TRANSCRIPT_NAME) refuse("line 1: this is no transcript");
  if (head.int("version") !== TRANSCRIPT_VERSION) refuse("line 1: its version is not known here");
  const recorder = head.identity("recorder");
  const seal = records.at(-1)!;
  const sealed = lines.slice(0, -1).map((line) => line + "\n").join("");
  if (!verifySignature(transcriptDigest(sealed), seal.base64("seal"), recorder)) {
    refuse(`line ${lines.length}: the seal is not ${recorder}'s over what stands above it`);
  }
  const about = readHead(head);
  const body = records.slice(1, -2).map((line) => readMessage(line, about));
  const outcome = new Line(null, lines.length - 1, records.at(-2)!.object("outcome"));
  const state = outcome.text("state");
  const complete = state === "complete";
  return {
    ...about,
    recorder,
    broadcasts: body.filter((message) => message !== null),
    direct: body.filter((message) => message === null).length,
    state,
    verdict: state === "failed" ? outcome.text("verdict") : null,
    culprits: state === "failed" ? outcome.identities("culprits") : [],
    resultKey: complete ? outcome.hex("public_key") : null,
    signature: complete && about.kind === "sign" ? outcome.hex("signature", 64) : null,
  };
}

type Head =
  & Omit<
    TranscriptFile,
    | "recorder"
    | "broadcasts"
    | "direct"
    | "state"
    | "verdict"
    | "culprits"
    | "resultKey"
    | "signature"
  >
  & { readonly committees: ReadonlyMap<Committee, readonly Identity[]> };

function readHead(head: Line): Head {
  const kind = head.text("kind");
  const curve = head.text("curve");
  if (kind !== "keygen" && kind !== "sign" && kind !== "reshare") head.fail("kind");
  if (curve !== "secp256k1" && curve !== "ed25519") head.fail("curve");
  const reshare = kind === "reshare";
  const committees = new Map<Committee, readonly Identity[]>(
    reshare
      ? [["old", head.identities("old_committee")], ["new", head.identities("new_committee")]]
      : [["single", head.identities("committee")]],
  );
  const keyId = kind === "keygen" ? null : head.hex("key_id", 16);
  const publicKey = kind === "sign" ? head.hex("public_key", curve === "ed25519" ? 32 : 64) : null;
  if (publicKey !== null && !isKey(curve, publicKey, keyId!)) {
    refuse("line 1: the public key is not the one of the key id");
  }
  return {
    ceremony: head.hex("ceremony", 32),
    kind,
    curve,
    committees,
    threshold: head.small(reshare ? "new_threshold" : "threshold"),
    oldThreshold: reshare ? head.small("old_threshold") : 0,
    keyId,
    publicKey,
    message: kind === "sign" ? head.hex("message") : null,
    publics: readPublics(head, committees),
  };
}

function readPublics(
  head: Line,
  committees: ReadonlyMap<Committee, readonly Identity[]>,
): Publics | null {
  if (head.get("publics") === null) return null;
  const publics = new Line(null, 1, head.object("publics"));
  const seats = new Map<Committee, Party[]>();
  for (const [committee, members] of committees) {
    const list = publics.get(committee);
    if (!Array.isArray(list)) return publics.fail(committee);
    const parties = list.map((item) => {
      const seat = new Line(null, 1, item);
      return { identity: seat.identity("identity"), key: seat.int("key") };
    });
    const ordered = parties.every((p, i) => i === 0 || p.key > parties[i - 1]!.key);
    const plain = parties.every((p) => p.key === identityToInt(p.identity));
    const flipped = parties.every((p) => p.key === nextKey(identityToInt(p.identity)));
    const same = [...members].sort().join() === parties.map((p) => p.identity).sort().join();
    if (!ordered || !same || !(plain || flipped)) {
      refuse("line 1: the parties are not the committee in the order of its keys");
    }
    seats.set(committee, parties);
  }
  const list = (name: string) => publics.has(name) ? publics.ints(name) : [];
  return {
    seats,
    ks: list("ks"),
    bigXj: list("bigXj"),
    nTildej: list("nTildej"),
    h1j: list("h1j"),
    h2j: list("h2j"),
  };
}

/** A message with its signature checked; `null` for one to a single party. */
function readMessage(line: Line, about: Head): AuditMessage | null {
  const from = line.identity("from");
  const type = line.text("type");
  const signature = line.base64("signature");
  if (![...about.committees.values()].some((members) => members.includes(from))) {
    refuse(`line ${line.number}: ${from} is no member of this ceremony`);
  }
  const whole = line.has("data");
  const data = whole ? line.base64("data") : new Uint8Array(0);
  const digest = whole ? tssDigest(about.ceremony, data) : line.hex("signed", 32);
  if (!verifySignature(digest, signature, from)) {
    refuse(`line ${line.number}: the signature is not ${from}'s over this message`);
  }
  if (!whole) return null;
  const role = senderOf(about.kind, type);
  const known = comparisonOf(about.curve, about.kind).broadcasts.has(type);
  if (!known || typeOf(data) !== type || line.text("role") !== role) {
    refuse(`line ${line.number}: it is not the message that it says it is`);
  }
  if (!about.committees.get(role)!.includes(from)) {
    refuse(`line ${line.number}: ${from} does not send messages of this type`);
  }
  return { from, role, type, data, line: line.number };
}

/** One JSON object of the file; every reader refuses the file if the field is not as it must be. */
class Line {
  readonly #fields: ReadonlyMap<string, Json>;

  constructor(text: string | null, readonly number: number, value: Json = null) {
    let json = value;
    if (text !== null) {
      try {
        json = parseJson(text, { depth: 8 });
      } catch {
        refuse(`line ${number}: it is not JSON`);
      }
    }
    if (!(json instanceof Map)) refuse(`line ${number}: it is not an object`);
    this.#fields = json;
  }

  fail(field: string): never {
    refuse(`line ${this.number}: "${field}" is missing or not of its form`);
  }

  has(field: string): boolean {
    return this.#fields.has(field);
  }

  get(field: string): Json {
    return this.#fields.get(field) ?? null;
  }

  text(field: string): string {
    const value = this.get(field);
    return typeof value === "string" ? value : this.fail(field);
  }

  int(field: string): bigint {
    const value = this.get(field);
    return typeof value === "bigint" && value >= 0n ? value : this.fail(field);
  }

  small(field: string): number {
    const value = this.int(field);
    return value < 65_536n ? Number(value) : this.fail(field);
  }

  object(field: string): Json {
    const value = this.get(field);
    return value instanceof Map ? value : this.fail(field);
  }

  ints(field: string): bigint[] {
    const value = this.get(field);
    if (!Array.isArray(value)) return this.fail(field);
    return value.map((item) => typeof item === "bigint" && item >= 0n ? item : this.fail(field));
  }

  identity(field: string): Identity {
    return this.#identity(field, this.get(field));
  }

  identities(field: string): Identity[] {
    const value = this.get(field);
    if (!Array.isArray(value)) return this.fail(field);
    return value.map((item) => this.#identity(field, item));
  }

  hex(field: string, length?: number): Uint8Array<ArrayBuffer> {
    let bytes;
    try {
      bytes = fromHex(this.text(field));
    } catch {
      return this.fail(field);
    }
    return length === undefined || bytes.length === length ? bytes : this.fail(field);
  }

  base64(field: string): Uint8Array<ArrayBuffer> {
    try {
      return fromBase64(this.text(field), true);
    } catch {
      return this.fail(field);
    }
  }

  #identity(field: string, value: Json): Identity {
    try {
      return parseIdentity(value as string);
    } catch {
      return this.fail(field);
    }
  }
}

function refuse(what: string): never {
  throw new AuditRefused(what);
}
