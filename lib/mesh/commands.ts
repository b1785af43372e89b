/**
 * Commands to bytes and back, exactly as a Go node would (specification: mesh sections 2 and 7).
 *
 * @module
 */

import { fromUtf8, utf8 } from "../encoding/bytes.ts";
import { parseJsonPrefix } from "../encoding/json.ts";
import { commandStructs } from "./command_fields.ts";
import type { Command, CommandType, PartyId } from "./command_types.ts";
import { WireError } from "./errors.ts";

export type * from "./command_types.ts";
export { NIL_BYTES, nilList } from "./go_json.ts";

const LIMITS = { depth: 32, digits: 40, duplicates: "last" } as const;

/** Tells whether `type` is a payload type of the catalogue; exact, case-sensitive. */
export function isCommandType(type: string): type is CommandType {
  return commandStructs.has(type);
}

/**
 * Types that Go does not know. They travel sealed only, and only to nodes of this implementation:
 * as payload types of an envelope they would close a link to a Go node.
 */
export const SEALED_ONLY: ReadonlySet<string> = new Set<CommandType>([
  "node-echo",
  "ceremony-note",
  "node-witness",
  "ceremony-standing",
  "ceremony-standing-response",
  "presign",
  "presign-response",
  "presigned-sign",
]);

/** All payload types of Go's catalogue. */
export const COMMAND_TYPES: readonly CommandType[] = ([...commandStructs.keys()] as CommandType[])
  .filter((type) => !SEALED_ONLY.has(type));

function encodeText(command: Command): string {
  return commandStructs.get(command.type)!.encode(command);
}

/**
 * Writes a command as Go would.
 *
 * @throws {RangeError} if a value does not fit its field.
 */
export function encodeCommand(command: Command): Uint8Array<ArrayBuffer> {
  return utf8(encodeText(command));
}

function decodeText(type: CommandType, text: string): Command {
  let json;
  try {
    json = parseJsonPrefix(text, LIMITS).value;
  } catch (error) {
    throw new WireError("command", `Cannot read ${type}: ${(error as Error).message}`);
  }
  const struct = commandStructs.get(type)!;
  const body = json === null ? struct.zero() : struct.decode(json, type);
  return { type, ...body } as Command;
}

/**
 * Reads a command as leniently as Go: see `go_json.ts` for the rules. What follows the first JSON
 * value is ignored, as Go ignores it; {@link isCanonical} tells whether there was anything odd.
 *
 * @throws {WireError} kind `unknown-type` or `command`.
 */
export function decodeCommand(type: string, input: Uint8Array | string): Command {
  if (!isCommandType(type)) {
    throw new WireError("unknown-type", "Cannot read command: its type is not in the catalogue");
  }
  if (typeof input === "string") return decodeText(type, input);
  let text;
  try {
    text = fromUtf8(input);
  } catch {
    throw new WireError("command", `Cannot read ${type}: it is not valid UTF-8`);
  }
  return decodeText(type, text);
}

function complete(party: PartyId): boolean {
  return party.id !== "" && party.moniker !== "" && party.key.length > 0;
}

/**
 * Tells whether a Go node that decodes `input` and encodes the result gets the same bytes. Only
 * such commands survive a forward; anything else, forwarded, makes the next node close its link to
 * the forwarder (mesh section 2). Committee members without id, moniker or key count as not
 * canonical whatever Go makes of them: no request that means anything holds one.
 */
export function isCanonical(type: string, input: Uint8Array): boolean {
  let text: string, command: Command;
  try {
    text = fromUtf8(input);
    command = decodeCommand(type, text);
  } catch {
    return false;
  }
  return isFixedPoint(command, text);
}

/** {@link isCanonical} for a command already decoded from `text`. */
export function isFixedPoint(command: Command, text: string): boolean {
  switch (command.type) {
    case "keygen":
    case "sign":
      if (!command.committee.every(complete)) return false;
      break;
    case "reshare":
      if (!command.oldCommittee.every(complete) || !command.newCommittee.every(complete)) {
        return false;
      }
  }
  return encodeText(command) === text;
}
