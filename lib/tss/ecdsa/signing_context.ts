/**
 * What a signing starts from: checked inputs, key data cut to the signers, additive shares and the
 * session (specification: ecdsa-signing 4 and 5).
 *
 * @module
 */

import type { Arithmetic } from "../../arith/mod.ts";
import type { RandomSource } from "../../arith/random.ts";
import { type CurvePoint, secp256k1 } from "../../crypto/curve.ts";
import { partyContext } from "../../crypto/framed_hash.ts";
import { bytesToInt, equalBytes } from "../../encoding/bytes.ts";
import { ProtocolError } from "../errors.ts";
import { partyKeyBytes } from "../party.ts";
import { Verdicts } from "../verdicts.ts";
import { additiveImages, additiveShare } from "./additive_share.ts";
import { DIGEST_BYTES } from "./limits.ts";
import { type OwnKeys, ownKeys, type PeerKeys, peerKeys } from "./parameters.ts";
import { type EcdsaShareFields, selectSigners, type SignerLists } from "./share.ts";
import { signingSsid } from "./ssid.ts";

/** The protocol's name in errors. The Go library says `signing` for this curve only. */
export const SIGNING_TASK = "ecdsa-signing";

/** What signers of a key start from, with the parties reduced to their keys. */
export interface SignersSetup {
  /** Signers' keys, ascending. */
  readonly keys: readonly bigint[];
  /** The own index among the signers. */
  readonly self: number;
  /** The key's threshold: at least `threshold + 1` signers. */
  readonly threshold: number;
  /** 32 bytes that no other ceremony has: freshness of all proofs rests on it. */
  readonly ceremonyId: Uint8Array;
  /** The own share of the key. Secret. */
  readonly share: EcdsaShareFields;
  /** The back-end for big exponentiations. */
  readonly arith: Arithmetic;
  /** Source of all secrets. */
  readonly random: RandomSource;
}

/** What a signing is given. */
export interface SigningSetup extends SignersSetup {
  /** 32 bytes that are, as integer, below the group order. */
  readonly digest: Uint8Array;
}

/** What stays the same from the first round to the last; all lists count the signers. */
export interface SignersContext extends Pick<SignersSetup, "keys" | "self" | "arith" | "random"> {
  /** The protocol's name in errors. */
  readonly task: string;
  /** Every index but the own. */
  readonly others: readonly number[];
  /** The session that all proofs are bound to. */
  readonly ssid: Uint8Array;
  /** Context bytes of every signer's proofs. */
  readonly contexts: readonly Uint8Array[];
  /** `W_j = w_j·G` of every signer. */
  readonly bigW: readonly CurvePoint[];
  /** What the signature will verify under. */
  readonly publicKey: CurvePoint;
  /** The own keys, with their factors. Secret. */
  readonly own: OwnKeys;
  /** Everybody's keys. */
  readonly peers: readonly PeerKeys[];
}

/** The context of a signing in nine rounds. */
export interface SigningContext extends SignersContext, Pick<SigningSetup, "digest"> {
  /** The digest as integer, below the group order. */
  readonly m: bigint;
}

/** What anybody may know of signers. */
export type SignersPublic = Pick<SignersContext, "task" | "others" | "contexts">;

/** What anybody may know of a signing; enough to check all that is broadcast in it. */
export type SigningPublic =
  & SignersPublic
  & Pick<SigningContext, "m" | "publicKey" | "digest">;

/** Fails the signing without blaming anybody. */
export function signingError(round: number, reason: string): ProtocolError {
  return new ProtocolError({ task: SIGNING_TASK, round, reason, culprits: [] });
}

/**
 * Fails the signing over values that all signers made together. With two signers it can only be the
 * other one's doing; with more the messages do not show whose it is, so nobody is blamed.
 */
export function jointFailure(
  ctx: Pick<SignersContext, "task" | "others">,
  round: number,
  reason: string,
): ProtocolError {
  const culprits = ctx.others.length === 1 ? ctx.others : [];
  return new ProtocolError({ task: ctx.task, round, reason, culprits });
}

/** The verdicts of one round. */
export function signingVerdicts(ctx: Pick<SignersContext, "task">, round: number): Verdicts {
  return new Verdicts(ctx.task, round);
}

/**
 * Checks the inputs of a signing and derives its context; also returns the own additive share `w`
 * (secret).
 *
 * @throws {ProtocolError} of round 1, blaming nobody: a digest that is not 32 bytes or not below
 * the group order (it is never reduced), or what {@link signersContext} refuses.
 */
export function signingContext(input: SigningSetup): { ctx: SigningContext; w: bigint } {
  const { keys, threshold, ceremonyId, digest } = input;
  const m = digestToInt(digest, SIGNING_TASK);
  const { ctx, w } = signersContext(
    input,
    SIGNING_TASK,
    (lists) => signingSsid({ keys, lists, threshold, ceremonyId, m }),
  );
  return { ctx: { ...ctx, digest, m }, w };
}

/**
 * Reads a digest as integer.
 *
 * @throws {ProtocolError} of round 1 unless it has 32 bytes and is below the group order.
 */
export function digestToInt(digest: Uint8Array, task: string): bigint {
  const m = bytesToInt(digest);
  if (digest.length === DIGEST_BYTES && m < secp256k1.q) return m;
  const reason = "hashed message is not valid";
  throw new ProtocolError({ task, round: 1, reason, culprits: [] });
}

/**
 * Checks what signers start from and derives the context; also returns the own additive share `w`
 * (secret).
 *
 * @param task The protocol's name in errors.
 * @param ssidOf Makes the session from the key data cut to the signers.
 * @throws {ProtocolError} of round 1, blaming nobody: a threshold that the signers do not reach,
 * signers that the share does not know or that do not give the public key together.
 */
export function signersContext(
  input: SignersSetup,
  task: string,
  ssidOf: (lists: SignerLists) => Uint8Array,
): { ctx: SignersContext; w: bigint } {
  const { keys, self, threshold, share } = input;
  const refused = (reason: string) => new ProtocolError({ task, round: 1, reason, culprits: [] });
  if (!Number.isSafeInteger(threshold) || threshold < 0 || threshold + 1 > keys.length) {
    throw refused(`t+1=${threshold + 1} is not satisfied by the key count of ${keys.length}`);
  }
  if (keys.some((key, j) => key <= (j === 0 ? 0n : keys[j - 1]!))) {
    throw refused("the signers must be sorted by distinct positive keys");
  }
  if (keys[self] !== share.shareId) {
    throw refused("the own index does not point at the key of the own share");
  }
  let lists: SignerLists;
  let bigW: CurvePoint[];
  let w: bigint;
  try {
    lists = selectSigners(share, keys);
    bigW = additiveImages(keys, lists.bigXj, share.publicKey);
    w = additiveShare(keys, self, share.xi, bigW);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw refused(error.message);
  }
  const ssid = ssidOf(lists);
  const ctx: SignersContext = {
    task,
    keys,
    self,
    others: keys.map((_, j) => j).filter((j) => j !== self),
    ssid,
    contexts: keys.map((_, j) => partyContext(ssid, j)),
    bigW,
    publicKey: share.publicKey,
    own: ownKeys(share.preParams),
    peers: keys.map((_, j) =>
      peerKeys({
        paillierN: lists.paillierPks[j]!,
        nTilde: lists.nTildej[j]!,
        h1: lists.h1j[j]!,
        h2: lists.h2j[j]!,
      })
    ),
    arith: input.arith,
    random: input.random,
  };
  return { ctx, w };
}

/**
 * Demands that every message was made for this party: its ReceiverID is the own key.
 *
 * @throws {ProtocolError} naming everybody whose message was not.
 */
export function checkReceivers(
  ctx: SignersContext,
  round: number,
  messages: ReadonlyMap<number, { readonly receiverId: Uint8Array }>,
): void {
  const verdicts = signingVerdicts(ctx, round);
  const own = partyKeyBytes(ctx.keys[ctx.self]!);
  for (const j of ctx.others) {
    if (!equalBytes(messages.get(j)!.receiverId, own)) verdicts.blame(j, "receiverId mismatch");
  }
  verdicts.settle();
}
