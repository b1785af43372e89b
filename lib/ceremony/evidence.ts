/**
 * Signed round messages as proof: what a member said, in its own signature, for anybody to check.
 *
 * @module
 */

import { sha256 } from "@noble/hashes/sha2.js";
import type { Identity } from "../crypto/identity.ts";
import { equalBytes, toHex } from "../encoding/bytes.ts";
import { parseJson } from "../encoding/json.ts";
import type { TssCommand, WitnessMessage } from "../mesh/command_types.ts";
import { CEREMONY_TYPE, TSS_FLAG, verifyTss } from "../mesh/tss_command.ts";
import type { Committee } from "../tss/errors.ts";
import { MAX_ROUND_MESSAGE_BYTES } from "./limits.ts";
import type { CeremonyKind } from "./spec.ts";

/** Deepest nesting in a round message, as in the inbox. */
const MAX_DEPTH = 8;

/** A broadcast that was heard or sent, with the command that carried it. */
export interface Broadcast {
  /** The role that its sender spoke in. */
  readonly committee: Committee;
  /** Full type name. */
  readonly type: string;
  /** SHA-256 of the data. */
  readonly digest: Uint8Array;
  /** As its sender signed it. */
  readonly command: TssCommand;
}

/** Two messages that one member signed where the protocol has one for everybody. */
export interface Equivocation {
  /** Who signed both. */
  readonly member: Identity;
  /** Role, see {@link Broadcast.committee}. */
  readonly committee: Committee;
  /** Full type name. */
  readonly type: string;
  /** The two, in the order of their digests so that everybody keeps the same file. */
  readonly messages: readonly [TssCommand, TssCommand];
}

/** Puts two different messages for one slot together. */
export function equivocation(a: Broadcast, b: Broadcast): Equivocation {
  const [first, second] = toHex(a.digest) < toHex(b.digest) ? [a, b] : [b, a];
  const { committee, type, command } = a;
  return { member: command.from, committee, type, messages: [first.command, second.command] };
}

/**
 * The type that a round message names, read without its content where its sender writes `t` first,
 * as every program does. `null` if it names none.
 */
export function typeOf(data: Uint8Array): string | null {
  const start = String.fromCharCode(...data.subarray(0, 80));
  const usual = /^\{"t":"([A-Za-z0-9.]{1,60})","c":/.exec(start);
  if (usual !== null) return usual[1]!;
  if (data.length > MAX_ROUND_MESSAGE_BYTES) return null;
  try {
    const json = parseJson(data, { depth: MAX_DEPTH });
    const type = json instanceof Map ? json.get("t") : null;
    return typeof type === "string" ? type : null;
  } catch {
    return null;
  }
}

/** The committee that sends a type: in a resharing the old one speaks in the odd rounds. */
export function senderOf(kind: CeremonyKind, type: string): Committee {
  if (kind !== "reshare") return "single";
  const round = Number(/Round(\d)/.exec(type)?.[1] ?? 0);
  return round % 2 === 1 ? "old" : "new";
}

/** What an exhibit is checked against. */
export interface ExhibitRules {
  /** 32 bytes. */
  readonly ceremonyId: Uint8Array;
  readonly kind: CeremonyKind;
  /** Types that go to everybody alike, full names. */
  readonly broadcasts: ReadonlySet<string>;
  /** Whether an identity is a member in a role. */
  readonly hasMember: (member: Identity, committee: Committee) => boolean;
}

/**
 * Checks a message that somebody passed on: of this ceremony, a broadcast, by a member in the role
 * that sends its type, with its signature. `null` if it proves nothing.
 */
export function readExhibit(message: WitnessMessage, rules: ExhibitRules): Broadcast | null {
  const type = typeOf(message.data);
  if (type === null || !rules.broadcasts.has(type)) return null;
  // Nobody signs the flags: the role follows from the type.
  const committee = senderOf(rules.kind, type);
  if (!rules.hasMember(message.from, committee)) return null;
  const command: TssCommand = {
    type: "tss",
    ceremonyId: rules.ceremonyId,
    ceremonyType: CEREMONY_TYPE[rules.kind],
    from: message.from,
    flags: TSS_FLAG.broadcast | (committee === "new" ? TSS_FLAG.fromNew : 0),
    data: message.data,
    signature: message.signature,
  };
  if (!verifyTss(command)) return null;
  return { committee, type, digest: sha256(message.data), command };
}

/** Whether two broadcasts are different contents for one slot. */
export function contradict(a: Broadcast, b: Broadcast): boolean {
  return a.command.from === b.command.from && a.committee === b.committee && a.type === b.type &&
    equalBytes(a.command.ceremonyId, b.command.ceremonyId) && !equalBytes(a.digest, b.digest);
}

/** The form in which a command is passed on. */
export function exhibitOf(command: TssCommand): WitnessMessage {
  const { from, ceremonyType, flags, data, signature } = command;
  return { from, ceremonyType, flags, data, signature };
}

/** Key of a slot: one message per role, sender and type. */
export function slotOf(committee: Committee, sender: Identity, type: string): string {
  return `${committee}/${sender}/${type}`;
}
