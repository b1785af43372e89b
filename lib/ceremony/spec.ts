/**
 * What a ceremony is asked to do, and the rules such a request must meet before anything starts
 * (specification: mesh section 14.3).
 *
 * @module
 */

import { type Identity, parseIdentity } from "../crypto/identity.ts";
import { secp256k1 } from "../crypto/curve.ts";
import { bytesToInt } from "../encoding/bytes.ts";
import { MAX_SIGNED_MESSAGE_BYTES } from "./limits.ts";
import { CeremonyRefused } from "./verdict.ts";

/** The curves that keys live on: ECDSA runs on the first, EdDSA on the second. */
export type CurveName = "secp256k1" | "ed25519";

/** The kinds of ceremony. Go nodes know all but `presign`. */
export type CeremonyKind = "keygen" | "sign" | "reshare" | "presign";

interface CommonSpec {
  readonly curve: CurveName;
  /** 32 bytes, never used before. */
  readonly id: Uint8Array;
  /** Whether this node asked for it, everybody for the same: then whoever says otherwise lies. */
  readonly asked?: boolean;
  /** Overrides the engine's deadline for one round, in milliseconds. */
  readonly roundTimeoutMs?: number;
  /** Overrides the engine's deadline for the ceremony, in milliseconds. */
  readonly ceremonyTimeoutMs?: number;
}

/** Makes a key. */
export interface KeygenSpec extends CommonSpec {
  /** Discriminates. */
  readonly kind: "keygen";
  /** All members in request order, this node among them. */
  readonly committee: readonly Identity[];
  /** `threshold + 1` members sign; 1 to the committee's size - 1. */
  readonly threshold: number;
  /** Pre-parameters as sealed by a worker; needed on secp256k1. */
  readonly preParams?: Uint8Array;
}

/** Signs with a key. */
export interface SignSpec extends CommonSpec {
  /** Discriminates. */
  readonly kind: "sign";
  /** 16 bytes. */
  readonly keyId: Uint8Array;
  /** The signers, this node among them: at least `threshold + 1` of the key's committee. */
  readonly committee: readonly Identity[];
  /** The key's threshold. */
  readonly threshold: number;
  /** secp256k1: the 32-byte digest; ed25519: the message itself, which may be empty. */
  readonly message: Uint8Array;
  /** Public key from the metadata: 64 bytes (secp256k1) or 32 (ed25519). */
  readonly publicKey: Uint8Array;
  /** The share's file content, sealed under {@link keyId}; empty with a presignature. */
  readonly share: Uint8Array;
  /** The presignature to sign from, instead of in nine rounds; gone from the disk already. */
  readonly presigned?: PresignedPart;
}

/** This node's part of a presignature. */
export interface PresignedPart {
  /** 32 bytes. */
  readonly id: Uint8Array;
  /** How often the key had been reshared. */
  readonly generation: number;
  /** As sealed by the worker that made it. */
  readonly part: Uint8Array;
  /** Whether this node asked for the signature itself. */
  readonly asked: boolean;
}

/** Makes a presignature. Its id is the ceremony's. */
export interface PresignSpec extends CommonSpec {
  /** Discriminates. */
  readonly kind: "presign";
  /** 16 bytes. */
  readonly keyId: Uint8Array;
  /** Who will be able to use it, this node among them: at least `threshold + 1` members. */
  readonly committee: readonly Identity[];
  /** The key's threshold. */
  readonly threshold: number;
  /** How often the key was reshared. */
  readonly generation: number;
  /** Public key from the metadata, 64 bytes. */
  readonly publicKey: Uint8Array;
  /** The share's file content, sealed under {@link keyId}. */
  readonly share: Uint8Array;
}

/** A new share on its way to the disk, before the last message of a resharing leaves. */
export interface NewShare {
  /** 16 bytes. */
  readonly keyId: Uint8Array;
  /** In the form of {@link SignSpec.publicKey}. */
  readonly publicKey: Uint8Array;
  /** A store file body for {@link keyId} (specification: mesh section 16). */
  readonly shareCiphertext: Uint8Array;
}

/** Hands a key to another committee. */
export interface ReshareSpec extends CommonSpec {
  /** Discriminates. */
  readonly kind: "reshare";
  /** 16 bytes; a resharing keeps it. */
  readonly keyId: Uint8Array;
  /** At least `oldThreshold + 1` members of the key's committee. */
  readonly oldCommittee: readonly Identity[];
  /** All members afterwards. */
  readonly newCommittee: readonly Identity[];
  /** The key's threshold so far. */
  readonly oldThreshold: number;
  /** The key's threshold afterwards; from 1 to the new committee's size - 1. */
  readonly newThreshold: number;
  /**
   * Party keys of the new committee in the order of {@link newCommittee}, from the request
   * (specification: ecdsa-resharing section 10). A newcomer depends on them; whoever holds a share
   * derives them and refuses a request that says otherwise. Without them: identity XOR 1.
   */
  readonly newKeys?: readonly bigint[];
  /** Public key from the metadata, where this node has it; in the form of {@link SignSpec}. */
  readonly publicKey?: Uint8Array;
  /** The old share's file content; needed by members of the old committee. */
  readonly share?: Uint8Array;
  /** Sealed pre-parameters; needed by members of a new committee on secp256k1. */
  readonly preParams?: Uint8Array;
  /**
   * Stores the new share beside the old one and makes it durable. Only when this resolves does
   * the node confirm to the others; a rejection fails the ceremony.
   */
  readonly onNewShare?: (share: NewShare) => Promise<void>;
}

/** What a ceremony is asked to do. */
export type CeremonySpec = KeygenSpec | SignSpec | ReshareSpec | PresignSpec;

/** Everybody in a ceremony, each once, in order of first mention. */
export function membersOf(spec: CeremonySpec): Identity[] {
  return spec.kind === "reshare"
    ? [...new Set([...spec.oldCommittee, ...spec.newCommittee])]
    : [...spec.committee];
}

/**
 * Most members of a ceremony that may lie together: as many of each committee as its threshold
 * allows. A member of both counts in both, so those of one only are what an attacker takes first.
 */
export function mostLiars(spec: CeremonySpec): number {
  if (spec.kind !== "reshare") return spec.threshold;
  const { oldCommittee, newCommittee, oldThreshold, newThreshold } = spec;
  const both = oldCommittee.filter((m) => newCommittee.includes(m)).length;
  const old = Math.min(oldThreshold, oldCommittee.length - both);
  const fresh = Math.min(newThreshold, newCommittee.length - both);
  return old + fresh + Math.min(both, oldThreshold - old, newThreshold - fresh);
}

/**
 * Checks a request from this node's point of view.
 *
 * @throws {CeremonyRefused} with code `TF-SPEC`, saying what is wrong.
 */
export function checkSpec(spec: CeremonySpec, self: Identity, maxCommittee: number): void {
  if (spec.id.length !== 32) refuse("its id must be 32 bytes long");
  for (const ms of [spec.roundTimeoutMs, spec.ceremonyTimeoutMs]) {
    if (ms !== undefined && !(ms > 0)) refuse("its time limits must be positive");
  }
  if (spec.kind === "reshare") return checkReshare(spec, self, maxCommittee);
  checkCommittee("committee", spec.committee, spec.threshold, maxCommittee);
  if (!spec.committee.includes(self)) refuse("this node is not in the committee");
  if (spec.kind === "keygen") {
    if (spec.curve === "secp256k1" && spec.preParams === undefined) {
      refuse("this node has no pre-parameters", "Wait until they are made: see `status`.");
    }
    return;
  }
  checkKey(spec.keyId);
  if (spec.publicKey.length !== (spec.curve === "secp256k1" ? 64 : 32)) {
    refuse("the stored public key has the wrong length");
  }
  if (spec.kind === "presign") {
    if (spec.curve !== "secp256k1") refuse("only ECDSA keys have presignatures");
    return;
  }
  if (spec.presigned !== undefined && spec.curve !== "secp256k1") {
    refuse("only ECDSA keys have presignatures");
  }
  if (spec.curve === "secp256k1" && spec.message.length !== 32) {
    refuse("an ECDSA key signs a digest of exactly 32 bytes");
  }
  if (spec.curve === "secp256k1" && bytesToInt(spec.message) >= secp256k1.q) {
    refuse("the digest, as an integer, is not below the order of secp256k1");
  }
  if (spec.message.length > MAX_SIGNED_MESSAGE_BYTES) {
    refuse(`the message has more than ${MAX_SIGNED_MESSAGE_BYTES} bytes`, "Sign its hash instead.");
  }
}

function checkReshare(spec: ReshareSpec, self: Identity, maxCommittee: number): void {
  checkKey(spec.keyId);
  checkCommittee("old committee", spec.oldCommittee, spec.oldThreshold, maxCommittee);
  checkCommittee("new committee", spec.newCommittee, spec.newThreshold, maxCommittee);
  const isOld = spec.oldCommittee.includes(self);
  const isNew = spec.newCommittee.includes(self);
  if (!isOld && !isNew) refuse("this node is in neither committee");
  if (isOld && spec.share === undefined) refuse("this node has no share of the key");
  if (isNew && spec.curve === "secp256k1" && spec.preParams === undefined) {
    refuse("this node has no pre-parameters", "Wait until they are made: see `status`.");
  }
  if (spec.newKeys !== undefined && spec.newKeys.length !== spec.newCommittee.length) {
    refuse("it must give one party key for each member of the new committee");
  }
}

function checkKey(keyId: Uint8Array): void {
  if (keyId.length !== 16) refuse("its key id must be 16 bytes long");
}

function checkCommittee(
  what: string,
  committee: readonly Identity[],
  threshold: number,
  maxCommittee: number,
): void {
  const size = committee.length;
  if (size < 2) refuse(`the ${what} has ${size} members and needs at least 2`);
  if (size > maxCommittee) refuse(`the ${what} has ${size} members, more than ${maxCommittee}`);
  if (new Set(committee).size !== size) refuse(`the ${what} names a member twice`);
  for (const member of committee) {
    try {
      parseIdentity(member);
    } catch {
      refuse(`the ${what} holds a text that is not an identity`);
    }
  }
  if (!Number.isInteger(threshold) || threshold < 1 || threshold >= size) {
    refuse(
      `the threshold of the ${what} must be from 1 to ${size - 1}: threshold + 1 members sign`,
    );
  }
}

function refuse(what: string, hint?: string): never {
  throw new CeremonyRefused("TF-SPEC", `Cannot start the ceremony: ${what}`, hint);
}
