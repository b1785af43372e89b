/**
 * The flags of a `tss` command (specification: mesh section 15.1).
 *
 * Nothing signs them; only "speaks as a member of the new committee" has an effect on a receiver.
 *
 * @module
 */

import { TSS_FLAG } from "../mesh/tss_command.ts";
import type { Committee } from "../tss/errors.ts";
import type { CeremonyKind } from "./spec.ts";

/**
 * Writes the flags as a Go node would.
 *
 * @param as The sender's role.
 * @param to The addressees' committees.
 */
export function flagsOf(
  kind: CeremonyKind,
  as: Committee,
  to: readonly Committee[],
  broadcast: boolean,
): number {
  let flags = broadcast ? TSS_FLAG.broadcast : 0;
  if (kind !== "reshare") return flags;
  if (to.includes("old")) flags |= TSS_FLAG.toOld;
  if (to.includes("new") || !to.includes("old")) flags |= TSS_FLAG.toNew;
  if (as === "new") flags |= TSS_FLAG.fromNew;
  return flags;
}

/** The role in which a sender speaks. */
export function roleOf(kind: CeremonyKind, flags: number): Committee {
  if (kind !== "reshare") return "single";
  return (flags & TSS_FLAG.fromNew) !== 0 ? "new" : "old";
}
