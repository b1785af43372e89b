/**
 * What somebody who was not there has of a protocol run: the messages that everybody got.
 *
 * @module
 */

import type { MessageSpec } from "./channel.ts";

/** The broadcasts of one run. */
export interface Docket {
  /**
   * All messages of a type by party index, `null` unless every one of them is there.
   *
   * @throws {ProtocolError} naming the sender of a message that breaks a rule.
   */
  take<T>(spec: MessageSpec<T>): Map<number, T> | null;
}

/** How far an audit came. */
export interface Audited<T> {
  /** What was checked, for people, in order. */
  readonly checked: readonly string[];
  /** What the messages give together; `null` if messages for that are missing. */
  readonly result: T | null;
}
