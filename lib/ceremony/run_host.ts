/**
 * What a running ceremony has around it: the node that it runs on, and the job that it gives its
 * worker.
 *
 * @module
 */

import type { Identity } from "../crypto/identity.ts";
import type { Clock } from "../mesh/clock.ts";
import type { TssCommand, WitnessCommand } from "../mesh/command_types.ts";
import type { Logger } from "../observe/logger.ts";
import type { Committee } from "../tss/errors.ts";
import type { CeremonyLimits } from "./limits.ts";
import type { Job } from "./protocol.ts";
import type { Transcript } from "./recorder.ts";
import type { CeremonySpec } from "./spec.ts";
import type { WorkerFactory } from "./worker_host.ts";

/** What a run needs of the node. */
export interface RunHost {
  /** This node. */
  readonly self: Identity;
  /** Time for the deadlines. */
  readonly clock: Clock;
  /** Starts the worker. */
  readonly workers: WorkerFactory;
  /** Quotas and deadlines. */
  readonly limits: CeremonyLimits;
  /** Already names the ceremony. */
  readonly log: Logger;
  /** A fresh copy of the store key; it is given away to the worker. */
  storeKey(): Uint8Array<ArrayBuffer>;
  /** Builds and signs a command. */
  sign(flags: number, data: Uint8Array): TssCommand;
  /** Carries a command to a member; may lose it. `repeat` is 0 for the first time. */
  send(to: Identity, command: TssCommand, repeat: number): void;
  /** Whether a member has announced that it compares broadcasts; see `witness.ts`. */
  supports(member: Identity): boolean;
  /** Whether a member can be reached now, as far as is known. */
  online(member: Identity): boolean;
  /** Seals what is not part of the protocol to a member; may lose it. */
  sendWitness(to: Identity, command: WitnessCommand): void;
  /** Whether every message is kept for a transcript, or only what convicts somebody. */
  readonly record: boolean;
  /** Signs a transcript's hash. */
  seal(digest: Uint8Array): Uint8Array;
  /** Keeps a transcript; must not throw. */
  onTranscript(transcript: Transcript): void;
  /** The ceremony has ended and its worker is gone. */
  onEnd(): void;
}

/** What became of a message: given to the worker, heard before, or its sender sent too much. */
export type Hearing = "delivered" | "repeat" | "quota";

/** Members per committee, in request order. */
export function committeesOf(spec: CeremonySpec): Map<Committee, readonly Identity[]> {
  return spec.kind === "reshare"
    ? new Map([["old", spec.oldCommittee], ["new", spec.newCommittee]])
    : new Map([["single", spec.committee]]);
}

/** The part of the request that a worker can receive. */
export function jobOf(spec: CeremonySpec, self: Identity, record: boolean): Job {
  if (spec.kind !== "reshare") return { ...spec, self, record };
  const { onNewShare: _stays, ...rest } = spec;
  return { ...rest, self, record };
}
