/**
 * What a node remembers of a key beside its share: committee, threshold, public key, history.
 *
 * On disk it is the Go service's metadata object (mesh specification, section 16) followed by
 * fields of our own, which a Go node ignores and which are left out while they say nothing new.
 *
 * @module
 */

import { type Identity, parseIdentity } from "../crypto/identity.ts";
import { fromBase64, fromHex, toBase64, toHex } from "../encoding/bytes.ts";
import { encodeJson, type Json, type JsonObject, parseJson } from "../encoding/json.ts";
import { checkRules, decodeRules, encodeRules, type KeyRules } from "./key_rules.ts";

/** Length of a key id, in bytes. */
export const KEY_ID_BYTES = 16;
/** Most members of a committee that metadata may name. */
export const MAX_COMMITTEE = 256;
/** Most history entries kept; the oldest but the first fall out. */
export const MAX_HISTORY = 64;

/** One event in a key's life on this node. */
export interface HistoryEntry {
  /** What happened. */
  readonly event: "generated" | "reshared" | "reshared away";
  /** The generation that the event led to. */
  readonly generation: number;
  /** When, RFC 3339 in UTC. */
  readonly at: string;
  /** Id of the ceremony, 64 hex digits, where known. */
  readonly ceremony?: string;
}

/** A key's metadata. Nothing in it is secret. */
export interface KeyMeta {
  /** 32 lower-case hex digits. */
  readonly keyId: string;
  /** Members in the order of the request that made the key (or reshared it last). */
  readonly committee: readonly Identity[];
  /** t: any t + 1 members can sign. From 1 to the committee's size less one. */
  readonly threshold: number;
  /** secp256k1: X and Y, 32 bytes each, big-endian; ed25519: the 32-byte encoding. */
  readonly publicKey: Uint8Array;
  /** When the share was made, RFC 3339; kept as text because it may count nanoseconds. */
  readonly createdAt: string;
  /** The key's curve; absent on disk for secp256k1. */
  readonly curve: "secp256k1" | "ed25519";
  /** How often the key was reshared; absent on disk for 0. */
  readonly generation: number;
  /** `reshared away`: the key lives on elsewhere, this node's share is destroyed. */
  readonly status: "active" | "reshared away";
  /** Earlier events, oldest first; absent on disk when empty. */
  readonly history: readonly HistoryEntry[];
  /** Id of the ceremony that made the share, 64 hex digits, where known. */
  readonly ceremony?: string;
  /**
   * SHA-256 of the share file this belongs to, 64 hex digits; the keystore fills it in. It ties
   * the two files together, so that an exchanged or outdated share is seen without opening it.
   */
  readonly shareHash?: string;
  /**
   * The resharing in which this node deals its share away without getting a new one. Written
   * before it deals; while it is here, nobody has told yet whether the new committee has the key.
   */
  readonly leaving?: Leaving;
  /** What the operator allows the key to be used for; absent for anything. */
  readonly rules?: KeyRules;
}

/** A resharing that this node takes part in as a leaving member. */
export interface Leaving {
  /** Id of the ceremony, 64 hex digits. */
  readonly ceremony: string;
  /** The new committee, in the order of the request. */
  readonly committee: readonly Identity[];
}

/** Metadata that cannot be read; the message says which field breaks which rule. */
export class MetaError extends Error {
  /** Class name. */
  override readonly name = "MetaError";
  /** Stable code for machines. */
  readonly code = "TF-META";
}

/** What {@link newKeyMeta} is made from. */
export interface NewKeyMeta {
  /** 32 hex digits. */
  readonly keyId: string;
  /** Members in request order. */
  readonly committee: readonly Identity[];
  /** See {@link KeyMeta.threshold}. */
  readonly threshold: number;
  /** See {@link KeyMeta.publicKey}. */
  readonly publicKey: Uint8Array;
  /** Default secp256k1. */
  readonly curve?: "secp256k1" | "ed25519";
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** Id of the ceremony, 64 hex digits. */
  readonly ceremony?: string;
  /** The key's metadata before a resharing, on a node that has it; generation and history go on. */
  readonly previous?: KeyMeta;
  /** Generation of the new share; default 0, or one more than `previous`. */
  readonly generation?: number;
}

/**
 * Makes the metadata of a fresh share.
 *
 * @throws {MetaError} if a value is out of range.
 */
export function newKeyMeta(input: NewKeyMeta): KeyMeta {
  const at = goTime(input.nowMs);
  const generation = input.generation ??
    (input.previous === undefined ? 0 : input.previous.generation + 1);
  const meta: KeyMeta = {
    keyId: input.keyId,
    committee: [...input.committee],
    threshold: input.threshold,
    publicKey: input.publicKey.slice(),
    createdAt: at,
    curve: input.curve ?? "secp256k1",
    generation,
    status: "active",
    history: input.previous === undefined ? [] : addHistory(input.previous, {
      event: generation === 0 ? "generated" : "reshared",
      generation,
      at,
      ...(input.ceremony === undefined ? {} : { ceremony: input.ceremony }),
    }),
    ...(input.ceremony === undefined ? {} : { ceremony: input.ceremony }),
    ...(input.previous?.rules === undefined ? {} : { rules: input.previous.rules }),
  };
  checkMeta(meta);
  return meta;
}

/** Returns `previous`'s history with `entry` added, bounded to {@link MAX_HISTORY}. */
export function addHistory(previous: KeyMeta, entry: HistoryEntry): HistoryEntry[] {
  // A key's first event is not stored while it is the only one: the metadata says it all.
  const before: HistoryEntry[] = previous.history.length > 0 ? [...previous.history] : [{
    event: previous.generation === 0 ? "generated" : "reshared",
    generation: previous.generation,
    at: previous.createdAt,
    ...(previous.ceremony === undefined ? {} : { ceremony: previous.ceremony }),
  }];
  before.push(entry);
  while (before.length > MAX_HISTORY) before.splice(1, 1);
  return before;
}

/** Writes a time as Go's encoder does: RFC 3339, UTC, no trailing zeros in the fraction. */
export function goTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.(\d*?)0*Z$/, (_, fraction: string) => {
    return fraction === "" ? "Z" : `.${fraction}Z`;
  });
}

/** Reads a key id: 32 hex digits of either case. */
export function parseKeyId(text: string): string {
  if (!/^[0-9a-fA-F]{32}$/.test(text)) {
    throw new SyntaxError("Cannot read key id: expected 32 hexadecimal digits");
  }
  return text.toLowerCase();
}

/** Returns a key id's 16 bytes. */
export function keyIdBytes(keyId: string): Uint8Array<ArrayBuffer> {
  return fromHex(parseKeyId(keyId));
}

/** Writes metadata as the plaintext of a `.meta` file. */
export function encodeMeta(meta: KeyMeta): Uint8Array<ArrayBuffer> {
  checkMeta(meta);
  return encodeJson({
    committee: meta.committee,
    threshold: meta.threshold,
    key_id: toBase64(fromHex(meta.keyId)),
    public_key: toBase64(meta.publicKey),
    created_at: meta.createdAt,
    curve: meta.curve === "secp256k1" ? undefined : meta.curve,
    generation: meta.generation === 0 ? undefined : meta.generation,
    status: meta.status === "active" ? undefined : meta.status,
    history: meta.history.length === 0 ? undefined : meta.history.map((h) => ({
      event: h.event,
      generation: h.generation,
      at: h.at,
      ceremony: h.ceremony,
    })),
    ceremony: meta.ceremony,
    share_sha256: meta.shareHash,
    leaving: meta.leaving === undefined
      ? undefined
      : { ceremony: meta.leaving.ceremony, committee: meta.leaving.committee },
    rules: meta.rules === undefined ? undefined : encodeRules(meta.rules),
  });
}

/**
 * Reads the plaintext of a `.meta` file.
 *
 * @param keyId the key id that the file's name gives; the object must hold the same.
 * @throws {MetaError} if the text is not such an object.
 */
export function decodeMeta(plaintext: Uint8Array, keyId: string): KeyMeta {
  let json: Json;
  try {
    json = parseJson(plaintext);
  } catch {
    throw new MetaError("metadata: is not JSON");
  }
  if (!(json instanceof Map)) throw new MetaError("metadata: is not an object");
  const text = (name: string) => optionalText(json, name);
  const curve = text("curve") ?? "secp256k1";
  const status = text("status") ?? "active";
  const history = json.get("history") ?? [];
  if (!Array.isArray(history)) throw new MetaError("history: must be a list");
  const ceremony = text("ceremony");
  const shareHash = text("share_sha256");
  const meta: KeyMeta = {
    keyId: toHex(base64Of(json, "key_id")),
    committee: committeeOf(json),
    threshold: intOf(json, "threshold"),
    publicKey: base64Of(json, "public_key"),
    createdAt: text("created_at") ?? "",
    curve: curve as KeyMeta["curve"],
    generation: json.has("generation") ? intOf(json, "generation") : 0,
    status: status as KeyMeta["status"],
    history: history.map(historyEntry),
    ...(ceremony === undefined ? {} : { ceremony }),
    ...(shareHash === undefined ? {} : { shareHash }),
    ...(json.has("leaving") ? { leaving: leavingOf(json.get("leaving")!) } : {}),
    ...(json.has("rules") ? { rules: rulesOf(json.get("rules")!) } : {}),
  };
  checkMeta(meta);
  if (meta.keyId !== keyId) throw new MetaError("key_id: is not the one in the file's name");
  return meta;
}

function committeeOf(json: JsonObject): Identity[] {
  const list = json.get("committee");
  if (!Array.isArray(list)) throw new MetaError("committee: must be a list");
  return list.map((member) => {
    try {
      return parseIdentity(member as string);
    } catch {
      throw new MetaError("committee: holds something that is not an identity");
    }
  });
}

function leavingOf(json: Json): Leaving {
  if (!(json instanceof Map)) throw new MetaError("leaving: must be an object");
  return { ceremony: optionalText(json, "ceremony") ?? "", committee: committeeOf(json) };
}

function rulesOf(json: Json): KeyRules {
  try {
    return decodeRules(json);
  } catch (error) {
    throw new MetaError(`rules: ${(error as Error).message}`);
  }
}

function historyEntry(json: Json): HistoryEntry {
  if (!(json instanceof Map)) throw new MetaError("history: holds something that is no entry");
  const ceremony = optionalText(json, "ceremony");
  return {
    event: (optionalText(json, "event") ?? "") as HistoryEntry["event"],
    generation: intOf(json, "generation"),
    at: optionalText(json, "at") ?? "",
    ...(ceremony === undefined ? {} : { ceremony }),
  };
}

function optionalText(json: JsonObject, name: string): string | undefined {
  const value = json.get(name);
  if (value === undefined) return undefined;
  if (typeof value !== "string") throw new MetaError(`${name}: must be a string`);
  return value;
}

function intOf(json: JsonObject, name: string): number {
  const value = json.get(name);
  if (typeof value !== "bigint" || value < 0n || value > 0xffff_ffffn) {
    throw new MetaError(`${name}: must be an integer from 0 to 2^32 - 1`);
  }
  return Number(value);
}

function base64Of(json: JsonObject, name: string): Uint8Array<ArrayBuffer> {
  try {
    return fromBase64(json.get(name) as string, true);
  } catch {
    throw new MetaError(`${name}: must be base64`);
  }
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;
const HASH = /^[0-9a-f]{64}$/;
const EVENTS: readonly string[] = ["generated", "reshared", "reshared away"];

function checkMeta(meta: KeyMeta): void {
  const fail = (rule: string): never => {
    throw new MetaError(rule);
  };
  if (!/^[0-9a-f]{32}$/.test(meta.keyId)) fail("key_id: must be 16 bytes");
  const size = meta.committee.length;
  if (size < 1 || size > MAX_COMMITTEE) fail(`committee: must have 1 to ${MAX_COMMITTEE} members`);
  if (new Set(meta.committee).size !== size) fail("committee: names a member twice");
  if (!Number.isInteger(meta.threshold) || meta.threshold < 0 || meta.threshold >= size) {
    fail("threshold: must be smaller than the committee");
  }
  if (!TIME.test(meta.createdAt)) fail("created_at: must be an RFC 3339 time");
  if (meta.curve !== "secp256k1" && meta.curve !== "ed25519") fail("curve: is not a known one");
  const keyBytes = meta.curve === "secp256k1" ? 64 : 32;
  if (meta.publicKey.length !== keyBytes) fail(`public_key: must be ${keyBytes} bytes`);
  if (!Number.isSafeInteger(meta.generation) || meta.generation < 0) {
    fail("generation: must be a count");
  }
  if (meta.status !== "active" && meta.status !== "reshared away") {
    fail("status: is not a known one");
  }
  if (meta.history.length > MAX_HISTORY) fail(`history: has more than ${MAX_HISTORY} entries`);
  for (const entry of meta.history) {
    if (!EVENTS.includes(entry.event) || !TIME.test(entry.at)) fail("history: has a bad entry");
    if (entry.ceremony !== undefined && !HASH.test(entry.ceremony)) {
      fail("history: has a bad ceremony id");
    }
  }
  if (meta.ceremony !== undefined && !HASH.test(meta.ceremony)) fail("ceremony: must be 64 hex");
  if (meta.shareHash !== undefined && !HASH.test(meta.shareHash)) {
    fail("share_sha256: must be 64 hex");
  }
  if (meta.rules !== undefined) {
    try {
      checkRules(meta.rules);
    } catch (error) {
      fail(`rules: ${(error as Error).message}`);
    }
  }
  if (meta.leaving !== undefined) {
    if (!HASH.test(meta.leaving.ceremony)) fail("leaving: has a bad ceremony id");
    const { length } = meta.leaving.committee;
    if (length < 1 || length > MAX_COMMITTEE) fail("leaving: has a bad committee");
  }
}
