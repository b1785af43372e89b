/**
 * What a resharing starts from: checked inputs, the session as seen by holders of the old key
 * data, and the own keys of a new party (specification: ecdsa-resharing 1, 4 and 9).
 *
 * @module
 */

import type { Arithmetic } from "../../arith/mod.ts";
import { mod } from "../../arith/number.ts";
import type { RandomSource } from "../../arith/random.ts";
import { type CurvePoint, secp256k1 } from "../../crypto/curve.ts";
import { type Committee, ProtocolError } from "../errors.ts";
import { Verdicts } from "../verdicts.ts";
import { additiveImages, additiveShare } from "./additive_share.ts";
import { type OwnKeys, ownKeys } from "./parameters.ts";
import type { PreParams } from "./preparams.ts";
import { type EcdsaShareFields, selectSigners } from "./share.ts";
import { resharingSsid } from "./ssid.ts";

/** The protocol's name in errors. */
export const RESHARING_TASK = "ecdsa-resharing";

/** What a holder of the old key data knows for itself and need not take on trust. */
export interface OldData {
  /** The session that all proofs are bound to. */
  readonly ssid: Uint8Array;
  /** The key to be reshared. */
  readonly publicKey: CurvePoint;
  /** `W_j = w_j·G`, the constant term that old party j must share. */
  readonly bigW: readonly CurvePoint[];
}

/** What a resharing is given, with the parties reduced to their keys. */
export interface ResharingSetup {
  /** Keys of the old parties taking part, ascending. */
  readonly oldKeys: readonly bigint[];
  /** Keys of the new parties, ascending. */
  readonly newKeys: readonly bigint[];
  /** The own index in the old committee, or null. */
  readonly oldIndex: number | null;
  /** The own index in the new committee, or null. */
  readonly newIndex: number | null;
  /** The threshold the key has. */
  readonly oldThreshold: number;
  /** The threshold it shall get; from 1 to the number of new parties − 1. */
  readonly newThreshold: number;
  /** 32 bytes that no other ceremony has. */
  readonly ceremonyId: Uint8Array;
  /**
   * The old share: required in the old committee; a new-only node that holds one (it was left out
   * of the old parties) passes it too, and then checks more. Secret.
   */
  readonly share: EcdsaShareFields | null;
  /** Required in the new committee. Secret. */
  readonly preParams: PreParams | null;
  /** The id of the key to be reshared; what the old parties state must belong to it. */
  readonly expectedKeyId?: Uint8Array;
  /** The back-end for big exponentiations. */
  readonly arith: Arithmetic;
  /** Source of all secrets. */
  readonly random: RandomSource;
}

/** What stays the same from the first round to the last. */
export interface ResharingContext
  extends Omit<ResharingSetup, "ceremonyId" | "share" | "preParams" | "expectedKeyId"> {
  /** Known to everybody who holds a share of the old key, taking part in the old committee or not. */
  readonly old: OldData | null;
  /** The key id that the request names, where known. */
  readonly expectedKeyId: Uint8Array | null;
  /** The own Paillier and commitment keys in the new committee. Secret. */
  readonly own: OwnKeys | null;
}

/** Fails the resharing without blaming anybody. */
export function resharingError(round: number, reason: string): ProtocolError {
  return new ProtocolError({
    task: RESHARING_TASK,
    round,
    reason,
    culprits: [],
    committee: "old",
  });
}

/** The verdicts of one round over one committee. */
export function resharingVerdicts(round: number, committee: Committee): Verdicts {
  return new Verdicts(RESHARING_TASK, round, committee);
}

/** Every index of a list, or every one but `except`. */
export function indices(list: readonly unknown[], except: number | null = null): number[] {
  return list.map((_, j) => j).filter((j) => j !== except);
}

/**
 * Checks the inputs and derives the context; also returns the own additive share `w` (secret) of
 * an old party, else 0.
 *
 * @throws {ProtocolError} of round 1, blaming nobody: thresholds out of range, keys unsorted, equal
 * or shared between the committees, a role without its data, an old party that the share does not
 * know, old parties too few for the key.
 */
export function resharingContext(input: ResharingSetup): { ctx: ResharingContext; w: bigint } {
  const { oldKeys, newKeys, oldIndex, newIndex, oldThreshold, newThreshold, share } = input;
  const demand = (condition: boolean, reason: string) => {
    if (!condition) throw resharingError(1, reason);
  };
  demand(
    Number.isSafeInteger(oldThreshold) && oldThreshold >= 0 && oldThreshold < oldKeys.length,
    `t+1=${oldThreshold + 1} is not satisfied by the key count of ${oldKeys.length}`,
  );
  demand(
    Number.isSafeInteger(newThreshold) && newThreshold >= 1 && newThreshold < newKeys.length,
    "the new threshold must be at least 1 and below the number of new parties",
  );
  for (const keys of [oldKeys, newKeys]) {
    demand(
      keys.every((key, j) => key > (j === 0 ? 0n : keys[j - 1]!)),
      "the parties of both committees must be sorted by distinct positive keys",
    );
  }
  const residues = new Set([...oldKeys, ...newKeys].map((key) => mod(key, secp256k1.q)));
  demand(
    residues.size === oldKeys.length + newKeys.length && !residues.has(0n),
    "no key may be used twice in the two committees",
  );
  demand(oldIndex !== null || newIndex !== null, "the own node is in neither committee");
  demand(oldIndex === null || oldKeys[oldIndex] !== undefined, "the own old index does not exist");
  demand(newIndex === null || newKeys[newIndex] !== undefined, "the own new index does not exist");
  demand(
    oldIndex === null || share?.shareId === oldKeys[oldIndex],
    "the own old index does not point at the key of the own share",
  );
  demand(newIndex === null || input.preParams !== null, "a new party needs pre-parameters");

  let old: OldData | null = null;
  let w = 0n;
  if (share !== null) {
    try {
      const lists = selectSigners(share, oldKeys);
      const bigW = additiveImages(oldKeys, lists.bigXj, share.publicKey);
      if (oldIndex !== null) w = additiveShare(oldKeys, oldIndex, share.xi, bigW);
      old = { ssid: resharingSsid({ ...input, lists }), publicKey: share.publicKey, bigW };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw resharingError(1, error.message);
    }
  }
  const ctx: ResharingContext = {
    oldKeys,
    newKeys,
    oldIndex,
    newIndex,
    oldThreshold,
    newThreshold,
    old,
    expectedKeyId: input.expectedKeyId ?? null,
    own: newIndex === null ? null : ownKeys(input.preParams!),
    arith: input.arith,
    random: input.random,
  };
  return { ctx, w };
}
