/**
 * How ceremonies end, and why one did not begin.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { Blame } from "./blame.ts";
import type { Equivocation } from "./evidence.ts";
import type { CurveName } from "./spec.ts";

/** What went wrong, for machines; `docs/ERRORS.md` explains each. */
export type FailureCode =
  /** A member broke a rule of the protocol; `culprits` names it where it can be known. */
  | "TF-PROTOCOL"
  /** A deadline passed; `culprits` lists who was silent. */
  | "TF-TIMEOUT"
  /** A member restarted or cannot be reached any more; `culprits` names it. That is no offence. */
  | "TF-OFFLINE"
  /** The stored share or pre-parameters could not be opened or used. */
  | "TF-SHARE"
  /** The new share could not be stored. */
  | "TF-STORE"
  /** The result did not verify on the network thread. */
  | "TF-VERIFY"
  /** The program is at fault: the worker crashed or broke its own rules. */
  | "TF-INTERNAL";

/** The result of a key generation. The share is ciphertext under the store key. */
export interface KeygenResult {
  /** Discriminates. */
  readonly kind: "keygen";
  /** Curve of the key. */
  readonly curve: CurveName;
  /** 16 bytes. */
  readonly keyId: Uint8Array;
  /** secp256k1: X and Y, 32 bytes each, big-endian; ed25519: the 32-byte encoding. */
  readonly publicKey: Uint8Array;
  /** A store file body for {@link keyId} (specification: mesh section 16). */
  readonly shareCiphertext: Uint8Array;
  /** All holders, in request order. */
  readonly committee: readonly Identity[];
  /** `threshold + 1` of them sign. */
  readonly threshold: number;
}

/** An ECDSA signature, verified against the public key on the network thread. */
export interface EcdsaSignResult {
  /** Discriminates, together with the curve. */
  readonly kind: "sign";
  /** Discriminates, together with the kind. */
  readonly curve: "secp256k1";
  /** 16 bytes. */
  readonly keyId: Uint8Array;
  /** 64 bytes: X and Y. */
  readonly publicKey: Uint8Array;
  /** 32 bytes, big-endian. */
  readonly r: Uint8Array;
  /** 32 bytes, big-endian, at most half the order. */
  readonly s: Uint8Array;
  /** 0 to 3. */
  readonly recoveryId: number;
}

/** An Ed25519 signature, verified against the public key on the network thread. */
export interface EddsaSignResult {
  /** Discriminates, together with the curve. */
  readonly kind: "sign";
  /** Discriminates, together with the kind. */
  readonly curve: "ed25519";
  /** 16 bytes. */
  readonly keyId: Uint8Array;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

/** The result of a resharing: members of the new committee get a share, leaving ones do not. */
export interface ReshareResult {
  /** Discriminates. */
  readonly kind: "reshare";
  /** Curve of the key. */
  readonly curve: CurveName;
  /** 16 bytes; unchanged. */
  readonly keyId: Uint8Array;
  /** As in {@link KeygenResult.publicKey}; unchanged by the resharing. */
  readonly publicKey: Uint8Array;
  /** The new share, `null` for a member that leaves. */
  readonly shareCiphertext: Uint8Array | null;
  /** The new holders, in request order. */
  readonly committee: readonly Identity[];
  /** `threshold + 1` of them sign. */
  readonly threshold: number;
}

/** The result of a presigning: this node's part, to be stored. */
export interface PresignResult {
  /** Discriminates. */
  readonly kind: "presign";
  /** Only ECDSA has them. */
  readonly curve: "secp256k1";
  /** 16 bytes. */
  readonly keyId: Uint8Array;
  /** 64 bytes: X and Y. */
  readonly publicKey: Uint8Array;
  /** Sealed by the worker under the presignature's id. */
  readonly part: Uint8Array;
}

/** What a complete ceremony gives. */
export type CeremonyResult =
  | KeygenResult
  | EcdsaSignResult
  | EddsaSignResult
  | ReshareResult
  | PresignResult;

/** A ceremony that failed. */
export interface Failure {
  /** What kind of failure. */
  readonly code: FailureCode;
  /** For people; names the round, the rule and the members, never a value. */
  readonly reason: string;
  /** Round in which it failed; 0 before the first. */
  readonly round: number;
  /** Who is to blame, or was silent; empty where nobody can be named. */
  readonly culprits: readonly Identity[];
  /** What the members' findings come down to; absent for a failure of this node alone. */
  readonly blame?: Blame;
  /** The signatures that convict, where {@link Failure.blame} says `equivocating`. */
  readonly proof?: Equivocation;
}

/** The end of a ceremony: exactly one of these, once. */
export type Outcome =
  | { readonly state: "complete"; readonly result: CeremonyResult }
  | { readonly state: "failed" } & Failure
  | { readonly state: "aborted"; readonly reason: string };

/** A ceremony that cannot begin: nothing was started and nothing was sent. */
export class CeremonyRefused extends Error {
  /** Class name. */
  override readonly name = "CeremonyRefused";
  /**
   * `code` is for machines: `TF-SPEC` (the request makes no sense), `TF-BUSY` (too many run),
   * `TF-DUPLICATE` (the id was used before), `TF-STOPPED` (the node is going down).
   */
  constructor(
    readonly code: "TF-SPEC" | "TF-BUSY" | "TF-DUPLICATE" | "TF-STOPPED",
    message: string,
    readonly hint?: string,
  ) {
    super(message);
  }
}
