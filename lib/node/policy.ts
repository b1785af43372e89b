/**
 * Asks a program of the operator's, on this machine, whether the node may take part in a request.
 *
 * One POST with the request as JSON, one answer: status 200 and `{"allow":true}` is a yes. All else
 * is a no: `{"allow":false,"reason":"…"}`, another status, a redirection, anything malformed or too
 * large, no connection, no answer in time.
 *
 * @module
 */

import { concat, fromUtf8, utf8 } from "../encoding/bytes.ts";
import { encodeJson, parseJson } from "../encoding/json.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Connection } from "../mesh/net.ts";
import type { Logger } from "../observe/logger.ts";
import { printable } from "./responses.ts";
import type { Facts } from "./request_facts.ts";

/** Where the program listens. */
export type PolicyTarget =
  | { readonly via: "http"; readonly host: string; readonly port: number; readonly path: string }
  | { readonly via: "unix"; readonly socket: string; readonly path: string };

/** What was said. */
export interface PolicyAnswer {
  readonly allow: boolean;
  /** Why not; for the requester and the record. */
  readonly reason: string;
}

/** Decides about requests. */
export interface Policy {
  /** Never rejects: what goes wrong is a no. */
  ask(facts: Facts): Promise<PolicyAnswer>;
}

/** What {@link HttpPolicy} is made of. */
export interface HttpPolicyOptions {
  readonly target: PolicyTarget;
  /** Opens a connection to the target. */
  readonly dial: (timeoutMs: number) => Promise<Connection>;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long the program may take, ms, all in all. */
  readonly timeoutMs: number;
}

/** Largest answer read, headers included. */
export const MAX_ANSWER = 16 * 1024;
/** Requests about which the program is asked at once; a further one is refused. */
export const MAX_ASKED = 16;

/** What the requester is told when the program gave no answer that counts. */
const NO_ANSWER = "the policy of this node gave no answer";

/** An answer that does not count; the message says why. */
export class AnswerError extends Error {
  override readonly name = "AnswerError";
}

/** Asks over HTTP/1.1, one connection per question. */
export class HttpPolicy implements Policy {
  readonly #o: HttpPolicyOptions;
  #asked = 0;

  /** Connects to nothing yet. */
  constructor(options: HttpPolicyOptions) {
    this.#o = options;
  }

  async ask(facts: Facts): Promise<PolicyAnswer> {
    if (this.#asked >= MAX_ASKED) return { allow: false, reason: "too many requests are decided" };
    this.#asked++;
    try {
      return await this.#exchange(facts);
    } catch (error) {
      this.#o.log.warn("the consent program gave no answer that counts", {
        ceremony: facts["ceremony"],
        reason: error instanceof Error ? error.message : String(error),
      });
      return { allow: false, reason: NO_ANSWER };
    } finally {
      this.#asked--;
    }
  }

  async #exchange(facts: Facts): Promise<PolicyAnswer> {
    const { target, dial, clock, timeoutMs } = this.#o;
    let connection: Connection | null = null;
    let late = false;
    const expired = Promise.withResolvers<never>();
    const cancel = clock.setTimer(timeoutMs, () => {
      late = true;
      connection?.close();
      expired.reject(new Error(`no answer within ${timeoutMs} ms`));
    });
    const work = async () => {
      connection = await dial(timeoutMs);
      if (late) throw new Error("too late");
      const body = encodeJson({ schema: "transfunctioner/consent/1", ...facts });
      await writeAll(connection, concat(head(target, body.length), body));
      return readAnswer(await readAll(connection));
    };
    try {
      return await Promise.race([work().finally(() => connection?.close()), expired.promise]);
    } finally {
      cancel();
    }
  }
}

function head(target: PolicyTarget, length: number): Uint8Array {
  const host = target.via === "unix"
    ? "localhost"
    : `${target.host.includes(":") ? `[${target.host}]` : target.host}:${target.port}`;
  return utf8([
    `POST ${target.path} HTTP/1.1`,
    `Host: ${host}`,
    "Content-Type: application/json",
    "Accept: application/json",
    `Content-Length: ${length}`,
    "Connection: close",
    "",
    "",
  ].join("\r\n"));
}

async function writeAll(connection: Connection, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

/** Reads up to the end of the answer: as long as it says, or until the other side closes. */
async function readAll(connection: Connection): Promise<Uint8Array> {
  const buffer = new Uint8Array(MAX_ANSWER + 1);
  let size = 0;
  for (;;) {
    const n = await connection.read(buffer.subarray(size));
    if (n === null) break;
    size += n;
    if (size > MAX_ANSWER) throw new AnswerError(`its answer has more than ${MAX_ANSWER} bytes`);
    if (isWhole(buffer.subarray(0, size))) break;
  }
  return buffer.subarray(0, size);
}

interface Answer {
  readonly status: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

/** Splits an answer; null while its headers are not complete. */
function split(bytes: Uint8Array): Answer | null {
  const text = new TextDecoder("latin1").decode(bytes);
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const [status, ...lines] = text.slice(0, end).split("\r\n");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line);
    if (match === null) throw new AnswerError("a header of its answer is malformed");
    const name = match[1]!.toLowerCase();
    const framing = name === "content-length" || name === "transfer-encoding";
    if (framing && headers.has(name)) throw new AnswerError(`its answer has ${name} twice`);
    headers.set(name, match[2]!);
  }
  return { status: status!, headers, body: bytes.subarray(end + 4) };
}

function lengthOf({ headers }: Answer): number | null {
  const text = headers.get("content-length");
  if (text === undefined) return null;
  if (!/^[0-9]{1,6}$/.test(text)) throw new AnswerError("the length of its answer is malformed");
  return Number(text);
}

function isWhole(bytes: Uint8Array): boolean {
  const answer = split(bytes);
  if (answer === null) return false;
  if (answer.headers.has("transfer-encoding")) {
    const tail = new TextDecoder("latin1").decode(answer.body.subarray(-7));
    return tail.endsWith("\r\n0\r\n\r\n") || answer.body.length === 5 && tail === "0\r\n\r\n";
  }
  const length = lengthOf(answer);
  return length !== null && answer.body.length >= length;
}

/**
 * Reads an HTTP answer strictly.
 *
 * @throws {AnswerError} saying what is wrong; `SyntaxError` or `TypeError` for a body that is no
 * JSON or no text.
 */
export function readAnswer(bytes: Uint8Array): PolicyAnswer {
  const answer = split(bytes);
  if (answer === null) throw new AnswerError("its answer has no end of headers");
  const status = /^HTTP\/1\.[01] ([0-9]{3})( |$)/.exec(answer.status)?.[1];
  if (status !== "200") throw new AnswerError(`it answered with status ${status ?? "none"}`);
  return readBody(bodyOf(answer));
}

function bodyOf(answer: Answer): Uint8Array {
  const encoding = answer.headers.get("transfer-encoding");
  const length = lengthOf(answer);
  if (encoding !== undefined) {
    if (encoding.toLowerCase() !== "chunked" || length !== null) {
      throw new AnswerError("its answer is encoded in another way than chunked");
    }
    return unchunk(answer.body);
  }
  if (length !== null && answer.body.length !== length) {
    throw new AnswerError("its answer is not as long as it says");
  }
  return answer.body;
}

function unchunk(bytes: Uint8Array): Uint8Array {
  const text = new TextDecoder("latin1").decode(bytes);
  const parts: Uint8Array[] = [];
  for (let at = 0;;) {
    const size = /^([0-9a-fA-F]{1,5})\r\n/.exec(text.slice(at, at + 10));
    if (size === null) break;
    const start = at + size[0].length;
    const length = parseInt(size[1]!, 16);
    if (text.slice(start + length, start + length + 2) !== "\r\n") break;
    if (length === 0) {
      if (start + 2 !== text.length) break;
      return concat(...parts);
    }
    parts.push(bytes.subarray(start, start + length));
    at = start + length + 2;
  }
  throw new AnswerError("a chunk of its answer is malformed");
}

function readBody(body: Uint8Array): PolicyAnswer {
  const json = parseJson(fromUtf8(body), { depth: 2, digits: 20, values: 16 });
  if (!(json instanceof Map)) throw new AnswerError("its answer is not a JSON object");
  for (const name of json.keys()) {
    if (name !== "allow" && name !== "reason") {
      throw new AnswerError("its answer has an unknown field");
    }
  }
  const allow = json.get("allow");
  const reason = json.get("reason") ?? "";
  if (typeof allow !== "boolean") throw new AnswerError('its answer has no "allow"');
  if (typeof reason !== "string") throw new AnswerError('the "reason" in its answer is not a text');
  return { allow, reason: reason === "" ? "denied by policy" : printable(reason) };
}
