/**
 * All ceremonies of a node: starts them, gives each its messages, remembers how they ended.
 *
 * The engine trusts nobody's word on who sent what. A message counts only if the mesh
 * authenticated its sender, the sender is the one it claims to be from, its signature verifies, it
 * is of the ceremony's own kind, and the sender is a member in the role it speaks in.
 *
 * @module
 */

import type { Identity, NodeIdentity } from "../crypto/identity.ts";
import { equalBytes, toHex } from "../encoding/bytes.ts";
import type { Clock } from "../mesh/clock.ts";
import type { TssCommand, WitnessCommand } from "../mesh/command_types.ts";
import { quietLogger } from "../mesh/quiet_logger.ts";
import { CEREMONY_TYPE, signTss, verifyTss } from "../mesh/tss_command.ts";
import type { Logger } from "../observe/logger.ts";
import type { Ceremony } from "./ceremony.ts";
import type { DescribeRequest, ShareDescription } from "./describe.ts";
import { askAboutShare } from "./describer.ts";
import { EarlyBuffer } from "./early_buffer.ts";
import { roleOf } from "./flags.ts";
import { KeptWorker } from "./kept_worker.ts";
import {
  type CeremonyLimits,
  defaultLimits,
  LINGER_MS,
  MAX_LINGERING,
  MAX_ROUND_MESSAGE_BYTES,
} from "./limits.ts";
import type { Transcript } from "./recorder.ts";
import { CeremonyRun } from "./run.ts";
import type { RunHost } from "./run_host.ts";
import { type CeremonySpec, checkSpec } from "./spec.ts";
import { CeremonyRefused } from "./verdict.ts";
import { isKey } from "./verify.ts";
import type { WorkerFactory } from "./worker_host.ts";

/** What became of a delivered command. */
export type Delivery =
  /** Given to the running ceremony. */
  | "delivered"
  /** Dropped: heard before. */
  | "repeat"
  /** Kept: the ceremony is not known here yet. */
  | "early"
  /** Dropped: the ceremony is over. */
  | "finished"
  /** Dropped: from nobody, from somebody else, too large, badly signed, of another kind, … */
  | "refused";

/** What an engine is made of. */
export interface EngineOptions {
  /** The node: signs round messages. */
  readonly identity: NodeIdentity;
  /** Time for deadlines and for what is kept. */
  readonly clock: Clock;
  /** See `loadWorkers`. */
  readonly workers: WorkerFactory;
  /** Workers for ceremonies, see `SpareWorkers`; by default the same. */
  readonly readyWorkers?: WorkerFactory;
  /**
   * Carries a command to a member; must not throw, and may drop it. `repeat` is 0 for the first
   * time and counts the attempts of what got lost: those may try other ways.
   */
  readonly send: (to: Identity, command: TssCommand, repeat: number) => void;
  /** Whether a node has announced that it compares broadcasts; default: nobody. */
  readonly supports?: (member: Identity) => boolean;
  /** Whether a node can be reached now, as far as is known; default: yes. */
  readonly online?: (member: Identity) => boolean;
  /** Seals what is not part of the protocol to a member; must not throw, and may drop it. */
  readonly sendWitness?: (to: Identity, command: WitnessCommand) => void;
  /** Whether every message of every ceremony is kept for a transcript; default: no. */
  readonly record?: boolean;
  /** Keeps transcripts: of all ceremonies, or of those that convict somebody. Must not throw. */
  readonly onTranscript?: (transcript: Transcript) => void;
  /** Where it says what happens. */
  readonly log: Logger;
  /** Bounds and deadlines that differ from the defaults. */
  readonly limits?: Partial<CeremonyLimits>;
  /** Key of the share store, 32 bytes; copied. */
  readonly storeKey: Uint8Array;
}

/** Most (ceremony, sender, complaint) triples remembered so that each is logged once. */
const MAX_COMPLAINTS = 1024;

/** Runs the ceremonies of one node. */
export class CeremonyEngine {
  readonly #identity: NodeIdentity;
  readonly #clock: Clock;
  readonly #workers: WorkerFactory;
  readonly #readyWorkers: WorkerFactory;
  /** Signs from presignatures. */
  readonly #kept: KeptWorker;
  readonly #send: (to: Identity, command: TssCommand, repeat: number) => void;
  readonly #witnessing: Pick<
    RunHost,
    "supports" | "online" | "sendWitness" | "record" | "seal" | "onTranscript"
  >;
  readonly #log: Logger;
  /** For lines that anybody in the mesh can provoke. */
  readonly #quiet: Logger;
  readonly #limits: CeremonyLimits;
  readonly #storeKey: Uint8Array<ArrayBuffer>;
  readonly #runs = new Map<string, CeremonyRun>();
  // In order of their ends.
  readonly #finished = new Map<string, Ceremony>();
  /** Complete ones whose last messages a member may still lack, in order of their ends. */
  readonly #lingering = new Map<string, CeremonyRun>();
  readonly #early: EarlyBuffer<TssCommand>;
  readonly #complaints = new Set<string>();
  readonly #busyListeners = new Set<(running: number) => void>();
  #stopped = false;

  /** Makes an engine that runs nothing yet. */
  constructor(options: EngineOptions) {
    this.#witnessing = {
      supports: options.supports ?? (() => false),
      online: options.online ?? (() => true),
      sendWitness: options.sendWitness ?? (() => {}),
      record: options.record ?? false,
      seal: (digest) => options.identity.sign(digest),
      onTranscript: options.onTranscript ?? (() => {}),
    };
    this.#identity = options.identity;
    this.#clock = options.clock;
    this.#workers = options.workers;
    this.#readyWorkers = options.readyWorkers ?? options.workers;
    this.#kept = new KeptWorker(options.workers);
    this.#send = options.send;
    this.#log = options.log;
    this.#quiet = quietLogger(options.log, options.clock);
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#storeKey = options.storeKey.slice();
    this.#early = new EarlyBuffer(
      options.clock,
      this.#limits,
      (a, b) => a.flags === b.flags && equalBytes(a.data, b.data),
    );
  }

  /** Number of ceremonies that run now. */
  get running(): number {
    return this.#runs.size;
  }

  /**
   * Starts a ceremony that this node has agreed to.
   *
   * @throws {CeremonyRefused} if it cannot begin; then nothing has happened.
   */
  start(spec: CeremonySpec): Ceremony {
    if (this.#stopped) throw refused("TF-STOPPED", "the node is going down");
    checkSpec(spec, this.#identity.identity, this.#limits.maxCommittee);
    if (spec.kind !== "keygen" && spec.publicKey !== undefined) {
      if (!isKey(spec.curve, spec.publicKey, spec.keyId)) {
        throw refused("TF-SPEC", "the stored public key does not belong to the key id");
      }
    }
    const id = toHex(spec.id);
    if (this.get(id) !== undefined) throw refused("TF-DUPLICATE", "its id was used before");
    if (this.#runs.size >= this.#limits.maxCeremonies) {
      throw refused("TF-BUSY", `${this.#runs.size} run already`, "Try again when one has ended.");
    }
    const log = this.#log.child("", { ceremony: id, kind: spec.kind });
    let ended = false;
    const run = new CeremonyRun(spec, {
      self: this.#identity.identity,
      clock: this.#clock,
      workers: this.#workersFor(spec),
      limits: this.#limits,
      log,
      storeKey: () => this.#storeKey.slice(),
      sign: (flags, data) =>
        signTss(this.#identity, spec.id, CEREMONY_TYPE[spec.kind], flags, data),
      send: this.#send,
      ...this.#witnessing,
      onEnd: () => {
        ended = true;
        this.#finish(id, log);
      },
    });
    this.#runs.set(id, run);
    log.info("ceremony started", { members: run.ceremony.members });
    if (ended) this.#finish(id, log); // the worker did not even start
    else this.#tellBusy();
    for (const command of this.#early.take(id)) this.#hear(run, command);
    return run.ceremony;
  }

  /** Gets ready to sign from presignatures at once. */
  warm(): void {
    if (!this.#stopped) this.#kept.warm();
  }

  /**
   * Takes a command from the mesh.
   *
   * @param sender Who sent it as the mesh authenticated it: the session's peer for a one-hop
   * command, the signer of a sealed envelope, `null` for a command that was merely routed.
   */
  deliver(command: TssCommand, sender: Identity | null): Delivery {
    if (this.#stopped) return "refused";
    const id = toHex(command.ceremonyId);
    const refuse = (why: string): Delivery => {
      this.#complain(id, sender ?? command.from, why);
      return "refused";
    };
    if (sender === null) return refuse("nobody vouches for its sender");
    if (command.from !== sender) return refuse("it names another node as its sender");
    if (sender === this.#identity.identity) return refuse("it names this node as its sender");
    if (command.data.length > MAX_ROUND_MESSAGE_BYTES) return refuse("it is too large");
    if (this.#finished.has(id)) {
      this.#lingering.get(id)?.lacking(sender);
      return "finished";
    }
    const run = this.#runs.get(id);
    if (run !== undefined) return this.#hear(run, command);
    // Its signature is checked when the ceremony starts: until then the sender, whom the mesh
    // authenticated, pays with its share of the buffer, and inventing ceremonies costs us nothing.
    const kept = this.#early.put(id, sender, command.data.length, command);
    return kept === "kept" ? "early" : refuse("its sender sent too much too early");
  }

  /** Takes what a node says of a ceremony besides the protocol; `sender` sealed it. */
  witness(command: WitnessCommand, sender: Identity): void {
    const id = toHex(command.ceremonyId);
    (this.#runs.get(id) ?? this.#lingering.get(id))?.witness(sender, command);
  }

  /**
   * A ceremony is known but waits for approval here: what its members send is kept until `until`
   * (ms), instead of the short while that unknown ceremonies get.
   */
  expect(id: string, members: readonly Identity[], until: number): void {
    if (!this.#stopped) this.#early.hold(id, members, until);
  }

  /** It will not begin here after all, or has begun. */
  unexpect(id: string): void {
    this.#early.release(id);
  }

  /**
   * Opens a stored share in a worker and tells what is not secret about it.
   *
   * @throws {DescribeError} if it cannot be used.
   */
  describe(request: Omit<DescribeRequest, "self">): Promise<ShareDescription> {
    const self = this.#identity.identity;
    return askAboutShare(this.#workers, this.#storeKey.slice(), { ...request, self });
  }

  /** A member can be reached again, for example by a new session: it gets what it may lack. */
  reachable(member: Identity): void {
    for (const run of this.#runs.values()) run.reachable(member);
  }

  /** A ceremony that runs, or ended in the last 29 minutes; `id` is 64 hex digits. */
  get(id: string): Ceremony | undefined {
    this.#forget();
    return this.#runs.get(id)?.ceremony ?? this.#finished.get(id);
  }

  /** All of them, oldest first. */
  list(): Ceremony[] {
    this.#forget();
    return [...this.#finished.values(), ...[...this.#runs.values()].map((run) => run.ceremony)]
      .sort((a, b) => a.startedAt - b.startedAt);
  }

  /** Calls `listener` with the number of running ceremonies whenever it changes. */
  onBusy(listener: (running: number) => void): () => void {
    this.#busyListeners.add(listener);
    return () => void this.#busyListeners.delete(listener);
  }

  /** Aborts what runs and starts nothing more. */
  stop(reason = "the node is going down"): void {
    this.#stopped = true;
    for (const run of [...this.#runs.values()]) run.ceremony.abort(reason);
    this.#early.clear();
    this.#lingering.clear();
    this.#kept.stop();
    this.#storeKey.fill(0);
  }

  #workersFor(spec: CeremonySpec): WorkerFactory {
    if (spec.kind === "sign" && spec.presigned !== undefined) return this.#kept.factory;
    // In the background nobody waits for a thread.
    return spec.kind === "presign" ? this.#workers : this.#readyWorkers;
  }

  /** Cheap checks first: a signature costs a millisecond. */
  #hear(run: CeremonyRun, command: TssCommand): Delivery {
    const { ceremony } = run;
    const { from } = command;
    const refuse = (why: string): Delivery => {
      this.#complain(ceremony.id, from, why);
      return "refused";
    };
    if (ceremony.state !== "running") return "finished";
    if (command.ceremonyType !== CEREMONY_TYPE[ceremony.kind]) {
      return refuse("it belongs to another kind of ceremony");
    }
    const role = roleOf(ceremony.kind, command.flags);
    if (!run.hasMember(from, role)) return refuse("its sender is not a member in that role");
    switch (run.hear(role, command, () => verifyTss(command))) {
      case "forged":
        return refuse("its signature does not verify");
      case "quota":
        return refuse("its sender sent too much");
      case "repeat":
        return "repeat";
      case "delivered":
        return "delivered";
    }
  }

  #finish(id: string, log: Logger): void {
    const run = this.#runs.get(id);
    if (run === undefined) return;
    this.#runs.delete(id);
    this.#finished.set(id, run.ceremony);
    const outcome = run.ceremony.outcome!;
    if (outcome.state === "complete") this.#lingering.set(id, run);
    this.#forget();
    if (outcome.state === "complete") log.info("ceremony complete");
    else if (outcome.state === "aborted") log.warn("ceremony aborted", { reason: outcome.reason });
    else {
      const { code, reason, round, culprits } = outcome;
      log.warn("ceremony failed", { code, reason, round, culprits });
    }
    this.#tellBusy();
  }

  #forget(): void {
    const oldest = this.#clock.now() - this.#limits.historyMs;
    for (const [id, ceremony] of this.#finished) {
      if (
        ceremony.finishedAt! > oldest && this.#finished.size <= this.#limits.historyEntries
      ) break;
      this.#finished.delete(id);
    }
    const ended = this.#clock.now() - LINGER_MS;
    for (const [id, { ceremony }] of this.#lingering) {
      if (ceremony.finishedAt! > ended && this.#lingering.size <= MAX_LINGERING) break;
      this.#lingering.delete(id);
    }
  }

  #complain(ceremony: string, sender: Identity, why: string): void {
    const key = `${ceremony}/${sender}/${why}`;
    if (this.#complaints.has(key)) return;
    if (this.#complaints.size >= MAX_COMPLAINTS) this.#complaints.clear();
    this.#complaints.add(key);
    this.#quiet.warn("round message refused", { ceremony, sender, why });
  }

  #tellBusy(): void {
    for (const listener of [...this.#busyListeners]) {
      try {
        listener(this.#runs.size);
      } catch (error) {
        this.#log.error("busy listener failed", { error });
      }
    }
  }
}

function refused(code: CeremonyRefused["code"], why: string, hint?: string): CeremonyRefused {
  return new CeremonyRefused(code, `Cannot start the ceremony: ${why}`, hint);
}
