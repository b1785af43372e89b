/**
 * What the protocols of both curves know about a message type: how to read it, how to write it, and
 * whether everybody gets the same.
 *
 * @module
 */

import { type JsonInput, parseJson, stringifyJson } from "../encoding/json.ts";
import type { Address, Channel, MessageSpec } from "./channel.ts";

/** A message type that can be read and written. */
export interface MessageType<T> extends MessageSpec<T> {
  /** Whether everybody gets the same; goes into the wire flags only. */
  readonly broadcast: boolean;
  /** Writes the content with Go's field names in Go's order. */
  toJson(message: T): JsonInput;
}

/** Sends `message` through the channel as what it is. */
export function say<T>(
  channel: Channel,
  type: MessageType<T>,
  message: T,
  addresses: readonly Address[],
): void {
  channel.send({
    type: type.type,
    from: type.from,
    addresses,
    broadcast: type.broadcast,
    content: type.toJson(message),
  });
}

/** Reads back what this side would send; for tests and for checking an own message. */
export function roundTrip<T>(type: MessageType<T>, message: T): T {
  return type.parse(parseJson(stringifyJson(type.toJson(message))));
}
