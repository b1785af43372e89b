/**
 * Requests and answers between a node and its operator's tools. They travel in the mesh's own
 * envelopes, over the mesh's own transport, but only on admin connections: on a mesh session either
 * type is unknown and closes it.
 *
 * A request is `{"id","method","params"}`. Each answer is `{"id","ok","done"}` with `result`, or
 * `error` `{"code","message","hint"}`; answers with `done` false are events on the way.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import { sha256 } from "../crypto/kdf.ts";
import { equalBytes, fromHex, fromUtf8 } from "../encoding/bytes.ts";
import {
  encodeJson,
  type Json,
  type JsonInput,
  type JsonObject,
  parseJson,
} from "../encoding/json.ts";
import type { Command } from "./commands.ts";
import { decodeEnvelope, encodeEnvelope } from "./envelope.ts";
import { WireError } from "./errors.ts";

const REQUEST = "admin-request";
const RESPONSE = "admin-response";

/** One request. */
export interface AdminRequest {
  /** Tells the kinds of message apart. */
  readonly kind: "request";
  /** Chosen by the client, unique on its connection. */
  readonly id: string;
  /** What is asked. */
  readonly method: string;
  /** The request's parameters. */
  readonly params: Json;
}

/** Why a request failed. */
export interface AdminFailure {
  /** Stable code for machines, for example `TF-ADMIN-METHOD`. */
  readonly code: string;
  /** What went wrong. */
  readonly message: string;
  /** What a person may do about it; empty if nothing comes to mind. */
  readonly hint: string;
}

/** One answer: an event (`done` false), the result, or the failure. */
export interface AdminResponse {
  /** Tells the kinds of message apart. */
  readonly kind: "response";
  /** Names the request on its connection. */
  readonly id: string;
  /** Whether this is the last answer. */
  readonly done: boolean;
  /** The answer or event; null for a failure. */
  readonly result: Json;
  /** Why it failed, or null. */
  readonly error: AdminFailure | null;
}

/** What arrives on an admin connection. */
export type AdminMessage =
  | AdminRequest
  | AdminResponse
  /** A command of the mesh, such as `ping` or a Go admin request. */
  | { readonly kind: "command"; readonly command: Command };

/** A request that failed at the node; handlers throw it, {@link AdminClient.call} rejects with it. */
export class AdminError extends Error implements AdminFailure {
  /** The class name, for logs. */
  override readonly name = "AdminError";
  readonly code: string;
  readonly hint: string;

  /** Builds the error; `message` reads "Cannot …: what is wrong". */
  constructor(code: string, message: string, hint = "") {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** Writes a request as a frame's cleartext. */
export function encodeAdminRequest(
  request: { readonly id: string; readonly method: string; readonly params: JsonInput | Json },
  origin: Identity,
): Uint8Array {
  const { id, method, params } = request;
  return wrap(REQUEST, { id, method, params: params as JsonInput }, origin);
}

/** Writes an event or a result. */
export function encodeAdminResult(
  id: string,
  result: JsonInput | Json,
  done: boolean,
  origin: Identity,
): Uint8Array {
  return wrap(RESPONSE, { id, ok: true, result: result as JsonInput, done }, origin);
}

/** Writes a failure, which is always the last answer. */
export function encodeAdminFailure(
  id: string,
  { code, message, hint }: AdminFailure,
  origin: Identity,
): Uint8Array {
  return wrap(RESPONSE, { id, ok: false, error: { code, message, hint }, done: true }, origin);
}

function wrap(payloadType: string, value: JsonInput, origin: Identity): Uint8Array {
  return encodeEnvelope({ payloadType, origin, ttl: 1 }, encodeJson(value));
}

/**
 * Reads a cleartext of an admin connection.
 *
 * @throws {WireError} if it breaks the rules of envelopes, or of requests and answers.
 */
export function decodeAdminMessage(cleartext: Uint8Array): AdminMessage {
  const type = [REQUEST, RESPONSE].find((t) => startsWith(cleartext, `{"payloadtype":"${t}",`));
  if (type === undefined) {
    const { header, command } = decodeEnvelope(cleartext);
    if (header.destination !== undefined) refuse("a message with a destination has no place here");
    return { kind: "command", command };
  }
  const body = unwrap(type, cleartext);
  const id = text(body, "id");
  if (type === REQUEST) {
    return {
      kind: "request",
      id,
      method: text(body, "method"),
      params: body.get("params") ?? null,
    };
  }
  const ok = body.get("ok");
  const done = body.get("done");
  if (typeof ok !== "boolean" || typeof done !== "boolean") refuse("ok and done must be booleans");
  if (ok) return { kind: "response", id, done, result: body.get("result") ?? null, error: null };
  const error = body.get("error");
  if (!(error instanceof Map)) refuse("a failure without its error");
  return {
    kind: "response",
    id,
    done: true,
    result: null,
    error: {
      code: text(error, "code"),
      message: text(error, "message"),
      hint: text(error, "hint"),
    },
  };
}

/** Checks the header, which must be the one and only that {@link encodeEnvelope} writes. */
function unwrap(type: string, cleartext: Uint8Array): JsonObject {
  const end = cleartext.indexOf(0x7d) + 1;
  const head = new TextDecoder("latin1").decode(cleartext.subarray(0, end));
  const match = /"payloadhash":"([0-9a-f]{64})","origin":"([0-9a-f]{40})","ttl":1\}$/.exec(head);
  if (match === null) refuse("its header is not in canonical form");
  const commandBytes = cleartext.subarray(end);
  const expected = encodeEnvelope(
    { payloadType: type, payloadHash: fromHex(match[1]!), origin: match[2] as Identity, ttl: 1 },
    new Uint8Array(0),
  );
  if (!equalBytes(expected, cleartext.subarray(0, end))) {
    refuse("its header is not in canonical form");
  }
  if (!equalBytes(sha256(commandBytes), fromHex(match[1]!))) refuse("it does not match its hash");
  let value: Json;
  try {
    value = parseJson(fromUtf8(commandBytes));
  } catch {
    refuse("it is not JSON");
  }
  if (!(value instanceof Map)) refuse("it is not an object");
  return value;
}

function text(object: JsonObject, name: string): string {
  const value = object.get(name);
  if (typeof value !== "string" || value.length > 65_536) refuse(`${name} must be a text`);
  return value;
}

function refuse(what: string): never {
  throw new WireError("command", `Cannot read admin message: ${what}`);
}

function startsWith(bytes: Uint8Array, prefix: string): boolean {
  if (bytes.length < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) if (bytes[i] !== prefix.charCodeAt(i)) return false;
  return true;
}
