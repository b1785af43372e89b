/**
 * What the network thread and a ceremony worker say to each other.
 *
 * Members go by identity here: only the worker, which reads the share, knows the order of the
 * parties. Everything is plain data that survives structured cloning. Shares, primes and
 * pre-parameters cross as ciphertext; the store key crosses once, inside the first message.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { Committee } from "../tss/errors.ts";
import type { FailureCode } from "./verdict.ts";
import type { DescribeRequest, ShareDescription } from "./describe.ts";
import type { KeygenSpec, NewShare, PresignSpec, ReshareSpec, SignSpec } from "./spec.ts";

/** A member in one of its roles. */
export interface Role {
  /** Which committee it speaks or listens in. */
  readonly committee: Committee;
  /** Which member. */
  readonly identity: Identity;
}

/** What a worker is to run: the request as checked by the engine, without what only it needs. */
export type Job =
  & {
    readonly self: Identity;
    /** Whether the worker says what is public of its share, for a transcript. */
    readonly record?: boolean;
  }
  & (KeygenSpec | SignSpec | PresignSpec | Omit<ReshareSpec, "onNewShare">);

/** From the network thread to a worker. The first message says what the worker is for. */
export type ToWorker =
  | { readonly do: "run"; readonly job: Job; readonly storeKey: Uint8Array }
  /** A round message whose sender and role are authenticated. */
  | { readonly do: "hear"; readonly from: Role; readonly data: Uint8Array }
  /** The new share is on disk, or could not be put there. */
  | { readonly do: "stored"; readonly ok: boolean }
  /** Rehearse: a worker that gets no job yet makes itself ready for one. */
  | { readonly do: "rehearse" }
  /** Say what is not secret about a stored share. */
  | { readonly do: "describe"; readonly storeKey: Uint8Array; readonly request: DescribeRequest }
  /** Check a sealed set of pre-parameters that another program made. */
  | { readonly do: "check"; readonly storeKey: Uint8Array; readonly preParams: Uint8Array }
  /** Search one safe prime, as long as the `SearchWord` in `word` lets it. */
  | { readonly do: "search"; readonly storeKey: Uint8Array; readonly word: SharedArrayBuffer }
  /** Make a set of pre-parameters from four sealed safe primes. */
  | { readonly do: "assemble"; readonly storeKey: Uint8Array; readonly primes: Uint8Array[] };

/** The result of a job, see `verdict.ts`; committee and thresholds are known to the engine. */
export type WorkerResult =
  | { readonly kind: "keygen" } & NewShare
  | {
    readonly kind: "sign";
    readonly publicKey: Uint8Array;
    readonly r: Uint8Array;
    readonly s: Uint8Array;
    readonly recoveryId: number;
  }
  | { readonly kind: "sign-eddsa"; readonly publicKey: Uint8Array; readonly signature: Uint8Array }
  | { readonly kind: "reshare"; readonly share: NewShare | null }
  | { readonly kind: "presign"; readonly publicKey: Uint8Array; readonly part: Uint8Array };

/** From a worker to the network thread. */
export type FromWorker =
  /** Loaded; the version shows a stale bundle. */
  | { readonly did: "load"; readonly version: string }
  /** The rehearsal is over: it would start a job without delay. */
  | { readonly did: "rehearse" }
  /** A round message to sign and send. */
  | {
    readonly did: "say";
    readonly as: Committee;
    readonly to: readonly Role[];
    readonly broadcast: boolean;
    /** Full type name. */
    readonly type: string;
    readonly data: Uint8Array;
  }
  /** What anybody may know of the parties and the key: see `Plan.publics`. */
  | { readonly did: "publish"; readonly text: string }
  /** Where the run is. `waitingFor` is empty while it computes. */
  | {
    readonly did: "move";
    readonly round: number;
    readonly step: string;
    readonly waitingFor: readonly Role[];
  }
  /** A message took its slot. `type` is the full name, `digest` the SHA-256 of its data. */
  | {
    readonly did: "note";
    readonly from: Role;
    readonly type: string;
    readonly digest: Uint8Array;
  }
  /** A member sent two different messages for one slot; the first one counts. */
  | {
    readonly did: "conflict";
    readonly from: Role;
    /** Full type name. */
    readonly type: string;
    /** SHA-256 of the second one. */
    readonly digest: Uint8Array;
  }
  /** A new share to make durable; the worker waits for `stored`. */
  | { readonly did: "store"; readonly share: NewShare }
  | { readonly did: "finish"; readonly result: WorkerResult }
  | {
    readonly did: "fail";
    readonly code: FailureCode;
    readonly reason: string;
    readonly round: number;
    readonly culprits: readonly Identity[];
  }
  /** The answer to `describe`. */
  | { readonly did: "describe"; readonly description: ShareDescription }
  /** The answer to `check`: the set is one that ceremonies can use. A bad one ends in `fail`. */
  | { readonly did: "check" }
  /** Candidates tested since the last report. */
  | { readonly did: "test"; readonly candidates: number }
  | { readonly did: "find"; readonly prime: Uint8Array }
  /** The sealed set, or `null` if the primes do not fit each other. */
  | { readonly did: "assemble"; readonly preParams: Uint8Array | null };
