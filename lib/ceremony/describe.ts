/**
 * Looks into a stored share and tells what is not secret about it: which form its party keys have,
 * and whether it belongs to the committee that the metadata names.
 *
 * A share that a Go node reshared looks from outside like one that was never reshared; the form of
 * the new party keys (specification: ecdsa-resharing section 10) can only be told from within.
 *
 * @module
 */

import type { RandomSource } from "../arith/random.ts";
import { type Identity, identityToInt } from "../crypto/identity.ts";
import { nextKey } from "../tss/ecdsa/share.ts";
import { openPreParams, openShare as openEcdsaShare, publicKeyBytes } from "./plan_ecdsa.ts";
import { openShare as openEddsaShare } from "./plan_eddsa.ts";
import { encodeEd25519 } from "../crypto/curve.ts";
import { JobError } from "./session.ts";
import type { CurveName } from "./spec.ts";
import { Vault } from "./vault.ts";

/** Which share to look into. */
export interface DescribeRequest {
  /** This node: the share must be its own. */
  readonly self: Identity;
  /** Curve of the key. */
  readonly curve: CurveName;
  /** 16 bytes. */
  readonly keyId: Uint8Array;
  /** The share's file content, sealed under {@link keyId}. */
  readonly share: Uint8Array;
  /** The key's committee as the metadata names it. */
  readonly committee: readonly Identity[];
}

/** What there is to tell of a share. Nothing in it is secret. */
export interface ShareDescription {
  /** Whether the party keys are identities XOR 1 (else the identities themselves). */
  readonly flipped: boolean;
  /** 64 bytes (secp256k1) or 32 (ed25519). */
  readonly publicKey: Uint8Array;
}

/**
 * Opens a share and describes it. For the worker.
 *
 * @param storeKey Taken over and wiped.
 * @throws {JobError} if the share cannot be used, is another node's or another committee's.
 */
export function describeShare(
  request: DescribeRequest,
  storeKey: Uint8Array,
  random: RandomSource,
): ShareDescription {
  const vault = new Vault(storeKey, random);
  try {
    if (request.curve === "secp256k1") {
      const share = openEcdsaShare(vault, request.keyId, request.share);
      return { flipped: formOf(request, share), publicKey: publicKeyBytes(share.publicKey) };
    }
    const share = openEddsaShare(vault, request.keyId, request.share);
    return { flipped: formOf(request, share), publicKey: encodeEd25519(share.publicKey) };
  } finally {
    vault.close();
  }
}

/**
 * Opens a sealed set of pre-parameters and checks it as a ceremony would. For the worker.
 *
 * @param storeKey Taken over and wiped.
 * @throws {JobError} if the set cannot be used.
 */
export function checkPreParams(
  file: Uint8Array,
  storeKey: Uint8Array,
  random: RandomSource,
): void {
  const vault = new Vault(storeKey, random);
  try {
    openPreParams(vault, file);
  } finally {
    vault.close();
  }
}

function formOf(
  { self, committee }: DescribeRequest,
  { ks, shareId }: { readonly ks: readonly bigint[]; readonly shareId: bigint },
): boolean {
  for (const flipped of [false, true]) {
    const keyOf = (identity: Identity) => {
      const plain = identityToInt(identity);
      return flipped ? nextKey(plain) : plain;
    };
    const keys = new Set(committee.map(keyOf));
    if (keys.size !== ks.length || !ks.every((k) => keys.has(k))) continue;
    if (shareId !== keyOf(self)) break;
    return flipped;
  }
  throw new JobError("TF-SHARE", "the stored share does not belong to the committee on record");
}
