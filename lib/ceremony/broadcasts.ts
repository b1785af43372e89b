/**
 * Which messages of each protocol go to everybody alike, which of them are compared, and where.
 *
 * The wire has no reliable broadcast, so members compare what they heard before the step that
 * cannot be undone: before a share is saved, a part of a signature is released, or a new share is
 * confirmed. What is compared is sent off together with a message of the protocol and needs no
 * round of its own; messages after that open commitments that were compared, so that whatever
 * differs in them is no opening at one of the receivers, which names its sender.
 *
 * @module
 */

import type { CeremonyKind, CurveName } from "./spec.ts";

/** What is compared in a protocol. */
export interface Comparison {
  /** All types that everybody gets alike, full names. */
  readonly broadcasts: ReadonlySet<string>;
  /**
   * The type with whose sending everything that is compared has been heard. `finish` for the one
   * protocol in which nobody tells the others that the shares it got are right: the comparison
   * does, so that a key which one member has no share of is not kept by the rest.
   */
  readonly cue: string | "finish";
  /** What waits until everybody heard the same: a type to send, or the worker's last step. */
  readonly gate: string | "finish" | "store";
}

const comparison = (
  family: string,
  broadcasts: readonly string[],
  cue: string,
  gate: string,
): Comparison => ({
  broadcasts: new Set(broadcasts.map((name) => family + name)),
  cue: cue === "finish" ? cue : family + cue,
  gate: gate === "finish" || gate === "store" ? gate : family + gate,
});

const COMPARISONS: Readonly<Record<CurveName, Readonly<Record<CeremonyKind, Comparison>>>> = {
  secp256k1: {
    keygen: comparison(
      "ecdsa.keygen.",
      ["KGRound1Message", "KGRound2Message2", "KGRound3Message"],
      "KGRound3Message",
      "finish",
    ),
    // Round 8 opens what round 7 committed to, round 9 is the part of the signature.
    sign: comparison(
      "ecdsa.signing.",
      [
        "SignRound1Message2",
        "SignRound3Message",
        "SignRound4Message",
        "SignRound5Message",
        "SignRound6Message",
        "SignRound7Message",
        "SignRound8Message",
        "SignRound9Message",
      ],
      "SignRound8Message",
      "SignRound9Message",
    ),
    reshare: comparison(
      "ecdsa.resharing.",
      [
        "DGRound1Message",
        "DGRound2Message1",
        "DGRound2Message2",
        "DGRound3Message2",
        "DGRound4Message2",
      ],
      "DGRound4Message1",
      "store",
    ),
    // Round 7 tells that the presignature may be kept.
    presign: comparison(
      "ecdsa.presigning.",
      [
        "PreRound1Message2",
        "PreRound3Message",
        "PreRound4Message",
        "PreRound6Message",
        "PreRound7Message",
      ],
      "PreRound6Message",
      "PreRound7Message",
    ),
  },
  ed25519: {
    keygen: comparison(
      "eddsa.keygen.",
      ["KGRound1Message", "KGRound2Message2"],
      "finish",
      "finish",
    ),
    sign: comparison(
      "eddsa.signing.",
      ["SignRound1Message", "SignRound2Message", "SignRound3Message"],
      "SignRound2Message",
      "SignRound3Message",
    ),
    reshare: comparison(
      "eddsa.resharing.",
      ["DGRound1Message", "DGRound2Message", "DGRound3Message2", "DGRound4Message"],
      "DGRound2Message",
      "store",
    ),
    // There is none on this curve.
    presign: comparison("eddsa.presigning.", [], "finish", "finish"),
  },
};

/** What is compared in a ceremony of this kind. */
export function comparisonOf(curve: CurveName, kind: CeremonyKind): Comparison {
  return COMPARISONS[curve][kind];
}
