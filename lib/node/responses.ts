/**
 * What a member tells the requester about the end of a ceremony (specification: mesh section 7).
 *
 * @module
 */

import { CeremonyRefused, type Outcome } from "../ceremony/verdict.ts";
import { fromHex } from "../encoding/bytes.ts";
import type { OutcomeCommand, SignResponseCommand } from "../mesh/command_types.ts";
import { NodeError } from "./errors.ts";
import type { CeremonyRequest } from "./request.ts";

/** Longest reason or error text taken from or told to others, in characters. */
export const MAX_REASON = 300;

/** A response of any kind. */
export type ResponseCommand = OutcomeCommand | SignResponseCommand;

/** The response that says that `request` failed here, or was refused. */
export function failureResponse(request: CeremonyRequest, error: string): ResponseCommand {
  const ceremonyId = fromHex(request.id);
  const text = error.slice(0, MAX_REASON);
  if (request.kind === "sign") {
    const nothing = new Uint8Array(0);
    return {
      type: "sign-response",
      ceremonyId,
      success: false,
      r: nothing,
      s: nothing,
      error: text,
    };
  }
  return { type: `${request.kind}-response`, ceremonyId, success: false, error: text };
}

/** The response that carries what a complete ceremony made; halves of a signature for any curve. */
export function successResponse(
  request: CeremonyRequest,
  { result }: Outcome & { state: "complete" },
): ResponseCommand {
  const ceremonyId = fromHex(request.id);
  if (request.kind !== "sign" || result.kind !== "sign") {
    const kind = request.kind === "sign" ? "keygen" : request.kind;
    return { type: `${kind}-response`, ceremonyId, success: true, error: "" };
  }
  const { r, s } = result.curve === "secp256k1"
    ? result
    : { r: result.signature.subarray(0, 32), s: result.signature.subarray(32) };
  return { type: "sign-response", ceremonyId, success: true, r, s, error: "" };
}

/** Beginning of a failure that is a member's decision, not an accident. */
export const REFUSED = "refused: ";

/** Whether a response's error says that the member did not want to take part. */
export function isRefusal(error: string): boolean {
  return error.startsWith(REFUSED);
}

/** Text of another node, made fit for a log line or a terminal. */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?").slice(0, MAX_REASON);
}

/** The outcome of a ceremony that could not begin, or whose result could not be stored. */
export function failureOutcome(error: unknown): Outcome {
  const refused = error instanceof CeremonyRefused || error instanceof NodeError;
  return {
    state: "failed",
    code: refused ? "TF-SHARE" : "TF-STORE",
    reason: error instanceof Error ? error.message : String(error),
    round: 0,
    culprits: [],
  };
}
